"""Law 1 and law 2: the same bytes however many workers, in whatever order, interrupted or not."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from helpers import built, cli, command, configured, digests
from treeoflife.testing.world import World

SMALL = {"max_samples": 25}


@pytest.mark.parametrize(("workers", "hashseed"), [("1", "1"), ("2", "4242")])
def test_workers_and_hash_seeds_change_no_byte(
    drawn_world: World, drawn_build: Path, tmp_path: Path, workers: str, hashseed: str
) -> None:
    """Shards, indexes, lists, ledger and catalog are the same."""
    config = configured(tmp_path, "published", drawn_world.root, **SMALL)
    done = cli("build", "--config", config, "--workers", workers, PYTHONHASHSEED=hashseed)
    assert done.returncode == 0, done.stderr
    assert _but_the_configuration(tmp_path) == _but_the_configuration(drawn_build)


def test_the_serial_engine_changes_no_byte(drawn_world: World, drawn_build: Path, tmp_path: Path) -> None:
    """What runs a task leaves no trace in what it makes."""
    config = configured(tmp_path, "published", drawn_world.root, **SMALL)
    assert cli("build", "--config", config, "--engine", "serial").returncode == 0
    assert _but_the_configuration(tmp_path) == _but_the_configuration(drawn_build)


def test_a_second_build_does_nothing(build_copy: Path) -> None:
    """Not a file is written; status says that nothing is left."""
    before = digests(build_copy)
    times = {path: path.stat().st_mtime_ns for path in build_copy.rglob("*.tar")}
    done = built(build_copy / "dataset.toml")
    assert not any(f"{stage}:" in done.stderr for stage in ("plan", "pack", "metadata", "catalog"))
    assert digests(build_copy) == before
    assert {path: path.stat().st_mtime_ns for path in build_copy.rglob("*.tar")} == times


@pytest.mark.parametrize("moments", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_at_random_moments_and_run_again_it_makes_the_same_bytes(
    drawn_world: World, drawn_build: Path, tmp_path: Path, moments: int
) -> None:
    """SIGKILL to the driver, at moments all over a build; the next run needs no word about it."""
    config = configured(tmp_path, "published", drawn_world.root, **SMALL)
    chance = random.Random(moments)
    begun = time.monotonic()
    built(configured(tmp_path / "whole", "published", drawn_world.root, **SMALL))
    length = time.monotonic() - begun
    for _ in range(moments):
        if _killed(config, chance.uniform(0.1, length)) or chance.random() < 0.3:
            _forget(tmp_path)
    built(config)
    assert _but_the_configuration(tmp_path) == _but_the_configuration(drawn_build)


def test_a_killed_worker_is_replaced(drawn_world: World, drawn_build: Path, tmp_path: Path) -> None:
    """SIGKILL to the workers while they run: the driver notices, and tries their tasks again."""
    config = configured(tmp_path, "published", drawn_world.root, **SMALL)
    process = subprocess.Popen(command("build", "--config", config, "--workers", "2"), stderr=subprocess.DEVNULL)
    killed = 0
    while process.poll() is None and not killed:
        for worker in _workers(process.pid):
            os.kill(worker, signal.SIGKILL)
            killed += 1
        time.sleep(0.01)
    assert killed
    if process.wait():
        built(config)
    assert _but_the_configuration(tmp_path) == _but_the_configuration(drawn_build)


def _killed(config: Path, seconds: float) -> bool:
    """Kill a build after some time; whether it was over before."""
    process = subprocess.Popen(command("build", "--config", config), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return False
    assert process.returncode == 0, errors
    return True


def _forget(out: Path) -> None:
    """Take the shards away, so that there is something to interrupt again."""
    for path in [*out.glob("224x224/*/*"), *out.glob("index/**/*.parquet")]:
        path.unlink()


def _workers(pid: int) -> list[int]:
    """The worker processes of a driver, once they work."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(one) for one in children if b"spawn_main" in Path(f"/proc/{one}/cmdline").read_bytes()]
    except OSError:
        return []


def _but_the_configuration(out: Path) -> dict[str, str]:
    return {name: digest for name, digest in digests(out).items() if not name.startswith(("whole/", "dataset.toml"))}
