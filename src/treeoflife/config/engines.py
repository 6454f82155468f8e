"""The tables of dataset.toml about where tasks run. They do not affect the contents of a dataset."""

from typing import Annotated

from pydantic import Field

from .base import Model


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
    """Memory, in GB, of the job that --detach submits; it builds the tables of the whole dataset."""
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
    slurm: SlurmTable = SlurmTable()
    ray: RayTable = RayTable()
