"""The CSV files that iNaturalist's export of observations makes: a row an observation, columns as the user chose.

https://www.inaturalist.org/observations/export
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ...core.database import Database, column
from ...core.values import RANKS
from ...errors import InputError
from ..places import place_of
from ..spellings import plain_header
from .inaturalist_photos import Filters, one_of, photo_id, resized
from .listed_columns import shown
from .text_columns import ROW, Table

_LISTED = """
    SELECT try_cast(nullif({photo}, '') AS BIGINT) AS photo_id, {url} AS url, {ranks},
        {scientific_name} AS scientific_name, {taxon_rank} AS taxon_rank, {common_name} AS common_name,
        coalesce(nullif({uuid}, ''), {id}) AS observation,
        coalesce(nullif({user_login}, ''), {user_id}) AS observer,
        coalesce(nullif({place}, ''), {place_guess}) AS place,
        {photo} AS source_id, 'inaturalist' AS data_source, {page} AS source_url, {license} AS license_name,
        '' AS license_link, coalesce(nullif({user_name}, ''), {user_login}) AS copyright_owner, '' AS title,
        '' AS flags,
        CASE
            WHEN {image_url} = '' THEN '{file}, line ' || {row} || ': the observation has no photograph'
            WHEN {photo} = '' THEN '{file}, line ' || {row} || ': image_url is no photograph of iNaturalist'
            ELSE ''
        END AS problem
    FROM {table}
    WHERE {condition}
