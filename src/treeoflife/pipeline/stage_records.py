"""What each output was made from: ``OUT/.state/records.sqlite``, one row per stage and item.

Records are the only place that decides whether work is stale. They are no logs, and no cache: without them, tables are
made again and containers are read again to see that they hold what was encoded.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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

    Only the driver writes them. A dataset that cannot be written to is opened read-only.
    """

    def __init__(self, path: Path, base: StageRecords | None = None) -> None:
        """Open the records at ``path``, which need not exist.

        Args:
            path: the SQLite file.
            base: records to begin with, which stay as they are: a share of a stage adds to them in a file of its own.
        """
        self._records: dict[str, dict[str, Record]] = {}
        if base:
            self._records = {stage: dict(items) for stage, items in base._records.items()}
        self._db = self._open(path)

    def _open(self, path: Path) -> sqlite3.Connection:
        folder = next(one for one in path.absolute().parents if one.exists())
        if not os.access(folder, os.W_OK):
            self._records.update(_read(path))
            return _connected(":memory:")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            db = _connected(path)
            self._records.update(_rows(db))
        except sqlite3.OperationalError:
            raise  # locked, or a disk error: the records themselves may be sound
        except sqlite3.DatabaseError:
            path.unlink()  # damaged, as by a power failure: everything is checked anew
            db = _connected(path)
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
        self._db.execute("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?)", (stage, item, *texts))
        self._records.setdefault(stage, {})[item] = record

    def merge(self, path: Path) -> None:
        """Add the records of another file; one that is missing or damaged adds nothing."""
        for stage, items in _read(path).items():
            for item, record in items.items():
                self.put(stage, item, record)

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def _connected(path: Path | str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None, timeout=60)
    # A record that a power failure loses costs one more look at what it speaks of; syncing each costs milliseconds.
    db.execute("PRAGMA synchronous = OFF")
    db.execute(_TABLE)
    return db


def _read(path: Path) -> dict[str, dict[str, Record]]:
    """The records in a file that is not written to; none where it is missing or damaged."""
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with suppress(sqlite3.DatabaseError), closing(sqlite3.connect(uri, uri=True)) as db:
        return _rows(db)
    return {}


def _rows(db: sqlite3.Connection) -> dict[str, dict[str, Record]]:
    records: dict[str, dict[str, Record]] = {}
    for stage, item, *texts in db.execute("SELECT stage, item, inputs, outputs, result FROM record"):
        records.setdefault(stage, {})[item] = Record(*map(json.loads, texts))
    return records
