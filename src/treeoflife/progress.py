"""How long work tells of itself. The library calls a listener; the command line shows what it hears."""

from __future__ import annotations

from typing import Protocol


class Listener(Protocol):
    """Hears of the progress of stages."""

    def start(self, stage: str, total: int, unit: str) -> None:
        """A stage begins that has ``total`` units (bytes, samples) of work."""

    def advance(self, units: int) -> None:
        """Some of them are done."""

    def note(self, text: str) -> None:
        """Something worth a line."""

    def finish(self, summary: str) -> None:
        """The stage is over."""


class Silence:
    """Hears and says nothing."""

    def start(self, stage: str, total: int, unit: str) -> None:
        """See :class:`Listener`."""

    def advance(self, units: int) -> None:
        """See :class:`Listener`."""

    def note(self, text: str) -> None:
        """See :class:`Listener`."""

    def finish(self, summary: str) -> None:
        """See :class:`Listener`."""
