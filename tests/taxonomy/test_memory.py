"""gnparser's memory stays flat, however many names it is given."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from treeoflife.taxonomy.parsing.gnparser import GNParser

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs /proc")]


def resident() -> float:
    """Megabytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_a_million_names_cost_no_more_memory_than_a_hundred_thousand() -> None:
    parser, after = GNParser(), {}
    for number in range(1_000_000):
        parser.parse(f"Panthera leo{number % 9973} var. minor{number} (Linnaeus, {1758 + number % 200})")
        if number + 1 in (100_000, 1_000_000):
            after[number + 1] = resident()
    print(after, file=sys.stderr)
    assert after[1_000_000] - after[100_000] < 50
