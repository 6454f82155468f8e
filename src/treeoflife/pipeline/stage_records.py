"""What each output was made from: ``OUT/.state/records.sqlite``, one row per stage and item.

Records are the only place that decides whether work is stale. They are no logs, and no cache: without them, tables are
made again and containers are read again to see that they hold what was encoded.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.json_reader import parse_json
from ..core.sqlite_files import connect, read_rows, system_error, system_errors

_TABLE = """
CREATE TABLE IF NOT EXISTS record (
    stage TEXT NOT NULL,
    item TEXT NOT NULL,
    inputs TEXT NOT NULL,
    outputs TEXT NOT NULL,
    result TEXT NOT NULL,
    PRIMARY KEY (stage, item)
)
"""

_SELECT = "SELECT stage, item, inputs, outputs, result FROM record"


@dataclass(frozen=True)
class Record:
    """How an item of a stage was made.

    Attributes:
        inputs: the step's version, settings, and digests of input files, as JSON values.
        outputs: the SHA-256 of each file that was written, by its name below OUT.
        result: what later stages or reports need to know, as JSON values.
    """

    inputs: Mapping[str, Any]
    outputs: Mapping[str, str] = field(default_factory=dict)
    result: Mapping[str, Any] = field(default_factory=dict)


class StageRecords:
    """The records of a dataset, held in memory and written through to SQLite one by one.

    Only the driver writes them.
    """

    def __init__(self, path: Path, base: StageRecords | None = None, *, writable: bool = True) -> None:
        """Open the records at ``path``, which need not exist.

        Args:
            path: the SQLite file.
            base: records to begin with, which stay as they are: a share of a stage adds to them in a file of its own.
            writable: false for a look at a dataset, which may not be one that can be written to: new records are kept
                in memory.

        Raises:
            OSError: they cannot be read, which says nothing of what is in them.
        """
        self._path, self._records = path, dict[str, dict[str, Record]]()
        if base:
            self._records = {stage: dict(items) for stage, items in base._records.items()}
        if writable:
            self._db = self._open(path)
        else:
            self._records.update(_records(read_rows(path, _SELECT)))
            self._db = connect(":memory:", _TABLE)

    def _open(self, path: Path) -> sqlite3.Connection:
        path.parent.mkdir(parents=True, exist_ok=True)
        with system_errors(path):
            try:
                db = connect(path, _TABLE)
                self._records.update(_records(db.execute(_SELECT)))
            except sqlite3.DatabaseError as error:
                if system_error(error):
                    raise
                path.unlink()  # damaged, as by a power failure: everything is checked anew
                db = connect(path, _TABLE)
        return db

    def get(self, stage: str, item: str) -> Record | None:
        """The record of an item; None if it was never made."""
        return self._records.get(stage, {}).get(item)

    def of_stage(self, stage: str) -> Mapping[str, Record]:
        """The records of a stage, by item; also of items that the dataset no longer has."""
        return self._records.get(stage, {})

    def has_output(self, name: str) -> bool:
        """Whether a stage is on record that made a file of this name."""
        return any(name in record.outputs for items in self._records.values() for record in items.values())

    def put(self, stage: str, item: str, record: Record) -> None:
        """Record how an item was made, in place of an earlier record."""
        texts = [json.dumps(value, sort_keys=True) for value in (record.inputs, record.outputs, record.result)]
        with system_errors(self._path):
            self._db.execute("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?)", (stage, item, *texts))
        self._records.setdefault(stage, {})[item] = record

    def merge(self, path: Path) -> None:
        """Add the records of another file; one that is missing or damaged adds nothing.

        Raises:
            OSError: it cannot be read.
        """
        for stage, items in _records(read_rows(path, _SELECT)).items():
            for item, record in items.items():
                self.put(stage, item, record)

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _records(rows: Iterable[tuple[str, ...]]) -> dict[str, dict[str, Record]]:
    records: dict[str, dict[str, Record]] = {}
    for stage, item, *texts in rows:
        records.setdefault(stage, {})[item] = Record(*(parse_json(text, own=True) for text in texts))
    return records
