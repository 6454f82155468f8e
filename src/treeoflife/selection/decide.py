"""Deciding on every image of the mapping, all sources together: sample, or out for a reason.

The tables here have a row per image or file of the whole dataset, so they hold numbers and little else: texts that only
the ledger needs are read again for the few that go there, and names stand once for each that differs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ..config.tables import Licences
from ..core.tables import Array, Lookup
from ..core.values import RANKS, Taxon
from ..errors import InputError
from ..mapping.store import read_source, split_batches
from ..sources.base import Source
from . import marks
from .holdout import FOUND, HoldoutList, find
from .licences import refused
from .marks import Mark
from .match import NONE, Index, Matched, match
from .policies import Facts, Policy
from .rules import RULES, Rule, judge

NAME_COLUMNS = [*RANKS, "common"]
FLAGS = ("is_val", "is_train_small")
_ROWS_AT_ONCE = 500_000


@dataclass(frozen=True)
class Decisions:
    """All images of a dataset, and what was decided on each.

    Attributes:
        sources: the sources.
        keys: the columns of each source, a row per image.
        images: a row per image, in the order of sources and of the mapping: ``treeoflife_id``, ``source`` (its number),
            ``place`` (its file's), ``bad`` (the file is no image), ``held``, ``marked``, ``unlicensed`` (null, or
            why it may not be in), ``name`` (its number), ``is_val``, ``is_train_small``, the columns of policies,
            ``rule``: the number of the rule that puts it out, null for a sample, and ``cause``, which it speaks of.
        names: the names that differ; a name's number is its row.
        matched: which file is which image's.
        held: ``treeoflife_id``, ``reason`` and ``detail`` of what is held out.
        met: the entries of hold-out lists that matched, by list.
        rules: the rules that were asked.
    """

    sources: Sequence[Source]
    keys: Sequence[pl.DataFrame]
    images: pl.DataFrame
    names: pl.DataFrame
    matched: Matched
    held: pl.DataFrame
    met: dict[str, set[str]]
    rules: Sequence[Rule]

    def samples(self, split: str) -> Array:
        """The rows of ``images`` that are the samples of a split."""
        return self.images.select((pl.col("rule").is_null() & in_split(split)).arg_true()).to_series().to_numpy()

    def cells(self, images: Array) -> Iterator[tuple[Source, pl.DataFrame]]:
        """Of each source its columns for these images, null for those of another source."""
        first = 0
        for source, keys in zip(self.sources, self.keys, strict=True):
            own = (images >= first) & (images < first + keys.height)
            rows = pl.select(pl.when(pl.Series(own)).then(pl.Series(np.where(own, images - first, 0)))).to_series()
            yield source, keys.select(pl.all().gather(rows))
            first += keys.height


def in_split(split: str) -> pl.Expr:
    """Whether an image is in a split, over ``is_val`` and ``is_train_small``."""
    return {
        "train": ~pl.col("is_val"),
        "val": pl.col("is_val"),
        "train_small": pl.col("is_train_small") & ~pl.col("is_val"),
    }[split]


def decide(
    sources: Sequence[Source],
    indexes: Sequence[Index],
    mapping: Path,
    names: pl.DataFrame,
    lists: Sequence[HoldoutList] = (),
    marked: Mapping[str, Mark] | None = None,
    licences: Licences | None = None,
    rules: Sequence[Rule] = RULES,
    policies: Sequence[Policy] = (),
) -> Decisions:
    """Decide on every image of a mapping.

    Args:
        sources: the sources.
        indexes: the encoded store's index of every container, in order.
        mapping: the mapping, with splits.
        names: the table of names, of all sources.
        lists: the hold-out lists.
        marked: a curator's marks, by id.
        licences: which licences images may have.
        rules: why images may be no samples.
        policies: further rules, which come after those, and what they look at.

    Raises:
        InputError: the mapping gives an id twice.
    """
    tables = [read_source(mapping, source) for source in sources]
    ids = pl.concat([table.select("treeoflife_id") for table in tables])
    known = Lookup(ids)
    if (row := known.twice()) is not None:
        raise InputError(f"{mapping} gives the id '{ids['treeoflife_id'][row]}' to two images")
    matched = match(indexes, list(zip(sources, tables, strict=True)), known)
    marking = marks.table(marked or {})
    numbers, distinct = name_images(list(zip(sources, tables, strict=True)), names, marking)
    held, met = _held(lists, sources, tables, numbers, distinct)
    images = ids.with_columns(
        _numbers_of(tables),
        pl.concat(numbers),
        *_splits(mapping, known),
        *_places(matched),
        _told("held", known, held.select("treeoflife_id", text="reason")),
        _told("marked", known, marking.select("treeoflife_id", text="marked").drop_nulls()),
        _refusals(tables, licences or Licences()),
    )
    images = images.with_columns(one for policy in policies for one in policy.columns(Facts(images, distinct, matched)))
    rules = (*rules, *(rule for policy in policies for rule in policy.rules))
    keys = [table.select(list(source.columns)) for source, table in zip(sources, tables, strict=True)]
    return Decisions(sources, keys, judge(images, rules), distinct, matched, held, met, rules)


def name_images(
    tables: Sequence[tuple[Source, pl.DataFrame]], names: pl.DataFrame, marking: pl.DataFrame
) -> tuple[list[pl.Series], pl.DataFrame]:
    """The number of every image's name, null where it has none, for each source; and the names that differ.

    Args:
        tables: the images of each source: its columns and ``treeoflife_id``.
        names: the table of names, of all sources.
        marking: marks, of which those that relabel have ranks: they count before ``names``.
    """
    texts = names.select("source", "name_key", pl.col(NAME_COLUMNS).fill_null(""))
    others = marking.filter(pl.col("kingdom").is_not_null())
    distinct = pl.concat([texts.select(NAME_COLUMNS), others.select(NAME_COLUMNS)]).unique(maintain_order=True)
    distinct = distinct.filter(pl.any_horizontal(pl.col(rank) != "" for rank in RANKS)).with_row_index("name")
    numbered = texts.join(distinct, on=NAME_COLUMNS, how="left", maintain_order="left")
    relabelled = others.join(distinct, on=NAME_COLUMNS).select("treeoflife_id", other="name")
    found = [_named(source, table, numbered, relabelled) for source, table in tables]
    common = [Taxon(*row[:-1]).common_or_own(row[-1]) for row in distinct.select(NAME_COLUMNS).iter_rows()]
    return found, distinct.select(*RANKS, pl.Series("common", common, dtype=pl.String))


def _named(source: Source, table: pl.DataFrame, numbered: pl.DataFrame, relabelled: pl.DataFrame) -> pl.Series:
    """The number of the name of each image of a source; a part of the images at a time, for the join copies texts."""
    own = numbered.filter(source=source.name).unique("name_key", keep="first", maintain_order=True)
    none = pl.Series("name", [], numbered.schema["name"])
    parts = [
        _named_part(part.select("treeoflife_id", name_key=pl.col(source.name_key).cast(pl.String)), own, relabelled)
        for part in table.iter_slices(_ROWS_AT_ONCE)
    ]
    return pl.concat([none, *parts])


def _named_part(keys: pl.DataFrame, own: pl.DataFrame, relabelled: pl.DataFrame) -> pl.Series:
    found = keys.join(own.select("name_key", "name"), on="name_key", how="left", maintain_order="left")
    if relabelled.height:
        found = found.join(relabelled, on="treeoflife_id", how="left", maintain_order="left")
        found = found.with_columns(name=pl.coalesce("other", "name"))
    return found["name"]


def _numbers_of(tables: Sequence[pl.DataFrame]) -> pl.Series:
    """The number of every image's source."""
    numbers = np.repeat(np.arange(len(tables), dtype=np.uint16), [table.height for table in tables])
    return pl.Series("source", numbers)


