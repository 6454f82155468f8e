"""What people see while work goes on: a moving bar on a terminal, a plain line every so often elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from .progress import Listener, PartListener, Silence
from .text import printable

_LINE_SECONDS = 20.0
_LONGEST_NAME = 32


def listener(stream: TextIO | None = None) -> Listener:
    """The listener that fits standard error."""
    stream = stream or sys.stderr
    return TerminalListener(stream) if stream.isatty() else PlainListener(stream)


def quantity(number: float, unit: str) -> str:
    """A number of units, short.

    >>> quantity(12_300_000, "bytes"), quantity(4000, "samples")
    ('12.3 MB', '4,000 samples')
    """
    if unit != "bytes":
        return f"{number:,.0f} {unit}"
    size, prefix = number, ""
    for prefix in ("", "k", "M", "G", "T"):
        if size < 1000 or prefix == "T":
            break
        size /= 1000
    return f"{size:.1f} {prefix}B"


def duration(seconds: float) -> str:
    """A time, short.

    >>> duration(75), duration(7300)
    ('1:15', '2:01:40')
    """
    hours, rest = divmod(round(seconds), 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes}:{secs:02d}"


class _PlainPart:
    """Stands in the lines of its stage."""

    def __init__(self, done: int, total: int, close: Callable[[], object]) -> None:
        self._done, self._total, self._close = done, total, close

    def advance(self, units: int) -> None:
        self._done += units

    def close(self) -> None:
        self._close()

    def __str__(self) -> str:
        return f"{100 * self._done / self._total:.0f} %" if self._total else quantity(self._done, "bytes")


class PlainListener:
    """Writes a line when a stage begins or ends, and every so often in between."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._stage, self._unit = "", ""
        self._total = self._done = 0
        self._begun = self._told = time.monotonic()
        self._parts: dict[str, _PlainPart] = {}

    def start(self, stage: str, total: int, unit: str) -> None:
        """See :class:`treeoflife.core.progress.Listener`."""
        self._stage, self._total, self._unit, self._done = stage, total, unit, 0
        self._begun = self._told = time.monotonic()
        self._line(f"{stage}: {quantity(total, unit)} to do" if total > 1 else stage)

    def advance(self, units: int) -> None:
        """See :class:`treeoflife.core.progress.Listener`."""
        self._done += units
        now = time.monotonic()
        if now - self._told >= _LINE_SECONDS:
            self._told = now
            rate = self._done / (now - self._begun)
            left = f", {duration((self._total - self._done) / rate)} left" if rate and self._total > self._done else ""
            share = f"{100 * self._done / self._total:.0f} %, " if self._total else ""
            parts = "".join(f"; {name} {part}" for name, part in self._parts.items())
            self._line(f"{self._stage}: {share}{quantity(rate, self._unit)} a second{left}{parts}")

    def part(self, name: str, done: int, total: int) -> PartListener:
        """See :class:`treeoflife.core.progress.Listener`."""
        return self._parts.setdefault(name, _PlainPart(done, total, lambda: self._parts.pop(name, None)))

    def note(self, text: str) -> None:
        """See :class:`treeoflife.core.progress.Listener`."""
        self._line(f"{self._stage}: {text}")

    def finish(self, summary: str) -> None:
        """See :class:`treeoflife.core.progress.Listener`."""
        self._line(f"{self._stage}: {summary} ({duration(time.monotonic() - self._begun)})")

    def _line(self, text: str) -> None:
        print(printable(text), file=self._stream, flush=True)


class _Rate(ProgressColumn):
    """How fast it goes."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{quantity(speed, task.fields['unit'])}/s" if speed else "", style="cyan")


class _Bar:
    """A bar of a part, below that of its stage."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, units: int) -> None:
        self._progress.advance(self._task, units)

    def close(self) -> None:
        self._progress.remove_task(self._task)


class TerminalListener:
    """A bar for the stage that runs and for each of its parts, a line for each stage that is over."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, highlight=False)
        self._progress: Progress | None = None
        self._stage, self._begun = "", time.monotonic()

    def start(self, stage: str, total: int, unit: str) -> None:
        """See :class:`treeoflife.core.progress.Listener`."""
        self.close()
        self._stage, self._begun = stage, time.monotonic()
        columns = (
            TextColumn("[bold]{task.description:<12}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            _Rate(),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._progress.add_task(stage, total=total or None, unit=unit)
        self._progress.start()

    def advance(self, units: int) -> None:
        """See :class:`treeoflife.core.progress.Listener`."""
        if self._progress:
            self._progress.advance(self._progress.task_ids[0], units)

    def part(self, name: str, done: int, total: int) -> PartListener:
        """See :class:`treeoflife.core.progress.Listener`."""
        if not self._progress:
            return Silence()
        unit = self._progress.tasks[0].fields["unit"]
        shown = printable(name)[-_LONGEST_NAME:]
        return _Bar(self._progress, self._progress.add_task(shown, total=total or None, completed=done, unit=unit))

    def note(self, text: str) -> None:
        """See :class:`treeoflife.core.progress.Listener`."""
        self._console.print(f"             {printable(text)}", markup=False)

    def finish(self, summary: str) -> None:
        """See :class:`treeoflife.core.progress.Listener`."""
        self.close()
        self._console.print(
            Text.assemble(
                (f"{self._stage:<12}", "bold green"), f" {summary} ({duration(time.monotonic() - self._begun)})"
            )
        )

    def close(self) -> None:
        """Take the bar away."""
        if self._progress:
            self._progress.stop()
            self._progress = None
