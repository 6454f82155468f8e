"""Where an image was made, so coarse that photographs of one outing have one place."""

from collections.abc import Collection

from .spellings import LATITUDE, LONGITUDE, plain_header


def coordinates(columns: Collection[str]) -> tuple[str, str] | tuple[()]:
    """The columns with latitude and longitude, if a table has both."""
    found = [
        next((name for alike in spellings for one in alike for name in columns if plain_header(name) == one), None)
        for spellings in (LATITUDE, LONGITUDE)
    ]
    return (found[0], found[1]) if found[0] and found[1] else ()


def place_of(latitude: str, longitude: str) -> str:
    """SQL for a place: coordinates, rounded to a hundredth of a degree, which is about a kilometre; else empty.

    Programs that know none write 0 for both.

    Args:
        latitude: SQL for a text.
        longitude: SQL for a text.
    """
    # Decimals are rounded alike on every computer, which floating-point numbers may not be.
    north, east = (f"try_cast({text} AS DECIMAL(5, 2))" for text in (latitude, longitude))
    is_place = f"abs({north}) <= 90 AND abs({east}) <= 180 AND ({north} <> 0 OR {east} <> 0)"
    return f"CASE WHEN {is_place} THEN {north} || ',' || {east} ELSE '' END"
