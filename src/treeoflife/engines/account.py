"""What became of the tasks of a run on far computers: the same account for Slurm and for Ray."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import TasksFailed
from . import journal
from .base import Done, Failed
from .journal import Run

O = TypeVar("O", bound=Done[Any] | Failed)  # noqa: E741 - an outcome


@dataclass
class Account:
    """Which tasks have no outcome yet, how often the worker of each died, and how many failed.

    Attributes:
        run: its journal hears of each failure, and of the end.
        tasks: what was given to ``run``.
        tries: how often a task is started whose worker dies.
    """

    run: Run
    tasks: Sequence[Any]
    tries: int
    failed: int = 0
    open: set[int] = field(init=False)
    _deaths: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.open = set(range(len(self.tasks)))

    def settle(self, outcome: O) -> O:
        """Put the outcome of a task on record; it is its only one."""
        self.open.remove(outcome.task)
        if isinstance(outcome, Failed):
            self.failed += 1
            name = journal.label(self.tasks[outcome.task])
            self.run.note("failed", task=outcome.task, label=name, error=outcome.error)
        return outcome

    def dies(self, task: int) -> bool:
        """Count a death; True if the task may be tried again."""
        self._deaths[task] = self._deaths.get(task, 0) + 1
        return self._deaths[task] < self.tries

    @property
    def times(self) -> str:
        """How often a task was tried that failed for good, to follow the reason."""
        return f", {self.tries} times" if self.tries > 1 else ""

    def go_on(self) -> None:
        """Return unless the run is to end.

        Raises:
            TasksFailed: somebody cancelled it.
        """
        if self.run.cancelled.exists():
            raise TasksFailed(f"cancelled by 'treeoflife cancel'; {len(self.open)} tasks were not done")

    def close(self) -> None:
        """Put the end of the run on record."""
        how = "cancelled" if self.run.cancelled.exists() else "interrupted" if self.open else "complete"
        self.run.note("ended", how=how, failed=self.failed, left=len(self.open))
