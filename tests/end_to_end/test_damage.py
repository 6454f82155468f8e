"""check-wds names every damaged shard, and --repair restores the very bytes."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

import treeoflife
from helpers import built, cli, digests, retar, samples, seldom, sentence, shards
from treeoflife.errors import InputError
from treeoflife.pipeline.opening import inspecting, working
from treeoflife.pipeline.repair import check_shards
from treeoflife.pipeline.workspace import open_workspace

Damage = Callable[[Path], None]


def flip(path: Path) -> None:
    """Another value for one byte, anywhere."""
    data = bytearray(path.read_bytes())
    data[random.Random(path.name).randrange(len(data))] ^= 0x20
    path.write_bytes(data)


def flip_in_padding(path: Path) -> None:
    """The last byte, which no reader looks at."""
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def cut(path: Path) -> None:
    """Two thirds are left."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])


def cut_at_a_member(path: Path) -> None:
    """What is left ends where a member ends, but without an end marker."""
    path.write_bytes(path.read_bytes()[:512])


def empty(path: Path) -> None:
    """Nothing is left."""
    path.write_bytes(b"")


def drop(path: Path) -> None:
    """One text of one sample is gone; the tar is whole."""
    retar(path, lambda files: [one for place, one in enumerate(files) if place != 5])


def remove(path: Path) -> None:
    """The file is gone."""
    path.unlink()


def swap(path: Path) -> None:
    """A text says something else; the tar is whole."""
    retar(path, lambda files: [(name, b"weed" if name.endswith("com.txt") else data) for name, data in files])


def duplicate(path: Path) -> None:
    """It also holds a sample of another shard."""
    other = next(one for one in sorted(path.parent.glob("*.tar")) if one != path)
    key, parts = next(iter(samples([other]).items()))
    retar(path, lambda files: [*files, *((f"{key}.{name}", data) for name, data in parts.items())])


@pytest.mark.parametrize(
    "damage",
    [flip, cut, drop, swap, *seldom(flip_in_padding, cut_at_a_member, empty, remove, duplicate)],
    ids=lambda one: one.__name__,
)
def test_a_damaged_shard_is_named_alone_and_repaired(build_copy: Path, damage: Damage) -> None:
    """Exit status 1, the shard alone in bad-shards.txt, then the same bytes as before, and nothing else touched."""
    before = digests(build_copy)
    times = {path: path.stat().st_mtime_ns for path in shards(build_copy)}
    victim = shards(build_copy, "train")[1]
    damage(victim)
    config = build_copy / "dataset.toml"
    checked = cli("check-wds", "--config", config, "--json")
    assert checked.returncode == 1, checked.stderr
    assert {one["shard"] for one in json.loads(checked.stdout)["findings"]} == {str(victim)}
    assert (build_copy / "logs/bad-shards.txt").read_text().splitlines() == [str(victim)]
    repaired = cli("check-wds", "--config", config, "--repair")
    assert repaired.returncode == 0, repaired.stdout + repaired.stderr
    assert digests(build_copy) == before
    assert {path: path.stat().st_mtime_ns for path in shards(build_copy) if path != victim} == {
        path: when for path, when in times.items() if path != victim
    }
    assert cli("check-wds", "--config", config).returncode == 0
    assert (build_copy / "logs/bad-shards.txt").read_text() == ""


def test_a_build_mends_a_truncated_shard(build_copy: Path) -> None:
    """A shard that is not the one that was written is packed again; no sample is written twice."""
    before = digests(build_copy)
    cut(shards(build_copy, "train")[0])
    empty(shards(build_copy, "val")[0])
    built(build_copy / "dataset.toml")
    assert digests(build_copy) == before


def test_repair_works_without_the_store(build_copy: Path) -> None:
    """Where the encoded images were not kept, those that are needed are encoded again."""
    before = {path.name: path.read_bytes() for path in shards(build_copy, "train")}
    config = build_copy / "dataset.toml"
    config.write_text(config.read_text().replace("keep_store = true", "keep_store = false"))
    built(config)
    assert not list((build_copy / "encoded").rglob("*.tar"))
    flip(shards(build_copy, "train")[0])
    assert cli("check-wds", "--config", config, "--repair").returncode == 0
    assert {path.name: path.read_bytes() for path in shards(build_copy, "train")} == before


