"""Processes that are killed, ended or halted at any moment of any stage."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

from helpers import cli
from tally import Tally

from .harness import (
    PATIENCE_SECONDS,
    STAGES,
    Reference,
    await_silence,
    await_stage,
    await_true,
    before,
    check_files,
    check_same,
    check_status,
    end,
    finish,
    fresh,
    recover,
    start,
    trial,
    workers,
)

WITH_WORKERS = ("encode", "pack", "check-wds")
long_form = pytest.mark.faults


@pytest.mark.parametrize("moments", [6, pytest.param(200, marks=long_form)])
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_the_driver_or_all_at_any_moment(
    published: Reference, original: Reference, folder: Path, tally: Tally, name: str, moments: int
) -> None:
    """Half of the builds begin with nothing, half just before the stage that is struck."""
    chance = random.Random(f"{name} {moments}")
    for number in range(moments):
        ref = (published, original)[number % 2]
        stage = STAGES[(number + 5 * (name == "SIGTERM")) % len(STAGES)]
        if ref is published and stage in ("mapping", "splits"):
            ref = original
        with trial(folder) as out:
            config = before(ref, stage, out) if chance.random() < 0.5 else fresh(ref, out)
            process = start(config)
            await_stage(process, stage)
            time.sleep(chance.uniform(0, 1.2 * ref.seconds[stage]))
            _strike(process, signal.Signals[name], everyone=chance.random() < 0.5)
            if chance.random() < 0.7:  # else the next run begins while the workers of this one are about to end
                await_silence(process)
                check_files(ref, out)
                check_status(ref, out)
            recover(ref, config, tally)


def _strike(process: subprocess.Popen[str], what: signal.Signals, *, everyone: bool) -> None:
    if process.poll() is None:
        os.killpg(process.pid, what) if everyone else process.send_signal(what)
    _, errors = process.communicate(timeout=PATIENCE_SECONDS)
    assert "Traceback" not in errors or process.returncode == -what, errors
    assert process.returncode in (0, -what, 128 + what), (process.returncode, errors)


@pytest.mark.parametrize("moments", [4, pytest.param(200, marks=long_form)])
@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM"])
def test_a_worker_at_any_moment(
    published: Reference, original: Reference, folder: Path, tally: Tally, name: str, moments: int
) -> None:
    """The driver replaces it and finishes by itself."""
    chance = random.Random(f"worker {name} {moments}")
    for number in range(moments):
        ref = (published, original)[number % 2]
        stage = WITH_WORKERS[number % len(WITH_WORKERS)]
        with trial(folder) as out:
            process = start(before(ref, stage, out))
            await_stage(process, stage)
            time.sleep(chance.uniform(0, ref.seconds[stage]))
            for worker in chance.sample(there := workers(process.pid), min(1, len(there))):
                os.kill(worker, signal.Signals[name])
            errors = finish(process)
            assert process.returncode == 0, errors
            check_same(ref, out, tally)


@pytest.mark.parametrize("moments", [2, pytest.param(20, marks=long_form)])
def test_a_worker_that_halts_for_a_while(published: Reference, folder: Path, tally: Tally, moments: int) -> None:
    """SIGSTOP, and later SIGCONT: the build goes on where it was."""
    chance = random.Random(moments)
    for _ in range(moments):
        with trial(folder) as out:
            process = start(before(published, "encode", out))
            await_stage(process, "encode")
            assert await_true(lambda p=process: bool(workers(p.pid)))  # type: ignore[misc]
            time.sleep(chance.uniform(0, published.seconds["encode"]))
            halted = workers(process.pid)[:1]
            for worker in halted:
                os.kill(worker, signal.SIGSTOP)
            time.sleep(0.5)
            check_files(published, out)
            for worker in halted:
                os.kill(worker, signal.SIGCONT)
            errors = finish(process)
            assert process.returncode == 0, errors
            check_same(published, out, tally)


@pytest.mark.parametrize("moments", [2, pytest.param(20, marks=long_form)])
def test_a_worker_that_halts_for_good(published: Reference, folder: Path, tally: Tally, moments: int) -> None:
    """A driver that is ended takes its halted worker with it; the next run is not kept waiting."""
    chance = random.Random(moments)
    for _ in range(moments):
        with trial(folder) as out:
            config = before(published, "encode", out)
            process = start(config)
            await_stage(process, "encode")
            assert await_true(lambda p=process: bool(workers(p.pid)))  # type: ignore[misc]
            time.sleep(chance.uniform(0, published.seconds["encode"]))
            for worker in workers(process.pid):
                os.kill(worker, signal.SIGSTOP)
            process.terminate()
            process.communicate(timeout=PATIENCE_SECONDS)
            await_silence(process)
            check_files(published, out)
            check_status(published, out)
            recover(published, config, tally)


@pytest.mark.parametrize("moments", [2, pytest.param(30, marks=long_form)])
def test_two_drivers_at_once(original: Reference, folder: Path, tally: Tally, moments: int) -> None:
    """One works, the other says so; and when the one is killed, the other is let in."""
    chance = random.Random(moments)
    for _ in range(moments):
        with trial(folder) as out:
            config = fresh(original, out)
            both = [start(config), start(config)]
            time.sleep(chance.uniform(0.3, 2.5))
            refused = [one for one in both if one.poll() == 1]
            for one in refused:
                assert one.stderr
                assert "another run works on" in one.stderr.read()
            chance.choice(both).kill()
            for one in both:
                one.communicate(timeout=PATIENCE_SECONDS)
                assert one.returncode in (0, 1, -signal.SIGKILL)
                end(one)
            check_files(original, out)
            recover(original, config, tally)


def test_status_while_a_build_runs(original: Reference, folder: Path, tally: Tally) -> None:
    """It answers, and takes nothing from the build."""
    with trial(folder) as out:
        config = fresh(original, out)
        process = start(config)
        while process.poll() is None:
            assert cli("status", "--config", config).returncode == 0
        errors = finish(process)
        assert process.returncode == 0, errors
        check_same(original, out, tally)
