"""The engines that need nothing but this computer keep the contract."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from treeoflife.engines import LocalEngine, SerialEngine
from treeoflife.engines.base import Done, Engine, Failed, Tick
from treeoflife.testing.engines import EngineContract, deadly, run


class TestSerial(EngineContract):
    processes = False

    @pytest.fixture
    def engine(self) -> Engine:
        return SerialEngine()


class TestLocal(EngineContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Engine:
        return LocalEngine(2, log=tmp_path / "logs" / "workers.log")


def test_a_death_shows_what_the_worker_wrote_in_this_run(tmp_path: Path) -> None:
    """The end of the log follows the error, without what earlier runs wrote."""
    log = tmp_path / "workers.log"
    log.write_text("of yesterday\n")
    failed = run(LocalEngine(1, tries=1, log=log), deadly, [2])[0]
    assert isinstance(failed, Failed)
    assert "of yesterday" not in failed.error
    assert "exit status 3" in failed.error


def pid(_task: int, _: Tick) -> int:
    """The process that the task runs in."""
    return os.getpid()


def test_workers_stay_between_runs_and_end_with_the_engine() -> None:
    """A build runs many stages; none waits for Python to start again."""
    engine = LocalEngine(1)
    first, second = run(engine, pid, [0])[0], run(engine, pid, [0])[0]
    assert isinstance(first, Done)
    assert first == second
    engine.close()
    with pytest.raises(ProcessLookupError):
        os.kill(first.value, 0)
    assert run(engine, pid, [0])[0] != first
    engine.close()


def test_a_worker_that_died_idle_is_replaced() -> None:
    """As when the kernel takes memory back between two stages."""
    engine = LocalEngine(1)
    first = run(engine, pid, [0])[0]
    assert isinstance(first, Done)
    os.kill(first.value, signal.SIGKILL)
    second = run(engine, pid, [0])[0]
    assert isinstance(second, Done)
    assert second.value != first.value
    engine.close()
