"""The tests that every engine must pass.

    class TestMyEngine(EngineContract):
        @pytest.fixture
        def engine(self, tmp_path):
            return MyEngine(logs=tmp_path / "logs")

If the engine runs tasks on other computers, these must share ``tmp_path``.
"""

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

# A cluster may take a minute to start a job or to kill one.
TIMEOUT_SECONDS = 120


@dataclass(frozen=True)
class FolderTask:
    """A task with a folder that the driver and the workers share; ``cost`` is in seconds."""

    number: int
    folder: Path
    cost: float = 1.0


def square(task: int, tick: Tick) -> int:
    """Return the square of a number, after as many ticks as the number."""
    for _ in range(task):
        tick(1)
    return task * task


def raise_at_3_and_4(task: int, tick: Tick) -> int:
    """Raise an unexpected error at 3 and one of treeoflife's own at 4; else return the square."""
    if task == 3:
        raise ValueError("three is one too many")
    if task == 4:
        raise ContainerError("archive 4 is damaged")
    return square(task, tick)


def die_at_2_and_5(task: int, tick: Tick) -> int:
    """End the process at 2, as a crash in C does, and by SIGKILL at 5, as the kernel does when memory runs out."""
    if task == 2:
        os._exit(3)
    if task == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return square(task, tick)


def die_once_at_1(task: FolderTask, tick: Tick) -> int:
    """Kill the process at the first attempt at task 1."""
    marker = task.folder / f"attempted-{task.number}"
    if task.number == 1 and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    tick(1)
    return task.number


def raise_io_error_once(task: FolderTask, tick: Tick) -> int:
    """Raise an I/O error at the first attempt at each task, as when a file server restarts."""
    marker = task.folder / f"attempted-{task.number}"
    if not marker.exists():
        marker.touch()
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(marker))
    tick(1)
    return task.number


def count_running(task: FolderTask, tick: Tick) -> int:
    """Return how many of these tasks run at the same time."""
    marker = task.folder / str(task.number)
    marker.touch()
    time.sleep(0.5)
    running = len(list(task.folder.iterdir()))
    marker.unlink()
    tick(1)
    return running


def return_lock_if_odd(task: int, _: Tick) -> Any:
    """Return a value that cannot be pickled for odd numbers."""
    return threading.Lock() if task % 2 else task


def reverse_bytes(task: bytes, _: Tick) -> bytes:
    """Return the bytes in reverse order."""
    return task[::-1]


def write_file(task: FolderTask, _: Tick) -> str:
    """Write a file whose content depends on the task only."""
    path = task.folder / f"{task.number:03d}.txt"
    write_text(path, f"{task.number}\n" * (task.number + 1))
    return path.name


def write_until_killed(task: FolderTask, _: Tick) -> int:
    """Return at once for task 0; for others append to a file until the process is killed."""
    while task.number:
        with (task.folder / f"output-{task.number}").open("a", encoding="utf-8") as fd:
            fd.write(".")
        time.sleep(0.05)
    return task.number


def wait_for_go(task: FolderTask, tick: Tick) -> int:
    """Write the name of the Slurm node to ``started-N``, and return once the file ``go`` exists."""
    with (task.folder / f"started-{task.number}").open("a", encoding="utf-8") as fd:
        fd.write(os.environ.get("SLURMD_NODENAME", "?") + "\n")
    while not (task.folder / "go").exists():
        time.sleep(0.05)
    tick(1)
    return task.number


def read_variable(task: str, _: Tick) -> str | None:
    """Return an environment variable of the worker."""
    return os.environ.get(task)


def run_all(engine: Engine, function: Callable[[Any, Tick], Any], tasks: list[Any]) -> dict[int, Done[Any] | Failed]:
    """Run tasks and return their outcomes by index, after checking that each task has one."""
    outcomes = list(engine.run(function, tasks))
    assert sorted(outcome.task for outcome in outcomes) == list(range(len(tasks)))
    return {outcome.task: outcome for outcome in outcomes}


