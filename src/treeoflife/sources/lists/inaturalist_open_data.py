"""The tables of iNaturalist's Open Data: text without quotation marks, divided by tabs, each maybe packed with gzip.

https://github.com/inaturalist/inaturalist-open-data describes them. They have no names of ranks: the lineage of a taxon
is in ``ancestry``, the numbers of the taxa above it joined by slashes.

photos          photo_id, observation_uuid, observer_id, extension, license, position
observations    observation_uuid, observer_id, latitude, longitude, taxon_id, quality_grade
taxa            taxon_id, ancestry, rank, name, active
observers       observer_id, login, name
"""

import gzip
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl
from isal import igzip, igzip_lib

from ...core.database import Database, column, quoted
from ...core.delimited_stream import DelimitedStream, Field, Layout
from ...core.values import RANKS
from ...errors import InputError
from ..containers.tar_archives import is_gzip
from ..places import place_of
from .inaturalist_photos import Filters, one_of

_COLUMNS = {
    "photos": ("photo_id", "observation_uuid", "observer_id", "extension", "license", "position"),
    "observations": ("observation_uuid", "observer_id", "latitude", "longitude", "taxon_id", "quality_grade"),
    "taxa": ("taxon_id", "ancestry", "rank", "name", "active"),
    "observers": ("observer_id", "login", "name"),
}
_ENDINGS = (".csv", ".csv.gz")
_CHUNK = 1 << 20
_LONGEST_HEADER = 1 << 16
# The name of a tribe or a complex of species would be taken for that of a genus or species.
_NAMED_RANKS = (*RANKS, "subspecies", "variety", "form", "infrahybrid", "hybrid", "genushybrid")

_ANCESTORS = """
    SELECT DISTINCT taxon_id, unnest(string_split(ancestry, '/') || [taxon_id]) AS ancestor_id
    FROM taxa
"""
_LINEAGES = """
    SELECT ancestor.taxon_id, {ranks}, count(*) > count(taxa.taxon_id) AS is_broken
    FROM (FROM ancestor SEMI JOIN observation USING (taxon_id)) AS ancestor
    LEFT JOIN taxa ON taxa.taxon_id = ancestor.ancestor_id
    WHERE ancestor_id <> ''
    GROUP BY ancestor.taxon_id
"""
_NAMES = """
    SELECT lineage.* EXCLUDE (is_broken), rank AS taxon_rank,
        CASE WHEN rank IN ({named_ranks}) THEN name ELSE '' END AS scientific_name,
        concat_ws(
            ';',
            CASE WHEN lower(active) IN ('false', 'f', '0') THEN 'inactive-taxon' END,
            CASE WHEN is_broken THEN 'unknown-ancestor' END
        ) AS flags
    FROM lineage
    JOIN taxa USING (taxon_id)
"""
_PHOTOS = """
    SELECT *,
        CASE WHEN regexp_full_match(photo_id, '[0-9]{{1,18}}') THEN photo_id::BIGINT END AS number,
        CASE
            WHEN problem <> '' THEN problem
            WHEN number IS NULL THEN 'line ' || line || ' of photos: its photo_id ' || photo_id || ' is no number'
            ELSE ''
        END AS trouble
    FROM photos
    WHERE problem <> '' OR ({condition})
"""
_LISTED = """
    SELECT number AS photo_id, CASE WHEN trouble = '' THEN {address} ELSE '' END AS url, {ranks},
        named.scientific_name, named.taxon_rank, '' AS common_name, photo.observation_uuid AS observation,
        coalesce(nullif(observers.login, ''), {observed_by}) AS observer, {place} AS place,
        photo.photo_id AS source_id, 'inaturalist' AS data_source,
        CASE WHEN trouble = '' THEN 'https://www.inaturalist.org/photos/' || photo.photo_id END AS source_url,
        photo.license AS license_name, '' AS license_link,
        coalesce(nullif(observers.name, ''), observers.login) AS copyright_owner, '' AS title,
        CASE WHEN observation.taxon_id <> '' AND named.taxon_id IS NULL THEN 'unknown-taxon' ELSE named.flags END
            AS flags,
        CASE
            WHEN trouble = '' AND observation.observation_uuid IS NULL
            THEN 'its observation ' || photo.observation_uuid || ' is not in the table of observations'
            ELSE trouble
        END AS problem
    FROM ({photos}) AS photo
    LEFT JOIN observation USING (observation_uuid)
    LEFT JOIN named ON named.taxon_id = observation.taxon_id
    LEFT JOIN observers ON observers.observer_id = {observed_by}
    {condition}
"""

