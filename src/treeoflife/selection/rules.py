"""The rules of the plan, in their order: why an image is not a sample.

A rule sees the images of all sources at once. A further rule is an entry of :data:`RULES`, or part of a policy
(:mod:`treeoflife.selection.policies`) together with the columns that it needs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl


@dataclass(frozen=True)
class Rule:
    """A reason to leave images out.

    Attributes:
        excludes: the images to leave out, over the columns of ``Decisions.images`` and ``row``, the image's row. It is
            evaluated over the images that earlier rules have left in, of all sources at once, so it may compare and
            count images.
        reason: the ledger's reason, over those columns and the ledger's own: ``container``, ``file``, ``file_reason``,
            ``file_detail``, ``held_out_detail``, ``name_key``, and ``cause_id``, the id of the image in row ``cause``.
        detail: the ledger's sentence for people, over the same columns.
        cause: a number for reason and detail, such as the row of another image, over the columns of ``excludes``.
    """

    excludes: pl.Expr
    reason: pl.Expr
    detail: pl.Expr
    cause: pl.Expr = field(default_factory=lambda: pl.lit(None, pl.UInt32))


def _text(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String)


RULES = (
    Rule(pl.col("file_row").is_null(), pl.lit("missing"), pl.lit("the mapping has the image, no container holds it")),
    Rule(pl.col("bad"), pl.col("file_reason"), pl.col("file_detail")),
    Rule(pl.col("held_out").is_not_null(), _text("held_out"), pl.col("held_out_detail")),
    Rule(pl.col("marked").is_not_null(), pl.lit("marked"), _text("marked")),
    Rule(pl.col("unlicensed").is_not_null(), pl.lit("licence"), _text("unlicensed")),
    Rule(pl.col("name").is_null(), pl.lit("no-name"), pl.format("no name is known for {}", "name_key")),
    Rule(pl.col("is_val").is_null(), pl.lit("no-split"), pl.lit("the mapping does not say which split it is in")),
)
"""The rules that always apply. The first that excludes an image counts: what is wrong with the file comes first."""


def apply_rules(images: pl.DataFrame, rules: Sequence[Rule]) -> pl.DataFrame:
    """Add ``rule``, the index of the first rule that excludes an image, null for a sample; and the rule's ``cause``."""
    excluded_by = np.full(images.height, len(rules), np.uint8)
    remaining = np.arange(images.height, dtype=np.uint32)
    causes = [pl.DataFrame(schema={"row": pl.UInt32, "cause": pl.UInt32})]
    for number, rule in enumerate(rules):
        # Only the columns that the rule reads are gathered: the table is large.
        columns = {*rule.excludes.meta.root_names(), *rule.cause.meta.root_names()} - {"row"}
        rows = images.select({"source", *columns})[remaining].with_columns(row=pl.Series(remaining))
        rows = rows.select("row", excluded=rule.excludes.fill_null(value=False), cause=rule.cause.cast(pl.UInt32))
        excluded = rows["excluded"].to_numpy()
        causes.append(rows.filter("excluded").select("row", "cause"))
        excluded_by[remaining[excluded]] = number
        remaining = remaining[~excluded]
    numbers, cause = pl.Series("rule", excluded_by), pl.concat(causes)
    no_cause = pl.Series("cause", [None], pl.UInt32).new_from_index(0, images.height)
    return images.with_columns(numbers.set(numbers == len(rules), None), no_cause.scatter(cause["row"], cause["cause"]))
