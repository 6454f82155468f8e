"""Bad input gets a sentence, not a traceback; what was stopped goes on."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from helpers import built, cli, command, configured, digests, seldom, sentence, shards, tar_of
from treeoflife.testing.world import World


@pytest.fixture
def world(drawn_world: World, tmp_path: Path) -> Path:
    """A copy of the drawn world, to be damaged."""
    return Path(shutil.copytree(drawn_world.root, tmp_path / "world"))


def config_of(world: Path, tmp_path: Path) -> Path:
    return configured(tmp_path / "out", "published", world)


def test_no_raw_folder(tmp_path: Path) -> None:
    """The folder is named."""
    sentence(cli("init", "published", "--raw", tmp_path / "nowhere", "--out", tmp_path), "nowhere")


def test_a_folder_with_nothing_known_in_it(tmp_path: Path) -> None:
    """What was looked for is named."""
    sentence(cli("init", "original", "--raw", tmp_path, "--out", tmp_path / "out"), "eol")


def test_raw_data_that_went_away(world: Path, tmp_path: Path) -> None:
    """The source and its folder are named."""
    config = config_of(world, tmp_path)
    shutil.rmtree(world / "dataset/eol")
    sentence(cli("build", "--config", config), "sources.eol", "dataset/eol")


def test_no_configuration(tmp_path: Path) -> None:
    """Exit status 2, and the command that writes one."""
    done = cli("build", "--config", tmp_path / "dataset.toml")
    assert done.returncode == 2
    sentence(done, "treeoflife init")


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("sed = 3", "sed"),
        ("seed = 'x'", "seed"),
        ("[imagse]", "imagse"),
        ("seed = = 3", "TOML"),
        ("[wds]\nmax_sample = 3", "wds.max_sample"),
    ],
)
def test_a_wrong_key_or_value(tmp_path: Path, line: str, word: str) -> None:
    """Exit status 2, and the key."""
    (tmp_path / "dataset.toml").write_text(f"{line}\n[sources.eol]\npath = 'x'\n")
    done = cli("build", "--config", tmp_path / "dataset.toml")
    assert done.returncode == 2
    sentence(done, word)


@pytest.mark.parametrize(
    "kind", ["truncated", "damaged", "dangling", *seldom("not gzip", "empty", "two in one", "zeroed block")]
)
def test_an_archive_that_cannot_be_read(world: Path, tmp_path: Path, kind: str) -> None:
    """The archive is named; the other containers are encoded; mended, the next build goes on."""
    config = config_of(world, tmp_path)
    archive = world / "dataset/eol/image_set_02.tar.gz"
    good = archive.read_bytes()
    plain = gzip.decompress(good)
    archive.unlink()
    if kind == "dangling":
        archive.symlink_to(world / "nowhere")
    else:
        archive.write_bytes(
            {
                "not gzip": b"<html>503 Service Unavailable</html>" * 100,
                "truncated": good[: len(good) // 2],
                "empty": b"",
                "damaged": good[:5000] + bytes(50) + good[5050:],
                "two in one": gzip.compress(plain + tar_of([("1_2_eol.jpg", b"x")]), 1),
                "zeroed block": gzip.compress(
                    plain[: (cut := _second_header(plain))] + bytes(512) + plain[cut + 512 :], 1
                ),
            }[kind]
        )
    sentence(cli("build", "--config", config), "image_set_02.tar.gz")
    assert not shards(tmp_path / "out")
    archive.unlink()
    archive.write_bytes(good)
    built(config)
    assert shards(tmp_path / "out")


def _second_header(tar: bytes) -> int:
    size = int(tar[124:135], 8)
    return 512 + -(-size // 512) * 512


@pytest.mark.parametrize("table", ["eol", "inat21", "bioscan", "split"])
def test_a_mapping_without_a_table_is_named_before_anything_is_encoded(world: Path, tmp_path: Path, table: str) -> None:
    """The table is named, and no hour is spent."""
    config = config_of(world, tmp_path)
    with closing(sqlite3.connect(world / "metadata/mapping.sqlite")) as db, db:
        db.execute(f"DROP TABLE {table}")
    sentence(cli("build", "--config", config), "mapping.sqlite", table)
    assert not (tmp_path / "out/encoded").exists()


@pytest.mark.parametrize("data", [b"", b"not a database" * 1000, None])
def test_a_mapping_that_is_none(world: Path, tmp_path: Path, data: bytes | None) -> None:
    """Empty, something else, or absent: its path is named."""
    config = config_of(world, tmp_path)
    path = world / "metadata/mapping.sqlite"
    path.unlink()
    if data is not None:
        path.write_bytes(data)
    sentence(cli("build", "--config", config), "mapping.sqlite")


@pytest.mark.parametrize("text", ["{not json", "[]", '{"Genus species": 3}', ""])
def test_a_hold_out_list_that_cannot_be_read(world: Path, tmp_path: Path, text: str) -> None:
    """The list is named."""
    config = config_of(world, tmp_path)
    (world / "metadata/rarespecies/unseen_in_training.json").write_text(text)
    sentence(cli("build", "--config", config), "unseen_in_training.json")


def test_a_hold_out_list_that_matches_nothing(world: Path, tmp_path: Path) -> None:
    """An error, unless the configuration allows it by name."""
    config = config_of(world, tmp_path)
    (world / "metadata/rarespecies/unseen_in_training.json").write_text('{"Nessiteras rhombopteryx": []}')
    sentence(cli("build", "--config", config), "unseen_in_training.json", "allow_unmatched")
    config.write_text(config.read_text().replace("allow_unmatched = false", "allow_unmatched = true"))
    built(config)


@pytest.mark.parametrize("stage", ["check-wds", "catalog", "check-taxa"])
def test_a_stage_without_what_it_needs(drawn_world: World, tmp_path: Path, stage: str) -> None:
    """Nothing to work on is an error, not a success."""
    sentence(cli(stage, "--config", configured(tmp_path, "published", drawn_world.root)))


def test_the_stages_one_by_one_make_what_build_makes(drawn_world: World, drawn_build: Path, tmp_path: Path) -> None:
    """Each command does its part."""
    config = configured(tmp_path, "published", drawn_world.root, max_samples=25)
    for stage in ("mapping", "splits", "wds", "check-wds", "catalog", "check-taxa", "card"):
        done = cli(stage, "--config", config)
        assert done.returncode == 0, (stage, done.stderr)
    ours, theirs = digests(tmp_path), digests(drawn_build)
    assert ours.pop("dataset.toml")
    assert theirs.pop("dataset.toml")
    assert ours == theirs


def test_an_out_that_is_a_file(drawn_world: World, tmp_path: Path) -> None:
    """The file is named."""
    (tmp_path / "file").touch()
    sentence(cli("init", "published", "--raw", drawn_world.root, "--out", tmp_path / "file"), "file")


def test_a_command_that_does_not_exist() -> None:
    """Wrong usage is exit status 2."""
    assert cli("bulid").returncode == 2


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system that is soon full."""
    if os.geteuid():
        pytest.skip("only root can mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=200k", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("this computer does not let us mount")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk(drawn_world: World, drawn_build: Path, tiny_disk: Path, tmp_path: Path) -> None:
    """A sentence at every size, and the same bytes once there is room."""
    config = configured(tmp_path / "big", "published", drawn_world.root, max_samples=25)
    shutil.copy(config, tiny_disk)
    for size in ("200k", "1m", "2m", "3m"):
        subprocess.run(["mount", "-o", f"remount,size={size}", tiny_disk], check=True)
        message = sentence(cli("build", "--config", tiny_disk / "dataset.toml"))
        assert re.search("disk is full|No space left", message)
    subprocess.run(["mount", "-o", "remount,size=200m", tiny_disk], check=True)
    built(tiny_disk / "dataset.toml")
    ours, theirs = digests(tiny_disk), digests(drawn_build)
    assert {name: one for name, one in ours.items() if name != "dataset.toml"} == {
        name: one for name, one in theirs.items() if name != "dataset.toml"
    }


@pytest.mark.parametrize("seconds", [1.0, 2.0])
def test_ctrl_c_is_told_in_a_sentence_and_goes_on_later(
    drawn_world: World, drawn_build: Path, tmp_path: Path, seconds: float
) -> None:
    """Exit status 130, no traceback; the next run makes the same bytes."""
    config = configured(tmp_path, "published", drawn_world.root, max_samples=25)
    process = subprocess.Popen(command("build", "--config", config), stderr=subprocess.PIPE, text=True)
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    if process.returncode:
        assert process.returncode in (130, -signal.SIGINT)
        assert "Traceback" not in errors or "import" in errors  # Python was not up yet
    built(config)
    ours, theirs = digests(tmp_path), digests(drawn_build)
    assert {name for name in theirs if ours.get(name) != theirs[name]} <= {"dataset.toml"}


def test_two_builds_at_once(drawn_world: World, drawn_build: Path, tmp_path: Path) -> None:
    """One does the work, the other says who does it."""
    config = configured(tmp_path, "published", drawn_world.root, max_samples=25)
    both = [subprocess.Popen(command("build", "--config", config), stderr=subprocess.PIPE, text=True) for _ in range(2)]
    told = [(one.communicate()[1], one.returncode) for one in both]
    assert 0 in {code for _, code in told}
    for errors, code in told:
        assert "Traceback" not in errors
        if code:
            assert "another run works on" in errors
    ours, theirs = digests(tmp_path), digests(drawn_build)
    assert {name for name in theirs if ours.get(name) != theirs[name]} <= {"dataset.toml"}
