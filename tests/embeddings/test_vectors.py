"""Files of vectors: what is written is read, by whoever reads Parquet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from treeoflife.core.tables import Array
from treeoflife.errors import InputError
from treeoflife.shards.embeddings.vectors import (
    Vectors,
    complete_folders,
    forget_model,
    open_vectors,
    write_model,
    write_vectors,
)

SHA256 = "a" * 64
SETTINGS = {"size": [224, 224], "mean": [0.5, 0.5, 0.5]}


def some_vectors(rows: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).normal(size=(rows, 6)).astype(np.float32)


def write(folder: Path, shards: dict[str, list[str]], repeated: int = 0, **meta: object) -> Vectors:
    """Write a folder of vectors: the ids of each file."""
    made_by = {"model_sha256": SHA256, "settings": SETTINGS} | meta
    for number, (name, ids) in enumerate(shards.items()):
        write_vectors(folder / name, ids, some_vectors(len(ids), number), made_by, [b"-" * 32] * len(ids))
    images = sum(map(len, shards.values())) - repeated
    vectors = Vectors(folder, SHA256, SETTINGS, 6, images, repeated, dict.fromkeys(shards, "b" * 64))
    write_model(vectors)
    return vectors


def test_vectors_come_back_as_unit_vectors_in_the_order_of_files(tmp_path: Path) -> None:
    shards = {"val/shard-000000.parquet": ["c"], "train/shard-000000.parquet": ["b", "a"], "train/none.parquet": []}
    written = write(tmp_path / "model", shards)
    vectors = open_vectors(tmp_path / "model")
    assert vectors == written
    assert (vectors.name, vectors.dimensions) == ("model", 6)
    ids, matrix = vectors.read()
    assert ids.to_list() == ["b", "a", "c"]
    assert (matrix.dtype, matrix.shape) == (np.float16, (3, 6))
    expected = np.concatenate([some_vectors(2, 1), some_vectors(1, 0)])
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(matrix, expected, atol=1e-3)
    assert [len(piece) for piece, _ in vectors.pieces()] == [0, 2, 1]


def test_an_image_of_several_shards_comes_once(tmp_path: Path) -> None:
    write(tmp_path, {"a/one.parquet": ["x", "y"], "b/two.parquet": ["y", "z"], "c/three.parquet": ["z", "y"]}, 3)
    ids, matrix = open_vectors(tmp_path).read()
    assert ids.to_list() == ["x", "y", "z"]
    assert matrix.shape == (3, 6)


def test_other_programs_read_the_files(tmp_path: Path) -> None:
    write(tmp_path, {"train/shard.parquet": ["x", "y"]})
    rows = pl.read_parquet(tmp_path / "train/shard.parquet", glob=False)
    assert rows.schema == {"treeoflife_id": pl.String, "sha256": pl.Binary, "vector": pl.Array(pl.Float16, 6)}


def test_vectors_of_two_models_do_not_mix(tmp_path: Path) -> None:
    write(tmp_path, {"train/shard.parquet": ["x", "y"]}, model_sha256="c" * 64)
    with pytest.raises(InputError, match="of another model"):
        open_vectors(tmp_path).read()


def test_incomplete_vectors_are_not_opened(tmp_path: Path) -> None:
    write(tmp_path / "one", {"train/shard.parquet": ["x", "y"]})
    write(tmp_path / "two", {"train/shard.parquet": ["x", "y"]})
    forget_model(tmp_path / "two")
    assert list(complete_folders(tmp_path)) == ["one"]
    with pytest.raises(InputError, match="are not complete"):
        open_vectors(tmp_path / "two")
    (tmp_path / "two/model.json").write_text("{}")
    with pytest.raises(InputError, match="does not say"):
        open_vectors(tmp_path / "two")
