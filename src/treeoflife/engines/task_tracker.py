"""Bookkeeping of the tasks of a run on a cluster, the same for Slurm and Ray."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..errors import TasksFailed
from .base import Done, Failed, task_label
from .run_folder import RunFolder

Outcome = TypeVar("Outcome", bound=Done[Any] | Failed)


@dataclass
class TaskTracker:
    """Tracks which tasks have no outcome yet, how often the worker of each died, and how many failed.

    Attributes:
        folder: where failures and the end of the run are recorded.
        tries: maximum number of attempts at a task whose worker dies.
        pending: indexes of the tasks without an outcome.
    """

    folder: RunFolder
    tasks: Sequence[Any]
    tries: int
    failed: int = 0
    pending: set[int] = field(init=False)
    _deaths: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.pending = set(range(len(self.tasks)))

    def finish_task(self, outcome: Outcome) -> Outcome:
        """Record the only outcome of a task, and return it."""
        self.pending.remove(outcome.task)
        if isinstance(outcome, Failed):
            self.failed += 1
            label = task_label(self.tasks[outcome.task])
            self.folder.record("failed", task=outcome.task, label=label, error=outcome.error)
        return outcome

    def count_death(self, task: int) -> bool:
        """Count that the worker of a task died; True if the task may be tried again."""
        self._deaths[task] += 1
        return self._deaths[task] < self.tries

    @property
    def attempts(self) -> str:
        """The number of attempts at a task that failed for good, to append to the reason: ", 3 times"."""
        return f", {self.tries} times" if self.tries > 1 else ""

    def raise_if_cancelled(self) -> None:
        """Check whether the run goes on.

        Raises:
            TasksFailed: 'treeoflife cancel' was called.
        """
        if self.folder.cancelled.exists():
            raise TasksFailed(f"cancelled by 'treeoflife cancel'; {len(self.pending)} tasks were not done")

    def finish_run(self) -> None:
        """Record how the run ended."""
        how = "cancelled" if self.folder.cancelled.exists() else "interrupted" if self.pending else "complete"
        self.folder.record("ended", how=how, failed=self.failed, left=len(self.pending))
