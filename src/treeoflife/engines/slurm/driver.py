"""Submitting the job that drives a detached build."""

import re
import shlex
import subprocess
from pathlib import Path

from ...config.engines import SlurmTable
from ...errors import BusyError, ConfigError
from ..run_folder import RunFolder, create_run_folder, list_run_folders
from . import queue
from .engine import SlurmEngine
from .scripts import driver_script


def submit_driver(table: SlurmTable, folder: Path, arguments: list[str]) -> tuple[str, Path]:
    """Submit a small job that runs ``treeoflife`` with ``arguments``; returns its Slurm id and the path of its log.

    Raises:
        BusyError: such a job is in the queue.
        ConfigError: Slurm is not installed here, or refuses the job.
        MissingExtra: submitit, which the job needs, is not installed.
    """
    queue.check_commands()
    # Reports a missing extra here and not in the job, hours later.
    SlurmEngine(table, folder)
    for run in list_run_folders(folder):
        if run.info.get("engine") == "driver" and queue.has_live_jobs(run.name):
            raise BusyError(f"{run.name} is in the queue already; end it with 'treeoflife cancel', or wait for it")
    run = create_run_folder(folder.absolute(), "driver", arguments[0], 0)
    log, script = run.slurm / "driver.log", run.slurm / "driver.sbatch"
    script.write_text(driver_script(table, run.name, arguments, log), encoding="utf-8")
    job = _sbatch(script, run)
    run.record("submitted", job=job, log=str(log), labels=[shlex.join(["treeoflife", *arguments])])
    return job, log


def _sbatch(script: Path, run: RunFolder) -> str:
    with queue.outside_job():
        done = subprocess.run(
            ["sbatch", str(script)], capture_output=True, check=False, encoding="utf-8", errors="replace"
        )
    match = re.search(r"job (\d+)", done.stdout)
    if done.returncode or not match:
        run.record("ended", how="refused")
        reason = queue.refusal_reason(done.stderr)
        raise ConfigError(f"Slurm refuses the job that [engine.slurm] describes: {reason}")
    return match[1]
