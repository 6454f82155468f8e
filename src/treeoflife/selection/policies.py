"""Policies: rules that depend on the configuration, with the columns that they need.

A policy is built from the configuration and from tables; :func:`treeoflife.selection.decide.decide` applies any.
"""

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
from .decisions import Matching
from .rules import Rule


@dataclass(frozen=True)
class Facts:
    """The tables from which a policy makes its columns.

    Attributes:
        images: a row per image; see ``Decisions.images``.
        matching: which file is used for which image.
    """

    images: pl.DataFrame
    names: pl.DataFrame
    matching: Matching


@dataclass(frozen=True)
class Policy:
    """Rules, and a function that makes the columns of ``Decisions.images`` that they need."""

    rules: tuple[Rule, ...]
    columns: Callable[[Facts], Sequence[pl.Series]] = lambda _facts: ()


def duplicates(groups: pl.DataFrame, keep: str = "all", *, one_side: bool = False) -> Policy:
    """Leave out some of the images that show the same picture.

    Args:
        groups: the groups (:data:`treeoflife.selection.duplicates.groups.COLUMNS`).
        keep: which images stay; see :class:`treeoflife.config.tables.Duplicates`.
        one_side: whether to leave out images of train that are in a group with an image of val.
    """
    grouped, reason, row = pl.col("group").is_not_null(), pl.lit("duplicate"), pl.col("row")
    rules = []
    if one_side:
        in_val = row.filter(pl.col("is_val")).first().over("group")
        detail = pl.format("the same picture as {}, which is in val", "cause_id")
        rules.append(Rule(grouped & ~pl.col("is_val") & in_val.is_not_null(), reason, detail, in_val))
    if keep != "all":
        best = row.sort_by("preference").first()
        kept = best.over("group") if keep == "best" else best.over("group", "is_val")
        detail = pl.format("the same picture as {}, which is kept", "cause_id")
        rules.append(Rule(grouped & (row != kept), reason, detail, kept))
    return Policy(tuple(rules), lambda facts: _group_columns(facts, groups))


def _group_columns(facts: Facts, groups: pl.DataFrame) -> list[pl.Series]:
    """``group``, null for most images, and ``preference``: of each group, the image with the lowest is kept."""
    group = _groups_of_files(facts.matching, groups).gather(facts.images["file_row"])
    rows = np.flatnonzero(group.is_not_null().to_numpy())
    preference = np.zeros(len(group), np.uint32)
    preference[rows[_best_first(facts, rows)]] = np.arange(len(rows))
    return [group.alias("group"), pl.Series("preference", preference)]


def _groups_of_files(matching: Matching, groups: pl.DataFrame) -> pl.Series:
    """The group of every file of the store, or null."""
    containers = pl.DataFrame(
        [(index.source.name, index.container, number) for number, index in enumerate(matching.files.indexes)],
        schema={"source": pl.String, "container": pl.String, "number": pl.UInt32},
        orient="row",
    )
    members = groups.join(containers, on=["source", "container"]).select("number", "position", "group")
    files = matching.files.locations.select(number="container", position="position").with_row_index("file_row")
    rows = files.join(members, on=["number", "position"])
    group = pl.Series("group", [None], pl.UInt32).new_from_index(0, files.height)
    return group.scatter(rows["file_row"], rows["group"])


def _best_first(facts: Facts, rows: Array) -> Array:
    """The order of some images: most ranks, then a common name other than the scientific one, then most pixels."""
    ranks = pl.sum_horizontal(pl.col(rank) != "" for rank in RANKS)
    scientific = pl.concat_str("genus", "species", separator=" ").str.strip_chars()
    common = (pl.col("common") != "") & (pl.col("common") != scientific)
    names = facts.names.select(ranks=ranks.cast(pl.Int64), common=common.cast(pl.Int64))
    sizes = facts.matching.files.locations.select(pixels=pl.col("width").cast(pl.Int64) * pl.col("height"))
    pixels = sizes["pixels"].gather(facts.images["file_row"].gather(rows))
    name_rows = facts.images["name"].gather(rows)
    # lexsort takes the most important key last.
    keys = [pixels, names["common"].gather(name_rows), names["ranks"].gather(name_rows)]
    order: Array = np.lexsort([-key.fill_null(0).to_numpy() for key in keys])
    return order


def cap(limit: int, seed: int) -> Policy:
    """Keep at most ``limit`` images of a species in train, chosen by the seed; val is left as it is.

    Images without a species stay.
    """
    rank = pl.col("shuffle").rank("ordinal").over("taxon", "is_val")
    beyond = pl.col("taxon").is_not_null() & ~pl.col("is_val") & (rank > limit)
    detail = pl.format("the species has {} images in train, of which {} are kept", "cause", pl.lit(limit))
    count = pl.len().over("taxon", "is_val")
    return Policy((Rule(beyond, pl.lit("over-cap"), detail, count),), lambda facts: _species_columns(facts, seed))


def _species_columns(facts: Facts, seed: int) -> list[pl.Series]:
    """``taxon``, the number of every image's species, and ``shuffle``: of a species, the lowest are kept."""
    has_species = (pl.col("genus") != "") & (pl.col("species") != "")
    number = facts.names.select(pl.when(has_species).then(pl.struct(RANKS).rank("dense"))).to_series()
    taxon = number.cast(pl.UInt32).gather(facts.images["name"])
    return [taxon.alias("taxon"), pl.Series("shuffle", shuffle_keys(facts.images["treeoflife_id"], seed, "cap"))]


def doubtful(drop: Sequence[str]) -> Policy:
    """Leave out images with these kinds of :data:`treeoflife.selection.quality.LIMITS`; the column has all kinds."""
    rules = [Rule(quality.has(kind), pl.lit("quality"), pl.lit(f"{kind}: {quality.MEANING[kind]}")) for kind in drop]
    return Policy(tuple(rules), _quality_column)


def _quality_column(facts: Facts) -> list[pl.Series]:
    """``quality``, a bit for each kind of finding."""
    columns = ["width", "height", *(name for name in measure.COLUMNS if name != "pdq")]
    batches = read_indexes([index.path for index in facts.matching.files.indexes], columns)
    bits = [pl.Series("quality", [], pl.UInt8), *(rows.select(quality.bits()).to_series() for rows in batches)]
    return [pl.concat(bits).gather(facts.images["file_row"]).fill_null(0)]
