"""The columns of a catalog, which say where each image came from and what it shows."""

from collections.abc import Iterable

from ..core.values import RANKS
from .base import Source

CATALOG_KEYS = (
    "eol_content_id", "eol_page_id", "bioscan_part", "bioscan_filename", "inat21_filename", "inat21_cls_name",
    "inat21_cls_num",
)  # fmt: skip
"""The columns with the natural keys of the published sources. Every catalog has them, whatever its sources."""

IDENTIFYING_KEYS = {"eol": "eol_content_id", "inat21": "inat21_filename", "bioscan": "bioscan_filename"}
"""For each published source, the key column by which an image of it is recognized: it is empty for all others."""


def catalog_columns(sources: Iterable[Source]) -> list[str]:
    """The columns of a catalog of these sources, in order."""
    further = dict.fromkeys(name for source in sources for name in source.catalog if name not in CATALOG_KEYS)
    return ["split", "treeoflife_id", *CATALOG_KEYS, *further, *RANKS, "common"]
