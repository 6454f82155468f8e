"""Plans of images that do not exist: the store's indexes, a mapping, names, and what is made of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from treeoflife.config.config import Config
from treeoflife.config.tables import Wds
from treeoflife.core.database import Database, open_database
from treeoflife.core.values import RANKS, SPLITS
from treeoflife.mapping.build import write_ids
from treeoflife.mapping.groups import join_groups
from treeoflife.mapping.images import open_images
from treeoflife.mapping.splits import write_splits
from treeoflife.selection.decide import decide
from treeoflife.selection.duplicates.image_ids import load_groups
from treeoflife.selection.ledger import write_ledger
from treeoflife.selection.licences import refuse
from treeoflife.selection.marks import Marks, load_marks
from treeoflife.selection.rules import Rule
from treeoflife.selection.scores.rules import leave_out
from treeoflife.shards.plan import Samples
from treeoflife.sources.base import Index, Source
from treeoflife.sources.registry import load_source


@dataclass(frozen=True)
class Store:
    """The indexes of a store, and the mapping and the names of its images."""

    folder: Path
    sources: list[Source]
    indexes: list[Index]
    mapping: Path
    names: Path

    @contextmanager
    def decided(self, *further: Rule, groups: Path | None = None) -> Iterator[Decided]:
        """What the plan decides on the images, with further rules."""
        with open_database(self.folder / "scratch") as database:
            open_images(database, self.mapping, self.sources)
            load_marks(database, Marks({}))
            refuse(database, self.sources, None, ())
            leave_out(database)
            rules = decide(database, self.sources, self.indexes, self.names, groups=groups, further=further)
            yield Decided(self, database, rules)


@dataclass(frozen=True)
class Decided:
    """A database with the decisions."""

    store: Store
    database: Database
    rules: tuple[Rule, ...]

    def ledger(self) -> pl.DataFrame:
        """The ledger, as it is written."""
        path = self.store.folder / "ledger.parquet"
        write_ledger(self.database, path, self.store.sources, self.rules, {})
        return pl.read_parquet(path)

    def plans(self, seed: int = 17, **wds: object) -> dict[str, Path]:
        """The plans, as they are written."""
        config = Config(sources={}, seed=seed, wds=Wds.model_validate(wds))
        samples = Samples(self.database, self.store.sources, config)
        paths = {split: self.store.folder / f"{split}.parquet" for split in SPLITS}
        for split, path in paths.items():
            samples.write_split(path, split, {})
        return paths


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
    ids, mapping, names = folder / "ids.parquet", folder / "mapping.parquet", folder / "names.parquet"
    with open_database(folder / "scratch") as database:
        write_ids(database, ids, sources, {one.source.name: [one.path] for one in indexes})
        open_images(database, ids, sources)
        load_groups(database, None, indexes, sources)
        join_groups(database, None, ())
        write_splits(database, mapping, sources, Config(sources={}).splits, seed)
    pl.concat([_names(source.name, taxa) for source in sources]).write_parquet(names)
    return Store(folder, sources, indexes, mapping, names)


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
        **{name: pl.lit(None, pl.UInt8) for name in ("contrast", "colour", "ground", "plain", "strokes", "lines")},
    )
    path = folder / f"{source.name}.parquet"
    rows.write_parquet(path)
    return Index(source, f"{source.name}-1", path)


def _names(source: str, taxa: int) -> pl.DataFrame:
    numbers = pl.int_range(taxa, eager=True).cast(pl.String)
    ranks = {rank: f"{rank}-" + numbers for rank in RANKS}
    return pl.DataFrame({"source": [source] * taxa, "name_key": numbers, **ranks, "common": [""] * taxa})


def planned(store: Store, seed: int = 17, **wds: object) -> pl.DataFrame:
    """The plan of train."""
    with store.decided() as decided:
        return pl.read_parquet(decided.plans(seed, **wds)["train"])
