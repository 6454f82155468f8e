"""The program of a Slurm job: it runs the tasks of one batch, in as many processes as the job has cores."""

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
from ..message_file import JobFinished, JobStarted, MessageWriter, message_path, read_all_messages


def run_batch(
    streams: Path, batch: int, function: Function[Any, Any], tasks: Sequence[tuple[int, Any]], cpus: int
) -> int:
    """Run the tasks of a batch, given with their indexes, and send their outcomes; returns how many it ran.

    If Slurm starts the job again (after a preemption, or on another node), tasks with an outcome are not run again.
    """
    _restore_signals()
    messages = read_all_messages(streams, batch)
    finished = {message.task for message in messages if isinstance(message, Done | Failed)}
    remaining = [(number, task) for number, task in tasks if number not in finished]
    writer = _create_writer(streams, batch)
    writer.write(JobStarted(socket.gethostname(), os.environ.get("SLURM_JOB_ID", "")))
    # One attempt each: the driver decides what is tried again, in a job of its own and perhaps with more memory.
    for outcome in LocalEngine(cpus, tries=1).run(function, [task for _, task in remaining], writer.tick):
        numbered = replace(outcome, task=remaining[outcome.task][0])
        if isinstance(numbered, Failed):
            print(f"{numbered.error}\n{numbered.traceback}", file=sys.stderr, flush=True)
        writer.write(numbered)
    writer.write(JobFinished())
    writer.close()
    return len(remaining)


def _restore_signals() -> None:
    """Undo submitit's signal handlers: it would checkpoint, but the driver starts a killed task anew."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)


def _create_writer(streams: Path, batch: int) -> MessageWriter:
    start = 0
    while True:
        try:
            return MessageWriter(message_path(streams, batch, start))
        except FileExistsError:
            start += 1
