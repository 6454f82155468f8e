"""Columns of the sources' tables, as they go into samples and into the catalog.

said          of one source: its natural key and some columns      :class:`.sources.column_tables.ColumnTables`
told_N        treeoflife_id and the columns, of each image of the Nth source of which a row says anything
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ..core.database import Database, column, columns, quoted
from ..core.text_tables import match_names
from ..errors import ConfigError
from ..mapping.images import catalog_names
from ..sources.base import Source
from ..sources.column_tables import ColumnTables, clean_text
from ..sources.columns import is_of_eol
from . import eol_manifest

STEP_VERSION = 1
BETWEEN_ROWS = " | "
"""What stands between the values of an image that has several rows which differ; Darwin Core divides lists so."""
_SHOWN, _SIMILAR = 60, 3


def check_columns(sources: Sequence[Source], manifest: Sequence[Path], wanted: Mapping[str, str]) -> None:
    """Check that every column is in a table of some source.

    Raises:
        ConfigError: one is in none; the message lists similar ones, and which there are.
        InputError: a table cannot be read.
    """
    if not wanted:
        return
    present = {source.name: _columns_of(source, manifest) for source in sources}
    for name in wanted.values():
        if not any(_own_names(source, own, {name: name}) for source, own in present.items()):
            every = sorted({one for own in present.values() for one in own}, key=str.lower)
            raise ConfigError(f"[wds] columns: no source has a table with the column {name!r}{_described(name, every)}")


def _described(name: str, every: Sequence[str]) -> str:
    if not every:
        return ": none of the sources has a table"
    by_lower = {one.lower(): one for one in every}
    near = [by_lower[one] for one in difflib.get_close_matches(name.lower(), by_lower, _SIMILAR)]
    meant = f" ({' or '.join(map(repr, near))}?)" if near else ""
    more = f" and {len(every) - _SHOWN} more" if len(every) > _SHOWN else ""
    return f"{meant}; there are {', '.join(every[:_SHOWN])}{more}"


def _columns_of(source: Source, manifest: Sequence[Path]) -> Sequence[str]:
    """The columns of the tables of a source, as they are called there."""
    if isinstance(source, ColumnTables):
        return source.table_columns()
    return eol_manifest.COLUMNS_OF_MANIFEST if manifest and is_of_eol(source) else ()


def column_files(source: Source, manifest: Sequence[Path]) -> list[Path]:
    """The files with the columns of a source."""
    if isinstance(source, ColumnTables):
        return source.column_files()
    return list(manifest) if is_of_eol(source) else []


def _own_names(source: str, present: Sequence[str], wanted: Mapping[str, str]) -> dict[str, str]:
    """Which of the wanted columns a source has, as its tables call them."""
    found = match_names(f"the tables of [sources.{source}] have several columns", present, list(wanted.values()))
    return {name: found[one] for name, one in wanted.items() if one in found}


def write_columns(
    database: Database, sources: Sequence[Source], manifest: Sequence[Path], wanted: Mapping[str, str], path: Path
) -> int:
    """Write the values of columns, by ``treeoflife_id``, of the images of which tables say anything.

    in:  image

    Args:
        manifest: the files of EOL's media manifest, which is the table of EOL's images.
        wanted: the columns of tables by the names that they get. A source may lack some.

    Returns:
        The number of images with any value.

    Raises:
        InputError: a table is malformed.
    """
    parts = list(_tell(database, sources, manifest, wanted))
    nothing = ", ".join(f"NULL::VARCHAR AS {column(name)}" for name in wanted)
    empty = f"SELECT NULL::VARCHAR AS treeoflife_id, {nothing} WHERE false"
    rows = " UNION ALL BY NAME ".join([empty, *(f"FROM {part}" for part in parts)])
    some = " OR ".join(f"{column(name)} IS NOT NULL" for name in wanted)
    return database.write(path, f"FROM ({rows}) WHERE {some} ORDER BY treeoflife_id")


def _tell(
    database: Database, sources: Sequence[Source], manifest: Sequence[Path], wanted: Mapping[str, str]
) -> Iterator[str]:
    """Make the table ``told_N`` of each source that has any of the columns; yields its name."""
    for number, source in enumerate(sources):
        own = _own_names(source.name, _columns_of(source, manifest), wanted)
        if not own:
            continue
        if isinstance(source, ColumnTables):
            source.column_values(database, own)
        else:
            eol_manifest.tell_columns(database, source, manifest, own)
        names = catalog_names(source)
        key = " AND ".join(f"said.{column(one)} = own.{column(names[one])}" for one in source.key)
        values = ", ".join(f"{clean_text(column(name, 'said'))} AS {column(name)}" for name in own)
        # The images are on the right, which is kept in memory: ids and keys are shorter than what tables say.
        database.sort(f"rows_of_{number}", f"""
            SELECT own.treeoflife_id, {values}
            FROM said
            JOIN (FROM image WHERE source = {quoted(source.name)}) AS own ON {key}
        """)  # fmt: skip
        database.make(f"told_{number}", _once(f"rows_of_{number}", list(own)))
        yield f"told_{number}"


def _once(rows: str, names: Sequence[str]) -> str:
    """SQL for one row per image: where its rows differ, their values beside each other, in the order of texts."""
    joined = ", ".join(
        f"string_agg(DISTINCT {one}, {quoted(BETWEEN_ROWS)} ORDER BY {one}) AS {one}" for one in map(column, names)
    )
    # The few images with several rows are looked up first: to group all of them would take far longer.
    return f"""
        WITH twice AS MATERIALIZED (
            SELECT treeoflife_id FROM {rows} GROUP BY treeoflife_id HAVING count(*) > 1
        )
        SELECT treeoflife_id, {columns(names)}
        FROM {rows}
        ANTI JOIN twice USING (treeoflife_id)
        UNION ALL
        SELECT treeoflife_id, {joined}
        FROM {rows}
        SEMI JOIN twice USING (treeoflife_id)
        GROUP BY treeoflife_id
    """
