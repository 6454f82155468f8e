"""What an engine is: something that runs picklable tasks, and knows nothing of images."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from ..errors import TreeoflifeError

T = TypeVar("T")
R = TypeVar("R")

Tick = Callable[[int], None]
"""A task calls it with the number of items (images, samples) that it has done since the last call."""

expendable = False
"""Whether this process is a worker that may die of a task: the engine notices, and tries the task again."""

Function = Callable[[T, Tick], R]
"""What is run on each task: a function at the top of a module, given the task and a tick."""


@dataclass(frozen=True, slots=True)
class Done(Generic[R]):
    """A task that returned. ``task`` is its place in the sequence that was given to ``run``."""

    task: int
    value: R


@dataclass(frozen=True, slots=True)
class Failed:
    """A task that raised, or whose worker died as often as the engine tries.

    Attributes:
        task: its place in the sequence that was given to ``run``.
        error: one line for people.
        traceback: where it was raised; empty where the error says all there is to say.
        died: the worker died of it, or the computer failed it; another try may succeed.
    """

    task: int
    error: str
    traceback: str = ""
    died: bool = False


class Engine(Protocol):
    """Runs tasks, each at least once, and yields every outcome exactly once, in any order.

    Closing the iterator early ends the tasks that run. A worker that dies is noticed: its task is tried
    again, then reported as :class:`Failed`; the other tasks go on.
    :class:`treeoflife.testing.EngineContract` checks an engine.

    Attributes:
        width: about how many tasks can run at once.
    """

    @property
    def width(self) -> int:
        """See above."""

    def run(
        self, function: Function[T, R], tasks: Sequence[T], tick: Tick = lambda _: None
    ) -> Iterator[Done[R] | Failed]:
        """Run ``function`` on each of ``tasks``; ``tick`` hears in this process of items done elsewhere."""

    def close(self) -> None:
        """Let go of what is kept between two runs, such as processes."""


PASSING = (OSError, MemoryError)
"""What a task may raise because the computer failed it: another try may succeed."""


def describe(task: int, error: Exception) -> Failed:
    """The outcome of a task that raised ``error``: errors that were raised on purpose need no traceback."""
    if isinstance(error, TreeoflifeError):
        return Failed(task, str(error))
    lines = "".join(traceback.format_exception(error))
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return Failed(task, f"{error.strerror}{where}", lines, died=True)
    return Failed(task, f"{type(error).__name__}: {error}", lines, died=isinstance(error, PASSING))