def test_damage_to_the_store_does_not_reach_a_shard(build_copy: Path) -> None:
    """A flipped byte in an encoded container is noticed, and it is encoded again."""
    before = digests(build_copy)
    for path in (build_copy / "encoded").rglob("*.tar"):
        flip(path)
    for path in shards(build_copy):
        path.unlink()
    built(build_copy / "dataset.toml")
    assert digests(build_copy) == before


def test_a_copy_of_a_shard_is_an_unexpected_file(build_copy: Path) -> None:
    """A worker's copy would be read by a trainer's glob; notes beside the shards are nobody's business."""
    first = shards(build_copy, "train")[0]
    (first.parent / "README.md").write_text("mine")
    shutil.copy(first, first.with_name("shard-000000_1.tar"))
    checked = cli("check-wds", "--config", build_copy / "dataset.toml")
    assert checked.returncode == 1
    assert "unexpected-file" in checked.stdout
    assert "README" not in checked.stdout


def test_what_a_worker_left_half_written_is_no_file_of_the_dataset(build_copy: Path) -> None:
    """It lies there until the run ends; the check, made before, holds afterwards."""
    workspace = open_workspace(build_copy / "dataset.toml")
    with working(workspace) as session:
        left = build_copy / "224x224/train/shard-000000.tar.writing-host-1-0a1b2c3d"
        left.write_bytes(b"half of a sh")
        assert not check_shards(session)
    assert not left.exists()
    with inspecting(workspace) as session:
        assert session.state("check-wds").fresh


@pytest.mark.parametrize("damage", [cut, empty, drop, swap], ids=lambda one: one.__name__)
def test_anybodys_shards_are_checked_without_a_record(build_copy: Path, damage: Damage) -> None:
    """By folder, glob and brace pattern."""
    folder = build_copy / "224x224/train"
    last = len(shards(build_copy, "train")) - 1
    ways = [str(folder), f"{folder}/*.tar", f"{folder}/shard-{{000000..{last:06d}}}.tar"]
    for way in ways:
        assert cli("check-wds", way).returncode == 0
    victim = shards(build_copy, "train")[0]
    damage(victim)
    checked = cli("check-wds", ways[-1], "--json")
    assert checked.returncode == 1
    assert {one["shard"] for one in json.loads(checked.stdout)["findings"]} == {str(victim)}


def test_a_key_in_two_of_anybodys_shards_is_found(build_copy: Path) -> None:
    """Within a split, and between train and val."""
    train = shards(build_copy, "train")[0]
    duplicate(train)
    shutil.copy(shards(build_copy, "train")[1], build_copy / "224x224/val/shard-000099.tar")
    checked = cli("check-wds", build_copy / "224x224/train", build_copy / "224x224/val", "--json")
    assert checked.returncode == 1
    found = {one["shard"] for one in json.loads(checked.stdout)["findings"] if one["kind"] == "duplicate-key"}
    assert {str(train), str(build_copy / "224x224/val/shard-000099.tar")} <= found


def test_shards_that_are_not_there_are_an_error(tmp_path: Path) -> None:
    """Nothing checked is not the same as nothing found."""
    sentence(cli("check-wds", tmp_path / "*.tar"), "no shard")


@pytest.mark.parametrize("damage", [cut, empty])
@pytest.mark.parametrize("name", ["duplicates", "quality"])
def test_damaged_findings_are_made_again(build_copy: Path, damage: Damage, name: str) -> None:
    before = digests(build_copy)
    damage(build_copy / f"findings/{name}.parquet")
    built(build_copy / "dataset.toml")
    assert digests(build_copy) == before


def test_an_index_that_cannot_be_read_is_a_sentence_and_is_made_again(build_copy: Path) -> None:
    index = next((build_copy / "index").rglob("shard-*.parquet"))
    before = index.read_bytes()
    cut(index)
    with pytest.raises(InputError, match=f"{index.name} cannot be read.*treeoflife build"):
        treeoflife.open(build_copy)
    built(build_copy / "dataset.toml")
    assert index.read_bytes() == before
    assert len(treeoflife.open(build_copy))
