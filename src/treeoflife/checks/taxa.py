"""Looking for wrong labels in a catalog: counts and examples of what should not be there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import polars as pl

from ..errors import InputError
from ..records import RANKS

STEP_VERSION = 1
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


def check_taxa(path: Path, kingdoms: Sequence[str]) -> list[TaxaFinding]:
    """Look for trouble in the names of a catalog; kinds of which there is none are left out.

    Args:
        path: a catalog or predicted catalog.
        kingdoms: the kingdoms that are not unexpected.
    """
    taxa = read_catalog(path).group_by(*RANKS, "common").agg(images=pl.len()).collect()
    holes = pl.any_horizontal(
        (pl.col(rank) == "") & pl.any_horizontal(pl.col(below) != "" for below in RANKS[place + 1 :])
        for place, rank in enumerate(RANKS[:-1])
    )
    lineage = pl.concat_str(
        [pl.when(pl.col(rank) == "").then(pl.lit("·")).otherwise(rank) for rank in RANKS], separator=" "
    )
    binomial = pl.concat_str([pl.col("genus"), pl.col("species")], separator=" ")
    nameless = pl.all_horizontal(pl.col(rank) == "" for rank in RANKS)
    kingdom, genus, species, common = (pl.col(name) for name in ("kingdom", "genus", "species", "common"))
    held = pl.any_horizontal(pl.col(rank).str.contains(_PLACEHOLDER) for rank in RANKS)
    looks: tuple[tuple[str, str, pl.Expr, pl.Expr], ...] = (
        (
            "unexpected-kingdom",
            "a kingdom that is not on the list",
            (kingdom != "") & ~kingdom.is_in(list(kingdoms)),
            kingdom,
        ),
        ("no-kingdom", "no kingdom", (kingdom == "") & ~nameless, lineage),
        ("no-name", "no rank at all", nameless, pl.lit("(nothing)")),
        ("hole", "an empty rank above a filled one", holes, lineage),
        ("species-without-genus", "a species, but no genus", (genus == "") & (species != ""), species),
        ("several-words", "several words in species", species.str.contains(" "), binomial),
        ("placeholder", "a placeholder for a name", held, lineage),
        ("no-common-name", "no common name but the scientific one", (common == "") | (common == binomial), binomial),
    )
    found = [_count(taxa, *one) for one in looks]
    found += [_two_parents(taxa, parent, rank) for parent, rank in pairwise(RANKS[:-1])]
    return [one for one in found if one.images]


def _count(taxa: pl.DataFrame, kind: str, what: str, wrong: pl.Expr, example: pl.Expr) -> TaxaFinding:
    rows = taxa.filter(wrong)
    shown = (
        rows.group_by(example=example).agg(pl.col("images").sum()).sort("images", "example", descending=[True, False])
    )
    examples = tuple(f"{name} ({count})" for name, count in shown.head(_EXAMPLES).iter_rows())
    return TaxaFinding(kind, what, int(rows["images"].sum()), examples)


def _two_parents(taxa: pl.DataFrame, parent: str, rank: str) -> TaxaFinding:
    """Names of a rank that stand under two different names of the rank above, in the same kingdom or not."""
    both = taxa.filter((pl.col(rank) != "") & (pl.col(parent) != ""))
    parents = both.group_by(rank).agg(pl.col(parent).unique().sort(), pl.col("images").sum())
    wrong = parents.filter(pl.col(parent).list.len() > 1).sort("images", rank, descending=[True, False])
    rows = wrong.head(_EXAMPLES).iter_rows(named=True)
    examples = tuple(f"{row[rank]}: {', '.join(row[parent][:4])} ({row['images']})" for row in rows)
    return TaxaFinding(
        f"{rank}-under-two", f"one {rank} under two names of {parent}", int(wrong["images"].sum()), examples
    )
