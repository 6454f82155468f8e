"""The ledger: every image that did not become a sample, every file that is of no image, and why."""

from __future__ import annotations

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
from ..mapping.store import count
from ..sources.base import Source
from .decide import Decisions, in_split

LEDGER = dict.fromkeys(("treeoflife_id", "source", "container", "file", "reason", "detail"), pl.String)
"""The columns of the ledger."""
_ROWS_AT_ONCE = 500_000


def ledger(decided: Decisions) -> pl.DataFrame:
    """The rows of the ledger: source by source, images in the order of the mapping, then files in that of the store."""
    out = np.flatnonzero(decided.images["rule"].is_not_null().to_numpy())
    strangers = _files(decided)
    parts, first = [pl.DataFrame(schema=LEDGER)], 0
    for number, (source, keys) in enumerate(zip(decided.sources, decided.keys, strict=True)):
        own = out[(out >= first) & (out < first + keys.height)]
        for start in range(0, len(own), _ROWS_AT_ONCE):
            rows = own[start : start + _ROWS_AT_ONCE]
            ids = decided.images["treeoflife_id"][rows]
            name_key = ids if source.name_key == "treeoflife_id" else keys[source.name_key][rows - first]
            parts.append(_as_rows(source, _images(decided, rows, name_key.cast(pl.String).alias("name_key"))))
        parts.append(_as_rows(source, strangers.filter(source=number)))
        first += keys.height
    return pl.concat(parts)


def _as_rows(source: Source, told: pl.DataFrame) -> pl.DataFrame:
    return told.select(pl.lit(source.name).alias(name) if name == "source" else name for name in LEDGER)


def _images(decided: Decisions, rows: Array, name_key: pl.Series) -> pl.DataFrame:
    """Images that are out, with their rule's reason and detail."""
    out = decided.images[rows].with_columns(name_key).with_row_index("at")
    told = decided.matched.files.told(out["place"].drop_nulls().to_numpy())
    out = out.join(told, on="place", how="left", maintain_order="left")
    held = decided.held.select("treeoflife_id", held_detail="detail")
    out = out.join(held, on="treeoflife_id", how="left", maintain_order="left")
    out = out.with_columns(cause_id=decided.images["treeoflife_id"].gather(out["cause"]))
    parts = [
        out.filter(rule=number).with_columns(reason=rule.reason, detail=rule.detail)
        for number, rule in enumerate(decided.rules)
    ]
    return pl.concat(parts).sort("at")


def _files(decided: Decisions) -> pl.DataFrame:
    """The files that no image is taken from, with the reason."""
    matched = decided.matched
    rows = matched.strangers
    told = matched.files.told(np.concatenate([rows["place"].to_numpy(), rows["chosen"].drop_nulls().to_numpy()]))
    chosen = told.select(chosen="place", chosen_in="container", chosen_file="file")
    rows = rows.join(told, on="place", how="left", maintain_order="left")
    rows = rows.join(chosen, on="chosen", how="left", maintain_order="left")
    extra = pl.col("chosen").is_not_null()
    instead = pl.format("the image is taken from {} in {}", "chosen_file", "chosen_in")
    unknown = pl.col("file_detail").fill_null("the mapping has no such image")
    return rows.with_columns(
        pl.Series("source", matched.files.sources(rows["place"].to_numpy(), decided.sources)),
        treeoflife_id=pl.lit(None, pl.String),
        reason=pl.when(extra).then(pl.lit("duplicate-file")).otherwise(pl.col("file_reason").fill_null("not-in-mapping")),
        detail=pl.when(extra).then(instead).otherwise(unknown),
    )  # fmt: skip


def write_ledger(path: Path, rows: pl.DataFrame, meta: dict[str, Any]) -> dict[str, int]:
    """Write the ledger; returns how many rows it has by reason."""
    with replacing(path) as temporary:
        rows.write_parquet(temporary, metadata={"treeoflife": json.dumps(meta, sort_keys=True)})
    counts = rows.group_by("reason").len().sort("reason")
    return dict(zip(counts["reason"], counts["len"], strict=True))


def balance(mapping: Path, decided: Decisions, samples: Mapping[str, Array], rows: pl.DataFrame) -> None:
    """See that every image of the mapping is a sample or in the ledger, once, in every split.

    Args:
        mapping: the mapping.
        decided: the decisions.
        samples: the rows of ``decided.images`` that are in the plan of each split.
        rows: the ledger.

    Raises:
        BalanceError: the sum is off; the message says where.
    """
    images = decided.images
    out = images["treeoflife_id"].is_in(rows["treeoflife_id"].drop_nulls().implode()).to_numpy()
    _balance_sources(mapping, decided.sources, images, samples, rows)
    for split in SPLITS:
        inside = images.select(in_split(split).fill_null(value=False)).to_series().to_numpy()
        times = np.bincount(samples[split], minlength=images.height)
        if ((times + (out & inside)) != inside).any():
            raise BalanceError(
                f"{split}: {int(inside.sum())} images in the mapping, but {len(samples[split])} samples "
                f"and {int((out & inside).sum())} ledger rows"
            )


def _balance_sources(
    mapping: Path, sources: Sequence[Source], images: pl.DataFrame, samples: Mapping[str, Array], rows: pl.DataFrame
) -> None:
    kept = np.concatenate([samples["train"], samples["val"]])
    numbers = np.bincount(images["source"].to_numpy()[kept], minlength=len(sources))
    for source, number in zip(sources, numbers, strict=True):
        there = count(mapping, source)
        out = rows.filter(pl.col("treeoflife_id").is_not_null(), source=source.name).height
        if number + out != there:
            raise BalanceError(
                f"{source.name}: {there} images in the mapping, but {number} samples and {out} ledger rows"
            )
