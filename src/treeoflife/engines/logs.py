"""The last lines of a log, to show after an error message."""

from pathlib import Path

# About 20 lines: enough for the end of a traceback, and little enough to read in a terminal.
_TAIL_BYTES = 2000


def read_tail(log: Path, start: int = 0) -> str | None:
    """The last lines of a log, none of them before the byte ``start``; None if there is no log."""
    try:
        with log.open("rb") as fd:
            fd.seek(max(start, log.stat().st_size - _TAIL_BYTES))
            return fd.read().decode(errors="replace").strip()
    except OSError:
        return None


def describe_tail(log: Path) -> str:
    """The path of a log and its last lines, for an error message."""
    text = read_tail(log)
    if text is None:
        return f"it left no log at {log}"
    return f"{log} ends:\n{text}" if text else f"its log {log} is empty"
