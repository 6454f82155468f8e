"""The engine for debugging: tasks one after the other, in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .base import Done, Failed, Function, R, T, Tick, describe


class SerialEngine:
    """Runs each task when its outcome is asked for."""

    width = 1

    def run(
        self, function: Function[T, R], tasks: Sequence[T], tick: Tick = lambda _: None
    ) -> Iterator[Done[R] | Failed]:
        """See :class:`treeoflife.engines.base.Engine`."""
        for number, task in enumerate(tasks):
            try:
                outcome: Done[R] | Failed = Done(number, function(task, tick))
            except Exception as error:  # noqa: BLE001 - whatever a task raises is its outcome
                outcome = describe(number, error)
            yield outcome

    def close(self) -> None:
        """Nothing is kept."""
