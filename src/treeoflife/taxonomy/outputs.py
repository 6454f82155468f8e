"""Write the published files of names: lookups with class numbers, predicted-catalog.csv, scientific_to_common.json."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from ..core.files import replacing
from ..core.values import RANKS, Taxon
from ..sources.base import Source
from ..sources.columns import catalog_columns

CLASSES = tuple(f"{rank}_class" for rank in RANKS)
"""The columns of the class numbers, one for each rank."""

# Images become rows of text a slice at a time, so that this table's memory does not grow with the dataset.
_ROWS_AT_ONCE = 200_000


def number_classes(names: pl.DataFrame, marking: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add class numbers to names and to a curator's marks: the columns :data:`CLASSES`.

    The number at a rank is the position of the lineage down to it among the sorted lineages of both tables.
    """
    # A mark may give an image a taxon that no other image has.
    taxa = pl.concat([names.select(RANKS), marking.select(RANKS)]).unique().sort(RANKS)
    for depth, column in enumerate(CLASSES, 1):
        changed = pl.any_horizontal(pl.col(rank) != pl.col(rank).shift(1) for rank in RANKS[:depth])
        taxa = taxa.with_columns(changed.fill_null(value=False).cum_sum().cast(pl.Int64).alias(column))
    numbered, numbered_marking = (
        table.join(taxa, on=list(RANKS), how="left", maintain_order="left") for table in (names, marking)
    )
    return numbered, numbered_marking


def write_lookup(path: Path, names: pl.DataFrame) -> None:
    """One source's names as ``{key: [[seven ranks], common, [seven class numbers]]}``."""
    # A line at a time: as one Python object, the names of millions of images would not fit into memory.
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as fd:
        fd.write("{")
        comma = ""
        for key, common, *rest in names.select("name_key", "common", *RANKS, *CLASSES).iter_rows():
            value = [rest[: len(RANKS)], common, rest[len(RANKS) :]]
            fd.write(f"{comma}{json.dumps(key, ensure_ascii=False)}: {json.dumps(value, ensure_ascii=False)}")
            comma = ",\n"
        fd.write("}\n")


def write_scientific_to_common(path: Path, names: Mapping[str, str]) -> None:
    """Scientific and common names as one JSON object."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as fd:
        json.dump(names, fd, ensure_ascii=False, indent=0)
        fd.write("\n")


def with_common(names: pl.DataFrame) -> pl.DataFrame:
    """Names whose ``common`` is never empty unless all ranks are: see :meth:`Taxon.common_or_scientific`."""
    columns = [*RANKS, "common"]
    distinct = names.select(columns).unique()
    common = [Taxon(*row[:-1]).common_or_scientific(row[-1]) for row in distinct.iter_rows()]
    shown = distinct.with_columns(pl.Series("shown", common, dtype=pl.String))
    return names.join(shown, on=columns, how="left", maintain_order="left").drop("common").rename({"shown": "common"})


def write_predicted_catalog(
    path: Path,
    names: pl.DataFrame,
    splits: pl.DataFrame,
    images: Sequence[tuple[Source, pl.DataFrame]],
    marking: pl.DataFrame,
) -> None:
    """Write one row per image and split, by source and id.

    Args:
        names: the names with class numbers.
        splits: the split of every image.
        images: the images of each source, with their name keys.
        marking: a curator's marks with class numbers: images to leave out, and images with other names.
    """
    names = with_common(names)
    header = [*catalog_columns(source for source, _ in images), "class_index"]
    with replacing(path) as temporary, temporary.open("wb") as fd:
        pl.DataFrame(schema=header).write_csv(fd)
        for source, frame in images:
            own = names.filter(pl.col("source") == source.name)
            split_images = frame.join(splits, on="treeoflife_id", how="inner").sort("treeoflife_id")
            for part in split_images.iter_slices(_ROWS_AT_ONCE):
                table = _catalog_rows(source, part, own, marking, header)
                table.write_csv(fd, include_header=False)


def _apply_marks(named: pl.DataFrame, marking: pl.DataFrame) -> pl.DataFrame:
    """The images without those marked to leave out, and with the names of those marked with another."""
    marked = named.join(marking, on="treeoflife_id", how="left", suffix="_marked", maintain_order="left")
    is_relabelled = pl.col("kingdom_marked").is_not_null()
    return marked.filter(pl.col("marked").is_null()).with_columns(
        pl.when(is_relabelled).then(f"{column}_marked").otherwise(column).alias(column)
        for column in (*RANKS, "common", *CLASSES)
    )


def _catalog_rows(
    source: Source, images: pl.DataFrame, names: pl.DataFrame, marking: pl.DataFrame, header: Sequence[str]
) -> pl.DataFrame:
    key = pl.col(source.name_key).cast(pl.String).alias("name_key")
    named = images.with_columns(key).join(names.drop("source"), on="name_key", how="left", maintain_order="left")
    named = _apply_marks(named, marking) if marking.height else named
    named = named.rename(dict(zip(source.columns, source.catalog, strict=True)))
    # Images without a name have class 0 at every rank.
    index = pl.concat_str([pl.col(column).fill_null(0).cast(pl.String) for column in CLASSES], separator=", ")
    named = named.with_columns(
        pl.col(*RANKS, "common").fill_null(""), class_index=pl.concat_str(pl.lit("["), index, pl.lit("]")),
        split=pl.when("is_val").then(pl.lit("val")).otherwise(pl.lit("train")),
    )  # fmt: skip
    # An image of train_small is in train as well, and has a row for each.
    rows = pl.concat([named, named.filter("is_train_small").with_columns(split=pl.lit("train_small"))])
    empty = [pl.lit(None, pl.String).alias(column) for column in header if column not in rows.columns]
    return rows.with_columns(empty).select(header).sort("treeoflife_id", "split")
