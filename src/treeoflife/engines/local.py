"""The engine for one computer: worker processes, each with a pipe to the driver.

``concurrent.futures`` fails all pending tasks when one worker dies, and cannot say which task killed it. Here a dead
worker is replaced and its task tried again (docs/decisions/own-worker-processes.md). Workers are kept between runs,
because a build has many stages and most of them take less time than starting Python.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import weakref
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from importlib import import_module
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from ..errors import InputError
from .base import Done, Failed, Function, R, T, Tick, WorkerTick, describe_failure
from .logs import read_tail

_STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Often enough for a progress bar to look alive, seldom enough to cost nothing.
_TICK_SECONDS = 0.25
_NAME = "treeoflife worker"
# The exit status of a worker that found, as it started, that the user's script would start workers again. Programs end
# with it for a faulty configuration (EX_CONFIG of sysexits.h), and no library that workers use does.
_UNGUARDED = 78
_GUARD = (
    "this script starts worker processes, each of which imports it and would start more: put what it does under "
    "'if __name__ == \"__main__\":'"
)

_Message = int | Done[Any] | Failed
"""What a worker sends: a number of items that it finished, or the outcome of its task."""


class LocalEngine:
    """Runs tasks in worker processes, which are kept until :meth:`close`.

    Args:
        tries: maximum number of attempts at a task whose worker dies.
        log: a file to which workers, and the libraries in them, append their standard error.
    """

    def __init__(self, workers: int, tries: int = 3, log: Path | None = None) -> None:
        self.width = workers
        self.on_one_computer = True
        self.tries = tries
        self.log = log
        self._idle: list[_Worker] = []
        # For callers that do not close the engine. It must not refer to self, which would then never be collected.
        weakref.finalize(self, _end_all, self._idle)

    def run(
        self, function: Function[T, R], tasks: Sequence[T], tick: Tick = lambda _: None
    ) -> Iterator[Done[R] | Failed]:
        """See :class:`treeoflife.engines.base.Engine`."""
        team = [self._take_worker() for _ in range(min(self.width, len(tasks)))]
        try:
            yield from _Run(self.tries, self.log, function, tasks, team).outcomes(tick)
        finally:
            _end_all([worker for worker in team if worker.task is not None])
            self._idle += [worker for worker in team if worker.task is None]

    def prepare(self, modules: Sequence[str]) -> None:
        """Start a worker, which imports the modules while this process goes on. Nothing is written yet."""
        self._idle.append(_Worker(self.log, modules))

    def close(self) -> None:
        """End the workers."""
        _end_all(self._idle)

    def _take_worker(self) -> _Worker:
        """An idle worker, or a new one. The kernel may have killed an idle one to get its memory."""
        while self._idle:
            worker = self._idle.pop()
            if worker.is_alive():
                return worker
            worker.end()
        return _Worker(self.log)


class _Run:
    """Distributes the tasks of one run over a team of workers, in which it replaces those that die."""

    def __init__(
        self,
        tries: int,
        log: Path | None,
        function: Function[Any, Any],
        tasks: Sequence[Any],
        team: list[_Worker],
    ) -> None:
        self.tries, self.log, self.function, self.tasks, self.team = tries, log, function, tasks, team
        self.queue = deque(range(len(tasks)))
        self.deaths = Counter[int]()
        # Error messages quote only what this run added to the log.
        self.log_start = log.stat().st_size if log and log.exists() else 0

    def outcomes(self, tick: Tick) -> Iterator[Done[Any] | Failed]:
        for worker in self.team:
            self._send_next(worker)
        while busy := [worker for worker in self.team if worker.task is not None]:
            for worker in _wait_for_messages(busy):
                try:
                    message = worker.receive()
                except _WorkerDied as death:
                    yield from self._replace(worker, str(death))
                    continue
                if isinstance(message, int):
                    tick(message)
                else:
                    worker.task = None
                    yield message
                    self._send_next(worker)

    def _send_next(self, worker: _Worker) -> None:
        if self.queue:
            number = self.queue.popleft()
            worker.send(number, self.function, self.tasks[number])

    def _replace(self, worker: _Worker, reason: str) -> Iterator[Failed]:
        """Start a worker in place of a dead one, whose task is tried again or has failed."""
        number = worker.task
        assert number is not None
        worker.end()
        replacement = _Worker(self.log)
        self.team[self.team.index(worker)] = replacement
        self.deaths[number] += 1
        if self.deaths[number] < self.tries:
            self.queue.append(number)
        else:
            yield Failed(number, f"{reason}{self._attempts()}{self._log_tail()}", died=True)
        self._send_next(replacement)

    def _attempts(self) -> str:
        return f", {self.tries} times in a row" if self.tries > 1 else ""

    def _log_tail(self) -> str:
        text = read_tail(self.log, self.log_start) if self.log else None
        return f"; {self.log} ends:\n{text}" if text else ""


def _end_all(workers: list[_Worker]) -> None:
    while workers:
        workers.pop().end()


class _WorkerDied(Exception):
    """A worker process ended in the middle of a task; the message says how."""


class _Worker:
    """A process that runs one task after the other.

    Args:
        log: a file to which the worker appends its standard error while it runs tasks; None leaves it on that of the
            driver.
        modules: what it imports before it waits for its first task.

    Attributes:
        task: the index of the task that it runs; None while it is idle.
    """

    def __init__(self, log: Path | None, modules: Sequence[str] = ()) -> None:
        # Not fork: DuckDB and Polars have threads, and a lock that one of them holds would stay locked in the child.
        context = multiprocessing.get_context("spawn")
        self.pipe, worker_pipe = context.Pipe()
        self.process = context.Process(target=_run_worker, args=(worker_pipe, log, modules), daemon=True, name=_NAME)
        self.task: int | None = None
        # There is a worker for each core, so each of them needs only one thread.
        with _environment(POLARS_MAX_THREADS="1"), _signals_deferred():
            _start(self.process)
        worker_pipe.close()

    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process.is_alive()

    def send(self, number: int, function: Function[Any, Any], task: Any) -> None:
        """Give it a task. If the worker has died, nothing happens here: :meth:`receive` will raise."""
        self.task = number
        with contextlib.suppress(OSError):
            self.pipe.send((number, function, task))

    def receive(self) -> _Message:
        """The next message of the worker; waits for it.

        Raises:
            _WorkerDied: its process ended.
            InputError: it could not even start, because the main script of Python starts workers when it is imported.
        """
        try:
            message: _Message = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join(5)
            if self.process.exitcode == _UNGUARDED:
                raise InputError(_GUARD) from None
            raise _WorkerDied(f"the worker process died ({_exit_reason(self.process.exitcode)})") from None
        return message

    def end(self) -> None:
        """Kill the process, whatever it is doing."""
        self.pipe.close()
        if self.process.is_alive():
            self.process.kill()
        self.process.join(10)


def _start(process: BaseProcess) -> None:
    """Start a process. In a worker that still imports the user's script, end that worker instead: Python refuses to
    start processes there, with a traceback in each of the workers."""
    try:
        process.start()
    except RuntimeError:
        if multiprocessing.current_process().name != _NAME:
            raise
        os._exit(_UNGUARDED)


def _wait_for_messages(workers: list[_Worker]) -> list[_Worker]:
    """Wait until at least one of the workers sent something or died; returns those that did."""
    ready = wait([worker.pipe for worker in workers] + [worker.process.sentinel for worker in workers])
    return [worker for worker in workers if worker.pipe in ready or worker.process.sentinel in ready]


def _exit_reason(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        with contextlib.suppress(ValueError):
            return signal.Signals(-exitcode).name
    return f"exit status {exitcode}"


@contextlib.contextmanager
def _environment(**variables: str) -> Iterator[None]:
    """Set variables for a process that is started now: libraries read them when they are imported."""
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
def _signals_deferred() -> Iterator[None]:
    """Defer Ctrl-C and SIGTERM while a process starts: a new process without its task prints a traceback when it ends.

    The new process inherits the signal mask of this thread. In this process any other thread may receive a signal,
    so its handlers are deferred as well.
    """
    # Its start would unblock both signals, so it must not happen inside the block.
    resource_tracker.ensure_running()
    main_thread = threading.current_thread() is threading.main_thread()
    with _handlers_deferred() if main_thread else contextlib.nullcontext():
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _STOP_SIGNALS)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextlib.contextmanager
def _handlers_deferred() -> Iterator[None]:
    """Run the handlers of signals that arrive only at the end. For the main thread, in which Python runs handlers."""
    received: list[int] = []
    handlers = {number: signal.signal(number, lambda number, _: received.append(number)) for number in _STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if received:
            signal.raise_signal(received[0])


def _run_worker(pipe: Connection, log: Path | None, modules: Sequence[str]) -> None:
    """Run tasks from the pipe until it closes. This is the main function of the process."""
    # Ctrl-C goes to the whole process group of a terminal; the driver alone decides when workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _STOP_SIGNALS)
    threading.Thread(target=_exit_with_driver, daemon=True).start()
    for module in modules:
        import_module(module)
    for number, function, task in _requests(pipe, log):
        outcome = _run_task(number, function, task, WorkerTick(pipe.send, _TICK_SECONDS))
        try:
            pipe.send(outcome)
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            pipe.send(describe_failure(number, error))


def _requests(pipe: Connection, log: Path | None) -> Iterator[tuple[int, Function[Any, Any], Any]]:
    """What comes through the pipe until it closes. From the first request on, standard error goes to the log."""
    try:
        request = pipe.recv_bytes()
        if log:
            log.parent.mkdir(parents=True, exist_ok=True)
            # The descriptor and not sys.stderr, since C libraries write to it directly.
            os.dup2(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644), 2)
        while True:
            yield pickle.loads(request)  # noqa: S301 - from the driver
            request = pipe.recv_bytes()
    except EOFError:
        return


def _run_task(number: int, function: Function[Any, Any], task: Any, tick: WorkerTick) -> Done[Any] | Failed:
    try:
        return Done(number, function(task, tick))
    except Exception as error:  # noqa: BLE001 - whatever a task raises is its outcome
        return describe_failure(number, error)
    finally:
        tick.flush()


def _exit_with_driver() -> None:
    """End this process when its driver ends, even by SIGKILL: an orphan would write to files of the next run."""
    driver = multiprocessing.parent_process()
    assert driver
    wait([driver.sentinel])
    os._exit(1)
