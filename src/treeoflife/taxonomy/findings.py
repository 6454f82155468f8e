"""The findings about names as one table: what resolving could not settle, and what is wrong in EOL's tree.

| kind | meaning |
|---|---|
| ambiguous | the authorities know several taxa of this name, and the evidence does not say which |
| genus-alone | an authority knows only the genus, and nothing supports that it is this genus |
| contradiction | every record of the name contradicts the evidence |
| rank-unknown | a name of one word is used at several ranks, or no authority knows it |
| rank-between | a name is of a rank between the seven, such as a tribe or a subgenus: it fills only the ranks above |
| rank-moved | what stands in the place of a genus is known, or ends, as a name of another rank, and was moved there |
| genus-within | a genus that authorities know only as a part of another one, such as a subgenus; it stays a genus |
| synonym | a checklist calls the name a synonym; the detail says of what, and whether it was replaced |
| hole | a rank is empty though one below it is known |
| no-name | nothing is known about the key |
| duplicate | an EOL page has several nodes in the tree |
| orphan | a node's parent is not in the tree |
| cycle | a node is its own ancestor |
| table | how many rows a table has, how many of them are used, and why the others are not |
| table-repaired | what was guessed or repaired to read a table, or is missing beside it |
| damaged-text | texts of a table that were damaged before they came into it |
"""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from ..core.values import RANKS
from .expressions import UPPER, is_hole, is_nameless, joined
from .providers.table_count import TableCount

SCHEMA = {
    "kind": pl.String, "source": pl.String, "name_key": pl.String, "keys": pl.UInt32, "rank": pl.String,
    "value": pl.String, "detail": pl.String,
}  # fmt: skip
"""The columns of findings. ``name_key`` is one of the keys concerned, and ``keys`` how many there are."""

TREE_TROUBLES = {
    "cycle": "its parents lead back to it; they are not followed",
    "orphan": "its parent is not in the tree",
}
"""What is wrong with a node of EOL's tree, and what it means."""

ORDER = ("kind", "source", "value", "rank", "name_key", "detail")
"""The columns by which findings are sorted."""


class Findings(NamedTuple):
    """All findings, each in one table.

    Attributes:
        shared: a row per finding: the columns of SCHEMA.
        of_keys: findings about each of the keys that share an evidence: the same columns, and its number ``evidence``.
    """

    shared: pl.DataFrame
    of_keys: pl.DataFrame


def empty() -> pl.DataFrame:
    """A table without findings."""
    return pl.DataFrame(schema=SCHEMA)


