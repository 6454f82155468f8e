"""The tables of dataset.toml that say where tasks run."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import Model


class SlurmTable(Model):
    """How the engine slurm asks for its jobs. An empty text asks for nothing: the cluster's own default holds."""

    account: str = ""
    """The account that pays."""
    partition: str = ""
    """The partition, or several with commas between them."""
    qos: str = ""
    """The quality of service."""
    constraint: str = ""
    """Features that a node must have."""
    time_minutes: Annotated[int, Field(ge=1)] = 240
    """The longest a job may take. A job that runs out of time is tried again."""
    memory_gb: Annotated[float, Field(gt=0)] = 4
    """Memory of a job."""
    cpus: Annotated[int, Field(ge=1)] = 1
    """Cores of a job; as many tasks run side by side in it."""
    parallel: Annotated[int, Field(ge=1)] = 256
    """The most jobs that run at once."""
    group_minutes: Annotated[float, Field(ge=0)] = 15
    """Small tasks are put together until a job takes about this long; 0 gives each task its own job."""
    tries: Annotated[int, Field(ge=1)] = 3
    """How often a task is started whose job fails, runs out of time or memory, is preempted or loses its node.
    What Slurm itself puts back into the queue does not count."""
    memory_factor: Annotated[float, Field(ge=1)] = 2
    """A task that ran out of memory is tried again with this many times as much."""
    poll_seconds: Annotated[float, Field(gt=0)] = 10
    """How often Slurm is asked what became of the jobs."""
    setup: tuple[str, ...] = ()
    """Lines of shell that each job begins with, such as "module load python/3.11"."""
    python: str = ""
    """The command that starts Python on a node; empty is the interpreter that runs this program."""
    options: dict[str, str | int | bool] = Field(default_factory=dict)
    """Any further options of sbatch, such as { reservation = "school", exclusive = true }."""
    driver_minutes: Annotated[int, Field(ge=1)] = 7 * 24 * 60
    """The longest that the job of --detach may take. Run it again and it goes on where it was."""
    driver_memory_gb: Annotated[float, Field(gt=0)] = 8
    """Memory of the job of --detach, which plans and adds up."""
    driver_partition: str = ""
    """The partition of the job of --detach; empty is that of the others."""


class RayTable(Model):
    """How the engine ray finds its cluster and what it asks of it."""

    address: str = ""
    """The cluster, as HOST:PORT, or "auto" for the one that this computer belongs to.
    Empty is the one that the variable RAY_ADDRESS names, or else one that is started here."""
    cpus: Annotated[float, Field(gt=0)] = 1
    """Cores of a task."""
    memory_gb: Annotated[float, Field(ge=0)] = 0
    """Memory that a node must have free for a task; 0 asks for none."""
    in_flight: Annotated[int, Field(ge=0)] = 0
    """The most tasks that are given to the cluster at once; 0 is twice as many as it can run."""
    tries: Annotated[int, Field(ge=1)] = 3
    """How often a task is started whose worker or node dies."""


class EngineTable(Model):
    """Where tasks run."""

    name: str = "local"
    """local: processes on this computer. serial: one after the other in this process, for debugging.
    slurm: jobs on a Slurm cluster (pip install 'treeoflife[slurm]').
    ray: tasks on a Ray cluster (pip install 'treeoflife[ray]')."""
    workers: Annotated[int, Field(ge=0)] = 0
    """local: how many processes; 0 is one per core."""
    slurm: SlurmTable = SlurmTable()
    ray: RayTable = RayTable()
