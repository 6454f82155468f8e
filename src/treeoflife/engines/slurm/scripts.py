"""Plain sbatch scripts: the job that drives a detached build, and the scripts of ``export-slurm``."""

import math
import shlex
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...config.engines import SlurmTable
from . import queue

_MAIN = "from treeoflife.cli import main; main()"
_PRINT_ADDRESS = "import ray.util; print(ray.util.get_node_ip_address())"
_PRINT_TOKEN = "import secrets; print(secrets.token_hex(32))"  # noqa: S105 - a program and not a token
# Packing takes about a thirtieth of the time of encoding (docs/clusters.md), so few shares are enough.
_PACK_SHARES = 16
# What a worker takes (0.3 GB), its share of the page cache, and room for the stages that run in the driver.
_GB_PER_CORE = 1.0


def driver_script(table: SlurmTable, name: str, arguments: list[str], log: Path) -> str:
    """The script of a job of one core that submits the other jobs, waits for them and continues with the next stage."""
    options = {
        **_common_options(table, name, _literal(log)),
        "partition": table.driver_partition or table.partition,
        "time": str(table.driver_minutes),
        "mem": _megabytes(table.driver_memory_gb),
        "cpus-per-task": "1",
    }
    return _script(options, table, [f"exec {_command(table, arguments)}"])


@dataclass(frozen=True)
class Scripts:
    """The scripts of ``export-slurm`` for one dataset.

    Attributes:
        logs: the folder for the logs of the jobs.
        cpus: cores per node of the scripts that use whole nodes.
        nodes: number of nodes of the script that uses Ray.
    """

    table: SlurmTable
    config: Path
    logs: Path
    cpus: int
    nodes: int

    def texts(self, costs: Sequence[float]) -> dict[str, str]:
        """Each script by its file name; ``costs`` are about the seconds that each container takes to encode."""
        build = ["build", "--config", str(self.config), "--engine", "slurm"]
        return {
            "1-encode.sbatch": self._array("encode", _count_shares(costs, self.table)),
            "2-plan.sbatch": self._one_node("plan", "--until", "plan"),
            "3-pack.sbatch": self._array("pack", min(_PACK_SHARES, self.table.parallel)),
            "4-finish.sbatch": self._one_node("finish"),
            "submit.sh": _SUBMIT,
            "driver.sbatch": driver_script(self.table, "treeoflife-driver", build, self.logs / "driver.log"),
            "one-node.sbatch": self._one_node("one-node"),
            "ray-nodes.sbatch": self._ray_nodes(),
        }

    def _array(self, stage: str, shares: int) -> str:
        """An array job in which each element does one share of a stage."""
        options = {
            **_common_options(self.table, f"treeoflife-{stage}", f"{_literal(self.logs)}/{stage}-%a.log"),
            "array": f"0-{shares - 1}%{self.table.parallel}",
            "time": str(self.table.time_minutes),
            "mem": _megabytes(self.table.memory_gb),
            "cpus-per-task": str(self.table.cpus),
        }
        command = _command(self.table, ["share", stage])
        return _script(options, self.table, [
            "# To do one share again: sbatch --array=NUMBER and this script. For another number of shares, change",
            "# this line and --array.",
            f"shares={shares}",
            f'exec {command} "$SLURM_ARRAY_TASK_ID/$shares" {self._build_options()}',
        ])  # fmt: skip

    def _one_node(self, name: str, *arguments: str) -> str:
        """A job that builds on one node with a process per core, without the work that is done already."""
        command = _command(self.table, ["build", *arguments, "--engine", "local"])
        return _script(self._node_options(name, name), self.table, [f"exec {command} {self._build_options()}"])

    def _build_options(self) -> str:
        return f'--config {shlex.quote(str(self.config))} --workers "$SLURM_CPUS_PER_TASK"'

    def _node_options(self, name: str, log_name: str, **more: str) -> dict[str, str]:
        return {
            **_common_options(self.table, f"treeoflife-{name}", _literal(self.logs / f"{log_name}.log")),
            "time": str(self.table.time_minutes),
            "mem": _megabytes(max(self.table.driver_memory_gb, self.cpus * _GB_PER_CORE)),
            **more,
            "cpus-per-task": str(self.cpus),
        }

    def _ray_nodes(self) -> str:
        """A job of several nodes that form a Ray cluster while it runs."""
        options = self._node_options("ray", "ray-nodes", **{"nodes": str(self.nodes), "ntasks-per-node": "1"})
        python = _python(self.table)
        start = f'{python} -m ray.scripts.scripts start --disable-usage-stats --num-cpus "$SLURM_CPUS_PER_TASK" --block'
        bind = '--node-ip-address "$address" --port "$port"'
        return _script(options, self.table, [
            "# Anyone who reaches a Ray cluster without a token can run code as you. This token is only for this job.",
            f"export RAY_AUTH_MODE=token RAY_AUTH_TOKEN=$({python} -c {shlex.quote(_PRINT_TOKEN)})",
            'head=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)',
            f'address=$(srun --nodes 1 --ntasks 1 --nodelist "$head" {python} -c {shlex.quote(_PRINT_ADDRESS)})',
            # Two of these jobs may share a node, so the port depends on the job.
            "port=$((20000 + SLURM_JOB_ID % 20000))",
            f'srun --nodes 1 --ntasks 1 --nodelist "$head" {start} --head {bind} &',
            "sleep 20",
            "others=$((SLURM_JOB_NUM_NODES - 1))",
            'if [ "$others" -gt 0 ]; then',
            f'    srun --nodes "$others" --ntasks "$others" --exclude "$head" {start} --address "$address:$port" &',
            "    sleep 20",
            "fi",
            'export RAY_ADDRESS="$address:$port"',
            _command(self.table, ["build", "--config", str(self.config), "--engine", "ray"]),
            "status=$?",
            "kill $(jobs -p)",
            "exit $status",
        ])  # fmt: skip