def _conform(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with the columns of SCHEMA: those that it lacks are empty, and ``keys`` is 1."""
    columns = [
        (pl.col(name) if name in frame.columns else pl.lit(1 if name == "keys" else "")).cast(kind).alias(name)
        for name, kind in SCHEMA.items()
    ]
    return frame.select(columns)


def of_tree(nodes: pl.DataFrame) -> pl.DataFrame:
    """Cycles and orphans among the nodes of EOL's tree."""
    broken = nodes.filter(pl.col("trouble").is_in(list(TREE_TROUBLES)))
    return _conform(
        broken.select(
            "rank", kind="trouble", source=pl.lit("eol"), name_key="node", value="name",
            detail=pl.col("trouble").replace(TREE_TROUBLES),
        )
    )  # fmt: skip


def of_tables(tables: Sequence[TableCount]) -> pl.DataFrame:
    """What came of the rows of each table, and what had to be repaired or looks damaged; ``keys`` counts rows."""
    rows = [
        (kind, table.source, table.rows, table.file, text)
        for table in tables
        for kind, texts in (
            ("table", (table.sentence,)), ("table-repaired", table.remarks), ("damaged-text", table.damaged),
        )
        for text in texts
    ]  # fmt: skip
    columns = {"kind": pl.String, "source": pl.String, "keys": pl.UInt32, "value": pl.String, "detail": pl.String}
    return _conform(pl.DataFrame(rows, schema=columns, orient="row"))


def of_several_ranks(words: pl.DataFrame) -> pl.DataFrame:
    """Findings about the names of one word that :func:`.evidence.rank_uninomials` leaves without a rank."""
    return words.with_columns(
        kind=pl.lit("rank-unknown"), value=pl.col("uninomial"), rank=pl.lit(""), keys=pl.lit(1, pl.UInt32),
        detail=pl.concat_str(pl.lit("stands at the ranks "), "ranks"),
    )  # fmt: skip


def of_names(
    evidence: pl.DataFrame, resolved: pl.DataFrame, unsettled: pl.DataFrame, about_words: pl.DataFrame
) -> Findings:
    """The findings about names, once per distinct evidence and source; those of names without ranks once per key.

    Args:
        evidence: the evidence, with the ``number`` of what decides the ranks.
        resolved: the resolved ranks of each number.
        unsettled: the findings of resolving, by number.
        about_words: the findings about names of one word, by ``evidence``.
    """
    # Of the keys with the same evidence the smallest is named, because it is the same in every run.
    keys = evidence.group_by("number", "source").agg(
        pl.col("name_key").min(), pl.col("keys").sum(), pl.col("trouble").max()
    )
    duplicates = keys.filter(pl.col("trouble") == "duplicate").with_columns(
        kind=pl.lit("duplicate"),
        detail=pl.lit("an EOL page with several nodes in the tree; the lowest node is taken"),
    )
    numbered = [keys.join(table, on="number") for table in (unsettled, _holes(resolved), _synonyms(resolved))]
    is_ranked = pl.col("kind").is_in(["rank-between", "rank-moved", "genus-within"])
    of_ranks = about_words.filter(is_ranked).group_by("source", "kind", "rank", "value", "detail")
    ranked = of_ranks.agg(pl.col("name_key").min(), pl.col("keys").sum())
    shared = pl.concat([_conform(table) for table in (*numbered, duplicates, ranked)]).unique()
    unranked = about_words.filter(~is_ranked).join(_settled_words(evidence, resolved), on="evidence", how="anti")
    of_keys = [_conform(table).hstack(table.select("evidence")) for table in (_nameless(evidence, resolved), unranked)]
    return Findings(shared, pl.concat(of_keys))


def _settled_words(evidence: pl.DataFrame, resolved: pl.DataFrame) -> pl.DataFrame:
    """The ``evidence`` whose word of several ranks has found its place among the seven."""
    if "word" not in resolved.columns:
        return evidence.select("evidence").clear()
    stands = pl.any_horizontal(pl.col(rank) == pl.col("word") for rank in UPPER)
    placed = resolved.filter(pl.col("word") != "", stands).select("number")
    return evidence.join(placed, on="number", how="semi").select("evidence")


def _synonyms(resolved: pl.DataFrame) -> pl.DataFrame:
    """A row per number whose name a checklist calls a synonym."""
    if "synonym" not in resolved.columns:
        return pl.DataFrame(schema={"number": pl.UInt32})
    replaced = pl.any_horizontal(pl.col(f"{rank}_from").str.ends_with(":synonym") for rank in RANKS)
    outcome = pl.when(replaced).then(pl.lit("")).otherwise(pl.lit("; it stays as it is written"))
    said = [pl.lit("a synonym of "), "synonym_of", pl.lit(", says "), "synonym_by", outcome]
    rows = resolved.filter(pl.col("synonym") != "")
    return rows.select("number", value="synonym", kind=pl.lit("synonym"), detail=pl.concat_str(said))


def _holes(resolved: pl.DataFrame) -> pl.DataFrame:
    """A row per number that has holes, with the ranks that are empty."""
    empty_ranks = [pl.when(is_hole(rank)).then(pl.lit(rank)) for rank in UPPER]
    return resolved.filter(pl.any_horizontal(is_hole(rank) for rank in UPPER)).select(
        "number", rank=pl.concat_str(empty_ranks, separator=" ", ignore_nulls=True), value=joined(),
        kind=pl.lit("hole"), detail=pl.lit("no authority that agrees with the evidence fills it"),
    )  # fmt: skip


def _nameless(evidence: pl.DataFrame, resolved: pl.DataFrame) -> pl.DataFrame:
    """A row per evidence by which nothing is known."""
    rows = evidence.join(resolved.filter(is_nameless()).select("number"), on="number", how="semi")
    return rows.select(
        "source", "name_key", "evidence", value="verbatim", kind=pl.lit("no-name"),
        detail=pl.lit("neither the source nor any authority names it"),
    )  # fmt: skip
