"""Jobs on a Slurm cluster, submitted as arrays through submitit.

The driver (this process) puts small tasks together into groups, one group to a job, and submits arrays no
longer than the cluster allows, so that at most ``parallel`` jobs run at once. Each job streams its outcomes
into a file (stream.py). Every so often the driver asks the queue: a job that is over while some of its
tasks have no outcome was killed in the middle. The tasks it was at are tried again, each in a job of its
own, with more memory if that is what it lacked; the tasks it had not begun are put into a new job.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...config.engines import SlurmTable
from ...errors import ConfigError, MissingExtra
from .. import journal
from ..account import Account, O
from ..base import Done, Failed, Function, R, T, Tick
from ..journal import Run
from ..stream import Began, Ended, Reader, Ticked, path_of
from . import queue as slurm_queue
from .groups import Group, grouped
from .queue import GONE, State
from .submit import Full, Submitter

_LOOKS = 2


class SlurmEngine:
    """Runs tasks as Slurm jobs.

    Args:
        table: what the jobs ask for.
        folder: where each run keeps its journal, on a file system that all nodes see at the same path.

    Raises:
        MissingExtra: submitit is not installed.
    """

    def __init__(self, table: SlurmTable, folder: Path) -> None:
        if importlib.util.find_spec("submitit") is None:
            raise MissingExtra("the engine slurm needs submitit: pip install 'treeoflife[slurm]'")
        self.table = table
        self.folder = folder.absolute()

    @property
    def width(self) -> int:
        """As many as the cores of the jobs that may run at once."""
        return self.table.parallel * self.table.cpus

    def close(self) -> None:
        """Nothing is kept: jobs end with their run."""

    def run(
        self, function: Function[T, R], tasks: Sequence[T], tick: Tick = lambda _: None
    ) -> Iterator[Done[R] | Failed]:
        """See :class:`treeoflife.engines.base.Engine`.

        Raises:
            ConfigError: there is no Slurm here, or it refuses the jobs for good.
            TasksFailed: somebody cancelled the run.
        """
        slurm_queue.check()
        if not tasks:
            return
        name = getattr(function, "__name__", type(function).__name__)
        begun = journal.begin(self.folder, "slurm", name, len(tasks))
        submitter = Submitter(self.table, begun, function, tasks)
        driver = _Driver(self.table, submitter, tick, Account(begun, tasks, self.table.tries))
        try:
            yield from driver.outcomes()
        finally:
            driver.end()


@dataclass
class _Driver:
    table: SlurmTable
    submitter: Submitter
    tick: Tick
    account: Account
    waiting: deque[Group] = field(default_factory=deque)
    active: dict[int, Group] = field(default_factory=dict)
    owner: dict[int, Group] = field(default_factory=dict)
    groups: int = 0
    next_look: float = 0
    newest: tuple[str, int] = ("", 0)
    largest: int = 1
    most: int = 1
    refused: bool = False

    @property
    def run(self) -> Run:
        return self.account.run

    def outcomes(self) -> Iterator[Done[Any] | Failed]:
        self.largest = self.most = slurm_queue.max_array_size()
        for numbers in grouped(self.account.tasks, self.table):
            self._put(Group(numbers))
        pause = min(1.0, self.table.poll_seconds / 2)
        while self.account.open:
            yield from self._submit()
            # On NFS, to list a folder is what shows the files that other hosts put into it.
            there = {path.name for path in self.run.streams.iterdir()}
            for group in list(self.active.values()):
                yield from self._listen(group, there)
            if time.monotonic() >= self.next_look:
                yield from self._look()
            self.account.go_on()
            if self.account.open:
                time.sleep(pause)

    def end(self) -> None:
        """Cancel what runs, and clear up."""
        if self.account.open or self.active:
            slurm_queue.cancel(self.run.name)
        self.account.close()
        self.run.tidy()

    def _put(self, group: Group) -> None:
        """Let a group wait for its job. From now on, its tasks are nobody else's."""
        self.waiting.append(group)
        self.owner.update(dict.fromkeys(group.tasks, group))

    def _settle(self, outcome: O) -> O:
        del self.owner[outcome.task]
        return self.account.settle(outcome)

    # What is submitted

    def _submit(self) -> Iterator[Failed]:
        """Submit an array of waiting groups, if half of the places are free. One array has one size of memory."""
        running = len(self.active)
        if not self.waiting or running > self.table.parallel // 2:
            return
        if self.refused and time.monotonic() < self.next_look:
            return
        hungry = self.waiting[0].hungry
        batch = [group for group in self.waiting if group.hungry == hungry][: self.most]
        for number, group in enumerate(batch, self.groups):
            group.number = number
        parallel = self.table.parallel - running
        try:
            self.submitter.submit(batch, parallel, alone=not running)
        except Full as error:
            self._hold_back(len(batch), str(error))
        except ConfigError as error:
            if not hungry:
                raise
            yield from self._starve(batch, str(error))
        else:
            self._submitted(batch, parallel)

    def _hold_back(self, size: int, why: str) -> None:
        """The cluster takes fewer jobs than these, or none for now: ask for half as many at the next look."""
        self.refused, self.most = True, max(1, size // 2)
        self.run.note("refused", error=why[-500:])

    def _starve(self, batch: list[Group], why: str) -> Iterator[Failed]:
        """No node has as much memory as these would be given next: they fail, and the others go on."""
        self._withdraw(batch)
        had = self.submitter.memory_gb(batch[0].hungry - 1)
        for task in (task for group in batch for task in group.tasks):
            yield self._settle(
                Failed(task, f"out of memory with {had:g} GB, and more is not to be had: {why}", died=True)
            )

    def _withdraw(self, batch: list[Group]) -> None:
        chosen = {group.number for group in batch}
        self.waiting = deque(group for group in self.waiting if group.number not in chosen)

    def _submitted(self, batch: list[Group], parallel: int) -> None:
        self.refused, self.most = False, min(2 * self.most, self.largest)
        self.groups += len(batch)
        self._withdraw(batch)
        self.active.update({group.number: group for group in batch})
        self.newest = (batch[0].job.partition("_")[0], parallel)
        for group in batch:
            labels = [journal.label(self.account.tasks[number]) for number in group.tasks[:3]]
            self.run.note(
                "submitted", group=group.number, job=group.job, tasks=list(group.tasks), log=str(group.log),
                memory_gb=self.submitter.memory_gb(group.hungry), labels=labels,
            )  # fmt: skip

    # What comes back

    def _listen(self, group: Group, there: set[str]) -> Iterator[Done[Any] | Failed]:
        """What the group's job has said since the last time; after a requeue, it says it in a new stream."""
        while True:
            if group.reader is None:
                path = path_of(self.run.streams, group.number, group.start)
                if path.name not in there:
                    return
                group.reader = Reader(path)
            for word in group.reader.read():
                if isinstance(word, Ticked):
                    self.tick(word.items)
                elif isinstance(word, Began):
                    group.began = True
                    self.run.note("began", group=group.number, job=group.job, host=word.host)
                elif isinstance(word, Ended):
                    self.active.pop(group.number, None)
                    self.run.note("over", group=group.number, job=group.job, how="done")
                elif self.owner.get(word.task) is group:
                    yield from self._take(group, word)
            if path_of(self.run.streams, group.number, group.start + 1).name not in there:
                return
            group.start, group.reader = group.start + 1, None

    def _take(self, group: Group, outcome: Done[Any] | Failed) -> Iterator[Done[Any] | Failed]:
        """An outcome, or another try for a task whose worker died."""
        if isinstance(outcome, Done) or not outcome.died:
            yield self._settle(outcome if isinstance(outcome, Done) else _with_log(outcome, group.log))
        elif self.account.dies(outcome.task):
            hungry = group.hungry + ("SIGKILL" in outcome.error or "MemoryError" in outcome.error)
            self._put(Group((outcome.task,), hungry))
        else:
            error = f"{outcome.error}{self.account.times}; {journal.tail(group.log)}"
            yield self._settle(Failed(outcome.task, error, outcome.traceback, died=True))

    def _look(self) -> Iterator[Failed]:
        """Ask the queue which jobs are over, and see to the tasks that they leave behind."""
        self.next_look = time.monotonic() + self.table.poll_seconds
        states = slurm_queue.states(self.run.name) if self.active else None
        if states is None:
            return
        for group in list(self.active.values()):
            state = states.get(group.job, GONE)
            group.looks = group.looks + 1 if state is GONE or state.over else 0
            # The first look may come before the job's last words have travelled here.
            if group.looks >= _LOOKS:
                yield from self._bury(group, state)
        self._widen()

    def _bury(self, group: Group, state: State) -> Iterator[Failed]:
        """A job that is over: what it was at has died once more, what it had not begun waits for another job."""
        del self.active[group.number]
        end = journal.tail(group.log)
        cause = slurm_queue.cause(state, end)
        self.run.note("over", group=group.number, job=group.job, how=cause, node=state.node)
        rest = tuple(task for task in group.tasks if self.owner.get(task) is group)
        hungry = group.hungry + (cause == "out of memory")
        if not group.began and group.stillborn + 1 < self.table.tries:
            self._put(Group(rest, hungry, group.stillborn + 1))
            return
        doomed = rest[: self.table.cpus] if group.began else rest
        for task in doomed:
            if group.began and self.account.dies(task):
                self._put(Group((task,), hungry))
            else:
                yield self._lost(task, group, cause, end)
        if rest[len(doomed) :]:
            self._put(Group(rest[len(doomed) :], group.hungry))

    def _lost(self, task: int, group: Group, cause: str, end: str) -> Failed:
        hint = ""
        if not group.began:
            hint = f"; it never began: do the nodes see {self.run.folder} and {sys.executable}?"
        elif cause == "out of time":
            hint = f"; raise engine.slurm.time_minutes, now {self.table.time_minutes}"
        error = f"the Slurm job {group.job} ended ({cause}{self.account.times}){hint}; {end}"
        return self._settle(Failed(task, error, died=True))

    def _widen(self) -> None:
        """Give the newest array the places that older ones no longer take."""
        array, parallel = self.newest
        others = sum(group.job.partition("_")[0] != array for group in self.active.values())
        if array and self.table.parallel - others > parallel:
            self.newest = (array, self.table.parallel - others)
            slurm_queue.throttle(*self.newest)


def _with_log(failed: Failed, log: Path) -> Failed:
    return Failed(failed.task, f"{failed.error} (log: {log})", failed.traceback, failed.died)
