"""The engine slurm passes the contract on a real Slurm, and survives the failures of a cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from treeoflife.config.engines import SlurmTable
from treeoflife.engines.base import Done, Engine, Failed
from treeoflife.engines.run_control import end_orphaned_runs
from treeoflife.engines.run_folder import list_run_folders
from treeoflife.engines.slurm.engine import SlurmEngine
from treeoflife.errors import ConfigError, TasksFailed
from treeoflife.testing.engines import (  # fmt: skip
    EngineContract,
    FolderTask,
    count_running,
    raise_at_3_and_4,
    raise_io_error_once,
    read_variable,
    run_all,
    square,
    wait_for_go,
    wait_until,
)

from .cluster import Cluster
from .functions import die_below_memory, kill_job_below_memory, sleep, take_memory, wait_at_2

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
    """Reads the outcomes of an engine in a thread, while the test does something to the cluster."""

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
        assert not self._thread.is_alive(), "the engine did not finish within 300 seconds"
        if self.error:
            raise self.error
        return self.outcomes


def events(tmp_path: Path, name: str) -> list[dict[str, object]]:
    return [event for run in list_run_folders(tmp_path / "logs") for event in run.events() if event["event"] == name]


def array_sizes(tmp_path: Path) -> dict[str, int]:
    """How many jobs each array had."""
    sizes: dict[str, int] = {}
    for event in events(tmp_path, "submitted"):
        array = str(event["job"]).partition("_")[0]
        sizes[array] = sizes.get(array, 0) + 1
    return sizes


def shadow_command(folder: Path, name: str, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Create a command that is found before the real one of that name."""
    folder.mkdir()
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def test_1500_tiny_tasks_pass_where_an_array_has_at_most_101(cluster: Cluster, tmp_path: Path) -> None:
    """Small tasks share a job."""
    outcomes = run_all(engine_of(tmp_path, group_minutes=1), square, [n % 7 for n in range(1500)])
    assert outcomes == {n: Done(n, (n % 7) ** 2) for n in range(1500)}
    assert sum(array_sizes(tmp_path).values()) <= 16


def test_more_jobs_than_an_array_may_have_are_split(cluster: Cluster, tmp_path: Path) -> None:
    """Each task has its own job, in as many arrays as needed."""
    outcomes = run_all(engine_of(tmp_path, parallel=8), square, [1] * 110)
    assert outcomes == {n: Done(n, 1) for n in range(110)}
    assert sorted(array_sizes(tmp_path).values()) == [9, 101]


def test_no_more_run_at_once_than_the_limit(cluster: Cluster, tmp_path: Path) -> None:
    """Over all arrays together."""
    folder = tmp_path / "running"
    folder.mkdir()
    outcomes = run_all(engine_of(tmp_path, parallel=3), count_running, [FolderTask(n, folder) for n in range(12)])
    assert all(isinstance(outcome, Done) and outcome.value <= 3 for outcome in outcomes.values())


def test_a_cancelled_job_is_tried_again(cluster: Cluster, tmp_path: Path) -> None:
    """scancel in the middle of a task."""
    tasks = [FolderTask(n, tmp_path) for n in range(3)]
    work = InBackground(engine_of(tmp_path).run(wait_for_go, tasks))
    wait_until(lambda: all((tmp_path / f"started-{n}").exists() for n in range(3)))
    job = next(str(event["job"]) for event in events(tmp_path, "submitted") if event["tasks"] == [1])
    cluster.command("scancel", job)
    wait_until(lambda: len((tmp_path / "started-1").read_text().splitlines()) == 2)
    (tmp_path / "go").touch()
    assert work.join() == {n: Done(n, n) for n in range(3)}
    assert [event["how"] for event in events(tmp_path, "over") if event["job"] == job] == ["cancelled"]


