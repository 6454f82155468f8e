"""Kingdoms of labels that are several kingdoms to the authorities, such as Protista.

They are compared as evidence, and give way to the kingdom that an authority names. Where none does, they stay.
"""

import polars as pl

from ..parsing.kingdoms import WIDER

WIDE = "wide_kingdom"
"""The column of a kingdom that was set aside."""


def set_aside(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows without wide kingdoms, which are in the column :data:`WIDE`."""
    is_wide = pl.col("kingdom").is_in(list(WIDER))
    empty = [pl.when(is_wide).then(pl.lit("")).otherwise(name).alias(name) for name in ("kingdom", "kingdom_from")]
    return rows.with_columns(*empty, pl.when(is_wide).then("kingdom").otherwise(pl.lit("")).alias(WIDE))


def put_back(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with their own wide kingdoms, where nothing gave another one."""
    is_open = (pl.col("kingdom") == "") & (pl.col(WIDE) != "")
    own = {"kingdom": pl.col(WIDE), "kingdom_from": pl.col("origin")}
    return rows.with_columns(
        pl.when(is_open).then(value).otherwise(name).alias(name) for name, value in own.items()
    ).drop(WIDE)


def is_within(narrow: pl.Expr, wide: pl.Expr) -> pl.Expr:
    """Whether a kingdom is one of those that a wide one is to authorities."""
    return pl.any_horizontal((wide == name) & narrow.str.contains(pattern) for name, pattern in WIDER.items())
