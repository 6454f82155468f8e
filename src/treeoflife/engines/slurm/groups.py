"""Tasks that share a Slurm job: a job that lasts seconds would cost more than it does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...config.engines import SlurmTable
from ..stream import Reader


@dataclass
class Group:
    """Tasks that share a job.

    Attributes:
        number: each job that is submitted has another one.
        tasks: places in the sequence that was given to ``run``.
        hungry: how often memory ran out, so far.
        stillborn: how often such a job ended before it began with a task.
        job: its Slurm id, once submitted.
        log: what it printed.
        began: it showed that it runs.
        looks: how often the queue has called it over.
        reader, start: where its stream is read.
    """

    tasks: tuple[int, ...]
    hungry: int = 0
    stillborn: int = 0
    number: int = -1
    job: str = ""
    log: Path = Path()
    began: bool = False
    looks: int = 0
    start: int = 0
    reader: Reader | None = None


def grouped(tasks: Sequence[object], table: SlurmTable) -> list[tuple[int, ...]]:
    """Put neighbouring tasks together until a job takes ``group_minutes`` by their ``cost`` (seconds).

    Where no task says what it costs, there are four groups for each job that may run at once.

    >>> grouped("abcdefg", SlurmTable(parallel=1))
    [(0, 1), (2, 3), (4, 5), (6,)]
    """
    costs = [getattr(task, "cost", None) for task in tasks]
    if not table.group_minutes:
        room = -1.0
    elif all(cost is None for cost in costs):
        costs, room = [1.0] * len(tasks), float(math.ceil(len(tasks) / (4 * table.parallel)))
    else:
        room = table.group_minutes * 60 * table.cpus
    groups: list[list[int]] = []
    used = math.inf
    for number, cost in enumerate(costs):
        if used + (cost or 0.0) > room:
            groups.append([])
            used = 0.0
        groups[-1].append(number)
        used += cost or 0.0
    return [tuple(group) for group in groups]
