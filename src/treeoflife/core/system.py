"""This computer and its processes."""

import os
from pathlib import Path

# A file's time is that of the file server, whose clock may be behind.
_CLOCKS_DIFFER_SECONDS = 300.0


def cores() -> int:
    """The number of cores that this process may use, which a batch system may have limited."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def boot_id() -> str:
    """What distinguishes the current boot of this computer from all others; empty if unknown, as on macOS."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""


def start_ticks(pid: int) -> int | None:
    """When a process of this computer started, in clock ticks since the boot; None if it does not run, or is unknown.

    A process that has ended and was not waited for yet does not run.
    """
    try:
        # Field 2 of proc(5), the command's name, may hold spaces and brackets: count from its last bracket.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else int(fields[19])


def runs_since(pid: int, moment: float) -> bool:
    """Whether a process of this computer runs that had this id at ``moment``, in seconds since 1970.

    Where that cannot be known, a process of that id is taken to be the same.
    """
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass  # it runs, and belongs to somebody else
    if not Path("/proc/self/stat").exists():
        return True
    ticks = start_ticks(pid)
    return ticks is not None and _boot_time() + ticks / os.sysconf("SC_CLK_TCK") <= moment + _CLOCKS_DIFFER_SECONDS


def _boot_time() -> float:
    """When this computer was started, in seconds since 1970; 0 if unknown."""
    lines = Path("/proc/stat").read_text(encoding="ascii").splitlines()
    return next((float(line.split()[1]) for line in lines if line.startswith("btime ")), 0.0)
