"""How complete names are: how many have all ranks down to their own, and what the others lack."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from .expressions import UPPER, is_hole, is_nameless

LACKS = {
    "name": "without any name",
    "kingdom": "without a kingdom",
    "rank": "without a rank in between",
    "genus": "named to family or above only",
}
"""What a name may lack, the worst first, and how people call it; a name counts for the first of them alone."""


def lack() -> pl.Expr:
    """What a row of the seven ranks lacks, by the keys of :data:`LACKS`; an empty text if nothing.

    >>> from treeoflife.core.values import RANKS, Taxon
    >>> taxa = [Taxon(), Taxon(genus="Pica"), Taxon("Animalia", "Chordata", "Aves")]
    >>> pl.DataFrame(taxa, schema=RANKS, orient="row").select(lack().alias("lack"))["lack"].to_list()
    ['name', 'kingdom', 'genus']
    """
    has_hole = pl.any_horizontal(is_hole(rank) for rank in UPPER[1:])
    is_higher = (pl.col("genus") == "") & (pl.col("species") == "")
    return (
        pl.when(is_nameless()).then(pl.lit("name")).when(pl.col("kingdom") == "").then(pl.lit("kingdom"))
        .when(has_hole).then(pl.lit("rank")).when(is_higher).then(pl.lit("genus")).otherwise(pl.lit(""))
    )  # fmt: skip


@dataclass(frozen=True)
class Coverage:
    """How many names there are, and how many of them lack something.

    Attributes:
        total: all of them.
        lacking: how many lack each of :data:`LACKS`, in its order, without those that none lacks.
    """

    total: int
    lacking: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, names: pl.LazyFrame, weight: str | None = None) -> "Coverage":
        """Count the rows of a table with the seven ranks.

        Args:
            weight: the column that says how many names a row stands for; None for one.
        """
        rows = pl.len() if weight is None else pl.col(weight).sum()
        counted = dict(names.group_by(lack().alias("lack")).agg(rows.alias("names")).collect().iter_rows())
        return cls(sum(counted.values()), {word: counted[word] for word in LACKS if counted.get(word)})

    @property
    def complete(self) -> int:
        """How many lack nothing: they have all ranks from the kingdom down to their genus or species."""
        return self.total - sum(self.lacking.values())

    @property
    def parts(self) -> Iterator[str]:
        """What is lacking, and in how many names."""
        return (f"{count:,} {LACKS[word]}" for word, count in self.lacking.items())
