"""The ledger: every image that did not become a sample, every file that belongs to no image, and why."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..core.files import replacing
from ..core.tables import Array
from ..core.values import SPLITS
from ..errors import BalanceError
from ..mapping.store import count_images
from ..sources.base import Source
from .decisions import Decisions, in_split

LEDGER = dict.fromkeys(("treeoflife_id", "source", "container", "file", "reason", "detail"), pl.String)
"""The columns of the ledger."""
# A ledger may hold most images of a dataset, and its rows are texts: a part of this size takes some hundred megabytes.
_ROWS_AT_ONCE = 500_000


def ledger(decisions: Decisions) -> pl.DataFrame:
    """The rows of the ledger, source by source: images in the order of the mapping, then files in that of the store."""
    excluded = np.flatnonzero(decisions.images["rule"].is_not_null().to_numpy())
    unused = _unused_files(decisions)
    parts, first = [pl.DataFrame(schema=LEDGER)], 0
    for number, (source, keys) in enumerate(zip(decisions.sources, decisions.keys, strict=True)):
        own = excluded[(excluded >= first) & (excluded < first + keys.height)]
        for start in range(0, len(own), _ROWS_AT_ONCE):
            rows = own[start : start + _ROWS_AT_ONCE]
            ids = decisions.images["treeoflife_id"][rows]
            name_key = ids if source.name_key == "treeoflife_id" else keys[source.name_key][rows - first]
            images = _excluded_images(decisions, rows, name_key.cast(pl.String).alias("name_key"))
            parts.append(_ledger_columns(source, images))
        parts.append(_ledger_columns(source, unused.filter(source=number)))
        first += keys.height
    return pl.concat(parts)


def _ledger_columns(source: Source, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select(pl.lit(source.name).alias(name) if name == "source" else name for name in LEDGER)


def _excluded_images(decisions: Decisions, rows: Array, name_key: pl.Series) -> pl.DataFrame:
    """These images, with the reason and detail of the rule that excludes each."""
    images = decisions.images[rows].with_columns(name_key).with_row_index("order")
    files = decisions.matching.files.describe(images["file_row"].drop_nulls().to_numpy())
    images = images.join(files, on="file_row", how="left", maintain_order="left")
    held_out = decisions.held_out.select("treeoflife_id", held_out_detail="detail")
    images = images.join(held_out, on="treeoflife_id", how="left", maintain_order="left")
    images = images.with_columns(cause_id=decisions.images["treeoflife_id"].gather(images["cause"]))
    parts = [
        images.filter(rule=number).with_columns(reason=rule.reason, detail=rule.detail)
        for number, rule in enumerate(decisions.rules)
    ]
    return pl.concat(parts).sort("order")


def _unused_files(decisions: Decisions) -> pl.DataFrame:
    """The files that are used for no image, with the reason."""
    files, rows = decisions.matching.files, decisions.matching.unused
    texts = files.describe(np.concatenate([rows["file_row"].to_numpy(), rows["chosen"].drop_nulls().to_numpy()]))
    chosen = texts.select(chosen="file_row", chosen_container="container", chosen_file="file")
    rows = rows.join(texts, on="file_row", how="left", maintain_order="left")
    rows = rows.join(chosen, on="chosen", how="left", maintain_order="left")
    replaced = pl.col("chosen").is_not_null()
    instead = pl.format("the image is taken from {} in {}", "chosen_file", "chosen_container")
    unknown = pl.col("file_detail").fill_null("the mapping has no such image")
    bad_or_unknown = pl.col("file_reason").fill_null("not-in-mapping")
    names = [source.name for source in decisions.sources]
    sources = pl.Series("source", [names.index(index.source.name) for index in files.indexes], dtype=pl.UInt16)
    return rows.with_columns(
        sources.gather(files.locations["container"].gather(rows["file_row"])),
        treeoflife_id=pl.lit(None, pl.String),
        reason=pl.when(replaced).then(pl.lit("duplicate-file")).otherwise(bad_or_unknown),
        detail=pl.when(replaced).then(instead).otherwise(unknown),
    )


def write_ledger(path: Path, rows: pl.DataFrame, meta: dict[str, Any]) -> dict[str, int]:
    """Write the ledger; returns the number of rows of each reason."""
    with replacing(path) as temporary:
        rows.write_parquet(temporary, metadata={"treeoflife": json.dumps(meta, sort_keys=True)})
    counts = rows.group_by("reason").len().sort("reason")
    return dict(zip(counts["reason"], counts["len"], strict=True))


def check_balance(mapping: Path, decisions: Decisions, samples: Mapping[str, Array], rows: pl.DataFrame) -> None:
    """Check that every image of the mapping is either a sample or in the ledger, once, in every split.

    Args:
        samples: for each split, the rows of ``decisions.images`` in its plan.

    Raises:
        BalanceError: the numbers do not add up; the message says for which source or split.
    """
    images = decisions.images
    _check_sources(mapping, decisions.sources, images, samples, rows)
    excluded = images["treeoflife_id"].is_in(rows["treeoflife_id"].drop_nulls().implode()).to_numpy()
    for split in SPLITS:
        inside = images.select(in_split(split).fill_null(value=False)).to_series().to_numpy()
        times = np.bincount(samples[split], minlength=images.height)
        if ((times + (excluded & inside)) != inside).any():
            raise BalanceError(
                f"{split}: {int(inside.sum())} images in the mapping, but {len(samples[split])} samples "
                f"and {int((excluded & inside).sum())} ledger rows"
            )


def _check_sources(
    mapping: Path, sources: Sequence[Source], images: pl.DataFrame, samples: Mapping[str, Array], rows: pl.DataFrame
) -> None:
    in_shards = np.concatenate([samples["train"], samples["val"]])
    counts = np.bincount(images["source"].to_numpy()[in_shards], minlength=len(sources))
    for source, count in zip(sources, counts, strict=True):
        # Counted by the mapping itself, not by the table that was decided on.
        expected = count_images(mapping, source)
        excluded = rows.filter(pl.col("treeoflife_id").is_not_null(), source=source.name).height
        if count + excluded != expected:
            raise BalanceError(
                f"{source.name}: {expected} images in the mapping, but {count} samples and {excluded} ledger rows"
            )
