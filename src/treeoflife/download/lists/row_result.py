"""The result of fetching one row of EOL's media manifest: an image, or the reason why there is none."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import IO, Any

from ..eol_manifest import ManifestRow

LEDGER_COLUMNS = {
    "content_id": int, "page_id": int, "url": str, "licence": str, "owner": str,
    "file": str, "bytes": int, "md5": str, "reason": str, "detail": str,
}  # fmt: skip
"""The columns of the ledger of an archive, with their types."""

PERMANENT_REASONS = ("bad-row", "duplicate")
"""Reasons that follow from the manifest alone: another attempt at fetching cannot succeed."""


@dataclass(frozen=True)
class RowResult:
    """The image of a row, or the reason why there is none; or neither, while the row is still to be fetched.

    ``file`` is the image's name in its archive. ``reason`` is one of a small set of words, such as ``http-404``, and
    ``detail`` a sentence for people.
    """

    row: ManifestRow
    file: str = ""
    data: IO[bytes] | None = None
    size: int = 0
    md5: str = ""
    reason: str | None = None
    detail: str = ""

    def ledger_row(self) -> list[Any]:
        """The values of :data:`LEDGER_COLUMNS`."""
        row = self.row
        image = (self.file, self.size, self.md5) if self.reason is None else (None, None, None)
        return [row.content_id, row.page_id, row.url, row.licence, row.owner, *image, self.reason, self.detail or None]

    def failed(self, reason: str, detail: str) -> RowResult:
        """The result of the same row without an image."""
        return replace(self, reason=reason, detail=detail[:300])


def start_result(row: ManifestRow, used_names: set[str]) -> RowResult:
    """The result of a row before it is fetched: it has failed already if it cannot be fetched, or is a duplicate.

    The name of its image is added to ``used_names``.
    """
    file = f"{row.content_id}_{row.page_id}_eol-full-size-copy.jpg"
    if row.problem:
        return RowResult(row).failed("bad-row", row.problem)
    if file in used_names:
        return RowResult(row).failed("duplicate", "an earlier row of the manifest has the same ids")
    used_names.add(file)
    return RowResult(row, file)
