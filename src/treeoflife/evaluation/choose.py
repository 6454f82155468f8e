"""Choosing the images of a hold-out set: species with enough distinct pictures, and as many of each, at random."""

from dataclasses import dataclass

import polars as pl

from ..core.values import NAME_COLUMNS
from ..mapping.shuffle import shuffle_keys
from ..selection.decisions import Decisions
from ..taxonomy.species_key import column_keys, species_key

ABSENT = "the dataset has no image of it"
_REJECTED = {"species": pl.String, "reason": pl.String}


@dataclass(frozen=True)
class Request:
    """What a hold-out set is to be.

    Attributes:
        species: the species that may be in it, as 'genus epithet' in lower case.
        not_in: sources in which a species must not occur.
    """

    species: tuple[str, ...]
    per_species: int
    not_in: tuple[str, ...] = ()
    seed: int = 17


@dataclass(frozen=True)
class Choice:
    """What was chosen.

    Attributes:
        images: a row per image, by species and id: ``treeoflife_id``, ``source`` (its name), ``file_row`` (the row of
            its file, see :class:`treeoflife.selection.decisions.StoreFiles`), the ranks and the common name.
        rejected: ``species`` and ``reason`` of those that are not in the set.
    """

    images: pl.DataFrame
    rejected: pl.DataFrame


def choose(decisions: Decisions, request: Request) -> Choice:
    """Choose the images.

    Only images that would be samples are taken. Of a group of duplicates at most one is taken, and none of a group that
    has other names too: its picture would stay in the dataset under those.

    Args:
        decisions: on the whole dataset, with ``group`` (:func:`treeoflife.selection.policies.duplicates`).
    """
    images = _images_of(decisions, request)
    elsewhere = images.filter(pl.col("source").is_in(list(request.not_in)))
    elsewhere = elsewhere.group_by("requested").agg(pl.col("source").unique().sort().str.join(", "))
    distinct = _distinct(images, decisions, request)
    species = images.select("requested").unique().join(elsewhere, on="requested", how="anti")
    counts = species.join(distinct.group_by("requested").len("count"), on="requested", how="left")
    enough = counts.filter(pl.col("count") >= request.per_species)
    chosen = distinct.join(enough, on="requested", how="semi").sort("requested", "shuffle", "treeoflife_id")
    chosen = chosen.filter(pl.int_range(pl.len()).over("requested") < request.per_species)
    chosen = chosen.sort("requested", "treeoflife_id")
    too_few = counts.join(enough, on="requested", how="anti")
    reasons = dict.fromkeys(request.species, ABSENT)
    reasons |= {one: f"it is in {sources}" for one, sources in elsewhere.iter_rows()}
    reasons |= {one: f"it has {count or 0} distinct images that may be taken" for one, count in too_few.iter_rows()}
    rejected = pl.DataFrame(sorted(reasons.items()), schema=_REJECTED, orient="row")
    rejected = rejected.join(enough, left_on="species", right_on="requested", how="anti", maintain_order="left")
    return Choice(chosen.select("treeoflife_id", "source", "file_row", *NAME_COLUMNS), rejected)


def _images_of(decisions: Decisions, request: Request) -> pl.DataFrame:
    """All images of the requested species: ``requested``, the source's name, and what decides on them."""
    requested = {species_key(name): name for name in request.species}
    names = decisions.names.with_row_index("name").with_columns(column_keys(decisions.names).alias("key"))
    names = names.filter(pl.col("key").is_in(list(requested)))
    names = names.with_columns(requested=pl.col("key").replace_strict(requested, return_dtype=pl.String)).drop("key")
    sources = pl.Series([source.name for source in decisions.sources], dtype=pl.String)
    images = decisions.images.select("treeoflife_id", "source", "file_row", "name", "rule", "group")
    named = images.join(names, on="name", how="inner", maintain_order="left")
    return named.with_columns(sources.gather(named["source"]).alias("source"))


def _distinct(images: pl.DataFrame, decisions: Decisions, request: Request) -> pl.DataFrame:
    """Those that may be taken, one of each picture, with ``shuffle``: the lowest are taken first."""
    grouped = decisions.images.filter(pl.col("group").is_not_null(), pl.col("name").is_not_null())
    names = column_keys(decisions.names).fill_null("")
    species = grouped.select("group", names.gather(grouped["name"]).alias("species"))
    mixed = species.group_by("group").agg(pl.col("species").n_unique()).filter(pl.col("species") > 1)
    free = images.filter(pl.col("rule").is_null()).join(mixed, on="group", how="anti", maintain_order="left")
    free = free.with_columns(pl.Series("shuffle", shuffle_keys(free["treeoflife_id"], request.seed, "holdout")))
    first = free.sort("shuffle", "treeoflife_id").with_columns(repeat=pl.int_range(pl.len()).over("group"))
    return first.filter(pl.col("group").is_null() | (pl.col("repeat") == 0))
