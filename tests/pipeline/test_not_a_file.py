"""A folder or a pipe where a file belongs is named; nothing waits for it, and nothing in it is removed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers import built, cli, digests, sentence

KINDS: dict[str, Callable[[Path], object]] = {"folder": Path.mkdir, "pipe": os.mkfifo}


@pytest.fixture(params=KINDS)
def put(request: pytest.FixtureRequest) -> Callable[[Path], object]:
    """Puts something that is no file at a path."""
    return KINDS[request.param]


@pytest.fixture
def whole(build_copy: Path) -> Path:
    """A finished dataset, with its checksums; the folder of the dataset."""
    built(build_copy / "dataset.toml")
    return build_copy


@pytest.mark.parametrize(
    "pattern", ["encoded/**/*.tar", "224x224/**/shard-*.tar", "224x224/**/sizes.json", "encoded/**/*.parquet"]
)
def test_verify_names_it_and_goes_on(whole: Path, put: Callable[[Path], object], pattern: str) -> None:
    """Another damage beside it is found too; once it is moved away, repair makes the same bytes again."""
    config, before, path = whole / "dataset.toml", digests(whole), min(whole.glob(pattern))
    path.unlink()
    put(path)
    catalog = whole / "224x224" / "catalog.csv"
    catalog.write_bytes(catalog.read_bytes() + b"\n")
    done = cli("verify", whole)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    shown = done.stdout + done.stderr
    assert "not-a-file" in shown
    assert path.name in shown
    assert catalog.name in shown
    sentence(cli("verify", "--repair", whole), str(path), "move it away")
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    cli("verify", "--repair", whole)
    built(config)
    assert digests(whole) == before


@pytest.mark.parametrize("pattern", ["plan/**/train.parquet", "encoded/**/*.parquet"])
def test_what_says_which_files_there_are_is_an_error(whole: Path, put: Callable[[Path], object], pattern: str) -> None:
    """Nothing waits for a pipe, and no index counts as not made yet: its images would be encoded again."""
    path = min(whole.glob(pattern))
    path.unlink()
    put(path)
    sentence(cli("build", "--config", whole / "dataset.toml"), str(path), "where a file should be")
    if path.parent.parent.name == "plan":
        sentence(cli("verify", whole), str(path), "where a file should be")


@pytest.mark.parametrize("command", ["build", "wds"])
def test_a_lock_that_is_no_file_is_named(build_copy: Path, put: Callable[[Path], object], command: str) -> None:
    """Reading a pipe would wait for ever."""
    lock = build_copy / ".lock"
    lock.unlink(missing_ok=True)
    put(lock)
    sentence(cli(command, "--config", build_copy / "dataset.toml"), str(lock), "move it away")
    assert cli("status", "--config", build_copy / "dataset.toml").returncode == 0


def test_a_folder_that_is_called_as_a_configuration_is_named(tmp_path: Path) -> None:
    (tmp_path / "dataset.toml").mkdir()
    sentence(cli("build", "--config", tmp_path / "dataset.toml"), f"{tmp_path / 'dataset.toml'} cannot be read")
    sentence(cli("build", "--config", tmp_path), f"{tmp_path / 'dataset.toml'} cannot be read")
