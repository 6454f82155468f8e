"""A real Slurm for the tests of this folder: ``make test-slurm``."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from .cluster import Cluster, missing


@pytest.fixture(scope="session")
def session_cluster() -> Iterator[Cluster]:
    if reason := missing():
        pytest.skip(f"no Slurm: {reason}; 'make test-slurm' installs it")
    pytest.importorskip("submitit", reason="pip install 'treeoflife[slurm]'")
    cluster = Cluster()
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def cluster(session_cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    monkeypatch.setenv("SLURM_CONF", str(session_cluster.conf))
    yield session_cluster
    session_cluster.clear()
