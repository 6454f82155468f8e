"""GNVerifier: asking a name service for names that nothing local knows. Off unless configured.

Answers are kept in a SQLite file, also the answer that there is none, so that a name is asked for once.
A batch that fails is asked for again, waiting longer each time; where the service stays away, the run goes on
without it and says so: names are then as if it knew nothing, and the next run asks for what is missing.
"""

from __future__ import annotations

import json
import sqlite3
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from ..config.config import Config
from ..config.paths import Paths
from ..config.tables import Verifier
from ..core.values import RANKS
from ..errors import ConfigError
from .inputs import Known, Listen
from .parsing import Parser
from .resolve import know, resolve
from .tables import clean_ranks, with_species

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS answer (asked TEXT, name TEXT, answer TEXT, PRIMARY KEY (asked, name)) WITHOUT ROWID"
)
_EXACT = frozenset({"Exact", "ExactSpeciesGroup"})
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class Unanswered(Exception):
    """The service did not answer, or not as agreed."""


def _silent(_line: str) -> None:
    """Hear nothing."""


def ask(
    names: Sequence[str], settings: Verifier, cache: Path, listen: Listen = _silent
) -> dict[str, list[dict[str, Any]]]:
    """The results for each name that was answered, now or earlier.

    Raises:
        ConfigError: the url is not one of http or https.
    """
    if not settings.url.startswith(("http://", "https://")):
        raise ConfigError(f"[names] verifier: the url must begin with http:// or https://, got '{settings.url}'")
    asked = json.dumps([settings.url, list(settings.data_sources)])
    cache.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(cache, isolation_level=None)) as db:
        db.execute(_SCHEMA)
        known = dict(_recall(db, asked, names))
        missing = sorted(set(names) - set(known))
        try:
            for batch, answers in _answers(missing, settings):
                db.executemany(
                    "INSERT OR REPLACE INTO answer VALUES (?, ?, ?)",
                    [(asked, n, json.dumps(answers.get(n, []))) for n in batch],
                )
                known |= {name: answers.get(name, []) for name in batch}
        except Unanswered as error:
            listen(f"goes without GNVerifier for {len(set(names) - set(known))} names: {error}")
    return known


def _recall(db: sqlite3.Connection, asked: str, names: Sequence[str]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    for name in names:
        row = db.execute("SELECT answer FROM answer WHERE asked = ? AND name = ?", (asked, name)).fetchone()
        if row:
            yield name, json.loads(row[0])


def _answers(
    names: Sequence[str], settings: Verifier
) -> Iterator[tuple[tuple[str, ...], dict[str, list[dict[str, Any]]]]]:
    """Batches of names with their answers, no more requests a second than allowed."""
    last = 0.0
    for batch in _batches(names, settings.batch):
        time.sleep(max(0.0, last + 1 / settings.per_second - time.monotonic()))
        last = time.monotonic()
        yield batch, _read(_request(batch, settings))


def _batches(names: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    for at in range(0, len(names), size):
        yield tuple(names[at : at + size])


def _request(batch: Sequence[str], settings: Verifier) -> Any:
    question = {"nameStrings": list(batch), "dataSources": list(settings.data_sources), "withAllMatches": True}
    request = urllib.request.Request(  # noqa: S310 - the scheme is checked
        f"{settings.url.rstrip('/')}/api/v1/verifications",
        json.dumps(question).encode(),
        {"Content-Type": "application/json"},
    )
    trouble = ""
    for attempt in range(settings.retries + 1):
        if attempt:
            time.sleep(min(60.0, 2 ** (attempt - 1) / settings.per_second))
        try:
            with urllib.request.urlopen(request, timeout=settings.timeout) as response:  # noqa: S310
                return json.load(response)
        except urllib.error.HTTPError as error:
            trouble = f"{settings.url} answered {error.code} {error.reason}"
            if error.code not in _AGAIN:
                break
        except (OSError, ValueError) as error:
            trouble = f"{settings.url}: {error}"
    raise Unanswered(trouble)


def _read(answer: Any) -> dict[str, list[dict[str, Any]]]:
    """The results of each name: all of ``results``, or the one ``bestResult``."""
    try:
        found = {}
        for name in answer["names"]:
            results = name.get("results") or ([name["bestResult"]] if name.get("bestResult") else [])
            found[str(name["name"])] = [result for result in results if isinstance(result, dict)]
        return found
    except (KeyError, TypeError, AttributeError):
        raise Unanswered(f"its answer is not what GNVerifier answers: {json.dumps(answer)[:120]}") from None


def answer_records(answers: dict[str, list[dict[str, Any]]], parser: Parser) -> pl.DataFrame:
    """The exact matches as records, the seven ranks of each. A synonym stands under its own name."""
    rows = [row for name in sorted(answers) for result in answers[name] if (row := _row(name, result))]
    frame = pl.DataFrame(rows, schema=dict.fromkeys(("name", *RANKS), pl.String), orient="row").unique()
    named = clean_ranks(frame, parser)
    return (
        with_species(named.with_columns(genus=pl.lit(""), species=pl.lit("")), named["name"], parser)
        .select(RANKS)
        .unique()
    )


def _row(name: str, result: dict[str, Any]) -> tuple[str, ...] | None:
    if result.get("matchType") not in _EXACT:
        return None
    path = str(result.get("classificationPath") or "").split("|")
    ranks = str(result.get("classificationRanks") or "").split("|")
    given = {rank.lower(): value for rank, value in zip(ranks, path, strict=False)}
    given.setdefault("kingdom", given.get("domain", "") if given.get("domain") in ("Bacteria", "Archaea") else "")
    return (str(result.get("matchedCanonicalSimple") or name), *(given.get(rank, "") for rank in RANKS))


def add_answers(
    config: Config, paths: Paths, rows: pl.DataFrame, known: Known, parser: Parser, listen: Listen
) -> Known:
    """What is known, with the answers for the species that have no kingdom after all local authorities were asked."""
    said = [*RANKS, "context", "origin"]
    distinct = (
        rows.select(said).unique().sort(said).with_row_index("number").with_columns(pl.col("number").cast(pl.UInt32))
    )
    resolved, _ = resolve(distinct, known.knowledge)
    open_rows = resolved.filter((pl.col("kingdom") == "") & (pl.col("genus") != "") & (pl.col("species") != ""))
    open_rows = open_rows.filter(~pl.col("species").str.contains(r"[.\d]"))
    names = open_rows.select(pl.concat_str("genus", "species", separator=" ").unique().sort()).to_series().to_list()
    if not names:
        return known
    answers = ask(names, config.names.verifier, paths.verifier_cache, listen)
    records = dict(known.knowledge_records) | {"verifier": answer_records(answers, parser)}
    ordered: dict[str, pl.DataFrame] = {name: records[name] for name in config.names.authorities if name in records}
    return replace(
        known, knowledge=know(ordered, known.synonyms, genus_alone=config.names.genus_alone), knowledge_records=ordered
    )
