"""Ending runs on a cluster from another process than their driver."""

import os
import shutil
import signal
from pathlib import Path

from ..core.lock import BEAT_SECONDS, read_holder, request_stop
from .run_folder import list_run_folders
from .slurm import queue


def end_orphaned_runs(folder: Path) -> None:
    """End the runs below ``folder`` whose driver was killed; call it while holding the dataset's lock.

    Tasks on Ray end with their driver, but Slurm jobs do not, and would write to the files of the next run.
    """
    for run in list_run_folders(folder):
        engine = run.info.get("engine")
        if not run.has_ended() and (engine == "ray" or (engine == "slurm" and queue.cancel_jobs(run.name))):
            run.record("ended", how="its driver was killed; a later run took over")
            run.remove_messages()


def cancel_runs(folder: Path, lock: Path) -> list[str]:
    """End the runs below ``folder`` and the process that drives them; returns a description of each thing it ended.

    A driver on another computer stops when it sees the request.
    """
    ended = []
    for run in list_run_folders(folder):
        if run.has_ended():
            continue
        run.cancelled.touch()
        if shutil.which("scancel") and queue.has_live_jobs(run.name) and queue.cancel_jobs(run.name):
            ended.append(f"the jobs of {run.name}")
        if run.info.get("engine") == "driver":
            run.record("ended", how="cancelled")
    holder = read_holder(lock)
    if holder and holder.is_alive_here():
        os.kill(holder.pid, signal.SIGTERM)
        ended.append(str(holder))
    elif holder and not holder.is_here():
        request_stop(lock, holder)
        ended.append(f"asked {holder} to stop; if it runs, it stops within {2 * BEAT_SECONDS:.0f} seconds")
    return ended
