"""A limit on memory that would end in an abort is a sentence."""

from __future__ import annotations

import resource
import subprocess
import sys

import pytest

from helpers import sentence


def _limited(limit: int, size: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The program, in a process that may reserve so many bytes."""
    return subprocess.run(
        [sys.executable, "-m", "treeoflife", *arguments], capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(limit, (size, resource.RLIM_INFINITY)),
    )  # fmt: skip


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not keep these limits")
@pytest.mark.parametrize(
    "command", [("status",), ("build", "--config", "absent.toml"), ("names", "why", "x", "--config", "y")]
)
@pytest.mark.parametrize(
    ("limit", "size", "way_out"),
    [
        (resource.RLIMIT_AS, 150_000_000, "ulimit -v unlimited"),
        (resource.RLIMIT_AS, 400_000_000, "ulimit -v unlimited"),
        (resource.RLIMIT_AS, 1_500_000_000, "ulimit -v unlimited"),
        (resource.RLIMIT_DATA, 150_000_000, "ulimit -d unlimited"),
    ],
)
def test_too_little_memory_to_reserve_is_a_sentence(
    command: tuple[str, ...], limit: int, size: int, way_out: str
) -> None:
    """Not the abort of a library, whatever the command."""
    done = _limited(limit, size, *command)
    sentence(done, way_out, f"{size / 1e9:.1f} GB")
    assert done.returncode == 1


def test_enough_memory_to_reserve_is_no_error() -> None:
    done = _limited(resource.RLIMIT_AS, 64_000_000_000, "status", "--config", "absent.toml")
    sentence(done, "absent.toml")
