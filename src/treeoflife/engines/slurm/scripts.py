"""Plain sbatch scripts: the job that drives a detached build, and those of ``export-slurm``."""

from __future__ import annotations

import math
import re
import shlex
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...config.engines import SlurmTable
from ...errors import BusyError, ConfigError
from .. import journal
from ..journal import Run
from . import queue as slurm_queue
from .engine import SlurmEngine

_MAIN = "from treeoflife.cli import main; main()"
_ADDRESS = "import ray.util; print(ray.util.get_node_ip_address())"
_MAKE_RANDOM = "import secrets; print(secrets.token_hex(32))"
_HERE = '--node-ip-address "$address" --port "$port"'
_PACKING = 16
"""Shares of packing, which takes a thirtieth of the time of encoding."""


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
        raise ConfigError(f"Slurm refuses the job that [engine.slurm] describes: {slurm_queue.said(done.stderr)}")
    return found[1]


def driver_script(table: SlurmTable, name: str, arguments: list[str], log: Path) -> str:
    """A job of one core that submits the others, waits for them and goes on to the next stage."""
    options = {
        **_common(table, name, _text(log)),
        "partition": table.driver_partition or table.partition,
        "time": str(table.driver_minutes),
        "mem": _megabytes(table.driver_memory_gb),
        "cpus-per-task": "1",
    }
    return _script(options, table, [f"exec {command(table, arguments)}"])


@dataclass(frozen=True)
class Scripts:
    """The scripts of ``export-slurm``, all for one dataset.

    Attributes:
        table: what the jobs ask for.
        config: the dataset.toml.
        logs: the folder that takes their logs.
        cpus: cores per node of those that use whole nodes.
        nodes: nodes of the one that uses Ray.
    """

    table: SlurmTable
    config: Path
    logs: Path
    cpus: int
    nodes: int

    def texts(self, costs: Sequence[float]) -> dict[str, str]:
        """Each script by its name; ``costs`` are about the seconds that each container takes to encode."""
        build = ["build", "--config", str(self.config), "--engine", "slurm"]
        return {
            "1-encode.sbatch": self._array("encode", _shares(costs, self.table)),
            "2-plan.sbatch": self._node("plan", "--until", "plan"),
            "3-pack.sbatch": self._array("pack", min(_PACKING, self.table.parallel)),
            "4-finish.sbatch": self._node("finish"),
            "submit.sh": _SUBMIT,
            "driver.sbatch": driver_script(self.table, "treeoflife-driver", build, self.logs / "driver.log"),
            "one-node.sbatch": self._node("one-node"),
            "ray-nodes.sbatch": self._ray(),
        }

    def _array(self, stage: str, shares: int) -> str:
        """An array job of which each element does a share of the stage."""
        options = {
            **_common(self.table, f"treeoflife-{stage}", f"{_text(self.logs)}/{stage}-%a.log"),
            "array": f"0-{shares - 1}%{self.table.parallel}",
            "time": str(self.table.time_minutes),
            "mem": _megabytes(self.table.memory_gb),
            "cpus-per-task": str(self.table.cpus),
        }
        lines = [
            "# To do one share again: sbatch --array=NUMBER and this script. For another number of shares, change",
            "# this line and --array.",
            f"shares={shares}",
            f'exec {command(self.table, ["share", stage])} "$SLURM_ARRAY_TASK_ID/$shares" {self._how()}',
        ]
        return _script(options, self.table, lines)

    def _node(self, name: str, *more: str) -> str:
        """A job that builds on one node, with a process for each core: what is done already is not done again."""
        options = {
            **_common(self.table, f"treeoflife-{name}", _text(self.logs / f"{name}.log")),
            "time": str(self.table.time_minutes),
            "mem": self._memory(),
            "cpus-per-task": str(self.cpus),
        }
        return _script(
            options, self.table, [f"exec {command(self.table, ['build', *more, '--engine', 'local'])} {self._how()}"]
        )

    def _how(self) -> str:
        return f'--config {shlex.quote(str(self.config))} --workers "$SLURM_CPUS_PER_TASK"'

    def _memory(self) -> str:
        return _megabytes(max(self.table.driver_memory_gb, self.cpus * 1.0))

    def _ray(self) -> str:
        """A job of several nodes that form a Ray cluster for the time of the build."""
        options = {
            **_common(self.table, "treeoflife-ray", _text(self.logs / "ray-nodes.log")),
            "time": str(self.table.time_minutes),
            "mem": self._memory(),
            "nodes": str(self.nodes),
            "ntasks-per-node": "1",
            "cpus-per-task": str(self.cpus),
        }
        python = self.table.python or shlex.quote(sys.executable)
        start = f'{python} -m ray.scripts.scripts start --disable-usage-stats --num-cpus "$SLURM_CPUS_PER_TASK" --block'
        lines = [
            "# Whoever reaches a Ray without a token runs code as you: this one has a token, for this job alone.",
            f"export RAY_AUTH_MODE=token RAY_AUTH_TOKEN=$({python} -c {shlex.quote(_MAKE_RANDOM)})",
            'head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
            f'address=$(srun --nodes 1 --ntasks 1 --nodelist "$head" {python} -c {shlex.quote(_ADDRESS)})',
            "port=$((20000 + SLURM_JOB_ID % 20000))",
            f'srun --nodes 1 --ntasks 1 --nodelist "$head" {start} --head {_HERE} &',
            "sleep 20",
            'others=$((SLURM_JOB_NUM_NODES - 1))',
            'if [ "$others" -gt 0 ]; then',
            f'    srun --nodes "$others" --ntasks "$others" --exclude "$head" {start} --address "$address:$port" &',
            "    sleep 20",
            "fi",
            'export RAY_ADDRESS="$address:$port"',
            command(self.table, ["build", "--config", str(self.config), "--engine", "ray"]),
            "status=$?",
            "kill $(jobs -p)",
            "exit $status",
        ]  # fmt: skip
        return _script(options, self.table, lines)


