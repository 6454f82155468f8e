"""What init says of names before anything is built: the ranks that labels give, what would be filled, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl

from ..config.tables import Names
from ..core.database import Database, columns, open_database
from ..core.values import RANKS
from ..sources.base import Source
from ..sources.lists.label_list import PARTS, SOURCE, open_labels
from .match_summary import advice, counted_reasons, example, givers

if TYPE_CHECKING:  # a long chain of modules
    from ..taxonomy.match import Matches

MOST_LABELS = 20_000
"""The most labels that are named: enough to see what is missing, and a few seconds for tables of any size."""

_SCHEMA = pl.Schema(dict.fromkeys(PARTS, pl.String))
_LISTED = """
    SELECT {parts}
    FROM listed
    WHERE problem = ''
    GROUP BY ALL
    ORDER BY count(*) DESC, {parts}
    LIMIT {limit}
"""


def labels_of(source: Source) -> pl.DataFrame:
    """The different labels of a source of images, with the columns :data:`.label_list.PARTS`.

    Raises:
        InputError: a table of the source is missing or malformed.
    """
    rows = dict.fromkeys((*label.taxon, label.scientific_name, label.rank) for label in source.labels())
    frame = pl.DataFrame(list(rows), schema=[*RANKS, "scientific_name", "taxon_rank"], orient="row")
    return frame.cast(pl.String).with_columns(common_name=pl.lit("")).select(PARTS)


def labels_listed(database: Database) -> pl.DataFrame:
    """The same of the table ``listed`` of a source; of very many, those of the most images."""
    parts = columns(name for name in PARTS if name != "common_name")
    labels = database.frame(_LISTED.format(parts=parts, limit=MOST_LABELS + 1))
    return labels.with_columns(common_name=pl.lit("")).select(PARTS)


def describe(labels: pl.DataFrame, names: Names) -> tuple[list[str], list[str]]:
    """Lines on the names that labels would get, and advice on how they would be better.

    Args:
        labels: the different labels, with the columns :data:`.label_list.PARTS`, those of the most images first.
    """
    from ..taxonomy.match import match_labels

    if labels.is_empty():
        return [], []
    with TemporaryDirectory(prefix="treeoflife-") as scratch, open_database(Path(scratch)) as database:
        open_labels(labels.head(MOST_LABELS), database)
        matches = match_labels(names, database, Path(scratch) / "verifier.sqlite")
        lines = [*_lines(matches, " (the most frequent ones)" if labels.height > MOST_LABELS else "")]
        return lines, [f"names: {text}" for text in advice(matches, names)]


def _lines(matches: Matches, which: str) -> Iterator[str]:
    total, complete = matches.coverage.total, matches.coverage.complete
    yield f"labels: {total:,} different ones{which}, which give {_ranks_given(matches.rows)}"
    yield f"names: {complete:,} of these get all ranks down to genus or species{givers(matches)}"
    if complete < total:
        yield f"names: {total - complete:,} do not: {', '.join(matches.coverage.parts)}"
    if reasons := [f"{count:,} {text}{example(matches, which)}" for text, count, which in counted_reasons(matches)]:
        yield f"names: why ranks are missing or changed: {'; '.join(reasons)}"


def _ranks_given(rows: pl.DataFrame) -> str:
    """The ranks that labels give themselves, with the number of labels where not all of them do."""
    counts = {rank: rows.filter(pl.col(f"{rank}_from") == SOURCE).height for rank in RANKS}
    given = [rank if count == rows.height else f"{rank} {count:,}" for rank, count in counts.items() if count]
    return ", ".join(given) or "no rank"
