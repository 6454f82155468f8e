"""Vectors of a real network, of real photographs: a picture is nearest to its own copies."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from helpers import tar_of
from treeoflife.core.progress import SilentListener
from treeoflife.core.tables import Array
from treeoflife.engines.serial import SerialEngine
from treeoflife.pipeline.embed import embed_shards
from treeoflife.shards.embeddings.settings import read_request
from treeoflife.shards.embeddings.vectors import open_vectors

SIZE = (224, 224)


def jpeg(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.resize(SIZE, Image.Resampling.BICUBIC).save(out, "JPEG", quality=90)
    return out.getvalue()


def vectors_of(images: dict[str, bytes], model: Path, folder: Path) -> tuple[list[str], Array]:
    folder.mkdir()
    (folder / "a.tar").write_bytes(tar_of([(f"{key}.jpg", data) for key, data in images.items()]))
    request = read_request(str(model), [])
    embed_shards([str(folder)], request, folder, SerialEngine(), SilentListener())
    ids, matrix = open_vectors(folder / model.stem).read()
    return ids.to_list(), matrix.astype(np.float32)


@pytest.mark.slow
def test_a_changed_copy_is_nearest_to_its_photograph(shared: Path, efficientnet: Path, tmp_path: Path) -> None:
    """Cut, brightened and mirrored: of 60 photographs, at most one copy in twenty is nearer to another."""
    images = dict[str, bytes]()
    for number, path in enumerate(sorted((shared / "pool/photos").glob("*.jpg"))[::4][:60]):
        with Image.open(path) as opened:
            photo = opened.convert("RGB")
        width, height = photo.size
        images[f"{number}-whole"] = jpeg(photo)
        images[f"{number}-cut"] = jpeg(photo.crop((width // 10, height // 10, width, height)))
        images[f"{number}-bright"] = jpeg(ImageEnhance.Brightness(photo).enhance(1.4))
        images[f"{number}-mirrored"] = jpeg(photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    ids, matrix = vectors_of(images, efficientnet, tmp_path / "train")
    assert matrix.shape == (240, 1280)
    np.testing.assert_allclose(np.linalg.norm(matrix, axis=1), 1, atol=1e-3)
    whole = [row for row, key in enumerate(ids) if key.endswith("whole")]
    nearest = {ids[row]: ids[whole[int(np.argmax(matrix[whole] @ matrix[row]))]] for row in range(len(ids))}
    right = [key for key, other in nearest.items() if key.partition("-")[0] == other.partition("-")[0]]
    assert len(right) >= 0.95 * len(ids), sorted(nearest.keys() - set(right))
