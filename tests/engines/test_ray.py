"""The engine ray keeps the contract on a real cluster of two nodes."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from treeoflife.config import RayTable
from treeoflife.engines import journal
from treeoflife.engines.base import Done, Engine
from treeoflife.engines.ray import RayEngine
from treeoflife.errors import ConfigError, InputError, TasksFailed
from treeoflife.testing.engines import Chore, EngineContract, breathes, run, square, waits_for_go

# Ray reads this when it is imported; without it, it writes a token into the home of whoever runs the tests.
os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
ray = pytest.importorskip("ray", reason="pip install 'treeoflife[ray]'")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def nodes() -> Iterator[Any]:
    """Two nodes, of which the driver is on the first."""
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


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.1)


def in_background(iterator: Iterator[Any]) -> tuple[threading.Thread, list[Any]]:
    outcomes: list[Any] = []
    thread = threading.Thread(target=lambda: outcomes.extend(iterator), daemon=True)
    thread.start()
    return thread, outcomes


def test_a_lost_node_is_survived(nodes: Any, tmp_path: Path) -> None:
    """A node is killed in mid-run; its task begins anew on another."""
    doomed = nodes.add_node(num_cpus=2)
    tasks = [Chore(n, tmp_path) for n in range(4)]
    thread, outcomes = in_background(RayEngine(RayTable(), tmp_path / "logs").run(waits_for_go, tasks))
    until(lambda: all((tmp_path / f"began-{n}").exists() for n in range(4)))
    nodes.remove_node(doomed, allow_graceful=False)
    (tmp_path / "go").touch()
    thread.join(300)
    assert {outcome.task: outcome for outcome in outcomes} == {n: Done(n, n) for n in range(4)}
    starts = [len((tmp_path / f"began-{n}").read_text().splitlines()) for n in range(4)]
    assert sorted(starts) == [1, 1, 2, 2]


def test_no_more_are_in_flight_than_the_limit(nodes: Any, tmp_path: Path) -> None:
    """The cluster is given a bounded number of tasks at once."""
    outcomes = run(RayEngine(RayTable(in_flight=1), tmp_path / "logs"), square, list(range(5)))
    assert outcomes == {n: Done(n, n * n) for n in range(5)}


def test_cancel_ends_a_run_from_elsewhere(nodes: Any, tmp_path: Path) -> None:
    """A file in the run's folder is enough."""
    outcomes = RayEngine(RayTable(), tmp_path / "logs").run(breathes, [Chore(0, tmp_path), Chore(1, tmp_path)])
    assert next(outcomes) == Done(0, 0)
    journal.runs(tmp_path / "logs")[0].cancelled.touch()
    with pytest.raises(TasksFailed, match="1 tasks were not done"):
        list(outcomes)


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="hides a folder from a node, as root")
def test_a_worker_that_does_not_see_the_dataset_says_so(nodes: Any, tmp_path: Path) -> None:
    """The message names the host and the folder, and nothing is tried again."""
    hide = f"mount -t tmpfs none {tmp_path} && exec {sys.executable} -m ray.scripts.scripts start --block"
    command = f"{hide} --address {nodes.address} --num-cpus 1 --resources '{{\"far\": 1}}'"
    node = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        until(lambda: ray.cluster_resources().get("far"))
        with pytest.raises(InputError, match=f"does not see {tmp_path}.*same path"):
            list(RayEngine(RayTable(), tmp_path / "logs").run(waits_for_go, [Chore(n, tmp_path) for n in range(6)]))
    finally:
        (tmp_path / "go").touch()
        node.terminate()
        node.wait(60)


def test_an_address_without_a_cluster_is_a_wrong_configuration(tmp_path: Path) -> None:
    """In a process of its own, since a process joins one cluster."""
    code = (
        "import sys; from pathlib import Path; from treeoflife.config import RayTable\n"
        "from treeoflife.engines.ray import RayEngine; from treeoflife.testing.engines import square\n"
        "list(RayEngine(RayTable(address='127.0.0.1:1'), Path(sys.argv[1])).run(square, [1]))"
    )
    environment = {
        **os.environ,
        "RAY_gcs_rpc_server_connect_timeout_s": "1",
        "RAY_NUM_REDIS_GET_RETRIES": "1",
    }
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], env=environment, capture_output=True, text=True)
    assert ConfigError.__name__ in done.stderr
    assert "127.0.0.1:1" in done.stderr


def test_a_local_cluster_is_started_where_no_address_is_given(tmp_path: Path) -> None:
    """In a process of its own, which takes the cluster down with it."""
    code = (
        "import sys; from pathlib import Path; from treeoflife.config import RayTable\n"
        "from treeoflife.engines.ray import RayEngine; from treeoflife.testing.engines import square\n"
        "print(sorted(o.value for o in RayEngine(RayTable(), Path(sys.argv[1])).run(square, [1, 2, 3])))"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True)
    assert done.stdout == "[1, 4, 9]\n", done.stderr
