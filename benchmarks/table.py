"""Tables of measurements: printed for people, and kept as JSON lines for ``run.py`` where it asks for them."""

from __future__ import annotations

import json
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KEPT = "BENCHMARK_RESULTS"
"""The variable that names the file that takes tables in."""


def show(title: str, rows: Sequence[dict[str, Any]]) -> None:
    """Print a table, a column for each key of its rows; and keep it, if ``run.py`` asked for it."""
    head = list(rows[0])
    cells = [head, *([shown(row[name]) for name in head] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    print(f"\n{title}")
    for line in cells:
        print("  ".join(one.rjust(width) if place else one.ljust(width)
                        for place, (one, width) in enumerate(zip(line, widths, strict=True))), flush=True)  # fmt: skip
    if os.environ.get(KEPT):
        with Path(os.environ[KEPT]).open("a", encoding="utf-8") as fd:
            fd.write(json.dumps({"title": title, "rows": list(rows)}) + "\n")


def shown(value: Any) -> str:
    """A figure with as many digits as are worth reading."""
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


@dataclass(frozen=True)
class Measured:
    """What a function took, in a process of its own, and what it returned.

    Attributes:
        seconds: by the clock.
        cpu: seconds of all cores: on a busy machine, what the others take shows less in it.
        peak: megabytes of memory, at most.
        value: what was returned.
    """

    seconds: float
    cpu: float
    peak: float
    value: Any


def measured(function: Callable[..., Any], *given: Any) -> Measured:
    """Run a function in a process of its own."""
    fresh = multiprocessing.get_context("spawn")
    ours, theirs = fresh.Pipe()
    process = fresh.Process(target=_child, args=(theirs, function, given))
    process.start()
    theirs.close()
    result: Measured = ours.recv()
    process.join()
    return result


def _child(pipe: Any, function: Callable[..., Any], given: tuple[Any, ...]) -> None:
    begun, cpu = time.perf_counter(), time.process_time()
    value = function(*given)
    seconds, cpu = time.perf_counter() - begun, time.process_time() - cpu
    pipe.send(Measured(seconds, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, value))
