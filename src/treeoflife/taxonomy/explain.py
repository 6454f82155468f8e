"""Explaining one name with all its candidates, and comparing two tables of names."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl
from polars.exceptions import PolarsError

from ..config.tables import Names
from ..core.text import counted, reason
from ..core.values import RANKS
from ..errors import InputError
from .common_names import choice as vernaculars
from .expressions import binomial
from .findings import TREE_TROUBLES
from .parsing.endings import rank_by_ending
from .parsing.label import parse
from .parsing.parsers import make_parser
from .providers.authorities import Authorities
from .resolving.evidence import rank_uninomials
from .resolving.evidence_columns import conform
from .resolving.record_index import RecordIndex, ranks_above
from .resolving.resolve import resolve
from .resolving.word_ranks import rank_words

# A frequent genus has thousands of records; the first ones show what kind they are.
_MAX_ROWS_SHOWN = 12
_NODE = ("node", "rank", "status")


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


def explain(
    row: Mapping[str, object], names: Names, authorities: Authorities, found: pl.DataFrame | None = None
) -> Iterator[str]:
    """Lines that explain where each rank of a row of names.parquet comes from, with all candidates.

    The evidence is taken from the row itself: the ranks that its origin gave, and the name as it is written.

    Args:
        found: the findings of the dataset, which say what its other images have to do with this name; None for a name
            of no dataset, of which those are said that it has by itself.
    """
    parse_kind = f"parsed by {row['parser']} as {row['parse'] or 'nothing'}"
    yield f"{row['source']}:{row['name_key']}: '{row['verbatim']}', {parse_kind}"
    evidence = evidence_of(row, names, authorities)
    lineage = ", ".join(f"{rank} {evidence[rank][0]}" for rank in RANKS if evidence[rank][0])
    yield f"  evidence ({row['origin'] or 'none'}): {lineage or 'nothing'}"
    yield from _about_page(row, evidence, authorities)
    word = evidence["uninomial"][0]
    if word:
        yield f"  one word: '{word}' is {_ranks_known(word, authorities.index)}"
    lookups: list[str] = []
    own_findings = _resolve(evidence, authorities.index, lookups)
    yield from lookups
    for rank in RANKS:
        yield f"  {rank}: {row[rank] or '-'}{_giver(row[f'{rank}_from'])}"
    mine = own_findings if found is None else _of_row(found, row, {word, str(row["verbatim"]), *_lowest_name(evidence)})
    for finding in mine.select("kind", "value", "rank", "detail").unique(maintain_order=True).iter_rows(named=True):
        rank = f" ({finding['rank']})" if finding["rank"] else ""
        yield f"  {finding['kind']}: {finding['value']}{rank}: {finding['detail']}"
    yield from _vernaculars(_ranks(row), authorities.by_trust(names.common_by_trust))
    yield f"  common name: {row['common'] or '-'}{_giver(row['common_from'])}"


def evidence_of(row: Mapping[str, object], names: Names, authorities: Authorities) -> pl.DataFrame:
    """What the source said of a row of names.parquet, as one row of evidence.

    What others replaced is taken from the name as it is written.
    """
    parsed = parse(str(row["verbatim"]), make_parser(names.parser))
    origin = str(row["origin"])
    given = {rank: str(row[rank]) if row[f"{rank}_from"] == origin else "" for rank in RANKS}
    word = parsed.genus if parsed.genus and not parsed.species else ""
    if word and not any(value for value in given.values() if value != word):
        given = dict.fromkeys(RANKS, "")  # the rank of the word is what authorities say
    elif not word and not given["genus"] and not given["species"]:
        given |= {"genus": parsed.genus, "species": parsed.species}
    known = {**given, "context": _context(row, authorities), "origin": origin, "authorship": str(row["authorship"])}
    return conform(pl.DataFrame([known | {"uninomial": word if not any(given.values()) else ""}]))


def _ranks(row: Mapping[str, object]) -> pl.DataFrame:
    return pl.DataFrame([{rank: str(row[rank]) for rank in RANKS}])


def _lowest_name(ranks: pl.DataFrame) -> list[str]:
    """The name at the lowest known rank of each row."""
    return vernaculars.with_lowest_name(ranks)["name"].to_list()


def _resolve(evidence: pl.DataFrame, index: RecordIndex, lookups: list[str]) -> pl.DataFrame:
    """Resolve one row of evidence by itself; returns the findings, and appends what was looked up."""
    rows, about = (
        rank_words(evidence, index) if index.checklists else (rank_uninomials(evidence, index.tables)[0], None)
    )
    rows = rows.with_columns(number=pl.lit(0, pl.UInt32), author="authorship")
    _, findings = resolve(rows, index, lambda rank, found: lookups.extend(_lookup(rank, found, index)))
    columns = ("kind", "value", "rank", "detail")
    return pl.concat([table.select(columns) for table in (findings, about) if table is not None])


def _ranks_known(word: str, index: RecordIndex) -> str:
    """At which ranks authorities know a word."""
    tables = {rank: table.filter(pl.col(rank) == word) for rank, table in index.tables.items() if rank != "species"}
    known = [(rank, number) for rank, table in tables.items() for number in table["authority"].unique().sort()]
    if index.checklists:
        between = index.words.filter(pl.col("word") == word).select("word_rank", "authority").unique()
        known += between.sort("word_rank", "authority").rows()
    if known:
        return "known as " + ", ".join(f"{rank} ({index.authorities[number]})" for rank, number in known)
    ending = rank_by_ending(word)
    return f"known to no authority; its ending is that of a {ending}" if ending else "known to no authority"


def _of_row(found: pl.DataFrame, row: Mapping[str, object], written: set[str]) -> pl.DataFrame:
    """The findings of the dataset about a row of names.parquet, or about its name."""
    values = sorted({*_lowest_name(_ranks(row)), *written} - {""})
    is_own = (pl.col("source") == row["source"]) & (pl.col("name_key") == row["name_key"])
    about_names = ~pl.col("kind").is_in(["table", "table-repaired", "damaged-text"])
    return found.filter(about_names, is_own | pl.col("value").is_in(values))


def _about_page(row: Mapping[str, object], evidence: pl.DataFrame, authorities: Authorities) -> Iterator[str]:
    """What EOL's tree says of a page beside its ranks: a kingdom by its higher classification, other nodes, cycles."""
    if context := evidence["context"][0]:
        yield f"  context: higherClassification of EOL's tree names the kingdom {context}"
    nodes = _page_nodes(row, authorities)
    if len(nodes) > 1:
        shown = (f"{node} ({rank or 'no rank'}, {status})" for node, rank, status in nodes.select(_NODE).iter_rows())
        yield f"  nodes of this page: {', '.join(shown)}; the first is taken"
    for node, trouble in nodes.filter(pl.col("trouble") != "").select("node", "trouble").iter_rows():
        yield f"  node {node}: {TREE_TROUBLES[trouble]}"


