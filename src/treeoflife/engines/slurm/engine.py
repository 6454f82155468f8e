"""The engine for a Slurm cluster: it submits arrays of jobs through submitit.

The driver (this process) puts small tasks together into batches, one per job, and submits arrays no longer than the
cluster allows, so that at most ``parallel`` jobs run at once. Each job appends its outcomes to a file
(message_file.py). The driver polls the queue now and then: a job that has ended while some of its tasks have no
outcome was killed. The tasks that it was running are tried again, each in its own job, with more memory if they ran
out of it; tasks that it had not started go into another job. See docs/decisions/slurm-streams.md.
"""

import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ...config.engines import SlurmTable
from ...core.extras import import_extra
from ...errors import ConfigError
from ..base import Done, Failed, Function, R, T, Tick, task_label
from ..logs import describe_tail
from ..message_file import JobFinished, JobStarted, MessageReader, message_path
from ..run_folder import create_run_folder, function_name
from ..task_tracker import Outcome, TaskTracker
from . import queue
from .batches import Batch, batch_tasks
from .queue import ABSENT, State
from .submit import ClusterFull, Submitter

# Over NFS the last messages of a job may arrive after the queue reports its end: so its end must be reported twice.
_ABSENCES = 2
# New messages are read about every second: files of the run are listed, but Slurm is not asked.
_READ_SECONDS = 1.0
# A job may have thousands of tasks, and sbatch may print pages; 'treeoflife jobs' shows a line of each.
_LABELS_PER_JOB = 3
_REASON_CHARACTERS = 500


class SlurmEngine:
    """Runs tasks as Slurm jobs.

    Args:
        table: what the jobs request.
        folder: the parent of the run folders, on a file system that all nodes mount at the same path.

    Raises:
        MissingExtra: submitit is not installed.
    """

    def __init__(self, table: SlurmTable, folder: Path) -> None:
        import_extra("submitit", "slurm", "the engine slurm")
        self.table = table
        self.folder = folder.absolute()

    @property
    def width(self) -> int:
        """The number of cores of the jobs that may run at once."""
        return self.table.parallel * self.table.cpus

    @property
    def on_one_computer(self) -> bool:
        """No: jobs run on any node."""
        return False

    def prepare(self, modules: Sequence[str]) -> None:
        """Nothing: a worker starts on its node when it gets a task."""

    def close(self) -> None:
        """Nothing to release: jobs end with their run."""

    def run(
        self, function: Function[T, R], tasks: Sequence[T], tick: Tick = lambda _: None
    ) -> Iterator[Done[R] | Failed]:
        """See :class:`treeoflife.engines.base.Engine`.

        Raises:
            ConfigError: Slurm is not installed here, or refuses the jobs for good.
            TasksFailed: the run was cancelled.
        """
        queue.check_commands()
        if not tasks:
            return
        folder = create_run_folder(self.folder, "slurm", function_name(function), len(tasks))
        submitter = Submitter(self.table, folder, function, tasks)
        run = _Run(self.table, submitter, TaskTracker(folder, tasks, self.table.tries), tick)
        try:
            yield from run.outcomes()
        finally:
            run.end()


