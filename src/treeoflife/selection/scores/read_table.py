"""Reading a table of scores: its rows become the scores of images, by ``treeoflife_id``.

score_raw    the table as it is
score_key    row_number, key: what a row calls its image; rows without a key are left out
score_row    row_number, and the columns as numbers or texts
score_image  row_number, treeoflife_id: the images of a row
score_value  treeoflife_id and the columns, each image once
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...config.scores import Score
from ...core.database import Database, column, columns, quoted
from ...core.text import counted
from ...core.written_numbers import ABSENT
from ...errors import InputError
from ...mapping.ids import plain_id
from ...sources.base import Source
from ...sources.lists.listed_columns import find_column, shown
from ...sources.lists.text_columns import FILE, ROW, Table
from . import detections
from .detections import Detections
from .image_keys import Key, key_column, match_images
from .score_file import ID, ScoreColumn, noted

STEP_VERSION = 1
_SHOWN = 3


@dataclass(frozen=True)
class ScoreTable:
    """A table of scores whose header was read.

    Attributes:
        key: the column of keys, and ``kind`` what these are.
        columns: the columns to read.
        row: what a row is called, such as ``line``.
    """

    name: str
    score: Score
    path: Path
    opened: Table | Detections
    key: str
    kind: Key
    columns: Sequence[str]
    row: str

    @classmethod
    def open(cls, name: str, score: Score, path: Path) -> "ScoreTable":
        """The table at a path, which need not be ``score.path``.

        Raises:
            InputError: it is missing, cannot be read, is of another format, or lacks a column.
            MissingExtra: it is a spreadsheet, and the package that reads these is not installed.
        """
        found = Detections.of(path) if not path.is_dir() else None
        if score.format not in ("auto", found.kind if found else "table"):
            is_ = f"of {found.kind}" if found else "a table"
            raise InputError(f'[scores.{name}] format is "{score.format}", and {path} is {is_}')
        if found:
            others = [one for one in score.columns if one not in found.columns]
            if others:
                raise InputError(f"[scores.{name}] columns: {path} has no {others[0]!r}; it has {shown(found.columns)}")
            return cls(name, score, path, found, detections.FILE, "file", score.columns or found.columns, "record")
        table = Table.of(path)
        key, kind = key_column(name, score, path, list(table.columns))
        wanted = [find_column(path, table.columns, one, f"which [scores.{name}] names") for one in score.columns]
        read = wanted or [one for one in table.columns if one != key and one.lower() != ID]
        _check_columns(name, path, read)
        return cls(name, score, path, table, key, kind, read, table.row)

    def write(self, database: Database, sources: Sequence[Source], out: Path) -> dict[str, Any]:
        """Write the scores of images, in the order of their ids; returns what the file notes of the table.

        in:  image, and provenance where images are known by what that says

        Raises:
            InputError: a row cannot be told, an image has rows that differ, or no row is of an image.
        """
        if isinstance(self.opened, Detections):
            self.opened.open(database, "score_raw", ROW)
        else:
            self.opened.open(database, "score_raw", {self.key, *self.columns})
        number = f"{FILE} || lpad({ROW}::VARCHAR, 12, '0')" if self.path.is_dir() else ROW
        key = plain_id(column(self.key)) if self.kind == ID else column(self.key)
        database.make("score_key", f"""
            SELECT {number} AS row_number, {self._place} AS place, {key} AS key
            FROM score_raw
            WHERE {column(self.key)} <> ''
        """)  # fmt: skip
        kinds = self._kinds(database)
        values = ", ".join(self._value(one, about) for one, about in kinds.items())
        database.run(f"CREATE OR REPLACE VIEW score_row AS SELECT {number} AS row_number, {values} FROM score_raw")
        match_images(database, sources, self.kind)
        meta = {"columns": noted(kinds), "table": self.path.name, **self._count(database)}
        self._check_matched(database, meta)
        self._merge(database)
        meta["images"] = int(database.value("SELECT count(*) FROM score_value"))
        database.write(out, f"SELECT {ID}, {columns(self.columns)} FROM score_value ORDER BY {ID}", meta)
        return meta

    @property
    def _place(self) -> str:
        return self.opened.place if isinstance(self.opened, Table) else f"'record ' || {ROW}"

    def _kinds(self, database: Database) -> dict[str, ScoreColumn]:
        """Which columns hold numbers: those of which every value is one."""
        if isinstance(self.opened, Detections):
            return {one: ScoreColumn("text" if one in self.opened.texts else "number") for one in self.columns}
        others = ", ".join(
            f"min({ROW}) FILTER ({_present(one)} AND try_cast({column(one)} AS DOUBLE) IS NULL)" for one in self.columns
        )
        firsts = database.rows(f"SELECT {others} FROM score_raw")[0]
        return {
            one: ScoreColumn("number") if first is None else self._text(database, one, first)
            for one, first in zip(self.columns, firsts, strict=True)
        }

    def _text(self, database: Database, name: str, row: int) -> ScoreColumn:
        """A column of texts, with the first that is no number."""
        value, place = database.rows(f"""
            SELECT {column(name)}[:60], {self._place}
            FROM score_raw
            WHERE {ROW} = {row} AND {_present(name)} AND try_cast({column(name)} AS DOUBLE) IS NULL
            ORDER BY 2
            LIMIT 1
        """)[0]
        return ScoreColumn("text", value, f"{place} of {self.path.name}")

    def _value(self, name: str, about: ScoreColumn) -> str:
        own = column(name)
        if isinstance(self.opened, Detections):
            return own
        if about.kind == "text":
            return f"CASE WHEN {_present(name)} THEN {own} END AS {own}"
        number = f"try_cast({own} AS DOUBLE)"
        return f"CASE WHEN {_present(name)} AND NOT isnan({number}) THEN {number} END AS {own}"

    def _count(self, database: Database) -> dict[str, Any]:
        """How many rows there are, how many are of no image, and some of these."""
        lost = "score_key ANTI JOIN score_image USING (row_number)"
        rows, keyed, unmatched = database.rows(
            f"SELECT (SELECT count(*) FROM score_raw), (SELECT count(*) FROM score_key), (SELECT count(*) FROM {lost})"
        )[0]
        examples = database.rows(f"SELECT key, place FROM {lost} ORDER BY row_number LIMIT {_SHOWN}")
        shown_ = [f"{key[:100]!r} in {place}" for key, place in examples]
        return {"rows": rows, "without_key": rows - keyed, "unmatched": unmatched, "examples": shown_}

    def _check_matched(self, database: Database, meta: Mapping[str, Any]) -> None:
        if meta["rows"] > meta["unmatched"] + meta["without_key"] or self.score.allow_unmatched:
            return
        known = database.rows("SELECT treeoflife_id FROM image ORDER BY image_row LIMIT 1")
        if self.kind == "file":
            known = database.rows("SELECT name FROM named_image ORDER BY name LIMIT 1")
        own = f"; one of the dataset's is {known[0][0]!r}" if known and self.kind in ("file", ID) else ""
        first = meta["examples"][0] if meta["examples"] else "nothing"
        where = f"by {self.kind}, in the column {self.key!r}"
        raise InputError(
            f"[scores.{self.name}]: no row of {self.path} is of an image of the dataset. It was read "
            f"{where}, which has {first}{own}: key_column and by say otherwise; if it is expected, set "
            "allow_unmatched = true"
        )

    def _merge(self, database: Database) -> None:
        """Make the table ``score_value``: one row for each image."""
        own = columns(self.columns)
        # The few images with several rows are looked up first: to group all of them would take far longer.
        database.make("score_repeated", f"SELECT {ID} FROM score_image GROUP BY {ID} HAVING count(*) > 1")
        several = f"score_image SEMI JOIN score_repeated USING ({ID}) JOIN score_row USING (row_number)"
        if self.score.repeated == "error":
            self._check_same(database, several)
        database.sort("score_value", f"""
            SELECT {ID}, {own}
            FROM score_row
            JOIN (FROM score_image ANTI JOIN score_repeated USING ({ID})) AS single USING (row_number)
            UNION ALL
            {self._one_of(several)}
        """)  # fmt: skip

    def _one_of(self, several: str) -> str:
        if self.score.repeated in ("min", "max"):
            values = ", ".join(f"{self.score.repeated}({column(one)}) AS {column(one)}" for one in self.columns)
            return f"SELECT {ID}, {values} FROM {several} GROUP BY {ID}"
        first = "DESC" if self.score.repeated == "last" else "ASC"
        return f"""
            SELECT {ID}, {columns(self.columns)}
            FROM {several}
            QUALIFY row_number() OVER (PARTITION BY {ID} ORDER BY score_image.row_number {first}) = 1
        """

    def _check_same(self, database: Database, several: str) -> None:
        """Check that the rows of an image are the same."""
        distinct = f"SELECT {ID}, min(row_number) AS first FROM {several} GROUP BY {ID}, {columns(self.columns)}"
        found = database.rows(f"""
            SELECT {ID}, min(first), max(first), count(*) OVER ()
            FROM ({distinct})
            GROUP BY {ID}
            HAVING count(*) > 1
            ORDER BY {ID}
            LIMIT 1
        """)  # fmt: skip
        for image, first, last, images in found:
            of_row = "SELECT place FROM score_key WHERE row_number = $row"
            places = [database.value(of_row, row=row) for row in (first, last)]
            raise InputError(
                f"[scores.{self.name}]: {self.path} has rows that differ for {counted(images, 'image')}, such as "
                f'{image} in {places[0]} and {places[1]}: keep one of each, or set repeated, such as repeated = "max"'
            )


def _present(name: str) -> str:
    """SQL for whether a text is a value."""
    absent = ", ".join(map(quoted, sorted(ABSENT)))
    # Small letters are for the few values that are as short as a word for nothing.
    longest = max(map(len, ABSENT))
    return f"(strlen({column(name)}) > {longest} OR lower({column(name)}) NOT IN ({absent}))"


def _check_columns(name: str, path: Path, read: Sequence[str]) -> None:
    if not read:
        raise InputError(f"[scores.{name}]: the table {path} has no columns beside its key")
    small = [one.lower() for one in read]
    for one in read:
        if small.count(one.lower()) > 1:
            both = " and ".join(repr(other) for other in read if other.lower() == one.lower())
            raise InputError(f"[scores.{name}]: the columns {both} of {path} differ in capitals alone: rename one")
        if one.lower() in (ID, "row_number"):
            raise InputError(
                f"[scores.{name}]: a column of {path} cannot be called {one!r}: rename it, or list columns"
            )


def remarks(name: str, meta: Mapping[str, Any]) -> list[str]:
    """What is to be said of a table of scores that was read, in sentences."""
    said = []
    if count := meta.get("unmatched"):
        such = ", ".join(meta.get("examples", ()))
        said.append(f"scores.{name}: {count:,} of {counted(meta['rows'], 'row')} are of no image, such as {such}")
    if count := meta.get("without_key"):
        said.append(f"scores.{name}: {counted(count, 'row')} say not of which image they are")
    return said
