"""Shares of stages: many at once, without a driver, make what one build makes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from treeoflife.core.lock import exclusive_lock, shared_lock
from treeoflife.core.progress import SilentListener
from treeoflife.engines.run_folder import list_run_folders
from treeoflife.errors import BusyError, ConfigError
from treeoflife.pipeline.shares import Share, make_share
from treeoflife.pipeline.workspace import open_workspace
from treeoflife.testing.builds import dataset_digests, prepare_datasets, run_treeoflife

MAIN = "from treeoflife.cli import main; main()"


def test_every_item_is_in_one_share_and_shares_cost_the_same() -> None:
    """Whatever the order of the costs."""
    costs = [(n * 37) % 101 + 1 for n in range(200)]
    dealt = [Share(number, 7).take(costs, float) for number in range(7)]
    assert sorted(cost for share in dealt for cost in share) == sorted(costs)
    assert max(map(sum, dealt)) - min(map(sum, dealt)) <= max(costs)


@pytest.mark.parametrize("text", ["100/100", "1", "a/b", "-1/2", "1/0", ""])
def test_a_share_that_is_none_is_wrong_usage(text: str) -> None:
    """The message says how one is written."""
    with pytest.raises(ConfigError, match="0/100"):
        Share.parse(text)


def test_shares_at_once_make_the_same_bytes_as_one_build(tmp_path: Path) -> None:
    """The build that follows takes in what they learned: nothing is encoded, hashed or packed again."""
    here, there = tmp_path / "here", tmp_path / "there"
    prepare_datasets(tmp_path / "world", here, there)
    config = str(there / "dataset.toml")
    assert run_treeoflife("build", "--config", str(here / "dataset.toml")).returncode == 0
    for stage, then in (("encode", "plan"), ("pack", "catalog")):
        words = [[stage, f"{number}/3", "--config", config, "-j", "1"] for number in range(3)]
        at_once = [subprocess.Popen([sys.executable, "-c", MAIN, "share", *share]) for share in words]
        assert [one.wait(120) for one in at_once] == [0, 0, 0]
        assert len(list((there / ".shares").iterdir())) == 3
        done = run_treeoflife("build", "--until", then, "--config", config)
        assert done.returncode == 0, done.stderr
        assert not list((there / ".shares").iterdir())
        assert ("encode: up to date" if stage == "encode" else "pack: 0 of") in done.stdout
    assert run_treeoflife("build", "--config", config).returncode == 0
    assert dataset_digests(there) == dataset_digests(here)


def test_shares_and_a_run_over_the_whole_exclude_each_other(tmp_path: Path) -> None:
    """Both say so."""
    prepare_datasets(tmp_path / "world", tmp_path / "out")
    workspace = open_workspace(tmp_path / "out" / "dataset.toml")
    with exclusive_lock(workspace.paths.lock), pytest.raises(BusyError):
        make_share(workspace, "encode", Share(0, 2), SilentListener())
    with shared_lock(workspace.paths.lock), shared_lock(workspace.paths.lock):
        done = run_treeoflife("build", "--config", str(tmp_path / "out" / "dataset.toml"))
    assert done.returncode == 1
    assert "export-slurm" in done.stderr
    assert not list_run_folders(workspace.paths.logs / "jobs")


def test_a_stage_that_has_no_shares_is_wrong_usage(tmp_path: Path) -> None:
    """The message names those that have."""
    prepare_datasets(tmp_path / "world", tmp_path / "out")
    with pytest.raises(ConfigError, match="encode and pack"):
        make_share(open_workspace(tmp_path / "out" / "dataset.toml"), "plan", Share(0, 1), SilentListener())
