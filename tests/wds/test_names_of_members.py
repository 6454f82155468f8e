"""Samples of anybody's shards are found as WebDataset finds them, whatever their members are called."""

from __future__ import annotations

import io
import json
import random
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import treeoflife
from helpers import cli, command, sentence, tar_of
from treeoflife.core.files import stamp
from treeoflife.core.progress import SilentListener
from treeoflife.errors import InputError
from treeoflife.shards.captions import TEXTS
from treeoflife.shards.foreign import list_samples
from treeoflife.shards.locations import Shard, index_foreign_shards
from treeoflife.shards.members import split_name
from treeoflife.shards.patterns import expand_patterns
from treeoflife.shards.single_caption import stream_shard
from treeoflife.testing.world import World, draw_picture, encode_image

JPEG = encode_image(draw_picture(random.Random(1)))
KEYS = ("a1", "b2", "c3")
Files = list[tuple[str, bytes]]


def sample(key: str, *, image: str = "jpg", upper: bool = False) -> Files:
    names = [image, *TEXTS]
    return [
        (
            f"{key}.{name.upper() if upper else name}",
            JPEG if name == image else f"{key} {name}".encode(errors="replace"),
        )
        for name in names
    ]


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def captioned(path: Path) -> list[str]:
    """The names of the members of the shard with one caption."""
    out, notes = io.BytesIO(), list[str]()
    stream_shard(path, out, note=notes.append)
    assert not notes
    return list(members(out.getvalue()))


@pytest.mark.parametrize(
    "name",
    [
        "a.jpg",
        "a.b.txt",
        "d/a.jpg",
        "v1.0/a.jpg",
        "v1.0/x.y/a.b.txt",
        "/d/a.jpg",
        "a b.jpg",
        "ü/ü.jpg",
        "a..jpg",
        "a/b",
    ],
)
def test_names_are_divided_as_webdataset_divides_them(name: str) -> None:
    base_plus_ext = pytest.importorskip("webdataset.tariterators").base_plus_ext
    key, suffix = base_plus_ext(name)
    assert split_name(name) == ((key, suffix) if key else ("a/b", ""))


MADE: dict[str, tuple[str, Callable[[], Files]]] = {
    "by 'tar -C folder .'": ("{}", lambda: [one for key in KEYS for one in sample(f"./{key}")]),
    "with './/' before the names": ("{}", lambda: [one for key in KEYS for one in sample(f".//{key}")]),
    "in a folder with a dot": ("v1.0/{}", lambda: [one for key in KEYS for one in sample(f"v1.0/{key}")]),
    "in a folder each": ("{}/x", lambda: [one for key in KEYS for one in sample(f"{key}/x")]),
    "by macOS": (
        "{}",
        lambda: [one for key in KEYS for name, data in sample(key) for one in ((f"._{name}", b"\0\5"), (name, data))],
    ),
    "with endings in upper case": ("{}", lambda: [one for key in KEYS for one in sample(key, upper=True)]),
    "with keys that are not UTF-8": (r"{}\xff", lambda: [one for key in KEYS for one in sample(f"{key}\udcff")]),
    "with other files between": ("{}", lambda: [one for key in KEYS for one in (("README", b""), *sample(key))]),
}


@pytest.mark.parametrize(("key_form", "make"), MADE.values(), ids=MADE)
@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_every_sample_is_found_in_shards_that_were_made(
    form: int, key_form: str, make: Callable[[], Files], tmp_path: Path
) -> None:
    """By captioned, by catalog and by open."""
    (tmp_path / "224x224/train").mkdir(parents=True)
    path = tmp_path / "224x224/train/shard-000000.tar"
    path.write_bytes(tar_of(make(), form))
    keys = [key_form.format(key) for key in KEYS]
    assert captioned(path) == [f"{key}.{kind}" for key in keys for kind in ("jpg", "txt")]
    assert list_samples(path, lambda _: None)["treeoflife_id"].to_list() == keys
    dataset = treeoflife.open(tmp_path)
    assert [one.id for one in dataset.samples()] == keys
    assert dataset[keys[1]].texts["sci.txt"].endswith("sci.txt")


def test_an_index_that_an_earlier_version_made_of_a_shard_is_made_again(tmp_path: Path) -> None:
    """It has one sample for all members that are called ./something."""
    path, index = tmp_path / "x.tar", tmp_path / "x.parquet"
    path.write_bytes(tar_of([one for key in KEYS for one in sample(f"./{key}")]))
    schema = {"treeoflife_id": pl.String, "start": pl.Int64, "offset": pl.Int64, "size": pl.UInt32}
    earlier = {"treeoflife": json.dumps({"stamp": stamp(path), "samples": 0})}
    pl.DataFrame(schema=schema).write_parquet(index, metadata=earlier)
    index_foreign_shards((Shard("train", path, index),), SilentListener())
    assert pl.read_parquet(index)["treeoflife_id"].to_list() == list(KEYS)


