"""A table with a row per box: the photograph, x, y, width and height, and what the box shows."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ...core.values import RANKS
from ...errors import InputError
from ..photographs.photo_table import read_photo_table
from ..spellings import BOXES

_NUMBERS = ("x", "y", "width", "height", "right", "bottom", "frame_width", "frame_height", "confidence")


def read_box_table(path: Path, images: Sequence[str]) -> tuple[pl.DataFrame, dict[str, str], tuple[str, ...]]:
    """Read a table of boxes.

    Args:
        images: the photographs, as paths relative to their folder, for tables that name them by ids.

    Returns:
        The rows, as :class:`.box_files.BoxRow` describes them; the columns that were read, and what they hold; and
        sentences on what had to be guessed.

    Raises:
        InputError: it cannot be read, has no column of files, or not all sides of boxes, or a value is no number.
    """
    table = read_photo_table(path, images=images, further=BOXES)
    held, remarks = set(table.further), [*table.remarks]
    if not {"x", "y"} <= held or not ({"width", "height"} <= held or {"right", "bottom"} <= held):
        raise InputError(
            f"the table {path} has no columns x, y, width and height with boxes in photographs; it has "
            f"{', '.join(map(repr, (*table.used, *table.unused)))}"
        )
    rows = _with_class_as_label(_numbers(path, table.rows))
    if _has_size_of_pictures(rows):
        remarks.append("its columns width and height are taken for the size of the photograph, as boxes end elsewhere")
        rows = rows.with_columns(frame_width="width", frame_height="height", width=None, height=None)
    _check_ends(path, rows)
    rows = rows.with_columns(
        width=pl.coalesce("width", pl.col("right") - pl.col("x")),
        height=pl.coalesce("height", pl.col("bottom") - pl.col("y")),
        box=pl.when(pl.col("box").is_unique() & _is_box()).then("box").otherwise(pl.lit("")),
        owner="copyright_owner",
    )
    _check_sides(path, rows)
    return _with_frame(rows), table.used, (*remarks, *_relative_remark(rows))


def _with_class_as_label(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the column class as their label, where it is of a detector and not of a taxonomy.

    It is the latter only where it says one word everywhere beside another rank or a name.
    """
    names = [pl.col(name) != "" for name in (*RANKS, "scientific_name", "label") if name != "class"]
    if rows.select(pl.any_horizontal(names).any()).item():
        return rows
    return rows.with_columns(pl.col("class").alias("label"), pl.lit("").alias("class"))


_PAST = 2.0
"""By how much the two ends of a box may differ: some programs count the last pixel, and some do not."""


def _has_size_of_pictures(rows: pl.DataFrame) -> bool:
    """Whether width and height are those of the photograph, as in tables of TensorFlow and of Pascal VOC."""
    ends = rows.drop_nulls(["x", "y", "width", "height", "right", "bottom"])
    if ends.is_empty() or _ends_differ(ends).is_empty():
        return False
    inside = (pl.col("right") <= pl.col("width") + _PAST) & (pl.col("bottom") <= pl.col("height") + _PAST)
    return bool(ends.select(inside.all()).item())


def _check_ends(path: Path, rows: pl.DataFrame) -> None:
    """Check that boxes with both a size and an end say the same by both."""
    differing = _ends_differ(rows.drop_nulls(["x", "y", "width", "height", "right", "bottom"]))
    if differing.height:
        raise InputError(
            f"the table {path}, line {differing['line'][0]}: its box ends elsewhere by width and height than "
            "by right and bottom; rename or remove the columns of one of them"
        )


def _ends_differ(rows: pl.DataFrame) -> pl.DataFrame:
    across = (pl.col("x") + pl.col("width") - pl.col("right")).abs()
    down = (pl.col("y") + pl.col("height") - pl.col("bottom")).abs()
    return rows.filter(pl.max_horizontal(across, down) > _PAST)


def _is_box() -> pl.Expr:
    return pl.all_horizontal(pl.col("x", "y").is_not_null())


def _check_sides(path: Path, rows: pl.DataFrame) -> None:
    """Check that each row has all four numbers of a box, or none, as one of a photograph without boxes."""
    sides = pl.sum_horizontal(pl.col("x", "y", "width", "height").is_null().cast(pl.UInt8))
    partly = rows.filter(sides.is_between(1, 3))
    if partly.height:
        raise InputError(f"the table {path}, line {partly['line'][0]}: its box lacks one of x, y, width and height")


def _numbers(path: Path, rows: pl.DataFrame) -> pl.DataFrame:
    numbers = rows.with_columns(pl.col(_NUMBERS).replace("", None).cast(pl.Float64, strict=False))
    for name in _NUMBERS:
        wrong = rows.filter((pl.col(name) != "") & ~numbers[name].is_finite().fill_null(value=False))
        if wrong.height:
            value, line = wrong.select(name, "line").row(0)
            raise InputError(f"the table {path}, line {line}: {value!r} in its column of the {name} is no number")
    return numbers


def _is_relative(rows: pl.DataFrame) -> bool:
    """Whether boxes are given in parts of the photograph: a box in pixels reaches further than to the first one."""
    boxes = rows.filter(_is_box())
    reach = boxes.select(pl.max_horizontal(pl.col("x") + pl.col("width"), pl.col("y") + pl.col("height")).max()).item()
    return reach is not None and 0 < reach <= 1.01


def _with_frame(rows: pl.DataFrame) -> pl.DataFrame:
    if not _is_relative(rows):
        return rows
    return rows.with_columns(frame_width=pl.lit(1.0), frame_height=pl.lit(1.0))


def _relative_remark(rows: pl.DataFrame) -> list[str]:
    return ["its boxes are all between 0 and 1, and are taken as parts of the photograph"] if _is_relative(rows) else []
