"""Undisturbed builds to compare with, and the table of what was tried."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from .harness import Reference, Tally, reference

TALLIES: list[Tally] = []


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A build from the published layout."""
    return reference(tmp_path_factory.mktemp("published"), natural=False)


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """A build from the providers' files, which makes its own mapping, splits and names."""
    return reference(tmp_path_factory.mktemp("original"), natural=True)


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """What the test counts; it becomes a row of the table."""
    one = Tally(f"{Path(request.node.path).stem.removeprefix('test_')}: {request.node.name}")
    begun = time.monotonic()
    yield one
    one.seconds = time.monotonic() - begun
    TALLIES.append(one)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where trials are made."""
    return tmp_path


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """The table: suites, counts, durations, samples lost and doubled."""
    if not TALLIES:
        return
    write = terminalreporter.write_line
    width = min(72, max(len(one.name) for one in TALLIES))
    write(f"\n{'suite':<{width}} {'trials':>7} {'lost':>5} {'doubled':>7} {'seconds':>8}")
    total = Tally("all")
    for one in [*TALLIES, total]:
        write(
            f"{one.name[:width]:<{width}} {one.trials:>7,} {one.lost:>5} {one.doubled:>7} {one.seconds:>8.1f}  "
            f"{one.note}".rstrip()
        )
        total.trials, total.lost = total.trials + one.trials, total.lost + one.lost
        total.doubled, total.seconds = total.doubled + one.doubled, total.seconds + one.seconds
    TALLIES.clear()
