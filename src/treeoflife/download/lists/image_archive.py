"""Writing an archive of EOL's images and its ledger, so that a run that was killed continues after its last batch.

While an archive is written, a journal beside it records its rows: a line per row of a batch, then a line with the state
of the archive after this batch. Whatever a killed run left behind the last such line is cut off. Each batch is a gzip
member of its own, so that an archive ends with the same bytes however often it was interrupted.
"""

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

from ...core import tar_writer
from ...core.files import rename_synced, replacing, sha256
from ...core.json_reader import parse_json
from ...core.tar_reader import Member
from ...errors import ContainerError
from ...sources.containers.tar_archives import archive_members
from .row_result import LEDGER_COLUMNS, RowResult

_COPIED_AT_ONCE = 256 << 10
_FILE_COLUMN = list(LEDGER_COLUMNS).index("file")
_START = {"rows": 0, "tar": 0, "offset": 0}
"""The state of an empty archive: its rows, the bytes of its tar, and the bytes of its file."""


@dataclass(frozen=True)
class FinishedArchive:
    """What the ledger records of its archive: what it was made from, its SHA-256, and its length in bytes."""

    made_from: dict[str, Any]
    sha256: str
    bytes: int


@dataclass(frozen=True)
class ArchiveFiles:
    """The files of an archive."""

    archive: Path

    @property
    def ledger(self) -> Path:
        """One row per row of the manifest: the file and MD5 of its image, or the reason why there is none."""
        return self.archive.parent / "ledger" / (self.archive.name.removesuffix(".tar.gz") + ".parquet")

    @property
    def part(self) -> Path:
        """The archive while it is written."""
        return self.archive.with_name(f".{self.archive.name}.part")

    @property
    def journal(self) -> Path:
        """The rows and the state of the archive while it is written."""
        return self.archive.with_name(f".{self.archive.name}.journal")

    def finished(self) -> FinishedArchive | None:
        """What the ledger records of the archive; None if they do not belong together, or a new archive is begun."""
        try:
            meta = parse_json(pl.read_parquet_metadata(self.ledger)["treeoflife"])
            finished = FinishedArchive(meta["made_from"], meta["sha256"], meta["bytes"])
            complete = self.archive.stat().st_size == finished.bytes and not self.part.exists()
        except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
            return None
        return finished if complete else None

    def counts(self) -> tuple[int, dict[str, int]]:
        """The number of images, and for each reason the number of rows that have none for it."""
        reasons = pl.read_parquet(self.ledger, columns=["reason"], glob=False)["reason"]
        failed = reasons.drop_nulls().value_counts().sort("reason")
        return reasons.null_count(), dict(failed.iter_rows())


