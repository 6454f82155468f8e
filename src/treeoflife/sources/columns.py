"""The columns of sources: those that a source may have, and those of a catalog."""

import re
from collections.abc import Iterable, Sequence

from ..core.values import RANKS
from ..errors import ConfigError
from .base import Source

CATALOG_KEYS = (
    "eol_content_id", "eol_page_id", "bioscan_part", "bioscan_filename", "inat21_filename", "inat21_cls_name",
    "inat21_cls_num",
)  # fmt: skip
"""The columns with the natural keys of the published sources. Every catalog has them, whatever its sources."""

IDENTIFYING_KEYS = {"eol": "eol_content_id", "inat21": "inat21_filename", "bioscan": "bioscan_filename"}
"""For each published source, the key column by which an image of it is recognized: it is empty for all others."""


def is_of_eol(source: Source) -> bool:
    """Whether a source is of the Encyclopedia of Life, whose media manifest knows its images by their content ids."""
    return IDENTIFYING_KEYS["eol"] in source.catalog


def is_published_kind(source: Source) -> bool:
    """Whether a source is one of those that TreeOfLife-10M is made of, whose providers have taxonomies of their own."""
    return any(key in source.catalog for key in IDENTIFYING_KEYS.values())


def catalog_columns(sources: Iterable[Source]) -> list[str]:
    """The columns of a catalog of these sources, in order."""
    further = dict.fromkeys(name for source in sources for name in source.catalog if name not in CATALOG_KEYS)
    return ["split", "treeoflife_id", *CATALOG_KEYS, *further, *RANKS, "common"]


_NAME = re.compile(r"[a-z][a-z0-9_]{0,60}")
RESERVED_COLUMNS = frozenset(
    # of the store, the plan and the selection
    "position file container source treeoflife_id offset size sha256 source_bytes source_sha256 width height format"
    " mode pdq contrast colour ground plain flat strokes lines reason detail file_row name name_key label_key"
    " species_key tar_bytes shard image_row file_row_number is_bad quality rule cause held_out held_out_detail"
    " marked unlicensed group place preference taxon rank_count has_common text_bytes chosen_row cause_id file_reason"
    " file_detail unlisted is_listed"
    # of the mapping, where SQLite has names for the number of a row
    " evobio10m_id is_val is_train_small rowid oid"
    # of the catalog
    " split kingdom phylum class order family genus species common".split()
)
"""The columns that tables have beside those of sources: a source cannot have columns of these names."""


def check_columns(source: Source) -> None:
    """Check that the mapping and the catalog can hold the columns of a source.

    Raises:
        ConfigError: a name is reserved, there twice, or not of small letters, digits and ``_``; or the natural key is
            not of these columns; or a given id is not the key.
    """
    where = f"[sources.{source.name}]: the plug-in {type(source).__name__}"
    for names in (list(source.columns), list(source.catalog)):
        wrong = [one for one in names if not _NAME.fullmatch(one) or one in RESERVED_COLUMNS or names.count(one) > 1]
        if wrong:
            raise ConfigError(
                f"{where} has a column {wrong[0]!r}, which is reserved, there twice, or not of small letters, digits "
                f"and '_'; reserved are {', '.join(sorted(RESERVED_COLUMNS))}"
            )
    if not source.key or not set(source.key) <= source.columns.keys() or len(source.catalog) != len(source.columns):
        raise ConfigError(f"{where} needs a key of its columns, and a name in the catalog for each of them")
    if source.given_id and (source.key != (source.given_id,) or source.columns[source.given_id] is not str):
        raise ConfigError(
            f"{where} gives ids in the column {source.given_id!r}, which must be a text and alone the key"
        )


def check_together(sources: Sequence[Source]) -> None:
    """Check that one mapping and one catalog can hold several sources.

    Raises:
        ConfigError: they cannot; the message names two of them.
    """
    names = {source.name for source in sources}
    owners: dict[str, tuple[str, type]] = {}
    for source in sources:
        if f"{source.name}_key" in names:  # the name of an index, of which SQLite has none beside a table of that name
            raise ConfigError(f"a source cannot be called '{source.name}_key' beside '{source.name}': rename one")
        for column, kind in zip(source.catalog, source.columns.values(), strict=True):
            owner, owned_kind = owners.setdefault(column, (source.name, kind))
            if owned_kind is not kind:
                raise ConfigError(
                    f"[sources.{owner}] and [sources.{source.name}] both have a column '{column}' in the catalog, "
                    "one with numbers and one with texts: rename one of the sources"
                )
