"""Handing groups of tasks to sbatch as an array of jobs, through submitit; and what it means when sbatch refuses."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...config.engines import SlurmTable
from ...errors import ConfigError
from ..base import Function
from ..journal import Run
from . import queue as slurm_queue
from .groups import Group
from .job import work

_FULL = re.compile(r"SubmitJob|temporarily|timed out|Unable to contact|Connection refused|try again", re.IGNORECASE)
_NAMED = re.compile(r"\b(QOS|Assoc)\w+Limit\b")


class Full(Exception):
    """The cluster takes no more jobs for now; the message is what sbatch says."""


@dataclass(frozen=True)
class Submitter:
    """Submits groups of the tasks of a run."""

    table: SlurmTable
    run: Run
    function: Function[Any, Any]
    tasks: Sequence[Any]

    def submit(self, groups: Sequence[Group], parallel: int, *, alone: bool) -> None:
        """Submit an array in which at most ``parallel`` run at once, and tell each group its job.

        Args:
            groups: all asking for the same memory.
            parallel: how many of the jobs may run at once.
            alone: the run has no other jobs, which could be what keeps these out.

        Raises:
            ConfigError: Slurm refuses the jobs, and would for good.
            Full: it takes no more of them for now.
        """
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        try:
            with slurm_queue.outside_of_job():
                jobs = self._array(groups, parallel)
        except (FailedJobError, FailedSubmissionError) as error:
            words = slurm_queue.said(str(error))
            if full(words, alone=alone and len(groups) == 1):
                raise Full(words) from None
            raise ConfigError(f"Slurm refuses the jobs that [engine.slurm] describes: {words}") from None
        for group, job in zip(groups, jobs, strict=True):
            group.job, group.log = job.job_id, job.paths.stdout

    def _array(self, groups: Sequence[Group], parallel: int) -> list[Any]:
        import submitit

        executor = submitit.SlurmExecutor(self.run.slurm, python=self.table.python or None)
        memory = self.memory_gb(groups[0].hungry)
        executor.update_parameters(**parameters(self.table, self.run.name, memory, parallel))
        size = len(groups)
        return executor.map_array(
            work,
            [self.run.streams] * size,
            [group.number for group in groups],
            [self.function] * size,
            [[(number, self.tasks[number]) for number in group.tasks] for group in groups],
            [self.table.cpus] * size,
        )

    def memory_gb(self, hungry: int) -> float:
        """What a job gets whose tasks ran out of memory so often."""
        return self.table.memory_gb * self.table.memory_factor**hungry


def full(words: str, *, alone: bool) -> bool:
    """Whether sbatch, which said ``words``, may take the jobs later: it is busy, or holds as many of ours as it may.

    Older versions give one reason for too many jobs and for jobs that ask for too much. What is refused though it is
    ``alone``, one job while no other of ours is in the queue, asks for too much.

    >>> full("AssocMaxSubmitJobLimit; Batch job submission failed: Job violates accounting/QOS policy", alone=True)
    True
    >>> full("Requested time limit is invalid (missing or exceeds some limit)", alone=False)
    False
    """
    if _FULL.search(words):
        return True
    return "job submit limit" in words and not _NAMED.search(words) and not alone


def parameters(table: SlurmTable, name: str, memory_gb: float, parallel: int) -> dict[str, Any]:
    """The options of sbatch, in submitit's words."""
    asked = {"account": table.account, "partition": table.partition, "qos": table.qos, "constraint": table.constraint}
    options = {key: value for key, value in {"requeue": True, **table.options}.items() if value is not False}
    return {
        **{key: value for key, value in asked.items() if value},
        "job_name": name,
        "time": table.time_minutes,
        "mem": f"{math.ceil(memory_gb * 1024)}M",
        "nodes": 1,
        "ntasks_per_node": 1,
        "cpus_per_task": table.cpus,
        "array_parallelism": parallel,
        "setup": list(table.setup),
        "additional_parameters": options,
        "stderr_to_stdout": True,
        "use_srun": False,
        "wckey": None,
    }
