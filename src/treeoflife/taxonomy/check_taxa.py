"""Looking for wrong labels in a catalog: counts and examples of what should not be there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import polars as pl

from ..core.values import RANKS
from ..errors import InputError

STEP_VERSION = 2
_EXAMPLES = 5
_PLACEHOLDER = (
    r"(?i)^(?:unknown|unidentified|\(unidentified\)|not[_ ]classified|incertae sedis|pleasehelp|undetermined|"
    r"none|null|nan|n/?a|unassigned|environmental samples?)$|\bsp\.|\bspp\.|\bcf\.|\baff\.|^BOLD:|[0-9]{3,}"
)


@dataclass(frozen=True)
class TaxaFinding:
    """A kind of trouble in a catalog.

    Attributes:
        kind: a word that can be counted.
        what: a sentence for people.
        images: how many rows of the catalog have it.
        examples: a few, the commonest first, each as 'what is there (rows)'.
    """

    kind: str
    what: str
    images: int
    examples: tuple[str, ...]

    def to_json(self) -> dict[str, object]:
        """For reports."""
        return asdict(self)


def read_catalog(path: Path) -> pl.LazyFrame:
    """A catalog or predicted catalog, CSV or Parquet, with its seven ranks as text, empty where null.

    Raises:
        InputError: it is missing or lacks a column.
    """
    try:
        table = pl.scan_parquet(path) if path.suffix == ".parquet" else pl.scan_csv(path, infer_schema=False)
        there = table.collect_schema().names()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"the catalog {path} cannot be read: {error}") from None
    if missing := [name for name in (*RANKS, "common") if name not in there]:
        raise InputError(f"{path} is not a catalog: it has no column {missing}")
    texts = [pl.col(name).cast(pl.String).fill_null("").str.strip_chars() for name in (*RANKS, "common")]
    split = pl.col("split") if "split" in there else pl.lit("").alias("split")
    return table.select(split, *texts).filter(pl.col("split") != "train_small")


@dataclass(frozen=True)
class Look:
    """A kind of trouble, and how to see it: over the seven ranks and ``common``, as text, empty where unknown.

    Attributes:
        kind: a word that can be counted.
        what: a sentence for people.
        wrong: whether a lineage has it.
        example: what to show of one that has it.
    """

    kind: str
    what: str
    wrong: pl.Expr
    example: pl.Expr


def looks(kingdoms: Sequence[str]) -> list[Look]:
    """What is looked for in a table of lineages; the page asks the same of each that it shows."""
    kingdom, genus, species, common = (pl.col(name) for name in ("kingdom", "genus", "species", "common"))
    holes = pl.any_horizontal(
        (pl.col(rank) == "") & pl.any_horizontal(pl.col(below) != "" for below in RANKS[place + 1 :])
        for place, rank in enumerate(RANKS[:-1])
    )
    filled = [pl.when(pl.col(rank) == "").then(pl.lit("·")).otherwise(rank) for rank in RANKS]
    lineage, binomial = pl.concat_str(filled, separator=" "), pl.concat_str([genus, species], separator=" ")
    nameless = pl.all_horizontal(pl.col(rank) == "" for rank in RANKS)
    odd = (kingdom != "") & ~kingdom.is_in(list(kingdoms))
    held = pl.any_horizontal(pl.col(rank).str.contains(_PLACEHOLDER) for rank in RANKS)
    scientific = pl.concat_str(list(RANKS), separator=" ").str.replace_all(" +", " ").str.strip_chars()
    uncommon = (common == "") | (common == binomial) | (common == scientific)
    return [
        Look("unexpected-kingdom", "a kingdom that is not on the list", odd, kingdom),
        Look("no-kingdom", "no kingdom", (kingdom == "") & ~nameless, lineage),
        Look("no-name", "no rank at all", nameless, pl.lit("(nothing)")),
        Look("hole", "an empty rank above a filled one", holes, lineage),
        Look("species-without-genus", "a species, but no genus", (genus == "") & (species != ""), species),
        Look("several-words", "several words in species", species.str.contains(" "), binomial),
        Look("placeholder", "a placeholder for a name", held, lineage),
        Look("no-common-name", "no common name but the scientific one", uncommon, binomial),
        *(_under_two(parent, rank) for parent, rank in pairwise(RANKS[:-1])),
    ]


def _under_two(parent: str, rank: str) -> Look:
    """A name of a rank that stands under two different names of the rank above, in the same kingdom or not."""
    both = (pl.col(rank) != "") & (pl.col(parent) != "")
    parents = pl.col(parent).filter(both)
    wrong = both & (parents.n_unique().over(rank) > 1)
    few = pl.col(parent).filter(both).unique().sort().head(4).str.join(", ").over(rank)
    example = pl.concat_str(rank, pl.lit(": "), few)
    return Look(f"{rank}-under-two", f"one {rank} under two names of {parent}", wrong, example)


def check_taxa(path: Path, kingdoms: Sequence[str]) -> list[TaxaFinding]:
    """Look for trouble in the names of a catalog; kinds of which there is none are left out.

    Args:
        path: a catalog or predicted catalog.
        kingdoms: the kingdoms that are not unexpected.
    """
    taxa = read_catalog(path).group_by(*RANKS, "common").agg(images=pl.len()).collect()
    found = [_count(taxa, one) for one in looks(kingdoms)]
    return [one for one in found if one.images]


def _count(taxa: pl.DataFrame, look: Look) -> TaxaFinding:
    rows = taxa.select("images", wrong=look.wrong, example=look.example).filter("wrong")
    shown = rows.group_by("example").agg(pl.col("images").sum()).sort("images", "example", descending=[True, False])
    examples = tuple(f"{name} ({count})" for name, count in shown.head(_EXAMPLES).iter_rows())
    return TaxaFinding(look.kind, look.what, int(rows["images"].sum()), examples)
