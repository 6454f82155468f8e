"""Running all tasks of a stage, and raising one error that names those that failed."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from ..core.progress import Listener
from ..core.system import cores
from ..core.text import printable
from ..errors import TasksFailed
from .base import Done, Engine, Failed, Function, R, T
from .local import LocalEngine

# An error message names the first few failures, so that it fits on a screen; the log has all of them.
_NAMED_FAILURES = 5


@dataclass(frozen=True)
class TaskRunner:
    """Runs tasks on an engine, and reports their progress.

    Attributes:
        engine: where tasks run.
        listener: receives the progress.
        failure_log: a file for the tracebacks of failed tasks; None writes none.
    """

    engine: Engine
    listener: Listener
    failure_log: Path | None = None

    def run(self, function: Function[T, R], tasks: Sequence[T], name: Callable[[T], str]) -> Generator[tuple[T, R]]:
        """Run tasks, and yield each with its result, in any order. Closing the generator ends those that run.

        Args:
            name: returns what error messages call a task.

        Raises:
            TasksFailed: some tasks failed; it is raised after the others finished.
        """
        failures: list[tuple[str, Failed]] = []
        for outcome in self.engine.run(function, tasks, self.listener.advance):
            task = tasks[outcome.task]
            if isinstance(outcome, Done):
                yield task, outcome.value
            else:
                failures.append((name(task), outcome))
                self.listener.note(f"failed: {name(task)}: {outcome.error}")
        if failures:
            raise TasksFailed(self._report(failures, len(tasks)))

    def _report(self, failures: Sequence[tuple[str, Failed]], total: int) -> str:
        """Write all failures to the log; returns the error message."""
        first = "; ".join(f"{name}: {failed.error}" for name, failed in failures[:_NAMED_FAILURES])
        more = f" (and {len(failures) - _NAMED_FAILURES} more)" if len(failures) > _NAMED_FAILURES else ""
        message = f"{len(failures)} of {total} tasks failed: {first}{more}"
        if not self.failure_log:
            return message
        text = "\n\n".join(f"{name}: {failed.error}\n{failed.traceback}" for name, failed in failures)
        self.failure_log.parent.mkdir(parents=True, exist_ok=True)
        self.failure_log.write_text(printable(text), encoding="utf-8")
        return f"{message}; see {self.failure_log}"


def run_locally(
    function: Function[T, R],
    tasks: Sequence[T],
    name: Callable[[T], str],
    listener: Listener,
    workers: int | None = None,
) -> list[R]:
    """Run tasks in processes on this computer; returns their results in the order of the tasks.

    Args:
        name: returns what error messages call a task.
        listener: advances by one unit per finished task.
        workers: number of processes; by default one per core.

    Raises:
        TasksFailed: a task failed; the message names it. Tasks that still run are ended.
    """
    results = dict(each_locally(function, tasks, name, listener, workers))
    return [results[number] for number in range(len(tasks))]


def each_locally(
    function: Function[T, R],
    tasks: Sequence[T],
    name: Callable[[T], str],
    listener: Listener,
    workers: int | None = None,
) -> Iterator[tuple[int, R]]:
    """The same for results that are not kept: yields the number of each task, and its result, in any order."""
    with closing(LocalEngine(min(workers or cores(), max(1, len(tasks))))) as engine:
        for outcome in engine.run(function, tasks):
            if isinstance(outcome, Failed):
                raise TasksFailed(f"{name(tasks[outcome.task])}: {outcome.error}")
            yield outcome.task, outcome.value
            listener.advance(1)
