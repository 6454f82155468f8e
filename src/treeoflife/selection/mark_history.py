"""What was done to marks, by whom and when, so that it can be undone and done again.

A step is one act of a person, such as dropping 500 images. It is written down before the marks themselves are saved: if
the program is killed in between, the step has changed nothing, and undoing it changes nothing.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.json_reader import parse_json
from ..core.sqlite_files import system_errors
from .mark_rows import Mark
from .marks import MarkFile

_TABLES = (
    """CREATE TABLE IF NOT EXISTS step (
        number INTEGER PRIMARY KEY, who TEXT NOT NULL, at TEXT NOT NULL, what TEXT NOT NULL, state TEXT NOT NULL
    )""",
    "CREATE TABLE IF NOT EXISTS change (step INTEGER NOT NULL, key TEXT NOT NULL, before TEXT, after TEXT)",
    "CREATE INDEX IF NOT EXISTS change_step ON change (step)",
)
_LAST_DONE = "SELECT number, what FROM step WHERE who = ? AND state = 'done' ORDER BY number DESC LIMIT 1"
_FIRST_UNDONE = "SELECT number, what FROM step WHERE who = ? AND state = 'undone' ORDER BY number LIMIT 1"


@dataclass(frozen=True)
class Step:
    """What became of a step that was made, undone or done again.

    Attributes:
        what: what the step did, such as ``drop``; empty if there was none.
        images: the ids of the images whose marks changed.
        skipped: how many marks were left as they are, since somebody has changed them after the step.
    """

    what: str = ""
    images: tuple[str, ...] = ()
    skipped: int = 0


class MarkHistory:
    """The steps that were made on one file of marks. Each person undoes only their own."""

    def __init__(self, path: Path, marks: MarkFile) -> None:
        """Name the file of steps, which need not exist, and the marks that they change."""
        self._path, self._marks = path, marks

    def make(self, changes: Mapping[str, Mark | None], what: str, who: str, at: str) -> Step:
        """Change marks, as one step; what was undone before cannot be done again then.

        Args:
            changes: the new marks, checked, by the key of their image; None removes one.
            what: what the step does, in a word.
            who: the person.
            at: the time, as text.

        Raises:
            InputError, BusyError, OSError: as :meth:`.marks.MarkFile.change`.
        """
        before = self._marks.marks().by_key
        changed = {key: mark for key, mark in changes.items() if mark != before.get(key)}
        if not changed:
            return Step(what)
        with self._open() as db, db:
            db.execute("UPDATE step SET state = 'gone' WHERE who = ? AND state = 'undone'", (who,))
            step = db.execute("INSERT INTO step (who, at, what, state) VALUES (?, ?, ?, 'done')", (who, at, what))
            rows = [(step.lastrowid, key, _written(before.get(key)), _written(mark)) for key, mark in changed.items()]
            db.executemany("INSERT INTO change VALUES (?, ?, ?, ?)", rows)
        self._marks.change(changed)
        return Step(what, tuple(changed))

    def undo(self, who: str) -> Step:
        """Undo the last step of a person. Marks that others have changed since stay as they are.

        Raises:
            InputError, BusyError, OSError: as :meth:`.marks.MarkFile.change`.
        """
        return self._turn(who, _LAST_DONE, "undone", forward=False)

    def redo(self, who: str) -> Step:
        """Do again what a person undid last.

        Raises:
            InputError, BusyError, OSError: as :meth:`.marks.MarkFile.change`.
        """
        return self._turn(who, _FIRST_UNDONE, "done", forward=True)

    def _turn(self, who: str, query: str, state: str, *, forward: bool) -> Step:
        with self._open() as db:
            found = db.execute(query, (who,)).fetchone()
            if found is None:
                return Step()
            number, what = found
            rows = db.execute("SELECT key, before, after FROM change WHERE step = ?", (number,)).fetchall()
            current = self._marks.marks().by_key
            changes = dict[str, Mark | None]()
            for key, before, after in rows:
                old, new = (before, after) if forward else (after, before)
                if current.get(key) == _read(old):
                    changes[key] = _read(new)
            self._marks.change(changes)
            with db:
                db.execute("UPDATE step SET state = ? WHERE number = ?", (state, number))
        return Step(what, tuple(changes), len(rows) - len(changes))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        self._marks.require_writable()
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with system_errors(self._path), closing(sqlite3.connect(self._path, timeout=60)) as db:
            for statement in _TABLES:
                db.execute(statement)
            yield db


def _written(mark: Mark | None) -> str | None:
    return None if mark is None else json.dumps(dict(mark), ensure_ascii=False)


def _read(text: str | None) -> Any:
    return None if text is None else parse_json(text)
