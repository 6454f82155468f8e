"""Why an image may be no sample: the rules of the plan, in their order.

A rule sees all sources at once. A further one is an entry of :data:`RULES`, or of what is given to
:func:`treeoflife.wds.decide.decide`; what it must know of an image is a column that ``decide`` adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl


@dataclass(frozen=True)
class Rule:
    """Why an image may be no sample.

    Attributes:
        puts_out: which images go, over the columns of ``Decisions.images``. It is asked of those that the rules before
            it have left in, of all sources at once: it may compare images with each other, and count them.
        reason: what the ledger says, over those columns and what the ledger adds to them: ``container``, ``file``,
            ``file_reason``, ``file_detail``, ``held_detail`` and ``name_key``.
        detail: the same for people.
    """

    puts_out: pl.Expr
    reason: pl.Expr
    detail: pl.Expr


def _text(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String)


RULES = (
    Rule(pl.col("place").is_null(), pl.lit("missing"), pl.lit("the mapping has the image, no container holds it")),
    Rule(pl.col("bad"), pl.col("file_reason"), pl.col("file_detail")),
    Rule(pl.col("held").is_not_null(), _text("held"), pl.col("held_detail")),
    Rule(pl.col("marked").is_not_null(), pl.lit("marked"), _text("marked")),
    Rule(pl.col("unlicensed").is_not_null(), pl.lit("licence"), _text("unlicensed")),
    Rule(pl.col("name").is_null(), pl.lit("no-name"), pl.format("no name is known for {}", "name_key")),
    Rule(pl.col("is_val").is_null(), pl.lit("no-split"), pl.lit("the mapping does not say which split it is in")),
)
"""The first that applies counts; what is wrong with the file itself comes first."""


def judge(images: pl.DataFrame, rules: Sequence[Rule]) -> pl.DataFrame:
    """The images with ``rule``: the number of the first rule that puts each out, null for a sample."""
    found = np.full(images.height, len(rules), np.uint8)
    left = np.arange(images.height, dtype=np.uint32)
    for number, rule in enumerate(rules):
        still = images.select({"source", *rule.puts_out.meta.root_names()})[left]
        goes = still.select(rule.puts_out.fill_null(value=False)).to_series().to_numpy()
        found[left[goes]] = number
        left = left[~goes]
    numbers = pl.Series("rule", found)
    return images.with_columns(rule=numbers.set(numbers == len(rules), None))
