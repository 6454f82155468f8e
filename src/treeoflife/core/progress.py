"""Reporting the progress of long work. The library calls a listener; the command line shows what it receives."""

from typing import Protocol


class PartListener(Protocol):
    """Receives the progress of one of the items on which a stage works in parallel, such as a file."""

    def advance(self, units: int) -> None:
        """``units`` more of the item are done."""

    def close(self) -> None:
        """The item is done, or was given up."""


class Listener(Protocol):
    """Receives the progress of stages."""

    def start(self, stage: str, total: int, unit: str) -> None:
        """A stage begins, with ``total`` units of work; ``unit`` names them: bytes, samples."""

    def advance(self, units: int) -> None:
        """``units`` more of the stage are done."""

    def start_part(self, name: str, done: int, total: int) -> PartListener:
        """Work on one item begins, of which ``done`` units of ``total`` are done already; 0 is an unknown total.

        The units of items are reported to :meth:`advance` too.
        """

    def note(self, text: str) -> None:
        """A message for the user, in one line."""

    def finish(self, summary: str) -> None:
        """The stage is done."""


class SilentListener(Listener, PartListener):
    """Ignores the progress of stages and of their parts."""

    def start(self, stage: str, total: int, unit: str) -> None: ...

    def advance(self, units: int) -> None: ...

    def start_part(self, name: str, done: int, total: int) -> PartListener:  # noqa: ARG002
        return SilentListener()

    def note(self, text: str) -> None: ...

    def finish(self, summary: str) -> None: ...

    def close(self) -> None: ...
