"""Slurm's own commands: what is asked of them, and how their answers read. No accounting database is needed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ...errors import ConfigError

_KEPT = {"SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT"}
_OVER = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED",
    "TIMEOUT",
}  # fmt: skip
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class State:
    """What the queue says of a job: PENDING, RUNNING, … and why it waits."""

    state: str
    reason: str = ""
    node: str = ""

    @property
    def over(self) -> bool:
        """It does not run and will not run; a job that the nodes could not start is held for ever."""
        return self.state in _OVER or "launch" in self.reason


GONE = State("no longer in the queue")


def check() -> None:
    """Raise ConfigError where Slurm's commands are not to be had."""
    absent = [name for name in ("sbatch", "squeue", "scancel", "scontrol", "srun") if not shutil.which(name)]
    if absent:
        raise ConfigError(
            f"the engine slurm needs Slurm's commands, and there is no {', '.join(absent)} on this computer: "
            "run it on a login node, or choose --engine local"
        )


def states(name: str) -> dict[str, State] | None:
    """The jobs of that name by id (``12`` or, in an array, ``12_3``); None if Slurm does not answer now.

    Jobs that are over stay in the answer for some minutes (MinJobAge).
    """
    text = _ask("squeue", "-h", "-r", "-t", "all", "-u", _me(), "-n", name, "-o", "%F|%K|%T|%r|%N")
    if text is None:
        return None
    rows = (line.split("|", 4) for line in text.splitlines() if line.count("|") >= 4)
    return {
        array if index == "N/A" else f"{array}_{index}": State(state, reason.lower(), node)
        for array, index, state, reason, node in rows
    }


def live(name: str) -> bool:
    """Whether jobs of that name wait or run."""
    return any(not state.over for state in (states(name) or {}).values())


def max_array_size() -> int:
    """The most jobs that an array may have here."""
    found = re.search(r"MaxArraySize\s*=\s*(\d+)", _ask("scontrol", "show", "config") or "")
    return max(1, int(found[1])) if found else 1001


def throttle(array: str, parallel: int) -> None:
    """Let so many jobs of the array run at once. Where that is not allowed, it stays as it was."""
    _ask("scontrol", "update", f"JobId={array}", f"ArrayTaskThrottle={parallel}")


def cancel(name: str) -> bool:
    """End the jobs of that name; False if Slurm does not answer."""
    return _ask("scancel", "-u", _me(), "-n", name) is not None


def said(stderr: str) -> str:
    """What sbatch says of its refusal, in one line; a site's own explanation stands before Slurm's.

    >>> said("sbatch: error: QOSMaxSubmitJobPerUserLimit\\nsbatch: error: Batch job submission failed: no\\n")
    'QOSMaxSubmitJobPerUserLimit; Batch job submission failed: no'
    """
    lines = (line.removeprefix("sbatch: ").removeprefix("error: ").strip() for line in stderr.splitlines())
    return "; ".join(line for line in lines if line) or "without a word"


def cause(state: State, log_end: str) -> str:
    """Why a job ended, from its state and from what Slurm wrote at the end of its log."""
    if _out_of_memory(log_end) or state.state == "OUT_OF_MEMORY":
        return "out of memory"
    if state.state == "TIMEOUT" or "DUE TO TIME LIMIT" in log_end:
        return "out of time"
    if state.state == "NODE_FAIL" or "DUE TO NODE FAILURE" in log_end:
        return "its node failed"
    if state.state == "PREEMPTED" or "DUE TO PREEMPTION" in log_end:
        return "preempted"
    if state.state == "CANCELLED" or "CANCELLED AT" in log_end:
        return "cancelled"
    return state.state.lower()


def _out_of_memory(log_end: str) -> bool:
    return any(mark in log_end.lower() for mark in ("oom-kill", "oom_kill", "oom kill", "exceeded memory limit"))


@contextmanager
def outside_of_job() -> Iterator[None]:
    """Submit as from a login node: inside a job, sbatch would take over the limits of that job."""
    inside = "SLURM_JOB_ID" in os.environ
    hidden = {name: os.environ[name] for name in os.environ if inside and name.startswith("SLURM_")}
    hidden = {name: value for name, value in hidden.items() if name not in _KEPT}
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


def _me() -> str:
    """The number of this user: the name that the environment gives may be another's, as after ``su``."""
    return str(os.getuid())


def _ask(*words: str) -> str | None:
    """What a command prints, whatever users let squeue leave out for their own eyes; None if it fails."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("SQUEUE_")}
    try:
        done = subprocess.run(words, env=plain, capture_output=True, text=True, check=True, timeout=_SECONDS)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
