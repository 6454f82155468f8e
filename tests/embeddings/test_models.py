"""Models: what their files say of images, which output is taken, and what is said of those that do not fit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from helpers import cli, sentence
from tiny_onnx import FLOAT, FLOAT16, INT64, UINT8, Network, Side, node, tensor, thumbnail, write
from treeoflife.core.tables import Array
from treeoflife.errors import ConfigError, InputError
from treeoflife.shards.embeddings.embed import load_model
from treeoflife.shards.embeddings.models import ModelFacts
from treeoflife.shards.embeddings.run import inspect
from treeoflife.shards.embeddings.settings import read_request

pytest.importorskip("onnxruntime", reason="pip install 'treeoflife[embed]'")


def facts(model: Path, *settings: str) -> ModelFacts:
    return inspect(read_request(str(model), settings))


def some_image(side: int = 224) -> Array:
    return np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)


def vector(found: ModelFacts, image: Array) -> Array:
    """What the model makes of an image."""
    model = load_model(found)
    prepared = found.preparation.prepare(image)
    return model.vectors(np.stack([prepared] * model.batch))[0]


def cells(image: Array, number: int = 4) -> Array:
    """The means of squares of an image, channel by channel."""
    side = len(image) // number
    means = image.reshape(number, side, number, side, 3).mean(axis=(1, 3))
    return np.asarray(means.transpose(2, 0, 1))


def pooled(path: Path, shape: list[Side], kind: int, before: list[bytes], **metadata: str) -> Path:
    """A model with one map of features, of 4 x 4 squares, of an input that ``before`` makes an NCHW of floats."""
    network = Network(
        {"images": (shape, kind)},
        {"cells": (None, FLOAT)},
        [*before, node("AveragePool", ["x"], "cells", kernel_shape=[56, 56], strides=[56, 56])],
    )
    return write(path, network, **metadata)


def test_images_are_normalised_as_imagenet_where_nothing_is_said(tmp_path: Path) -> None:
    found = facts(thumbnail(tmp_path / "a.onnx"))
    assert (found.output, found.dimensions, found.batch) == ("vector", 48, 0)
    image = some_image()
    expected = (cells(image) / 255 - np.reshape((0.485, 0.456, 0.406), (3, 1, 1))) / np.reshape(
        (0.229, 0.224, 0.225), (3, 1, 1)
    )
    np.testing.assert_allclose(vector(found, image), expected.ravel(), rtol=1e-4)


@pytest.mark.parametrize(
    ("metadata", "settings", "scale", "mean", "std", "turned"),
    [
        ({"mean": "[0.5, 0.5, 0.5]", "std": "0.25"}, [], 1 / 255, 0.5, 0.25, False),
        ({"mean": "0.5", "std": "0.25"}, ["mean=0.1,0.1,0.1"], 1 / 255, 0.1, 0.25, False),
        ({"mean": "about a half"}, ["mean=0", "std=1"], 1 / 255, 0, 1, False),
        ({"Image.NominalPixelRange": "NominalRange_0_255"}, [], 1, 0, 1, False),
        ({"Image.NominalPixelRange": "Normalized_1_1", "Image.BitmapPixelFormat": "Bgr8"}, [], 1 / 255, 0.5, 0.5, True),
    ],
)
def test_what_the_metadata_and_the_user_say_is_followed(
    metadata: dict[str, str], settings: list[str], scale: float, mean: float, std: float, turned: bool, tmp_path: Path
) -> None:
    found = facts(thumbnail(tmp_path / "a.onnx", **metadata), *settings)
    image = some_image()
    expected = (cells(image[:, :, ::-1] if turned else image) * scale - mean) / std
    np.testing.assert_allclose(vector(found, image), expected.ravel(), rtol=1e-3)


def test_a_preprocessor_config_of_the_hub_is_followed(tmp_path: Path) -> None:
    path = thumbnail(tmp_path / "onnx/model.onnx", side=64)
    said = {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.5, 0.5, 0.5], "do_rescale": True, "rescale_factor": 1 / 255,
            "size": {"shortest_edge": 64}}  # fmt: skip
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(said))
    found = facts(path)
    assert (found.preparation.size, found.preparation.mean) == ((64, 64), (0.1, 0.2, 0.3))
    assert facts(path, "mean=0.5").preparation.mean == (0.5, 0.5, 0.5)
    (tmp_path / "preprocessor_config.json").write_text("{")
    with pytest.raises(InputError, match="preprocessor_config"):
        facts(path)


def test_other_layouts_types_and_batches_are_read_from_the_input(tmp_path: Path) -> None:
    """Images x height x width x 3, of bytes, of half floats, and always three at once."""
    turn = node("Transpose", ["f"], "x", perm=[0, 3, 1, 2])
    bytes_last = pooled(tmp_path / "b.onnx", [3, 224, 224, 3], UINT8, [node("Cast", ["images"], "f", to=FLOAT), turn])
    found = facts(bytes_last)
    assert (found.preparation.layout, found.preparation.dtype, found.batch) == ("NHWC", "uint8", 3)
    assert load_model(found).batch == 3
    half = pooled(tmp_path / "h.onnx", ["n", 3, "h", "w"], FLOAT16, [node("Cast", ["images"], "x", to=FLOAT)])
    found = facts(half, "mean=0", "std=1")
    assert found.preparation.dtype == "float16"
    image = some_image()
    np.testing.assert_allclose(vector(found, image), cells(image).mean(axis=(1, 2)) / 255, rtol=1e-3)


def test_a_map_of_features_is_averaged_over_the_picture(tmp_path: Path) -> None:
    path = pooled(tmp_path / "a.onnx", ["n", 3, 224, 224], FLOAT, [node("Identity", ["images"], "x")])
    found = facts(path, "mean=0", "std=1")
    assert (found.output, found.dimensions) == ("cells", 3)
    image = some_image()
    np.testing.assert_allclose(vector(found, image), cells(image).mean(axis=(1, 2)) / 255, rtol=1e-3)
    of_two = thumbnail(tmp_path / "b.onnx")
    assert facts(of_two, "output=cells").dimensions == 3


def test_the_vector_of_an_image_does_not_depend_on_the_others(tmp_path: Path) -> None:
    found = facts(thumbnail(tmp_path / "a.onnx"))
    model = load_model(found)
    assert model.batch == 1
    images = np.stack([found.preparation.prepare(np.roll(some_image(), by, axis=0)) for by in range(8)])
    one_by_one = np.concatenate([model.vectors(images[number : number + 1]) for number in range(8)])
    assert np.array_equal(one_by_one, model.vectors(images))


def unusable(path: Path) -> Path:
    """Its outputs are tokens and counts."""
    nodes = [
        node("Reshape", ["images", "tokens_shape"], "tokens"),
        node("ReduceMean", ["images"], "mean", axes=[1, 2, 3], keepdims=0),
    ]
    outputs: dict[str, tuple[None, int]] = {"tokens": (None, FLOAT), "mean": (None, FLOAT)}
    shape = tensor("tokens_shape", np.array([0, 3, -1], np.int64))
    return write(path, Network({"images": (["n", 3, 32, 32], FLOAT)}, outputs, nodes, [shape]))


def two_inputs(path: Path) -> Path:
    nodes = [node("Add", ["images", "others"], "sum"), node("Flatten", ["sum"], "vector", axis=1)]
    shape: tuple[list[Side], int] = (["n", 3, 8, 8], FLOAT)
    return write(path, Network({"images": shape, "others": shape}, {"vector": (None, FLOAT)}, nodes))


def failing(path: Path) -> Path:
    """It takes only images of one size, although its input does not say so."""
    nodes = [node("Reshape", ["images", "shape"], "vector")]
    shape = tensor("shape", np.array([1, 99], np.int64))
    return write(path, Network({"images": (["n", 3, "h", "w"], FLOAT)}, {"vector": (None, FLOAT)}, nodes, [shape]))


def gray(path: Path) -> Path:
    nodes = [node("Flatten", ["images"], "vector", axis=1)]
    return write(path, Network({"images": (["n", 1, 8, 8], FLOAT)}, {"vector": (None, FLOAT)}, nodes))


def words(path: Path) -> Path:
    nodes = [node("Identity", ["ids"], "out")]
    return write(path, Network({"ids": (["n", 8], INT64)}, {"out": (None, INT64)}, nodes))


@pytest.mark.parametrize(
    ("make", "settings", "said"),
    [
        (unusable, [], "no output that is a vector .* it has tokens of 1x3x1024 float32, mean of 1 float32"),
        (unusable, ["output=tokens"], "output=tokens: .* has the outputs tokens of 1x3x1024"),
        (thumbnail, ["output=nothing"], "has the outputs cells of 1x3x4x4 float32, vector of 1x48"),
        (two_inputs, [], "takes images of nx3x8x8 .*, others of nx3x8x8"),
        (gray, [], "no images of three colours: the shape of its input is nx1x8x8"),
        (words, [], "takes ids of nx8 tensor.int64."),
        (thumbnail, ["size=64"], "takes images of 224x224 only"),
        (thumbnail, ["layout=NHWC"], "takes no NHWC images"),
        (thumbnail, ["device=cuda"], "device=cuda"),
    ],
)
def test_a_model_that_does_not_fit_is_refused_with_what_it_has(
    make: object, settings: list[str], said: str, tmp_path: Path
) -> None:
    assert callable(make)
    with pytest.raises(ConfigError, match=said):
        facts(make(tmp_path / "a.onnx"), *settings)


def test_a_model_that_cannot_be_loaded_or_run_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no model .*none\.onnx"):
        facts(tmp_path / "none.onnx")
    with pytest.raises(InputError, match="there is no model"):
        facts(tmp_path)
    for number, data in enumerate([b"", b"<html>404</html>", thumbnail(tmp_path / "a.onnx").read_bytes()[:90]]):
        path = tmp_path / f"{number}.onnx"
        path.write_bytes(data)
        with pytest.raises(InputError, match=rf"{number}\.onnx is no ONNX model that onnxruntime loads"):
            facts(path)
    with pytest.raises(InputError, match="cannot be run"):
        facts(failing(tmp_path / "b.onnx"))


def test_a_model_that_changes_during_a_run_is_noticed(tmp_path: Path) -> None:
    found = facts(thumbnail(tmp_path / "a.onnx"))
    thumbnail(tmp_path / "a.onnx", cells=2)
    with pytest.raises(InputError, match="not the model that it was"):
        load_model(found)


def test_weights_in_files_beside_a_model_are_part_of_it(tmp_path: Path) -> None:
    path = thumbnail(tmp_path / "a.onnx")
    alone = facts(path).sha256
    (tmp_path / "a.onnx.txt").write_text("a note")
    assert facts(path).sha256 == alone
    (tmp_path / "a.onnx.data").write_bytes(b"weights")
    with_weights = facts(path).sha256
    (tmp_path / "a.onnx.data").write_bytes(b"others")
    assert len({alone, with_weights, facts(path).sha256}) == 3


@pytest.mark.parametrize(
    ("words_", "said"),
    [
        (["--model", ""], ["--model names the model"]),
        (["--model", "a.onnx", "--set", "sise=3"], ["sise=3", "the keys are size, mean"]),
        (["--model", "a.onnx", "--set", "std=0"], ["std=0", "positive"]),
        (["--model", "a.onnx", "--set", "size=huge"], ["size=huge", "224x224"]),
        (["--model", "a.onnx", "--out", "x"], ["--out is for SHARDS"]),
        (["train", "--model", "a.onnx"], ["SHARDS need --out"]),
    ],
)
def test_wrong_words_are_explained(words_: list[str], said: list[str]) -> None:
    done = cli("embed", *words_)
    assert done.returncode == 2
    sentence(done, *said)


@pytest.mark.parametrize(
    ("package", "model", "said"),
    [
        ("onnxruntime", "a.onnx", "pip install 'treeoflife[embed]'"),
        ("torch", "open_clip:hf-hub:imageomics/bioclip", "pip install open_clip_torch"),
    ],
)
def test_a_missing_package_is_named_with_how_to_install_it(package: str, model: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train/a.tar").write_bytes(b"")
    code = f"import sys; sys.modules['{package}'] = None; from treeoflife.cli import main; main()"
    arguments = ["embed", str(tmp_path), "--model", model, "--out", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    sentence(done, said)
