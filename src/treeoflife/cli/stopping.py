"""Ctrl-C and SIGTERM end a command wherever it is, once, and by an exception, so that what is open is closed.

Python runs a signal's handler between any two instructions of the main thread; if those are in a finalizer or in the
callback of a weak reference, the exception is reported on the terminal and dropped, and the command would go on. Such
a stop is asked for again a moment later. When the command has ended, the interpreter's own end is left to the system.
"""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator

TERMINATED = 128 + signal.SIGTERM
_AGAIN_SECONDS = 0.02


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """While it lasts, SIGTERM raises ``SystemExit(143)`` and SIGINT ``KeyboardInterrupt``, and neither gets lost."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    sys.unraisablehook = _unraisable
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, signal.SIG_DFL)


def _unraisable(lost: sys.UnraisableHookArgs) -> None:
    """What Python does with an exception that it cannot raise; but a stop is no mishap to report."""
    if isinstance(lost.exc_value, KeyboardInterrupt):
        _again(signal.SIGINT)
    elif isinstance(lost.exc_value, SystemExit) and lost.exc_value.code == TERMINATED:
        _again(signal.SIGTERM)
    else:
        sys.__unraisablehook__(lost)


def _again(number: signal.Signals) -> None:
    """Send it from another thread, later: here it would be dropped once more."""
    main = threading.main_thread().ident  # to which it must go, to wake it where it waits
    with contextlib.suppress(RuntimeError):  # no thread starts while the interpreter ends, and nothing is left to stop
        timer = threading.Timer(_AGAIN_SECONDS, signal.pthread_kill, [main, number])
        timer.daemon = True
        timer.start()
