"""How long to wait until a server is asked again."""

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from ...core.progress import Listener

_MAX_BACKOFF_SECONDS = 60.0  # as the description of [download] wait_seconds says
# A server that is down for maintenance may name tomorrow; after an hour it is worth another try.
_MAX_REQUESTED_SECONDS = 3600.0
_NAP_SECONDS = 0.2
_LONGEST_NUMBER = 18  # digits; int() refuses text of thousands of them


def backoff_seconds(base: float, failures: int, requested: float | None = None) -> float:
    """Seconds to wait after so many failures in a row: ``base`` after the first, doubled with each further one.

    It is about a minute at most, unless the server ``requested`` more, of which an hour is obeyed.

    >>> backoff_seconds(1.0, 0), backoff_seconds(1.0, 1, requested=7.0), 2 <= backoff_seconds(1.0, 3) <= 6
    (0.0, 7.0, True)
    """
    wait = min(base * 2.0 ** (failures - 1), _MAX_BACKOFF_SECONDS) if failures else 0.0
    # Random, so that connections that failed together do not all come back at the same moment.
    return max(wait * random.uniform(0.5, 1.5), min(requested or 0.0, _MAX_REQUESTED_SECONDS))  # noqa: S311 - not a secret


def wait(seconds: float, listener: Listener) -> None:
    """Wait, unless the listener raises an exception meanwhile because the download was stopped."""
    end = time.monotonic() + seconds
    while (remaining := end - time.monotonic()) > 0:
        listener.advance(0)
        time.sleep(min(remaining, _NAP_SECONDS))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that ``Retry-After`` (RFC 9110, 10.2.3) asks to wait; None without a valid one.

    >>> retry_after({"retry-after": "7"})
    7.0
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:_LONGEST_NUMBER])
    date = parse_date(text)
    return max(0.0, (date - datetime.now(UTC)).total_seconds()) if date else None


def parse_date(text: str) -> datetime | None:
    """The moment that a header names (RFC 9110, 5.6.7); None if it is malformed.

    >>> parse_date("Wed, 21 Oct 2015 07:28:00 GMT").year, parse_date("tomorrow")
    (2015, None)
    """
    try:
        date = parsedate_to_datetime(text)
        return date if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, TypeError, IndexError, OverflowError):  # the parser raises any of these for some text
        return None
