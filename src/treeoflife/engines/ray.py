"""The engine for a Ray cluster: an existing one, or one that is started on this computer.

Ray places tasks, retries those that lose their worker or node, and kills workers that take too much memory. The driver
(this process) limits the number of tasks in flight, and collects progress through a small actor on its own node.
"""

import contextlib
import logging
import os
import pickle
import re
import socket
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..config.engines import RayTable
from ..core.extras import import_extra
from ..errors import ConfigError, InputError
from .base import TRANSIENT_ERRORS, Done, Failed, Function, R, T, Tick, WorkerTick, describe_failure
from .run_folder import create_run_folder, function_name
from .task_tracker import TaskTracker

# How long one wait for an outcome takes; progress and a request to cancel are checked as often.
_WAIT_SECONDS = 1.0
_CONNECT_SECONDS = 5.0
# Often enough for a progress bar to look alive; all workers of the cluster call the one actor.
_TICK_SECONDS = 0.25
_IMPORT_FAILURE = re.compile(r"ModuleNotFoundError|ImportError|failed to import|Can't get attribute")


class RayEngine:
    """Runs tasks on Ray.

    Args:
        table: the address of the cluster, and the resources of a task.
        folder: the parent of the run folders, on a file system that all nodes mount at the same path.

    Raises:
        MissingExtra: Ray is not installed.
    """

    def __init__(self, table: RayTable, folder: Path) -> None:
        import_extra("ray", "ray", "the engine ray")
        self.table = table
        self.folder = folder.absolute()

    @property
    def width(self) -> int:
        """The number of tasks for which the cluster has cores now.

        Raises:
            ConfigError: there is no cluster at the address.
        """
        return max(1, int(_cluster_cores(self.table) / self.table.cpus))

    @property
    def on_one_computer(self) -> bool:
        """No: nobody knows which computers the cluster has."""
        return False

    def prepare(self, modules: Sequence[str]) -> None:
        """Nothing: a worker starts on its node when it gets a task."""

    def close(self) -> None:
        """Nothing to release: other code in this process may use the connection."""

    def run(
        self, function: Function[T, R], tasks: Sequence[T], tick: Tick = lambda _: None
    ) -> Iterator[Done[R] | Failed]:
        """See :class:`treeoflife.engines.base.Engine`.

        Raises:
            ConfigError: there is no cluster at the address.
            InputError: a worker cannot see the dataset's folder, or cannot import treeoflife.
            TasksFailed: the run was cancelled.
        """
        if not tasks:
            return
        _connect(self.table)
        folder = create_run_folder(self.folder, "ray", function_name(function), len(tasks))
        run = _Run(self.table, TaskTracker(folder, tasks, self.table.tries), function, tick)
        try:
            yield from run.outcomes()
        finally:
            run.end()


class _Run:
    """One run on the cluster, as the driver sees it."""

    def __init__(self, table: RayTable, tracker: TaskTracker, function: Function[Any, Any], tick: Tick) -> None:
        import ray

        self.ray: Any = ray
        self.table = table
        self.tracker = tracker
        self.tick = tick
        self.function = ray.put(function)
        self.counter = _start_counter(ray)
        self.remote = ray.remote(_run_task).options(
            num_cpus=table.cpus, num_gpus=table.gpus, memory=int(table.memory_gb * 2**30) or None,
            max_retries=table.tries - 1,
            retry_exceptions=list(TRANSIENT_ERRORS),
            # Polars would start a thread for each core of the node, in every worker.
            runtime_env={"env_vars": {"POLARS_MAX_THREADS": "1"}},
        )  # fmt: skip
        self.in_flight: dict[Any, int] = {}

    def outcomes(self) -> Iterator[Done[Any] | Failed]:
        self.tracker.folder.record("cluster", nodes=sum(node["Alive"] for node in self.ray.nodes()))
        numbers = iter(range(len(self.tracker.tasks)))
        self._launch(numbers)
        while self.in_flight:
            ready, _ = self.ray.wait(list(self.in_flight), num_returns=1, timeout=_WAIT_SECONDS)
            for reference in ready:
                outcome = self._outcome(reference)
                self._report_progress()
                yield self.tracker.finish_task(outcome)
            self._report_progress()
            self.tracker.raise_if_cancelled()
            self._launch(numbers)

    def _launch(self, numbers: Iterator[int]) -> None:
        """Launch tasks up to the limit, which is computed each time because clusters grow and shrink."""
        # Twice the cores: a worker that becomes free finds its next task on its node already.
        limit = self.table.in_flight or max(2, int(2 * _cluster_cores(self.table) / self.table.cpus))
        while len(self.in_flight) < limit:
            number = next(numbers, None)
            if number is None:
                return
            task, shared_folder = self.tracker.tasks[number], str(self.tracker.folder.streams)
            reference = self.remote.remote(self.function, number, task, self.counter, shared_folder)
            self.in_flight[reference] = number

    def _outcome(self, reference: Any) -> Done[Any] | Failed:
        number = self.in_flight.pop(reference)
        errors, attempts = self.ray.exceptions, self.tracker.attempts
        try:
            outcome: Done[Any] | Failed = self.ray.get(reference)
        except errors.RayTaskError as error:
            if reason := _unusable_worker(error):
                raise InputError(reason) from None
            outcome = replace(describe_failure(number, error.cause), traceback=str(error))
        except errors.OutOfMemoryError as error:
            message = f"its node ran out of memory{attempts}: set engine.ray.memory_gb to what a task needs"
            outcome = Failed(number, message, str(error), died=True)
        except errors.RayError as error:
            outcome = Failed(number, f"{type(error).__name__}{attempts}: {str(error).strip()}", died=True)
        return outcome

    def _report_progress(self) -> None:
        """Pass on the items that the counter received. Lost progress is no reason to fail."""
        try:
            items = self.ray.get(self.counter.take.remote(), timeout=30)
        except self.ray.exceptions.RayError:
            return
        if items:
            self.tick(items)

    def end(self) -> None:
        for reference in self.in_flight:
            self.ray.cancel(reference, force=True)
        self.ray.kill(self.counter)
        self.tracker.finish_run()


