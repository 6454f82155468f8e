"""What a Slurm job does: the tasks of one group, in as many processes as it has cores."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..base import Done, Failed, Function
from ..local import LocalEngine
from ..stream import Began, Ended, Writer, path_of, said


def work(streams: Path, group: int, function: Function[Any, Any], tasks: Sequence[tuple[int, Any]], cpus: int) -> int:
    """Run a group's tasks, given with their numbers, and stream their outcomes; returns how many there were.

    Started again by Slurm (after a preemption, or on another node), it goes on where it was.
    """
    _end_when_told()
    over = {word.task for word in said(streams, group) if isinstance(word, Done | Failed)}
    rest = [(number, task) for number, task in tasks if number not in over]
    writer = _new_writer(streams, group)
    writer.put(Began(socket.gethostname(), os.environ.get("SLURM_JOB_ID", "")))
    local = LocalEngine(cpus, tries=1)
    for outcome in local.run(function, [task for _, task in rest], writer.tick):
        numbered = replace(outcome, task=rest[outcome.task][0])
        if isinstance(numbered, Failed):
            print(f"{numbered.error}\n{numbered.traceback}", file=sys.stderr, flush=True)
        writer.put(numbered)
    writer.put(Ended())
    writer.close()
    return len(rest)


def _end_when_told() -> None:
    """Undo what submitit does with signals: a task may be killed at any moment, and the driver starts it again."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)


def _new_writer(streams: Path, group: int) -> Writer:
    start = 0
    while True:
        try:
            return Writer(path_of(streams, group, start))
        except FileExistsError:
            start += 1
