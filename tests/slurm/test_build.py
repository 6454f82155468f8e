"""A whole build on a real Slurm."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from treeoflife.cli import clusters as commands
from treeoflife.engines.run_folder import list_run_folders
from treeoflife.errors import BusyError
from treeoflife.testing.builds import dataset_digests, prepare_datasets, run_treeoflife
from treeoflife.testing.engines import wait_until

from .cluster import Cluster

pytestmark = pytest.mark.slurm

SETTINGS = {
    "poll_seconds = 10": "poll_seconds = 1",
    "memory_gb = 4": "memory_gb = 1",
    "driver_memory_gb = 8": "driver_memory_gb = 3",
    "parallel = 256": "parallel = 4",
}
GOING_ON = re.compile(
    r"(?s)(?=.*the driver of a detached run, running).*(encode_container|compare|pack_shard|check_shard), "
)
"""What status says of a detached build and of the tasks that it waits for, whichever they are by now."""
MAIN = "from treeoflife.cli import main; main()"


def prepared(folder: Path, *names: str, group_minutes: str = "15") -> list[Path]:
    outs = [folder / name for name in names]
    prepare_datasets(folder / "world", *outs)
    for out in outs:
        text = (out / "dataset.toml").read_text()
        for old, new in (*SETTINGS.items(), ("group_minutes = 15", f"group_minutes = {group_minutes}")):
            assert old in text
            text = text.replace(old, new)
        (out / "dataset.toml").write_text(text)
    return outs


def events(out: Path, name: str) -> list[dict[str, str]]:
    return [
        event for one in list_run_folders(out / "logs" / "jobs") for event in one.events() if event["event"] == name
    ]


def run(command: Callable[..., None], *words: str) -> str:
    """What one of the commands prints."""
    app = typer.Typer()
    app.command()(command)
    done = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_a_build_is_the_same_bytes_as_on_one_computer(cluster: Cluster, tmp_path: Path) -> None:
    """Though a job is cancelled and a node is lost on the way."""
    here, there = prepared(tmp_path, "here", "there", group_minutes="0")
    local = run_treeoflife("build", "--config", str(here / "dataset.toml"), "--workers", "2")
    assert local.returncode == 0, local.stderr
    words = ["build", "--config", str(there / "dataset.toml"), "--engine", "slurm"]
    build = subprocess.Popen([sys.executable, "-c", MAIN, *words], stderr=subprocess.PIPE, text=True)
    try:
        wait_until(lambda: len(events(there, "submitted")) > 2)
        cluster.command("scancel", str(events(there, "submitted")[0]["job"]))
        wait_until(lambda: events(there, "began"))
        cluster.kill_node("n2")
        wait_until(lambda: len(list_run_folders(there / "logs" / "jobs")) > 1)
    finally:
        cluster.start_node("n2")
        cluster.wait_idle()
        _, stderr = build.communicate(timeout=300)
    assert build.returncode == 0, stderr
    assert dataset_digests(there) == dataset_digests(here)


def test_a_task_that_fails_ends_the_build_with_status_1(cluster: Cluster, tmp_path: Path) -> None:
    """Its log is named, the other containers are encoded, and the next build does what is left."""
    (out,) = prepared(tmp_path, "out")
    archive = min((tmp_path / "world").rglob("eol/**/*.tar.gz"))
    whole = archive.read_bytes()
    archive.write_bytes(whole[: len(whole) // 2])
    done = run_treeoflife("build", "--config", str(out / "dataset.toml"), "--engine", "slurm")
    assert done.returncode == 1
    assert "1 of" in done.stderr
    log = Path(events(out, "failed")[0]["error"].partition("(log: ")[2].rstrip(")"))
    assert str(log) in done.stderr
    assert archive.name in log.read_text()
    archive.write_bytes(whole)
    again = run_treeoflife("build", "--config", str(out / "dataset.toml"), "--engine", "slurm")
    assert again.returncode == 0, again.stderr
    last = [one for one in list_run_folders(out / "logs" / "jobs") if one.info["runs"] == "encode_container"][-1]
    assert last.info["tasks"] == 1


def test_a_detached_build_is_driven_by_a_job(
    cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It returns at once, a second one is refused, and what it makes is whole."""
    here, out = prepared(tmp_path, "here", "out")
    config = out / "dataset.toml"
    commands.detach_driver(config, "slurm", "build")
    assert "drives the build" in capsys.readouterr().out
    with pytest.raises(BusyError):
        commands.detach_driver(config, "slurm", "build")
    assert "driver" in run(commands.jobs, "--config", str(config))
    wait_until(lambda: cluster.jobs() == [])
    assert run_treeoflife("build", "--config", str(here / "dataset.toml")).returncode == 0
    assert dataset_digests(out) == dataset_digests(here), next(out.rglob("driver.log")).read_text()
    shown = json.loads(run(commands.jobs, "--config", str(config), "--all", "--json"))
    assert {one["engine"] for one in shown} == {"driver", "slurm"}
    assert all(
        job["state"] in ("done", "completed") for one in shown if one["engine"] == "slurm" for job in one["jobs"]
    )


