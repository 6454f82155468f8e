"""The command line: arguments -> configuration -> one call; the only place that prints or exits.

Exit status: 0 done; 1 work failed, or a check found something; 2 wrong usage or configuration; 130 and 143 when
stopped by Ctrl-C and SIGTERM. What the library needs is imported when a command runs, so that --help is there at once.
"""

import errno
import gc
import io
import os
import sys

from ..errors import KEPT, ConfigError, TreeoflifeError
from .app import app
from .stopping import stoppable

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line, and turn what goes wrong into a sentence and an exit status."""
    _use_utf8()
    # What is on record of many containers is a million objects without cycles, which the collector would look for.
    gc.set_threshold(200_000)
    with stoppable():
        try:
            _run()
        finally:
            gc.freeze()  # the interpreter would look through all of them once more before it ends


def _use_utf8() -> None:
    """Read names of files as UTF-8 in every locale, and print what a terminal cannot show as escapes.

    Otherwise the same files would have other names, and so other ids, in the locale of another user.
    """
    if sys.getfilesystemencoding() != "utf-8" and os.environ.get("PYTHONUTF8") != "1" and sys.executable:
        # Python decides on it when it starts: https://peps.python.org/pep-0540/. Workers inherit the variable.
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, sys.orig_argv)  # noqa: S606 - the same program with the same words
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _run() -> None:
    try:
        app()
    except TreeoflifeError as error:
        _fail(str(error), 2 if isinstance(error, ConfigError) else 1)
    except (KeyboardInterrupt, SystemExit) as stop:
        # Typer turns Ctrl-C into exit status 130 by itself, and says nothing.
        if isinstance(stop, SystemExit) and stop.code != _INTERRUPTED:
            raise
        _fail(f"stopped{_remark(stop)}", _INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:
        if not (reason := _system_error(error)):
            raise
        _fail(f"{reason}{_remark(error)}", 1)


def _remark(error: BaseException | None) -> str:
    """That what is done is kept, where something was done before an error or the one that it came of."""
    while error is not None:
        if KEPT in getattr(error, "__notes__", ()):
            return f"; {KEPT}"
        error = error.__cause__ or error.__context__
    return ""


def _system_error(error: Exception) -> str:
    """What the computer said, in a few words; nothing for an error of another kind, which is a bug."""
    from ..core.sqlite_files import system_error

    error = system_error(error) or error
    text = str(error)
    if isinstance(error, OSError) and error.strerror:
        text = _REASONS.get(error.errno or 0, error.strerror)
        return f"{text}: {error.filename}" if error.filename else text
    if isinstance(error, OSError):
        return text
    # Polars has no type of its own for a full disk.
    return _REASONS[errno.ENOSPC] if "No space left on device" in text else ""


_INTERRUPTED = 130
_REASONS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission denied",
    errno.EIO: "the disk cannot be read or written (input/output error)",
    errno.EMFILE: "too many open files",
    errno.EBUSY: "another program has locked the file for too long",
    errno.EISDIR: "there is a folder, a pipe or the like where a file should be",
    errno.ELOOP: "links lead in a circle",
    errno.ENOMEM: "there is not enough memory",
}


def _fail(message: str, status: int) -> None:
    from ..core.text import printable, without_addresses

    print(f"error: {printable(without_addresses(message))}", file=sys.stderr)
    sys.exit(status)
