"""Texts in shards of others, which editors on any system may have written: taken whole, or refused by name."""

from __future__ import annotations

import io
import random
import tarfile
from pathlib import Path

import polars as pl
import pytest

import treeoflife
from helpers import cli, sentence, tar_of
from treeoflife.core.progress import SilentListener
from treeoflife.core.values import Taxon
from treeoflife.errors import InputError
from treeoflife.shards.captions import compose_texts
from treeoflife.shards.foreign import list_samples
from treeoflife.shards.locations import Shard, index_foreign_shards
from treeoflife.shards.single_caption import NAMES, stream_shard
from treeoflife.testing.world import draw_picture, encode_image

JPEG = encode_image(draw_picture(random.Random(1)))
TEXTS = compose_texts(Taxon("Animalia", genus="Turdus", species="merula"), "Common blackbird")
COMMON = TEXTS["common_name.txt"].encode()
Files = list[tuple[str, bytes]]


def sample(key: str, before: bytes = b"", after: bytes = b"", **own: bytes) -> Files:
    """The members of a sample, with bytes before and after every text; ``own`` replaces members, ``__`` for a dot."""
    files = {"jpg": JPEG} | {suffix: before + text.encode() + after for suffix, text in TEXTS.items()}
    files |= {suffix.replace("__", "."): data for suffix, data in own.items()}
    return [(f"{key}.{suffix}", data) for suffix, data in files.items()]


def shard(folder: Path, *files: Files) -> Path:
    """A shard of a folder that ``treeoflife.open`` opens."""
    path = folder / "224x224/train/shard-000000.tar"
    path.parent.mkdir(parents=True)
    path.write_bytes(tar_of([one for sample in files for one in sample]))
    return path


def catalog(path: Path) -> pl.DataFrame:
    return list_samples(path, lambda _: None)


def captions(path: Path, *names: str) -> tuple[dict[str, str], list[str]]:
    """The captions of a shard by their members, and what is noted on it."""
    out, notes = io.BytesIO(), list[str]()
    stream_shard(path, out, names, note=notes.append)
    with tarfile.open(fileobj=io.BytesIO(out.getvalue())) as tar:
        texts = {one.name: tar.extractfile(one).read().decode() for one in tar if one.name.endswith(".txt")}  # type: ignore[union-attr]
    return texts, notes


def check_texts(path: Path) -> None:
    """Check that every way in takes the texts for those of the sample."""
    (row,) = catalog(path).iter_rows(named=True)
    assert (row["kingdom"], row["species"], row["common"]) == ("Animalia", "merula", "Common blackbird")
    for name in NAMES:
        assert captions(path, name)[0] == {"a1.txt": TEXTS[f"{name}.txt"]}
    opened = treeoflife.open(path.parents[2])["a1"]
    assert opened.texts == TEXTS
    assert (opened.taxon.species, opened.row["common"]) == ("merula", "Common blackbird")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b" ", b" \r\n\r\n", b"\t\n"])
def test_line_ends_and_spaces_at_the_end_are_no_part_of_a_text(end: bytes, tmp_path: Path) -> None:
    check_texts(shard(tmp_path, sample("a1", after=end)))


def test_a_byte_order_mark_is_no_part_of_a_text(tmp_path: Path) -> None:
    check_texts(shard(tmp_path, sample("a1", before=b"\xef\xbb\xbf", after=b"\r\n")))


class Listener(SilentListener):
    """Keeps what is said at the end."""

    summary = ""

    def finish(self, summary: str) -> None:
        self.summary = summary


@pytest.mark.parametrize("data", [b"Gr\xfcnfink", "Grünfink".encode("utf-16"), COMMON[:4] + b"\xff"])
def test_a_text_that_is_not_utf8_is_named_or_counted(data: bytes, tmp_path: Path) -> None:
    """Where it is passed on it is an error; where it is looked at, it is shown, and counted."""
    path = shard(tmp_path, sample("a1"), sample("b2", common_name__txt=data), [("c3.sci.txt", b"\xff")])
    sentence(cli("catalog", path, "--out", tmp_path / "c.csv"), path.name, "b2.common_name.txt", "not UTF-8")
    assert not (tmp_path / "c.csv").exists()
    with pytest.raises(InputError, match=r"shard-000000\.tar: the text b2\.common_name\.txt is not UTF-8"):
        captions(path, "common_name", "sci")
    assert captions(path, "com")[0].keys() == {"a1.txt", "b2.txt"}
    listener = Listener()
    index_foreign_shards((Shard("train", path, tmp_path / "x.parquet"),), listener)
    assert "1 samples without an image, 1 samples with texts that are not UTF-8" in listener.summary
    assert "\ufffd" in treeoflife.open(tmp_path)["b2"].row["common"]


@pytest.mark.parametrize("second", ["common_name.txt", "COMMON_NAME.TXT"])
def test_a_text_that_is_there_twice_is_named(second: str, tmp_path: Path) -> None:
    """Which of the two is right is not known."""
    path = shard(tmp_path, sample("a1"), [*sample("b2"), (f"b2.{second}", b"other")])
    twice = "has the text common_name.txt of the sample b2 twice"
    sentence(cli("catalog", path, "--out", tmp_path / "c.csv"), path.name, twice)
    for caption in ("common_name", "com"):
        with pytest.raises(InputError, match=twice):
            captions(path, caption)


def test_an_empty_image_or_caption_counts_as_none(tmp_path: Path) -> None:
    """So another caption is chosen if there is one; else the sample is left out and counted."""
    empty = [sample("b2", jpg=b""), sample("c3", sci__txt=b"", com__txt=b"\xef\xbb\xbf \r\n")]
    path = shard(tmp_path, sample("a1"), *empty)
    texts, notes = captions(path, "sci", "com")
    assert texts.keys() == {"a1.txt"}
    assert "2 of 3 samples are left out, such as b2" in notes[0]
    texts, notes = captions(path, "sci", "taxon")
    assert texts["c3.txt"] == TEXTS["taxon.txt"]
    assert "1 of 3 samples are left out, such as b2" in notes[0]
