"""Checks for wrong labels in a catalog: counts and examples of what should not be in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import polars as pl

from ..core.text import reason
from ..core.text_tables import scan_text_table
from ..core.values import RANKS
from ..errors import InputError
from .expressions import UPPER, binomial, is_hole, is_nameless, joined

STEP_VERSION = 2
_EXAMPLES = 5
# Three digits in a row are the number of a specimen or of a barcode cluster.
_PLACEHOLDER = (
    r"(?i)^(?:unknown|unidentified|\(unidentified\)|not[_ ]classified|incertae sedis|pleasehelp|undetermined|"
    r"none|null|nan|n/?a|unassigned|environmental samples?)$|\bsp\.|\bspp\.|\bcf\.|\baff\.|^BOLD:|[0-9]{3,}"
)


@dataclass(frozen=True)
class TaxaFinding:
    """The result of one check of a catalog.

    Attributes:
        kind: a word that can be counted.
        meaning: a phrase for people.
        images: the number of the catalog's rows concerned.
        examples: the most frequent ones, each as 'example (rows)'.
    """

    kind: str
    meaning: str
    images: int
    examples: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """For reports."""
        return {"kind": self.kind, "what": self.meaning, "images": self.images, "examples": self.examples}


def read_catalog(path: Path) -> pl.LazyFrame:
    """A catalog or predicted catalog, CSV or Parquet: its seven ranks and ``common`` as text, empty where null.

    Rows of train_small are left out: each has its equal in train.

    Raises:
        InputError: it is missing or lacks a column.
    """
    try:
        table = pl.scan_parquet(path, glob=False) if path.suffix == ".parquet" else scan_text_table(path)
        present = table.collect_schema().names()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"the catalog {path} cannot be read: {reason(error)}") from None
    if missing := [name for name in (*RANKS, "common") if name not in present]:
        raise InputError(f"{path} is not a catalog: it has no column {missing}")
    texts = [pl.col(name).cast(pl.String).fill_null("").str.strip_chars() for name in (*RANKS, "common")]
    split = pl.col("split") if "split" in present else pl.lit("").alias("split")
    return table.select(split, *texts).filter(pl.col("split") != "train_small")


@dataclass(frozen=True)
class TaxaCheck:
    """A check of distinct lineages: expressions over the seven ranks and ``common``, as text, empty where unknown.

    Attributes:
        condition: whether the check has found something in a lineage.
        example: how such a lineage is ranks.
    """

    kind: str
    meaning: str
    condition: pl.Expr
    example: pl.Expr


def make_checks(kingdoms: Sequence[str]) -> list[TaxaCheck]:
    """All checks of lineages, for catalogs and for the page of ``explore`` alike."""
    kingdom, genus, species, common = (pl.col(name) for name in ("kingdom", "genus", "species", "common"))
    ranks = [pl.when(pl.col(rank) == "").then(pl.lit("·")).otherwise(rank) for rank in RANKS]
    lineage = pl.concat_str(ranks, separator=" ")
    unexpected = (kingdom != "") & ~kingdom.is_in(list(kingdoms))
    hole = pl.any_horizontal(is_hole(rank) for rank in UPPER)
    placeholder = pl.any_horizontal(pl.col(rank).str.contains(_PLACEHOLDER) for rank in RANKS)
    # In a catalog the scientific or taxonomic name takes the place of a missing common name.
    uncommon = (common == "") | (common == binomial()) | (common == joined())
    return [
        TaxaCheck("unexpected-kingdom", "a kingdom that is not on the list", unexpected, kingdom),
        TaxaCheck("no-kingdom", "no kingdom", (kingdom == "") & ~is_nameless(), lineage),
        TaxaCheck("no-name", "no rank at all", is_nameless(), pl.lit("(nothing)")),
        TaxaCheck("hole", "an empty rank above a filled one", hole, lineage),
        TaxaCheck("species-without-genus", "a species, but no genus", (genus == "") & (species != ""), species),
        TaxaCheck("several-words", "several words in species", species.str.contains(" "), binomial()),
        TaxaCheck("placeholder", "a placeholder for a name", placeholder, lineage),
        TaxaCheck("no-common-name", "no common name but the scientific one", uncommon, binomial()),
        *(_several_parents(parent, rank) for parent, rank in pairwise(UPPER)),
    ]


def _several_parents(parent: str, rank: str) -> TaxaCheck:
    """A name of a rank that is below different names of the next rank up, whatever the kingdom."""
    has_both = (pl.col(rank) != "") & (pl.col(parent) != "")
    parents = pl.col(parent).filter(has_both)
    condition = has_both & (parents.n_unique().over(rank) > 1)
    example = pl.concat_str(rank, pl.lit(": "), parents.unique().sort().head(4).str.join(", ").over(rank))
    return TaxaCheck(f"{rank}-under-two", f"one {rank} under two names of {parent}", condition, example)


def check_taxa(path: Path, kingdoms: Sequence[str]) -> list[TaxaFinding]:
    """Check the names of a catalog; checks that find nothing are left out."""
    taxa = read_catalog(path).group_by(*RANKS, "common").agg(images=pl.len()).collect()
    findings = [_apply(check, taxa) for check in make_checks(kingdoms)]
    return [finding for finding in findings if finding.images]


def _apply(check: TaxaCheck, taxa: pl.DataFrame) -> TaxaFinding:
    rows = taxa.select("images", condition=check.condition, example=check.example).filter("condition")
    totals = rows.group_by("example").agg(pl.col("images").sum()).sort("images", "example", descending=[True, False])
    examples = tuple(f"{name} ({count})" for name, count in totals.head(_EXAMPLES).iter_rows())
    return TaxaFinding(check.kind, check.meaning, int(rows["images"].sum()), examples)