_SUBMIT = """#!/bin/bash
# Submits the stages, each after the one before it. A share that fails is no end: the next stage does what is left, or
# says why it cannot.
set -euo pipefail
cd "$(dirname "$0")"
encode=$(sbatch --parsable 1-encode.sbatch)
plan=$(sbatch --parsable --dependency "afterany:${encode%%;*}" 2-plan.sbatch)
pack=$(sbatch --parsable --dependency "afterok:${plan%%;*}" --kill-on-invalid-dep yes 3-pack.sbatch)
after="afterok:${plan%%;*},afterany:${pack%%;*}"
finish=$(sbatch --parsable --dependency "$after" --kill-on-invalid-dep yes 4-finish.sbatch)
echo "submitted $encode (encode), $plan (plan), $pack (pack), $finish (finish)"
"""


def _shares(costs: Sequence[float], table: SlurmTable) -> int:
    """So many that a job takes about ``group_minutes``: not more than containers, nor than an array may have."""
    wanted = sum(costs) / (table.group_minutes * 60 * table.cpus) if table.group_minutes else len(costs)
    return max(1, min(math.ceil(wanted), len(costs), slurm_queue.max_array_size()))


def command(table: SlurmTable, arguments: list[str]) -> str:
    """The shell command that runs ``treeoflife`` with these arguments on a node."""
    python = table.python or shlex.quote(sys.executable)
    return f"{python} -c {shlex.quote(_MAIN)} {shlex.join(arguments)}"


def _text(log: Path) -> str:
    """A path in which sbatch fills in nothing."""
    return str(log).replace("%", "%%")


def _megabytes(gigabytes: float) -> str:
    return f"{math.ceil(gigabytes * 1024)}M"


def _common(table: SlurmTable, name: str, output: str) -> dict[str, str]:
    return {
        "job-name": name,
        "account": table.account,
        "partition": table.partition,
        "qos": table.qos,
        "constraint": table.constraint,
        "output": output,
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
