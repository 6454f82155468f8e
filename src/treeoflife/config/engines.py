"""The tables of dataset.toml about where tasks run. They do not affect the contents of a dataset."""

from pathlib import Path
from typing import Annotated

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from .base import Model

# With less, DuckDB fails to sort and join a few million rows; with this it did not, with two threads.
_LEAST_DRIVER_GB = 0.25
# Python, Polars and gnparser take less than 1 GB, and DuckDB takes somewhat more than its limit.
_DRIVER_OTHERS_GB = 2.0


class SlurmTable(Model):
    """The jobs of the engine slurm. An empty text leaves an option to the cluster's default."""

    account: str = ""
    """The account to charge."""
    partition: str = ""
    """The partition, or several separated by commas."""
    qos: str = ""
    """The quality of service."""
    constraint: str = ""
    """Features that a node must have, as in sbatch --constraint."""
    time_minutes: Annotated[int, Field(ge=1, le=1_000_000)] = 240
    """Time limit of a job in minutes. A job that reaches it is tried again."""
    memory_gb: Annotated[float, Field(gt=0, le=1_000_000)] = 4
    """Memory of a job in GB."""
    cpus: Annotated[int, Field(ge=1, le=100_000)] = 1
    """Cores of a job, which runs as many tasks at the same time."""
    parallel: Annotated[int, Field(ge=1, le=100_000)] = 256
    """Maximum number of jobs that run at the same time."""
    group_minutes: Annotated[float, Field(ge=0, le=1_000_000)] = 15
    """Group small tasks into jobs that take about this many minutes; 0 gives each task a job of its own."""
    tries: Annotated[int, Field(ge=1, le=100_000)] = 3
    """How many times a task is started if its job fails, runs out of time or memory, is preempted or loses its node.
    Jobs that Slurm itself requeues do not count."""
    memory_factor: Annotated[float, Field(ge=1, le=100)] = 2
    """A task that ran out of memory is tried again with this many times as much memory."""
    poll_seconds: Annotated[float, Field(gt=0, le=86_400)] = 10
    """Seconds between two queries of the state of the jobs."""
    setup: tuple[str, ...] = ()
    """Shell commands that each job runs first, such as "module load python/3.11"."""
    python: str = ""
    """The command that starts Python on a node. Empty: the interpreter that runs treeoflife here."""
    options: dict[str, str | int | bool] = Field(default_factory=dict)
    """Further options of sbatch, such as { reservation = "school", exclusive = true }."""
    driver_minutes: Annotated[int, Field(ge=1, le=1_000_000)] = 7 * 24 * 60
    """Time limit, in minutes, of the job that --detach submits to drive the build. A build that reaches it continues
    where it stopped when it is run again."""
    driver_memory_gb: Annotated[float, Field(gt=0, le=1_000_000)] = 8
    """Memory, in GB, of the job that --detach submits; it builds the tables of the whole dataset. It gets more if
    driver_memory_gb of [engine], and 2 GB for the rest of the process, are more."""
    driver_partition: str = ""
    """The partition of the job that --detach submits. Empty: that of the other jobs."""


class RayTable(Model):
    """The cluster of the engine ray, and the resources of its tasks."""

    address: str = ""
    """The cluster: HOST:PORT, or "auto" for the one that this computer belongs to. Empty: the one in the environment
    variable RAY_ADDRESS, or without that a new one on this computer."""
    cpus: Annotated[float, Field(gt=0, le=100_000)] = 1
    """Cores per task."""
    memory_gb: Annotated[float, Field(ge=0, le=1_000_000)] = 0
    """Memory, in GB, that a node must have free to be given a task; 0 requires none."""
    gpus: Annotated[float, Field(ge=0, le=1_000)] = 0
    """GPUs per task, or parts of one, such as 0.25; only the command embed uses any."""
    in_flight: Annotated[int, Field(ge=0, le=10_000_000)] = 0
    """Maximum number of tasks that are submitted and not done; 0 is twice as many as the cluster can run."""
    tries: Annotated[int, Field(ge=1, le=100_000)] = 3
    """How many times a task is started if its worker or node dies."""


class EngineTable(Model):
    """Where the tasks of the build run."""

    name: str = "local"
    """local: in processes on this computer. serial: one after the other in the main process, for debugging.
    slurm: in jobs on a Slurm cluster (pip install 'treeoflife[slurm]').
    ray: on a Ray cluster (pip install 'treeoflife[ray]')."""
    workers: Annotated[int, Field(ge=0, le=10_000)] = 0
    """Number of processes of the engine local; 0 is one per core."""
    driver_memory_gb: Annotated[float, Field(ge=0, le=1_000_000)] = 0
    """Memory, in GB, for the tables of the whole dataset in the main process; what does not fit goes to scratch.
    At least 0.25; 0 is half of what the computer, or the job or container, has, and at most 8."""
    scratch: Path | None = None
    """The folder for tables that do not fit into memory; a fast local disk is best. By default in OUT. Files of others
    in it are left alone."""
    slurm: SlurmTable = Field(default_factory=SlurmTable)
    ray: RayTable = Field(default_factory=RayTable)

    @field_validator("driver_memory_gb")
    @classmethod
    def _enough_for_tables(cls, value: float) -> float:
        if 0 < value < _LEAST_DRIVER_GB:
            raise PydanticCustomError(
                "memory", "should be at least {least}, or 0 for half of what there is", {"least": _LEAST_DRIVER_GB}
            )
        return value

    @property
    def driver_slurm(self) -> SlurmTable:
        """The table ``slurm``, in which the job that drives the build has memory for the tables and all else in it."""
        needed = self.driver_memory_gb + _DRIVER_OTHERS_GB
        memory = max(self.slurm.driver_memory_gb, needed)
        return self.slurm.model_copy(update={"driver_memory_gb": memory})
