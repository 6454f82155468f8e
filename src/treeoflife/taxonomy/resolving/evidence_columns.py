"""The columns of evidence: what the sources themselves give for a name key."""

import polars as pl

from ...core.values import RANKS

SCHEMA = {
    "source": pl.String, "name_key": pl.String, **dict.fromkeys(RANKS, pl.String), "context": pl.String,
    "origin": pl.String, "verbatim": pl.String, "uninomial": pl.String, "word": pl.String, "word_ranks": pl.String,
    "infraspecific": pl.String, "authorship": pl.String, "quality": pl.Int8, "parse": pl.String,
    "label_common": pl.String, "trouble": pl.String, "evidence": pl.UInt32, "keys": pl.UInt32,
}  # fmt: skip
"""The columns of evidence. ``uninomial`` is a name of one word whose rank is not given; ``word`` is one of which the
source itself says that it is of another rank than the seven, and ``word_ranks`` this rank (:mod:`.word_ranks`);
``context`` a kingdom that is known but not given as a rank; ``origin`` what gave the ranks. Name keys with the same
evidence share a row: ``evidence`` is its number, ``keys`` how many there are, and ``name_key`` the smallest of them."""
_DEFAULTS = {"quality": 0, "evidence": 0, "keys": 1}


def conform(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame with the columns of SCHEMA; those that it lacks are empty, and ``keys`` is 1."""
    return frame.select(
        (pl.col(name).cast(kind).fill_null(default) if name in frame.columns else pl.lit(default, kind).alias(name))
        for name, kind in SCHEMA.items()
        for default in [_DEFAULTS.get(name, "")]
    )
