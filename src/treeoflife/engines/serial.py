"""The engine for debugging: it runs tasks one after the other in this process."""

from collections.abc import Iterator, Sequence

from .base import Done, Failed, Function, R, T, Tick, describe_failure


class SerialEngine:
    """Runs a task when its outcome is requested."""

    width = 1
    on_one_computer = True

    def run(
        self, function: Function[T, R], tasks: Sequence[T], tick: Tick = lambda _: None
    ) -> Iterator[Done[R] | Failed]:
        """See :class:`treeoflife.engines.base.Engine`."""
        for number, task in enumerate(tasks):
            try:
                outcome: Done[R] | Failed = Done(number, function(task, tick))
            except Exception as error:  # noqa: BLE001 - whatever a task raises is its outcome
                outcome = describe_failure(number, error)
            yield outcome

    def prepare(self, modules: Sequence[str]) -> None:
        """Nothing: this process imports them anyway."""

    def close(self) -> None:
        """Nothing to release."""