def test_folders_and_links_do_not_divide_samples(tmp_path: Path) -> None:
    """As GNU tar and bsdtar write them, with a header for every folder."""
    (tmp_path / "in/v1.0").mkdir(parents=True)
    for name, data in sample("a1"):
        (tmp_path / "in/v1.0" / name).write_bytes(data)
    (tmp_path / "in/v1.0/a1.zz.txt").symlink_to("a1.sci.txt")
    subprocess.run(["tar", "cf", "x.tar", "-C", "in", "."], cwd=tmp_path, check=True)
    assert sorted(captioned(tmp_path / "x.tar")) == ["v1.0/a1.jpg", "v1.0/a1.txt"]
    assert list_samples(tmp_path / "x.tar", lambda _: None)["treeoflife_id"].to_list() == ["v1.0/a1"]


@pytest.mark.parametrize("image", ["jpeg", "JPEG", "png", "webp"])
def test_an_image_of_another_kind_is_passed_on_with_its_own_ending(image: str, tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(tar_of(sample("a1", image=image)))
    assert captioned(tmp_path / "x.tar") == [f"a1.{image.lower()}", "a1.txt"]


FAULTS = {
    "no member": ([], "there is no sample"),
    "no key": ([(".jpg", JPEG), (".txt", b"x"), ("README", b"x")], "there is no sample"),
    "no image": ([one for one in sample("a1") if one[0] != "a1.jpg"], "none of the 1 samples"),
    "no text": ([("a1.jpg", JPEG), ("a1.txt", b"x")], "none of the 1 samples"),
    "members that are not together": (
        sorted([*sample("a1"), *sample("b2")], key=lambda one: one[0].partition(".")[2]),
        "members are not together",
    ),
    "a sample twice": ([*sample("a1"), *sample("b2"), *sample("a1")], "has the sample a1 twice"),
    "two images": ([*sample("a1"), ("a1.png", JPEG)], r"two images for the sample a1, a1\.jpg and a1\.png"),
    "the image twice": ([("a1.jpg", JPEG), *sample("a1")], r"two images for the sample a1, a1\.jpg and a1\.jpg"),
    "a key that fits no header": (sample("k" * 98), "cannot be written"),
}


@pytest.mark.parametrize(("files", "words"), FAULTS.values(), ids=FAULTS)
def test_captioned_names_what_it_cannot_pass_on(files: Files, words: str, tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(tar_of(files, tarfile.PAX_FORMAT))
    with pytest.raises(InputError, match=words) as caught:
        stream_shard(tmp_path / "x.tar", io.BytesIO())
    assert "x.tar" in str(caught.value)


TWICE = {
    name: FAULTS[name] for name in ("members that are not together", "a sample twice", "two images", "the image twice")
} | {"a text twice": ([*sample("a1"), ("a1.sci.txt", b"another")], r"has the text sci\.txt of the sample a1 twice")}


@pytest.mark.parametrize("read", [list_samples, stream_shard], ids=["catalog", "captioned"])
@pytest.mark.parametrize(("files", "words"), TWICE.values(), ids=TWICE)
def test_samples_are_never_merged(
    files: Files, words: str, read: Callable[[Path, Any], object], tmp_path: Path
) -> None:
    (tmp_path / "x.tar").write_bytes(tar_of(files))
    with pytest.raises(InputError, match=words):
        read(tmp_path / "x.tar", io.BytesIO())


def test_the_catalog_says_which_rows_have_no_names(tmp_path: Path) -> None:
    """Two images are one sample for WebDataset, IMG, if their names have a dot within."""
    dotted = [*sample("IMG.2023.01"), *sample("IMG.2024.01")]
    (tmp_path / "x.tar").write_bytes(tar_of(dotted))
    done = cli("catalog", tmp_path / "x.tar", "--out", tmp_path / "c.csv")
    sentence(done, "none of the 1 samples", "such as IMG", "ends at the first dot")
    assert not (tmp_path / "c.csv").exists()
    tagged = [("a1.jpg", JPEG), ("a1.taxonTag.txt", b"a photo of genus Parus species major.")]
    for untagged in ([], [("b2.jpg", JPEG), ("b2.taxonTag.txt", b" ")], [("b2.taxonTag.txt", b"Aves Parus major")]):
        (tmp_path / "x.tar").write_bytes(tar_of([*tagged, *untagged, *dotted]))
        done = cli("catalog", tmp_path / "x.tar", "--out", tmp_path / "c.csv")
        assert done.returncode == 0
        count, first = (2, "b2") if untagged else (1, "IMG")
        assert f"{count} of {count + 1} rows have no ranks: their samples, such as {first}," in done.stderr


def test_the_catalog_counts_ids_of_two_shards_of_a_split(tmp_path: Path) -> None:
    """A shard of another split may have the same ones, as train_small has those of train."""
    for name in ("train/0", "train/1", "train_small/0"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.tar").write_bytes(tar_of(sample("a1")))
    done = cli("catalog", tmp_path / "train", tmp_path / "train_small", "--out", tmp_path / "c.parquet")
    assert done.returncode == 0
    assert "1 ids have a row for each of several shards of one split, such as a1 of train;" in done.stderr
    assert pl.read_parquet(tmp_path / "c.parquet").height == 3


def test_captioned_says_how_many_samples_it_leaves_out(tmp_path: Path) -> None:
    """On standard error, since the shard goes to standard output."""
    (tmp_path / "x.tar").write_bytes(tar_of([*sample("a1"), ("b2.jpg", JPEG), ("c3.sci.txt", b"x")]))
    done = subprocess.run(command("captioned", tmp_path / "x.tar"), capture_output=True, check=True)
    assert sorted(members(done.stdout)) == ["a1.jpg", "a1.txt"]
    assert b"2 of 3 samples are left out, such as b2" in done.stderr


def test_a_shard_without_samples_is_an_error_of_every_command(tmp_path: Path) -> None:
    (tmp_path / "x.tar").write_bytes(tar_of([(".jpg", JPEG)]))
    (tmp_path / "y.tar").write_bytes(tar_of(sample("a1")))
    sentence(cli("catalog", tmp_path, "--out", tmp_path / "c.csv"), "x.tar", "there is no sample")
    sentence(cli("captioned", tmp_path / "nothing.tar"), "nothing.tar", "No such file")
    assert cli("check-shards", tmp_path / "x.tar").returncode == 1


def test_the_catalog_of_any_shards_has_every_sample(tmp_path: Path) -> None:
    for number, key in enumerate(KEYS):
        (tmp_path / f"{number}.tar").write_bytes(tar_of(sample(f"./{key}")))
    for shards in (tmp_path, tmp_path / "{0..2}.tar", tmp_path / "[0-2].tar"):
        done = cli("catalog", shards, "--out", tmp_path / "c.parquet")
        assert done.returncode == 0, done.stderr
        assert pl.read_parquet(tmp_path / "c.parquet")["treeoflife_id"].to_list() == list(KEYS)


def test_a_path_that_exists_is_no_pattern(tmp_path: Path) -> None:
    """Nor is the part of a path that exists."""
    for folder in ("set1", "set[12]", "{a,b}"):
        (tmp_path / folder).mkdir()
        for name in ("x[01].tar", "x0.tar", "x1.tar", "._x0.tar", "notes.txt", "z.tar.gz"):
            (tmp_path / folder / name).touch()
    for folder in ("set[12]", "{a,b}"):
        own = tmp_path / folder
        names = [path.relative_to(own).as_posix() for path in expand_patterns([str(own)])]
        assert names == ["x0.tar", "x1.tar", "x[01].tar", "z.tar.gz"]
        assert expand_patterns([str(own / "x[01].tar")]) == [own / "x[01].tar"]
        assert expand_patterns([str(own / "x[0-1].tar")]) == [own / "x0.tar", own / "x1.tar"]
        assert expand_patterns([str(own / "x{0,1}.tar")]) == [own / "x0.tar", own / "x1.tar"]
    assert len(expand_patterns([str(tmp_path / "*[12]*")])) == 8


def test_a_mapping_of_other_images_is_named(drawn_world: World, tmp_path: Path) -> None:
    """Otherwise the catalog would have no origins, and say nothing."""
    (tmp_path / "x.tar").write_bytes(tar_of(sample("a1")))
    mapping = next(drawn_world.root.rglob("mapping.sqlite"))
    done = cli("catalog", tmp_path / "x.tar", "--mapping", mapping, "--out", tmp_path / "c.csv")
    sentence(done, "mapping.sqlite", "has no sample", "a1")


def test_shards_of_a_linked_folder_are_found_once(tmp_path: Path) -> None:
    """By the name of the link, which is the split; a link back, hidden files and system folders bring no more."""
    for folder in ("own/val", "own/__MACOSX", "own/.trash", "elsewhere"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "0.TAR").write_bytes(tar_of(sample("a1")))
    (tmp_path / "elsewhere/._0.tar").touch()
    own = tmp_path / "own"
    for link, target in (("train", "../elsewhere"), ("zz", "train"), ("val/up", "..")):
        (own / link).symlink_to(target)
    assert expand_patterns([str(own)]) == [own / "train/0.TAR", own / "val/0.TAR"]
    done = cli("catalog", own, "--out", tmp_path / "catalog.parquet")
    assert done.returncode == 0, done.stderr
    assert pl.read_parquet(tmp_path / "catalog.parquet")["split"].to_list() == ["train", "val"]