def test_cancel_ends_a_detached_build(cluster: Cluster, tmp_path: Path) -> None:
    """The driver and its jobs; a build after that finishes the work."""
    (out,) = prepared(tmp_path, "out")
    config = str(out / "dataset.toml")
    commands.detach_driver(Path(config), "slurm", "build")
    wait_until(lambda: events(out, "began"))
    assert "treeoflife-" in run(commands.cancel, "--config", config)
    wait_until(lambda: cluster.jobs() == [])
    assert "nothing runs" in run(commands.cancel, "--config", config)
    assert run_treeoflife("build", "--config", config).returncode == 0


def test_a_second_build_says_who_is_first(cluster: Cluster, tmp_path: Path) -> None:
    """Also where the first is a job on a node."""
    (out,) = prepared(tmp_path, "out")
    config = str(out / "dataset.toml")
    commands.detach_driver(Path(config), "slurm", "build")
    wait_until(lambda: events(out, "began"))
    wait_until(lambda: GOING_ON.search(run_treeoflife("status", "--config", config).stdout))
    second = run_treeoflife("build", "--config", config)
    assert second.returncode == 1
    assert "Slurm job" in second.stderr
    run(commands.cancel, "--config", config)
    wait_until(lambda: cluster.jobs() == [])


@pytest.mark.parametrize("script", ["driver", "one-node", "ray-nodes"])
def test_exported_scripts_build_the_dataset(cluster: Cluster, tmp_path: Path, script: str) -> None:
    """Each script, submitted by hand as it is, makes the same bytes."""
    if script == "ray-nodes":
        pytest.importorskip("ray")
    here, out = prepared(tmp_path, "here", "out")
    words = ["--config", str(out / "dataset.toml"), "--cpus", "2", "--nodes", "2"]
    run(commands.export_slurm, str(tmp_path / "scripts"), *words)
    cluster.command("sbatch", str(tmp_path / "scripts" / f"{script}.sbatch"))
    wait_until(lambda: cluster.jobs() == [])
    assert run_treeoflife("build", "--config", str(here / "dataset.toml")).returncode == 0
    assert dataset_digests(out) == dataset_digests(here), (out / "logs" / f"{script}.log").read_text()
    assert {event["nodes"] for event in events(out, "cluster")} == ({2} if script == "ray-nodes" else set())


def test_exported_scripts_of_the_stages_build_the_dataset(cluster: Cluster, tmp_path: Path) -> None:
    """submit.sh puts four into the queue, each after the one before it: the same bytes."""
    here, out = prepared(tmp_path, "here", "out")
    run(commands.export_slurm, str(tmp_path / "scripts"), "--config", str(out / "dataset.toml"), "--cpus", "2")
    cluster.command(str(tmp_path / "scripts" / "submit.sh"))
    wait_until(lambda: cluster.jobs() == [])
    assert run_treeoflife("build", "--config", str(here / "dataset.toml")).returncode == 0
    logs = "\n".join(path.read_text() for path in sorted((out / "logs").rglob("*.log")))
    assert dataset_digests(out) == dataset_digests(here), logs
