"""Where tasks run: processes on this computer, or this process alone."""

from __future__ import annotations

import os
from pathlib import Path

from ..config import EngineTable
from ..errors import ConfigError
from .base import Done, Engine, Failed, Tick
from .local import LocalEngine
from .serial import SerialEngine

__all__ = ["Done", "Engine", "Failed", "LocalEngine", "SerialEngine", "Tick", "cores", "make"]


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def make(table: EngineTable, logs: Path) -> Engine:
    """The engine that the configuration names.

    Raises:
        ConfigError: there is none of that name.
    """
    if table.name == "serial":
        return SerialEngine()
    if table.name == "local":
        return LocalEngine(table.workers or cores(), log=logs / "workers.log")
    raise ConfigError(f"unknown engine '{table.name}'; there are: local, serial")
