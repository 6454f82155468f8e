"""Why an image may be no sample: the rules of the plan, in their order.

A rule sees all sources at once. A further one is an entry of :data:`RULES`, or of what is given to
:func:`treeoflife.selection.decide.decide`; what it must know of an image is a column that ``decide`` adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

_NONE = pl.lit(None, pl.UInt32)


@dataclass(frozen=True)
class Rule:
    """Why an image may be no sample.

    Attributes:
        puts_out: which images go, over the columns of ``Decisions.images`` and ``row``, their number. It is asked of
            those that the rules before it have left in, of all sources at once: it may compare images with each
            other, and count them.
        reason: what the ledger says, over those columns and what the ledger adds to them: ``container``, ``file``,
            ``file_reason``, ``file_detail``, ``held_detail``, ``name_key``, and ``cause_id``: the id of the image
            whose number ``cause`` is.
        detail: the same for people.
        cause: a number that reason and detail may speak of, over the same as ``puts_out``.
    """

    puts_out: pl.Expr
    reason: pl.Expr
    detail: pl.Expr
    cause: pl.Expr = _NONE


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
    """The images with ``rule``: the number of the first that puts each out, null for a sample; and its ``cause``."""
    found = np.full(images.height, len(rules), np.uint8)
    left = np.arange(images.height, dtype=np.uint32)
    causes = [pl.DataFrame(schema={"row": pl.UInt32, "cause": pl.UInt32})]
    for number, rule in enumerate(rules):
        asked = {*rule.puts_out.meta.root_names(), *rule.cause.meta.root_names()} - {"row"}
        still = images.select({"source", *asked})[left].with_columns(row=pl.Series(left))
        told = still.select("row", goes=rule.puts_out.fill_null(value=False), cause=rule.cause.cast(pl.UInt32))
        goes = told["goes"].to_numpy()
        causes.append(told.filter("goes").select("row", "cause"))
        found[left[goes]] = number
        left = left[~goes]
    numbers, cause = pl.Series("rule", found), pl.concat(causes)
    told_of = pl.Series("cause", [None], pl.UInt32).new_from_index(0, images.height)
    return images.with_columns(numbers.set(numbers == len(rules), None), told_of.scatter(cause["row"], cause["cause"]))
