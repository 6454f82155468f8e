"""An archive that holds more than is read is an error of every reader, and never a shorter archive."""

from __future__ import annotations

import gzip
import io
import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers import cli, command, sentence, tar_of
from treeoflife.config.tables import Images
from treeoflife.download.components import UnpackRule
from treeoflife.download.files.unpack import unpack_archive
from treeoflife.errors import InputError
from treeoflife.evaluation.benchmark import HashTask, hash_part
from treeoflife.shards.captions import TEXTS
from treeoflife.shards.check import CheckTask, check_shard
from treeoflife.shards.foreign import list_samples
from treeoflife.shards.locations import Shard, index_shard
from treeoflife.shards.single_caption import stream_shard
from treeoflife.sources.registry import load_source
from treeoflife.testing.world import draw_picture, encode_image

JPEG = encode_image(draw_picture(random.Random(1)))
CLASS = "00001_Animalia_Chordata_Aves_Passeriformes_Corvidae_Corvus_corax"
Files = list[tuple[str, bytes]]


def photographs(first: int) -> Files:
    """Ten images of one class."""
    return [(f"train/{CLASS}/{number:04d}.jpg", JPEG) for number in range(first, first + 10)]


def shard_members(first: int) -> Files:
    """Ten whole samples."""
    names = ["jpg", *TEXTS]
    return [(f"{n:04d}.{name}", JPEG if name == "jpg" else b"text") for n in range(first, first + 10) for name in names]


def joined(make: Callable[[int], Files]) -> bytes:
    """``cat a.tar b.tar``."""
    return tar_of(make(0)) + tar_of(make(10))


def zeroed(make: Callable[[int], Files]) -> bytes:
    """One header in the middle is zeros."""
    data, name = bytearray(tar_of(make(0))), make(0)[5][0]
    start = data.index(name.encode())
    data[start : start + 512] = bytes(512)
    return bytes(data)


def zeroed_to_the_end(make: Callable[[int], Files]) -> bytes:
    """The second half is a hole that a download did not come to fill."""
    data = tar_of(make(0))
    start = data.index(make(0)[5][0].encode())
    return data[:start] + bytes(2 << 20)


def cut(make: Callable[[int], Files]) -> bytes:
    """It stops exactly where a member ends."""
    data = tar_of(make(0))
    return data[: data.index(make(0)[5][0].encode())]


def followed_by_garbage(make: Callable[[int], Files]) -> bytes:
    """Something else was written behind it."""
    return tar_of(make(0)) + random.Random(1).randbytes(600)


DAMAGES = [joined, zeroed, zeroed_to_the_end, cut, followed_by_garbage]


def read_inat21(path: Path) -> object:
    source = load_source("inat21", {"path": str(path)}, path.parent)
    return [list(source.read(one, 1 << 20)) for one in source.containers()]


def read_eol(path: Path) -> object:
    source = load_source("eol", {"path": str(path)}, path.parent)
    return [list(source.read(one, 1 << 20)) for one in source.containers()]


def unpack(path: Path) -> object:
    return unpack_archive(path, path.parent, UnpackRule(into="out"), "digest")


def hash_images(path: Path) -> object:
    return hash_part(HashTask(path, (), Images(), path.with_name("small.tar")), lambda _: None)


def open_shards(path: Path) -> object:
    return index_shard(Shard("train", path, path.with_suffix(".parquet")), lambda _: None)


READERS = {
    "inat21": (read_inat21, photographs),
    "eol": (read_eol, photographs),
    "unpacking": (unpack, photographs),
    "benchmark": (hash_images, photographs),
    "captioned": (lambda path: stream_shard(path, io.BytesIO()), shard_members),
    "catalog": (lambda path: list_samples(path, lambda _: None), shard_members),
    "open": (open_shards, shard_members),
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: one.__name__)
@pytest.mark.parametrize(("read", "make"), READERS.values(), ids=READERS)
def test_a_tar_that_holds_more_than_is_read_is_named(
    read: Callable[[Path], object], make: Callable[[int], Files], damage: Callable[..., bytes], tmp_path: Path
) -> None:
    """With the place where it ends or breaks off; the whole archive is read by the same reader."""
    (tmp_path / "whole.tar").write_bytes(tar_of(make(0)))
    read(tmp_path / "whole.tar")
    path = tmp_path / "train.tar"
    path.write_bytes(damage(make))
    with pytest.raises(InputError, match=r"train\.tar .*byte \d+"):
        read(path)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: one.__name__)