class ArchiveWriter:
    """Writes an archive batch by batch: ``rows`` is the number of rows so far, ``names`` has the names of images."""

    def __init__(self, files: ArchiveFiles, made_from: dict[str, Any]) -> None:
        """Continue after the last recorded batch, or start over if the archive was begun from something else."""
        self._files, self._made_from = files, made_from
        files.archive.parent.mkdir(parents=True, exist_ok=True)
        first_line = json.dumps(made_from, sort_keys=True).encode() + b"\n"
        state, journal_size = _recorded_state(files, first_line)
        for path, size in ((files.journal, journal_size), (files.part, state["offset"])):
            path.touch()
            os.truncate(path, size)
        self._out, self._journal = files.part.open("ab"), files.journal.open("ab")
        self.rows, self._tar_size = state["rows"], state["tar"]
        if not journal_size:
            self._journal.write(first_line)
        self.names = {row[_FILE_COLUMN] for row in self._recorded_rows() if row[_FILE_COLUMN]}

    def append(self, batch: Sequence[RowResult]) -> None:
        """Append the images of a batch to the archive, then record its rows in the journal."""
        self._append_member(batch)
        self.rows += len(batch)
        state = {"rows": self.rows, "tar": self._tar_size, "offset": self._out.tell()}
        lines = [*(json.dumps(result.ledger_row(), ensure_ascii=False) for result in batch), json.dumps(state)]
        self._journal.write(("\n".join(lines) + "\n").encode("utf-8", "replace"))
        self._journal.flush()
        os.fsync(self._journal.fileno())

    def _append_member(self, batch: Sequence[RowResult], *, end: bool = False) -> None:
        gzip_file: Any = igzip.IGzipFile  # it has no types
        # Images hardly shrink, so they are stored. A fixed time gives the same bytes at every run.
        with gzip_file(filename="", mode="wb", compresslevel=0, fileobj=self._out, mtime=0) as out:
            for result in batch:
                if result.data is not None:
                    self._tar_size += _write_image(out, result.file, result.size, result.data)
            if end:
                out.write(tar_writer.end_marker(self._tar_size))
        self._out.flush()
        os.fsync(self._out.fileno())

    def finish(self, rows: int) -> None:
        """End the archive, write its ledger, and give both their names.

        Raises:
            ContainerError: it does not have ``rows`` rows, since the manifest changed meanwhile.
        """
        self._append_member([], end=True)
        self._out.close()
        ledger = pl.DataFrame(list(self._recorded_rows()), schema=LEDGER_COLUMNS, orient="row")
        if ledger.height != rows:
            raise ContainerError(f"the manifest changed while {self._files.archive} was written; run again")
        part = self._files.part
        meta = {"made_from": self._made_from, "sha256": sha256(part), "bytes": part.stat().st_size}
        with replacing(self._files.ledger) as temporary:
            ledger.write_parquet(temporary, metadata={"treeoflife": json.dumps(meta, sort_keys=True)})
        rename_synced(part, self._files.archive)
        self.close()
        self._files.journal.unlink()

    def close(self) -> None:
        """Close the files. What is recorded remains for the next run."""
        self._out.close()
        self._journal.close()

    def _recorded_rows(self) -> Iterator[list[Any]]:
        self._journal.flush()
        with self._files.journal.open("rb") as fd:
            fd.readline()
            yield from (parse_json(line, own=True) for line in fd if line.startswith(b"["))


def _recorded_state(files: ArchiveFiles, first_line: bytes) -> tuple[dict[str, int], int]:
    """The last state in the journal, and the bytes of the journal up to it; both empty if nothing can be kept."""
    lines = files.journal.read_bytes().splitlines(keepends=True) if files.journal.exists() else []
    if lines[:1] != [first_line] or not files.part.exists():
        return _START, 0
    state, kept, end = _START, len(first_line), len(first_line)
    for line in lines[1:]:
        end += len(line)
        if line.startswith(b"{") and line.endswith(b"}\n"):
            state, kept = parse_json(line, own=True), end
    return (state, kept) if files.part.stat().st_size >= state["offset"] else (_START, 0)


def _write_image(out: Any, name: str, size: int, data: IO[bytes]) -> int:
    """Write a member, and close its data; returns the bytes that it takes in the tar."""
    out.write(tar_writer.encode_header(name, size))
    data.seek(0)
    while chunk := data.read(_COPIED_AT_ONCE):
        out.write(chunk)
    out.write(bytes(tar_writer.padded_size(size) - size))
    data.close()
    return tar_writer.BLOCK + tar_writer.padded_size(size)


class PreviousArchive:
    """The images of the archive that a new one replaces: they need not be fetched again.

    Both have mostly the same rows in the same order, so the old archive is read once, along with the new rows. An image
    that lies before the last one that was found is fetched again.
    """

    def __init__(self, files: ArchiveFiles, max_bytes: int) -> None:
        self._images: dict[str, tuple[str, str]] = {}
        self._members: Iterator[Member] = iter(())
        if files.archive.exists() and files.ledger.exists():
            rows = pl.read_parquet(files.ledger, columns=["file", "url", "md5"], glob=False).drop_nulls("file")
            self._images = {file: (url, md5) for file, url, md5 in rows.iter_rows()}
            self._members = archive_members(files.archive, max_bytes)

    def find(self, result: RowResult) -> RowResult | None:
        """The image of a row, if the archive has it, whole and from the same address."""
        url, md5 = self._images.get(result.file, ("", ""))
        if url != result.row.url:
            return None
        data = self._read_until(result.file)
        if data is None or hashlib.md5(data, usedforsecurity=False).hexdigest() != md5:
            return None
        return replace(result, data=BytesIO(data), size=len(data), md5=md5)

    def _read_until(self, file: str) -> bytes | None:
        try:
            for member in self._members:
                self._images.pop(member.name, None)
                if member.name == file:
                    return member.data
        except ContainerError:  # damaged: what follows cannot be read
            self._images = {}
        return None
