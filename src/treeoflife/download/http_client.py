"""The HTTP client of all downloads, and how long to wait until a server is asked again."""

import random
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

from ..core.progress import Listener
from ..core.versions import __version__
from ..errors import ConfigError
from .transport import Transport

_MAX_BACKOFF_SECONDS = 60.0  # as the description of [download] wait_seconds says
# A server that is down for maintenance may name tomorrow; after an hour it is worth another try.
_MAX_REQUESTED_SECONDS = 3600.0
_NAP_SECONDS = 0.2
_LONGEST_NUMBER = 18  # digits; int() refuses text of thousands of them


def make_client(connections: int, stall_seconds: float, contact: str = "") -> httpx.Client:
    """A client. It follows no redirects: :mod:`.redirects` does, and looks where they lead.

    Args:
        connections: how many requests are open at once.
        stall_seconds: a connection that brings nothing for so long raises a time-out.
        contact: an address or page for the user agent, so that the owner of a server can reach the user.

    Raises:
        ConfigError: a variable of the environment that httpx reads is malformed.
    """
    agent = f"treeoflife/{__version__} (dataset builder{'; ' + contact if contact else ''})"
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    # No time-out for the pool: a thread that waits for a free connection has not failed.
    timeout = httpx.Timeout(stall_seconds, pool=None)
    try:
        transport = Transport(limits, stall_seconds)
        return httpx.Client(transport=transport, timeout=timeout, headers={"User-Agent": agent})
    except (ValueError, ImportError, OSError) as error:
        raise ConfigError(
            "one of the variables HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE or SSL_CERT_DIR "
            f"has a value that cannot be used: {error}"
        ) from None


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