class EngineContract:
    """Inherit it, and define a fixture ``engine``.

    Attributes:
        processes: tasks run in other processes than the driver, so that they may die.
        retries: a task whose worker died is tried again.
    """

    processes: ClassVar[bool] = True
    retries: ClassVar[bool] = True

    def test_every_task_has_one_outcome(self, engine: Engine) -> None:
        """In any order."""
        assert run_all(engine, square, list(range(9))) == {n: Done(n, n * n) for n in range(9)}

    def test_no_tasks_have_no_outcomes(self, engine: Engine) -> None:
        """A stage without work is no error."""
        assert run_all(engine, square, []) == {}

    def test_an_engine_runs_again(self, engine: Engine) -> None:
        """One engine serves all stages of a build."""
        assert run_all(engine, square, [1, 2]) == run_all(engine, square, [1, 2])

    def test_width_is_positive_and_a_closed_engine_runs_again(self, engine: Engine) -> None:
        """Stages divide their work by the width."""
        assert engine.width >= 1
        engine.close()
        assert run_all(engine, square, [3]) == {0: Done(0, 9)}

    def test_ticks_add_up(self, engine: Engine) -> None:
        """The driver receives every item, wherever it was finished."""
        items: list[int] = []
        assert len(list(engine.run(square, [5, 0, 7, 11], items.append))) == 4
        assert sum(items) == 23

    def test_an_unexpected_error_is_an_outcome_with_a_traceback(self, engine: Engine) -> None:
        """The other tasks are not affected."""
        outcomes = run_all(engine, raise_at_3_and_4, list(range(6)))
        failed = outcomes.pop(3)
        assert isinstance(failed, Failed)
        assert "ValueError: three is one too many" in failed.error
        assert "in raise_at_3_and_4" in failed.traceback
        assert not failed.died
        del outcomes[4]
        assert outcomes == {n: Done(n, n * n) for n in (0, 1, 2, 5)}

    def test_an_error_of_treeoflife_is_its_message(self, engine: Engine) -> None:
        """It explains itself, so it has no traceback."""
        failed = run_all(engine, raise_at_3_and_4, [4])[0]
        assert isinstance(failed, Failed)
        assert "archive 4 is damaged" in failed.error
        assert failed.traceback == ""

    def test_a_result_that_cannot_be_pickled_is_an_error(self, engine: Engine) -> None:
        """The run neither hangs nor loses its worker."""
        if not self.processes:
            pytest.skip("results are not pickled")
        outcomes = run_all(engine, return_lock_if_odd, [0, 1, 2])
        assert isinstance(outcomes[1], Failed)
        assert "pickle" in outcomes[1].error
        assert outcomes[2] == Done(2, 2)

    def test_large_tasks_and_results_arrive(self, engine: Engine) -> None:
        """A megabyte in each direction."""
        tasks = [bytes([n, n + 1]) * 500_000 for n in range(3)]
        assert run_all(engine, reverse_bytes, tasks) == {n: Done(n, task[::-1]) for n, task in enumerate(tasks)}

    def test_a_task_whose_worker_dies_fails_alone(self, engine: Engine) -> None:
        """Its error says how the worker died."""
        if not self.processes:
            pytest.skip("the driver itself would die")
        outcomes = run_all(engine, die_at_2_and_5, list(range(8)))
        for number in (2, 5):
            failed = outcomes.pop(number)
            assert isinstance(failed, Failed)
            assert failed.died
            assert failed.error
        assert outcomes == {n: Done(n, n * n) for n in (0, 1, 3, 4, 6, 7)}

    def test_a_task_whose_worker_died_is_tried_again(self, engine: Engine, tmp_path: Path) -> None:
        """The cause may be temporary."""
        if not self.processes or not self.retries:
            pytest.skip("nothing is tried again")
        folder = _new_folder(tmp_path / "once")
        tasks = [FolderTask(n, folder) for n in range(4)]
        assert run_all(engine, die_once_at_1, tasks) == {n: Done(n, n) for n in range(4)}
        assert (folder / "attempted-1").exists()

    def test_output_does_not_depend_on_order(self, engine: Engine, tmp_path: Path) -> None:
        """The same tasks in another order write the same files."""
        first, second = _new_folder(tmp_path / "first"), _new_folder(tmp_path / "second")
        run_all(engine, write_file, [FolderTask(n, first) for n in range(8)])
        run_all(engine, write_file, [FolderTask(n, second) for n in reversed(range(8))])
        assert _file_contents(first) == _file_contents(second)
        assert len(_file_contents(first)) == 8

    def test_closing_the_iterator_ends_running_tasks(self, engine: Engine, tmp_path: Path) -> None:
        """A build that stops leaves nothing behind that still writes files."""
        if not self.processes:
            pytest.skip("nothing runs between two outcomes")
        folder = _new_folder(tmp_path / "output")
        outcomes = engine.run(write_until_killed, [FolderTask(n, folder) for n in range(2)])
        with closing(outcomes):  # type: ignore[type-var]
            assert next(outcomes) == Done(0, 0)
            wait_until((folder / "output-1").exists)
        wait_until(lambda: not _is_growing(folder / "output-1"))

    def test_a_worker_has_one_polars_thread(self, engine: Engine) -> None:
        """There is a worker for each core already."""
        if not self.processes:
            pytest.skip("the driver has all cores to itself")
        assert run_all(engine, read_variable, ["POLARS_MAX_THREADS"]) == {0: Done(0, "1")}


def _new_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def _file_contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _is_growing(path: Path) -> bool:
    before = path.stat().st_size
    time.sleep(1)
    return path.stat().st_size != before


def wait_until(condition: Callable[[], object]) -> None:
    """Return once the condition holds; a test fails if it does not within :data:`TIMEOUT_SECONDS`."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"the condition did not hold within {TIMEOUT_SECONDS} seconds"
        time.sleep(0.05)
