"""How long the command takes to start. The budget: 0.3 s for ``treeoflife --help``.

python benchmarks/startup.py
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

from table import show

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "treeoflife --help": ["-m", "treeoflife", "--help"],
    "treeoflife build --help": ["-m", "treeoflife", "build", "--help"],
}
TURNS = 9


def started(words: list[str]) -> tuple[float, float]:
    """Seconds until a command is done, and seconds of CPU."""
    before, begun = os.times(), time.perf_counter()
    subprocess.run([sys.executable, *words], check=True, stdout=subprocess.DEVNULL)
    seconds, after = time.perf_counter() - begun, os.times()
    spent = after.children_user + after.children_system - before.children_user - before.children_system
    return seconds, spent


def main() -> None:
    """Measure, and print a table."""
    rows = []
    for name, words in COMMANDS.items():
        taken = [started(words) for _ in range(TURNS)]
        seconds, cpu = (statistics.median(column) for column in zip(*taken, strict=True))
        rows.append({"command": name, "seconds": seconds, "fastest": min(taken)[0], "CPU seconds": cpu})
    show(f"Starting, medians of {TURNS}", rows)


if __name__ == "__main__":
    main()