class _FolderNotVisible(Exception):
    """A worker cannot see the dataset's folder."""


def _unusable_worker(error: Any) -> str:
    """Why a worker cannot run any task; empty if it can. Such a worker would fail one task after the other."""
    if isinstance(error.cause, _FolderNotVisible):
        return str(error.cause)
    if isinstance(error.cause, TRANSIENT_ERRORS) or not _IMPORT_FAILURE.search(str(error)):
        return ""
    reason = (str(error.cause).strip() or type(error.cause).__name__).splitlines()[-1]
    address = re.search(r"\bip=([^)\s]+)", str(error))
    return (
        f"the Ray worker on {address[1] if address else 'a node'} cannot start a task ({reason}): "
        "every node of the cluster needs the same treeoflife in the same Python"
    )


class _Counter:
    """An actor that adds up items. It runs on the driver's node, so that the loss of another node does not lose it."""

    def __init__(self) -> None:
        self.items = 0

    def add(self, items: int) -> None:
        self.items += items

    def take(self) -> int:
        items, self.items = self.items, 0
        return items


def _start_counter(ray: Any) -> Any:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    this_node = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(_Counter).options(num_cpus=0, scheduling_strategy=this_node).remote()


def _connect(table: RayTable) -> None:
    """Join the cluster, unless this process has joined one."""
    import ray

    if ray.is_initialized():
        return
    # Otherwise Ray would pack the working folder, or call uv, to build the workers' environment.
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    # The default of later versions; without it Ray prints a warning about GPUs.
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # By default Ray retries a task without limit when its worker runs out of memory.
    os.environ.setdefault("RAY_task_oom_retries", str(table.tries - 1))
    address = table.address or os.environ.get("RAY_ADDRESS") or "local"
    _check_address(address)
    try:
        ray.init(address=address, log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise ConfigError(f"no Ray cluster at engine.ray.address = {address!r}: {error}") from None


def _check_address(address: str) -> None:
    """Check that something listens at HOST:PORT: Ray itself would try for half a minute."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS).close()
    except OSError as error:
        raise ConfigError(f"no Ray cluster at engine.ray.address = {address!r}: {error.strerror or error}") from None


def _cluster_cores(table: RayTable) -> float:
    """The number of cores that the cluster has now."""
    import ray

    _connect(table)
    return float(ray.cluster_resources().get("CPU", 1.0))  # type: ignore[no-untyped-call]


def _run_task(
    function: Function[Any, Any], number: int, task: Any, counter: Any, shared_folder: str
) -> Done[Any] | Failed:
    """Run a task in a worker; an error of the task is its outcome."""
    if not Path(shared_folder).is_dir():
        raise _FolderNotVisible(
            f"the Ray worker on {socket.gethostname()} does not see {shared_folder}: the dataset must lie on a file "
            "system that every node of the cluster mounts at the same path"
        )
    tick = _RayTick(counter)
    try:
        outcome: Done[Any] | Failed = Done(number, function(task, tick))
        # Here, where a value that cannot be pickled is the task's error; in Ray it would be one of the run.
        pickle.dumps(outcome)
    except Exception as error:
        print(f"task {number}: {type(error).__name__}: {error}", file=sys.stderr)
        outcome = describe_failure(number, error)
        if outcome.died:
            raise  # Ray tries again: see retry_exceptions
    finally:
        tick.finish()
    return outcome


class _RayTick(WorkerTick):
    """Sends items to the counter, and waits at the end until they have arrived."""

    def __init__(self, counter: Any) -> None:
        super().__init__(self._add, _TICK_SECONDS)
        self._counter = counter
        self._last_call: Any = None

    def _add(self, items: int) -> None:
        self._last_call = self._counter.add.remote(items)

    def finish(self) -> None:
        """Return once the counter has all items: the calls of one worker arrive in order."""
        import ray

        self.flush()
        if self._last_call is not None:
            with contextlib.suppress(ray.exceptions.RayError):
                ray.get(self._last_call)
