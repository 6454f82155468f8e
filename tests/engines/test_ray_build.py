"""A whole build on a real Ray makes the same bytes as on one computer."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from treeoflife.engines.run_folder import list_run_folders
from treeoflife.testing.builds import dataset_digests, prepare_datasets, run_treeoflife
from treeoflife.testing.engines import wait_until

pytest.importorskip("ray", reason="pip install 'treeoflife[ray]'")
pytestmark = pytest.mark.slow
MAIN = "from treeoflife.cli import main; main()"


@contextmanager
def node(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A Ray node in a session of its own, so that it can be killed with all that it started."""
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", "--block", "--num-cpus", "1", *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield process
    finally:
        lose(process)


def lose(process: subprocess.Popen[bytes]) -> None:
    """Send SIGKILL to all processes of a node's session."""
    for path in Path("/proc").glob("[0-9]*"):
        try:
            session = int((path / "stat").read_text().rpartition(")")[2].split()[3])
            if session == process.pid:
                os.kill(int(path.name), 9)
        except OSError:
            continue
    process.wait()


def free_port() -> str:
    import socket

    with socket.socket() as probe:
        probe.bind(("", 0))
        return str(probe.getsockname()[1])


def test_a_build_with_a_lost_node_is_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two nodes, of which one is killed while images are encoded."""
    import ray.util

    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    here, there = tmp_path / "here", tmp_path / "there"
    prepare_datasets(tmp_path / "world", here, there)
    assert run_treeoflife("build", "--config", str(here / "dataset.toml")).returncode == 0
    port = free_port()
    address = f"{ray.util.get_node_ip_address()}:{port}"
    monkeypatch.setenv("RAY_ADDRESS", address)
    with ExitStack() as stack:
        stack.enter_context(node("--head", "--port", port, "--include-dashboard", "false"))
        status = [sys.executable, "-m", "ray.scripts.scripts", "status"]
        wait_until(lambda: subprocess.run(status, capture_output=True, check=False).returncode == 0)
        doomed = stack.enter_context(node("--address", address))
        wait_until(lambda: b"2.0 CPU" in subprocess.run(status, capture_output=True, check=False).stdout)
        words = ["build", "--config", str(there / "dataset.toml"), "--engine", "ray"]
        build = subprocess.Popen([sys.executable, "-c", MAIN, *words], stderr=subprocess.PIPE, text=True)
        wait_until(lambda: list_run_folders(there / "logs" / "jobs"))
        wait_until(lambda: list(there.glob("encoded/**/*.tar*")))
        lose(doomed)
        _, stderr = build.communicate(timeout=300)
    assert build.returncode == 0, stderr
    assert dataset_digests(there) == dataset_digests(here)
    first = list_run_folders(there / "logs" / "jobs")[0]
    assert [event["nodes"] for event in first.events() if event["event"] == "cluster"] == [2]
