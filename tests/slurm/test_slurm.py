"""The engine slurm keeps the contract on a real Slurm, and survives what befalls a cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from treeoflife.config import SlurmTable
from treeoflife.engines import journal
from treeoflife.engines.base import Done, Engine, Failed
from treeoflife.engines.slurm import SlurmEngine
from treeoflife.errors import ConfigError, TasksFailed
from treeoflife.testing.engines import Chore, EngineContract, picky, run, sees_variable, square, waits_for_go

from .chores import ends_its_job, killed_for_want_of_memory, peak, sleeps, stops_at_two, takes_memory
from .cluster import Cluster

pytestmark = pytest.mark.slurm


def engine_of(tmp_path: Path, **other: object) -> SlurmEngine:
    usual = {"memory_gb": 0.5, "time_minutes": 10, "poll_seconds": 1.0, "parallel": 4, "tries": 2, "group_minutes": 0}
    return SlurmEngine(SlurmTable.model_validate(usual | other), tmp_path / "logs")


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """The jobs import the tasks of these tests."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[1]))


class TestSlurm(EngineContract):
    @pytest.fixture
    def engine(self, cluster: Cluster, tmp_path: Path) -> Engine:
        return engine_of(tmp_path, group_minutes=15)


class TestSlurmWithTwoCoresAJob(EngineContract):
    @pytest.fixture
    def engine(self, cluster: Cluster, tmp_path: Path) -> Engine:
        return engine_of(tmp_path, group_minutes=15, cpus=2, parallel=2)


class InBackground:
    """An engine at work while the test does something to the cluster."""

    def __init__(self, outcomes: Iterator[Done[object] | Failed]) -> None:
        self.outcomes: dict[int, Done[object] | Failed] = {}
        self.error: BaseException | None = None
        self._iterator = outcomes
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            for outcome in self._iterator:
                self.outcomes[outcome.task] = outcome
        except BaseException as error:  # noqa: BLE001 - it is raised again by join
            self.error = error

    def join(self) -> dict[int, Done[object] | Failed]:
        self._thread.join(300)
        assert not self._thread.is_alive(), "the engine does not come to an end"
        if self.error:
            raise self.error
        return self.outcomes


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 120
    while not true():
        assert time.monotonic() < deadline, "it did not come to pass"
        time.sleep(0.1)


def events(tmp_path: Path, name: str) -> list[dict[str, object]]:
    return [event for one in journal.runs(tmp_path / "logs") for event in one.events() if event["event"] == name]


def arrays(tmp_path: Path) -> dict[str, int]:
    """How many jobs each array had."""
    found: dict[str, int] = {}
    for event in events(tmp_path, "submitted"):
        array = str(event["job"]).partition("_")[0]
        found[array] = found.get(array, 0) + 1
    return found


def test_1500_tiny_tasks_pass_where_an_array_has_at_most_101(cluster: Cluster, tmp_path: Path) -> None:
    """Tiny tasks are put together."""
    outcomes = run(engine_of(tmp_path, group_minutes=1), square, [n % 7 for n in range(1500)])
    assert outcomes == {n: Done(n, (n % 7) ** 2) for n in range(1500)}
    assert sum(arrays(tmp_path).values()) <= 16


def test_more_jobs_than_an_array_may_have_are_split(cluster: Cluster, tmp_path: Path) -> None:
    """Each task its own job, in as many arrays as it takes."""
    outcomes = run(engine_of(tmp_path, parallel=8), square, [1] * 110)
    assert outcomes == {n: Done(n, 1) for n in range(110)}
    assert sorted(arrays(tmp_path).values()) == [9, 101]


def test_no_more_run_at_once_than_the_limit(cluster: Cluster, tmp_path: Path) -> None:
    """Over all arrays together."""
    folder = tmp_path / "running"
    folder.mkdir()
    outcomes = run(engine_of(tmp_path, parallel=3), peak, [Chore(n, folder) for n in range(12)])
    assert all(isinstance(outcome, Done) and outcome.value <= 3 for outcome in outcomes.values())


