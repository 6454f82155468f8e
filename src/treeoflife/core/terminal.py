"""Showing progress to people: a moving bar on a terminal, and a plain line now and then elsewhere."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from .progress import Listener, PartListener, SilentListener
from .text import printable

_LINE_SECONDS = 20.0  # keeps the log of a day's run to a few thousand lines
_LONGEST_NAME = 32  # leaves room for the bar on a terminal of 80 columns


def make_listener(stream: TextIO | None = None) -> Listener:
    """The listener for ``stream``, which is standard error by default: bars on a terminal, else lines."""
    stream = stream or sys.stderr
    return TerminalListener(stream) if stream.isatty() else PlainListener(stream)


@contextmanager
def listening(stream: TextIO | None = None) -> Iterator[Listener]:
    """The listener of :func:`make_listener`, whose bars are gone at the end, also if that is an error or Ctrl-C."""
    listener = make_listener(stream)
    try:
        yield listener
    finally:
        close_bars(listener)


def close_bars(listener: Listener) -> None:
    """Remove the bars that a listener draws, so that nothing is drawn over what is printed from now on."""
    if isinstance(listener, TerminalListener):
        listener.close()


def format_quantity(number: float, unit: str) -> str:
    """A number of units, in few characters.

    >>> format_quantity(12_300_000, "bytes"), format_quantity(4000, "samples")
    ('12.3 MB', '4,000 samples')
    """
    if unit != "bytes":
        return f"{number:,.0f} {unit}"
    for prefix in ("", "k", "M", "G"):
        if number < 1000:
            return f"{number:.1f} {prefix}B"
        number /= 1000
    return f"{number:.1f} TB"


def format_duration(seconds: float) -> str:
    """A time, in few characters.

    >>> format_duration(75), format_duration(7300)
    ('1:15', '2:01:40')
    """
    hours, rest = divmod(round(seconds), 3600)
    minutes, secs = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{secs:02d}" if hours else f"{minutes}:{secs:02d}"


class _PlainPart:
    """One part of the work, which the lines of its stage mention."""

    def __init__(self, done: int, total: int, close: Callable[[], object]) -> None:
        self._done, self._total, self._close = done, total, close

    def advance(self, units: int) -> None:
        self._done += units

    def close(self) -> None:
        self._close()

    def __str__(self) -> str:
        return f"{100 * self._done / self._total:.0f} %" if self._total else format_quantity(self._done, "bytes")


class PlainListener(Listener):
    """Writes a line when a stage begins or ends, and every 20 seconds in between."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._stage, self._unit = "", ""
        self._total = self._done = 0
        self._start_time = self._last_line_time = time.monotonic()
        self._parts: dict[str, _PlainPart] = {}

    def start(self, stage: str, total: int, unit: str) -> None:
        self._stage, self._total, self._unit, self._done = stage, total, unit, 0
        self._start_time = self._last_line_time = time.monotonic()
        self._write(f"{stage}: {format_quantity(total, unit)} to do" if total > 1 else stage)

    def advance(self, units: int) -> None:
        self._done += units
        now = time.monotonic()
        if now - self._last_line_time >= _LINE_SECONDS:
            self._last_line_time = now
            rate, remaining = self._done / (now - self._start_time), self._total - self._done
            time_left = f", {format_duration(remaining / rate)} left" if rate and remaining > 0 else ""
            percent = f"{100 * self._done / self._total:.0f} %, " if self._total else ""
            parts = "".join(f"; {name} {part}" for name, part in self._parts.items())
            self._write(f"{self._stage}: {percent}{format_quantity(rate, self._unit)} a second{time_left}{parts}")

    def start_part(self, name: str, done: int, total: int) -> PartListener:
        return self._parts.setdefault(name, _PlainPart(done, total, lambda: self._parts.pop(name, None)))

    def note(self, text: str) -> None:
        self._write(f"{self._stage}: {text}" if self._stage else text)

    def finish(self, summary: str) -> None:
        self._write(f"{self._stage}: {summary} ({format_duration(time.monotonic() - self._start_time)})")

    def _write(self, text: str) -> None:
        print(printable(text), file=self._stream, flush=True)


class _Rate(ProgressColumn):
    """The column of units per second."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{format_quantity(speed, task.fields['unit'])}/s" if speed else "", style="cyan")


class _Bar:
    """The bar of a part, below that of its stage."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress, self._task = progress, task

    def advance(self, units: int) -> None:
        self._progress.advance(self._task, units)

    def close(self) -> None:
        self._progress.remove_task(self._task)


class TerminalListener(Listener):
    """Shows a bar for the current stage and for each of its parts, and a line for each stage that is done."""

    def __init__(self, stream: TextIO) -> None:
        self._console = Console(file=stream, highlight=False)
        self._progress: Progress | None = None
        self._stage, self._start_time = "", time.monotonic()

    def start(self, stage: str, total: int, unit: str) -> None:
        self.close()
        self._stage, self._start_time = stage, time.monotonic()
        name, percent = TextColumn("[bold]{task.description:<12}"), TextColumn("{task.percentage:>3.0f} %")
        columns = (name, BarColumn(), percent, _Rate(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=self._console, transient=True)
        self._progress.add_task(stage, total=total or None, unit=unit)
        self._progress.start()

    def advance(self, units: int) -> None:
        if self._progress:
            self._progress.advance(self._progress.task_ids[0], units)

    def start_part(self, name: str, done: int, total: int) -> PartListener:
        if not self._progress:
            return SilentListener()
        unit = self._progress.tasks[0].fields["unit"]
        label = printable(name)[-_LONGEST_NAME:]
        return _Bar(self._progress, self._progress.add_task(label, total=total or None, completed=done, unit=unit))

    def note(self, text: str) -> None:
        self._console.print(f"             {printable(text)}", markup=False)

    def finish(self, summary: str) -> None:
        self.close()
        time_taken = format_duration(time.monotonic() - self._start_time)
        self._console.print(Text.assemble((f"{self._stage:<12}", "bold green"), f" {summary} ({time_taken})"))

    def close(self) -> None:
        """Remove the bars."""
        if self._progress:
            self._progress.stop()
            self._progress = None
