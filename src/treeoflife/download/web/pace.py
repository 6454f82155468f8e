"""The least pace of a connection: bytes that trickle in keep every time-out from firing."""

import time

# At this rate 30 GB take a year: a new connection is better.
_MIN_BYTES_PER_SECOND = 1024


class TooSlowError(TimeoutError):
    """A connection brings its bytes far too slowly."""


class PaceCheck:
    """Measures how fast bytes arrive, over periods of twice ``stall_seconds``.

    A connection that brings nothing at all runs into its own time-out, of ``stall_seconds``.
    """

    def __init__(self, stall_seconds: float) -> None:
        self._period = 2 * stall_seconds
        self.restart()

    def restart(self) -> None:
        """Begin a new period."""
        self._start, self._bytes = time.monotonic(), 0

    def add(self, size: int) -> None:
        """Count bytes that have arrived.

        Raises:
            TooSlowError: they come far too slowly.
        """
        self._bytes += size
        elapsed = time.monotonic() - self._start
        if elapsed < self._period:
            return
        if self._bytes < elapsed * _MIN_BYTES_PER_SECOND:
            raise TooSlowError(f"the connection brought {self._bytes} bytes in {elapsed:.0f} seconds")
        self.restart()
