"""Choosing the images of a hold-out set: species with enough pictures of their own, and of each as many by chance."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from ..mapping.shuffle import shuffle_keys
from ..selection.decide import NAME_COLUMNS, Decisions
from ..selection.holdout import binomial

_PASSED_OVER = {"species": pl.String, "reason": pl.String}
ABSENT = "the dataset has no image of it"


@dataclass(frozen=True)
class Wish:
    """What a hold-out set is to be.

    Attributes:
        species: the species that may be in it, as 'genus epithet' in small letters.
        per_species: how many images of each.
        not_in: sources in which a species must not occur.
        seed: of the choice.
    """

    species: tuple[str, ...]
    per_species: int
    not_in: tuple[str, ...] = ()
    seed: int = 17


@dataclass(frozen=True)
class Chosen:
    """What was chosen.

    Attributes:
        images: a row per image, by species and id: ``treeoflife_id``, ``source`` (its name), ``place`` (its file's, see
            :class:`treeoflife.selection.match.Files`), the ranks and the common name.
        passed_over: ``species`` and ``reason`` of those that are not in the set.
    """

    images: pl.DataFrame
    passed_over: pl.DataFrame


def choose(decided: Decisions, wish: Wish) -> Chosen:
    """Choose the images.

    Only images that would be samples are taken. Of a group of the same picture one is taken at most, and none of a
    group that has other names too: its picture would stay in the dataset under these.

    Args:
        decided: the decisions on the whole dataset, with ``group`` (:func:`treeoflife.selection.policies.duplicates`).
        wish: what the set is to be.
    """
    images = _named(decided, wish)
    elsewhere = images.filter(pl.col("source").is_in(list(wish.not_in)))
    elsewhere = elsewhere.group_by(species="wanted").agg(pl.col("source").unique().sort().str.join(", "))
    distinct = _distinct(images, decided, wish)
    species = images.select(species="wanted").unique().join(elsewhere, on="species", how="anti")
    counts = species.join(distinct.group_by(species="wanted").len("count"), on="species", how="left")
    enough = counts.filter(pl.col("count") >= wish.per_species)
    kept = distinct.join(enough, left_on="wanted", right_on="species", how="semi")
    kept = kept.sort("wanted", "shuffle", "treeoflife_id")
    kept = kept.filter(pl.int_range(pl.len()).over("wanted") < wish.per_species).sort("wanted", "treeoflife_id")
    few = counts.join(enough, on="species", how="anti")
    reasons = dict.fromkeys(wish.species, ABSENT)
    reasons |= {one: f"it is in {sources}" for one, sources in elsewhere.iter_rows()}
    reasons |= {one: f"it has {count or 0} distinct images that may be taken" for one, count in few.iter_rows()}
    passed_over = pl.DataFrame(sorted(reasons.items()), schema=_PASSED_OVER, orient="row")
    passed_over = passed_over.join(enough, on="species", how="anti", maintain_order="left")
    return Chosen(kept.select("treeoflife_id", "source", "place", *NAME_COLUMNS), passed_over)


def _named(decided: Decisions, wish: Wish) -> pl.DataFrame:
    """All images of the species that are wanted: ``wanted``, the name of the source, and what decides on them."""
    names = decided.names.with_row_index("name").with_columns(wanted=binomial())
    names = names.filter(pl.col("wanted").is_in(list(wish.species)))
    sources = pl.Series([source.name for source in decided.sources], dtype=pl.String)
    images = decided.images.select("treeoflife_id", "source", "place", "name", "rule", "group")
    found = images.join(names, on="name", how="inner", maintain_order="left")
    return found.with_columns(sources.gather(found["source"]).alias("source"))


def _distinct(images: pl.DataFrame, decided: Decisions, wish: Wish) -> pl.DataFrame:
    """Those that may be taken, one of each picture, with ``shuffle``: the lowest are taken first."""
    grouped = decided.images.filter(pl.col("group").is_not_null(), pl.col("name").is_not_null())
    names = decided.names.select(called=binomial().fill_null(""))["called"]
    called = grouped.select("group", names.gather(grouped["name"]).alias("called"))
    torn = called.group_by("group").agg(pl.col("called").n_unique()).filter(pl.col("called") > 1)
    free = images.filter(pl.col("rule").is_null()).join(torn, on="group", how="anti", maintain_order="left")
    free = free.with_columns(pl.Series("shuffle", shuffle_keys(free["treeoflife_id"], wish.seed, "holdout")))
    first = free.sort("shuffle", "treeoflife_id").with_columns(again=pl.int_range(pl.len()).over("group"))
    return first.filter(pl.col("group").is_null() | (pl.col("again") == 0))
