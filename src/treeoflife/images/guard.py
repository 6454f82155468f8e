"""Decoding within limits of time and memory, so that an image that hangs or crashes its decoder costs only itself.

A worker decodes in its own process, which is fastest, and may die of an image: the engine notices and gives the
container to another worker. That one, and any process that must not die, decodes each image of the container in a child
process. What becomes of an image therefore does not depend on what else its process held or decoded: a fresh child has
the last word.
"""

import os
import pickle
import resource
import select
import signal
import subprocess
import sys
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache, lru_cache
from pathlib import Path
from typing import IO, Protocol, cast

from ..config.tables import Images
from ..core.values import BoundingBox, Skip
from .convert import Encoded, convert


class Decode(Protocol):
    """Like :func:`convert`, with its settings."""

    def __call__(self, data: bytes, box: BoundingBox | None = None, /) -> Encoded | Skip:
        """The image, or the part of it in the box."""


# An exit status that neither Python nor a shell uses.
_OUT_OF_MEMORY = 77
# The limit is in seconds of CPU. A child that sleeps uses none, so it is ended after this many times as long by the
# clock, which leaves room for a machine that is busy with 20 processes for each core.
_CLOCK_PER_CPU = 20
# A child may die of what an earlier image left behind; a second one is fresh.
_ATTEMPTS = 2
# Time for a child that is dying to report its own exit status, before it is killed.
_DYING_SECONDS = 0.5


@contextmanager
def decoder(settings: Images, marker: Path, *, expendable: bool = False) -> Iterator[Decode]:
    """A function that decodes the images of one container: :func:`convert`, within the limits of ``settings``.

    Args:
        settings: how to decode and encode, and the limits.
        marker: a file that exists while a worker decodes the container. If it exists before, a worker died.
        expendable: this process is a worker that may die, since its engine replaces it.
    """
    try:
        if expendable:
            _exit_if_grown(settings.hard_memory)
        if not expendable or marker.exists():
            yield _decoder_process(settings).decode
        else:
            marker.parent.mkdir(parents=True, exist_ok=True)
            marker.touch()
            with _limited_memory(settings.hard_memory):
                yield lambda data, box=None: _decode_here(data, settings, box)
    finally:
        marker.unlink(missing_ok=True)


def _exit_if_grown(limit: int) -> None:
    """End a worker that holds over ``limit`` bytes more than at first: a fresh one gets its container."""
    first, now = _initial_memory(), _memory()
    if first is not None and now is not None and now > first + limit:
        os._exit(_OUT_OF_MEMORY)


@cache
def _initial_memory() -> int | None:
    """The memory of this process when it was about to decode for the first time."""
    return _memory()


def _memory() -> int | None:
    """The private writable memory of this process in bytes, which RLIMIT_DATA limits; None outside Linux."""
    with suppress(OSError, ValueError, IndexError):
        return 1024 * int(Path("/proc/self/status").read_text(encoding="utf-8").split("VmData:")[1].split()[0])
    return None


def _decode_here(data: bytes, settings: Images, box: BoundingBox | None) -> Encoded | Skip:
    try:
        with _limited_time(settings.max_seconds):
            return convert(data, settings, box)
    except MemoryError:  # this process may hold much else
        return _decoder_process(settings).decode(data, box)


@contextmanager
def _limited_time(seconds: float) -> Iterator[None]:
    """End this process if it uses more than ``seconds`` of CPU.

    SIGPROF has no handler, so it works also while a decoder does not return to Python.
    """
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


@contextmanager
def _limited_memory(extra: int) -> Iterator[None]:
    """Raise MemoryError if this process takes over ``extra`` bytes more than it has. Without limit outside Linux."""
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if (now := _memory()) is None or (hard != resource.RLIM_INFINITY and hard < now + extra):
        yield
        return
    resource.setrlimit(resource.RLIMIT_DATA, (now + extra, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


class DecoderProcess:
    """A child process that decodes images, and is replaced when it dies. It ends with this object.

    >>> DecoderProcess(Images()).decode(b"<html>").reason
    'not-an-image'
    """

    def __init__(self, settings: Images) -> None:
        self.settings = settings
        self._process: subprocess.Popen[bytes] | None = None

    def decode(self, data: bytes, box: BoundingBox | None = None) -> Encoded | Skip:
        """The result of :func:`convert`; or a Skip, if ``data`` kills the process twice, or exceeds a limit."""
        for _ in range(_ATTEMPTS):
            try:
                return self._request(data, box)
            except (OSError, EOFError, pickle.UnpicklingError):
                if (status := self._end()) == -signal.SIGPROF:
                    break
        return self._verdict(status)

    def _request(self, data: bytes, box: BoundingBox | None) -> Encoded | Skip:
        process = self._process = self._process or self._start()
        requests, replies = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
        pickle.dump((data, box), requests)
        requests.flush()
        if not select.select([replies], [], [], self.settings.max_seconds * _CLOCK_PER_CPU)[0]:
            raise TimeoutError
        return cast("Encoded | Skip", pickle.load(replies))  # noqa: S301 - the child could do all that this process can

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", __name__, self.settings.model_dump_json()]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._finalizer = weakref.finalize(self, _kill, process)
        return process

    def _end(self) -> int:
        """End the process, if it has not ended; returns its exit status."""
        process, self._process = cast("subprocess.Popen[bytes]", self._process), None
        self._finalizer.detach()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_DYING_SECONDS)
        return _kill(process)

    def close(self) -> None:
        """End the process now."""
        if self._process:
            self._process.kill()
            self._end()

    def _verdict(self, status: int) -> Skip:
        if status == -signal.SIGPROF:
            return Skip("too-slow", f"decoding takes more than {self.settings.max_seconds:g} seconds")
        if status == _OUT_OF_MEMORY:
            return Skip("too-much-memory", f"decoding takes more than {self.settings.hard_memory} bytes")
        name = signal.Signals(-status).name if -status in list(signal.Signals) else f"exit status {status}"
        return Skip("crashed", f"the decoder ended its process twice ({name})")


def _kill(process: subprocess.Popen[bytes]) -> int:
    """End a process and close its pipes; returns its exit status."""
    process.kill()
    with suppress(OSError):
        process.communicate()
    return process.wait()


# Starting Python takes longer than encoding a small container, so a process stays from one container to the next. There
# is only one, as each takes memory: a process for other settings replaces it.
@lru_cache(maxsize=1)
def _decoder_process(settings: Images) -> DecoderProcess:
    return DecoderProcess(settings)


def _main() -> None:
    """In the child: decode images until the requests end."""
    settings = Images.model_validate_json(sys.argv[1])
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # libraries that print must not write into the replies
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # crashes are expected; their core files would fill the disk
    with suppress(KeyboardInterrupt, EOFError), _limited_memory(settings.hard_memory):
        try:
            while True:
                data, box = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the parent process
                with _limited_time(settings.max_seconds):
                    result = convert(data, settings, box)
                pickle.dump(result, replies)
                replies.flush()
        except MemoryError:
            os._exit(_OUT_OF_MEMORY)


if __name__ == "__main__":
    _main()
