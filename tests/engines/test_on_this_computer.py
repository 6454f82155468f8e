"""The engines that need nothing but this computer keep the contract."""

from __future__ import annotations

from pathlib import Path

import pytest

from treeoflife.engines import LocalEngine, SerialEngine
from treeoflife.engines.base import Engine, Failed
from treeoflife.testing.engines import EngineContract, deadly, run


class TestSerial(EngineContract):
    processes = False

    @pytest.fixture
    def engine(self) -> Engine:
        return SerialEngine()


class TestLocal(EngineContract):
    @pytest.fixture
    def engine(self, tmp_path: Path) -> Engine:
        return LocalEngine(2, log=tmp_path / "logs" / "workers.log")


def test_a_death_shows_what_the_worker_wrote_in_this_run(tmp_path: Path) -> None:
    """The end of the log follows the error, without what earlier runs wrote."""
    log = tmp_path / "workers.log"
    log.write_text("of yesterday\n")
    failed = run(LocalEngine(1, tries=1, log=log), deadly, [2])[0]
    assert isinstance(failed, Failed)
    assert "of yesterday" not in failed.error
    assert "exit status 3" in failed.error
