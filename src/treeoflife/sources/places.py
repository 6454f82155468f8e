"""Where an image was made, so coarse that photographs of one outing have one place."""

from collections.abc import Collection

from ..core.database import column
from .spellings import plain_header

_LATITUDES = ("decimallatitude", "latitude", "lat", "coordlat")
_LONGITUDES = ("decimallongitude", "longitude", "lon", "lng", "long", "coordlon")


def coordinates(columns: Collection[str]) -> tuple[str, str] | tuple[()]:
    """The columns with latitude and longitude, if a table has both."""
    found = [
        next((name for one in spellings for name in columns if plain_header(name) == one), None)
        for spellings in (_LATITUDES, _LONGITUDES)
    ]
    return (found[0], found[1]) if found[0] and found[1] else ()


def place_of(latitude: str = "", longitude: str = "") -> str:
    """SQL for a place: the columns' coordinates, rounded to a hundredth of a degree, about a kilometre; else empty."""
    if not latitude or not longitude:
        return "''"
    # Decimals are rounded alike on every computer, which floating-point numbers may not be.
    parts = [f"try_cast({column(name)} AS DECIMAL(5, 2))::VARCHAR" for name in (latitude, longitude)]
    return f"coalesce({parts[0]} || ',' || {parts[1]}, '')"
