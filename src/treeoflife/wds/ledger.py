"""The ledger: every image that did not become a sample, every file that is of no image, and why."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..errors import BalanceError
from ..files import replacing
from ..mapping.store import count
from ..records import SPLITS
from ..sources import Source
from ..tables import Array
from .decide import Decisions, in_split

LEDGER = dict.fromkeys(("treeoflife_id", "source", "container", "file", "reason", "detail"), pl.String)
"""The columns of the ledger."""


def ledger(decided: Decisions) -> pl.DataFrame:
    """The rows of the ledger: source by source, images in the order of the mapping, then files in that of the store."""
    out = _images(decided)
    strangers = _files(decided)
    parts = [
        rows.filter(source=number).with_columns(source=pl.lit(source.name)).select(list(LEDGER))
        for number, source in enumerate(decided.sources)
        for rows in (out, strangers)
    ]
    return pl.concat([pl.DataFrame(schema=LEDGER), *parts])


def _images(decided: Decisions) -> pl.DataFrame:
    """The images that are out, with their rule's reason and detail."""
    out = decided.images.with_row_index("image").filter(pl.col("rule").is_not_null())
    told = decided.matched.files.told(out["place"].drop_nulls().to_numpy())
    out = out.join(told, on="place", how="left", maintain_order="left").with_columns(_name_keys(decided, out))
    held = decided.held.select("treeoflife_id", held_detail="detail")
    out = out.join(held, on="treeoflife_id", how="left", maintain_order="left")
    out = out.with_columns(cause_id=decided.images["treeoflife_id"].gather(out["cause"]))
    parts = [
        out.filter(rule=number).with_columns(reason=rule.reason, detail=rule.detail)
        for number, rule in enumerate(decided.rules)
    ]
    return pl.concat(parts).sort("image")


def _name_keys(decided: Decisions, out: pl.DataFrame) -> pl.Series:
    """What the names of these images hang on."""
    parts = [
        (out["treeoflife_id"] if source.name_key == "treeoflife_id" else cells[source.name_key]).cast(pl.String)
        for source, cells in decided.cells(out["image"].to_numpy())
    ]
    chosen = pl.select(pl.coalesce(pl.when(pl.lit(out["source"]) == number).then(pl.lit(part))
                                   for number, part in enumerate(parts)))  # fmt: skip
    return chosen.to_series().alias("name_key")


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
