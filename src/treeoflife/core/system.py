"""The resources of this computer."""

from __future__ import annotations

import os


def cores() -> int:
    """The number of cores that this process may use, which a batch system may have limited."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
