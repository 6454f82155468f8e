"""A decoder that hangs, crashes or takes too much memory costs its image, and nothing else."""

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
from treeoflife.engines import base
from treeoflife.engines.base import Done, Tick
from treeoflife.engines.local import LocalEngine
from treeoflife.images.convert import Encoded, convert
from treeoflife.images.guard import Child, decoder

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
"""What makes decoders of every Python below misbehave at files that begin so."""

LIMITS = Images(max_seconds=0.4, hard_memory=100_000_000)


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Child]:
    """A child process whose decoders misbehave."""
    (tmp_path / "sitecustomize.py").write_text(EVIL)
    monkeypatch.setenv("PYTHONPATH", f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}")
    monkeypatch.setenv("ONCE", str(tmp_path / "once"))
    child = Child(LIMITS)
    yield child
    child.close()


@pytest.mark.parametrize(
    ("begins", "reason", "says"),
    [
        (b"spin!", "too-slow", "0.4 seconds"),
        (b"sleep", "crashed", "SIGKILL"),
        (b"abort", "crashed", "SIGABRT"),
        (b"grow!", "too-much-memory", "100000000 bytes"),
        (b"once!", "not-an-image", "begins with"),
    ],
)
def test_what_a_decoder_does_to_its_process_becomes_of_the_image(
    child: Child, begins: bytes, reason: str, says: str
) -> None:
    """The next image is decoded as if nothing had been."""
    skip = child.decode(begins)
    assert isinstance(skip, Skip)
    assert (skip.reason, says in skip.detail) == (reason, True), skip
    assert child.decode(photo()) == convert(photo(), LIMITS)


def test_a_child_says_what_the_process_itself_would(child: Child) -> None:
    """Of an image, of what is none, of nothing."""
    for data in (photo(), b"<html>", b"", photo()[:500], photo("PNG")):
        assert child.decode(data) == convert(data, LIMITS)


def test_a_worker_decodes_by_itself_until_one_died(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its mark is there while it decodes, and gone when it is done, also by an error."""
    monkeypatch.setattr(base, "expendable", True)
    mark = tmp_path / "store" / "mark"
    with decoder(LIMITS, mark) as decode:
        assert mark.exists()
        assert isinstance(decode(photo()), Encoded)
        assert _owner(decode) is None
    assert not mark.exists()
    mark.touch()
    with pytest.raises(ZeroDivisionError):
        _divide(mark)
    assert not mark.exists()


def test_a_process_that_must_not_die_never_decodes_by_itself(tmp_path: Path) -> None:
    """Such as the driver's own, with the serial engine."""
    with decoder(LIMITS, tmp_path / "mark") as decode:
        assert isinstance(_owner(decode), Child)
        assert isinstance(decode(photo()), Encoded)


def test_an_image_without_memory_here_is_tried_in_a_fresh_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a process holds already says nothing of an image."""

    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(base, "expendable", True)
    monkeypatch.setattr("treeoflife.images.guard.convert", fail)
    with decoder(LIMITS, tmp_path / "mark") as decode:
        assert isinstance(decode(photo()), Encoded)


def test_a_worker_that_decodes_too_long_ends(tmp_path: Path) -> None:
    """By SIGPROF, even where a decoder never comes back to Python."""
    if pid := os.fork():
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGPROF
        assert (tmp_path / "mark").exists()
        return
    base.expendable = True
    with decoder(LIMITS, tmp_path / "mark") as decode:  # the child's whole life: it never returns
        Image.open = _spin  # type: ignore[assignment]
        decode(b"any")
    os._exit(0)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says what a process holds")
def test_a_worker_that_holds_more_and_more_is_replaced(tmp_path: Path) -> None:
    """Before it is at the next container, which is none the worse for it."""
    tasks = [tmp_path / f"mark-{number}" for number in range(5)]
    with closing(LocalEngine(1)) as engine:
        done = list(engine.run(_leak, tasks))
    assert all(isinstance(one, Done) for one in done), done
    pids = [one.value for one in done if isinstance(one, Done)]
    assert pids[0] == pids[1]
    assert len(set(pids)) == 3


_LEAKED: list[bytearray] = []


def _leak(mark: Path, _tick: Tick) -> int:
    """Decode, and keep 60 MB."""
    with decoder(LIMITS, mark) as decode:
        assert isinstance(decode(photo()), Encoded)
    _LEAKED.append(bytearray(60_000_000))
    return os.getpid()


def _divide(mark: Path) -> None:
    """Fail while decoding, in a child."""
    with decoder(LIMITS, mark) as decode:
        assert isinstance(_owner(decode), Child)
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
