"""The plan: store + mapping + names -> which sample goes into which shard, and the ledger of all others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from .. import marks
from ..config import Config, Licences, Wds
from ..errors import BalanceError, ConfigError, InputError
from ..files import replacing
from ..holdout import HoldoutList, find
from ..licences import refused
from ..mapping.store import read_source
from ..marks import Mark
from ..records import RANKS, SPLITS, Taxon
from ..sources import Source
from ..splits import shuffled
from ..tarwrite import BLOCK, end
from .captions import STEP_VERSION as CAPTIONS_VERSION
from .captions import archive_bytes, common_or

STEP_VERSION = 1
LEDGER = {
    "treeoflife_id": pl.String,
    "source": pl.String,
    "container": pl.String,
    "file": pl.String,
    "reason": pl.String,
    "detail": pl.String,
}
NAME_COLUMNS = [*RANKS, "common"]
PLACE = ["offset", "tar_bytes", "shard"]
"""Columns of a plan that say where an image lies and goes, and nothing of what the shard holds."""
_SAFE_ID = r"^[A-Za-z0-9_-]{1,80}$"


@dataclass(frozen=True)
class SourcePlan:
    """The images of one source: those that become samples, those that do not, and the hold-out entries met."""

    samples: pl.DataFrame
    ledger: pl.DataFrame
    held: pl.DataFrame
    matched: dict[str, set[str]]


def plan_source(
    source: Source,
    indexes: Sequence[tuple[str, Path]],
    mapping: Path,
    splits: pl.DataFrame,
    names: pl.DataFrame,
    lists: Sequence[HoldoutList],
    marked: Mapping[str, Mark] | None = None,
    licences: Licences | None = None,
) -> SourcePlan:
    """Decide on every image of a source.

    Args:
        source: the source.
        indexes: its containers, in order, with the index of each in the encoded store.
        mapping: the mapping.
        splits: the table ``split``.
        names: the table of names, of all sources.
        lists: the hold-out lists.
        marked: a curator's marks, by id.
        licences: which licences images may have.

    Returns:
        Its samples, with all that a shard needs; a ledger row for every other image and file.
    """
    images = _named(source, read_source(mapping, source), names.filter(source=source.name))
    images = marks.apply(images, marked or {})
    licences = licences or Licences()
    images = refused(images, licences.manifest, licences.allow)
    held, matched = find(lists, source, images)
    files, strangers = _match(source, _files(source, indexes), images)
    images = images.join(files, on="treeoflife_id", how="left", maintain_order="left")
    images = images.join(
        held.rename({"reason": "held", "detail": "held_detail"}), on="treeoflife_id", how="left", maintain_order="left"
    )
    images = images.join(splits, on="treeoflife_id", how="left", maintain_order="left")
    images = _judge(images.with_columns(source=pl.lit(source.name)))
    out = images.filter(pl.col("reason").is_not_null()).select(list(LEDGER))
    samples = images.filter(pl.col("reason").is_null())
    return SourcePlan(samples, pl.concat([out, strangers.select(list(LEDGER))]), held, matched)


def _named(source: Source, images: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """The images of a source with their names, null where there is none."""
    key = pl.col(source.name_key).cast(pl.String)
    names = names.select("name_key", *NAME_COLUMNS).unique("name_key", keep="first", maintain_order=True)
    names = names.with_columns(pl.col(NAME_COLUMNS).fill_null(""))
    common = [common_or(Taxon(*row[:-1]), row[-1]) for row in names.select(NAME_COLUMNS).iter_rows()]
    names = names.with_columns(pl.Series("common", common, dtype=pl.String))
    return images.with_columns(name_key=key).join(names, on="name_key", how="left", maintain_order="left")


def _files(source: Source, indexes: Sequence[tuple[str, Path]]) -> pl.DataFrame:
    """All files of a source as the store has them, in the order of containers and positions."""
    wanted = ["position", "file", "treeoflife_id", "offset", "size", "sha256", "width", "height", "reason", "detail"]
    frames = [
        pl.read_parquet(index, columns=[*wanted, *source.columns]).with_columns(container=pl.lit(name))
        for name, index in indexes
    ]
    return pl.concat(frames).rename({"treeoflife_id": "file_id"})


def _match(source: Source, files: pl.DataFrame, images: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """One file for each image that has any, and ledger rows for the files that are of no image, or one too many."""
    files = files.with_row_index("place")
    by_key = files.filter(pl.col("file_id").is_null()).join(
        images.select(*source.key, "treeoflife_id"), on=list(source.key), how="left", maintain_order="left"
    )
    by_id = files.filter(pl.col("file_id").is_not_null()).join(
        images.select("treeoflife_id", file_id="treeoflife_id"), on="file_id", how="left", maintain_order="left"
    )
    both = pl.concat([by_key, by_id.select(by_key.columns)])
    unknown = both.filter(pl.col("treeoflife_id").is_null()).with_columns(
        reason=pl.col("reason").fill_null("not-in-mapping"),
        detail=pl.col("detail").fill_null("the mapping has no such image"),
    )
    known = both.filter(pl.col("treeoflife_id").is_not_null())
    known = known.sort(pl.col("reason").is_not_null(), "place")
    first = known.unique("treeoflife_id", keep="first", maintain_order=True)
    extra = known.join(first.select("place"), on="place", how="anti").join(
        first.select("treeoflife_id", chosen="file", chosen_in="container"), on="treeoflife_id"
    )
    extra = extra.with_columns(
        treeoflife_id=pl.lit(None, pl.String),
        reason=pl.lit("duplicate-file"),
        detail=pl.format("the image is taken from {} in {}", "chosen", "chosen_in"),
    )
    strangers = pl.concat([unknown, extra.select(unknown.columns)]).sort("place")
    return first.drop(*source.columns, "file_id"), strangers.with_columns(source=pl.lit(source.name))


def _judge(images: pl.DataFrame) -> pl.DataFrame:
    """Give ``reason`` and ``detail`` to every image that cannot be a sample; the file itself comes first."""
    nameless = pl.all_horizontal(pl.col(rank).fill_null("") == "" for rank in RANKS)
    reason = (
        pl.when(pl.col("place").is_null()).then(pl.lit("missing"))
        .when(pl.col("reason").is_not_null()).then("reason")
        .when(pl.col("held").is_not_null()).then("held")
        .when(pl.col("marked").is_not_null()).then(pl.lit("marked"))
        .when(pl.col("unlicensed").is_not_null()).then(pl.lit("licence"))
        .when(nameless).then(pl.lit("no-name"))
        .when(pl.col("is_val").is_null()).then(pl.lit("no-split"))
    )  # fmt: skip
    detail = (
        pl.when(pl.col("place").is_null()).then(pl.lit("the mapping has the image, no container holds it"))
        .when(pl.col("reason").is_not_null()).then("detail")
        .when(pl.col("held").is_not_null()).then("held_detail")
        .when(pl.col("marked").is_not_null()).then("marked")
        .when(pl.col("unlicensed").is_not_null()).then("unlicensed")
        .when(nameless).then(pl.format("no name is known for {}", "name_key"))
        .otherwise(pl.lit("the mapping does not say which split it is in"))
    )  # fmt: skip
    return images.with_columns(reason=reason, detail=pl.when(reason.is_not_null()).then(detail))


def write_ledger(path: Path, plans: Sequence[SourcePlan], meta: dict[str, Any]) -> dict[str, int]:
    """Write the ledger; returns how many rows it has by reason."""
    ledger = pl.concat([plan.ledger for plan in plans])
    with replacing(path) as temporary:
        ledger.write_parquet(temporary, metadata={"treeoflife": json.dumps(meta, sort_keys=True)})
    counts = ledger.group_by("reason").len().sort("reason")
    return dict(zip(counts["reason"], counts["len"], strict=True))


def balance(source: Source, mapping: pl.DataFrame, splits: pl.DataFrame, plan: SourcePlan) -> None:
    """See that every image of the mapping is a sample or in the ledger, once, in every split.

    Raises:
        BalanceError: the sum is off; the message says where.
    """
    kept, out = plan.samples["treeoflife_id"], plan.ledger["treeoflife_id"].drop_nulls()
    members = {"all splits": mapping["treeoflife_id"]}
    for split in SPLITS:
        members[split] = mapping["treeoflife_id"].filter(mapping["treeoflife_id"].is_in(_ids(splits, split).implode()))
    for split, ids in members.items():
        inside = ids.implode()
        samples, rows = int(kept.is_in(inside).sum()), int(out.is_in(inside).sum())
        if samples + rows != ids.len() or kept.n_unique() + out.n_unique() != mapping["treeoflife_id"].n_unique():
            raise BalanceError(
                f"{source.name}, {split}: {ids.len()} images in the mapping, "
                f"but {samples} samples and {rows} ledger rows"
            )


def _ids(splits: pl.DataFrame, split: str) -> pl.Series:
    return splits.filter(_in_split(split))["treeoflife_id"]


def _in_split(split: str) -> pl.Expr:
    return {
        "train": ~pl.col("is_val"),
        "val": pl.col("is_val"),
        "train_small": pl.col("is_train_small") & ~pl.col("is_val"),
    }[split]


def write_split(
    path: Path, split: str, plans: Sequence[SourcePlan], sources: Sequence[Source], config: Config, meta: dict[str, Any]
) -> int:
    """Write the plan of one split: a row group per shard, rows in the shard's order.

    Returns:
        The number of shards.

    Raises:
        InputError: an id is not fit to be a key of WebDataset.
        ConfigError: a single sample is larger than a shard may be.
    """
    parts = [plan.samples.filter(_in_split(split)) for plan in plans]
    frame = pl.concat([_with_catalog(part, source, sources) for part, source in zip(parts, sources, strict=True)])
    if unfit := frame.filter(~pl.col("treeoflife_id").str.contains(_SAFE_ID))["treeoflife_id"].to_list():
        raise InputError(f"the mapping's id {unfit[0]!r} cannot be a key in a shard: letters, digits, '-' and '_' are")
    if config.wds.order == "shuffled":
        frame = shuffled(frame, config.seed, "shard")
    frame = frame.with_columns(_tar_bytes(frame))
    bounds = shard_bounds(frame["tar_bytes"].to_numpy(), config.wds, getattr(config.wds.min_shards, split))
    shards = [frame[start:stop] for start, stop in pairwise(bounds)]
    table = meta | {"split": split, "shards": [shard_fingerprint(shard) for shard in shards]}
    _write_groups(path, frame, shards, table)
    return len(shards)


def _with_catalog(part: pl.DataFrame, source: Source, sources: Sequence[Source]) -> pl.DataFrame:
    """The columns of a plan: where the image lies, what it shows, and the key columns of all sources."""
    cells: list[pl.Expr] = []
    for other in sources:
        for (column, kind), name in zip(other.columns.items(), other.catalog, strict=True):
            there = (
                pl.col(column) if other.name == source.name else pl.lit(None, pl.Int64 if kind is int else pl.String)
            )
            cells.append(there.alias(name))
    texts = [pl.col(column).fill_null("") for column in NAME_COLUMNS]
    made = ["treeoflife_id", "source", "container", "position", "offset", "size", "sha256", "width", "height"]
    return part.select(*made, *cells, *texts)


def _tar_bytes(frame: pl.DataFrame) -> pl.Series:
    """The bytes that each sample takes in a shard."""
    kinds = frame.select(NAME_COLUMNS).unique(maintain_order=True)
    texts = [archive_bytes(Taxon(*row[:-1]), row[-1]) for row in kinds.iter_rows()]
    sized = frame.select("size", *NAME_COLUMNS).join(
        kinds.with_columns(texts=pl.Series(texts, dtype=pl.Int64)), on=NAME_COLUMNS, how="left", maintain_order="left"
    )
    image = BLOCK + (pl.col("size").cast(pl.Int64) + BLOCK - 1) // BLOCK * BLOCK
    return sized.select(tar_bytes=image + pl.col("texts"))["tar_bytes"]


def shard_bounds(sizes: np.ndarray[Any, np.dtype[Any]], settings: Wds, at_least: int) -> list[int]:
    """Where shards begin and end: as few as the limits allow, filled evenly, none empty.

    Args:
        sizes: the bytes of each sample, in order.
        settings: the limits.
        at_least: how many shards there must be, as long as there are samples.

    Returns:
        n + 1 places for n shards; [0] for no samples.
    """
    count = len(sizes)
    if not count:
        return [0]
    room = settings.max_bytes - len(end(0))
    if int(sizes.max()) > room:
        raise ConfigError(
            f"[wds] max_bytes = {settings.max_bytes} is less than a single sample takes ({int(sizes.max())} bytes)"
        )
    ends = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
    shards = min(count, max(at_least, -(-count // settings.max_samples), -(-int(ends[-1]) // room)))
    while True:
        bounds = np.arange(shards + 1, dtype=np.int64) * count // shards
        if int((ends[bounds[1:]] - ends[bounds[:-1]]).max()) <= room:
            return [int(bound) for bound in bounds]
        shards = min(count, shards + max(1, shards // 200))


def shard_fingerprint(rows: pl.DataFrame) -> str:
    """The digest of all that a shard and its index depend on: ids, images, names, and the version of the captions."""
    text = rows.drop(PLACE, strict=False).with_columns(pl.col("sha256").bin.encode("hex"))
    lines = text.write_csv(quote_style="always")
    return hashlib.sha256(f"{STEP_VERSION}.{CAPTIONS_VERSION}\n{lines}".encode()).hexdigest()


def _write_groups(path: Path, frame: pl.DataFrame, shards: list[pl.DataFrame], meta: dict[str, Any]) -> None:
    """One Parquet file with a row group per shard, so that a worker reads only its own."""
    numbers = np.repeat(np.arange(len(shards), dtype=np.uint32), [shard.height for shard in shards])
    numbered = frame.with_columns(shard=pl.Series(numbers, dtype=pl.UInt32))
    with replacing(path) as temporary:
        numbered.write_parquet(
            temporary,
            row_group_size=max(1, min((shard.height for shard in shards), default=1)),
            metadata={"treeoflife": json.dumps(meta, sort_keys=True)},
        )


def read_shard(path: Path, number: int) -> pl.DataFrame:
    """The rows of one shard of a plan, in order."""
    return pl.scan_parquet(path).filter(shard=number).collect()