@pytest.mark.parametrize("read", [read_inat21, read_eol, unpack], ids=lambda one: one.__name__)
def test_a_compressed_tar_that_holds_more_than_is_read_is_named(
    read: Callable[[Path], object], damage: Callable[..., bytes], tmp_path: Path
) -> None:
    pytest.importorskip("indexed_gzip")
    path = tmp_path / "train.tar.gz"
    path.write_bytes(gzip.compress(damage(photographs)))
    with pytest.raises(InputError, match=r"train\.tar\.gz .*byte \d+"):
        read(path)
    assert not list(tmp_path.glob("out/.unpacked*")) or "begun" in next(tmp_path.glob("out/.unpacked*")).read_text()


@pytest.mark.parametrize("read", [read_inat21, read_eol, unpack], ids=lambda one: one.__name__)
def test_gzip_members_are_read_one_after_the_other_and_nothing_else(
    read: Callable[[Path], object], tmp_path: Path
) -> None:
    """Several members and zeros behind them are legal; garbage, or a member that was cut off, is an error."""
    pytest.importorskip("indexed_gzip")
    data = tar_of(photographs(0))
    packed = gzip.compress(data[:5000]) + gzip.compress(data[5000:])
    bad_ends = [b"garbage" * 100, b"x", gzip.compress(b"more")[:-4], gzip.compress(b"more")]
    results = []
    for number, packed_data in enumerate(
        (gzip.compress(data), packed, packed + bytes(1000), *map(packed.__add__, bad_ends))
    ):
        path = tmp_path / f"{number}" / "train.tar.gz"
        path.parent.mkdir()
        path.write_bytes(packed_data)
        if number < 3:
            results.append(read(path))
            continue
        follows = "bytes that are no gzip follow its gzip stream; unpack it with 'gunzip'" if number == 3 else ""
        with pytest.raises(InputError, match=rf"train\.tar\.gz.*{follows}"):
            read(path)
    assert results[0] == results[1] == results[2]


def test_a_damaged_gzip_stream_is_not_called_followed_by_bytes(tmp_path: Path) -> None:
    """A wrong checksum is an error of the same kind, but unpacking and packing anew does not help there."""
    pytest.importorskip("indexed_gzip")
    packed = bytearray(gzip.compress(tar_of(photographs(0))))
    packed[-6] ^= 1
    (path := tmp_path / "train.tar.gz").write_bytes(packed)
    with pytest.raises(InputError, match=r"train\.tar\.gz") as caught:
        read_eol(path)
    assert "gunzip" not in str(caught.value)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda one: one.__name__)
def test_check_shards_finds_a_shard_that_holds_more_than_is_read(damage: Callable[..., bytes], tmp_path: Path) -> None:
    path = tmp_path / "train.tar"
    path.write_bytes(damage(shard_members))
    findings = check_shard(CheckTask(path, "train", None), lambda _: None).findings
    assert [one.detail for one in findings if one.kind == "broken-tar" and "byte" in one.detail]


def test_the_commands_for_shards_fail_where_a_shard_holds_more_than_is_read(tmp_path: Path) -> None:
    path = tmp_path / "train.tar"
    path.write_bytes(joined(shard_members))
    captioned = subprocess.run(command("captioned", path), capture_output=True, check=False)
    assert captioned.returncode == 1
    assert b"end marker" in captioned.stderr
    sentence(cli("catalog", path, "--out", tmp_path / "catalog.csv"), str(path), "end marker")
    assert cli("check-shards", path).returncode == 1
    assert not (tmp_path / "catalog.csv").exists()
