"""Writing names in the fixed formats: lookups with class numbers, predicted-catalog.csv, scientific_to_common.json."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import polars as pl

from ..core.files import replacing
from ..core.values import RANKS
from ..sources.base import Source

CLASSES = tuple(f"{rank}_class" for rank in RANKS)
CATALOG = (
    "split", "treeoflife_id", "eol_content_id", "eol_page_id", "bioscan_part", "bioscan_filename", "inat21_filename",
    "inat21_cls_name", "inat21_cls_num",
)  # fmt: skip
"""The columns that predicted-catalog.csv always begins with."""


def with_classes(names: pl.DataFrame) -> pl.DataFrame:
    """The names with a number for each rank: the place of the lineage down to it among all, in sorted order."""
    taxa = names.select(RANKS).unique().sort(RANKS)
    for at, column in enumerate(CLASSES):
        changed = pl.any_horizontal(pl.col(rank) != pl.col(rank).shift(1) for rank in RANKS[: at + 1]).fill_null(
            value=False
        )
        taxa = taxa.with_columns(changed.cum_sum().cast(pl.Int64).alias(column))
    return names.join(taxa, on=list(RANKS), how="left", maintain_order="left")


def numbered(names: pl.DataFrame, marking: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Names and a curator's marks, with class numbers over the taxa of both."""
    both = with_classes(pl.concat([names.with_columns(own=True), marking.with_columns(own=False)], how="diagonal"))
    own = pl.col("own")
    return both.filter(own).select(*names.columns, *CLASSES), both.filter(~own).select(*marking.columns, *CLASSES)


def write_lookup(path: Path, names: pl.DataFrame) -> None:
    """One source's names as ``{key: [[seven ranks], common, [seven class numbers]]}``, written as a stream."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as fd:
        fd.write("{")
        comma = ""
        for key, common, *rest in names.select("name_key", "common", *RANKS, *CLASSES).iter_rows():
            value = [rest[: len(RANKS)], common, rest[len(RANKS) :]]
            fd.write(f"{comma}{json.dumps(key, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}")
            comma = ",\n"
        fd.write("}\n")


def write_scientific_to_common(path: Path, names: Mapping[str, str]) -> None:
    """The pairs as one JSON object."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as fd:
        json.dump(names, fd, ensure_ascii=False, indent=0)
        fd.write("\n")


def fallback() -> pl.Expr:
    """The common name; where there is none the scientific name, else the taxonomic one."""
    scientific = pl.concat_str("genus", "species", separator=" ").str.strip_chars()
    scientific = scientific.str.head(1).str.to_uppercase() + scientific.str.slice(1)
    taxonomic = pl.concat_str(list(RANKS), separator=" ").str.replace_all(" +", " ").str.strip_chars()
    return (
        pl.when(pl.col("common") != "")
        .then("common")
        .when(scientific != "")
        .then(scientific)
        .otherwise(taxonomic)
        .alias("common")
    )


def write_predicted_catalog(
    path: Path,
    names: pl.DataFrame,
    splits: pl.DataFrame,
    images: Iterable[tuple[Source, pl.DataFrame]],
    marking: pl.DataFrame,
) -> int:
    """One row per image and split, by source and id; returns how many.

    ``names`` have class numbers, and ``marking`` as well: what a curator marked is left out, or named by its mark.
    """
    images = list(images)
    header = columns([source for source, _ in images])
    rows = 0
    with replacing(path) as temporary, temporary.open("wb") as fd:
        first = True
        for source, frame in images:
            own = names.filter(pl.col("source") == source.name)
            split_of = frame.join(splits, on="treeoflife_id", how="inner")
            for part in split_of.sort("treeoflife_id").iter_slices(200_000):
                table = _catalog_rows(source, part, own, marking, header)
                table.write_csv(fd, include_header=first)
                first, rows = False, rows + len(table)
        if first:
            fd.write((",".join(header) + "\n").encode())
    return rows


def columns(sources: Sequence[Source]) -> list[str]:
    """The columns of the catalog: the fixed ones, those of further sources, and the names."""
    further = [column for source in sources for column in source.catalog if column not in CATALOG]
    return [*CATALOG, *dict.fromkeys(further), *RANKS, "common", "class_index"]


def _obeyed(named: pl.DataFrame, marking: pl.DataFrame) -> pl.DataFrame:
    """Without what is marked to go, and with the names of what is relabelled."""
    told = named.join(marking, on="treeoflife_id", how="left", suffix="_marked", maintain_order="left")
    relabelled = pl.col("kingdom_marked").is_not_null()
    columns = (*RANKS, "common", *CLASSES)
    return told.filter(pl.col("marked").is_null()).with_columns(
        pl.when(relabelled).then(f"{column}_marked").otherwise(column).alias(column) for column in columns
    )


def _catalog_rows(
    source: Source, images: pl.DataFrame, names: pl.DataFrame, marking: pl.DataFrame, header: Sequence[str]
) -> pl.DataFrame:
    key = pl.col(source.name_key).cast(pl.String).alias("name_key")
    named = images.with_columns(key).join(names.drop("source"), on="name_key", how="left", maintain_order="left")
    named = _obeyed(named, marking) if marking.height else named
    named = named.rename(dict(zip(source.columns, source.catalog, strict=True)))
    index = pl.concat_str([pl.col(column).fill_null(0).cast(pl.String) for column in CLASSES], separator=", ")
    named = named.with_columns(pl.col(*RANKS, "common").fill_null("")).with_columns(
        fallback(), pl.concat_str(pl.lit("["), index, pl.lit("]")).alias("class_index"),
        pl.when("is_val").then(pl.lit("val")).otherwise(pl.lit("train")).alias("split"),
    )  # fmt: skip
    both = pl.concat([named, named.filter("is_train_small").with_columns(split=pl.lit("train_small"))])
    empty = [pl.lit(None, pl.String).alias(column) for column in header if column not in both.columns]
    return both.with_columns(empty).select(header).sort("treeoflife_id", "split")
