"""Tasks of these tests, in a module that the jobs can import."""

from __future__ import annotations

import os
import signal
import time

from treeoflife.engines.base import Tick
from treeoflife.testing.engines import Chore


def takes_memory(task: int, tick: Tick) -> str:
    """Takes so many megabytes and holds them a while; returns the memory that its job was given."""
    block = bytearray(os.urandom(1 << 20) * task)
    time.sleep(5)
    tick(len(block) >> 20)
    return os.environ["SLURM_MEM_PER_NODE"]


def sleeps(task: float, tick: Tick) -> float:
    """Sleeps."""
    time.sleep(task)
    tick(1)
    return task


def killed_for_want_of_memory(task: int, tick: Tick) -> str:
    """Is killed, as by a control group, while its job has less than so many megabytes; else returns them."""
    given = os.environ["SLURM_MEM_PER_NODE"]
    if int(given) < task:
        os.kill(os.getpid(), signal.SIGKILL)
    tick(1)
    return given


def ends_its_job(task: int, tick: Tick) -> str:
    """Ends its whole job while it has less than so many megabytes; else returns them."""
    given = os.environ["SLURM_MEM_PER_NODE"]
    if int(given) < task:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(60)
    tick(1)
    return given


def stops_at_two(task: Chore, tick: Tick) -> int:
    """Says that it began; the task numbered 2 returns once the file ``go-2`` is there."""
    with (task.folder / f"began-{task.number}").open("a") as fd:
        fd.write("began\n")
    while task.number == 2 and not (task.folder / "go-2").exists():
        time.sleep(0.05)
    tick(1)
    return task.number
