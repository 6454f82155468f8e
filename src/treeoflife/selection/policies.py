"""Policies: rules of the plan that a configuration asks for, each with the columns that its rules look at.

A policy is a function from a configuration (and files) to rules and columns;
:func:`treeoflife.selection.decide.decide` knows none of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from ..core.tables import Array
from ..core.values import RANKS
from ..images import measure
from ..images.store import read_indexes
from ..mapping.shuffle import shuffle_keys
from . import quality
from .match import Matched
from .rules import Rule


@dataclass(frozen=True)
class Facts:
    """What is known when a policy makes its columns.

    Attributes:
        images: a row per image; see ``Decisions.images``.
        names: the names that differ.
        matched: which file is which image's.
    """

    images: pl.DataFrame
    names: pl.DataFrame
    matched: Matched

    def of_files(self, column: pl.Series) -> pl.Series:
        """For every image the value that its file has."""
        return column.gather(self.images["place"])

    def of_names(self, column: pl.Series) -> pl.Series:
        """For every image the value that its name has."""
        return column.gather(self.images["name"])


@dataclass(frozen=True)
class Policy:
    """Rules, and what makes the columns of ``Decisions.images`` that they look at."""

    rules: tuple[Rule, ...]
    columns: Callable[[Facts], Sequence[pl.Series]]


def duplicates(groups: pl.DataFrame, keep: str = "all", *, one_side: bool = False) -> Policy:
    """Of images that are the same picture, some go.

    Args:
        groups: the groups that were found (:data:`treeoflife.selection.duplicates.groups.COLUMNS`).
        keep: which stay; see :class:`treeoflife.config.Duplicates`.
        one_side: whether images of train go that are in a group with one of val.
    """
    group = pl.col("group")
    best = pl.col("row").sort_by("merit").first()
    val = pl.col("is_val")
    reason = pl.lit("duplicate")
    rules = []
    if one_side:
        in_val = pl.col("row").filter(val).first().over("group")
        detail = pl.format("the same picture as {}, which is in val", "cause_id")
        rules.append(Rule(group.is_not_null() & ~val & in_val.is_not_null(), reason, detail, in_val))
    if keep != "all":
        kept = best.over("group") if keep == "best" else best.over("group", "is_val")
        detail = pl.format("the same picture as {}, which is kept", "cause_id")
        rules.append(Rule(group.is_not_null() & (pl.col("row") != kept), reason, detail, kept))
    return Policy(tuple(rules), lambda facts: _grouped(facts, groups))


def _grouped(facts: Facts, groups: pl.DataFrame) -> list[pl.Series]:
    """``group`` of every image, and ``merit``, by which the best of a group is kept: the lowest; null for most."""
    group = facts.of_files(_of_files(facts.matched, groups))
    rows = np.flatnonzero(group.is_not_null().to_numpy())
    merit = np.zeros(len(group), np.uint32)
    merit[rows[_best_first(facts, rows)]] = np.arange(len(rows))
    return [group.alias("group"), pl.Series("merit", merit)]


def _of_files(matched: Matched, groups: pl.DataFrame) -> pl.Series:
    """The group of every file of the store."""
    containers = pl.DataFrame(
        [(one.source.name, one.container, number) for number, one in enumerate(matched.files.indexes)],
        schema={"source": pl.String, "container": pl.String, "number": pl.UInt32},
        orient="row",
    )
    found = groups.join(containers, on=["source", "container"]).select("number", "position", "group")
    where = matched.files.where.select(number="container", position="position").with_row_index("place")
    places = found.join(where, on=["number", "position"])
    group = pl.Series("group", [None], pl.UInt32).new_from_index(0, where.height)
    return group.scatter(places["place"], places["group"])


def _best_first(facts: Facts, rows: Array) -> Array:
    """The order of some images: with most ranks, then with a common name of its own, then with most pixels."""
    ranks = pl.sum_horizontal(pl.col(rank) != "" for rank in RANKS)
    scientific = pl.concat_str("genus", "species", separator=" ").str.strip_chars()
    common = (pl.col("common") != "") & (pl.col("common") != scientific)
    told = facts.names.select(ranks=ranks.cast(pl.Int64), common=common.cast(pl.Int64))
    where = facts.matched.files.where.select(pixels=pl.col("width").cast(pl.Int64) * pl.col("height"))
    of_names = [facts.of_names(told[name]).gather(rows) for name in ("ranks", "common")]
    pixels = facts.of_files(where["pixels"]).gather(rows)
    keys = [-column.fill_null(0).to_numpy() for column in (pixels, *reversed(of_names))]
    order: Array = np.lexsort(keys)
    return order


def cap(most: int, seed: int) -> Policy:
    """At most so many images of a species are in train, chosen by the seed; val is left as it is.

    Images without a species are of none, and stay.
    """
    place = pl.col("shuffle").rank("ordinal").over("taxon", "is_val")
    beyond = pl.col("taxon").is_not_null() & ~pl.col("is_val") & (place > most)
    detail = pl.format("the species has {} images in train, of which {} are kept", "cause", pl.lit(most))
    count = pl.len().over("taxon", "is_val")
    return Policy((Rule(beyond, pl.lit("over-cap"), detail, count),), lambda facts: _species(facts, seed))


def _species(facts: Facts, seed: int) -> list[pl.Series]:
    """``taxon``, the number of every image's species, and ``shuffle``, by which images are chosen: the lowest."""
    known = (pl.col("genus") != "") & (pl.col("species") != "")
    number = facts.names.select(pl.when(known).then(pl.struct(RANKS).rank("dense"))).to_series()
    taxon = facts.of_names(number.cast(pl.UInt32))
    return [taxon.alias("taxon"), pl.Series("shuffle", shuffle_keys(facts.images["treeoflife_id"], seed, "cap"))]


def doubtful(drop: Sequence[str]) -> Policy:
    """Images of these kinds of :data:`treeoflife.selection.quality.LIMITS` go; of all it is noted what they have."""
    rules = [Rule(quality.has(kind), pl.lit("quality"), pl.lit(f"{kind}: {quality.MEANING[kind]}")) for kind in drop]
    return Policy(tuple(rules), _qualities)


def _qualities(facts: Facts) -> list[pl.Series]:
    """``quality`` of every image: a bit for each finding."""
    columns = ["width", "height", *(name for name in measure.COLUMNS if name != "pdq")]
    batches = read_indexes([index.path for index in facts.matched.files.indexes], columns)
    every = pl.concat(
        [pl.Series("quality", [], pl.UInt8), *(rows.select(quality.bits())["quality"] for rows in batches)]
    )
    return [facts.of_files(every).fill_null(0)]
