"""An archive of EOL's images while it is made: batches are appended, then put on record, and a killed run goes on.

A batch is a gzip member of its own. The journal has a line for each of its rows, and after them how long the archive
is with it; so what a killed run left behind the last such line is known to be worth nothing, and is cut off.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import IO, Any

import polars as pl
from isal import igzip

from ..core import tar_writer as tarwrite
from ..core.files import replacing, sha256
from ..core.tar_reader import Member
from ..errors import ContainerError
from ..sources.reading import archive_members
from .asking import Got

_AT_ONCE = 256 << 10
_COLUMNS = ("content_id", "page_id", "url", "licence", "owner", "file", "bytes", "md5", "reason", "detail")
_NUMBERS = ("content_id", "page_id", "bytes")
_BEGIN = {"rows": 0, "tar": 0, "offset": 0}


@dataclass(frozen=True)
class Finished:
    """What the ledger of an archive says of it.

    Attributes:
        made_from: what it was made from.
        sha256: of its bytes.
        bytes: how long it is.
    """

    made_from: dict[str, Any]
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Files:
    """The files of an archive: itself, its ledger, and what there is of it while it is made."""

    archive: Path

    @property
    def ledger(self) -> Path:
        """A row per row of the manifest: what came, with its MD5, and what did not, and why."""
        return self.archive.parent / "ledger" / (self.archive.name.removesuffix(".tar.gz") + ".parquet")

    @property
    def data(self) -> Path:
        """Its bytes so far."""
        return self.archive.with_name(f".{self.archive.name}.part")

    @property
    def journal(self) -> Path:
        """What is in them."""
        return self.archive.with_name(f".{self.archive.name}.journal")

    def finished(self) -> Finished | None:
        """What the ledger says of the archive; None if there is none that it speaks of, or a new one is begun."""
        try:
            meta = json.loads(pl.read_parquet_metadata(self.ledger)["treeoflife"])
            found = Finished(meta["made_from"], meta["sha256"], meta["bytes"])
            whole = self.archive.stat().st_size == found.bytes and not self.data.exists()
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
            return None
        return found if whole else None

    def counts(self) -> tuple[int, dict[str, int]]:
        """How many images the ledger has, and how many rows for each reason why there is none."""
        reasons = pl.read_parquet(self.ledger, columns=["reason"])["reason"]
        failed = reasons.drop_nulls().value_counts()
        return reasons.null_count(), dict(failed.sort("reason").iter_rows())


class Growing:
    """An archive while it is made."""

    def __init__(self, files: Files, made_from: dict[str, Any]) -> None:
        """Go on after the last batch that is on record; what was made from anything else is begun anew."""
        self._files, self._made_from = files, made_from
        files.archive.parent.mkdir(parents=True, exist_ok=True)
        first = json.dumps(made_from, sort_keys=True).encode() + b"\n"
        state, keep = _on_record(files, first)
        for path, size in ((files.journal, keep), (files.data, state["offset"])):
            path.touch()
            os.truncate(path, size)
        self._out, self._journal = files.data.open("ab"), files.journal.open("ab")
        self.rows, self._tar = state["rows"], state["tar"]
        if not keep:
            self._journal.write(first)
        self.names = {line[5] for line in self._lines() if line[5]}

    def add(self, batch: Sequence[Got]) -> None:
        """Append a batch, then put it on record."""
        self._append(batch)
        self.rows += len(batch)
        state = {"rows": self.rows, "tar": self._tar, "offset": self._out.tell()}
        text = [json.dumps(one.line(), ensure_ascii=False) for one in batch] + [json.dumps(state)]
        self._journal.write(("\n".join(text) + "\n").encode("utf-8", "replace"))
        self._journal.flush()
        os.fsync(self._journal.fileno())

    def _append(self, batch: Sequence[Got], *, end: bool = False) -> None:
        opened: Any = igzip.IGzipFile
        with opened(filename="", mode="wb", compresslevel=0, fileobj=self._out, mtime=0) as packed:
            for one in batch:
                if one.data is not None:
                    self._tar += _pack(packed, one.file, one.size, one.data)
            if end:
                packed.write(tarwrite.end(self._tar))
        self._out.flush()
        os.fsync(self._out.fileno())

    def finish(self, rows: int) -> None:
        """End the archive of so many rows, write its ledger, and give both their names.

        Raises:
            ContainerError: the manifest has another number of rows by now.
        """
        self._append([], end=True)
        self._out.close()
        types = {name: pl.Int64 if name in _NUMBERS else pl.String for name in _COLUMNS}
        ledger = pl.DataFrame(list(self._lines()), schema=types, orient="row")
        if ledger.height != rows:
            raise ContainerError(f"the manifest changed while {self._files.archive} was made; run again")
        data = self._files.data
        meta = {"made_from": self._made_from, "sha256": sha256(data), "bytes": data.stat().st_size}
        with replacing(self._files.ledger) as temporary:
            ledger.write_parquet(temporary, metadata={"treeoflife": json.dumps(meta, sort_keys=True)})
        data.replace(self._files.archive)
        self.close()
        self._files.journal.unlink()

    def close(self) -> None:
        """Close the files; what is on record stays."""
        self._out.close()
        self._journal.close()

    def _lines(self) -> Iterator[list[Any]]:
        """The rows on record."""
        self._journal.flush()
        with self._files.journal.open("rb") as fd:
            fd.readline()
            for line in fd:
                if line.startswith(b"["):
                    yield json.loads(line)


def _on_record(files: Files, first: bytes) -> tuple[dict[str, int], int]:
    """How far the archive is, and how much of the journal says so."""
    lines = files.journal.read_bytes().splitlines(keepends=True) if files.journal.exists() else []
    if lines[:1] != [first] or not files.data.exists():
        return _BEGIN, 0
    state, keep, position = _BEGIN, len(first), len(first)
    for line in lines[1:]:
        position += len(line)
        if line.startswith(b"{") and line.endswith(b"}\n"):
            state, keep = json.loads(line), position
    return (state, keep) if files.data.stat().st_size >= state["offset"] else (_BEGIN, 0)


def _pack(packed: Any, name: str, size: int, data: IO[bytes]) -> int:
    """Write a member; returns how many bytes it takes in the tar."""
    packed.write(tarwrite.header(name, size))
    data.seek(0)
    while chunk := data.read(_AT_ONCE):
        packed.write(chunk)
    packed.write(bytes(tarwrite.padded(size) - size))
    data.close()
    return tarwrite.BLOCK + tarwrite.padded(size)


class Earlier:
    """The images of the archive that a new one takes the place of: what came once is not asked for again.

    The rows of both mostly stand in the same order, so one pass over the old archive is enough; an image that
    has passed when its row comes is asked for as if it had not been there.
    """

    def __init__(self, files: Files, max_bytes: int) -> None:
        self._left: dict[str, tuple[str, str]] = {}
        self._members: Iterator[Member] = iter(())
        if files.archive.exists() and files.ledger.exists():
            rows = pl.read_parquet(files.ledger, columns=["file", "url", "md5"]).drop_nulls("file")
            self._left = {file: (url, md5) for file, url, md5 in rows.iter_rows()}
            self._members = archive_members(files.archive, max_bytes)

    def take(self, got: Got) -> Got | None:
        """The image of a row, if it is there and whole."""
        url, md5 = self._left.get(got.file, ("", ""))
        if url != got.row.url:
            return None
        data = self._next(got.file)
        if data is None or hashlib.md5(data, usedforsecurity=False).hexdigest() != md5:
            return None
        return replace(got, data=BytesIO(data), size=len(data), md5=md5)

    def _next(self, file: str) -> bytes | None:
        try:
            for member in self._members:
                self._left.pop(member.name, None)
                if member.name == file:
                    return member.data
        except ContainerError:  # a damaged archive has no more to give
            self._left = {}
        return None
