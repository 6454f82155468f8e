"""What came of a build, in a few lines: images in, samples out, what was left out and why, and where it all is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..core.files import read_json
from ..core.values import SPLITS
from ..images.store import count_rows
from .run import Dataset


@dataclass(frozen=True)
class Summary:
    """A build in numbers.

    Attributes:
        files: files that the sources held.
        samples: samples by split.
        shards: shards by split.
        left_out: files and images that became no sample, by reason.
        dataset: where it all is.
    """

    files: int
    samples: dict[str, int]
    shards: dict[str, int]
    left_out: dict[str, int]
    dataset: Dataset

    def text(self) -> str:
        """For people."""
        paths = self.dataset.paths
        lines = ["", f"images in      {self.files:>10,}"]
        lines += [
            f"{split:<14} {self.samples[split]:>10,} samples in {self.shards[split]:,} shards" for split in SPLITS
        ]
        lines.append(f"left out       {sum(self.left_out.values()):>10,}" + (" of these:" if self.left_out else ""))
        lines += [f"  {reason:<18} {count:>4,}" for reason, count in self.left_out.items()]
        train = _pattern(paths.split("train"), self.shards["train"])
        tars = f"{paths.split('train')}/*.tar"
        return "\n".join(
            [
                *lines,
                "",
                f"shards         {paths.shards}/{{{','.join(SPLITS)}}}/shard-NNNNNN.tar",
                f"catalog        {paths.catalog_csv} and .parquet",
                f"left out       {paths.ledger}",
                "",
                "open them with",
                f'  webdataset.WebDataset("{train}", shardshuffle=False).decode("pil")',
                f'  datasets.load_dataset("webdataset", data_files="{tars}", split="train", streaming=True)',
                f'  polars.read_parquet("{paths.catalog}")',
            ]
        )


def _pattern(folder: Path, shards: int) -> str:
    return f"{folder}/shard-{{000000..{max(0, shards - 1):06d}}}.tar"


def summarise(dataset: Dataset) -> Summary:
    """What came of a build that is finished."""
    sizes = {split: read_json(dataset.paths.sizes(split)) or {} for split in SPLITS}
    reasons = (
        pl.scan_parquet(dataset.paths.ledger).group_by("reason").len().sort("len", "reason", descending=[True, False])
    )
    left_out = dict(reasons.collect().iter_rows())
    indexes = [
        index for source in dataset.sources for index in sorted((dataset.paths.store / source.name).glob("*.parquet"))
    ]
    samples = {split: sum(table.values()) for split, table in sizes.items()}
    return Summary(
        count_rows(indexes), samples, {split: len(table) for split, table in sizes.items()}, left_out, dataset
    )
