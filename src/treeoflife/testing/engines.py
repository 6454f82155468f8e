"""What every engine keeps, as tests to inherit.

    class TestMyEngine(EngineContract):
        @pytest.fixture
        def engine(self, tmp_path):
            return MyEngine(logs=tmp_path / "logs")

An engine on far computers is tested where these share ``tmp_path``.
"""

from __future__ import annotations

import errno
import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ..core.files import write_text
from ..engines.base import Done, Engine, Failed, Tick
from ..errors import ContainerError

PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Chore:
    """A task of these tests: a number, and a folder that driver and workers share."""

    number: int
    folder: Path
    cost: float = 1.0


def square(task: int, tick: Tick) -> int:
    """The square of a number, with as many ticks as the number says."""
    for _ in range(task):
        tick(1)
    return task * task


def picky(task: int, tick: Tick) -> int:
    """Refuses 3 by accident and 4 on purpose."""
    if task == 3:
        raise ValueError("three is one too many")
    if task == 4:
        raise ContainerError("archive 4 is damaged")
    return square(task, tick)


def deadly(task: int, tick: Tick) -> int:
    """Ends its process at 2, as a crash in C would, and is killed at 5, as the kernel does when memory runs out."""
    if task == 2:
        os._exit(3)
    if task == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return square(task, tick)


def deadly_once(task: Chore, tick: Tick) -> int:
    """Dies of the task numbered 1 when it first meets it."""
    mark = task.folder / f"met-{task.number}"
    if task.number == 1 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    tick(1)
    return task.number


def stumbles_once(task: Chore, tick: Tick) -> int:
    """Meets an error of the file system when it first does a task, as when a server of files restarts."""
    mark = task.folder / f"met-{task.number}"
    if not mark.exists():
        mark.touch()
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(mark))
    tick(1)
    return task.number


def peak(task: Chore, tick: Tick) -> int:
    """How many of its kind run while it runs."""
    mark = task.folder / str(task.number)
    mark.touch()
    time.sleep(0.5)
    running = len(list(task.folder.iterdir()))
    mark.unlink()
    tick(1)
    return running


def unpicklable(task: int, _: Tick) -> Any:
    """Returns what cannot travel, for odd numbers."""
    return threading.Lock() if task % 2 else task


def bulky(task: bytes, _: Tick) -> bytes:
    """Returns the bytes that it is given, the other way round."""
    return task[::-1]


def writes(task: Chore, _: Tick) -> str:
    """Writes a file that depends on the task alone."""
    path = task.folder / f"{task.number:03d}.txt"
    write_text(path, f"{task.number}\n" * (task.number + 1))
    return path.name


def breathes(task: Chore, _: Tick) -> int:
    """Returns for 0; else writes on and on until it is ended."""
    while task.number:
        with (task.folder / f"breath-{task.number}").open("a") as fd:
            fd.write(".")
        time.sleep(0.05)
    return task.number


def waits_for_go(task: Chore, tick: Tick) -> int:
    """Says where it began, and returns once the file ``go`` is there."""
    with (task.folder / f"began-{task.number}").open("a") as fd:
        fd.write(os.environ.get("SLURMD_NODENAME", "?") + "\n")
    while not (task.folder / "go").exists():
        time.sleep(0.05)
    tick(1)
    return task.number


def sees_variable(task: str, _: Tick) -> str | None:
    """An environment variable, as the worker sees it."""
    return os.environ.get(task)


def run(engine: Engine, function: Callable[[Any, Tick], Any], tasks: list[Any]) -> dict[int, Done[Any] | Failed]:
    """Outcomes by task, after checking that there is one for each."""
    outcomes = list(engine.run(function, tasks))
    assert sorted(outcome.task for outcome in outcomes) == list(range(len(tasks)))
    return {outcome.task: outcome for outcome in outcomes}


