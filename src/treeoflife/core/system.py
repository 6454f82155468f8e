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


def memory_bytes() -> int:
    """The memory of this computer, or as much of it as a batch system or container gives this process."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([total, *control_group_limits(), *_slurm_limits()])


def control_group_limits(groups: Path = Path("/proc/self/cgroup"), root: Path = Path("/sys/fs/cgroup")) -> list[int]:
    """The limits on memory of the control groups that this process is in, of version 1 and 2: see cgroups(7)."""
    folders = list[tuple[Path, str]]()
    for _, controllers, path in (line.split(":", 2) for line in _lines(groups)):
        top = root if not controllers else root / "memory"
        name = "memory.max" if not controllers else "memory.limit_in_bytes"
        if not controllers or "memory" in controllers.split(","):
            # A container may see only its own group, mounted as the root; then the path leads nowhere.
            inner = top / path.lstrip("/")
            folders += [(one, name) for one in (inner, *inner.parents) if one.is_relative_to(top)]
    texts = [line for folder, name in folders for line in _lines(folder / name)]
    return [int(text) for text in texts if text.isdecimal()]


def _slurm_limits() -> list[int]:
    """What Slurm gave this job on a node, which not every cluster enforces by control groups: see sbatch(1)."""
    whole, per_core, cores = (
        os.environ.get(f"SLURM_{name}", "") for name in ("MEM_PER_NODE", "MEM_PER_CPU", "CPUS_ON_NODE")
    )
    megabytes = [int(whole)] if whole.isdecimal() else []
    if per_core.isdecimal() and cores.isdecimal():
        megabytes.append(int(per_core) * int(cores))
    return [one << 20 for one in megabytes if one]  # 0 is all of the node


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
