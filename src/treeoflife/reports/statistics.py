"""Counting a catalog: images and distinct taxa by source, split, kingdom and rank; depth of labels; the long tail.

A taxon of a rank is a lineage down to that rank, which is not empty there: *Morus* the mulberry and *Morus* the gannet
are two genera. ``images`` counts each image once, whatever sets it is in; ``samples`` counts what stands in shards.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from ..core.values import RANKS
from ..errors import InputError

STEP_VERSION = 1
IDS = [f"{rank}_id" for rank in RANKS]
_KNOWN = {"eol": "eol_content_id", "inat21": "inat21_filename", "bioscan": "bioscan_filename"}
_FIXED = {"split", "treeoflife_id", *RANKS, "common", "class_index", "source"}
SIDES = (64, 128, 256, 512, 1024, 2048, 4096, 8192)
SHAPES = (0.5, 0.67, 0.75, 0.95, 1.05, 1.34, 1.51, 2.0)
_TAIL_POINTS = 200


def scan(path: Path) -> pl.LazyFrame:
    """A catalog, CSV or Parquet: source, split and names, as text, empty where unknown.

    Raises:
        InputError: it is missing, or lacks a column.
    """
    try:
        table = pl.scan_parquet(path) if path.suffix == ".parquet" else pl.scan_csv(path, infer_schema=False)
        there = table.collect_schema().names()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"the catalog {path} cannot be read: {str(error).splitlines()[0]}") from None
    if missing := [name for name in ("split", "treeoflife_id", *RANKS) if name not in there]:
        raise InputError(f"{path} is not a catalog: it has no column {missing[0]}")
    texts = [pl.col(name).cast(pl.String).fill_null("") for name in RANKS]
    return table.select("split", source_of(there), *texts)


def source_of(columns: Sequence[str]) -> pl.Expr:
    """The source of a catalog's row: the one whose column is not empty."""
    found = {source: column for source, column in _KNOWN.items() if column in columns}
    for column in columns:
        source = column.rpartition("_")[0]
        if column not in _FIXED and source and not column.startswith(tuple(f"{known}_" for known in _KNOWN)):
            found.setdefault(source, column)
    filled = [pl.when(pl.col(c).cast(pl.String).fill_null("") != "").then(pl.lit(s)) for s, c in found.items()]
    return pl.coalesce(*filled, pl.lit("unknown")).alias("source")


def count_taxa(catalog: pl.LazyFrame) -> pl.DataFrame:
    """Samples by source, split and lineage, sorted; with a number for each lineage down to each rank."""
    rows = catalog.group_by("source", "split", *RANKS).agg(images=pl.len().cast(pl.Int64)).collect(engine="streaming")
    rows = rows.sort(*RANKS, "source", "split")
    for at, column in enumerate(IDS):
        changed = pl.any_horizontal(pl.col(rank) != pl.col(rank).shift(1) for rank in RANKS[: at + 1])
        rows = rows.with_columns(changed.fill_null(value=False).cum_sum().cast(pl.UInt32).alias(column))
    return rows


def once(rows: pl.DataFrame) -> pl.DataFrame:
    """Each image once: train_small holds images of train, and counts only where it is all that there is."""
    large = rows.filter(pl.col("split") != "train_small")
    return large if large.height else rows


def statistics(rows: pl.DataFrame) -> dict[str, Any]:
    """All numbers of the report that a catalog gives, ready for JSON."""
    images = once(rows)
    return {
        "samples": int(rows["images"].sum()),
        "images": int(images["images"].sum()),
        "taxa": _taxa(images),
        "source": _by(images, "source"),
        "split": _by(rows, "split"),
        "kingdom": _by(images, "kingdom"),
        "depth": _depth(images),
        "named": {rank: int(images.filter(pl.col(rank) != "")["images"].sum()) for rank in RANKS},
        "tail": _tail(images),
    }


def _taxa(rows: pl.DataFrame) -> dict[str, int]:
    """Distinct taxa of each rank."""
    return {rank: rows.filter(pl.col(rank) != "")[number].n_unique() for rank, number in zip(RANKS, IDS, strict=True)}


