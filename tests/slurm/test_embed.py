"""Vectors that jobs of a real Slurm make are those that are made here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tiny_onnx import thumbnail
from treeoflife.testing.builds import run_treeoflife
from treeoflife.testing.engines import wait_until

from .cluster import Cluster
from .test_build import events, prepared

pytestmark = pytest.mark.slurm


def test_vectors_are_the_same_bytes_as_on_one_computer(cluster: Cluster, tmp_path: Path) -> None:
    """Though the only node for the first job is lost."""
    pytest.importorskip("onnxruntime", reason="pip install 'treeoflife[embed]'")
    (out,) = prepared(tmp_path, "out", group_minutes="0")
    config, model = str(out / "dataset.toml"), str(thumbnail(tmp_path / "tiny.onnx"))
    for words in (["build", "--workers", "2"], ["embed", "--model", model, "--set", "name=here"]):
        done = run_treeoflife(*words, "--config", config)
        assert done.returncode == 0, done.stderr
    there = run_treeoflife("embed", "--config", config, "--model", model, "--engine", "slurm")
    assert there.returncode == 0, there.stderr
    wait_until(lambda: events(out, "submitted"))
    folders = [out / "embeddings" / name for name in ("here", "tiny")]
    here, by_slurm = ({path.relative_to(one): path.read_bytes() for path in one.rglob("*.*")} for one in folders)
    assert len(here) > 2
    assert by_slurm == here
