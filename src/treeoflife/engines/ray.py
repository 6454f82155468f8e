"""Tasks on a Ray cluster: one that is there, or one that is started on this computer.

Placement, retries after the loss of a worker or a node, and killing what takes too much memory are Ray's.
This process keeps a bounded number of tasks in flight, and hears of progress through one small actor that
stays on its own node.
"""

from __future__ import annotations

import contextlib
import importlib.util
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
from ..errors import ConfigError, InputError, MissingExtra
from . import base, journal
from .account import Account
from .base import PASSING, Done, Failed, Function, R, T, Tick, describe

_WAIT_SECONDS = 1.0
_KNOCK_SECONDS = 5.0
_TICK_ITEMS = 64
_FOREIGN = re.compile(r"ModuleNotFoundError|ImportError|failed to import|Can't get attribute")


class RayEngine:
    """Runs tasks on Ray.

    Args:
        table: the cluster, and what a task asks of it.
        folder: where each run keeps its journal, on a file system that all nodes see at the same path.

    Raises:
        MissingExtra: Ray is not installed.
    """

    def __init__(self, table: RayTable, folder: Path) -> None:
        if importlib.util.find_spec("ray") is None:
            raise MissingExtra("the engine ray needs Ray: pip install 'treeoflife[ray]'")
        self.table = table
        self.folder = folder.absolute()

    @property
    def width(self) -> int:
        """As many as the cluster has cores for now.

        Raises:
            ConfigError: there is no cluster at the address.
        """
        return max(1, int(_cores(self.table) / self.table.cpus))

    def close(self) -> None:
        """Nothing is kept but the connection, which others in this process may use."""

    def run(
        self, function: Function[T, R], tasks: Sequence[T], tick: Tick = lambda _: None
    ) -> Iterator[Done[R] | Failed]:
        """See :class:`treeoflife.engines.base.Engine`.

        Raises:
            ConfigError: there is no cluster at the address.
            InputError: a worker does not see the folder of the dataset, or has no treeoflife.
            TasksFailed: somebody cancelled the run.
        """
        if not tasks:
            return
        _connect(self.table)
        name = getattr(function, "__name__", type(function).__name__)
        begun = journal.begin(self.folder, "ray", name, len(tasks))
        driver = _Driver(self.table, Account(begun, tasks, self.table.tries), function, tick)
        try:
            yield from driver.outcomes()
        finally:
            driver.end()


class _Driver:
    def __init__(self, table: RayTable, account: Account, function: Function[Any, Any], tick: Tick) -> None:
        import ray

        self.ray: Any = ray
        self.table = table
        self.account = account
        self.tick = tick
        self.function = ray.put(function)
        self.counter = _counter(ray)
        self.remote = ray.remote(_attempt).options(
            num_cpus=table.cpus, memory=int(table.memory_gb * 2**30) or None, max_retries=table.tries - 1,
            retry_exceptions=list(PASSING),
            runtime_env={"env_vars": {"POLARS_MAX_THREADS": "1"}},
        )  # fmt: skip
        self.flying: dict[Any, int] = {}

    def outcomes(self) -> Iterator[Done[Any] | Failed]:
        self.account.run.note("cluster", nodes=sum(node["Alive"] for node in self.ray.nodes()))
        coming = iter(range(len(self.account.tasks)))
        self._launch(coming)
        while self.flying:
            ready, _ = self.ray.wait(list(self.flying), num_returns=1, timeout=_WAIT_SECONDS)
            for reference in ready:
                outcome = self._outcome(reference)
                self._hear()
                yield self.account.settle(outcome)
            self._hear()
            self.account.go_on()
            self._launch(coming)

    def _launch(self, coming: Iterator[int]) -> None:
        """Fill up what may be in flight: asked anew each time, since clusters grow and shrink."""
        most = self.table.in_flight or max(2, int(2 * _cores(self.table) / self.table.cpus))
        while len(self.flying) < most:
            number = next(coming, None)
            if number is None:
                return
            task, probe = self.account.tasks[number], str(self.account.run.streams)
            reference = self.remote.remote(self.function, number, task, self.counter, probe)
            self.flying[reference] = number

    def _outcome(self, reference: Any) -> Done[Any] | Failed:
        number = self.flying.pop(reference)
        try:
            outcome: Done[Any] | Failed = self.ray.get(reference)
        except self.ray.exceptions.RayTaskError as error:
            if why := _unfit(error):
                raise InputError(why) from None
            outcome = replace(describe(number, error.cause), traceback=str(error))
        except self.ray.exceptions.OutOfMemoryError as error:
            hint = f"its node ran out of memory{self.account.times}: give engine.ray.memory_gb what a task takes"
            outcome = Failed(number, hint, str(error), died=True)
        except self.ray.exceptions.RayError as error:
            reason = f"{type(error).__name__}{self.account.times}: {str(error).strip()}"
            outcome = Failed(number, reason, died=True)
        return outcome

    def _hear(self) -> None:
        """Pass on what the counter has heard; progress is no reason to fail."""
        try:
            items = self.ray.get(self.counter.take.remote(), timeout=30)
        except self.ray.exceptions.RayError:
            return
        if items:
            self.tick(items)

    def end(self) -> None:
        for reference in self.flying:
            self.ray.cancel(reference, force=True)
        self.ray.kill(self.counter)
        self.account.close()


