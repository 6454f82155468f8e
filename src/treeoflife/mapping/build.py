"""Making the mapping: an id for every natural key that the sources hold."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import polars as pl

from ..sources.base import Source
from .store import read_source, write_mapping

STEP_VERSION = 1
_ROWS_AT_ONCE = 100_000
NAMESPACE = UUID("6f6b3f0e-2d53-5d6c-9c58-0d2e6a0f7a11")
"""The namespace of all ids that are made here."""


def treeoflife_id(source: str, key: Iterable[int | str]) -> str:
    """The id of an image: UUIDv5 (RFC 9562) of its source and natural key.

    >>> treeoflife_id("eol", (9000024, 7000521))
    'aa6c849d-cac5-5632-8e5d-8cb825004fce'
    """
    name = "/".join((source, *(str(part) for part in key)))
    digest = bytearray(hashlib.sha1(NAMESPACE.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    text = digest.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def build_mapping(
    path: Path, keys: Iterable[tuple[Source, pl.DataFrame]], inputs: Any, former: Path | None = None
) -> dict[str, int]:
    """Write a mapping of the images that are there and of those that it already held.

    An image that is gone from its source keeps its id and its row; a second run over the same images writes
    the same bytes.

    Args:
        path: the mapping.
        keys: the columns of the images that each source holds now.
        inputs: what they were read from, to be recorded.
        former: a mapping in another format, whose images are kept as well.

    Returns:
        How many images each source has now.
    """
    known = [one for one in (path, former) if one and one.exists()]
    tables = [(source, _with_ids(source, _joined(known, source, frame))) for source, frame in keys]
    write_mapping(path, tables, {"from": inputs, "ids": _digest(frame for _, frame in tables)})
    return {source.name: frame.height for source, frame in tables}


def _digest(tables: Iterable[pl.DataFrame]) -> str:
    """A digest of ids and natural keys, whatever the order of the rows."""
    digest = hashlib.sha256()
    for table in tables:
        digest.update(table.clear().write_csv().encode())
        for part in table.sort("treeoflife_id").iter_slices(_ROWS_AT_ONCE):
            digest.update(part.write_csv(include_header=False).encode())
    return digest.hexdigest()


def _joined(known: Iterable[Path], source: Source, frame: pl.DataFrame) -> pl.DataFrame:
    """The images that are there and those on record, each natural key once."""
    record = [read_source(path, source).select(list(source.columns)) for path in known]
    both = pl.concat([frame.select(list(source.columns)), *record])
    return both.unique(source.key, keep="first", maintain_order=True)


def _with_ids(source: Source, frame: pl.DataFrame) -> pl.DataFrame:
    parts = [_ids(source, part) for part in frame.select(source.key).iter_slices(_ROWS_AT_ONCE)]
    return frame.with_columns(pl.concat([pl.Series("treeoflife_id", [], pl.String), *parts]))


def _ids(source: Source, keys: pl.DataFrame) -> pl.Series:
    """The :func:`treeoflife_id` of many keys, at a third of the cost."""
    begun, digests = hashlib.sha1(NAMESPACE.bytes, usedforsecurity=False), bytearray()
    for name in keys.select(pl.concat_str(pl.lit(source.name), *source.key, separator="/")).to_series():
        hashed = begun.copy()
        hashed.update(name.encode())
        digests += hashed.digest()[:16]
    octets = np.frombuffer(digests, np.uint8).reshape(-1, 16)
    octets[:, 6] = octets[:, 6] & 0x0F | 0x50
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80
    text = digests.hex()
    ids = [
        f"{text[at : at + 8]}-{text[at + 8 : at + 12]}-{text[at + 12 : at + 16]}-{text[at + 16 : at + 20]}"
        f"-{text[at + 20 : at + 32]}"
        for at in range(0, len(text), 32)
    ]
    return pl.Series("treeoflife_id", ids, dtype=pl.String)