def _splits(mapping: Path, known: Lookup) -> list[pl.Series]:
    """``is_val`` and ``is_train_small`` of every image, null where the mapping does not say."""
    codes = {flag: np.full(len(known), -1, np.int8) for flag in FLAGS}
    for batch in split_batches(mapping):
        ours, theirs = known.pairs(batch.select("treeoflife_id"))
        for flag, code in codes.items():
            code[theirs] = batch[flag].to_numpy()[ours]
    return [pl.Series(flag, code).replace(-1, None).cast(pl.Boolean) for flag, code in codes.items()]


def _places(matched: Matched) -> list[pl.Series]:
    """``place`` and ``bad``, null where an image has no file."""
    place = pl.Series("place", matched.place)
    place = place.set(place == int(NONE), None)
    return [place, matched.files.where["bad"].gather(place)]


def _told(name: str, known: Lookup, told: pl.DataFrame) -> pl.Series:
    """A column of the texts that ``told`` has for images."""
    rows, images = known.pairs(told.select("treeoflife_id"))
    codes = np.zeros(len(known), np.uint32)
    texts = told["text"].unique(maintain_order=True)
    number = {text: place for place, text in enumerate(texts, 1)}
    codes[images] = [number[text] for text in told["text"].gather(rows)]
    return _coded(name, codes, texts)


def _coded(name: str, codes: Array, texts: pl.Series) -> pl.Series:
    return pl.Series(name, [None, *texts], dtype=pl.Categorical).gather(codes)


def _held(
    lists: Sequence[HoldoutList],
    sources: Sequence[Source],
    tables: Sequence[pl.DataFrame],
    numbers: Sequence[pl.Series],
    names: pl.DataFrame,
) -> tuple[pl.DataFrame, dict[str, set[str]]]:
    """What is held out, and which entries of each list found an image; a part of the images at a time."""
    frames, met = [pl.DataFrame(schema=FOUND)], {str(one.path): set[str]() for one in lists}
    for source, table, number in zip(sources, tables, numbers, strict=True) if lists else ():
        for start in range(0, table.height, _ROWS_AT_ONCE):
            rows = slice(start, start + _ROWS_AT_ONCE)
            part = table[rows].with_columns(names[one].gather(number[rows]) for one in ("genus", "species"))
            frame, matched = find(lists, source, part)
            frames.append(frame)
            for path, entries in matched.items():
                met[path] |= entries
    return pl.concat(frames), met


def _refusals(tables: Sequence[pl.DataFrame], licences: Licences) -> pl.Series:
    parts = [refused(table, licences.manifest, licences.allow)["unlicensed"] for table in tables]
    return pl.concat([part.cast(pl.Categorical) for part in parts])
