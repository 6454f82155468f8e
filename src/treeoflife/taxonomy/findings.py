"""What resolving could not settle, or found wrong, as one table.

| kind | what it says |
|---|---|
| ambiguous | a name stands in several places and the evidence does not say which |
| genus-alone | only the genus is known to an authority, and nothing supports that it is that genus |
| contradiction | every record of the name contradicts what the source says |
| rank-unknown | a name of one word stands at several ranks |
| hole | a rank is empty though one below it is known |
| no-name | nothing is known of the key |
| duplicate | an EOL page stands at several nodes of the tree |
| orphan | a node's parent is not in the tree |
| cycle | a node is its own ancestor |
"""

from __future__ import annotations

import polars as pl

from ..core.values import RANKS

SCHEMA = {
    "kind": pl.String,
    "source": pl.String,
    "name_key": pl.String,
    "keys": pl.UInt32,
    "rank": pl.String,
    "value": pl.String,
    "detail": pl.String,
}
ORDER = ("kind", "source", "value", "rank", "name_key", "detail")


def none() -> pl.DataFrame:
    """No finding."""
    return pl.DataFrame(schema=SCHEMA)


def _shaped(frame: pl.DataFrame) -> pl.DataFrame:
    columns = [
        (pl.col(name) if name in frame.columns else pl.lit(1 if name == "keys" else "")).cast(kind).alias(name)
        for name, kind in SCHEMA.items()
    ]
    return frame.select(columns)


def of_tree(nodes: pl.DataFrame) -> pl.DataFrame:
    """Cycles and orphans among the parents of EOL's tree."""
    bad = nodes.filter(pl.col("trouble").is_in(["cycle", "orphan"]))
    details = {"cycle": "its parents lead back to it; they are not followed", "orphan": "its parent is not in the tree"}
    return _shaped(
        bad.select(
            "rank", kind="trouble", source=pl.lit("eol"), name_key="node", value="name",
            detail=pl.col("trouble").replace(details),
        )
    )  # fmt: skip


def of_names(rows: pl.DataFrame, resolved: pl.DataFrame, found: pl.DataFrame, several: pl.DataFrame) -> pl.DataFrame:
    """The findings of resolving, once per distinct evidence and source, with one key and how many they concern.

    ``rows`` is the evidence with ``number``; ``resolved`` the answers; ``found`` the findings by number;
    ``several`` the names of one word that stand at several ranks.
    """
    keys = rows.group_by("number", "source").agg(
        pl.col("name_key").min(), pl.len().alias("keys"), pl.col("trouble").max()
    )
    about = [keys.join(found, on="number"), keys.join(_holes(resolved), on="number"), _unnamed(rows, resolved)]
    about.append(
        keys.filter(pl.col("trouble") == "duplicate").with_columns(
            kind=pl.lit("duplicate"),
            detail=pl.lit("an EOL page with several nodes in the tree; the lowest node is taken"),
        )
    )
    ranks = several.with_columns(
        kind=pl.lit("rank-unknown"),
        value=pl.col("uninomial"),
        detail=pl.concat_str(pl.lit("stands at the ranks "), "ranks"),
    )
    return pl.concat([_shaped(frame) for frame in (*about, ranks)]).unique().sort(ORDER)


def _holes(resolved: pl.DataFrame) -> pl.DataFrame:
    """The empty ranks above the lowest known one."""
    parts = []
    for at, rank in enumerate(RANKS[:-1]):
        below = pl.any_horizontal(pl.col(each) != "" for each in RANKS[at + 1 :])
        parts.append(resolved.filter((pl.col(rank) == "") & below).select("number", rank=pl.lit(rank)))
    lineage = pl.concat_str(list(RANKS), separator=" ").str.replace_all(" +", " ").str.strip_chars().alias("value")
    holes = pl.concat(parts).group_by("number").agg(pl.col("rank").str.join(" "))
    return holes.join(resolved.select("number", lineage), on="number").with_columns(
        kind=pl.lit("hole"), detail=pl.lit("no authority that agrees with the evidence fills it")
    )


def _unnamed(rows: pl.DataFrame, resolved: pl.DataFrame) -> pl.DataFrame:
    empty = resolved.filter(pl.all_horizontal(pl.col(rank) == "" for rank in RANKS)).select("number")
    return (
        rows.join(empty, on="number", how="semi")
        .select("source", "name_key", value="verbatim")
        .with_columns(kind=pl.lit("no-name"), detail=pl.lit("neither the source nor any authority names it"))
    )