_JOINS = {
    "observations": "observations.observation_uuid = photos.observation_uuid",
    "taxa": "taxa.taxon_id = observations.taxon_id",
    "observers": "observers.observer_id = coalesce(nullif(photos.observer_id, ''), observations.observer_id)",
}


def tables(folder: Path) -> list[Path]:
    """The four tables in a folder; none if it holds none of them.

    Raises:
        InputError: it lacks some of them, or has one twice.
    """
    found = {
        name: [folder / f"{name}{ending}" for ending in _ENDINGS if (folder / f"{name}{ending}").is_file()]
        for name in _COLUMNS
    }
    if not any(found.values()):
        return []
    if missing := [f"{name}.csv.gz" for name, paths in found.items() if not paths]:
        raise InputError(f"{folder} lacks {' and '.join(missing)} of iNaturalist's Open Data")
    if twice := next((paths for paths in found.values() if len(paths) > 1), None):
        raise InputError(f"{folder} holds {twice[0].name} and {twice[1].name}: keep one of them")
    return [paths[0] for paths in found.values()]


def list_photos(database: Database, folder: Path, filters: Filters, photos: str, size: str) -> None:
    """Make the photographs known as the table ``listed``.

    Args:
        photos: the address before the numbers of photographs.
        size: the size in the addresses.

    Raises:
        InputError: a table is malformed, or a taxon unknown.
    """
    for name, path in zip(_COLUMNS, tables(folder), strict=True):
        _spool(database, name, path)
    _name_observations(database, filters)
    # A row that cannot be read is never left out: nobody knows what it is of.
    kept = "WHERE trouble <> '' OR observation.observation_uuid IS NOT NULL" if filters.of_observations else ""
    of_photos = [one_of("license", filters.licences)]
    if filters.positions:
        of_photos.append(f"try_cast(position AS INTEGER) IN ({', '.join(map(str, filters.positions))})")
    sql = _LISTED.format(
        observed_by="coalesce(nullif(photo.observer_id, ''), observation.observer_id)",
        address=f"{quoted(photos)} || photo.photo_id || {quoted(f'/{size}.')} || photo.extension",
        ranks=", ".join(f"named.{column(rank)}" for rank in RANKS),
        place=place_of("latitude", "longitude"),
        photos=_PHOTOS.format(condition=" AND ".join(of_photos)),
        condition=kept,
    )
    database.make("listed", sql)


def columns_of(folder: Path) -> list[str]:
    """The columns of the four tables: each as the first table calls it that has it, and those of later tables that have
    the same name with the table before them, such as ``observers.name``.

    Raises:
        InputError: a table is missing or cannot be read.
    """
    every = [(name, own) for name, path in zip(_COLUMNS, tables(folder), strict=True) for own in _header(path)]
    first: dict[str, str] = {}
    for name, own in every:
        first.setdefault(own, name)
    return [own if first[own] == name else f"{name}.{own}" for name, own in every]


def tell_columns(database: Database, folder: Path, wanted: Mapping[str, str]) -> None:
    """Make columns known as the table ``said``: see :meth:`.ColumnTables.column_values`.

    Raises:
        InputError: a table is malformed.
    """
    paths = dict(zip(_COLUMNS, tables(folder), strict=True))
    places = {}
    for name, own in wanted.items():
        named, _, rest = own.partition(".")
        table = named if rest and named in paths else next(one for one in paths if own in _header(paths[one]))
        places[name] = (table, rest if rest and named in paths else own)
    used = {table for table, _ in places.values()} | {"photos"}
    for name in [*_COLUMNS] if used - {"photos"} else ["photos"]:
        _spool(database, name, paths[name], tuple(own for table, own in places.values() if table == name))
    values = ", ".join(f"{table}.{column(own)} AS {column(name)}" for name, (table, own) in places.items())
    joins = [
        f"LEFT JOIN {table} ON {condition}"
        for table, condition in _JOINS.items()
        if table in used or (table == "observations" and used - {"photos"})
    ]
    database.make("said", f"""
        SELECT try_cast(photos.photo_id AS BIGINT) AS photo_id, {values}
        FROM photos
        {" ".join(joins)}
        WHERE photos.problem IS NULL OR photos.problem = ''
    """)  # fmt: skip


