"""A table of addresses of images, whoever wrote it; among others the catalog of TreeOfLife-200M, and BioTrove.

The natural key is the address, as it is written. If the settings name the column of an id, it is id and address: one
picture may then be several images, as in tables with a row for each animal. If they say that these ids are kept, they
are UUIDs, each of one image, and alone the key. If the rows are boxes in pictures, the box is the last part of the key.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from ..config.base import Model
from ..core.database import Database, column, quoted
from ..core.files import exists
from ..core.values import BoundingBox
from ..errors import ConfigError, InputError
from .lists.inaturalist_photos import Size, resized
from .lists.listed import LISTED_COLUMNS, ListedImages
from .lists.listed_boxes import ListedBoxes, parse_box
from .lists.listed_columns import Meaning, columns_by_meaning, find_column, first_filled, own_species, shown
from .lists.text_columns import FILE, ROW, Table, table_files, without_words_for_nothing
from .lists.treeoflife_200m import COLUMNS as COLUMNS_OF_200M
from .lists.treeoflife_200m import add_provenance, find_provenance, is_treeoflife_200m
from .places import coordinates, place_of

_ADDRESS = r"(?i)^https?://[^\s/?#]+([/?#][^\x00-\x1f]*)?$"
_UUID = "try_cast(id AS UUID)"
_IS_REPEATED = f"{_UUID} IN (FROM repeated_id)"
_RAW = "as written: "  # before the names of columns that go into samples
_SHOWN = 200  # characters of a value in a sentence
_NAME_MEANINGS: tuple[Meaning, ...] = (
    "kingdom", "phylum", "class", "order", "family", "genus", "species", "scientific_name", "common_name",
)  # fmt: skip
_PLAIN_MEANINGS: tuple[Meaning, ...] = (
    "taxon_rank", "observation", "observer", "place", "source_id", "data_source", "source_url", "license_name",
    "license_link", "copyright_owner", "title", "flags",
)  # fmt: skip


class Settings(Model):
    """The keys of the table of a source of addresses."""

    path: Path
    """The table: text with a header such as CSV, Parquet, a folder of files of Parquet, or Excel, with a column of
    addresses and columns of names."""
    preset: Literal["", "treeoflife-200m"] = ""
    """treeoflife-200m: the table is the catalog.parquet of TreeOfLife-200M, whose uuids are kept as ids."""
    columns: dict[Meaning, str] = {}  # noqa: RUF012 - as in all models, it is copied and frozen
    """Columns whose headers are not the usual ones, such as { url = "link", observation = "event" }; an empty text for
    what no column holds. If it names an id, the natural key is the id and the address, otherwise the address alone."""
    boxes: bool = False
    """Whether each row is a box in the picture, in the columns x, y, width and height, and each box an image."""
    keep_ids: bool = False
    """Whether the ids are UUIDs that identify the images in the dataset too; otherwise ids are made from the key."""
    provenance: Path | None = None
    """TreeOfLife-200M's provenance.parquet; if not set, that beside the table or in ../metadata, if there is one."""
    where: dict[str, list[str]] = {}  # noqa: RUF012
    """Which rows to take, by the values of columns: { class = ["Aves"], data_source = ["gbif"] }; empty: all."""
    size: Literal[Size, ""] = ""
    """The size to fetch of iNaturalist's photographs, in place of that in the table: large (1024 pixels), medium (500),
    small (240), …; empty: as the table has it."""


