"""The addresses of iNaturalist's photographs."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from ...core.database import quoted

Size = Literal["original", "large", "medium", "small", "thumb", "square"]
"""At most 2048, 1024, 500, 240 and 100 pixels wide and high; and exactly 75."""
PHOTOS = "https://inaturalist-open-data.s3.amazonaws.com/photos"
"""Where the open photographs are; those under other licences are at static.inaturalist.org/photos."""

_HOSTS = r"(?:inaturalist-open-data\.s3\.amazonaws\.com|static\.inaturalist\.org)"
_SIZES = "|".join(get_args(Size))
# The ending of the name stays as it is: it may be JPG, or nothing at all behind the point.
_PHOTO = rf"^(https?://{_HOSTS}/photos/[0-9]+/)(?:{_SIZES})(\.[A-Za-z]*)"

# Elsewhere a number there may be that of a person, as at Flickr, or of another photograph.
_NUMBER = r"^https?://[^/?#]*inaturalist[^/?#]*/photos/([0-9]+)/"


def resized(address: str, size: str) -> str:
    """SQL for the address of another size of a photograph of iNaturalist; other addresses stay as they are.

    Args:
        address: SQL for an address.
        size: one of :data:`Size`; empty for the size that the address has.
    """
    return f"regexp_replace({address}, {quoted(_PHOTO)}, '\\1{size}\\2')" if size else address


def photo_id(address: str) -> str:
    """SQL for the number of the photograph that an address leads to; empty if it is none of iNaturalist's."""
    return f"regexp_extract({address}, {quoted(_NUMBER)}, 1)"


@dataclass(frozen=True)
class Filters:
    """Which photographs to take; an empty filter takes all.

    Attributes:
        taxa: names and numbers of taxa, which are taken with all that is below them.
        licences: as iNaturalist writes them, in any case.
        quality_grades: of the observation.
        positions: of the photograph in its observation, from 0 on.
    """

    taxa: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()
    quality_grades: tuple[str, ...] = ()
    positions: tuple[int, ...] = ()

    @property
    def of_observations(self) -> bool:
        """Whether observations are left out."""
        return bool(self.taxa or self.quality_grades)


def one_of(text: str, values: Iterable[str]) -> str:
    """SQL for whether a text is one of these, in any case; true where there are none."""
    listed = ", ".join(quoted(value.strip().lower()) for value in values)
    return f"lower({text}) IN ({listed})" if listed else "true"
