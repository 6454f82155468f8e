"""Fetching URLs from many hosts at once: each ends as an image, or as a reason why there is none."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO

from ..config.fetch import RequestRules
from .eol_manifest import ManifestRow
from .host_limits import HostLimits
from .image_fetcher import ImageFetcher

_BATCH = 200


@dataclass(frozen=True, slots=True)
class FetchedUrl:
    """What became of the URL ``number``: its image, or the reason why there is none."""

    number: int
    final_url: str = ""
    status: int | None = None
    reason: str | None = None
    detail: str = ""
    data: IO[bytes] | None = None
    size: int = 0
    sha256: str = ""
    md5: str = ""
    content_type: str = ""
    fetched_at: str = ""


class UrlFetcher:
    """Fetches URLs. Its context closes the connections."""

    def __init__(self, rules: RequestRules, limits: HostLimits, retry: bool = False) -> None:
        self._fetcher = ImageFetcher(rules, limits)  # type: ignore[arg-type]
        self.notes: list[str] = []

    def __enter__(self) -> UrlFetcher:
        return self

    def __exit__(self, *_: object) -> None:
        self._fetcher.__exit__()

    def fetch(self, urls: Sequence[tuple[int, str]]) -> Iterator[FetchedUrl]:
        """The results, in the order in which they are finished."""
        for start in range(0, len(urls), _BATCH):
            batch = urls[start : start + _BATCH]
            rows = [ManifestRow(number, 0, url, "", "") for number, url in batch]
            for (number, url), result in zip(batch, self._fetcher.fetch_batch(rows, set()), strict=True):
                if result.data:
                    result.data.seek(0)
                digest = hashlib.sha256(result.data.read()).hexdigest() if result.data else ""
                now = datetime.now(UTC).isoformat(timespec="seconds")
                yield FetchedUrl(number, url, None if result.reason else 200, result.reason, result.detail, result.data,
                                 result.size, digest, result.md5, "", now)  # fmt: skip
