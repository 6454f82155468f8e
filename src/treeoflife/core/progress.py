"""How long work tells of itself. The library calls a listener; the command line shows what it hears."""

from __future__ import annotations

from typing import Protocol


class PartListener(Protocol):
    """Hears of the progress of one of the things that a stage works on side by side, such as a file."""

    def advance(self, units: int) -> None:
        """Some of its units are done."""

    def close(self) -> None:
        """It is over."""


class Listener(Protocol):
    """Hears of the progress of stages."""

    def start(self, stage: str, total: int, unit: str) -> None:
        """A stage begins that has ``total`` units (bytes, samples) of work."""

    def advance(self, units: int) -> None:
        """Some of them are done."""

    def part(self, name: str, done: int, total: int) -> PartListener:
        """Work on one thing begins, of which so many units are done; ``total`` is 0 if it is not known.

        Its units are told to :meth:`advance` too.
        """

    def note(self, text: str) -> None:
        """Something worth a line."""

    def finish(self, summary: str) -> None:
        """The stage is over."""


class Silence:
    """Hears and says nothing, of a stage as of its parts."""

    def part(self, name: str, done: int, total: int) -> PartListener:  # noqa: ARG002
        """See :class:`Listener`."""
        return Silence()

    def close(self) -> None:
        """See :class:`PartListener`."""

    def start(self, stage: str, total: int, unit: str) -> None:
        """See :class:`Listener`."""

    def advance(self, units: int) -> None:
        """See :class:`Listener`."""

    def note(self, text: str) -> None:
        """See :class:`Listener`."""

    def finish(self, summary: str) -> None:
        """See :class:`Listener`."""
