"""The engine ray passes the contract on a real cluster of two nodes."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import treeoflife
from treeoflife.config.engines import RayTable
from treeoflife.engines.base import Done, Engine, Failed
from treeoflife.engines.ray import RayEngine
from treeoflife.engines.run_folder import list_run_folders
from treeoflife.errors import ConfigError, InputError, TasksFailed
from treeoflife.testing.engines import (
    EngineContract,
    FolderTask,
    count_running,
    raise_io_error_once,
    run_all,
    wait_for_go,
    wait_until,
    write_until_killed,
)

# Ray reads this when it is imported; without it, it writes a token into the home of whoever runs the tests.
os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
ray = pytest.importorskip("ray", reason="pip install 'treeoflife[ray]'")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """Two nodes; the driver is on the first."""
    from ray.cluster_utils import Cluster

    system = {"health_check_period_ms": 1000, "health_check_failure_threshold": 3, "health_check_timeout_ms": 2000}
    head = {"num_cpus": 1, "include_dashboard": False, "_system_config": system}
    cluster = Cluster(initialize_head=True, head_node_args=head)
    cluster.add_node(num_cpus=1)
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


class TestRay(EngineContract):
    @pytest.fixture
    def engine(self, nodes: Any, tmp_path: Path) -> Engine:
        return RayEngine(RayTable(tries=2), tmp_path / "logs")


def in_background(iterator: Iterator[Any]) -> tuple[threading.Thread, list[Any]]:
    outcomes: list[Any] = []
    thread = threading.Thread(target=lambda: outcomes.extend(iterator), daemon=True)
    thread.start()
    return thread, outcomes


def test_a_lost_node_is_survived(nodes: Any, tmp_path: Path) -> None:
    """A node is killed while it runs tasks; they start again on another."""
    doomed = nodes.add_node(num_cpus=2)
    tasks = [FolderTask(n, tmp_path) for n in range(4)]
    thread, outcomes = in_background(RayEngine(RayTable(), tmp_path / "logs").run(wait_for_go, tasks))
    wait_until(lambda: all((tmp_path / f"started-{n}").exists() for n in range(4)))
    nodes.remove_node(doomed, allow_graceful=False)
    (tmp_path / "go").touch()
    thread.join(300)
    assert {outcome.task: outcome for outcome in outcomes} == {n: Done(n, n) for n in range(4)}
    starts = [len((tmp_path / f"started-{n}").read_text().splitlines()) for n in range(4)]
    assert sorted(starts) == [1, 1, 2, 2]


def test_no_more_are_in_flight_than_the_limit(nodes: Any, tmp_path: Path) -> None:
    """Though the cluster has two cores."""
    folder = tmp_path / "running"
    folder.mkdir()
    outcomes = run_all(
        RayEngine(RayTable(in_flight=1), tmp_path / "logs"), count_running, [FolderTask(n, folder) for n in range(4)]
    )
    assert outcomes == {n: Done(n, 1) for n in range(4)}


def test_a_task_with_an_io_error_is_tried_again(nodes: Any, tmp_path: Path) -> None:
    """Ray does so; the error of the last attempt is the outcome."""
    folder = tmp_path / "met"
    folder.mkdir()
    assert run_all(RayEngine(RayTable(tries=2), tmp_path / "logs"), raise_io_error_once, [FolderTask(0, folder)]) == {
        0: Done(0, 0)
    }
    failed = run_all(RayEngine(RayTable(tries=1), tmp_path / "logs"), raise_io_error_once, [FolderTask(1, folder)])[0]
    assert isinstance(failed, Failed)
    assert failed.died
    assert str(folder / "attempted-1") in failed.error
    assert "in raise_io_error_once" in failed.traceback


@pytest.mark.slow
def test_a_task_that_never_fits_into_memory_fails(tmp_path: Path) -> None:
    """By default Ray would retry it for ever. Here its node is low on memory from the start."""
    code = (
        "import sys; from pathlib import Path; from treeoflife.config.engines import RayTable\n"
        "from treeoflife.engines.ray import RayEngine; from treeoflife.testing.engines import FolderTask, wait_for_go\n"
        "folder = Path(sys.argv[1]); engine = RayEngine(RayTable(tries=2), folder / 'logs')\n"
        "print(next(engine.run(wait_for_go, [FolderTask(0, folder)])).error)"
    )
    low = {**os.environ, "RAY_memory_usage_threshold": "0.001", "RAY_memory_monitor_refresh_ms": "100"}
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=low, capture_output=True, text=True)
    assert "its node ran out of memory, 2 times" in done.stdout, done.stderr
    assert "engine.ray.memory_gb" in done.stdout


def test_cancel_ends_a_run_from_elsewhere(nodes: Any, tmp_path: Path) -> None:
    """A file in the run's folder is enough."""
    outcomes = RayEngine(RayTable(), tmp_path / "logs").run(
        write_until_killed, [FolderTask(0, tmp_path), FolderTask(1, tmp_path)]
    )
    assert next(outcomes) == Done(0, 0)
    list_run_folders(tmp_path / "logs")[0].cancelled.touch()
    with pytest.raises(TasksFailed, match="1 tasks were not done"):
        list(outcomes)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="hides a folder from a node, as root")
@pytest.mark.parametrize("what", ["dataset", "package"])
def test_an_unusable_worker_ends_the_run(nodes: Any, tmp_path: Path, what: str) -> None:
    """The message names what the worker lacks. Otherwise such a node would fail one task after another."""
    hidden = tmp_path if what == "dataset" else Path(treeoflife.__file__).parents[1]
    words = f"does not see {tmp_path}.*same path" if what == "dataset" else "No module named 'treeoflife'.*same Python"
    hide = f"mount -t tmpfs none {hidden} && exec {sys.executable} -m ray.scripts.scripts start --block"
    command = f"{hide} --address {nodes.address} --num-cpus 1 --resources '{{\"far\": 1}}'"
    node = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: ray.cluster_resources().get("far"))
        with pytest.raises(InputError, match=words):
            list(RayEngine(RayTable(), tmp_path / "logs").run(wait_for_go, [FolderTask(n, tmp_path) for n in range(6)]))
    finally:
        (tmp_path / "go").touch()
        node.terminate()
        node.wait(60)


def test_an_address_without_a_cluster_is_a_wrong_configuration(tmp_path: Path) -> None:
    """In another process, since a process joins only one cluster."""
    code = (
        "import sys; from pathlib import Path; from treeoflife.config.engines import RayTable\n"
        "from treeoflife.engines.ray import RayEngine; from treeoflife.testing.engines import square\n"
        "list(RayEngine(RayTable(address='127.0.0.1:1'), Path(sys.argv[1])).run(square, [1]))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert ConfigError.__name__ in done.stderr
    assert "127.0.0.1:1" in done.stderr


def test_a_local_cluster_is_started_where_no_address_is_given(tmp_path: Path) -> None:
    """In another process, with which the cluster ends."""
    code = (
        "import sys; from pathlib import Path; from treeoflife.config.engines import RayTable\n"
        "from treeoflife.engines.ray import RayEngine; from treeoflife.testing.engines import square\n"
        "print(sorted(o.value for o in RayEngine(RayTable(), Path(sys.argv[1])).run(square, [1, 2, 3])))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.stdout == "[1, 4, 9]\n", done.stderr
