"""Where tasks run: this process alone, processes on this computer, a Slurm cluster, a Ray cluster."""

from __future__ import annotations

from pathlib import Path

from ..config.engines import EngineTable
from ..core.system import cores
from ..errors import ConfigError
from .base import Engine
from .local import LocalEngine
from .serial import SerialEngine

ENGINES = ("local", "serial", "slurm", "ray")


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
        from .slurm.engine import SlurmEngine

        return SlurmEngine(table.slurm, logs / "jobs")
    if table.name == "ray":
        from .ray import RayEngine

        return RayEngine(table.ray, logs / "jobs")
    raise ConfigError(f"unknown engine '{table.name}'; there are: {', '.join(ENGINES)}")
