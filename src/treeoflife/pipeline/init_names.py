"""What init says of names before anything is built: the ranks that labels give, what would be filled, and by whom."""

from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from ..config.tables import Names
from ..core.database import Database, columns, open_database
from ..core.values import RANKS
from ..sources.base import Source
from ..sources.label_list import PARTS, SOURCE, open_labels
from .match_summary import counted_reasons, example, givers
from .names_remarks import ADVICE, has_full_taxonomy

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
    from ..taxonomy.match import (
        match_labels,  # a long chain of modules, which nothing else needs that looks at raw data
    )

    if labels.is_empty():
        return [], []
    with TemporaryDirectory(prefix="treeoflife-") as scratch, open_database(Path(scratch)) as database:
        open_labels(labels.head(MOST_LABELS), database)
        matches = match_labels(names, database, Path(scratch) / "verifier.sqlite")
        total, complete = matches.coverage.total, matches.coverage.complete
        more = " (the most frequent ones)" if labels.height > MOST_LABELS else ""
        lines = [
            f"labels: {total:,} different ones{more}, which give {_ranks_given(matches.rows)}",
            f"names: {complete:,} of these labels get all ranks down to their genus or species{givers(matches)}",
            *(
                f"names that lack ranks: {count:,} {text}{example(matches, condition)}"
                for text, count, condition in counted_reasons(matches)
            ),
        ]
    advice = [] if complete == total or has_full_taxonomy(names) else [f"names: {ADVICE}; run init again after it"]
    return lines, advice


def _ranks_given(rows: pl.DataFrame) -> str:
    """The ranks that labels give themselves, with the number of labels where not all of them do."""
    counts = {rank: rows.filter(pl.col(f"{rank}_from") == SOURCE).height for rank in RANKS}
    given = [rank if count == rows.height else f"{rank} ({count:,})" for rank, count in counts.items() if count]
    return ", ".join(given) or "no rank"
