"""Plain sbatch scripts: the job that drives a detached build, and those of ``export-slurm``."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

from ..config import SlurmTable
from ..errors import BusyError, ConfigError
from . import journal, slurm_queue
from .journal import Run
from .slurm import SlurmEngine

_MAIN = "from treeoflife.cli import main; main()"
_ADDRESS = "import ray.util; print(ray.util.get_node_ip_address())"
_MAKE_RANDOM = "import secrets; print(secrets.token_hex(32))"


def submit_driver(table: SlurmTable, folder: Path, arguments: list[str]) -> tuple[str, Path]:
    """Submit one small job that runs ``treeoflife`` with ``arguments``; returns its Slurm id and the path of its log.

    Raises:
        BusyError: there is such a job already.
        ConfigError: there is no Slurm here, or it refuses the job.
        MissingExtra: submitit is not installed, which the job will need.
    """
    slurm_queue.check()
    SlurmEngine(table, folder)
    for run in journal.runs(folder):
        if run.about.get("engine") == "driver" and slurm_queue.live(run.name):
            raise BusyError(f"{run.name} is in the queue already; end it with 'treeoflife cancel', or wait for it")
    run = journal.begin(folder.absolute(), "driver", arguments[0], 0)
    log = run.slurm / "driver.log"
    path = run.slurm / "driver.sbatch"
    path.write_text(driver_script(table, run.name, arguments, log), encoding="utf-8")
    job = _sbatch(path, run)
    run.note("submitted", job=job, log=str(log), labels=[shlex.join(["treeoflife", *arguments])])
    return job, log


def _sbatch(path: Path, run: Run) -> str:
    with slurm_queue.outside_of_job():
        done = subprocess.run(["sbatch", str(path)], capture_output=True, text=True, check=False)
    found = re.search(r"job (\d+)", done.stdout)
    if done.returncode or not found:
        run.note("ended", how="refused")
        raise ConfigError(f"Slurm refuses the job that [engine.slurm] describes: {done.stderr.strip()}")
    return found[1]


def driver_script(table: SlurmTable, name: str, arguments: list[str], log: Path) -> str:
    """A job of one core that submits the others, waits for them and goes on to the next stage."""
    options = {
        **_common(table, name, log),
        "partition": table.driver_partition or table.partition,
        "time": str(table.driver_minutes),
        "mem": f"{int(table.driver_memory_gb * 1024)}M",
        "cpus-per-task": "1",
    }
    return _script(options, table, [f"exec {command(table, arguments)}"])


def node_script(table: SlurmTable, config: Path, log: Path, cpus: int) -> str:
    """A job that does the whole build on one node, with a process for each core."""
    options = {
        **_common(table, "treeoflife-build", log),
        "time": str(table.time_minutes),
        "mem": f"{int(max(table.driver_memory_gb, cpus * 1.0) * 1024)}M",
        "cpus-per-task": str(cpus),
    }
    arguments = ["build", "--config", str(config), "--engine", "local"]
    return _script(options, table, [f'exec {command(table, arguments)} --workers "$SLURM_CPUS_PER_TASK"'])


def ray_script(table: SlurmTable, config: Path, log: Path, nodes: int, cpus: int) -> str:
    """A job of several nodes that form a Ray cluster for the time of the build."""
    options = {
        **_common(table, "treeoflife-ray", log),
        "time": str(table.time_minutes),
        "mem": f"{int(max(table.driver_memory_gb, cpus * 1.0) * 1024)}M",
        "nodes": str(nodes),
        "ntasks-per-node": "1",
        "cpus-per-task": str(cpus),
    }
    python = table.python or shlex.quote(sys.executable)
    start = f'{python} -m ray.scripts.scripts start --disable-usage-stats --num-cpus "$SLURM_CPUS_PER_TASK" --block'
    lines = [
        "# Whoever reaches a Ray without a token runs code as you: this one has a token, for this job alone.",
        f"export RAY_AUTH_MODE=token RAY_AUTH_TOKEN=$({python} -c {shlex.quote(_MAKE_RANDOM)})",
        'head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
        f'address=$(srun --nodes 1 --ntasks 1 --nodelist "$head" {python} -c {shlex.quote(_ADDRESS)})',
        "port=$((20000 + SLURM_JOB_ID % 20000))",
        f'srun --nodes 1 --ntasks 1 --nodelist "$head" {start} --head --node-ip-address "$address" --port "$port" &',
        "sleep 20",
        'others=$((SLURM_JOB_NUM_NODES - 1))',
        'if [ "$others" -gt 0 ]; then',
        f'    srun --nodes "$others" --ntasks "$others" --exclude "$head" {start} --address "$address:$port" &',
        "    sleep 20",
        "fi",
        'export RAY_ADDRESS="$address:$port"',
        command(table, ["build", "--config", str(config), "--engine", "ray"]),
        "status=$?",
        "kill $(jobs -p)",
        "exit $status",
    ]  # fmt: skip
    return _script(options, table, lines)


def command(table: SlurmTable, arguments: list[str]) -> str:
    """The shell command that runs ``treeoflife`` with these arguments on a node."""
    python = table.python or shlex.quote(sys.executable)
    return f"{python} -c {shlex.quote(_MAIN)} {shlex.join(arguments)}"


def _common(table: SlurmTable, name: str, log: Path) -> dict[str, str]:
    return {
        "job-name": name,
        "account": table.account,
        "partition": table.partition,
        "qos": table.qos,
        "constraint": table.constraint,
        "output": str(log).replace("%", "%%"),
        "open-mode": "append",
        **{key: "" if value is True else str(value) for key, value in table.options.items() if value is not False},
    }


def _script(options: dict[str, str], table: SlurmTable, lines: list[str]) -> str:
    bare = {key for key, value in table.options.items() if value is True}
    flags = [
        f"#SBATCH --{key}={shlex.quote(value)}" if value else f"#SBATCH --{key}"
        for key, value in options.items()
        if value or key in bare
    ]
    return "\n".join(["#!/bin/bash", *flags, "#SBATCH --requeue", "", *table.setup, *lines, ""])