"""
_COLUMNS = (
    "id", "uuid", "user_id", "user_login", "user_name", "url", "image_url", "license", "latitude", "longitude",
    "place_guess", "quality_grade", "scientific_name", "common_name", "taxon_id",
)  # fmt: skip
_RANK_COLUMN = re.compile("taxon([a-z]+)name")
_ONLY_FIRST = (
    "an export of iNaturalist names only the first photograph of each observation, and the licence of the observation; "
    "the Open Data has all photographs and their licences"
)


def tables(path: Path) -> list[Path]:
    """The exported files: a file itself, or those of a folder.

    Raises:
        InputError: there is none.
    """
    if path.is_file():
        return [path]
    files = sorted(path.glob("observations-*.csv")) if path.is_dir() else []
    if not files:
        tar = next(iter(sorted(path.glob("*.tar.gz"))), None) if path.is_dir() else None
        advice = f"unpack {tar.name} there" if tar else "name the folder that holds them, or a CSV file of an export"
        raise InputError(
            f"{path} has neither the tables of iNaturalist's Open Data (photos, observations, taxa, observers, as "
            f".csv or .csv.gz) nor an export (observations-….csv): {advice}"
        )
    return files


def remarks(files: Sequence[Path]) -> list[str]:
    """What had to be guessed, and what an export lacks.

    Raises:
        InputError: a file cannot be read.
    """
    return [_ONLY_FIRST, *(f"{path.name}: {remark}" for path in files for remark in Table.of(path).remarks)]


def list_photos(database: Database, files: Sequence[Path], filters: Filters, size: str) -> None:
    """Make the photographs known as the table ``listed``.

    Raises:
        InputError: a file cannot be read, or has no column of photographs.
    """
    selects = []
    for number, path in enumerate(files):
        table = Table.of(path)
        table.open(database, f"export_{number}", table.columns)
        selects.append(_select(table, f"export_{number}", filters, size))
    database.make("listed", " UNION ALL ".join(selects))


def columns_of(files: Sequence[Path]) -> list[str]:
    """The columns of the exported files, each once.

    Raises:
        InputError: a file cannot be read.
    """
    return list(dict.fromkeys(name for path in files for name in Table.of(path).columns))


def tell_columns(database: Database, files: Sequence[Path], wanted: Mapping[str, str]) -> None:
    """Make columns known as the table ``said``: see :meth:`.ColumnTables.column_values`.

    Raises:
        InputError: a file cannot be read, or has no column of photographs.
    """
    selects = []
    for number, path in enumerate(files):
        table = Table.of(path)
        address = _addresses(table)
        table.open(database, f"export_{number}", {address, *wanted.values()})
        values = ", ".join(
            f"{column(own) if own in table.columns else 'NULL::VARCHAR'} AS {column(name)}"
            for name, own in wanted.items()
        )
        photo = f"try_cast(nullif({photo_id(column(address))}, '') AS BIGINT) AS photo_id"
        selects.append(f"SELECT {photo}, {values} FROM export_{number}")
    database.make("said", " UNION ALL ".join(selects))


def _addresses(table: Table) -> str:
    """The column with the addresses of photographs."""
    if address := next((own for own in table.columns if plain_header(own) == "imageurl"), ""):
        return address
    raise InputError(
        f"the table {table.path} is no export of iNaturalist with photographs: it lacks the column image_url, "
        f"which is to be ticked there; it has {shown(table.columns)}"
    )


def _select(table: Table, name: str, filters: Filters, size: str) -> str:
    _addresses(table)
    found = {plain_header(own): own for own in table.columns}
    values = {one: column(found[plain_header(one)]) if plain_header(one) in found else "''" for one in _COLUMNS}
    ranks = {rank: column(own) if (own := found.get(f"taxon{rank}name")) else "''" for rank in RANKS}
    observation = f"'https://www.inaturalist.org/observations/' || nullif({values['id']}, '')"
    coordinates = [found[one] for one in ("latitude", "longitude") if one in found]
    return _LISTED.format(
        **{one: sql for one, sql in values.items() if one != "url"}, url=resized(values["image_url"], size), table=name,
        row=ROW, file=table.path.name.replace("'", "''"),
        photo=photo_id(values["image_url"]), page=f"coalesce(nullif({values['url']}, ''), {observation})",
        ranks=", ".join(f"{sql} AS {column(rank)}" for rank, sql in ranks.items()),
        taxon_rank=_taxon_rank(table.columns, values["scientific_name"]),
        place=place_of(*map(column, coordinates)) if len(coordinates) == 2 else "''",
        condition=_condition(table, values, list(ranks.values()), filters),
    )  # fmt: skip


def _taxon_rank(columns: Iterable[str], name: str) -> str:
    """SQL for the rank of a name: that of the column, such as taxon_tribe_name, which has the same name.

    An export has these columns from the kingdom down; of two that fit, the lower one counts.
    """
    ranks = {own: match[1] for own in columns if (match := _RANK_COLUMN.fullmatch(plain_header(own)))}
    cases = " ".join(f"WHEN {column(own)} THEN '{rank}'" for own, rank in reversed([*ranks.items()]))
    return f"CASE {name} WHEN '' THEN '' {cases} ELSE '' END"


def _condition(table: Table, values: dict[str, str], ranks: list[str], filters: Filters) -> str:
    """SQL for whether an observation is taken."""
    asked = {"license": filters.licences, "quality_grade": filters.quality_grades}
    if missing := [name for name, wanted in asked.items() if wanted and values[name] == "''"]:
        raise InputError(f"the table {table.path} lacks the column {missing[0]}, by which dataset.toml chooses")
    conditions = [one_of(values[name], wanted) for name, wanted in asked.items()]
    if filters.taxa:
        # The rows of what is below a taxon would be left out in silence.
        if number := next((one for one in filters.taxa if one.strip().isdecimal()), None):
            raise InputError(
                f"the table {table.path} does not say what is below the taxon {number}: name it in taxa by its name"
            )
        if not any(rank != "''" for rank in ranks):
            raise InputError(
                f"the table {table.path} has none of the columns taxon_kingdom_name … taxon_species_name, by which "
                "taxa in dataset.toml chooses; they are to be ticked in the export"
            )
        of = [one_of(text, filters.taxa) for text in (*ranks, values["scientific_name"], values["taxon_id"])]
        conditions.append(f"({' OR '.join(of)})")
    if filters.positions and 0 not in filters.positions:
        conditions.append("false")
    return " AND ".join(conditions)
