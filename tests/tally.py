"""Counts of what was tried: a line when a suite is through, and a table at the end."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import pytest


@dataclass
class Tally:
    """What a suite did.

    Attributes:
        name: of the suite.
        trials: how many times something went wrong on purpose.
        lost: samples that an undisturbed run has and the disturbed one lacks.
        doubled: samples that stand twice.
        seconds: how long it took.
        note: anything else that was measured.
    """

    name: str
    trials: int = 0
    lost: int = 0
    doubled: int = 0
    seconds: float = 0.0
    note: str = ""


class Table:
    """A plugin: hears of tallies by the tests' reports, from whichever process they come."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._rows: list[Tally] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Say what a long suite came to as soon as it is through."""
        told = dict(report.user_properties).get("tally")
        if report.when != "teardown" or not isinstance(told, dict):
            return
        self._rows.append(one := Tally(**told))
        terminal = self._config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None and one.seconds > _LONG_SECONDS:
            terminal.write_line(f"\n{_line(one)}")

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """The table: suites, counts, samples lost and doubled, durations."""
        if not self._rows:
            return
        total = Tally("all")
        for one in self._rows:
            total.trials, total.lost = total.trials + one.trials, total.lost + one.lost
            total.doubled, total.seconds = total.doubled + one.doubled, total.seconds + one.seconds
        head = f"{'suite':<{_WIDTH}} {'trials':>7} {'lost':>5} {'doubled':>7} {'seconds':>8}"
        for line in ("", head, *(_line(one) for one in [*sorted(self._rows, key=lambda one: one.name), total])):
            terminalreporter.write_line(line)


_WIDTH = 72
_LONG_SECONDS = 60


def _line(one: Tally) -> str:
    name = f"{one.name[:_WIDTH]:<{_WIDTH}}"
    return f"{name} {one.trials:>7,} {one.lost:>5} {one.doubled:>7} {one.seconds:>8.1f}  {one.note}".rstrip()


def record(one: Tally, item: pytest.Item) -> None:
    """Let a test's reports carry its tally."""
    item.user_properties.append(("tally", asdict(one)))
