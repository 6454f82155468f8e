"""Withdrawn images in the index of a container: their rows stay, empty, so that no other image moves."""

import hashlib
from typing import Any

import polars as pl

from ..sources.base import Source
from ..sources.withdrawn import WITHDRAWN, key_digest, natural_key

IS_WITHDRAWN = (pl.col("reason") == WITHDRAWN).fill_null(value=False)
_KEPT_COLUMNS = ("position", "file", "source_bytes", "source_sha256", "reason")
_NO_BYTES = hashlib.sha256().digest()


def index_without(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of an index with nothing in those of withdrawn images that says which these were."""
    if not rows.select(IS_WITHDRAWN.any()).item():
        return rows
    others = (name for name in rows.columns if name not in _KEPT_COLUMNS)
    kept = {"file": "", "source_bytes": 0, "source_sha256": _NO_BYTES}
    return rows.with_columns(
        *(pl.when(~IS_WITHDRAWN).then(pl.col(name)).alias(name) for name in others),
        *(
            pl.when(IS_WITHDRAWN).then(pl.lit(value, rows.schema[name])).otherwise(pl.col(name)).alias(name)
            for name, value in kept.items()
        ),
    )


def withdrawn_meta(source: Source, rows: pl.DataFrame) -> dict[str, Any]:
    """The part of an index's metadata that says which images were withdrawn, by digests of their natural keys.

    Args:
        rows: those of the index before they were emptied.
    """
    gone = rows.filter(IS_WITHDRAWN)
    keys = (natural_key(source, values) for values in gone.select(list(source.columns)).drop_nulls().iter_rows())
    digests = {key_digest(one) for one in (*keys, *gone["treeoflife_id"].drop_nulls())}
    return {WITHDRAWN: sorted(digests)} if digests else {}
