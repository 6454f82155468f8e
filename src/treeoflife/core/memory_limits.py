"""Limits on the memory of a process that are too low for its libraries."""

import resource

from ..errors import TreeoflifeError
from .system import cores

# What Polars, OpenBLAS, the Go of gnparser and their threads reserve, most of it never used, and what a decoder may
# take ([images] hard_memory, 1 GB). On two cores, builds of 120 images were aborted with 2.6 GB of address space or
# 0.3 GB of data; with 2.8 GB or 0.5 GB they were not.
_ADDRESS_SPACE, _ADDRESS_SPACE_PER_CORE, _DATA = 4_000_000_000, 50_000_000, 1_500_000_000


def require_memory() -> None:
    """Check that the limits of this process allow what its libraries reserve.

    With less, they abort the process, or images seem too large to decode.

    Raises:
        TreeoflifeError: a limit of the shell or batch system is too low.
    """
    address_space = _ADDRESS_SPACE + _ADDRESS_SPACE_PER_CORE * cores()
    for letter, limit, needed in (("v", resource.RLIMIT_AS, address_space), ("d", resource.RLIMIT_DATA, _DATA)):
        allowed = resource.getrlimit(limit)[0]
        if allowed != resource.RLIM_INFINITY and allowed < needed:
            raise TreeoflifeError(
                f"this process may reserve only {allowed / 1e9:.1f} GB of memory (ulimit -{letter}), and its libraries "
                f"reserve up to {needed / 1e9:.1f} GB, though they use less: run 'ulimit -{letter} unlimited' first"
            )
