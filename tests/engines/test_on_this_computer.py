"""The engines for one computer pass the contract."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from treeoflife.config.engines import EngineTable
from treeoflife.engines.base import Done, Engine, Failed, Tick
from treeoflife.engines.local import LocalEngine
from treeoflife.engines.registry import make_engine
from treeoflife.engines.serial import SerialEngine
from treeoflife.errors import MissingExtra
from treeoflife.testing.engines import EngineContract, die_at_2_and_5, run_all


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
    """It neither builds locally instead nor shows a traceback."""
    monkeypatch.setitem(sys.modules, package, None)  # Python takes it for not installed
    with pytest.raises(MissingExtra, match=rf"pip install 'treeoflife\[{name}\]'"):
        make_engine(EngineTable(name=name), tmp_path)


def test_the_error_of_a_dead_worker_quotes_its_output_of_this_run(tmp_path: Path) -> None:
    """Without what earlier runs wrote."""
    log = tmp_path / "workers.log"
    log.write_text("from yesterday\n")
    failed = run_all(LocalEngine(1, tries=1, log=log), die_at_2_and_5, [2])[0]
    assert isinstance(failed, Failed)
    assert "from yesterday" not in failed.error
    assert "exit status 3" in failed.error


def process_id(_task: int, _: Tick) -> int:
    """The id of the process that runs the task."""
    return os.getpid()


def test_workers_stay_between_runs_and_end_with_the_engine() -> None:
    """A build runs many stages, and starting Python takes longer than most of them."""
    engine = LocalEngine(1)
    first, second = run_all(engine, process_id, [0])[0], run_all(engine, process_id, [0])[0]
    assert isinstance(first, Done)
    assert first == second
    engine.close()
    with pytest.raises(ProcessLookupError):
        os.kill(first.value, 0)
    assert run_all(engine, process_id, [0])[0] != first
    engine.close()


def test_a_worker_that_died_idle_is_replaced() -> None:
    """As when the kernel kills it between two stages for its memory."""
    engine = LocalEngine(1)
    first = run_all(engine, process_id, [0])[0]
    assert isinstance(first, Done)
    os.kill(first.value, signal.SIGKILL)
    second = run_all(engine, process_id, [0])[0]
    assert isinstance(second, Done)
    assert second.value != first.value
    engine.close()


def imported(name: str, _: Tick) -> tuple[int, bool]:
    """The process that runs the task, and whether it had imported a module before."""
    return os.getpid(), name in sys.modules


def test_a_worker_can_be_started_ahead_and_gets_the_first_task() -> None:
    """It imports what it will need while the driver goes on; and ends with the engine, whether it got a task or not."""
    engine = LocalEngine(2)
    engine.prepare(["wave"])
    outcomes = run_all(engine, imported, ["wave", "chunk"])
    found = [one.value for _, one in sorted(outcomes.items()) if isinstance(one, Done)]
    assert [is_there for _, is_there in found] == [True, False]
    engine.close()
    engine.prepare(["wave"])
    engine.close()
    assert not multiprocessing.active_children()


STOPPED_WHILE_A_WORKER_STARTS = """
import os, signal, sys, threading, time
from multiprocessing import resource_tracker, util
from treeoflife.engines.local import LocalEngine
from treeoflife.testing.engines import square

started = util.spawnv_passfds

def and_stop(*args):
    number = started(*args)
    os.kill(os.getpid(), signal.{name})
    time.sleep(0.2)
    return number

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()  # receives signals that the main thread blocks
    resource_tracker.ensure_running()
    engine = LocalEngine(1)
    util.spawnv_passfds = and_stop
    list(engine.run(square, [1]))
"""


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", -signal.SIGINT)])
def test_a_stop_while_a_worker_starts_leaves_no_complaint_of_the_worker(tmp_path: Path, name: str, status: int) -> None:
    """The worker does not have its task yet: the signal is deferred until it does."""
    script = tmp_path / "stopped.py"
    script.write_text(STOPPED_WHILE_A_WORKER_STARTS.format(name=name))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == status, done.stderr
    assert "spawn_main" not in done.stderr


def test_a_script_without_a_guard_is_told_so_in_one_sentence(tmp_path: Path) -> None:
    """Each worker imports the script, which would start workers again."""
    script = tmp_path / "script.py"
    lines = [
        "from treeoflife.engines.local import LocalEngine",
        "print('begins')",
        "list(LocalEngine(3).run(len, [(1,), (2,), (3,)]))",
    ]
    script.write_text("\n".join(lines))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1
    assert done.stderr.count("Traceback") == 1
    assert "put what it does under 'if __name__ == \"__main__\":'" in done.stderr.splitlines()[-1]
