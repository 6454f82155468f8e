"""Task functions for these tests, in a module that the jobs can import."""

from __future__ import annotations

import os
import signal
import time

from treeoflife.engines.base import Tick
from treeoflife.testing.engines import FolderTask


def take_memory(task: int, tick: Tick) -> str:
    """Hold so many megabytes for a while; return the memory of the job."""
    block = bytearray(os.urandom(1 << 20) * task)
    time.sleep(5)
    tick(len(block) >> 20)
    return os.environ["SLURM_MEM_PER_NODE"]


def sleep(task: float, tick: Tick) -> float:
    """Sleep for so many seconds."""
    time.sleep(task)
    tick(1)
    return task


def die_below_memory(task: int, tick: Tick) -> str:
    """Be killed, as by a control group, if the job has less than so many megabytes; else return its memory."""
    memory = os.environ["SLURM_MEM_PER_NODE"]
    if int(memory) < task:
        os.kill(os.getpid(), signal.SIGKILL)
    tick(1)
    return memory


def kill_job_below_memory(task: int, tick: Tick) -> str:
    """Kill the whole job if it has less than so many megabytes; else return its memory."""
    memory = os.environ["SLURM_MEM_PER_NODE"]
    if int(memory) < task:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    tick(1)
    return memory


def wait_at_2(task: FolderTask, tick: Tick) -> int:
    """Write ``started-N``; task 2 returns once the file ``go-2`` exists."""
    with (task.folder / f"started-{task.number}").open("a") as fd:
        fd.write("started\n")
    while task.number == 2 and not (task.folder / "go-2").exists():
        time.sleep(0.05)
    tick(1)
    return task.number