def _name_observations(database: Database, filters: Filters) -> None:
    """Make the observations that are taken known as ``observation``, and the names of their taxa as ``named``."""
    database.make("ancestor", _ANCESTORS)
    below = ""
    if filters.taxa:
        ids = ", ".join(quoted(_taxon(database, one)) for one in filters.taxa)
        below = f"SEMI JOIN (SELECT DISTINCT taxon_id FROM ancestor WHERE ancestor_id IN ({ids})) USING (taxon_id)"
    database.make("observation", f"FROM observations {below} WHERE {one_of('quality_grade', filters.quality_grades)}")
    ranks = ", ".join(f"coalesce(min(name) FILTER (rank = {quoted(rank)}), '') AS {column(rank)}" for rank in RANKS)
    database.make("lineage", _LINEAGES.format(ranks=ranks))
    database.make("named", _NAMES.format(named_ranks=", ".join(map(quoted, _NAMED_RANKS))))


def _taxon(database: Database, text: str) -> str:
    """The number of the taxon that a setting names.

    Raises:
        InputError: there is no such taxon, or several have the name.
    """
    by = "taxon_id = $text" if text.strip().isdecimal() else "lower(name) = lower($text)"
    found = database.rows(
        f"""
        SELECT taxon_id, rank, name, lower(active) IN ('true', 't', '1') AS is_active
        FROM taxa
        WHERE {by}
        ORDER BY is_active DESC, taxon_id
        """,
        text=text.strip(),
    )
    # A name that is in use again has an inactive taxon beside the active one.
    found = [one for one in found if one[3]] or found
    if not found:
        raise InputError(f"iNaturalist's taxa have no {text!r}, which taxa in dataset.toml names")
    if len(found) > 1:
        which = ", ".join(f"{number} ({rank})" for number, rank, *_ in found)
        raise InputError(f"several taxa of iNaturalist are called {text!r}: name one by its number, of {which}")
    return str(found[0][0])


def _spool(database: Database, name: str, path: Path, further: Sequence[str] = ()) -> None:
    """Make a table known to the database under its name; only photos may have rows with a ``problem``.

    Args:
        further: columns to read beside those that are always read.

    Raises:
        InputError: it is malformed, or lacks a column.
    """
    header = _header(path)
    wanted = tuple(dict.fromkeys((*_COLUMNS[name], *further)))
    if missing := [one for one in wanted if one not in header]:
        raise InputError(f"the table {path} lacks the column {missing[0]} of iNaturalist's Open Data; it has {header}")
    layout = Layout("\t", "", "\n", "utf-8", header_lines=1, width=len(header), least_width=len(header))
    stream = DelimitedStream(path.name, layout, {one: [Field(header.index(one))] for one in wanted})
    schema = pl.Schema({**dict.fromkeys(wanted, pl.String), "line": pl.Int64, "problem": pl.String})
    database.spool(name, stream.frames(_chunks(path)), schema)
    # An empty table of photographs is told of where the photographs are counted.
    for (problem,) in database.rows(f"SELECT problem FROM {name} WHERE problem <> '' ORDER BY line LIMIT 1"):
        if name != "photos":
            raise InputError(f"the table {path} cannot be read: {problem}")
    if name == "taxa":
        _check_once(database, path)


def _check_once(database: Database, path: Path) -> None:
    for taxon, lines in database.rows(
        "SELECT taxon_id, max(line) FROM taxa GROUP BY taxon_id HAVING count(*) > 1 ORDER BY taxon_id LIMIT 1"
    ):
        raise InputError(f"the table {path} has the taxon {taxon} twice, again on line {lines}: keep one of the rows")


def _header(path: Path) -> list[str]:
    line, found, _ = next(_chunks(path), b"").removeprefix(b"\xef\xbb\xbf")[:_LONGEST_HEADER].partition(b"\n")
    if not found:
        raise InputError(f"the table {path} is empty, or none: it has no line with the names of its columns")
    return [name.strip() for name in line.decode(errors="replace").split("\t")]


def _chunks(path: Path) -> Iterator[bytes]:
    """The text in a file, which may be packed with gzip.

    Raises:
        InputError: it cannot be read to its end.
    """
    try:
        with path.open("rb", buffering=_CHUNK) as raw:
            stream = igzip.open(raw, "rb") if is_gzip(path) else raw  # type: ignore[no-untyped-call]
            while data := stream.read(_CHUNK):
                yield data
    except (gzip.BadGzipFile, EOFError, OSError, zlib.error, igzip_lib.IsalError) as error:  # type: ignore[misc]
        raise InputError(f"the table {path} cannot be read to its end: {error or type(error).__name__}") from None
