"""The engine slurm keeps the contract on a real Slurm."""

from __future__ import annotations

from pathlib import Path

import pytest

from treeoflife.config import SlurmTable
from treeoflife.engines.base import Done, Engine, Failed
from treeoflife.engines.slurm import SlurmEngine
from treeoflife.testing.engines import EngineContract, run, square

from .cluster import Cluster


def table(**other: object) -> SlurmTable:
    return SlurmTable.model_validate(
        {"memory_gb": 0.5, "time_minutes": 10, "poll_seconds": 1.0, "parallel": 4, "tries": 2} | other
    )


class TestSlurm(EngineContract):
    @pytest.fixture
    def engine(self, cluster: Cluster, tmp_path: Path) -> Engine:
        return SlurmEngine(table(), tmp_path / "logs")