def _by(rows: pl.DataFrame, column: str) -> dict[str, dict[str, int]]:
    """Images, and distinct taxa of each rank, for each value of a column; the commonest first."""
    distinct = [
        pl.col(number).filter(pl.col(rank) != "").n_unique().alias(rank)
        for rank, number in zip(RANKS, IDS, strict=True)
    ]
    key = pl.col(column).alias("value")
    table = rows.group_by(key).agg(
        pl.col("images").sum(), *(one.alias(f"{one.meta.output_name()}_") for one in distinct)
    )
    table = table.sort("images", "value", descending=[True, False])
    return {
        row["value"]: {"images": row["images"]} | {rank: row[f"{rank}_"] for rank in RANKS}
        for row in table.iter_rows(named=True)
    }


def _depth(rows: pl.DataFrame) -> dict[str, int]:
    """Images by the lowest rank that their label knows."""
    deepest = pl.lit("none")
    for rank in RANKS:
        deepest = pl.when(pl.col(rank) != "").then(pl.lit(rank)).otherwise(deepest)
    counts = dict(rows.group_by(depth=deepest).agg(pl.col("images").sum()).iter_rows())
    return {rank: int(counts.get(rank, 0)) for rank in (*reversed(RANKS), "none")}


def _tail(rows: pl.DataFrame) -> dict[str, Any]:
    """Images per species, from the commonest species to the rarest, at a few hundred places."""
    named = rows.filter(pl.col("species") != "")
    species = named.group_by("species_id").agg(pl.col("images").sum(), pl.col("genus", "species").first())
    species = species.sort("images", "species_id", descending=[True, False])
    counts = species["images"].to_list()
    if not counts:
        return {"species": 0, "median": 0, "once": 0, "at_most_10": 0, "half": 0, "points": [], "top": []}
    running, half = species["images"].cum_sum(), species["images"].sum() / 2
    places = sorted({round(len(counts) ** (step / _TAIL_POINTS)) for step in range(_TAIL_POINTS + 1)})
    top = [
        [f"{row[0]} {row[1]}".strip(), row[2]] for row in species.head(12).select("genus", "species", "images").rows()
    ]
    return {
        "species": len(counts),
        "median": int(counts[len(counts) // 2]),
        "once": sum(1 for one in counts if one == 1),
        "at_most_10": sum(1 for one in counts if one <= 10),
        "half": int((running < half).sum()) + 1,
        "points": [[place, int(counts[place - 1])] for place in places],
        "top": top,
    }


def originals(indexes: Sequence[Path]) -> dict[str, Any]:
    """Widths, heights and shapes of the images as they came, from the shards' indexes; empty where they do not say."""
    told = [path for path in indexes if {"width", "height"} <= set(pl.read_parquet_schema(path))]
    if not told:
        return {}
    sides = pl.scan_parquet(told).select(pl.col("width", "height").cast(pl.Float64)).drop_nulls()
    longer = pl.max_horizontal("width", "height")
    quantiles = [pl.col(name).quantile(0.5, "lower").alias(name) for name in ("width", "height")]
    return {
        "median": sides.select(quantiles).collect().row(0, named=True),
        "longer_side": _histogram(sides, longer, SIDES),
        "width_to_height": _histogram(sides, pl.col("width") / pl.col("height"), SHAPES),
    }


def _histogram(frame: pl.LazyFrame, value: pl.Expr, bounds: Sequence[float]) -> dict[str, int]:
    """How many values lie below the first bound, from each bound up to the next, and from the last bound on."""
    edges = [None, *bounds, None]
    bins = {_bin(low, high): _within(value, low, high) for low, high in pairwise(edges)}
    counts = frame.select(inside.sum().alias(name) for name, inside in bins.items()).collect().row(0, named=True)
    return {name: int(count or 0) for name, count in counts.items()}


def _bin(low: float | None, high: float | None) -> str:
    return f"below {high:g}" if low is None else f"{low:g} or more" if high is None else f"{low:g} to {high:g}"


def _within(value: pl.Expr, low: float | None, high: float | None) -> pl.Expr:
    above = value >= low if low is not None else pl.lit(value=True)
    return above & (value < high if high is not None else pl.lit(value=True))


def skipped(ledger: Path) -> dict[str, dict[str, int]]:
    """Files and images that became no sample, by reason and source; empty where there is no ledger."""
    if not ledger.exists():
        return {}
    counts = pl.scan_parquet(ledger).group_by("reason", "source").len().sort("reason", "source").collect()
    found: dict[str, dict[str, int]] = {}
    for reason, source, count in counts.iter_rows():
        found.setdefault(reason, {})[source] = count
    return dict(sorted(found.items(), key=lambda item: (-sum(item[1].values()), item[0])))
