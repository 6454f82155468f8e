"""Checks for wrong labels in a catalog: counts and examples of what should not be in it."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ...core.files import exists
from ...core.tables import parquet_schema
from ...core.text import reason
from ...core.text_tables import scan_text_table
from ...core.values import NAME_COLUMNS, RANKS
from ...errors import InputError
from .taxa_checks import TaxaCheck, make_checks

STEP_VERSION = 3
_EXAMPLES = 5
_WRITTEN_BY_ANYBODY = ("folder", "urls")
"""The kinds of sources whose labels come from no taxonomy."""


@dataclass(frozen=True)
class TaxaFinding:
    """The result of one check of a catalog.

    Attributes:
        kind: a word that can be counted.
        meaning: a phrase for people.
        images: the number of the catalog's rows concerned.
        examples: the most frequent ones, each as 'example (rows)'.
        hint: what to do about it.
    """

    kind: str
    meaning: str
    images: int
    examples: tuple[str, ...]
    hint: str = ""

    def to_json(self) -> dict[str, object]:
        """For reports."""
        return {
            "kind": self.kind, "what": self.meaning, "images": self.images, "examples": self.examples,
            "hint": self.hint,
        }  # fmt: skip


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


def known_genera(names: Path, sources: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The genera of a names.parquet that some authority has; those of the built-in taxonomy need not be among them.

    These are the genera by which, or by a species of which, an authority filled a rank; and those of labels that come
    from a provider's own taxonomy. Labels of folders and lists are written by anybody.

    Args:
        sources: the tables ``[sources.NAME]`` of dataset.toml.
    """
    by_hand = [name for name, table in sources.items() if table.get("kind", name) in _WRITTEN_BY_ANYBODY]
    givers = [f"{rank}_from" for rank in RANKS]
    by_name = r"^[^:]+:(?:genus|species)$"
    if not exists(names) or not {"genus", *givers} <= parquet_schema(names).keys():
        return []
    rows = pl.scan_parquet(names, glob=False).select("genus", *givers).unique()
    found = [pl.col(one).str.contains(by_name) & ~pl.col(one).str.starts_with("several") for one in givers]
    provided = (pl.col("genus_from") != "") & ~pl.col("genus_from").is_in(by_hand)
    genera = rows.filter(pl.any_horizontal(*found, provided)).select("genus").unique().collect()
    return genera["genus"].sort().to_list()


def check_taxa(path: Path, kingdoms: Sequence[str], genera: Collection[str] = ()) -> list[TaxaFinding]:
    """Check the names of a catalog; checks that find nothing are left out.

    Args:
        kingdoms: the kingdoms that may occur.
        genera: genera that some authority has, beyond those of the built-in taxonomy.
    """
    # Lineages are far fewer than rows, which need not be in memory all at once.
    taxa = read_catalog(path).group_by(NAME_COLUMNS).agg(images=pl.len()).collect(engine="streaming")
    taxa = taxa.sort(NAME_COLUMNS)
    findings = [_apply(check, taxa) for check in make_checks(kingdoms, genera)]
    return [finding for finding in findings if finding.images]


def _apply(check: TaxaCheck, taxa: pl.DataFrame) -> TaxaFinding:
    rows = taxa.select("images").hstack(check.find(taxa)).filter("found")
    totals = rows.group_by("example").agg(pl.col("images").sum()).sort("images", "example", descending=[True, False])
    examples = tuple(f"{name} ({count})" for name, count in totals.head(_EXAMPLES).iter_rows())
    return TaxaFinding(check.kind, check.meaning, int(rows["images"].sum()), examples, check.hint)
