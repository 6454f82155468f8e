"""The least pace of a connection: bytes that trickle in keep every time-out from firing."""

import time
from collections.abc import Iterator

import httpx

# At this rate 30 GB take a year: a new connection is better.
_MIN_BYTES_PER_SECOND = 1024


class PaceCheck:
    """Measures how fast bytes arrive, over periods of twice ``stall_seconds``.

    A connection that brings nothing at all runs into its own time-out, of ``stall_seconds``.
    """

    def __init__(self, stall_seconds: float) -> None:
        self._period = 2 * stall_seconds
        self._start, self._bytes = time.monotonic(), 0

    def add(self, size: int) -> None:
        """Count bytes that have arrived.

        Raises:
            httpx.ReadTimeout: they come far too slowly.
        """
        self._bytes += size
        elapsed = time.monotonic() - self._start
        if elapsed < self._period:
            return
        if self._bytes < elapsed * _MIN_BYTES_PER_SECOND:
            raise httpx.ReadTimeout(f"the connection brought {self._bytes} bytes in {elapsed:.0f} seconds")
        self._start, self._bytes = time.monotonic(), 0


def read_body(response: httpx.Response, stall_seconds: float) -> Iterator[bytes]:
    """The body of a streamed response as it is sent, not decoded, in pieces of at most 64 KiB.

    Raises:
        httpx.TransportError: it ends early, stalls, or trickles.
    """
    pace = PaceCheck(stall_seconds)
    for data in response.iter_raw():
        yield data
        pace.add(len(data))
