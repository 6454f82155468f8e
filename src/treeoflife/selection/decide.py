"""Decide for every image of the mapping, over all sources, whether it is a sample, and if not, why.

The tables here have a row per image or file of the whole dataset, so they hold little but numbers. Texts that only the
ledger needs are read again for its rows, and each distinct name is held once.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ..config.tables import Licences
from ..core.tables import Lookup
from ..core.values import NAME_COLUMNS, RANKS, Taxon
from ..errors import InputError
from ..mapping.store import read_source, split_batches
from ..sources.base import Source
from ..taxonomy.species_key import column_keys
from . import marks
from .decisions import NO_FILE, Decisions, Index, Matching, Tables
from .holdout import HELD_OUT, HoldoutList, find_held_out
from .licences import refuse
from .marks import Mark
from .match import match_files
from .policies import Facts, Policy
from .rules import RULES, apply_rules

FLAGS = ("is_val", "is_train_small")
# Joins copy the texts of their rows; a part of this size keeps that to some hundred megabytes.
_ROWS_AT_ONCE = 500_000


def decide(
    sources: Sequence[Source],
    indexes: Sequence[Index],
    mapping: Path,
    names: pl.DataFrame,
    lists: Sequence[HoldoutList] = (),
    marked: Mapping[str, Mark] | None = None,
    licences: Licences | None = None,
    policies: Sequence[Policy] = (),
) -> Decisions:
    """Decide on every image of a mapping.

    Args:
        indexes: the encoded store's index of every container, in order.
        mapping: the mapping, with splits.
        names: the table of names of all sources.
        marked: a curator's marks, by the ids of the mapping.
        licences: the licences that images may have.
        policies: rules to apply after :data:`.rules.RULES`, and the columns that they need.

    Raises:
        InputError: the mapping has an id twice.
    """
    tables = [(source, read_source(mapping, source)) for source in sources]
    ids = pl.concat([table.select("treeoflife_id") for _, table in tables])
    lookup = Lookup(ids)
    if (row := lookup.find_duplicate()) is not None:
        raise InputError(f"{mapping} gives the id '{ids['treeoflife_id'][row]}' to two images")
    matching = match_files(indexes, tables, lookup)
    marking, allowed = marks.table(marked or {}), licences or Licences()
    name_rows, distinct = name_images(tables, names, marking)
    held_out, matched_entries = _held_out(lists, tables, name_rows, distinct)
    images = ids.with_columns(
        pl.Series("source", np.repeat(np.arange(len(tables), dtype=np.uint16), [table.height for _, table in tables])),
        pl.concat(name_rows),
        *_splits(mapping, lookup),
        *_files(matching),
        _texts("held_out", lookup, held_out.select("treeoflife_id", text="reason")),
        _texts("marked", lookup, marking.select("treeoflife_id", text="marked").drop_nulls()),
        pl.concat([refuse(table, allowed.manifest, allowed.allow).cast(pl.Categorical) for _, table in tables]),
    )
    facts = Facts(images, distinct, matching)
    images = images.with_columns(column for policy in policies for column in policy.columns(facts))
    rules = (*RULES, *(rule for policy in policies for rule in policy.rules))
    keys = [table.select(list(source.columns)) for source, table in tables]
    return Decisions(sources, keys, apply_rules(images, rules), distinct, matching, held_out, matched_entries, rules)


def name_images(tables: Tables, names: pl.DataFrame, marking: pl.DataFrame) -> tuple[list[pl.Series], pl.DataFrame]:
    """Find the name of every image.

    Args:
        marking: the table of marks; a mark with ranks takes precedence over ``names``.

    Returns:
        For each source, the row of every image's name, null where it has none; and the distinct names.
    """
    texts = names.select("source", "name_key", pl.col(NAME_COLUMNS).fill_null(""))
    relabelled = marking.filter(pl.col("kingdom").is_not_null())
    distinct = pl.concat([texts.select(NAME_COLUMNS), relabelled.select(NAME_COLUMNS)]).unique(maintain_order=True)
    distinct = distinct.filter(pl.any_horizontal(pl.col(rank) != "" for rank in RANKS)).with_row_index("name")
    numbered = texts.join(distinct, on=NAME_COLUMNS, how="left", maintain_order="left")
    overrides = relabelled.join(distinct, on=NAME_COLUMNS).select("treeoflife_id", override="name")
    rows = [_name_rows(source, table, numbered, overrides) for source, table in tables]
    common = [Taxon(*row[:-1]).common_or_scientific(row[-1]) for row in distinct.select(NAME_COLUMNS).iter_rows()]
    return rows, distinct.select(*RANKS, pl.Series("common", common, dtype=pl.String))


def _name_rows(source: Source, table: pl.DataFrame, numbered: pl.DataFrame, overrides: pl.DataFrame) -> pl.Series:
    """The row of the name of each image of a source."""
    own = numbered.filter(source=source.name).unique("name_key", keep="first", maintain_order=True)
    parts = [pl.Series("name", [], numbered.schema["name"])]
    for part in table.iter_slices(_ROWS_AT_ONCE):
        keys = part.select("treeoflife_id", name_key=pl.col(source.name_key).cast(pl.String))
        named = keys.join(own.select("name_key", "name"), on="name_key", how="left", maintain_order="left")
        if overrides.height:
            named = named.join(overrides, on="treeoflife_id", how="left", maintain_order="left")
            named = named.with_columns(name=pl.coalesce("override", "name"))
        parts.append(named["name"])
    return pl.concat(parts)


def _splits(mapping: Path, lookup: Lookup) -> list[pl.Series]:
    """``is_val`` and ``is_train_small`` of every image, null where the mapping has no split of it."""
    codes = {flag: np.full(len(lookup), -1, np.int8) for flag in FLAGS}
    for batch in split_batches(mapping):
        rows, images = lookup.match_rows(batch.select("treeoflife_id"))
        for flag, code in codes.items():
            code[images] = batch[flag].to_numpy()[rows]
    return [pl.Series(flag, code).replace(-1, None).cast(pl.Boolean) for flag, code in codes.items()]


def _files(matching: Matching) -> list[pl.Series]:
    """``file_row`` and ``bad``, null where an image has no file."""
    rows = pl.Series("file_row", matching.file_rows)
    rows = rows.set(rows == int(NO_FILE), None)
    return [rows, matching.files.locations["bad"].gather(rows)]


def _texts(name: str, lookup: Lookup, texts: pl.DataFrame) -> pl.Series:
    """A column with the ``text`` of each image that ``texts`` has, else null; categories, to keep it small."""
    rows, images = lookup.match_rows(texts.select("treeoflife_id"))
    distinct = texts["text"].unique(maintain_order=True)
    code_of = {text: code for code, text in enumerate(distinct, 1)}
    codes = np.zeros(len(lookup), np.uint32)
    codes[images] = [code_of[text] for text in texts["text"].gather(rows)]
    return pl.Series(name, [None, *distinct], dtype=pl.Categorical).gather(codes)


def _held_out(
    lists: Sequence[HoldoutList], tables: Tables, name_rows: Sequence[pl.Series], names: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, set[str]]]:
    """The images that are held out, and for each list the entries that matched one."""
    frames, matched = [pl.DataFrame(schema=HELD_OUT)], {str(entries.path): set[str]() for entries in lists}
    if not lists:
        return frames[0], matched
    # Parsing is slow: keys are made once for each distinct name, not for each image.
    keys = column_keys(names)
    for (source, table), rows in zip(tables, name_rows, strict=True):
        for start in range(0, table.height, _ROWS_AT_ONCE):
            part = slice(start, start + _ROWS_AT_ONCE)
            images = table[part].with_columns(keys.gather(rows[part]).alias("species_key"))
            frame, found_by = find_held_out(lists, source, images)
            frames.append(frame)
            for path, entries in found_by.items():
                matched[path] |= entries
    return pl.concat(frames), matched
