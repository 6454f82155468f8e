"""The whole reasoning behind one name, and what differs between two tables of names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from ..config.tables import Names
from ..core.values import RANKS
from ..errors import InputError
from . import common
from .inputs import Known, load
from .parsers import make_parser
from .resolve import Knowledge, above, resolve

_SHOWN = 12


def read_names(path: Path) -> pl.DataFrame:
    """A names.parquet.

    Raises:
        InputError: it is missing, or is not a table of names.
    """
    try:
        frame = pl.read_parquet(path)
    except (OSError, PolarsError) as error:
        raise InputError(f"{path} cannot be read as names.parquet: {error}".splitlines()[0]) from None
    missing = [column for column in ("source", "name_key", *RANKS, "common") if column not in frame.columns]
    if missing:
        raise InputError(f"{path} is not a names.parquet: it lacks the column {missing[0]}")
    return frame


def find(names: pl.DataFrame, wanted: str) -> pl.DataFrame:
    """The rows that a name key, ``source:key``, a scientific name, a verbatim name or a single rank means.

    Raises:
        InputError: nothing is called so.
    """
    source, _, key = wanted.rpartition(":")
    scientific = pl.concat_str("genus", "species", separator=" ")
    written = pl.col("verbatim") == wanted if "verbatim" in names.columns else pl.lit(value=False)
    keyed = (pl.col("name_key") == key) & ((pl.col("source") == source) if source else pl.lit(value=True))
    found = names.filter(keyed | written | (scientific.str.to_lowercase() == wanted.lower()))
    if found.is_empty():
        found = names.filter(pl.any_horizontal(pl.col(rank) == wanted for rank in RANKS))
    if found.is_empty():
        raise InputError(f"no name key, scientific name or rank is '{wanted}'")
    return found


def explain(row: dict[str, object], names: Names, known: Known | None = None) -> Iterator[str]:
    """Lines that tell where each rank of a row of names.parquet comes from, with all candidates that were weighed.

    The evidence is taken from the row: the ranks that its origin gave. ``known`` saves reading the authorities again.
    """
    origin = str(row["origin"])
    parse = f"parsed by {row['parser']} as {row['parse'] or 'nothing'}"
    yield f"{row['source']}:{row['name_key']}: '{row['verbatim']}', {parse}"
    given = {rank: str(row[rank]) if row[f"{rank}_from"] == origin else "" for rank in RANKS}
    yield f"  evidence ({origin or 'none'}): {_lineage(given)}"
    known = known or load(names, make_parser(names.parser))
    context = _context(row, known)
    if context:
        yield f"  context: higherClassification of EOL's tree names the kingdom {context}"
    evidence = pl.DataFrame(
        [given | {"context": context, "origin": origin, "number": 0}], schema_overrides={"number": pl.UInt32}
    )
    steps: list[str] = []
    answer, findings = resolve(
        evidence, known.knowledge, lambda depth, frame: steps.extend(_step(depth, frame, known.knowledge))
    )
    yield from steps
    for rank in RANKS:
        yield f"  {rank}: {answer[rank][0] or '-'}{_by(str(answer[f'{rank}_from'][0]))}"
    for finding in findings.iter_rows(named=True):
        yield f"  {finding['kind']}: {finding['value']} ({finding['rank']}): {finding['detail']}"
    yield from _common(answer, row, names, known)


def _context(row: dict[str, object], known: Known) -> str:
    if known.nodes is None or row["origin"] != "eol":
        return ""
    found = known.nodes.filter(pl.col("page") == str(row["name_key"])).sort("status", "node")
    return str(found["context"][0]) if len(found) else ""


def _lineage(ranks: dict[str, str]) -> str:
    return ", ".join(f"{rank} {value}" for rank, value in ranks.items() if value) or "nothing"


def _by(origin: str) -> str:
    return f" (from {origin})" if origin else ""


def _step(depth: str, candidates: pl.DataFrame, knowledge: Knowledge) -> Iterator[str]:
    """The candidates of one look-up, and why each was taken or refused."""
    yield f"  looked up by {depth}: {len(candidates)} records"
    for row in candidates.sort("authority", *(f"r_{rank}" for rank in above(depth))).head(_SHOWN).iter_rows(named=True):
        verdict = "agrees" if row["fits"] else "contradicts" if row["clash"] else "is a genus that nothing supports"
        said = " ".join(str(row[f"r_{rank}"]) for rank in above(depth) if row[f"r_{rank}"])
        yield f"    {knowledge.order[row['authority']]}: {said or 'no rank above'}: {verdict}"
    if len(candidates) > _SHOWN:
        yield f"    and {len(candidates) - _SHOWN} more"


def _common(answer: pl.DataFrame, row: dict[str, object], names: Names, known: Known) -> Iterator[str]:
    order = [known.vernaculars[name] for name in names.common_authorities if name in known.vernaculars]
    wanted = common.deepest(answer).select("depth", "name").row(0)
    for frame in order:
        for other in (
            frame.filter((pl.col("depth") == wanted[0]) & (pl.col("name") == wanted[1]))
            .head(_SHOWN)
            .iter_rows(named=True)
        ):
            yield f"  common name by {other['authority']}: {other['common']} ({other['kingdom'] or 'no kingdom given'})"
    yield f"  common name: {row['common'] or '-'}{_by(str(row['common_from']))}"


def diff(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """What changed between two tables of names: ``source, name_key, column, old, new``, a row per changed value.

    A key that only one of them has is a row with the column ``key``.
    """
    columns = [*RANKS, "common"]
    keys = ["source", "name_key"]
    before, after = (frame.select(*keys, *columns, here=pl.lit(value=True)) for frame in (old, new))
    joined = before.join(after, on=keys, how="full", coalesce=True, suffix="_new")
    parts = [
        joined.filter(pl.col(column) != pl.col(f"{column}_new")).select(
            "source",
            "name_key",
            pl.lit(column).alias("column"),
            pl.col(column).alias("old"),
            pl.col(f"{column}_new").alias("new"),
        )
        for column in columns
    ]
    one = joined.filter(pl.col("here").is_null() | pl.col("here_new").is_null())
    there = [
        pl.when(pl.col(flag)).then(pl.lit("there")).otherwise(pl.lit("")).fill_null("").alias(name)
        for flag, name in (("here", "old"), ("here_new", "new"))
    ]
    parts.append(one.select("source", "name_key", pl.lit("key").alias("column"), *there))
    return pl.concat(parts).sort("source", "name_key", "column")