@dataclass
class _Run:
    """One run on the cluster, as the driver sees it.

    Attributes:
        waiting: batches that have no job yet.
        active: batches whose job is pending or running, by number.
        owners: the batch that each pending task belongs to: outcomes from any other batch are ignored.
        submitted: the number of batches submitted so far.
        next_poll: when the queue is polled next, on the monotonic clock.
        newest_array: the id of the array submitted last, and how many of its jobs may run at once.
        max_array_size: the cluster's limit.
        array_size: how many jobs the next array may have: fewer after a refusal, then more again.
        refused: the cluster refused the last array for now.
    """

    table: SlurmTable
    submitter: Submitter
    tracker: TaskTracker
    tick: Tick
    waiting: deque[Batch] = field(default_factory=deque)
    active: dict[int, Batch] = field(default_factory=dict)
    owners: dict[int, Batch] = field(default_factory=dict)
    submitted: int = 0
    next_poll: float = 0
    newest_array: tuple[str, int] = ("", 0)
    max_array_size: int = 1
    array_size: int = 1
    refused: bool = False

    def __post_init__(self) -> None:
        self.folder = self.tracker.folder

    def outcomes(self) -> Iterator[Done[Any] | Failed]:
        self.max_array_size = self.array_size = queue.max_array_size()
        for numbers in batch_tasks(self.tracker.tasks, self.table):
            self._enqueue(Batch(numbers))
        pause = min(_READ_SECONDS, self.table.poll_seconds / 2)
        while self.tracker.pending:
            yield from self._submit()
            # Listing the folder makes NFS show files that other hosts have created in it.
            present = {path.name for path in self.folder.streams.iterdir()}
            for batch in list(self.active.values()):
                yield from self._read_messages(batch, present)
            if time.monotonic() >= self.next_poll:
                yield from self._poll_queue()
            self.tracker.raise_if_cancelled()
            if self.tracker.pending:
                time.sleep(pause)

    def end(self) -> None:
        """Cancel what still runs, and clean up."""
        if self.tracker.pending or self.active:
            queue.cancel_jobs(self.folder.name)
        self.tracker.finish_run()
        self.folder.remove_messages()

    def _enqueue(self, batch: Batch) -> None:
        """Let a batch wait for its job, and make it the owner of its tasks."""
        self.waiting.append(batch)
        self.owners.update(dict.fromkeys(batch.tasks, batch))

    def _finish_task(self, outcome: Outcome) -> Outcome:
        del self.owners[outcome.task]
        return self.tracker.finish_task(outcome)

    # Submitting

    def _submit(self) -> Iterator[Failed]:
        """Submit an array of waiting batches, all of the same memory."""
        active = len(self.active)
        # Not before half of the jobs have ended: one array of many jobs is less work for Slurm than many small ones.
        if not self.waiting or active > self.table.parallel // 2:
            return
        if self.refused and time.monotonic() < self.next_poll:
            return
        memory_failures = self.waiting[0].memory_failures
        array = [batch for batch in self.waiting if batch.memory_failures == memory_failures][: self.array_size]
        for number, batch in enumerate(array, self.submitted):
            batch.number = number
        parallel = self.table.parallel - active
        try:
            self.submitter.submit(array, parallel, alone=not active)
        except ClusterFull as error:
            self._shrink_next_array(len(array), str(error))
        except ConfigError as error:
            if not memory_failures:
                raise
            yield from self._fail_for_memory(array, str(error))
        else:
            self._record_submission(array, parallel)

    def _shrink_next_array(self, size: int, reason: str) -> None:
        """After a refusal of ``size`` jobs for now: submit half as many at the next poll."""
        self.refused, self.array_size = True, max(1, size // 2)
        self.folder.record("refused", error=reason[-_REASON_CHARACTERS:])

    def _fail_for_memory(self, array: list[Batch], reason: str) -> Iterator[Failed]:
        """Fail tasks that ran out of memory if no node has as much as they would get next."""
        self._remove_waiting(array)
        memory = self.submitter.memory_gb(array[0].memory_failures - 1)
        error = f"out of memory with {memory:g} GB, and Slurm refuses a job with more: {reason}"
        for task in (task for batch in array for task in batch.tasks):
            yield self._finish_task(Failed(task, error, died=True))

    def _remove_waiting(self, array: list[Batch]) -> None:
        # By identity: after a refusal, batches that wait have numbers that are given to others too.
        chosen = {id(batch) for batch in array}
        self.waiting = deque(batch for batch in self.waiting if id(batch) not in chosen)

    def _record_submission(self, array: list[Batch], parallel: int) -> None:
        self.refused, self.array_size = False, min(2 * self.array_size, self.max_array_size)
        self.submitted += len(array)
        self._remove_waiting(array)
        self.active.update({batch.number: batch for batch in array})
        self.newest_array = (_array_id(array[0]), parallel)
        for batch in array:
            labels = [task_label(self.tracker.tasks[number]) for number in batch.tasks[:_LABELS_PER_JOB]]
            self.folder.record(
                "submitted", group=batch.number, job=batch.job, tasks=list(batch.tasks), log=str(batch.log),
                memory_gb=self.submitter.memory_gb(batch.memory_failures), labels=labels,
            )  # fmt: skip

    # Receiving

    def _read_messages(self, batch: Batch, present: set[str]) -> Iterator[Done[Any] | Failed]:
        """Handle the new messages of a batch's job. If Slurm requeued it, they continue in another file."""
        while True:
            if batch.reader is None:
                path = message_path(self.folder.streams, batch.number, batch.start)
                if path.name not in present:
                    return
                batch.reader = MessageReader(path)
            for message in batch.reader.read():
                if isinstance(message, int):
                    self.tick(message)
                elif isinstance(message, JobStarted):
                    batch.started = True
                    self.folder.record("began", group=batch.number, job=batch.job, host=message.host)
                elif isinstance(message, JobFinished):
                    self.active.pop(batch.number, None)
                    self.folder.record("over", group=batch.number, job=batch.job, how="done")
                elif self.owners.get(message.task) is batch:
                    yield from self._receive(batch, message)
            if message_path(self.folder.streams, batch.number, batch.start + 1).name not in present:
                return
            batch.start, batch.reader = batch.start + 1, None

    def _receive(self, batch: Batch, outcome: Done[Any] | Failed) -> Iterator[Done[Any] | Failed]:
        """Yield an outcome, or try a task again whose worker died."""
        if isinstance(outcome, Done):
            yield self._finish_task(outcome)
        elif not outcome.died:
            yield self._finish_task(replace(outcome, error=f"{outcome.error} (log: {batch.log})"))
        elif self.tracker.count_death(outcome.task):
            # The kernel kills with SIGKILL the largest process of a job that exceeds its memory.
            lacks_memory = "SIGKILL" in outcome.error or "MemoryError" in outcome.error
            self._enqueue(Batch((outcome.task,), batch.memory_failures + lacks_memory))
        else:
            error = f"{outcome.error}{self.tracker.attempts}; {describe_tail(batch.log)}"
            yield self._finish_task(replace(outcome, error=error))

    def _poll_queue(self) -> Iterator[Failed]:
        """Ask Slurm which jobs have ended, and handle those that left tasks without an outcome."""
        self.next_poll = time.monotonic() + self.table.poll_seconds
        states = queue.read_states(self.folder.name) if self.active else None
        if states is None:
            return
        for batch in list(self.active.values()):
            state = states.get(batch.job, ABSENT)
            batch.absences = batch.absences + 1 if state is ABSENT or state.has_ended else 0
            if batch.absences >= _ABSENCES:
                yield from self._handle_killed_job(batch, state)
        self._raise_array_limit()

    def _handle_killed_job(self, batch: Batch, state: State) -> Iterator[Failed]:
        """Count a death for the tasks that the job was running, and enqueue those that it had not started."""
        del self.active[batch.number]
        log_end = describe_tail(batch.log)
        cause = queue.end_cause(state, log_end)
        self.folder.record("over", group=batch.number, job=batch.job, how=cause, node=state.node)
        remaining = tuple(task for task in batch.tasks if self.owners.get(task) is batch)
        memory_failures = batch.memory_failures + (cause == "out of memory")
        if not batch.started and batch.failed_starts + 1 < self.table.tries:
            self._enqueue(Batch(remaining, memory_failures, batch.failed_starts + 1))
            return
        # A job runs its tasks in order, one per core: the first tasks without an outcome are those it was running.
        killed = remaining[: self.table.cpus] if batch.started else remaining
        for task in killed:
            if batch.started and self.tracker.count_death(task):
                self._enqueue(Batch((task,), memory_failures))
            else:
                yield self._fail(task, batch, cause, log_end)
        if unstarted := remaining[len(killed) :]:
            self._enqueue(Batch(unstarted, batch.memory_failures))

    def _fail(self, task: int, batch: Batch, cause: str, log_end: str) -> Failed:
        hint = ""
        if not batch.started:
            hint = f"; it never started: do the nodes see {self.folder.path} and {sys.executable}?"
        elif cause == "out of time":
            hint = f"; raise engine.slurm.time_minutes, now {self.table.time_minutes}"
        error = f"the Slurm job {batch.job} ended ({cause}{self.tracker.attempts}){hint}; {log_end}"
        return self._finish_task(Failed(task, error, died=True))

    def _raise_array_limit(self) -> None:
        """Let as many more jobs of the newest array run at once as jobs of older arrays have ended."""
        array, parallel = self.newest_array
        older = sum(_array_id(batch) != array for batch in self.active.values())
        if array and self.table.parallel - older > parallel:
            self.newest_array = (array, self.table.parallel - older)
            queue.set_array_limit(*self.newest_array)


def _array_id(batch: Batch) -> str:
    return batch.job.partition("_")[0]