def test_a_lost_node_is_survived(cluster: Cluster, tmp_path: Path) -> None:
    """A node is killed with its jobs; they start again on the other node."""
    tasks = [FolderTask(n, tmp_path) for n in range(8)]
    work = InBackground(engine_of(tmp_path, parallel=8).run(wait_for_go, tasks))
    wait_until(lambda: all((tmp_path / f"started-{n}").exists() for n in range(8)))
    nodes = [(tmp_path / f"started-{n}").read_text().strip() for n in range(8)]
    assert set(nodes) == {"n1", "n2"}
    cluster.kill_node("n2")
    (tmp_path / "go").touch()
    try:
        assert work.join() == {n: Done(n, n) for n in range(8)}
    finally:
        cluster.start_node("n2")
        cluster.wait_idle()
    again = [n for n in range(8) if len((tmp_path / f"started-{n}").read_text().splitlines()) > 1]
    assert again == [n for n in range(8) if nodes[n] == "n2"]


def test_a_controller_that_does_not_answer_is_waited_for(cluster: Cluster, tmp_path: Path) -> None:
    """While slurmctld restarts, no job is considered dead."""
    tasks = [FolderTask(n, tmp_path) for n in range(2)]
    work = InBackground(engine_of(tmp_path).run(wait_for_go, tasks))
    wait_until(lambda: all((tmp_path / f"started-{n}").exists() for n in range(2)))
    cluster.stop_controller()
    time.sleep(3)
    cluster.start_controller()
    cluster.wait_idle()
    (tmp_path / "go").touch()
    assert work.join() == {n: Done(n, n) for n in range(2)}
    assert [len((tmp_path / f"started-{n}").read_text().splitlines()) for n in range(2)] == [1, 1]


def test_a_task_without_enough_memory_gets_more(cluster: Cluster, tmp_path: Path) -> None:
    """Its second job has twice the memory; the others keep theirs."""
    outcomes = run_all(engine_of(tmp_path, memory_gb=0.25, memory_factor=4), take_memory, [1, 400])
    assert outcomes == {0: Done(0, "256"), 1: Done(1, "1024")}


def test_a_task_whose_worker_the_kernel_kills_gets_more_memory(cluster: Cluster, tmp_path: Path) -> None:
    """A control group may kill one process and not its job: that counts as out of memory too."""
    outcomes = run_all(engine_of(tmp_path, memory_factor=2), die_below_memory, [0, 1000])
    assert outcomes == {0: Done(0, "512"), 1: Done(1, "1024")}


def test_more_memory_than_any_node_has_ends_the_task_and_not_the_run(cluster: Cluster, tmp_path: Path) -> None:
    """Slurm refuses the second attempt at one task; the other finishes."""
    outcomes = run_all(engine_of(tmp_path, memory_factor=100), die_below_memory, [1000, 0])
    assert outcomes[1] == Done(1, "512")
    failed = outcomes[0]
    assert isinstance(failed, Failed)
    assert "out of memory with 0.5 GB" in failed.error