def test_a_cancelled_job_is_tried_again(cluster: Cluster, tmp_path: Path) -> None:
    """One scancel in the middle costs nothing but time."""
    tasks = [Chore(n, tmp_path) for n in range(3)]
    work = InBackground(engine_of(tmp_path).run(waits_for_go, tasks))
    until(lambda: all((tmp_path / f"began-{n}").exists() for n in range(3)))
    job = next(str(event["job"]) for event in events(tmp_path, "submitted") if event["tasks"] == [1])
    cluster.command("scancel", job)
    until(lambda: len((tmp_path / "began-1").read_text().splitlines()) == 2)
    (tmp_path / "go").touch()
    assert work.join() == {n: Done(n, n) for n in range(3)}
    assert [event["how"] for event in events(tmp_path, "over") if event["job"] == job] == ["cancelled"]


def test_a_lost_node_is_survived(cluster: Cluster, tmp_path: Path) -> None:
    """A node is killed with its jobs in mid-run; they begin anew on the other one."""
    tasks = [Chore(n, tmp_path) for n in range(8)]
    work = InBackground(engine_of(tmp_path, parallel=8).run(waits_for_go, tasks))
    until(lambda: all((tmp_path / f"began-{n}").exists() for n in range(8)))
    nodes = [(tmp_path / f"began-{n}").read_text().strip() for n in range(8)]
    assert set(nodes) == {"n1", "n2"}
    cluster.kill_node("n2")
    (tmp_path / "go").touch()
    try:
        assert work.join() == {n: Done(n, n) for n in range(8)}
    finally:
        cluster.start_node("n2")
        cluster.wait_idle()
    again = [n for n in range(8) if len((tmp_path / f"began-{n}").read_text().splitlines()) > 1]
    assert again == [n for n in range(8) if nodes[n] == "n2"]


def test_a_controller_that_does_not_answer_is_waited_for(cluster: Cluster, tmp_path: Path) -> None:
    """While slurmctld restarts, no job is taken for dead."""
    tasks = [Chore(n, tmp_path) for n in range(2)]
    work = InBackground(engine_of(tmp_path).run(waits_for_go, tasks))
    until(lambda: all((tmp_path / f"began-{n}").exists() for n in range(2)))
    cluster.stop_controller()
    time.sleep(3)
    cluster.start_controller()
    cluster.wait_idle()
    (tmp_path / "go").touch()
    assert work.join() == {n: Done(n, n) for n in range(2)}
    assert [len((tmp_path / f"began-{n}").read_text().splitlines()) for n in range(2)] == [1, 1]


def test_a_task_without_enough_memory_gets_more(cluster: Cluster, tmp_path: Path) -> None:
    """Its second job has twice the memory; the others keep theirs."""
    outcomes = run(engine_of(tmp_path, memory_gb=0.25, memory_factor=4), takes_memory, [1, 400])
    assert outcomes == {0: Done(0, "256"), 1: Done(1, "1024")}


def test_a_worker_that_the_kernel_kills_gets_more_memory(cluster: Cluster, tmp_path: Path) -> None:
    """A control group may kill one process and let the job live: that counts as want of memory too."""
    outcomes = run(engine_of(tmp_path, memory_factor=2), killed_for_want_of_memory, [0, 1000])
    assert outcomes == {0: Done(0, "512"), 1: Done(1, "1024")}


