"""Two downloads of a source: which images each lists, for ``treeoflife diff``."""

from pathlib import Path

from ..core.database import Database, column, columns
from ..core.progress import Listener
from ..core.table_changes import SIDES, Comparison
from ..core.values import RANKS
from ..errors import ConfigError
from ..mapping.ids import id_sql
from ..mapping.natural_keys import joined_sql
from ..sources.base import GROUP_COLUMNS
from ..sources.lists.listed import ListedImages
from ..sources.lists.listing import write_listing
from ..sources.registry import load_source
from .listed_kinds import LISTED

_COMPARISON = Comparison(
    labels=("treeoflife_id", "source", "natural_key"),
    kinds={
        "url": ("url",),
        "name": (*RANKS, "scientific_name", "taxon_rank", "common_name"),
        "group": GROUP_COLUMNS,
        "licence": ("license_name", "license_link"),
        "provenance": ("source_id", "data_source", "source_url", "copyright_owner", "title"),
        "flags": ("flags",),
        "problem": ("problem",),
    },
    state="url",
)
_UNUSABLE = "cannot be used"
_ADDRESSES = ("identifier", "image_url")
"""The columns of natural keys that hold the address of an image."""


def open_list(path: Path, kind: str) -> ListedImages:
    """The source whose tables lie at a path.

    Args:
        kind: of :data:`.listed_kinds.LISTED`.

    Raises:
        InputError: it has no tables of this kind.
    """
    name, settings, _ = LISTED[kind](path)
    source = load_source(name, settings, path.parent)
    assert isinstance(source, ListedImages)
    return source


def compare_lists(database: Database, before: ListedImages, after: ListedImages, listener: Listener) -> Comparison:
    """Make the images of two lists known as the sides of a comparison; see :mod:`..core.table_changes`.

    Raises:
        ConfigError: the natural keys of the two consist of other columns, so that no image of one is one of the other.
        InputError: a table is malformed.
    """
    if before.columns != after.columns:
        one, other = (", ".join(source.columns) for source in (before, after))
        raise ConfigError(
            f"the images of the two lists are known by other columns, the former by {one} and the latter by {other}: "
            "rename the columns of one of them as those of the other"
        )
    for side, source in zip(SIDES, (before, after), strict=True):
        _open_side(database, side, source, listener)
    return _COMPARISON


def _open_side(database: Database, side: str, source: ListedImages, listener: Listener) -> None:
    # In a folder of its own: the database removes a file of its scratch folder once another table has its name.
    path = database.scratch / "lists" / f"{side}.parquet"
    path.parent.mkdir(exist_ok=True)
    listing = write_listing(source, database, path)
    for remark in filter(None, (*source.remarks(), listing.remark())):
        listener.note(f"{side}: {remark}")
    database.view(f"{side}_list", [path])
    has_key = " AND ".join(f"{column(name)} IS NOT NULL" for name in source.columns)
    rest = [name for name in source.key if name not in (*_ADDRESSES, "box")]
    other = joined_sql({name: source.columns[name] for name in rest}) if rest and len(rest) < len(source.key) else "''"
    named = ", ".join(
        f"{column(one)} AS {column(two)}" for one, two in zip(source.columns, source.catalog, strict=True)
    )
    values = [name for name in _COMPARISON.compared if name != "problem"]
    database.run(f"""
        CREATE OR REPLACE VIEW {side} AS
        SELECT {joined_sql({name: source.columns[name] for name in source.key})} AS id, {other} AS other_id,
            {id_sql(source)} AS treeoflife_id, '{source.name}' AS source,
            id AS natural_key, {columns(values)},
            if(problem = '', '', '{_UNUSABLE}') AS problem
        FROM (SELECT *, {named} FROM {side}_list WHERE {has_key})
    """)
    database.run(f"CREATE TABLE {side}_absent (id VARCHAR, reason VARCHAR)")
