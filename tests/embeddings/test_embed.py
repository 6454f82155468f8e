"""embed: every image of a dataset, or of any shards, has the vector that the model gives for it."""

from __future__ import annotations

import io
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from helpers import built, cli, command, digests, retar, samples, shards, tar_of
from tiny_onnx import FLOAT, Network, node, thumbnail, write
from treeoflife.core.files import sha256, stamp
from treeoflife.core.progress import SilentListener
from treeoflife.core.tables import Array
from treeoflife.engines.serial import SerialEngine
from treeoflife.errors import InputError, TasksFailed
from treeoflife.pipeline.embed import embed_shards
from treeoflife.shards.embeddings.embed import EmbedTask, embed_shard
from treeoflife.shards.embeddings.run import inspect
from treeoflife.shards.embeddings.settings import read_request
from treeoflife.shards.embeddings.vectors import complete_folders, open_vectors

onnxruntime = pytest.importorskip("onnxruntime", reason="pip install 'treeoflife[embed]'")

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def expected_vector(jpeg: bytes, cells: int = 4, side: int = 224) -> Array:
    """The vector that :func:`thumbnail` gives, by Pillow and NumPy alone, as a unit vector."""
    with Image.open(io.BytesIO(jpeg)) as image:
        pixels = np.asarray(image.convert("RGB").resize((side, side), Image.Resampling.BICUBIC), np.float64) / 255
    means = pixels.reshape(cells, side // cells, cells, side // cells, 3).mean(axis=(1, 3))
    vector = ((means - MEAN) / STD).transpose(2, 0, 1).ravel()
    return np.asarray(vector / np.linalg.norm(vector))


def embed(*words: str | Path) -> str:
    """What a run of the command says; it must succeed."""
    done = cli("embed", *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def embed_here(shards: Path, model: Path, out: Path, *settings: str) -> str:
    """The same for shards, in this process."""
    engine, request = SerialEngine(), read_request(str(model), settings)
    return "\n".join(embed_shards([str(shards)], request, out, engine, SilentListener()).sentences())


def images_of(out: Path) -> dict[str, bytes]:
    """The images of train and val."""
    found = samples([*shards(out, "train"), *shards(out, "val")])
    return {key: parts["jpg"] for key, parts in found.items()}


def rows_of(path: Path) -> int:
    return pl.read_parquet(path).height


def vector_files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()
    }


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return thumbnail(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="module")
def embedded(drawn_build: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shards of the drawn build, embedded; a folder to look at and not to change."""
    out = tmp_path_factory.mktemp("embedded")
    embed(drawn_build / "224x224", "--model", model, "--out", out, "--workers", "2")
    return out / "tiny"


def test_every_image_has_the_vector_of_its_pixels(drawn_build: Path, embedded: Path) -> None:
    ids, matrix = open_vectors(embedded).read()
    images = images_of(drawn_build)
    assert sorted(ids) == sorted(images)
    for key, vector in zip(ids, matrix, strict=True):
        np.testing.assert_allclose(vector, expected_vector(images[key]), atol=2e-3)


def test_train_small_is_not_embedded_twice(drawn_build: Path, embedded: Path) -> None:
    assert shards(drawn_build, "train_small")
    assert {path.parent.name for path in open_vectors(embedded).files} == {"train", "val"}


def test_a_dataset_has_the_same_vectors_with_one_worker_and_none_is_made_twice(
    build_copy: Path, embedded: Path, model: Path
) -> None:
    before = digests(build_copy)
    said = embed("--config", build_copy, "--model", model, "--workers", "1")
    assert vector_files(build_copy / "embeddings/tiny") == vector_files(embedded)
    assert f"{len(images_of(build_copy))} images of 5 shards" in said
    made = {path: path.stat().st_mtime_ns for path in (build_copy / "embeddings").rglob("*.parquet")}
    assert "up to date" in embed("--config", build_copy, "--model", model)
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert {name: one for name, one in digests(build_copy).items() if not name.startswith("embeddings")} == before


def test_after_a_rebuild_only_new_images_are_given_to_the_model(build_copy: Path, model: Path, tmp_path: Path) -> None:
    """A dropped image moves all that follow into other places and shards; a relabelled one changes its texts."""
    config = build_copy / "dataset.toml"
    embed("--config", config, "--model", model)
    keys = pl.read_csv(build_copy / "224x224/catalog.csv").filter(split="train")["treeoflife_id"]
    rows = [f"{keys[0]},drop,,", f"{keys[40]},relabel,Turdus,merula"]
    (build_copy / "marks.csv").write_text("\n".join(["treeoflife_id,verdict,genus,species", *rows, ""]))
    built(config)
    embed_here(build_copy / "224x224", model, tmp_path)  # all of them anew
    folder = build_copy / "embeddings/tiny"
    before = open_vectors(folder).shards
    after = open_vectors(tmp_path / "tiny").shards
    changed = [tmp_path / "tiny" / name for name, shard in after.items() if before[name] != shard]
    assert len(changed) > 1
    assert f"{sum(map(rows_of, changed))} vectors taken over" in embed("--config", config, "--model", model)
    assert vector_files(folder) == vector_files(tmp_path / "tiny")


def test_a_killed_run_is_finished_by_the_next(drawn_build: Path, embedded: Path, model: Path, tmp_path: Path) -> None:
    words = command("embed", drawn_build / "224x224", "--model", model, "--out", tmp_path, "--workers", "1")
    run = subprocess.Popen(words, stderr=subprocess.DEVNULL, start_new_session=True)
    while not list(tmp_path.glob("tiny/*/*.parquet")) and run.poll() is None:
        time.sleep(0.002)
    run.send_signal(signal.SIGKILL)
    run.wait()
    first = {path: path.stat().st_ino for path in tmp_path.glob("tiny/*/*.parquet")}
    embed_here(drawn_build / "224x224", model, tmp_path)
    assert {path: path.stat().st_ino for path in first} == first
    assert vector_files(tmp_path / "tiny") == vector_files(embedded)


def test_a_run_that_was_killed_as_vectors_were_moved_loses_none(
    drawn_build: Path, embedded: Path, model: Path, tmp_path: Path
) -> None:
    """Files that were put aside are used by the next run, wherever the killed one was."""
    folder = tmp_path / "set/train"
    folder.mkdir(parents=True)
    shard = folder / "shard-000000.tar"
    shard.write_bytes(shards(drawn_build, "train")[0].read_bytes())
    embed_here(folder.parent, model, tmp_path)
    retar(shard, lambda files: files[11:])  # without the first sample
    aside = tmp_path / "tiny/.earlier/train"
    aside.mkdir(parents=True)
    (tmp_path / "tiny/train/shard-000000.parquet").rename(aside / f"shard-000000.{'0' * 16}.parquet")
    said = embed_here(folder.parent, model, tmp_path)
    assert "1 shard embedded now, 23 vectors taken over" in said
    assert not aside.parent.exists()


def test_another_model_under_the_same_name_replaces_all(drawn_build: Path, model: Path, tmp_path: Path) -> None:
    shard = shards(drawn_build, "val")[0]
    embed_here(shard, model, tmp_path)
    first = open_vectors(tmp_path / "tiny")
    other = thumbnail(tmp_path / "other/tiny.onnx", cells=2)
    said = embed_here(shard, other, tmp_path)
    second = open_vectors(tmp_path / "tiny")
    assert "taken over" not in said
    assert (first.dimensions, second.dimensions) == (48, 12)
    assert first.model_sha256 != second.model_sha256
    assert second.read()[1].shape[1] == 12
    embed_here(shard, model, tmp_path, "name=large")
    assert {name: open_vectors(one).dimensions for name, one in complete_folders(tmp_path).items()} == {
        "large": 48,
        "tiny": 12,
    }


def jpeg(colour: tuple[int, int, int], size: tuple[int, int] = (224, 224), kind: str = "JPEG") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind, **({"quality": 100} if kind == "JPEG" else {}))
    return out.getvalue()


def own_shard(folder: Path, files: list[tuple[str, bytes]], name: str = "a.tar") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(tar_of(files))
    return folder / name


def test_images_of_any_format_and_size_are_fitted_and_those_without_a_vector_are_counted(
    model: Path, tmp_path: Path
) -> None:
    files = [
        ("one.png", jpeg((200, 30, 30), (640, 200), "PNG")),
        ("two.jpg", b"this is no picture"),
        ("three.txt", b"no image at all"),
        ("four.JPEG", jpeg((30, 200, 30), (10, 10))),
    ]
    shard = own_shard(tmp_path / "train", files)
    said = embed_here(shard, model, tmp_path / "out")
    assert "2 images of 1 shard" in said
    assert "2 samples without a vector, such as two" in said
    ids, matrix = open_vectors(tmp_path / "out/tiny").read()
    assert ids.to_list() == ["one", "four"]
    np.testing.assert_allclose(matrix[1], expected_vector(jpeg((30, 200, 30))), atol=3e-3)
    assert "2 samples without a vector" in embed_here(shard, model, tmp_path / "out")


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[:1000], ["cannot be read to its end"]),
        (lambda _: tar_of([]), ["no sample"]),
        (lambda _: tar_of([("x.jpg", b"nothing")]), ["no image of", "has a vector", "x"]),
        (lambda _: tar_of([(f"{key}.jpg", jpeg((1, 2, 3))) for key in "xyx"]), ["twice"]),
    ],
    ids=["cut off", "empty", "nothing usable", "twice"],
)
def test_a_shard_that_cannot_be_embedded_is_named_and_the_others_are_made(
    damage: object, words: list[str], model: Path, tmp_path: Path
) -> None:
    assert callable(damage)
    good = tar_of([("x.jpg", jpeg((1, 2, 3))), ("y.jpg", jpeg((250, 2, 3)))])
    own_shard(tmp_path / "train", [("z.jpg", jpeg((250, 2, 3)))], "good.tar")
    (tmp_path / "train/bad.tar").write_bytes(damage(good))
    with pytest.raises(TasksFailed) as failed:
        embed_here(tmp_path / "train", model, tmp_path / "out")
    assert all(word in str(failed.value) for word in ("train/bad.tar", *words))
    assert (tmp_path / "out/tiny/train/good.parquet").is_file()
    assert not (tmp_path / "out/tiny/train/bad.parquet").exists()
    assert not (tmp_path / "out/tiny/model.json").exists()
    (tmp_path / "train/bad.tar").write_bytes(good)
    assert "3 images of 2 shards" in embed_here(tmp_path / "train", model, tmp_path / "out")


def test_an_image_for_which_the_model_gives_no_finite_numbers_has_no_vector(tmp_path: Path) -> None:
    """And its neighbours do."""
    nodes = [
        node("AveragePool", ["images"], "cells", kernel_shape=[56, 56], strides=[56, 56]),
        node("Log", ["cells"], "logs"),  # of a negative number it is NaN
        node("Flatten", ["logs"], "vector", axis=1),
    ]
    model = write(
        tmp_path / "log.onnx",
        Network({"images": (["n", 3, 224, 224], FLOAT)}, {"vector": (["n", 48], FLOAT)}, nodes),
        mean="0.5",
        std="1",
    )
    files = [("light.jpg", jpeg((250, 240, 230))), ("dark.jpg", jpeg((9, 9, 9))), ("red.jpg", jpeg((255, 200, 199)))]
    own_shard(tmp_path / "train", files)
    said = embed_here(tmp_path / "train", model, tmp_path / "out")
    assert "1 sample without a vector, such as dark: the model gives no finite vector" in said
    ids, matrix = open_vectors(tmp_path / "out/log").read()
    assert ids.to_list() == ["light", "red"]
    assert np.isfinite(matrix).all()


def test_a_shard_that_is_replaced_while_it_is_embedded_leaves_no_vectors(model: Path, tmp_path: Path) -> None:
    shard = own_shard(tmp_path / "train", [("x.jpg", jpeg((1, 2, 3)))])
    facts = inspect(read_request(str(model), []))
    task = EmbedTask(shard, stamp(shard), sha256(shard), None, tmp_path / "out/a.parquet", facts)
    own_shard(tmp_path / "train", [("y.jpg", jpeg((1, 2, 3)))])
    with pytest.raises(InputError, match=r"train/a\.tar changed since the run began"):
        embed_shard(task, lambda _: None)
    assert not task.vectors.exists()


def test_shards_of_the_same_name_are_not_confused(model: Path, tmp_path: Path) -> None:
    for folder in ("a/train", "b/train"):
        own_shard(tmp_path / folder, [("x.jpg", jpeg((1, 2, 3)))])
    with pytest.raises(InputError, match="the same name"):
        embed_here(tmp_path, model, tmp_path / "out")


def test_files_of_others_are_left_alone(model: Path, tmp_path: Path) -> None:
    shard = own_shard(tmp_path / "train", [("x.jpg", jpeg((1, 2, 3)))])
    (tmp_path / "out/tiny/train").mkdir(parents=True)
    pl.DataFrame({"mine": [1]}).write_parquet(tmp_path / "out/tiny/train/b.parquet")
    embed_here(shard, model, tmp_path / "out")
    assert pl.read_parquet(tmp_path / "out/tiny/train/b.parquet").columns == ["mine"]
    pl.DataFrame({"mine": [1]}).write_parquet(tmp_path / "out/tiny/train/a.parquet")
    with pytest.raises(InputError, match=r"a\.parquet is no file of vectors"):
        embed_here(shard, model, tmp_path / "out")


@pytest.mark.slow
def test_withdrawn_images_lose_their_vectors_at_once(build_copy: Path, model: Path) -> None:
    embed("--config", build_copy, "--model", model)
    gone = pl.read_csv(build_copy / "224x224/catalog.csv").filter(split="train")["treeoflife_id"][3]
    done = cli("withdraw", "--config", build_copy, "--id", gone)
    assert done.returncode == 0, done.stderr
    folder = build_copy / "embeddings/tiny"
    assert all(gone not in pl.read_parquet(path)["treeoflife_id"] for path in folder.rglob("*.parquet"))
    assert gone not in open_vectors(folder).read()[0]
    assert "1 shard embedded now" in embed("--config", build_copy, "--model", model)
    assert open_vectors(folder).images == len(images_of(build_copy))