class _Unseen(Exception):
    """A worker does not see the folder of the dataset."""


def _unfit(error: Any) -> str:
    """Why a worker can do no task at all, and would soon have failed at each; empty if it can."""
    if isinstance(error.cause, _Unseen):
        return str(error.cause)
    if isinstance(error.cause, PASSING) or not _FOREIGN.search(str(error)):
        return ""
    why = (str(error.cause).strip() or type(error.cause).__name__).splitlines()[-1]
    where = re.search(r"\bip=([^)\s]+)", str(error))
    return (
        f"the Ray worker on {where[1] if where else 'a node'} cannot begin with a task ({why}): "
        "every node of the cluster needs the same treeoflife in the same Python"
    )


class _Counter:
    """Adds up ticks, on the node of the driver, so that no other node's loss loses it."""

    def __init__(self) -> None:
        self.items = 0

    def add(self, items: int) -> None:
        self.items += items

    def take(self) -> int:
        items, self.items = self.items, 0
        return items


def _connect(table: RayTable) -> None:
    """Join the cluster, unless this process has."""
    import ray

    if ray.is_initialized():
        return
    # Ray would pack the working folder, or ask a package manager, to make the workers' environment.
    os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    # Ray would start a task for ever whose workers run out of memory.
    os.environ.setdefault("RAY_task_oom_retries", str(table.tries - 1))
    address = table.address or os.environ.get("RAY_ADDRESS") or "local"
    _knock(address)
    try:
        ray.init(address=address, log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        raise ConfigError(f"no Ray cluster at engine.ray.address = {address!r}: {error}") from None


def _knock(address: str) -> None:
    """See that something listens at an address of host and port: Ray itself would try for half a minute."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host.strip("[]"), int(port)), timeout=_KNOCK_SECONDS).close()
    except OSError as error:
        raise ConfigError(f"no Ray cluster at engine.ray.address = {address!r}: {error.strerror or error}") from None


def _cores(table: RayTable) -> float:
    """The cores of the cluster as it is now."""
    import ray

    _connect(table)
    return float(ray.cluster_resources().get("CPU", 1.0))  # type: ignore[no-untyped-call]


def _counter(ray: Any) -> Any:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(_Counter).options(num_cpus=0, scheduling_strategy=here).remote()


def _attempt(function: Function[Any, Any], number: int, task: Any, counter: Any, probe: str) -> Done[Any] | Failed:
    """What a worker does: whatever the task raises is its outcome."""
    base.expendable = True
    if not Path(probe).is_dir():
        raise _Unseen(
            f"the Ray worker on {socket.gethostname()} does not see {probe}: the dataset must lie on a file system "
            "that every node of the cluster mounts at the same path"
        )
    tick = _Ticker(counter)
    try:
        outcome: Done[Any] | Failed = Done(number, function(task, tick))
        pickle.dumps(outcome)
    except Exception as error:
        print(f"task {number}: {type(error).__name__}: {error}", file=sys.stderr)
        outcome = describe(number, error)
        if outcome.died:
            raise  # to Ray, which tries again
    finally:
        tick.flush()
    return outcome


class _Ticker:
    """A tick that tells the counter every so often; what it told first arrives first."""

    def __init__(self, counter: Any) -> None:
        self.counter = counter
        self.pending = 0
        self.told = False

    def __call__(self, items: int) -> None:
        self.pending += items
        if self.pending >= _TICK_ITEMS:
            self.counter.add.remote(self.pending)
            self.pending, self.told = 0, True

    def flush(self) -> None:
        """Return once the counter knows all; progress is no reason to fail."""
        import ray

        if self.told or self.pending:
            with contextlib.suppress(ray.exceptions.RayError):
                ray.get(self.counter.add.remote(self.pending))