def _page_nodes(row: Mapping[str, object], authorities: Authorities) -> pl.DataFrame:
    """The nodes of EOL's tree for a page, the one that is taken first."""
    if authorities.eol_nodes is None or row["origin"] != "eol":
        return pl.DataFrame(schema=dict.fromkeys(("node", "rank", "status", "trouble", "context"), pl.String))
    return authorities.eol_nodes.filter(pl.col("page") == str(row["name_key"])).sort("status", "node")


def _context(row: Mapping[str, object], authorities: Authorities) -> str:
    """The kingdom that higherClassification names for the node of an EOL page, or nothing."""
    nodes = _page_nodes(row, authorities)
    return str(nodes["context"][0]) if len(nodes) else ""


def _giver(origin: object) -> str:
    return f" (from {origin})" if origin else ""


def _lookup(rank: str, candidates: pl.DataFrame, index: RecordIndex) -> Iterator[str]:
    """The candidates of one look-up, and why each was taken or refused."""
    yield f"  looked up by {rank}: {counted(len(candidates), 'record')}"
    columns = [f"r_{upper}" for upper in ranks_above(rank)]
    for row in candidates.sort("authority", *columns).head(_MAX_ROWS_SHOWN).iter_rows(named=True):
        verdict = _verdict(row)
        verdict += f", as a synonym of {row['synonym_of']}" if row.get("synonym_of") else ""
        lineage = " ".join(str(row[column]) for column in columns if row[column])
        yield f"    {index.authorities[row['authority']]}: {lineage or 'no rank above'}: {verdict}"
    if len(candidates) > _MAX_ROWS_SHOWN:
        yield f"    and {len(candidates) - _MAX_ROWS_SHOWN} more"


def _verdict(row: Mapping[str, object]) -> str:
    """Why a candidate may fill ranks, or not."""
    if row["clash"] or not row["fits"]:
        return "contradicts" if row["clash"] else "is a genus that nothing supports"
    return "agrees" if row["agrees"] else "contradicts nothing"


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
