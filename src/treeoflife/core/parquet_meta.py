"""The metadata that this program writes into its files of Parquet: a JSON object under the key ``treeoflife``."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import polars as pl

from .files import errors_named, require_file
from .json_reader import parse_json

# Most files have less metadata than this, so that one read is enough.
_FOOTER_GUESS = 16 << 10


def read_meta(parquet: Path) -> dict[str, Any] | None:
    """The metadata of a file; None if there is no such file, or a damaged one, which will be made again.

    Raises:
        OSError: it cannot be read, which says nothing of what is in it.
    """
    require_file(parquet)
    try:
        # Polars words an error of the disk as one of the format, so that the file is read here.
        footer = io.BytesIO(b"PAR1" + _read_footer(parquet))
        meta = parse_json(pl.read_parquet_metadata(footer).get("treeoflife") or "null", own=True)
    except (FileNotFoundError, NotADirectoryError, ValueError, pl.exceptions.PolarsError):
        return None
    return meta if isinstance(meta, dict) else None


def _read_footer(parquet: Path) -> bytes:
    """The end of a Parquet file, from its metadata on; a part of it if the file is damaged."""
    with errors_named(parquet), parquet.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        tail = os.pread(file.fileno(), _FOOTER_GUESS, max(0, size - _FOOTER_GUESS))
        # Its last 8 bytes are the length of the metadata before them, and a mark.
        length = int.from_bytes(tail[-8:-4], "little") + 8
        return tail[-length:] if length <= len(tail) else os.pread(file.fileno(), length, max(0, size - length))
