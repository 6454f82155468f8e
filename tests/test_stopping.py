"""A command that is told to end does, wherever in the interpreter the signal finds it."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

WORK = """
import os, signal, time, weakref
from treeoflife import cli

class Thing:
    pass

def inside(_):
    os.kill(os.getpid(), signal.{name})

def work():
    thing = Thing()
    callback = weakref.ref(thing, inside)
    del thing
    time.sleep(60)

cli.app = work
cli.main()
"""


@pytest.mark.parametrize(("name", "status"), [("SIGTERM", 143), ("SIGINT", 130)])
def test_a_stop_that_comes_in_a_callback_is_not_lost(name: str, status: int) -> None:
    """There, Python reports the exception and goes on."""
    code = [sys.executable, "-c", WORK.format(name=name)]
    done = subprocess.run(code, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == status
    assert "Exception ignored" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_stop_at_the_interpreters_own_end_says_nothing(name: str) -> None:
    """Nothing of the command is left to close then."""
    last = f"import atexit, os, signal; atexit.register(os.kill, os.getpid(), signal.{name});"
    code = f"{last} from treeoflife import cli; cli.app = lambda: None; cli.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == -signal.Signals[name]
    assert done.stderr == ""
