"""Slurm's commands and the meaning of their output. None of them needs an accounting database."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ...errors import ConfigError

_COMMANDS = ("sbatch", "squeue", "scancel", "scontrol", "srun")
_ENDED = {
    "BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY", "PREEMPTED", "REVOKED",
    "TIMEOUT",
}  # fmt: skip
# Which cluster to submit to and how to authenticate: these hold inside a job as well as outside.
_CLUSTER_VARIABLES = {"SLURM_CONF", "SLURM_CLUSTERS", "SLURM_JWT"}
# A busy controller answers slowly: Slurm's own commands give up after their MessageTimeout, often a minute.
_TIMEOUT_SECONDS = 60
# Slurm's default, for a cluster that does not answer.
_DEFAULT_MAX_ARRAY_SIZE = 1001


@dataclass(frozen=True, slots=True)
class State:
    """The state of a job in the queue (PENDING, RUNNING, …), why it is pending, and its node."""

    state: str
    reason: str = ""
    node: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether the job does not run and never will."""
        # Slurm holds a job for ever that the nodes could not launch ("launch failed requeued held").
        return self.state in _ENDED or "launch" in self.reason


ABSENT = State("no longer in the queue")


def check_commands() -> None:
    """Check that Slurm's commands are installed.

    Raises:
        ConfigError: one is not.
    """
    missing = [name for name in _COMMANDS if not shutil.which(name)]
    if missing:
        raise ConfigError(
            f"the engine slurm needs Slurm's commands; not found on this computer: {', '.join(missing)}. "
            "Run treeoflife on a login node, or choose --engine local"
        )


def read_states(name: str) -> dict[str, State] | None:
    """The jobs of a name by id (``12`` or, in an array, ``12_3``); None if Slurm does not answer.

    Jobs that have ended are listed for some more minutes (MinJobAge).
    """
    output = _run("squeue", "-h", "-r", "-t", "all", "-u", _user(), "-n", name, "-o", "%F|%K|%T|%r|%N")
    if output is None:
        return None
    rows = (line.split("|", 4) for line in output.splitlines() if line.count("|") >= 4)
    return {
        array if index == "N/A" else f"{array}_{index}": State(state, reason.lower(), node)
        for array, index, state, reason, node in rows
    }


def has_live_jobs(name: str) -> bool:
    """Whether jobs of a name are pending or running."""
    return any(not state.has_ended for state in (read_states(name) or {}).values())


def max_array_size() -> int:
    """The maximum number of jobs in an array on this cluster."""
    match = re.search(r"MaxArraySize\s*=\s*(\d+)", _run("scontrol", "show", "config") or "")
    return max(1, int(match[1])) if match else _DEFAULT_MAX_ARRAY_SIZE


def set_array_limit(array: str, parallel: int) -> None:
    """Let so many jobs of an array run at once. If the cluster does not allow it, nothing changes."""
    _run("scontrol", "update", f"JobId={array}", f"ArrayTaskThrottle={parallel}")


def cancel_jobs(name: str) -> bool:
    """Cancel the jobs of a name; False if Slurm does not answer."""
    return _run("scancel", "-u", _user(), "-n", name) is not None


def refusal_reason(stderr: str) -> str:
    """Why sbatch refuses a job, in one line. A site's own explanation comes before Slurm's.

    >>> refusal_reason("sbatch: error: QOSMaxSubmitJobPerUserLimit\\nsbatch: error: Batch job submission failed: no\\n")
    'QOSMaxSubmitJobPerUserLimit; Batch job submission failed: no'
    """
    lines = (line.removeprefix("sbatch: ").removeprefix("error: ").strip() for line in stderr.splitlines())
    return "; ".join(line for line in lines if line) or "sbatch gives no reason"


def end_cause(state: State, log_end: str) -> str:
    """Why a job ended, from its state and from what Slurm wrote at the end of its log.

    The state alone is not enough: it may be FAILED where the log has the reason, or the job may be gone from the queue.
    """
    if _is_out_of_memory(log_end) or state.state == "OUT_OF_MEMORY":
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


def _is_out_of_memory(log_end: str) -> bool:
    return any(mark in log_end.lower() for mark in ("oom-kill", "oom_kill", "oom kill", "exceeded memory limit"))


@contextmanager
def outside_job() -> Iterator[None]:
    """Submit as from a login node: inside a job, sbatch would take over the limits of that job."""
    is_inside = "SLURM_JOB_ID" in os.environ
    hidden = {
        name: value
        for name, value in os.environ.items()
        if is_inside and name.startswith("SLURM_") and name not in _CLUSTER_VARIABLES
    }
    for name in hidden:
        del os.environ[name]
    try:
        yield
    finally:
        os.environ.update(hidden)


def _user() -> str:
    """The number of this user: the name in the environment may be another's, as after ``su``."""
    return str(os.getuid())


def _run(*command: str) -> str | None:
    """The output of a command; None if it fails."""
    # A user's SQUEUE_ variables may hide jobs, which would then be taken for ended.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SQUEUE_")}
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            check=True,
            timeout=_TIMEOUT_SECONDS,
            encoding="utf-8",
            errors="replace",
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout
