"""The rules of the plan, in their order: why an image is not a sample.

A rule is SQL: over the columns of the table ``fact`` and ``withdrawn``, ``held_out``, ``marked``, ``unlicensed`` and
``unlisted``; or, where it compares images, over the table ``candidate`` of those that earlier rules have left in: see
:mod:`treeoflife.selection.decide`. A further rule is an entry of :data:`RULES`, or made from the configuration by one
of :mod:`treeoflife.selection.policies`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ..core.database import Database


@dataclass(frozen=True)
class Rule:
    """A reason to leave images out. All attributes are SQL.

    Attributes:
        excludes: the condition of the images to leave out.
        reason: the ledger's reason, over the same columns and those of the ledger: ``held_out_detail``, ``container``,
            ``file``, ``file_reason``, ``file_detail``, ``cause``, and ``cause_id``, the id of the image with the number
            ``cause``.
        detail: the ledger's sentence for people, over the same columns.
        among: the condition of the images that are compared with each other, where a rule does so: ``excludes`` and
            ``cause`` may have window functions over these.
        cause: a number for reason and detail, such as the ``image_row`` of another image.
    """

    excludes: str
    reason: str
    detail: str
    among: str = ""
    cause: str = "NULL"


WITHDRAWN_DETAIL = "concat_ws(': ', nullif(concat_ws(' ', 'withdrawn', nullif(date, '')), ''), nullif(why, ''))"
"""SQL over ``withdrawn_image``: the ledger's sentence for people."""
RULES = (
    Rule("withdrawn IS NOT NULL", "'withdrawn'", "withdrawn"),
    Rule("file_row IS NULL", "'missing'", "'the mapping has the image, no container holds it'"),
    Rule("is_bad", "file_reason", "file_detail"),
    Rule("unlisted IS NOT NULL", "'not-listed'", "'its source does not list it any more'"),
    Rule("held_out IS NOT NULL", "held_out", "held_out_detail"),
    Rule("marked IS NOT NULL", "'marked'", "marked"),
    Rule("unlicensed IS NOT NULL", "'licence'", "unlicensed"),
    Rule("name IS NULL", "'no-name'", "'no name is known for ' || name_key"),
    Rule("is_val IS NULL", "'no-split'", "'the mapping does not say which split it is in'"),
)
"""The rules that always apply. The first that excludes an image counts: after a withdrawal, what is wrong
with the file comes first."""


def in_order(rules: Sequence[Rule]) -> Sequence[Rule]:
    """The rules in the order of their numbers: those that look at single images come before those that compare them."""
    return sorted(rules, key=lambda rule: bool(rule.among))


def first_rule(rules: Sequence[Rule]) -> str:
    """SQL for the number of the first rule that excludes an image by itself; null if none does."""
    cases = (f"WHEN {rule.excludes} THEN {number}" for number, rule in enumerate(rules) if not rule.among)
    return f"(CASE {' '.join(cases)} END)::UTINYINT"


def compare_images(database: Database, rules: Sequence[Rule]) -> None:
    """Exclude images by the rules that compare them, one after the other.

    in:  candidate, which leaves out what is in excluded
    out: excluded   image_row, rule, cause; empty before
    """
    for number, rule in enumerate(rules):
        if rule.among:
            database.run(f"""
                INSERT INTO excluded
                SELECT image_row, {number}, cause
                FROM (
                    SELECT image_row, ({rule.excludes}) AS is_excluded, {rule.cause} AS cause
                    FROM candidate
                    WHERE {rule.among}
                )
                WHERE is_excluded
            """)  # fmt: skip