def test_a_job_that_slurm_calls_out_of_memory_gets_more(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without accounting, the queue's word OUT_OF_MEMORY is enough. Here a squeue says it in place of FAILED."""
    shim = tmp_path / "bin" / "squeue"
    shim.parent.mkdir()
    real = shutil.which("squeue")
    shim.write_text(f'#!/bin/sh\n{real} "$@" | sed "s/|FAILED|/|OUT_OF_MEMORY|/"\n')
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{shim.parent}:{os.environ['PATH']}")
    outcomes = run(engine_of(tmp_path, memory_factor=2), ends_its_job, [0, 1000])
    assert outcomes == {0: Done(0, "512"), 1: Done(1, "1024")}
    assert [event["how"] for event in events(tmp_path, "over")].count("out of memory") == 1


def test_a_job_that_is_put_back_into_the_queue_goes_on_and_it_counts_as_no_try(
    cluster: Cluster, tmp_path: Path
) -> None:
    """As after a preemption: what the job had finished is not done again."""
    tasks = [Chore(n, tmp_path) for n in range(3)]
    (tmp_path / "go").touch()
    work = InBackground(engine_of(tmp_path, group_minutes=15, tries=1).run(stops_at_two, tasks))
    until((tmp_path / "began-2").exists)
    (job,) = (str(event["job"]) for event in events(tmp_path, "submitted"))
    cluster.command("scontrol", "requeue", job)
    until(lambda: dict(cluster.jobs()).get(job) == "PENDING")
    cluster.command("scontrol", "update", f"JobId={job}", "StartTime=now")  # else it waits two minutes
    until(lambda: len((tmp_path / "began-2").read_text().splitlines()) == 2)
    (tmp_path / "go-2").touch()
    assert work.join() == {n: Done(n, n) for n in range(3)}
    assert [len((tmp_path / f"began-{n}").read_text().splitlines()) for n in range(3)] == [1, 1, 2]
    assert len(events(tmp_path, "began")) == 2


def test_a_task_that_takes_too_long_is_reported(cluster: Cluster, tmp_path: Path) -> None:
    """The message says what ended it, what to raise, and where its log is."""
    outcomes = run(engine_of(tmp_path, time_minutes=1, tries=1), sleeps, [0, 600])
    assert outcomes[0] == Done(0, 0)
    failed = outcomes[1]
    assert isinstance(failed, Failed)
    assert "out of time" in failed.error
    assert "engine.slurm.time_minutes" in failed.error
    assert "DUE TO TIME LIMIT" in failed.error


def test_a_failed_task_names_its_log(cluster: Cluster, tmp_path: Path) -> None:
    """The log has the traceback too."""
    failed = run(engine_of(tmp_path), picky, [3])[0]
    assert isinstance(failed, Failed)
    log = Path(failed.error.partition("(log: ")[2].rstrip(")"))
    assert "ValueError: three is one too many" in log.read_text()


def test_jobs_of_a_killed_driver_are_ended_by_the_next(cluster: Cluster, tmp_path: Path) -> None:
    """After SIGKILL, a new run takes the work over."""
    code = (
        "import sys; from pathlib import Path; from slurm.test_slurm import *\n"
        "folder = Path(sys.argv[1]); list(engine_of(folder).run(waits_for_go, [Chore(0, folder)]))"
    )
    driver = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=os.environ)
    until((tmp_path / "began-0").exists)
    driver.kill()
    driver.wait()
    assert cluster.jobs()
    assert run(engine_of(tmp_path), square, [2]) == {0: Done(0, 4)}
    until(lambda: not cluster.jobs())
    assert "its driver was killed" in str(events(tmp_path, "ended")[0]["how"])


def test_cancel_ends_a_run_from_elsewhere(cluster: Cluster, tmp_path: Path) -> None:
    """A file in the run's folder is enough, so any computer that sees OUT can do it."""
    work = InBackground(engine_of(tmp_path).run(waits_for_go, [Chore(0, tmp_path)]))
    until((tmp_path / "began-0").exists)
    journal.runs(tmp_path / "logs")[0].cancelled.touch()
    with pytest.raises(TasksFailed, match="1 tasks were not done"):
        work.join()
    until(lambda: not cluster.jobs())


def test_a_partition_that_is_not_there_is_a_wrong_configuration(cluster: Cluster, tmp_path: Path) -> None:
    """Slurm's own words, and the table to mend."""
    with pytest.raises(ConfigError, match=r"\[engine.slurm\].*Invalid partition"):
        run(engine_of(tmp_path, partition="nowhere"), square, [1])


def test_setup_lines_and_options_reach_the_job(cluster: Cluster, tmp_path: Path) -> None:
    """Lines of shell come first; any option of sbatch may be given."""
    engine = engine_of(tmp_path, setup=["export GREETING='good morning'"], options={"comment": "a b"})
    with closing(engine.run(sees_variable, ["GREETING"])) as outcomes:
        assert list(outcomes) == [Done(0, "good morning")]
    script = next((tmp_path / "logs").glob("*/slurm/*_submission.sh")).read_text()
    assert "#SBATCH --comment='a b'" in script
