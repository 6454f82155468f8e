"""Where tasks run: this process alone, processes on this computer, a Slurm cluster, a Ray cluster."""

from __future__ import annotations

import os
from pathlib import Path

from ..config import EngineTable
from ..errors import ConfigError
from .base import Done, Engine, Failed, Tick
from .local import LocalEngine
from .serial import SerialEngine

__all__ = ["ENGINES", "Done", "Engine", "Failed", "LocalEngine", "SerialEngine", "Tick", "cores", "make"]


ENGINES = ("local", "serial", "slurm", "ray")


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make(table: EngineTable, logs: Path) -> Engine:
    """The engine that the configuration names; ``logs`` is the dataset's folder of logs.

    Raises:
        ConfigError: there is none of that name.
        MissingExtra: its package is not installed.
    """
    if table.name == "serial":
        return SerialEngine()
    if table.name == "local":
        return LocalEngine(table.workers or cores(), log=logs / "workers.log")
    if table.name == "slurm":
        from .slurm import SlurmEngine

        return SlurmEngine(table.slurm, logs / "jobs")
    if table.name == "ray":
        from .ray import RayEngine

        return RayEngine(table.ray, logs / "jobs")
    raise ConfigError(f"unknown engine '{table.name}'; there are: {', '.join(ENGINES)}")
