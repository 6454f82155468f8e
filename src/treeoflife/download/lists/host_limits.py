"""Limits of requests to each host, over all tasks that run at once."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ...config.engines import EngineTable
from ...config.fetch import FetchTable
from ...core.system import cores


@dataclass(frozen=True)
class HostLimits:
    """How many requests a host may get: open at once, and per second (0 sets no limit).

    With ``robots``, robots.txt is obeyed. A request that fails is repeated, ``tries`` in all, first after
    ``wait_seconds``. It may stall for ``stall_seconds``.
    """

    connections: int
    per_second: float
    robots: bool
    tries: int
    wait_seconds: float
    stall_seconds: float = 30.0


def host_limits(table: FetchTable) -> HostLimits:
    """The limits that the table ``[fetch]`` sets for all tasks together."""
    return HostLimits(
        table.per_host, table.per_second, table.robots, table.tries, table.wait_seconds, table.stall_seconds
    )


def limit_engine(table: EngineTable, per_host: int) -> EngineTable:
    """The engine's settings with at most ``per_host`` tasks at once, so that each may have a request open to a host.

    >>> limit_engine(EngineTable(workers=32), 4).workers
    4
    """
    cpus = min(table.slurm.cpus, per_host)
    slurm = table.slurm.model_copy(update={"cpus": cpus, "parallel": min(table.slurm.parallel, per_host // cpus)})
    ray = table.ray.model_copy(update={"in_flight": min(table.ray.in_flight or per_host, per_host)})
    workers = min(table.workers or cores(), per_host)
    return table.model_copy(update={"workers": workers, "slurm": slurm, "ray": ray})


def split_limits(limits: HostLimits, tasks: int) -> HostLimits:
    """The limits of each of ``tasks`` tasks that run at once, so that all together keep to ``limits``."""
    at_once = min(tasks, limits.connections)
    return replace(limits, connections=limits.connections // at_once, per_second=limits.per_second / at_once)
