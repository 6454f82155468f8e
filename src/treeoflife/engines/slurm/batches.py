"""Batches of tasks that share a Slurm job: starting a job for a task of seconds would take longer than the task."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...config.engines import SlurmTable
from ..message_file import MessageReader

# Without known costs: few enough jobs for a small overhead, enough of them to keep all busy until near the end.
_BATCHES_PER_JOB = 4


@dataclass
class Batch:
    """Tasks that share a job.

    Attributes:
        tasks: indexes in the sequence given to ``run``.
        memory_failures: how often the tasks ran out of memory so far.
        failed_starts: how often a job with these tasks ended before it started one of them.
        number: unique for each submitted job.
        job: its Slurm id, once submitted.
        log: the file with its output.
        started: the job sent a message.
        absences: in how many consecutive polls the queue has reported the job as over.
        start: how often Slurm started the job anew, which is the number of the message file that is being read.
        reader: reads that file, once it exists.
    """

    tasks: tuple[int, ...]
    memory_failures: int = 0
    failed_starts: int = 0
    number: int = -1
    job: str = ""
    log: Path = Path()
    started: bool = False
    absences: int = 0
    start: int = 0
    reader: MessageReader | None = None


def batch_tasks(tasks: Sequence[object], table: SlurmTable) -> list[tuple[int, ...]]:
    """Put consecutive tasks together until a job takes ``group_minutes``, by their ``cost`` in seconds.

    If no task has a cost, there are four batches for each job that may run at once.

    >>> batch_tasks("abcdefg", SlurmTable(parallel=1))
    [(0, 1), (2, 3), (4, 5), (6,)]
    """
    costs = [getattr(task, "cost", None) for task in tasks]
    if not table.group_minutes:
        limit = -1.0
    elif all(cost is None for cost in costs):
        costs, limit = [1.0] * len(tasks), float(math.ceil(len(tasks) / (_BATCHES_PER_JOB * table.parallel)))
    else:
        limit = table.group_minutes * 60 * table.cpus
    batches: list[list[int]] = []
    total = math.inf
    for number, cost in enumerate(costs):
        if total + (cost or 0.0) > limit:
            batches.append([])
            total = 0.0
        batches[-1].append(number)
        total += cost or 0.0
    return [tuple(batch) for batch in batches]
