"""Matching labels alone, for people who want names and no shards: labels in, lineages with reasons out.

The labels are named as the images of a build are, by the same functions and by the same ``[names]``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..config.tables import Names
from ..core.database import Database
from ..core.values import RANKS
from ..sources.lists.label_list import LabelList
from . import outputs
from .common_names.choice import with_lowest_name
from .coverage import Coverage
from .expressions import binomial
from .naming import FROM, Note, name_all
from .reasons import reasons_of
from .resolving.resolve import LOOKUP_RANKS

COLUMNS = (
    "place", "label", *RANKS, "rank", "matched_rank", "matched_name", "status", "common", "names_from", "why",
)  # fmt: skip
"""The columns of matches.

place         the line of a text, or the row of another table, that the label stands on
label         what it says
kingdom … species
              its lineage; ``species`` is the epithet alone
rank          the lowest of these ranks that is known
matched_rank  the rank at which a taxonomy knows the name and fills the ranks above: one of the seven, or another
matched_name  the name at that rank
status        ``synonym`` if a taxonomy calls the label's name one: the lineage is that of the accepted name
common        its common name
names_from    what gave the ranks: ``label`` for the label itself, and taxonomies
why           in a sentence, why ranks are missing, or what was changed; empty where there is nothing to say
"""

_LABELS = """
    SELECT place, label, evidence
    FROM label_list
    JOIN keyed ON keyed.name_key = printf('%012d', number)
    ORDER BY number
"""
_COUNTS = "SELECT evidence, count(*) AS labels FROM keyed GROUP BY evidence ORDER BY evidence"
_EXAMPLES = """
    SELECT first(label ORDER BY number) AS label, first(place ORDER BY number) AS place, evidence
    FROM label_list
    JOIN keyed ON keyed.name_key = printf('%012d', number)
    SEMI JOIN wanted USING (evidence)
    GROUP BY evidence
    ORDER BY min(number)
    LIMIT 1
"""


@dataclass(frozen=True)
class Matches:
    """Labels with their names.

    Attributes:
        rows: a row per distinct label, with the columns of :data:`COLUMNS` but ``place`` and ``label``, and
            ``evidence``, ``labels`` (how many labels it stands for) and ``reason`` (the kind of what ``why`` says).
    """

    rows: pl.DataFrame
    coverage: Coverage
    database: Database

    def pieces(self) -> Iterator[pl.DataFrame]:
        """The labels in their order with :data:`COLUMNS`, some at a time; the first piece is empty."""
        columns = self.rows.select(name for name in COLUMNS if name not in ("place", "label"))
        for piece in self.database.pieces(_LABELS, rows_at_once=outputs.ROWS_AT_ONCE):
            named = columns.select(pl.all().gather(piece["evidence"]))
            yield piece.select("place", "label").hstack(named).select(COLUMNS)

    def example(self, rows: pl.DataFrame) -> tuple[str, int]:
        """The first label that some of :attr:`rows` stand for, and its place."""
        self.database.load("wanted", rows.select("evidence"))
        ((label, place, _),) = self.database.rows(_EXAMPLES)
        return label, place


def match_labels(names: Names, database: Database, verifier_cache: Path, note: Note = lambda _: None) -> Matches:
    """The names of the labels in the table ``label_list`` (:mod:`treeoflife.sources.lists.label_list`).

    Args:
        verifier_cache: where GNVerifier's answers are kept, if it is to be asked.

    Raises:
        ConfigError: the parser cannot be loaded.
        InputError: a configured file is missing or malformed.
    """
    source = LabelList()
    source.label_table(database)
    naming = name_all(names, [source], database, verifier_cache, None, note)
    rows = naming.names.with_row_index("evidence").join(database.frame(_COUNTS), on="evidence", how="left")
    rows = rows.join(
        reasons_of(naming.names, naming.decisive, naming.findings, database), on="evidence", how="left"
    ).sort("evidence")
    rows = rows.with_columns(pl.col("reason", "why", "found").fill_null(""), rank=with_lowest_name(rows)["name_rank"])
    rows = rows.with_columns(_matches())
    return Matches(rows, Coverage.of(rows.lazy(), "labels"), database)


def _matches() -> list[pl.Expr]:
    """The rank by which an authority filled others, the name there, and whether that is a synonym."""
    looked_up = pl.concat_str([pl.col(column).str.strip_prefix("backbone:") for column in FROM], separator=";")
    is_synonym = pl.col("reason") == "synonym"
    ranks = [pl.when(looked_up.str.contains(f":{rank}\\b")).then(pl.lit(rank)) for rank in LOOKUP_RANKS]
    names = [
        pl.when(looked_up.str.contains(f":{rank}\\b")).then(binomial() if rank == "species" else pl.col(rank))
        for rank in LOOKUP_RANKS
    ]
    # Of a word between the seven ranks, such as a tribe.
    between = looked_up.str.replace_all(f":({'|'.join((*LOOKUP_RANKS, 'synonym'))})\\b", "").str.extract(":([a-z ]+)")
    return [
        pl.coalesce(pl.when(is_synonym).then("rank"), between, *ranks, pl.lit("")).alias("matched_rank"),
        pl.coalesce(pl.when(is_synonym | between.is_not_null()).then("found"), *names, pl.lit("")).alias(
            "matched_name"
        ),
        pl.when(is_synonym).then(pl.lit("synonym")).otherwise(pl.lit("")).alias("status"),
    ]
