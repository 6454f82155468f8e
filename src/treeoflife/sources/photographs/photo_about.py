"""What a table says of photographs beside names: what they have in common, where they come from, who owns them."""

from collections.abc import Callable

import polars as pl

from ..base import ABOUT_COLUMNS
from ..spellings import ABOUT, LATITUDE, LONGITUDE, Spellings

# A row of a table of photographs may be known by any of these; in a list of addresses, they are the ids of its images.
_IDS: Spellings = (("id",), ("uuid",))
_FURTHER: dict[str, Spellings] = {
    "observation": _IDS,
    "source_id": (("occurrenceid",), ("gbifid",), ("catalognumber",), *_IDS),
    "data_source": (("institutioncode",),),
}
_DECIMALS = 2
"""Of degrees, which is a kilometre: photographs from one spot are one place, however exactly it was noted."""


def read_about(
    rows: pl.DataFrame, columns_of: Callable[[Spellings], list[list[str]]]
) -> tuple[pl.DataFrame, dict[str, str]]:
    """The columns :data:`.base.ABOUT_COLUMNS` of a table, as texts that are empty where nothing is known.

    Args:
        rows: the table, all of whose values are texts.
        columns_of: returns the columns that are spelled like each tuple, without those that are not there.

    Returns:
        A row for each of the table; and the columns that were read, each with what it holds.
    """
    used: dict[str, str] = {}

    def values(meaning: str, spellings: Spellings) -> pl.Expr:
        names = [name for tier in columns_of(spellings) for name in tier]
        for name in names:
            used[name] = f"{used[name]} and {meaning}" if name in used else meaning
        filled = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in names]
        return pl.coalesce([*filled, pl.lit("")]).alias(meaning)

    known = {meaning: values(meaning, (*spellings, *_FURTHER.get(meaning, ()))) for meaning, spellings in ABOUT.items()}
    latitude, longitude = (_degrees(values("place", one), most) for one, most in ((LATITUDE, 90), (LONGITUDE, 180)))
    is_somewhere = latitude.is_not_null() & longitude.is_not_null() & ((latitude != 0) | (longitude != 0))
    spot = pl.format("{},{}", latitude, longitude)
    known["place"] = pl.when(is_somewhere).then(spot).otherwise(values("place", ABOUT["place"])).alias("place")
    about = rows.with_columns(**{f"about {name}": known[name] for name in ABOUT_COLUMNS})
    return about.select(pl.col(f"about {name}").alias(name) for name in ABOUT_COLUMNS), {
        name: meaning.replace("place and place", "place") for name, meaning in used.items()
    }


def _degrees(text: pl.Expr, most: int) -> pl.Expr:
    """Degrees, rounded; null where there is no such number."""
    value = text.str.replace(r"^([+-]?\d+),(\d+)$", "$1.$2").cast(pl.Float64, strict=False).round(_DECIMALS)
    return pl.when(value == 0).then(0.0).when(value.abs() <= most).then(value)  # -0.0 is 0.0
