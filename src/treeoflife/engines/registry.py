"""The engine that dataset.toml names."""

from pathlib import Path

from ..config.engines import EngineTable
from ..core.system import cores
from ..errors import ConfigError
from .base import Engine
from .local import LocalEngine
from .serial import SerialEngine

ENGINES = ("local", "serial", "slurm", "ray")


def make_engine(table: EngineTable, logs: Path) -> Engine:
    """The engine that the configuration names; ``logs`` is the dataset's log folder.

    Raises:
        ConfigError: there is no engine of that name.
        MissingExtra: a package that the engine needs is not installed.
    """
    if table.name == "serial":
        return SerialEngine()
    if table.name == "local":
        return LocalEngine(table.workers or cores(), log=logs / "workers.log")
    # Imported here, since both need packages that most users do not install.
    if table.name == "slurm":
        from .slurm.engine import SlurmEngine

        return SlurmEngine(table.slurm, logs / "jobs")
    if table.name == "ray":
        from .ray import RayEngine

        return RayEngine(table.ray, logs / "jobs")
    raise ConfigError(f"unknown engine '{table.name}' in [engine]; choose one of: {', '.join(ENGINES)}")