_SUBMIT = """#!/bin/bash
# Submits the stages, each after the one before it. A share that fails does not stop them: the next stage does its work,
# or says why it cannot.
set -euo pipefail
cd "$(dirname "$0")"
encode=$(sbatch --parsable 1-encode.sbatch)
plan=$(sbatch --parsable --dependency "afterany:${encode%%;*}" 2-plan.sbatch)
pack=$(sbatch --parsable --dependency "afterok:${plan%%;*}" --kill-on-invalid-dep yes 3-pack.sbatch)
after="afterok:${plan%%;*},afterany:${pack%%;*}"
finish=$(sbatch --parsable --dependency "$after" --kill-on-invalid-dep yes 4-finish.sbatch)
echo "submitted $encode (encode), $plan (plan), $pack (pack), $finish (finish)"
"""


def _count_shares(costs: Sequence[float], table: SlurmTable) -> int:
    """As many shares as make jobs of about ``group_minutes``: at most one per container, and what an array may have."""
    shares = sum(costs) / (table.group_minutes * 60 * table.cpus) if table.group_minutes else len(costs)
    return max(1, min(math.ceil(shares), len(costs), queue.max_array_size()))


def _command(table: SlurmTable, arguments: list[str]) -> str:
    """The shell command that runs ``treeoflife`` with ``arguments`` on a node."""
    return f"{_python(table)} -c {shlex.quote(_MAIN)} {shlex.join(arguments)}"


def _python(table: SlurmTable) -> str:
    # The user's command may have several words, so it is not quoted.
    return table.python or shlex.quote(sys.executable)


def _literal(log: Path) -> str:
    """A path in which sbatch replaces nothing: a % begins its placeholders."""
    return str(log).replace("%", "%%")


def _megabytes(gigabytes: float) -> str:
    return f"{math.ceil(gigabytes * 1024)}M"


def _common_options(table: SlurmTable, name: str, output: str) -> dict[str, str]:
    return {
        "job-name": name,
        "account": table.account,
        "partition": table.partition,
        "qos": table.qos,
        "constraint": table.constraint,
        "output": output,
        # A requeued job appends to the log of its first start, which says why it was requeued.
        "open-mode": "append",
        **{key: "" if value is True else str(value) for key, value in table.options.items() if value is not False},
    }


def _script(options: dict[str, str], table: SlurmTable, lines: list[str]) -> str:
    flags = {key for key, value in table.options.items() if value is True}
    directives = [
        f"#SBATCH --{key}={shlex.quote(value)}" if value else f"#SBATCH --{key}"
        for key, value in options.items()
        if value or key in flags
    ]
    return "\n".join(["#!/bin/bash", *directives, "#SBATCH --requeue", "", *table.setup, *lines, ""])
