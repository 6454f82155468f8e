"""The command line: arguments -> configuration -> one call; the only place that prints or exits.

Exit status: 0 done; 1 work failed, or a check found something; 2 wrong usage or configuration; 130 and 143 when
stopped by Ctrl-C and SIGTERM. What the library needs is imported when a command runs, so that --help is there at once.
"""

from __future__ import annotations

import errno
import os
import signal
import sys

from ..errors import ConfigError, TreeoflifeError
from .app import app

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line, and turn what goes wrong into a sentence and an exit status."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        app()
    except TreeoflifeError as error:
        _fail(str(error), 2 if isinstance(error, ConfigError) else 1)
    except KeyboardInterrupt:
        _fail("stopped; what is done is kept, and the same command goes on from there", 130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except OSError as error:
        if error.errno not in _REASONS:
            raise
        where = f": {error.filename}" if error.filename else ""
        _fail(f"{_REASONS[error.errno]}{where}; what is done is kept, and the same command goes on from there", 1)


_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EIO: "the disk cannot be read or written (input/output error)",
    errno.EMFILE: "too many open files",
}


def _fail(message: str, status: int) -> None:
    from ..terminal import printable

    print(f"error: {printable(message)}", file=sys.stderr)
    sys.exit(status)
