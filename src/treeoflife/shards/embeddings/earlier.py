"""Vectors that are there already although their shard changed: of the same image, by the same model.

Where one image is left out, all that follow move up, into other shards even. So the files of vectors that are to be
replaced are put aside first, and a shard takes over from them what it can: only new images are given to the model.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from ...core.database import open_database
from ...core.tables import PARQUET_ERRORS, Array
from ...errors import StoreError
from .vectors import ID, SHA256, VECTOR

_FOLDER = ".earlier"
_MOST_FILES = 16
"""Files that a shard takes vectors from. After another shuffle each shard would read all files."""
_DIGITS = 16  # of a shard's digest
_LARGEST_BYTES = 256 << 20  # a file is read as a whole


@dataclass(frozen=True)
class EarlierVectors:
    """Vectors by the id of their image, with the digests of the images."""

    rows: Mapping[str, int]
    digests: Sequence[bytes]
    matrix: Array

    def find(self, treeoflife_id: str, digest: bytes) -> Array | None:
        """The vector of an image, if it is there."""
        row = self.rows.get(treeoflife_id)
        if row is None or self.digests[row] != digest:
            return None
        vector: Array = self.matrix[row]
        return vector


def put_aside(folder: Path, files: Mapping[Path, str]) -> list[Path]:
    """Move files of vectors that are to be replaced; what a killed run had put aside stays.

    Args:
        folder: the folder of the vectors.
        files: the files, each with the SHA-256 of its shard.

    Returns:
        All files that are put aside.
    """
    for path, shard in files.items():
        aside = folder / _FOLDER / path.parent.name / f"{path.stem}.{shard[:_DIGITS]}.parquet"
        aside.parent.mkdir(parents=True, exist_ok=True)
        path.replace(aside)
    return sorted((folder / _FOLDER).glob("*/*.parquet"))


def remove_aside(folder: Path) -> None:
    """Remove what was put aside, once all shards have their vectors."""
    shutil.rmtree(folder / _FOLDER, ignore_errors=True)


def find_sources(indexes: Mapping[str, Path], aside: Sequence[Path]) -> dict[str, tuple[Path, ...]]:
    """The files that were put aside with images of shards, for each shard those with most of them first.

    Args:
        indexes: the shards' indexes, by a name.
    """
    if not indexes or not aside:
        return {}
    with (
        suppress(StoreError),  # a damaged file: its images are given to the model again
        TemporaryDirectory() as scratch,
        open_database(Path(scratch, "tables")) as database,
    ):
        database.view("indexed", indexes.values(), named="of_shard")
        database.view("earlier", aside, named="of_file")
        found = database.frame(f"""
            SELECT of_shard, of_file, count(*) AS images
            FROM indexed
            JOIN earlier USING ({ID}, {SHA256})
            GROUP BY ALL
            ORDER BY of_shard, images DESC, of_file
        """)
        names = {str(path): name for name, path in indexes.items()}
        sources: dict[str, list[Path]] = {}
        for shard, file, _ in found.iter_rows():
            sources.setdefault(names[shard], []).append(Path(file))
        return {name: tuple(files[:_MOST_FILES]) for name, files in sources.items()}
    return {}


def same_name(vectors: Path, aside: Iterable[Path]) -> tuple[Path, ...]:
    """The files that were put aside for one file of vectors, for a shard without an index."""
    name = re.compile(rf"{re.escape(vectors.stem)}\.[0-9a-f]{{{_DIGITS}}}\.parquet")
    return tuple(one for one in aside if one.parent.name == vectors.parent.name and name.fullmatch(one.name))


def read_earlier(files: Sequence[Path], index: Path | None, dimensions: int) -> EarlierVectors:
    """The vectors in files that were put aside; of the images in a shard's index alone, if there is one."""
    own = pl.read_parquet(index, columns=[ID, SHA256], glob=False) if index and files else None
    found = [rows for path in files if (rows := _read(path, own)) is not None]
    if not found:
        return EarlierVectors({}, [], np.empty((0, dimensions), np.float16))
    rows = pl.concat(found).unique(ID, keep="first", maintain_order=True)
    numbers = {key: row for row, key in enumerate(rows[ID])}
    return EarlierVectors(numbers, rows[SHA256].to_list(), rows[VECTOR].to_numpy().reshape(-1, dimensions))


def _read(path: Path, own: pl.DataFrame | None) -> pl.DataFrame | None:
    try:
        if path.stat().st_size > _LARGEST_BYTES:
            return None
        rows = pl.read_parquet(path, columns=[ID, SHA256, VECTOR], glob=False)
    except PARQUET_ERRORS:
        return None  # its images are given to the model again
    return rows if own is None else rows.join(own, on=[ID, SHA256], how="semi", maintain_order="left")


def is_of(meta: Mapping[str, Any], made_from: Mapping[str, Any]) -> bool:
    """Whether the vectors of a file may be taken over: they were made from the same, but for the shard."""
    return all(meta.get(name) == value for name, value in made_from.items() if name != "shard")
