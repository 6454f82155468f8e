"""Explaining one name with all its candidates, and comparing two tables of names."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from ..config.tables import Names
from ..core.text import counted, reason
from ..core.values import RANKS
from ..errors import InputError
from . import vernaculars
from .authorities import Authorities
from .expressions import binomial
from .resolve import RecordIndex, ranks_above, resolve

# A frequent genus has thousands of records; the first ones show what kind they are.
_MAX_ROWS_SHOWN = 12


def read_names(path: Path) -> pl.DataFrame:
    """A names.parquet.

    Raises:
        InputError: it is missing, or is not a table of names.
    """
    try:
        frame = pl.read_parquet(path, glob=False)
    except (OSError, PolarsError) as error:
        raise InputError(f"{path} cannot be read as names.parquet: {reason(error)}") from None
    missing = [column for column in ("source", "name_key", *RANKS, "common") if column not in frame.columns]
    if missing:
        raise InputError(f"{path} is not a names.parquet: it lacks the column {missing[0]}")
    return frame


def find_names(names: pl.DataFrame, query: str) -> pl.DataFrame:
    """The rows of a name key, ``source:key``, a scientific name, a verbatim name, or else a name at any rank."""
    source, _, key = query.rpartition(":")
    written = pl.col("verbatim") == query if "verbatim" in names.columns else pl.lit(value=False)
    keyed = (pl.col("name_key") == key) & ((pl.col("source") == source) if source else pl.lit(value=True))
    matches = names.filter(keyed | written | (binomial().str.to_lowercase() == query.lower()))
    return matches if len(matches) else names.filter(pl.any_horizontal(pl.col(rank) == query for rank in RANKS))


def explain(row: Mapping[str, object], names: Names, authorities: Authorities) -> Iterator[str]:
    """Lines that explain where each rank of a row of names.parquet comes from, with all candidates.

    The evidence is taken from the row itself: the ranks that its origin gave.
    """
    origin = str(row["origin"])
    parse = f"parsed by {row['parser']} as {row['parse'] or 'nothing'}"
    yield f"{row['source']}:{row['name_key']}: '{row['verbatim']}', {parse}"
    given = {rank: str(row[rank]) if row[f"{rank}_from"] == origin else "" for rank in RANKS}
    lineage = ", ".join(f"{rank} {value}" for rank, value in given.items() if value)
    yield f"  evidence ({origin or 'none'}): {lineage or 'nothing'}"
    context = _context(row, authorities)
    if context:
        yield f"  context: higherClassification of EOL's tree names the kingdom {context}"
    evidence = pl.DataFrame([given | {"context": context, "origin": origin}]).with_columns(number=pl.lit(0, pl.UInt32))
    lookups: list[str] = []
    resolved, findings = resolve(
        evidence,
        authorities.index,
        lambda rank, candidates: lookups.extend(_lookup(rank, candidates, authorities.index)),
    )
    yield from lookups
    for rank in RANKS:
        yield f"  {rank}: {resolved[rank][0] or '-'}{_giver(resolved[f'{rank}_from'][0])}"
    for finding in findings.iter_rows(named=True):
        yield f"  {finding['kind']}: {finding['value']} ({finding['rank']}): {finding['detail']}"
    yield from _vernaculars(resolved, authorities.by_trust(names.common_authorities))
    yield f"  common name: {row['common'] or '-'}{_giver(row['common_from'])}"


def _context(row: Mapping[str, object], authorities: Authorities) -> str:
    """The kingdom that higherClassification names for the node of an EOL page, or nothing."""
    if authorities.eol_nodes is None or row["origin"] != "eol":
        return ""
    nodes = authorities.eol_nodes.filter(pl.col("page") == str(row["name_key"])).sort("status", "node")
    return str(nodes["context"][0]) if len(nodes) else ""


def _giver(origin: object) -> str:
    return f" (from {origin})" if origin else ""


def _lookup(rank: str, candidates: pl.DataFrame, index: RecordIndex) -> Iterator[str]:
    """The candidates of one look-up, and why each was taken or refused."""
    yield f"  looked up by {rank}: {counted(len(candidates), 'record')}"
    columns = [f"r_{upper}" for upper in ranks_above(rank)]
    for row in candidates.sort("authority", *columns).head(_MAX_ROWS_SHOWN).iter_rows(named=True):
        verdict = "agrees" if row["fits"] else "contradicts" if row["clash"] else "is a genus that nothing supports"
        lineage = " ".join(str(row[column]) for column in columns if row[column])
        yield f"    {index.authorities[row['authority']]}: {lineage or 'no rank above'}: {verdict}"
    if len(candidates) > _MAX_ROWS_SHOWN:
        yield f"    and {len(candidates) - _MAX_ROWS_SHOWN} more"


def _vernaculars(resolved: pl.DataFrame, by_trust: list[pl.DataFrame]) -> Iterator[str]:
    """The vernaculars of the lowest name of a single resolved row, the most trusted authority's first."""
    name_rank, name = vernaculars.with_lowest_name(resolved).select("name_rank", "name").row(0)
    is_same = (pl.col("name_rank") == name_rank) & (pl.col("name") == name)
    for table in by_trust:
        for row in table.filter(is_same).head(_MAX_ROWS_SHOWN).iter_rows(named=True):
            yield f"  common name by {row['authority']}: {row['common']} ({row['kingdom'] or 'no kingdom given'})"


def diff(old: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """The changes between two tables of names: ``source, name_key, column, old, new``, a row per changed value.

    A key that only one of them has is a row with the column ``key``, and ``there`` on its side.
    """
    columns, keys = [*RANKS, "common"], ["source", "name_key"]
    before, after = (frame.select(*keys, *columns, key=pl.lit("there")) for frame in (old, new))
    joined = before.join(after, on=keys, how="full", coalesce=True, suffix="_new")
    changes = [
        joined.filter(pl.col(column) != pl.col(f"{column}_new")).select(
            *keys, pl.lit(column).alias("column"), old=column, new=f"{column}_new"
        )
        for column in columns
    ]
    one_sided = joined.filter(pl.col("key").is_null() | pl.col("key_new").is_null())
    sides = [pl.col(column).fill_null("") for column in ("key", "key_new")]
    changes.append(one_sided.select(*keys, pl.lit("key").alias("column"), old=sides[0], new=sides[1]))
    return pl.concat(changes).sort("source", "name_key", "column")
