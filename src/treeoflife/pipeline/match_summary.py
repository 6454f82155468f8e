"""What came of labels that were matched, in lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import polars as pl

from ..config.tables import Names
from ..sources.lists.label_list import SOURCE, LabelFile
from ..taxonomy.coverage import LACKS, lack
from .names_advice import ADVICE, HOMONYM_ADVICE, has_full_taxonomy

if TYPE_CHECKING:  # naming is a long chain of modules, of which counting needs none
    from ..taxonomy.match import Matches

REASONS = {
    "synonym": "synonyms",
    "rank-unknown": "single words of unknown rank",
    "contradiction": "whose other ranks contradict what is known of the name",
    "ambiguous": "names of several taxa",
    "genus-alone": "genera that may be others than the known ones",
    "rank-between": "of a rank between the seven",
    "rank-moved": "of another rank in the place of a genus",
    "genus-within": "whose genus is a part of another one to taxonomies",
    "classification": "classified in several ways",
    "unknown-name": "in no taxonomy that is used",
    "no-name": "without a scientific name",
    "hole": "for which taxonomies lack a rank",
}
"""What a kind of reason is called where labels are counted."""


def match_summary(matches: Matches, file: LabelFile, names: Names) -> Iterator[str]:
    """Lines on labels that were matched: how many have all ranks, what is missing, and what to do."""
    total = matches.coverage.total
    columns = ", ".join(repr(name) for names_of_part in file.columns.values() for name in names_of_part)
    yield f"labels      {total:>9,}, {matches.rows.height:,} different" + f", by {columns}" * bool(columns)
    yield f"all ranks   {matches.coverage.complete:>9,} down to genus or species{givers(matches)}"
    for word, count in matches.coverage.lacking.items():
        yield f"incomplete  {count:>9,} {LACKS[word]}{example(matches, lack() == word, file.place)}"
    for text, count, condition in counted_reasons(matches):
        yield f"why         {count:>9,} {text}{example(matches, condition, file.place)}"
    for text in advice(matches, names):
        yield f"to do       {text}"


def advice(matches: Matches, names: Names) -> list[str]:
    """What would give labels the ranks that they lack."""
    homonyms = [HOMONYM_ADVICE] if any(reason == "ambiguous" for reason in matches.rows["reason"].unique()) else []
    return homonyms + ([] if has_full_taxonomy(names) or not matches.coverage.lacking else [ADVICE])


def givers(matches: Matches) -> str:
    """Which taxonomies gave the kingdoms, each with the number of labels, as the end of a line."""
    given = matches.rows.filter(pl.col("kingdom_from") != "", pl.col("kingdom_from") != SOURCE)
    giver = pl.col("kingdom_from").str.strip_prefix("backbone:").str.split(":").list.first()
    counts = given.group_by(giver.alias("giver")).agg(pl.col("labels").sum()).sort("labels", "giver", descending=True)
    texts = (f"{giver} {count:,}" for giver, count in counts.iter_rows())
    return f"; kingdoms from {', '.join(texts)}" if len(counts) else ""


def counted_reasons(matches: Matches) -> Iterator[tuple[str, int, pl.Expr]]:
    """Why labels lack ranks, for people: each reason with the number of labels and the condition that finds them."""
    counts = matches.rows.filter(pl.col("reason") != "").group_by("reason").agg(pl.col("labels").sum())
    for reason, count in counts.sort("labels", "reason", descending=[True, False]).iter_rows():
        yield REASONS.get(reason, reason), count, pl.col("reason") == reason


def example(matches: Matches, condition: pl.Expr, place: str = "") -> str:
    """The first label to which a condition applies, as the end of a line."""
    label, number = matches.example(matches.rows.filter(condition))
    return f", such as '{label}'" + f" ({place} {number})" * bool(place)
