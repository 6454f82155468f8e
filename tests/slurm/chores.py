"""Tasks of these tests, in a module that the jobs can import."""

from __future__ import annotations

import os
import time
from pathlib import Path

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


def peak(task: Chore, tick: Tick) -> int:
    """How many of its kind run while it runs."""
    mark = Path(task.folder, str(task.number))
    mark.touch()
    time.sleep(0.5)
    running = len(list(task.folder.iterdir()))
    mark.unlink()
    tick(1)
    return running
