"""Processes on this computer, each with a pipe to this one.

``concurrent.futures`` gives up all tasks when one worker dies and cannot say which task it was on.
Here a dead worker is replaced, and its task, which the driver knows, is tried again. Workers stay between two
runs: a build runs many stages, and starting Python takes longer than most of them.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
import weakref
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from pickle import PicklingError
from typing import Any, cast

from . import base
from .base import Done, Failed, Function, R, T, Tick, describe

_STOPS = (signal.SIGINT, signal.SIGTERM)
_TICK_SECONDS = 0.25
_TAIL_BYTES = 2000


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    task: int | None = None


class LocalEngine:
    """Runs tasks in ``workers`` processes, which stay until :meth:`close`.

    Args:
        workers: how many.
        tries: how often a task is started whose worker dies.
        log: a file that takes what the workers (and the libraries in them) write to standard error.
    """

    def __init__(self, workers: int, tries: int = 3, log: Path | None = None) -> None:
        self.width = workers
        self.tries = tries
        self.log = log
        self._idle: list[_Worker] = []
        weakref.finalize(self, _end_all, self._idle)

    def run(
        self, function: Function[T, R], tasks: Sequence[T], tick: Tick = lambda _: None
    ) -> Iterator[Done[R] | Failed]:
        """See :class:`treeoflife.engines.base.Engine`."""
        waiting = deque(range(len(tasks)))
        begin = self.log.stat().st_size if self.log and self.log.exists() else 0
        deaths = [0] * len(tasks)
        team = [self._worker() for _ in range(min(self.width, len(tasks)))]
        try:
            for worker in team:
                _give(worker, waiting, function, tasks)
            while any(worker.task is not None for worker in team):
                for worker in _ready(team):
                    kind, value = _hear(worker)
                    if kind == "tick":
                        tick(cast(int, value))
                        continue
                    number = cast(int, worker.task)
                    worker.task = None
                    if kind == "death":
                        deaths[number] += 1
                        team[team.index(worker)] = worker = self._replace(worker)
                        if deaths[number] < self.tries:
                            waiting.append(number)
                        else:
                            yield Failed(number, f"{value}{_times(self.tries)}{self._tail(begin)}", died=True)
                    else:
                        yield cast("Done[R] | Failed", value)
                    _give(worker, waiting, function, tasks)
        finally:
            _end_all([worker for worker in team if worker.task is not None])
            self._idle += [worker for worker in team if worker.task is None]

    def close(self) -> None:
        """End the workers."""
        _end_all(self._idle)

    def _worker(self) -> _Worker:
        """One that is there and lives, or a new one."""
        while self._idle:
            worker = self._idle.pop()
            if worker.process.is_alive():
                return worker
            _end(worker)
        return self._start()

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        if self.log:
            self.log.parent.mkdir(parents=True, exist_ok=True)
        process = context.Process(target=_work, args=(theirs, self.log), daemon=True)
        with _environment(POLARS_MAX_THREADS="1"), _undisturbed():
            process.start()
        theirs.close()
        return _Worker(process, ours)

    def _replace(self, worker: _Worker) -> _Worker:
        _end(worker)
        return self._start()

    def _tail(self, begin: int) -> str:
        """The last lines that this run put into the log, to follow an error."""
        if not self.log or not self.log.exists():
            return ""
        with self.log.open("rb") as fd:
            fd.seek(max(begin, self.log.stat().st_size - _TAIL_BYTES))
            text = fd.read().decode(errors="replace").strip()
        return f"; {self.log} ends:\n{text}" if text else ""


def _times(tries: int) -> str:
    return f", {tries} times in a row" if tries > 1 else ""


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set variables for the processes that start now: libraries read them when they are imported."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Put off Ctrl-C and SIGTERM: a process that is started and not told what it is complains on the terminal.

    The mask is for the process that starts and has it from this thread; here, any other thread may take a signal, so
    handlers wait as well.
    """
    resource_tracker.ensure_running()  # which lets both in when it begins
    with _put_off() if threading.current_thread() is threading.main_thread() else contextlib.nullcontext():
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _STOPS)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _put_off() -> Iterator[None]:
    """Let signals come, and their handlers run only at the end. For the main thread, which alone runs handlers."""
    came: list[int] = []
    before = {number: signal.signal(number, lambda one, _: came.append(one)) for number in _STOPS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        for one in came[:1]:
            signal.raise_signal(one)


def _give(worker: _Worker, waiting: deque[int], function: Function[Any, Any], tasks: Sequence[Any]) -> None:
    """Send the worker the next task, if there is one. A dead worker's pipe may be closed: it is heard of later."""
    if waiting:
        worker.task = waiting.popleft()
        with contextlib.suppress(OSError):
            worker.pipe.send((worker.task, function, tasks[worker.task]))


def _ready(team: list[_Worker]) -> list[_Worker]:
    """The workers that have something to say, or that died."""
    busy = [worker for worker in team if worker.task is not None]
    signals = wait([worker.pipe for worker in busy] + [worker.process.sentinel for worker in busy])
    return [worker for worker in busy if worker.pipe in signals or worker.process.sentinel in signals]


def _hear(worker: _Worker) -> tuple[str, object]:
    try:
        return cast("tuple[str, object]", worker.pipe.recv())
    except (EOFError, OSError):
        worker.process.join(5)
        return "death", f"the worker process died ({_cause(worker.process.exitcode)})"


def _cause(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-exitcode).name
    return f"exit status {exitcode}"


def _end(worker: _Worker) -> None:
    worker.pipe.close()
    if worker.process.is_alive():
        worker.process.kill()
    worker.process.join(10)


def _end_all(workers: list[_Worker]) -> None:
    while workers:
        _end(workers.pop())


def _work(pipe: Connection, log: Path | None) -> None:
    """What a worker does: tasks from the pipe, until it closes."""
    base.expendable = True
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOPS)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    if log:
        os.dup2(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), 2)
    while True:
        try:
            number, function, task = pipe.recv()
        except EOFError:
            return
        outcome = _outcome(number, task, function, _throttled(pipe))
        try:
            pipe.send(("outcome", outcome))
        except (TypeError, AttributeError, PicklingError) as error:
            pipe.send(("outcome", describe(number, error)))


def _outcome(number: int, task: T, function: Function[T, R], tick: Tick) -> Done[R] | Failed:
    try:
        return Done(number, function(task, tick))
    except Exception as error:  # noqa: BLE001 - whatever a task raises is its outcome
        return describe(number, error)
    finally:
        tick(0)


def _throttled(pipe: Connection) -> Tick:
    """A tick that sends its sum every so often, and at once when called with 0."""
    pending, last = 0, time.monotonic()

    def tick(items: int) -> None:
        nonlocal pending, last
        pending += items
        if pending and (not items or time.monotonic() - last > _TICK_SECONDS):
            pipe.send(("tick", pending))
            pending, last = 0, time.monotonic()

    return tick


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent
    wait([parent.sentinel])
    os._exit(1)
