"""Decoding within limits: of seconds, of memory, and of what a decoder that crashes takes with it.

A worker decodes in its own process, where it costs nothing, and may die of an image: its engine notices and gives the
container to another. From then on, and in a process that must not die, each image of that container is decoded in a
child process, which is all that an image can take with it. So what becomes of an image does not depend on what else a
process held, or on who killed it before: the last word is always that of a fresh child.
"""

from __future__ import annotations

import atexit
import json
import os
import resource
import select
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import IO, cast

from ..config.tables import Images
from ..core.values import Skip
from ..engines import base
from .convert import Encoded, convert
from .measure import Measured

Decode = Callable[[bytes], Encoded | Skip]

_LENGTH = struct.Struct(">Q")
_OUT_OF_MEMORY = 77
_PATIENCE = 20
"""How many times the seconds of CPU that an image may take a child may take by the clock: it may have to wait."""


@contextmanager
def decoder(settings: Images, tried: Path) -> Iterator[Decode]:
    """What decodes the images of one container: :func:`convert`, within the limits of ``settings``.

    Args:
        tried: a file that is there while a worker is at the container; found there, a worker died at it.
    """
    try:
        _leave_if_over_limit(settings.hard_memory)
        if not base.expendable or tried.exists():
            yield _child(settings).decode
        else:
            tried.parent.mkdir(parents=True, exist_ok=True)
            tried.touch()
            with _limited_memory(settings.hard_memory):
                yield lambda data: _within_time(data, settings)
    finally:
        tried.unlink(missing_ok=True)


def _leave_if_over_limit(more: int) -> None:
    """End a worker that holds ``more`` bytes beyond what it held at first: a fresh one gets its container."""
    first, now = _at_first(), _data_bytes()
    if base.expendable and first is not None and now is not None and now > first + more:
        os._exit(_OUT_OF_MEMORY)


@cache
def _at_first() -> int | None:
    """What this process held before it decoded anything."""
    return _data_bytes()


def _within_time(data: bytes, settings: Images) -> Encoded | Skip:
    """Decode here. A decoder that takes too long ends this process; one that lacks memory is tried elsewhere."""
    signal.setitimer(signal.ITIMER_PROF, settings.max_seconds)
    try:
        return convert(data, settings)
    except MemoryError:
        signal.setitimer(signal.ITIMER_PROF, 0)
        return _child(settings).decode(data)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


@contextmanager
def _limited_memory(more: int) -> Iterator[None]:
    """Let this process take ``more`` bytes beyond what it has. Where the system cannot say what that is, any number."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if (now := _data_bytes()) is None or (hard != resource.RLIM_INFINITY and hard < now + more):
        yield
        return
    resource.setrlimit(resource.RLIMIT_DATA, (now + more, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def _data_bytes() -> int | None:
    """The private writable memory of this process, which is what the limit counts."""
    with suppress(OSError, ValueError, IndexError):
        return 1024 * int(Path("/proc/self/status").read_text().split("VmData:")[1].split()[0])
    return None


class Child:
    """A process that decodes images for this one, and is replaced when it dies.

    >>> Child(Images()).decode(b"<html>").reason
    'not-an-image'
    """

    def __init__(self, settings: Images) -> None:
        self.settings = settings
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.close)

    def decode(self, data: bytes) -> Encoded | Skip:
        """What :func:`convert` makes of ``data``; a Skip where it kills two processes, or takes too long."""
        for _ in range(2):
            try:
                return self._ask(data)
            except (OSError, EOFError):
                if (status := self._ended()) == -signal.SIGPROF:
                    break
        return self._verdict(status)

    def _ask(self, data: bytes) -> Encoded | Skip:
        process = self._process = self._process or self._start()
        to, back = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        to.write(_LENGTH.pack(len(data)) + data)
        to.flush()
        if not select.select([back], [], [], self.settings.max_seconds * _PATIENCE)[0]:
            raise TimeoutError
        told = json.loads(_exactly(back, _LENGTH.unpack(_exactly(back, _LENGTH.size))[0]))
        if "reason" in told:
            return Skip(**told)
        measured = told.pop("measured")
        return Encoded(_exactly(back, told.pop("size")), **told, measured=measured and Measured(*measured))

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", __name__, self.settings.model_dump_json()]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def _ended(self) -> int:
        """End the child, if it has not; returns its exit status."""
        process, self._process = cast("subprocess.Popen[bytes]", self._process), None
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.kill()
        with suppress(OSError):
            process.communicate()
        return process.wait()

    def _verdict(self, status: int) -> Skip:
        if status == -signal.SIGPROF:
            return Skip("too-slow", f"decoding takes more than {self.settings.max_seconds:g} seconds")
        if status == _OUT_OF_MEMORY:
            return Skip("too-much-memory", f"decoding takes more than {self.settings.hard_memory} bytes")
        return Skip("crashed", f"the decoder ended its process twice ({_name(status)})")

    def close(self) -> None:
        """End the child."""
        if self._process:
            self._process.kill()
            self._ended()


def _name(status: int) -> str:
    with suppress(ValueError):
        return signal.Signals(-status).name
    return f"exit status {status}"


_children: dict[Images, Child] = {}


def _child(settings: Images) -> Child:
    """This process's child for these settings: it stays from one container to the next."""
    if settings not in _children:
        for other in _children.values():
            other.close()
        _children.clear()
        _children[settings] = Child(settings)
    return _children[settings]


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) != size:
        raise EOFError
    return data


def _serve(settings: Images, come: IO[bytes], back: IO[bytes]) -> None:
    """What the child does: images from ``come``, until it closes."""
    while head := come.read(_LENGTH.size):
        data = come.read(_LENGTH.unpack(head)[0])
        signal.setitimer(signal.ITIMER_PROF, settings.max_seconds)
        made = convert(data, settings)
        signal.setitimer(signal.ITIMER_PROF, 0)
        told = {name: getattr(made, name) for name in made.__slots__ if name != "data"}
        jpeg = made.data if isinstance(made, Encoded) else b""
        text = json.dumps(told | ({"size": len(jpeg)} if jpeg else {})).encode()
        back.write(_LENGTH.pack(len(text)) + text + jpeg)
        back.flush()


def _main() -> None:
    settings = Images.model_validate_json(sys.argv[1])
    back = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print is no answer
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(KeyboardInterrupt), _limited_memory(settings.hard_memory):
        try:
            _serve(settings, sys.stdin.buffer, back)
        except MemoryError:
            os._exit(_OUT_OF_MEMORY)


if __name__ == "__main__":
    _main()