class Urls(ListedImages):
    """Images listed in a table; each has a label of its own."""

    Settings: ClassVar[type[Model]] = Settings
    name_key: ClassVar[str] = "treeoflife_id"

    def __init__(self, name: str, settings: Model) -> None:
        assert isinstance(settings, Settings)
        self.name, self.path, self.settings = name, settings.path, settings
        preset = COLUMNS_OF_200M if settings.preset else {}
        self.named: dict[Meaning, str] = {**preset, **settings.columns}
        self.keeps_ids = settings.keep_ids or bool(settings.preset)
        parts = ("uuid",) if self.keeps_ids else ("image_id", "image_url") if self.named.get("id") else ("image_url",)
        if settings.boxes:
            if self.keeps_ids:
                raise ConfigError(f"[sources.{name}]: boxes get ids of their own: leave out keep_ids and preset")
            parts = (*parts, "box")
        # Which columns there are depends on the settings, so they are those of this source and not of its class.
        self.columns = dict.fromkeys(parts, str)
        self.key = parts
        self.listed_as = "{" + parts[0] + "}"
        self.given_id = "uuid" if self.keeps_ids else ""
        self.catalog = tuple(f"{name}_{part}" for part in parts)

    def tables(self) -> list[Path]:
        """The files of the table, and of the provenance.

        Raises:
            InputError: one is missing, or is a folder that is no table.
        """
        paths = [self.path, *([self._provenance] if self._provenance else [])]
        for path in paths:
            if not exists(path):
                raise InputError(f"[sources.{self.name}]: the table {path} is not there")
        return [file for path in paths for file in table_files(path)]

    @property
    def _provenance(self) -> Path | None:
        return self.settings.provenance or (find_provenance(self.path) if self.settings.preset else None)

    def remarks(self) -> list[str]:
        """What had to be guessed or repaired in the table.

        Raises:
            InputError: it cannot be read.
        """
        table = Table.of(self.path)
        said = [f"{self.path.name}: {remark}" for remark in table.remarks]
        if not self.settings.preset and is_treeoflife_200m(table.columns):
            said.append(
                f'{self.path.name} looks like the catalog of TreeOfLife-200M: preset = "treeoflife-200m" keeps its ids'
            )
        if not any(self._meanings(table)[one] for one in _NAME_MEANINGS):
            said.append(f"{self.path.name} has no column with names; it has {shown(list(table.columns))}")
        if self.settings.preset and not self._provenance:
            said.append(
                f"there is no provenance.parquet beside {self.path.name}: licences, owners and pages are unknown; "
                "provenance = … in dataset.toml names it"
            )
        return said

    def meanings(self) -> dict[str, list[str]]:
        """The columns of the table that are read, by what they hold.

        Raises:
            InputError: the table cannot be read, or has no column with addresses.
        """
        return self._meanings(Table.of(self.path))

    def _meanings(self, table: Table) -> dict[str, list[str]]:
        meanings = columns_by_meaning(self.path, list(table.columns), self.named)
        if self.settings.boxes and not any(meanings[one] for one in _NAME_MEANINGS):
            meanings["scientific_name"] = list(ListedBoxes.of(self.path, list(table.columns)).labels[:1])
        if self.keeps_ids and not meanings["id"]:
            raise InputError(f"the table {self.path} has no column with ids to keep; name it: columns = {{ id = … }}")
        return meanings

    def box_of(self, key: tuple[int | str, ...] | None) -> BoundingBox | None:
        """The box, which is the last part of the key."""
        return parse_box(str(key[-1])) if self.settings.boxes and key else None

    def list_images(self, database: Database) -> None:
        """Make the images known as the table ``listed``.

        Raises:
            InputError: the table cannot be read, or no row that is taken has an address.
        """
        self.tables()
        table = Table.of(self.path)
        meanings = self._meanings(table)
        boxes = ListedBoxes.of(self.path, list(table.columns)) if self.settings.boxes else None
        table.open(database, "listed_file", self._used(table, meanings) | (boxes.used if boxes else set()))
        values = self._values(table, meanings)
        if boxes:
            boxes = boxes.told_apart(database, "listed_file")
            values += f", {boxes.numbers()}, {boxes.text(database, 'listed_file')} AS box"
        chosen = f"SELECT {values} FROM listed_file WHERE {self._condition(table)}"
        if self.keeps_ids:
            _find_repeated_ids(database, chosen)
        if self._provenance:
            chosen = add_provenance(database, chosen, self._provenance)
        others = ", ".join(column(name) for name in LISTED_COLUMNS if name not in {"url", "problem"})
        database.make(
            "listed",
            f"""
            SELECT {self._key()}, {resized("url", self.settings.size)} AS url, {others},
                CASE WHEN problem <> '' THEN {table.place} || ': ' || problem ELSE '' END AS problem
            FROM (SELECT *, {self._problem()} AS problem FROM ({chosen}))
            """,
        )
        self._check_some(database, meanings)

    def column_files(self) -> list[Path]:
        """The table."""
        return self.tables()[:1]

    def table_columns(self) -> list[str]:
        """The columns of the table.

        Raises:
            InputError: it cannot be read.
        """
        return list(Table.of(self.path).columns)

    def column_values(self, database: Database, wanted: Mapping[str, str]) -> None:
        """The columns of the rows that are taken.

        Raises:
            InputError: the table cannot be read.
        """
        table = Table.of(self.path)
        meanings = self._meanings(table)
        table.open(database, "listed_file", self._used(table, meanings) | {*wanted.values()})
        values = ", ".join(f"{column(own)} AS {column(f'{_RAW}{name}')}" for name, own in wanted.items())
        chosen = f"SELECT {self._values(table, meanings)}, {values} FROM listed_file WHERE {self._condition(table)}"
        if self.keeps_ids:
            _find_repeated_ids(database, chosen)
        own = ", ".join(f"{column(f'{_RAW}{name}')} AS {column(name)}" for name in wanted)
        database.make(
            "said", f"SELECT {self._key()}, {own} FROM (SELECT *, {self._problem()} AS problem FROM ({chosen}))"
        )

    def _used(self, table: Table, meanings: dict[str, list[str]]) -> set[str]:
        """The columns that are read."""
        used = {name for names in meanings.values() for name in names} | {*coordinates(table.columns)}
        return used | {self._chosen_by(table, name) for name in self.settings.where}

    def _chosen_by(self, table: Table, name: str) -> str:
        return find_column(self.path, table.columns, name, "which where in dataset.toml names")

    def _values(self, table: Table, meanings: dict[str, list[str]]) -> str:
        """SQL for what a row says, by meaning; empty texts where it says nothing."""
        plain = {one: without_words_for_nothing(first_filled(meanings[one])) for one in _PLAIN_MEANINGS}
        where = () if meanings["place"] or "place" in self.named else coordinates(table.columns)
        if where:
            plain["place"] = place_of(*map(column, where))
        if not meanings["source_id"]:
            plain["source_id"] = without_words_for_nothing(first_filled(meanings["id"]))
        names = {one: first_filled(meanings[one]) for one in _NAME_MEANINGS}
        names["species"] = own_species(meanings)
        if self.settings.boxes:  # the boxes of one picture belong together
            plain["observation"] = f"coalesce(nullif({plain['observation']}, ''), {first_filled(meanings['url'])})"
        values = {"url": first_filled(meanings["url"]), "id": without_words_for_nothing(first_filled(meanings["id"]))}
        if self.settings.preset:
            plain["observation"] = f"CASE WHEN {plain['data_source']} = 'gbif' THEN {plain['source_id']} ELSE '' END"
        listed = ", ".join(f"{sql} AS {column(one)}" for one, sql in (values | names | plain).items())
        return f"{', '.join((ROW, FILE) if table.path.is_dir() else (ROW,))}, {listed}"

    def _condition(self, table: Table) -> str:
        """SQL for whether a row is taken."""
        conditions = ["true"]
        for name, values in self.settings.where.items():
            own = column(self._chosen_by(table, name))
            conditions.append(f"{own} IN ({', '.join(map(quoted, values)) or 'NULL'})")
        return " AND ".join(conditions)

    def _problem(self) -> str:
        """SQL for a sentence on why a row cannot be used; empty if it can."""
        cases = {
            "url = ''": "'it has no address'",
            f"NOT regexp_matches(url, {quoted(_ADDRESS)})": f"{_shown('url')} || ' is no address on the web'",
        }
        if self.keeps_ids:
            cases[f"{_UUID} IS NULL"] = f"'its id ' || {_shown('id')} || ' is no UUID'"
            cases[_IS_REPEATED] = "'other rows have its id and other addresses'"
        if self.settings.boxes:
            cases["box IS NULL"] = "'its box lacks a side, or has one that is no number'"
        if self.settings.preset:
            cases["data_source = 'fathomnet'"] = "'it is a box in a picture, and the catalog does not say which box'"
        whens = " ".join(f"WHEN {case} THEN {text}" for case, text in cases.items())
        return f"CASE {whens} ELSE '' END"

    def _key(self) -> str:
        """SQL for the natural key; null where a row has none, which then is no repetition of another such row."""
        if self.keeps_ids:
            return f"CASE WHEN NOT {_IS_REPEATED} THEN {_UUID}::VARCHAR END AS uuid"
        url = "CASE WHEN problem = '' THEN url END"
        image_id = "CASE WHEN problem = '' THEN coalesce(nullif(id, ''), url) END AS image_id, "
        box = ", CASE WHEN problem = '' THEN box END AS box" if self.settings.boxes else ""
        return (image_id if "image_id" in self.columns else "") + f"{url} AS image_url{box}"

    def _check_some(self, database: Database, meanings: dict[str, list[str]]) -> None:
        """Check that there is an image."""
        ((rows, usable),) = database.rows("SELECT count(*), count(*) FILTER (problem = '') FROM listed")
        if not rows:
            chosen = f" with {self.settings.where}" if self.settings.where else ""
            raise InputError(f"[sources.{self.name}]: the table {self.path} has no row{chosen}")
        if not usable:
            example = database.value("SELECT min(problem) FROM listed")
            raise InputError(
                f"[sources.{self.name}]: no row of {self.path} can be used, such as one of which {example}; addresses "
                f"are read from the column {meanings['url'][0]!r}: name another in columns = {{ url = … }}"
            )


def _find_repeated_ids(database: Database, chosen: str) -> None:
    """Make the ids known as ``repeated_id`` that stand beside several addresses: one cannot be the id of them all."""
    ids = f"SELECT {_UUID} AS uuid, url FROM ({chosen})"
    # Addresses are compared of ids only that occur twice: those of all would take much more memory.
    database.make("id_met_twice", f"SELECT uuid FROM ({ids}) WHERE uuid IS NOT NULL GROUP BY uuid HAVING count(*) > 1")
    database.make(
        "repeated_id",
        f"""
        SELECT uuid
        FROM ({ids})
        SEMI JOIN id_met_twice USING (uuid)
        GROUP BY uuid
        HAVING min(url) <> max(url)
        """,
    )


def _shown(value: str) -> str:
    return f"'''' || left({value}, {_SHOWN}) || ''''"
