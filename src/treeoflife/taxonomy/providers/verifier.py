"""GNVerifier: a name service that is asked about names that no local authority knows. Off unless configured.

Answers are kept in a SQLite file, also the answer that a name is unknown, so that each name is asked about once.
A batch that fails is sent again, after waiting longer each time. If the service stays unavailable, the run goes on
without it and says so; names are then as if it knew nothing, and the next run asks about those that are missing.
The API: https://apidoc.globalnames.org/gnverifier
"""

import http.client
import json
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl

from ...config.tables import Verifier
from ...core.json_reader import MAX_ANSWER_BYTES, parse_json
from ...core.values import RANKS
from ...errors import ConfigError
from ..parsing.parsed_name import Parser
from .records import clean_ranks, distinct_records, with_species

Answers = dict[str, list[dict[str, Any]]]
"""The results for each name, as the service's JSON has them."""

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS answer (asked TEXT, name TEXT, answer TEXT, PRIMARY KEY (asked, name)) WITHOUT ROWID"
)
# Fuzzy and partial matches may be another species; they would name images wrongly.
_EXACT = frozenset({"Exact", "ExactSpeciesGroup"})
# HTTP statuses that may pass: time-outs, too many requests, and errors of the server.
_RETRIED_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
_MAX_WAIT_SECONDS = 60.0
# The largest batch, of 5,000 names with all their matches, is answered in about 50 MB.
_MAX_ANSWER_BYTES = 256 << 20


class Unanswered(Exception):
    """The service did not answer, or not in its documented form."""


def ask(names: Sequence[str], settings: Verifier, cache: Path, note: Callable[[str], None] = lambda _: None) -> Answers:
    """The results for each name that was answered, now or in an earlier run.

    Args:
        names: scientific names without authors.
        cache: the SQLite file of earlier answers; made if it does not exist.
        note: receives a line if the service is unavailable.

    Raises:
        ConfigError: the URL is not one of http or https.
    """
    if not settings.url.startswith(("http://", "https://")):
        raise ConfigError(f"[names] verifier: the url must begin with http:// or https://, got '{settings.url}'")
    # Another service or other data sources answer differently.
    key = json.dumps([settings.url, list(settings.data_sources)])
    cache.parent.mkdir(parents=True, exist_ok=True)
    # Without a transaction around the run, each batch is kept as soon as it is answered.
    with closing(sqlite3.connect(cache, isolation_level=None)) as db:
        db.execute(_SCHEMA)
        answers = dict(_cached(db, key, names))
        missing = sorted(set(names) - set(answers))
        try:
            for batch, results in _ask_in_batches(missing, settings):
                # A name that the answer leaves out is not known to be unknown: the next run asks again.
                new = {name: results[name] for name in batch if name in results}
                rows = [(key, name, json.dumps(matches)) for name, matches in new.items()]
                db.executemany("INSERT OR REPLACE INTO answer VALUES (?, ?, ?)", rows)
                answers |= new
            reason = "its answers leave them out"
        except Unanswered as error:
            reason = str(error)
    if unanswered := len(set(names) - set(answers)):
        note(f"{unanswered} names are left without GNVerifier's answer: {reason}")
    return answers


def _cached(db: sqlite3.Connection, key: str, names: Sequence[str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for name in names:
        row = db.execute("SELECT answer FROM answer WHERE asked = ? AND name = ?", (key, name)).fetchone()
        if row:
            yield name, parse_json(row[0])


def _ask_in_batches(names: Sequence[str], settings: Verifier) -> Iterator[tuple[Sequence[str], Answers]]:
    """Batches of names with their results, at no more requests a second than allowed."""
    previous = 0.0
    for start in range(0, len(names), settings.batch):
        batch = names[start : start + settings.batch]
        time.sleep(max(0.0, previous + 1 / settings.per_second - time.monotonic()))
        previous = time.monotonic()
        yield batch, _results(_request(batch, settings))


def _request(batch: Sequence[str], settings: Verifier) -> Any:
    """The service's JSON for a batch; a request that fails is repeated as often as configured."""
    question = {"nameStrings": list(batch), "dataSources": list(settings.data_sources), "withAllMatches": True}
    url, headers = f"{settings.url.rstrip('/')}/api/v1/verifications", {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps(question).encode(), headers)  # noqa: S310 - the scheme is checked
    problem = ""
    for attempt in range(settings.retries + 1):
        # Waits double from one interval between requests, up to a minute.
        if attempt:
            time.sleep(min(_MAX_WAIT_SECONDS, 2 ** (attempt - 1) / settings.per_second))
        try:
            return parse_json(_exchange(request, settings.timeout), MAX_ANSWER_BYTES)
        except urllib.error.HTTPError as error:
            problem = f"{settings.url} answered {error.code} {error.reason}"
            if error.code not in _RETRIED_STATUSES:
                break
        except (OSError, ValueError, http.client.HTTPException) as error:
            problem = f"{settings.url}: {error or type(error).__name__}"
    raise Unanswered(problem)


def _exchange(request: urllib.request.Request, seconds: float) -> bytes:
    """The body of the answer to a request.

    Bytes that trickle in keep the time-out of a connection from firing, so a thread reads them, and is waited for.

    Raises:
        OSError, ValueError, http.client.HTTPException: there is no answer, or not within so many seconds.
    """
    outcome: list[bytes | Exception] = []

    def read() -> None:
        try:
            with _OPENER.open(request, timeout=seconds) as response:
                outcome.append(response.read(_MAX_ANSWER_BYTES + 1))
        except Exception as error:  # noqa: BLE001 - raised again by the thread that waits
            outcome.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(seconds)
    if not outcome:
        raise TimeoutError(f"no whole answer within {seconds:g} seconds")
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    if len(outcome[0]) > _MAX_ANSWER_BYTES:
        raise ValueError(f"its answer is longer than {_MAX_ANSWER_BYTES} bytes")
    return outcome[0]


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other: the names go to nobody but the service that is configured."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def _results(answer: Any) -> Answers:
    """The results of each name: all of ``results``, or the single ``bestResult``."""
    try:
        results = {}
        for name in answer["names"]:
            matches = name.get("results") or [name.get("bestResult")]
            results[str(name["name"])] = [match for match in matches if isinstance(match, dict)]
        return results
    except (KeyError, TypeError, AttributeError):
        raise Unanswered(f"its answer is not in GNVerifier's form: {json.dumps(answer)[:120]}") from None


def answer_records(answers: Answers, parser: Parser) -> pl.DataFrame:
    """The exact matches as records. A synonym is a record under its own name, with the ranks of its accepted name."""
    rows = [row for name in sorted(answers) for result in answers[name] if (row := _row(name, result))]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(("name", *RANKS), pl.String), orient="row")
    ranks = clean_ranks(frame, parser).with_columns(genus=pl.lit(""), species=pl.lit(""))
    return distinct_records(with_species(ranks, ranks["name"], parser))


def _row(name: str, result: dict[str, Any]) -> tuple[str, ...] | None:
    """The matched name and its seven ranks; None if the match is not exact."""
    if result.get("matchType") not in _EXACT:
        return None
    path = str(result.get("classificationPath") or "").split("|")
    ranks = str(result.get("classificationRanks") or "").split("|")
    given = {rank.lower(): value for rank, value in zip(ranks, path, strict=False)}
    # Some data sources have domains instead of kingdoms for these two.
    given.setdefault("kingdom", given.get("domain", "") if given.get("domain") in ("Bacteria", "Archaea") else "")
    return (str(result.get("matchedCanonicalSimple") or name), *(given.get(rank, "") for rank in RANKS))