def test_a_job_that_slurm_calls_out_of_memory_gets_more(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without accounting, the state OUT_OF_MEMORY is enough. A fake squeue prints it in place of FAILED."""
    script = f'{shutil.which("squeue")} "$@" | sed "s/|FAILED|/|OUT_OF_MEMORY|/"'
    shadow_command(tmp_path / "bin", "squeue", script, monkeypatch)
    outcomes = run_all(engine_of(tmp_path, memory_factor=2), kill_job_below_memory, [0, 1000])
    assert outcomes == {0: Done(0, "512"), 1: Done(1, "1024")}
    assert [event["how"] for event in events(tmp_path, "over")].count("out of memory") == 1


def test_a_requeued_job_continues_and_it_does_not_count_as_an_attempt(cluster: Cluster, tmp_path: Path) -> None:
    """As after a preemption: finished tasks are not run again."""
    tasks = [FolderTask(n, tmp_path) for n in range(3)]
    (tmp_path / "go").touch()
    work = InBackground(engine_of(tmp_path, group_minutes=15, tries=1).run(wait_at_2, tasks))
    wait_until((tmp_path / "started-2").exists)
    (job,) = (str(event["job"]) for event in events(tmp_path, "submitted"))
    cluster.command("scontrol", "requeue", job)
    start_now(cluster, job)
    wait_until(lambda: len((tmp_path / "started-2").read_text().splitlines()) == 2)
    (tmp_path / "go-2").touch()
    assert work.join() == {n: Done(n, n) for n in range(3)}
    assert [len((tmp_path / f"started-{n}").read_text().splitlines()) for n in range(3)] == [1, 1, 2]
    assert len(events(tmp_path, "began")) == 2


def start_now(cluster: Cluster, job: str) -> None:
    """Start a requeued job at once; Slurm would let it wait two minutes."""
    wait_until(lambda: dict(cluster.jobs()).get(job) == "PENDING")
    cluster.command("scontrol", "update", f"JobId={job}", "StartTime=now")


@pytest.mark.parametrize("way", ["requeued", "cancelled"])
def test_a_preempted_job_is_survived(cluster: Cluster, tmp_path: Path, way: str) -> None:
    """Jobs of another partition take the nodes: a task continues in the same job, or is tried again in another."""
    tasks = [FolderTask(n, tmp_path) for n in range(2)]
    tries = 1 if way == "requeued" else 2
    work = InBackground(engine_of(tmp_path, partition=way, tries=tries).run(wait_for_go, tasks))
    wait_until(lambda: all((tmp_path / f"started-{n}").exists() for n in range(2)))
    jobs = {str(event["job"]) for event in events(tmp_path, "submitted")}
    cluster.command("sbatch", "-p", "urgent", "-N2", "--exclusive", "-o", "/dev/null", "--wrap", "sleep 1")
    for job in jobs if way == "requeued" else ():
        start_now(cluster, job)
    wait_until(lambda: all(len((tmp_path / f"started-{n}").read_text().splitlines()) == 2 for n in range(2)))
    (tmp_path / "go").touch()
    assert work.join() == {n: Done(n, n) for n in range(2)}
    ends = [event["how"] for event in events(tmp_path, "over") if event["job"] in jobs]
    assert ends == ["done" if way == "requeued" else "preempted"] * 2


def test_a_task_that_takes_too_long_is_reported(cluster: Cluster, tmp_path: Path) -> None:
    """The message says why it ended, what to raise, and where its log is."""
    outcomes = run_all(engine_of(tmp_path, time_minutes=1, tries=1), sleep, [0, 600])
    assert outcomes[0] == Done(0, 0)
    failed = outcomes[1]
    assert isinstance(failed, Failed)
    assert "out of time" in failed.error
    assert "engine.slurm.time_minutes" in failed.error
    assert "DUE TO TIME LIMIT" in failed.error


def test_a_failed_task_names_its_log(cluster: Cluster, tmp_path: Path) -> None:
    """The log has the traceback too."""
    failed = run_all(engine_of(tmp_path), raise_at_3_and_4, [3])[0]
    assert isinstance(failed, Failed)
    log = Path(failed.error.partition("(log: ")[2].rstrip(")"))
    assert "ValueError: three is one too many" in log.read_text()


def test_a_task_with_an_io_error_is_tried_again(cluster: Cluster, tmp_path: Path) -> None:
    """It may succeed on another node."""
    folder = tmp_path / "met"
    folder.mkdir()
    assert run_all(engine_of(tmp_path), raise_io_error_once, [FolderTask(n, folder) for n in range(2)]) == {
        n: Done(n, n) for n in (0, 1)
    }


def test_jobs_of_a_killed_driver_are_ended_by_the_next(cluster: Cluster, tmp_path: Path) -> None:
    """After SIGKILL. Every run on a dataset does so first, with any engine."""
    code = (
        "import sys; from pathlib import Path; from slurm.test_slurm import *\n"
        "folder = Path(sys.argv[1]); list(engine_of(folder).run(wait_for_go, [FolderTask(0, folder)]))"
    )
    driver = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], env=os.environ)
    wait_until((tmp_path / "started-0").exists)
    driver.kill()
    driver.wait()
    assert cluster.jobs()
    end_orphaned_runs(tmp_path / "logs")
    wait_until(lambda: not cluster.jobs())
    assert "its driver was killed" in str(events(tmp_path, "ended")[0]["how"])


def test_cancel_ends_a_run_from_elsewhere(cluster: Cluster, tmp_path: Path) -> None:
    """A file in the run's folder is enough, so any computer that sees OUT can do it."""
    work = InBackground(engine_of(tmp_path).run(wait_for_go, [FolderTask(0, tmp_path)]))
    wait_until((tmp_path / "started-0").exists)
    list_run_folders(tmp_path / "logs")[0].cancelled.touch()
    with pytest.raises(TasksFailed, match="1 tasks were not done"):
        work.join()
    wait_until(lambda: not cluster.jobs())


def test_a_partition_that_is_not_there_is_a_wrong_configuration(cluster: Cluster, tmp_path: Path) -> None:
    """The message quotes Slurm, and names the table to correct."""
    with pytest.raises(ConfigError, match=r"\[engine.slurm\].*Invalid partition"):
        run_all(engine_of(tmp_path, partition="nowhere"), square, [1])


def test_more_time_than_the_partition_allows_is_a_wrong_configuration(cluster: Cluster, tmp_path: Path) -> None:
    """Slurm mentions a limit, but waiting would not help."""
    with pytest.raises(ConfigError, match=r"\[engine.slurm\].*time limit"):
        run_all(engine_of(tmp_path, partition="short", time_minutes=60), square, [1])


def test_a_cluster_that_holds_only_so_many_jobs_gets_them_in_parts(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such a limit needs an accounting database: a fake sbatch refuses arrays of more than three."""
    words = "sbatch: error: AssocMaxSubmitJobLimit\nsbatch: error: Batch job submission failed: Job violates policy"
    refuse = f"if grep -Eq 'array=0-([3-9]|..+)%' \"$1\"; then printf '{words}\\n' >&2; exit 1; fi"
    shadow_command(tmp_path / "bin", "sbatch", f'{refuse}\nexec {shutil.which("sbatch")} "$@"', monkeypatch)
    outcomes = run_all(engine_of(tmp_path), square, [2] * 9)
    assert outcomes == {n: Done(n, 4) for n in range(9)}
    assert max(array_sizes(tmp_path).values()) <= 3
    assert "AssocMaxSubmitJobLimit" in str(events(tmp_path, "refused")[0]["error"])


def test_squeue_variables_of_the_user_hide_no_job(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does the name of another user in the environment: no running job is considered dead."""
    for name, value in {"LOGNAME": "nobody", "USER": "nobody", "SQUEUE_PARTITION": "short"}.items():
        monkeypatch.setenv(name, value)
    work = InBackground(engine_of(tmp_path).run(wait_for_go, [FolderTask(0, tmp_path)]))
    wait_until((tmp_path / "started-0").exists)
    time.sleep(4)  # four polls
    (tmp_path / "go").touch()
    assert work.join() == {0: Done(0, 0)}
    assert len((tmp_path / "started-0").read_text().splitlines()) == 1


def test_setup_lines_and_options_reach_the_job(cluster: Cluster, tmp_path: Path) -> None:
    """Lines of shell come first; any option of sbatch may be given."""
    engine = engine_of(tmp_path, setup=["export GREETING='good morning'"], options={"comment": "a b"})
    with closing(engine.run(read_variable, ["GREETING"])) as outcomes:
        assert list(outcomes) == [Done(0, "good morning")]
    script = next((tmp_path / "logs").glob("*/slurm/*_submission.sh")).read_text()
    assert "#SBATCH --comment='a b'" in script
