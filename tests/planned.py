"""Plans of images that do not exist: the store's indexes, a mapping, names, and what is made of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from treeoflife.config.config import Config
from treeoflife.config.tables import Wds
from treeoflife.core.values import RANKS
from treeoflife.mapping import splits
from treeoflife.mapping.build import build_mapping
from treeoflife.selection.decide import decide
from treeoflife.selection.decisions import Decisions, Index
from treeoflife.selection.policies import Policy
from treeoflife.selection.rules import Rule
from treeoflife.shards import plan
from treeoflife.sources.base import Source
from treeoflife.sources.registry import load_source


@dataclass(frozen=True)
class Store:
    """The indexes of a store, and the mapping and the names of its images."""

    sources: list[Source]
    indexes: list[Index]
    mapping: Path
    names: pl.DataFrame

    def decided(self, *further: Rule) -> Decisions:
        """What the plan decides on the images, with further rules."""
        return decide(self.sources, self.indexes, self.mapping, self.names, policies=[Policy(further)])


def stored(folder: Path, eol: int, inat21: int, taxa: int = 50, seed: int = 17) -> Store:
    """A store of that many images; those of a taxon lie beside each other, as in the providers' archives."""
    sources = [load_source(name, {"path": str(folder)}, folder) for name in ("eol", "inat21")]
    pages = pl.int_range(eol, eager=True) * taxa // max(1, eol)
    classes = pl.int_range(inat21, eager=True) * taxa // max(1, inat21)
    keys = [
        pl.DataFrame({"content_id": pl.int_range(eol, eager=True), "page_id": pages}),
        pl.DataFrame({
            "filename": "i" + pl.int_range(inat21, eager=True).cast(pl.String) + ".jpg",
            "cls_name": "c" + classes.cast(pl.String),
            "cls_num": classes,
        }),
    ]  # fmt: skip
    indexes = [_index(folder, source, key) for source, key in zip(sources, keys, strict=True)]
    mapping = folder / "mapping.sqlite"
    build_mapping(mapping, list(zip(sources, keys, strict=True)))
    splits.write(mapping, sources, Config(sources={}).splits, seed)
    return Store(sources, indexes, mapping, pl.concat([_names(source.name, taxa) for source in sources]))


def _index(folder: Path, source: Source, keys: pl.DataFrame) -> Index:
    count = keys.height
    numbers = pl.int_range(count, eager=True)
    rows = keys.with_columns(
        position=numbers.cast(pl.UInt32),
        file=pl.format("{}.jpg", numbers),
        treeoflife_id=pl.lit(None, pl.String),
        offset=numbers.cast(pl.UInt64) * 1024,
        size=pl.lit(500, pl.UInt32),
        sha256=pl.Series([hashlib.sha256(b"%d" % one).digest() for one in range(count)], dtype=pl.Binary),
        width=pl.lit(640, pl.UInt32),
        height=pl.lit(480, pl.UInt32),
        reason=pl.lit(None, pl.String),
        detail=pl.lit(None, pl.String),
    )
    path = folder / f"{source.name}.parquet"
    rows.write_parquet(path)
    return Index(source, f"{source.name}-1", path)


def _names(source: str, taxa: int) -> pl.DataFrame:
    numbers = pl.int_range(taxa, eager=True).cast(pl.String)
    ranks = {rank: f"{rank}-" + numbers for rank in RANKS}
    return pl.DataFrame({"source": [source] * taxa, "name_key": numbers, **ranks, "common": [""] * taxa})


def planned(folder: Path, decided: Decisions, seed: int = 17, **wds: object) -> pl.DataFrame:
    """The plan of train."""
    path = folder / "train.parquet"
    config = Config(sources={}, seed=seed, wds=Wds.model_validate(wds))
    plan.write_split(path, "train", decided, decided.samples("train"), config, {})
    return pl.read_parquet(path)
