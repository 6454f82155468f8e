"""The ids of images: UUIDs that depend on the source and the natural key alone."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from uuid import UUID

import numpy as np
import polars as pl

from ..core.values import joined

NAMESPACE = UUID("6f6b3f0e-2d53-5d6c-9c58-0d2e6a0f7a11")
"""The namespace of all ids that are made here."""

_WRITTEN_UUID = re.compile(r"(?:urn:uuid:)?\{?" + "-?".join(f"([0-9a-f]{{{n}}})" for n in (8, 4, 4, 4, 12)) + r"\}?")


def treeoflife_id(source: str, key: Iterable[int | str]) -> str:
    """The id of an image: the UUIDv5 (RFC 9562) of its source, a slash, and its :func:`.values.joined` natural key.

    >>> treeoflife_id("eol", (9000024, 7000521))
    'aa6c849d-cac5-5632-8e5d-8cb825004fce'
    """
    return next(_uuids([f"{source}/{joined(key)}"]))


def treeoflife_ids(source: str, keys: pl.DataFrame) -> pl.Series:
    """The :func:`treeoflife_id` of each row of ``keys``, whose columns make the natural key, in this order."""
    return pl.Series("treeoflife_id", _uuids(f"{source}/" + joined_keys(keys)), dtype=pl.String)


def joined_keys(keys: pl.DataFrame) -> pl.Series:
    """The natural keys in the rows of a table, each :func:`.values.joined` to one text."""
    texts = keys.select(pl.concat_str(keys.columns, separator="/")).to_series()
    *first, _ = [name for name, kind in keys.schema.items() if kind == pl.String] or [""]
    if not first:
        return texts
    has_slash = pl.any_horizontal(pl.col(first).str.contains("/", literal=True))
    rows = keys.select(has_slash).to_series().arg_true()
    return texts.scatter(rows, [joined(key) for key in keys[rows].iter_rows()])


def _uuids(names: Iterable[str]) -> Iterator[str]:
    """The UUIDv5 of each name, as ``uuid.uuid5`` makes it, at a third of the cost."""
    # The namespace is hashed once, and the bits of version and variant are set in all digests at once.
    namespace, digests = hashlib.sha1(NAMESPACE.bytes, usedforsecurity=False), bytearray()
    for name in names:
        digest = namespace.copy()
        digest.update(name.encode())
        digests += digest.digest()[:16]
    octets = np.frombuffer(digests, np.uint8).reshape(-1, 16)
    octets[:, 6] = octets[:, 6] & 0x0F | 0x50
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80
    text = digests.hex()
    for at in range(0, len(text), 32):
        part = text[at : at + 32]
        yield f"{part[:8]}-{part[8:12]}-{part[12:16]}-{part[16:20]}-{part[20:]}"


def id_key(text: str) -> str:
    """The form in which ids that people write are compared: a UUID in small letters; any other text in small letters.

    >>> id_key("{0B5C4C1E-8C2A-4F6E-9D1B-3A7E5F60718A}")
    '0b5c4c1e-8c2a-4f6e-9d1b-3a7e5f60718a'
    """
    small = text.strip().lower()
    uuid = _WRITTEN_UUID.fullmatch(small)
    return "-".join(uuid.groups()) if uuid else small


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID, as people write it."""
    return _WRITTEN_UUID.fullmatch(text.strip().lower()) is not None
