"""The contract of engines: an engine runs picklable tasks, and knows nothing of images."""

import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ..core.text import reason
from ..errors import TreeoflifeError

T = TypeVar("T")
R = TypeVar("R")

Tick = Callable[[int], None]
"""A task calls it with the number of items (bytes, images, samples) that it finished since the last call."""

Function = Callable[[T, Tick], R]
"""Runs in a worker, on a task and a tick. It must be at the top level of a module, because it is pickled by name."""

TRANSIENT_ERRORS = (OSError, MemoryError)
"""Errors of the machine rather than of the task: another attempt may succeed."""


@dataclass(frozen=True, slots=True)
class Done(Generic[R]):
    """The outcome of a task that returned ``value``; ``task`` is its index in the sequence given to ``run``."""

    task: int
    value: R


@dataclass(frozen=True, slots=True)
class Failed:
    """The outcome of a task that raised, or whose worker died at every attempt.

    Attributes:
        task: its index in the sequence given to ``run``.
        error: one line for people.
        traceback: where it was raised; empty if the error was raised on purpose and explains itself.
        died: the worker died, or the machine failed (see :data:`TRANSIENT_ERRORS`): another attempt may succeed.
    """

    task: int
    error: str
    traceback: str = ""
    died: bool = False


class Engine(Protocol):
    """Runs each task at least once, and yields exactly one outcome per task, in any order.

    Closing the iterator early ends the tasks that are running. If a worker dies, its task is tried again and
    finally reported as :class:`Failed`; the other tasks are not affected.
    :class:`treeoflife.testing.EngineContract` tests an engine.
    """

    @property
    def width(self) -> int:
        """About how many tasks can run at once."""

    @property
    def on_one_computer(self) -> bool:
        """Whether all tasks run on this computer, so that several may write to one file."""

    def prepare(self, modules: Sequence[str]) -> None:
        """Tasks whose functions and values are in these modules will come: what takes time may begin now."""

    def run(
        self, function: Function[T, R], tasks: Sequence[T], tick: Tick = lambda _: None
    ) -> Iterator[Done[R] | Failed]:
        """Run ``function`` on each task; ``tick`` is called in this process with the items that workers finish."""

    def close(self) -> None:
        """Release what is kept between runs, such as processes."""


class BufferedTick:
    """A tick that adds items up, and sends their sum at most once in ``seconds``: a message per item would be slow.

    >>> sums = []
    >>> tick = BufferedTick(sums.append, seconds=60)
    >>> tick(2), tick(3), tick.flush(), sums
    (None, None, None, [5])
    """

    def __init__(self, send: Callable[[int], object], seconds: float) -> None:
        self._send, self._seconds = send, seconds
        self._items, self._last_sent = 0, time.monotonic()

    def __call__(self, items: int) -> None:
        self._items += items
        if time.monotonic() - self._last_sent > self._seconds:
            self.flush()

    def flush(self) -> None:
        """Send the items that were not sent yet."""
        if self._items:
            self._send(self._items)
            self._items, self._last_sent = 0, time.monotonic()


class WorkerTick(BufferedTick):
    """The tick of a worker process that the engine replaces when it dies."""


def is_expendable(tick: Tick) -> bool:
    """Whether a task may let its process die: the engine that gave it ``tick`` notices, and tries the task again."""
    return isinstance(tick, WorkerTick)


def describe_failure(task: int, error: Exception) -> Failed:
    """The outcome of a task that raised ``error``; an error of this package needs no traceback."""
    if isinstance(error, TreeoflifeError):
        return Failed(task, str(error))
    lines = "".join(traceback.format_exception(error))
    if isinstance(error, OSError) and error.strerror:
        file = f": {error.filename}" if error.filename else ""
        return Failed(task, f"{error.strerror}{file}", lines, died=True)
    return Failed(task, f"{type(error).__name__}: {reason(error)}", lines, died=isinstance(error, TRANSIENT_ERRORS))


def task_label(task: object) -> str:
    """A short name of a task for people: its ``label``, if it has one, or else its text."""
    return str(getattr(task, "label", None) or task)[:100]
