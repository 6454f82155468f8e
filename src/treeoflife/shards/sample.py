"""A sample of a finished dataset: an image with its texts and names."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ..core.values import RANKS, Taxon

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True, repr=False)
class Sample:
    """An image with its texts, as it is in a shard.

    Attributes:
        id: the treeoflife id.
        texts: the ten texts and those beside them, by the suffix of their member, such as ``sci.txt``.
        row: its row of the catalog. Where this program made the shard, also its source, its container, and the width
            and height of the original.
        shard_offset: the byte of the shard at which the sample begins.
        number: its number among all samples: ``dataset[sample.number]`` is this sample.
    """

    id: str
    split: str
    jpeg: bytes
    texts: dict[str, str]
    row: dict[str, Any]
    shard: Path
    shard_offset: int
    number: int
    _names_file: Path | None = field(default=None)
    _provenance_file: Path | None = field(default=None)

    def __repr__(self) -> str:
        common = self.row.get("common") or ""
        return f"<treeoflife.Sample {self.id!r} in {self.split}: {self.name!r}, {common!r}>"

    @property
    def image(self) -> Image.Image:
        """The image, decoded."""
        return decode_image(self.jpeg)

    @property
    def taxon(self) -> Taxon:
        """The seven ranks."""
        return Taxon(*(self.row.get(rank) or "" for rank in RANKS))

    @property
    def name(self) -> str:
        """The scientific name; without one, all known ranks."""
        return self.taxon.common_or_scientific("")

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of the sources' tables that the dataset takes over, by their names; None where it has no value.

        They are the columns of its row that come after the common name.
        """
        names = list(self.row)
        return {name: self.row[name] for name in names[names.index("common") + 1 :]} if "common" in names else {}

    @cached_property
    def names(self) -> dict[str, Any]:
        """Its row of names.parquet: each rank, and where it came from. Empty if the dataset has no such row."""
        if not self._names_file:
            return {}
        # Each source has its own kind of name key, and the shards do not record which: id, EOL page or iNat21 class.
        keys = {self.id, str(self.row.get("eol_page_id")), str(self.row.get("inat21_cls_num"))}
        matches = pl.scan_parquet(self._names_file, glob=False).filter(pl.col("name_key").is_in(sorted(keys)))
        if self.row.get("source"):
            matches = matches.filter(pl.col("source") == self.row["source"])
        return _first_row(matches)

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """Its row of provenance.parquet: its address, owner, licence and title, ``source_id`` and ``data_source``.

        What is not known is None, or ``not provided`` for owner and title. Empty if the dataset has no such row.
        """
        if not self._provenance_file:
            return {}
        rows = pl.scan_parquet(self._provenance_file, glob=False)
        if "treeoflife_id" not in rows.collect_schema():  # such as TreeOfLife-200M's
            return {}
        return _first_row(rows.filter(treeoflife_id=self.id))  # in the order of ids: one row group is read


def decode_image(data: bytes) -> Image.Image:
    """The bytes of an image, decoded, in RGB."""
    from PIL import Image

    return Image.open(io.BytesIO(data)).convert("RGB")


def _first_row(rows: pl.LazyFrame) -> dict[str, Any]:
    first = rows.head(1).collect()
    return first.row(0, named=True) if first.height else {}
