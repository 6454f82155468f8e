"""Tables of any length that are joined part by part, so that a join of wide rows takes little memory.

DuckDB keeps the right side of a join in memory, as far as its limit allows, and then writes it to disk. With ten
million rows of thirty texts that is gigabytes. Here both sides are divided by a hash of what they are joined by; then
each part is joined by itself.
"""

import io
from collections.abc import Iterable
from pathlib import Path

import polars as pl

from .files import write_errors

_BUCKETS = 128
_BYTES_HELD = 32 << 20
_BYTES_OF_A_PART = 32 << 20
_SEED = 22  # Polars' hash differs between its versions, which no file shows: a bucket lives as long as its process


class Buckets:
    """A table that comes in pieces, and is read part by part. A short one stays in memory.

    >>> import tempfile
    >>> table = Buckets(Path(tempfile.mkdtemp()), "birds", by="id")
    >>> table.fill([pl.DataFrame({"id": ["1", "2"]}), pl.DataFrame({"id": ["1"]})])
    >>> [table.read(part)["id"].to_list() for part in parts([table])]
    [['1', '2', '1']]
    """

    def __init__(self, folder: Path, name: str, by: str) -> None:
        """An empty table.

        Args:
            folder: where its buckets are, if it is long.
            name: that of the table, and of their files.
            by: the column whose equal values are in the same part.
        """
        self._folder, self._name, self._by = folder, name, by
        self._held, self._bytes_held = list[pl.DataFrame](), 0.0
        self.bytes = 0.0
        self._lengths: dict[int, list[int]] = {}  # of what was appended to the file of each bucket

    def fill(self, frames: Iterable[pl.DataFrame]) -> None:
        """Add rows. All frames have the same columns; there is at least one, which may be empty."""
        for frame in frames:
            self._held.append(frame)
            self.bytes += frame.estimated_size()
            self._bytes_held += frame.estimated_size()
            if self._bytes_held >= _BYTES_HELD:
                self._divide()

    def _divide(self) -> None:
        table = pl.concat(self._held)
        self._held, self._bytes_held = [table.clear()], 0
        for (number,), rows in table.with_columns(self._bucket()).partition_by("bucket", as_dict=True).items():
            assert isinstance(number, int)
            buffer, path = io.BytesIO(), self._path(number)
            rows.drop("bucket").write_ipc_stream(buffer, compression="lz4")
            with write_errors(path), path.open("ab") as fd:
                self._lengths.setdefault(number, []).append(fd.write(buffer.getbuffer()))

    def _bucket(self) -> pl.Expr:
        return (pl.col(self._by).hash(_SEED) % _BUCKETS).cast(pl.Int64).alias("bucket")

    def _path(self, number: int) -> Path:
        return self._folder / f"{self._name}-{number}.arrow"

    def read(self, part: range) -> pl.DataFrame:
        """The rows of a part, one of those that :func:`parts` gives."""
        held = pl.concat(self._held)
        frames = [held if part == _ALL else held.filter(self._bucket().is_in(part))]
        for number in part:
            if number in self._lengths:
                with self._path(number).open("rb") as fd:
                    frames += [pl.read_ipc_stream(io.BytesIO(fd.read(length))) for length in self._lengths[number]]
        return pl.concat(frames)


_ALL = range(_BUCKETS)


def parts(tables: Iterable[Buckets]) -> list[range]:
    """The parts in which to join some tables: as few as fit into memory with ease."""
    count = int(sum(table.bytes for table in tables) // _BYTES_OF_A_PART) + 1
    return [_ALL[number::count] for number in range(min(count, _BUCKETS))]
