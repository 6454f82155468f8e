"""The vectors of one model, in files: ``embeddings/MODEL/SPLIT/shard-NNNNNN.parquet``, and ``model.json`` beside them.

A file has the rows of one shard, in the order of its samples: ``treeoflife_id``, a text, and ``vector``, an array of
16-bit floats. Vectors have the length 1, so that the dot product of two is the cosine of their angle. ``model.json``
says which model made them; it is written last, and exists only while the vectors of all shards are there.

A sample without a vector has no row: its image cannot be decoded, or the model gave no finite numbers for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ...core.files import write_json
from ...core.json_reader import read_json_file
from ...core.parquet_meta import read_meta
from ...core.tables import PARQUET_ERRORS, Array, write_parquet
from ...core.text import reason
from ...errors import InputError

ID = "treeoflife_id"
VECTOR = "vector"
SHA256 = "sha256"
"""The SHA-256 of the image that a vector is of, as bytes."""
ROWS_AT_ONCE = 2048
"""Rows of a row group, which are held in memory until they are written: 5 MB for vectors of 1,280 numbers."""
_MODEL_FILE = "model.json"
_AGAIN = "'treeoflife embed' with the same model makes all of them"


@dataclass(frozen=True)
class Vectors:
    """The vectors that one model made of the images of a dataset, or of other shards.

    Attributes:
        folder: the folder of the files; its name is what the vectors are called.
        model_sha256: the SHA-256 of the model's file.
        settings: how images were prepared for it, and which of its outputs it is.
        dimensions: numbers of a vector.
        images: how many images have one, each counted once.
        repeated: how many rows are of an image that an earlier row is of too.
        shards: the shards, by the path of their file of vectors below the folder, each with its SHA-256.
    """

    folder: Path
    model_sha256: str
    settings: Mapping[str, Any]
    dimensions: int
    images: int
    repeated: int
    shards: Mapping[str, str]

    @property
    def name(self) -> str:
        """What the vectors are called."""
        return self.folder.name

    @property
    def files(self) -> list[Path]:
        """The files of vectors, in order."""
        return [self.folder / name for name in sorted(self.shards)]

    def pieces(self) -> Iterator[tuple[pl.Series, Array]]:
        """The ids and vectors of one file after the other, each image once.

        Yields:
            The ids, and a matrix of 16-bit floats with a row for each.

        Raises:
            InputError: a file is missing, damaged, or of another model.
        """
        pending = set(self._repeated_ids()) if self.repeated else set[str]()
        given = set[str]()
        for path in self.files:
            rows = self._read(path)
            if pending:
                ids = rows[ID].to_list()
                rows = rows.filter([one not in given for one in ids])
                given |= pending.intersection(ids)
            yield rows[ID], rows[VECTOR].to_numpy().reshape(-1, self.dimensions)

    def read(self) -> tuple[pl.Series, Array]:
        """The ids and vectors of all images at once: 2 bytes for each number, 2.6 GB for a million of 1,280 numbers.

        Raises:
            InputError: as for :meth:`pieces`.
        """
        ids, matrix, end = list[pl.Series](), np.empty((self.images, self.dimensions), np.float16), 0
        for piece, vectors in self.pieces():
            ids.append(piece)
            matrix[end : end + len(piece)] = vectors
            end += len(piece)
        return pl.concat([pl.Series(ID, dtype=pl.String), *ids]), matrix[:end]

    def _read(self, path: Path) -> pl.DataFrame:
        meta = read_meta(path)
        if meta is None or meta.get("model_sha256") != self.model_sha256 or meta.get("settings") != self.settings:
            raise InputError(f"{path} is missing, damaged, or of another model: {_AGAIN}")
        try:
            return pl.read_parquet(path, columns=[ID, VECTOR], glob=False)
        except PARQUET_ERRORS as error:
            raise InputError(f"the vectors {path} cannot be read: {reason(error)}; {_AGAIN}") from None

    def _repeated_ids(self) -> list[str]:
        rows = pl.scan_parquet(self.files, glob=False).select(ID)
        return rows.group_by(ID).len().filter(pl.col("len") > 1).collect()[ID].to_list()


def write_vectors(
    path: Path, ids: Sequence[str], vectors: Array, meta: Mapping[str, Any], digests: Sequence[bytes]
) -> None:
    """Write the vectors of a shard, scaled to the length 1.

    Args:
        ids: the id of each image.
        vectors: a matrix with a row for each, of finite numbers, none of them all zero.
        meta: what they were made from, with ``model_sha256`` and ``settings`` at least.
        digests: the SHA-256 of each image.
    """
    write_pieces(path, vectors.shape[1], lambda: iter([vector_rows(ids, digests, unit_vectors(vectors))]), lambda: meta)


def write_pieces(
    path: Path, dimensions: int, pieces: Callable[[], Iterator[pl.DataFrame]], meta: Callable[[], Mapping[str, Any]]
) -> None:
    """The same for pieces, as :func:`vector_rows` makes them. ``meta`` is called after the last."""
    schema: dict[str, Any] = {ID: pl.String, SHA256: pl.Binary, VECTOR: pl.Array(pl.Float16, dimensions)}
    write_parquet(path, pl.Schema(schema), pieces, lambda: dict(meta()), row_group_size=ROWS_AT_ONCE)


def unit_vectors(vectors: Array) -> Array:
    """Vectors scaled to the length 1, as 16-bit floats; a row that is all zero becomes one of NaN."""
    values = vectors.astype(np.float64)
    with np.errstate(invalid="ignore"):
        scaled: Array = (values / np.sqrt(np.square(values).sum(axis=1, keepdims=True))).astype(np.float16)
    return scaled


def vector_rows(ids: Sequence[str], digests: Sequence[bytes], vectors: Array) -> pl.DataFrame:
    """The rows of images, given their unit vectors."""
    return pl.DataFrame(
        {
            ID: pl.Series(ids, dtype=pl.String),
            SHA256: pl.Series(digests, dtype=pl.Binary),
            VECTOR: pl.Series(vectors, dtype=pl.Array(pl.Float16, vectors.shape[1])),
        }
    )


def write_model(vectors: Vectors) -> None:
    """Write down that the vectors of all shards are there."""
    write_json(vectors.folder / _MODEL_FILE, {name: one for name, one in asdict(vectors).items() if name != "folder"})


def forget_model(folder: Path) -> None:
    """Take that back, before vectors are made or removed."""
    (folder / _MODEL_FILE).unlink(missing_ok=True)


def open_vectors(folder: Path) -> Vectors:
    """The vectors in a folder.

    Raises:
        InputError: there are none, or not yet those of all shards.
    """
    path = folder / _MODEL_FILE
    try:
        return Vectors(folder, **read_json_file(path, own=True))
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"there is no {path}, so the vectors in {folder} are not complete: {_AGAIN}") from None
    except TypeError:  # it lacks a key, or has another one
        raise InputError(f"{path} does not say what vectors these are: {_AGAIN}") from None


def complete_folders(embeddings: Path) -> dict[str, Path]:
    """The folders with complete vectors below a folder of embeddings, by name, in order."""
    return {path.parent.name: path.parent for path in sorted(embeddings.glob(f"*/{_MODEL_FILE}"))}
