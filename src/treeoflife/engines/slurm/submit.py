"""Submitting batches of tasks as arrays of jobs, through submitit, and what a refusal by sbatch means."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ...config.engines import SlurmTable
from ...errors import ConfigError
from ..base import Function
from ..run_folder import RunFolder
from . import queue
from .batches import Batch
from .job import run_batch

# Limits on submitted jobs, such as AssocMaxSubmitJobLimit, and a controller that is busy or restarting.
_TEMPORARY = re.compile(
    r"SubmitJob|temporarily|timed out|Unable to contact|Connection refused|try again", re.IGNORECASE
)
_NAMED_LIMIT = re.compile(r"\b(QOS|Assoc)\w+Limit\b")


class ClusterFull(Exception):
    """The cluster takes no more jobs for now; the message is what sbatch says."""


@dataclass(frozen=True)
class Submitter:
    """Submits batches of the tasks of a run."""

    table: SlurmTable
    folder: RunFolder
    function: Function[Any, Any]
    tasks: Sequence[Any]

    def submit(self, batches: Sequence[Batch], parallel: int, *, alone: bool) -> None:
        """Submit an array with a job per batch, and set the job and log of each batch.

        Args:
            batches: all of the same memory.
            parallel: how many of the jobs may run at once.
            alone: the run has no other jobs in the queue that could be why these are refused.

        Raises:
            ConfigError: Slurm refuses the jobs, and would refuse them later too.
            ClusterFull: it takes no more jobs for now.
        """
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        try:
            with queue.outside_job():
                jobs = self._submit_array(batches, parallel)
        except (FailedJobError, FailedSubmissionError) as error:
            reason = queue.refusal_reason(str(error))
            if is_temporary(reason, alone=alone and len(batches) == 1):
                raise ClusterFull(reason) from None
            raise ConfigError(f"Slurm refuses the jobs that [engine.slurm] describes: {reason}") from None
        for batch, job in zip(batches, jobs, strict=True):
            batch.job, batch.log = job.job_id, job.paths.stdout

    def _submit_array(self, batches: Sequence[Batch], parallel: int) -> list[Any]:
        import submitit

        executor = submitit.SlurmExecutor(self.folder.slurm, python=self.table.python or None)
        memory = self.memory_gb(batches[0].memory_failures)
        executor.update_parameters(**submitit_parameters(self.table, self.folder.name, memory, parallel))
        size = len(batches)
        return executor.map_array(
            run_batch,
            [self.folder.streams] * size,
            [batch.number for batch in batches],
            [self.function] * size,
            [[(number, self.tasks[number]) for number in batch.tasks] for batch in batches],
            [self.table.cpus] * size,
        )

    def memory_gb(self, memory_failures: int) -> float:
        """The memory of a job whose tasks ran out of memory so many times."""
        return self.table.memory_gb * self.table.memory_factor**memory_failures


def is_temporary(reason: str, *, alone: bool) -> bool:
    """Whether sbatch, which refused jobs for ``reason``, may take them later: it is busy, or our jobs are too many.

    Older versions of Slurm give the same reason for too many jobs and for a job that requests too much. If a single
    job is refused while no other of ours is in the queue (``alone``), it requests too much.

    >>> is_temporary("AssocMaxSubmitJobLimit; Batch job submission failed: Job violates accounting policy", alone=True)
    True
    >>> is_temporary("Requested time limit is invalid (missing or exceeds some limit)", alone=False)
    False
    """
    if _TEMPORARY.search(reason):
        return True
    return "job submit limit" in reason and not _NAMED_LIMIT.search(reason) and not alone


def submitit_parameters(table: SlurmTable, name: str, memory_gb: float, parallel: int) -> dict[str, Any]:
    """The options of sbatch under the names that submitit gives them."""
    basic = {"account": table.account, "partition": table.partition, "qos": table.qos, "constraint": table.constraint}
    options = {key: value for key, value in {"requeue": True, **table.options}.items() if value is not False}
    return {
        **{key: value for key, value in basic.items() if value},
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
        # A job is one process; and srun inside a job would keep a detached driver from submitting more.
        "use_srun": False,
        "wckey": None,
    }
