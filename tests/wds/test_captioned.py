"""Shards for trainers that read one caption: every image, with one of its own texts, in a complete tar."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path
from random import Random

import pytest

from helpers import cli, command
from treeoflife.errors import InputError
from treeoflife.shards.single_caption import CAPTIONS, stream_shard


def members(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def test_every_image_has_one_of_its_own_texts(drawn_build: Path) -> None:
    shard = drawn_build / "224x224/train/shard-000000.tar"
    before, out = members(shard.read_bytes()), io.BytesIO()
    count = stream_shard(shard, out, rng=Random(3))
    after = members(out.getvalue())
    keys = {name.partition(".")[0] for name in before}
    assert count == len(keys)
    assert set(after) == {f"{key}.{kind}" for key in keys for kind in ("jpg", "txt")}
    chosen = set()
    for key in keys:
        assert after[f"{key}.jpg"] == before[f"{key}.jpg"]
        own = {name: text for name, text in before.items() if name.startswith(f"{key}.") and name.endswith(".txt")}
        assert after[f"{key}.txt"] in own.values()
        chosen |= {name.partition(".")[2] for name, text in own.items() if text == after[f"{key}.txt"]}
    assert chosen >= {f"{name}.txt" for name in CAPTIONS}


def test_the_option_selects_the_caption_and_the_seed_repeats_the_choice(drawn_build: Path) -> None:
    shard = drawn_build / "224x224/val/shard-000000.tar"
    words = command("captioned", "--caption", "taxonTag_com", shard)
    after = members(subprocess.run(words, capture_output=True, check=True).stdout)
    before = members(shard.read_bytes())
    assert all(
        text == before[name.replace(".txt", ".taxonTag_com.txt")] for name, text in after.items() if ".txt" in name
    )
    seeded = command("captioned", "--seed", "5", shard)
    twice = [subprocess.run(seeded, capture_output=True, check=True).stdout for _ in range(2)]
    assert twice[0] == twice[1]


def test_unknown_texts_and_truncated_shards_are_input_errors(drawn_build: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no text 'txt'"):
        stream_shard(drawn_build / "224x224/val/shard-000000.tar", io.BytesIO(), ["txt"])
    (tmp_path / "short.tar").write_bytes((drawn_build / "224x224/val/shard-000000.tar").read_bytes()[:30_000])
    done = cli("captioned", tmp_path / "short.tar")
    assert done.returncode == 1
    assert "short.tar cannot be read to its end" in done.stderr