class EngineContract:
    """Inherit it and give a fixture ``engine``.

    Attributes:
        processes: tasks run in processes of their own, so that one may die without the driver.
        retries: a task whose worker died is tried again.
    """

    processes: ClassVar[bool] = True
    retries: ClassVar[bool] = True

    def test_every_task_has_one_outcome(self, engine: Engine) -> None:
        """Results are complete, whatever their order."""
        assert run(engine, square, list(range(9))) == {n: Done(n, n * n) for n in range(9)}

    def test_no_tasks_have_no_outcomes(self, engine: Engine) -> None:
        """An empty stage is no error."""
        assert run(engine, square, []) == {}

    def test_an_engine_may_run_again(self, engine: Engine) -> None:
        """One engine serves all stages of a build."""
        assert run(engine, square, [1, 2]) == run(engine, square, [1, 2])

    def test_it_says_how_wide_it_is(self, engine: Engine) -> None:
        """Work is cut by it: at least one task runs at once. Closed, it may be used again."""
        assert engine.width >= 1
        engine.close()
        assert run(engine, square, [3]) == {0: Done(0, 9)}

    def test_ticks_add_up(self, engine: Engine) -> None:
        """The driver hears of every item, wherever it was done."""
        heard: list[int] = []
        assert len(list(engine.run(square, [5, 0, 7, 11], heard.append))) == 4
        assert sum(heard) == 23

    def test_an_error_is_an_outcome_with_its_traceback(self, engine: Engine) -> None:
        """A task that raises fails alone, and says where."""
        outcomes = run(engine, picky, list(range(6)))
        failed = outcomes.pop(3)
        assert isinstance(failed, Failed)
        assert "ValueError: three is one too many" in failed.error
        assert "in picky" in failed.traceback
        assert not failed.died
        del outcomes[4]
        assert outcomes == {n: Done(n, n * n) for n in (0, 1, 2, 5)}

    def test_an_error_raised_on_purpose_is_its_message(self, engine: Engine) -> None:
        """An error of ours says all there is to say."""
        failed = run(engine, picky, [4])[0]
        assert isinstance(failed, Failed)
        assert "archive 4 is damaged" in failed.error
        assert failed.traceback == ""

    def test_a_result_that_cannot_travel_is_an_error(self, engine: Engine) -> None:
        """Neither a hang nor a dead worker."""
        if not self.processes:
            pytest.skip("results do not travel")
        outcomes = run(engine, unpicklable, [0, 1, 2])
        assert isinstance(outcomes[1], Failed)
        assert "pickle" in outcomes[1].error
        assert outcomes[2] == Done(2, 2)

    def test_large_tasks_and_results_arrive(self, engine: Engine) -> None:
        """A megabyte either way."""
        tasks = [bytes([n, n + 1]) * 500_000 for n in range(3)]
        assert run(engine, bulky, tasks) == {n: Done(n, task[::-1]) for n, task in enumerate(tasks)}

    def test_a_dead_worker_is_noticed(self, engine: Engine) -> None:
        """Its task fails, and says how it died; the others finish."""
        if not self.processes:
            pytest.skip("a death would be the driver's")
        outcomes = run(engine, deadly, list(range(8)))
        for number in (2, 5):
            failed = outcomes.pop(number)
            assert isinstance(failed, Failed)
            assert failed.died
            assert failed.error
        assert outcomes == {n: Done(n, n * n) for n in (0, 1, 3, 4, 6, 7)}

    def test_a_task_whose_worker_died_is_tried_again(self, engine: Engine, tmp_path: Path) -> None:
        """What kills once need not kill twice."""
        if not self.processes or not self.retries:
            pytest.skip("nothing is tried again")
        folder = _fresh(tmp_path / "once")
        assert run(engine, deadly_once, [Chore(n, folder) for n in range(4)]) == {n: Done(n, n) for n in range(4)}
        assert (folder / "met-1").exists()

    def test_output_does_not_depend_on_order(self, engine: Engine, tmp_path: Path) -> None:
        """The same tasks in another order write the same files."""
        here, there = _fresh(tmp_path / "here"), _fresh(tmp_path / "there")
        run(engine, writes, [Chore(n, here) for n in range(8)])
        run(engine, writes, [Chore(n, there) for n in reversed(range(8))])
        assert _contents(here) == _contents(there)
        assert len(_contents(here)) == 8

    def test_closing_ends_what_runs(self, engine: Engine, tmp_path: Path) -> None:
        """After the iterator is closed, no task goes on."""
        if not self.processes:
            pytest.skip("nothing runs between two outcomes")
        folder = _fresh(tmp_path / "breath")
        with closing(engine.run(breathes, [Chore(n, folder) for n in range(2)])) as outcomes:  # type: ignore[type-var]
            assert next(outcomes) == Done(0, 0)
            _until(lambda: (folder / "breath-1").exists())
        _until(lambda: _still(folder / "breath-1"))

    def test_workers_leave_the_cores_to_each_other(self, engine: Engine) -> None:
        """A worker is one thread of Polars: there is a worker for each core."""
        if not self.processes:
            pytest.skip("the driver has the cores to itself")
        assert run(engine, sees_variable, ["POLARS_MAX_THREADS"]) == {0: Done(0, "1")}


def _fresh(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _still(path: Path) -> bool:
    """Whether a file no longer grows."""
    before = path.stat().st_size
    time.sleep(1)
    return path.stat().st_size == before


def _until(true: Callable[[], bool]) -> None:
    """Return when it holds; a test that waits in vain fails."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.05)
