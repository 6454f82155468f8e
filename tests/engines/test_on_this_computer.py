"""The engines that need nothing but this computer keep the contract."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from treeoflife.config.engines import EngineTable
from treeoflife.engines.base import Done, Engine, Failed, Tick
from treeoflife.engines.local import LocalEngine
from treeoflife.engines.registry import make
from treeoflife.engines.serial import SerialEngine
from treeoflife.errors import MissingExtra
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


@pytest.mark.parametrize(("name", "package"), [("slurm", "submitit"), ("ray", "ray")])
def test_an_engine_without_its_package_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, package: str
) -> None:
    """Neither a local build in its place nor a traceback."""
    monkeypatch.setitem(sys.modules, package, None)  # Python takes it for not installed
    with pytest.raises(MissingExtra, match=rf"pip install 'treeoflife\[{name}\]'"):
        make(EngineTable(name=name), tmp_path)


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


STOPPED_WHILE_A_WORKER_STARTS = """
import os, signal, sys, threading, time
from multiprocessing import resource_tracker, util
from treeoflife.engines import LocalEngine
from treeoflife.testing.engines import square

started = util.spawnv_passfds

def and_stop(*args):
    number = started(*args)
    os.kill(os.getpid(), signal.{name})
    time.sleep(0.2)
    return number

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()  # which takes signals that the first does not
    resource_tracker.ensure_running()
    engine = LocalEngine(1)
    util.spawnv_passfds = and_stop
    list(engine.run(square, [1]))
"""


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", -signal.SIGINT)])
def test_a_stop_while_a_worker_starts_leaves_no_complaint_of_the_worker(tmp_path: Path, name: str, status: int) -> None:
    """The worker is there, but not yet told what it is: the stop waits until it is."""
    script = tmp_path / "stopped.py"
    script.write_text(STOPPED_WHILE_A_WORKER_STARTS.format(name=name))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    assert "spawn_main" not in done.stderr
