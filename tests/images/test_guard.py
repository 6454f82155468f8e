"""A decoder that hangs, crashes or takes too much memory costs only its image."""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

from treeoflife.config.tables import Images
from treeoflife.core.values import Skip
from treeoflife.engines.base import Done, Tick, is_expendable
from treeoflife.engines.local import LocalEngine
from treeoflife.images.convert import Encoded, convert
from treeoflife.images.guard import DecoderProcess, decoder

EVIL = """
import os, time
from PIL import Image

opened = Image.open

def evil(fp, *given, **named):
    head = fp.read(5)
    fp.seek(0)
    if head == b"spin!":
        while True:
            pass
    if head == b"sleep":
        time.sleep(3600)
    if head == b"abort":
        os.abort()
    if head == b"grow!":
        bytearray(10**9).decode("latin-1")
    if head == b"once!" and not os.path.exists(os.environ["ONCE"]):
        open(os.environ["ONCE"], "w").close()
        os.abort()
    return opened(fp, *given, **named)

Image.open = evil
"""
"""Makes the decoders of child processes misbehave on files that begin with these words."""

LIMITS = Images(max_seconds=0.4, hard_memory=100_000_000)


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DecoderProcess]:
    """A child process whose decoders misbehave."""
    (tmp_path / "sitecustomize.py").write_text(EVIL)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("ONCE", str(tmp_path / "once"))
    child = DecoderProcess(LIMITS)
    yield child
    child.close()


@pytest.mark.parametrize(
    ("start", "reason", "detail"),
    [
        (b"spin!", "too-slow", "0.4 seconds"),
        (b"sleep", "crashed", "SIGKILL"),
        (b"abort", "crashed", "SIGABRT"),
        (b"grow!", "too-much-memory", "100000000 bytes"),
        (b"once!", "not-an-image", "begins with"),
    ],
)
def test_an_image_that_harms_its_decoder_is_skipped_with_a_reason(
    child: DecoderProcess, start: bytes, reason: str, detail: str
) -> None:
    """The next image is decoded as usual."""
    skip = child.decode(start)
    assert isinstance(skip, Skip)
    assert (skip.reason, detail in skip.detail) == (reason, True), skip
    assert child.decode(photo()) == convert(photo(), LIMITS)


def test_a_child_process_gives_the_same_result_as_this_process(child: DecoderProcess) -> None:
    for data in (photo(), b"<html>", b"", photo()[:500], photo("PNG")):
        assert child.decode(data) == convert(data, LIMITS)


def test_a_worker_decodes_in_its_own_process_unless_one_died_of_the_container(tmp_path: Path) -> None:
    """The marker exists while it decodes; afterwards it is gone, even after an error."""
    mark = tmp_path / "store" / "mark"
    with decoder(LIMITS, mark, expendable=True) as decode:
        assert mark.exists()
        assert isinstance(decode(photo()), Encoded)
        assert _owner(decode) is None
    assert not mark.exists()
    mark.touch()
    with pytest.raises(ZeroDivisionError):
        _divide(mark)
    assert not mark.exists()


def test_a_process_that_is_not_expendable_decodes_in_a_child(tmp_path: Path) -> None:
    """Such as the driver, with the serial engine."""
    with decoder(LIMITS, tmp_path / "mark") as decode:
        assert isinstance(_owner(decode), DecoderProcess)
        assert isinstance(decode(photo()), Encoded)


def test_an_image_without_memory_here_is_tried_in_a_fresh_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The memory that this process holds already does not count against the image."""

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("treeoflife.images.guard.convert", fail)
    with decoder(LIMITS, tmp_path / "mark", expendable=True) as decode:
        assert isinstance(decode(photo()), Encoded)


def test_a_worker_that_decodes_too_long_ends(tmp_path: Path) -> None:
    """By SIGPROF, even if the decoder never returns to Python."""
    if pid := os.fork():
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGPROF
        assert (tmp_path / "mark").exists()
        return
    with decoder(LIMITS, tmp_path / "mark", expendable=True) as decode:  # the child's whole life: it never returns
        Image.open = _spin  # type: ignore[assignment]
        decode(b"any")
    os._exit(0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what a process holds")
def test_a_worker_whose_memory_grows_is_replaced(tmp_path: Path) -> None:
    """Before it begins the next container."""
    tasks = [tmp_path / f"mark-{number}" for number in range(5)]
    with closing(LocalEngine(1)) as engine:
        done = list(engine.run(_leak, tasks))
    assert all(isinstance(one, Done) for one in done), done
    pids = [one.value for one in done if isinstance(one, Done)]
    assert pids[0] == pids[1]
    assert len(set(pids)) == 3


_LEAKED: list[bytearray] = []


def _leak(mark: Path, tick: Tick) -> int:
    """Decode, and keep 60 MB."""
    with decoder(LIMITS, mark, expendable=is_expendable(tick)) as decode:
        assert isinstance(decode(photo()), Encoded)
    _LEAKED.append(bytearray(60_000_000))
    return os.getpid()


def _divide(mark: Path) -> None:
    """Fail while decoding, in a child."""
    with decoder(LIMITS, mark, expendable=True) as decode:
        assert isinstance(_owner(decode), DecoderProcess)
        raise ZeroDivisionError


def _spin(*_: object, **__: object) -> None:
    while True:
        pass


def _owner(decode: Callable[[bytes], object]) -> object:
    return getattr(decode, "__self__", None)


def photo(format_: str = "JPEG") -> bytes:
    """A picture of some colours."""
    out = io.BytesIO()
    Image.linear_gradient("L").convert("RGB").save(out, format_)
    return out.getvalue()
