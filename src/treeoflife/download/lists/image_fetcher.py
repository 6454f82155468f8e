"""Fetching the images of rows of EOL's media manifest: every row ends as an image, or as a reason why there is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ...config.download import EolImagesTable
from ..eol_manifest import ManifestRow
from .host_limits import HostLimits
from .row_result import RowResult, start_result
from .url_fetcher import UrlFetcher
from .url_request import FetchedUrl

FindExisting = Callable[[RowResult], RowResult | None]
"""Gives the image of a row if it was fetched earlier."""

# The ledger has had these words since before hosts were told apart more finely.
_LEDGER_REASONS = {"no-dns": "no-answer", "host-down": "no-answer", "no-robots": "robots"}


class ImageFetcher:
    """Fetches the images of batches of rows, several at once. Its context closes the connections."""

    def __init__(self, table: EolImagesTable, limits: HostLimits) -> None:
        """Connect to nothing yet.

        Raises:
            ConfigError: a variable of the environment that sets a proxy is malformed.
        """
        self._robots, self._fetcher = limits.robots, UrlFetcher(table, limits)

    def __enter__(self) -> ImageFetcher:
        return self

    def __exit__(self, *reasons: object) -> None:
        self._fetcher.__exit__(*reasons)

    def fetch_batch(
        self, batch: Sequence[ManifestRow], used_names: set[str], find_existing: FindExisting = lambda _: None
    ) -> list[RowResult]:
        """The results of the rows, in their order.

        Args:
            used_names: the names of the images of earlier batches; those of this batch are added.
            find_existing: called for one row after the other, before any is fetched.

        Raises:
            ContainerError: no host answers any more.
        """
        results = [start_result(row, used_names) for row in batch]
        if self._robots:  # which also speaks of the images that are there already
            for forbidden in self._fetcher.find_forbidden(_to_fetch(results)):
                results[forbidden.number] = _as_row(results[forbidden.number], forbidden)
        results = [result if result.reason else find_existing(result) or result for result in results]

        def record(fetched: FetchedUrl) -> None:
            results[fetched.number] = _as_row(results[fetched.number], fetched)

        self._fetcher.fetch(_to_fetch(results), record)
        return results


def _to_fetch(results: Sequence[RowResult]) -> list[tuple[int, str]]:
    """The rows that have neither an image nor a reason yet, by their numbers in the batch."""
    return [(number, result.row.url) for number, result in enumerate(results) if not (result.reason or result.data)]


def _as_row(result: RowResult, fetched: FetchedUrl) -> RowResult:
    if fetched.reason:
        return result.failed(_LEDGER_REASONS.get(fetched.reason, fetched.reason), fetched.detail)
    return replace(result, data=fetched.data, size=fetched.size, md5=fetched.md5, detail=fetched.detail)
