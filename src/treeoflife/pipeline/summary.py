"""What came of a build, in a few lines: images in, samples out, what was left out and why, and where it all is."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from ..config.paths import Paths
from ..core.json_reader import read_json
from ..core.text import counted
from ..core.values import SPLITS
from . import card_remarks, names_remarks
from .session import Session
from .stages import fetch, further_texts


@dataclass(frozen=True)
class Summary:
    """A build in numbers.

    Attributes:
        left_out: files and images that became no sample, by reason.
        remarks: sentences on what could be done about some of these.
    """

    files: int
    samples: dict[str, int]
    shards: dict[str, int]
    left_out: dict[str, int]
    paths: Paths
    remarks: Sequence[str] = ()

    def text(self) -> str:
        """For people."""
        left_out = sum(self.left_out.values())
        return "\n".join(
            [
                "",
                f"images in      {self.files:>10,}",
                *(
                    f"{split:<14} {self.samples[split]:>10,} samples in {counted(self.shards[split], 'shard')}"
                    for split in SPLITS
                ),
                f"left out       {left_out:>10,}" + (" of these:" if left_out else ""),
                *(f"  {reason:<18} {count:>4,}" for reason, count in self.left_out.items()),
                *self.remarks,
                "",
                f"shards         {self.paths.image_set}/{{{','.join(SPLITS)}}}/shard-NNNNNN.tar",
                f"catalog        {self.paths.catalog_csv} and .parquet",
                f"left out       {self.paths.ledger}",
                f"card           {self.paths.card}",
                "",
                "open them with",
                *self._readers(),
                f'  polars.read_parquet("{self.paths.catalog}")',
            ]
        )

    def _readers(self) -> list[str]:
        """What opens the shards where they are: other programs look for files."""
        root, train = self.paths.root, self.paths.split_folder("train")
        if self.paths.storage.shards:
            return [
                f'  treeoflife.open("{root}").samples("train")',
                f"  other programs, once {self.paths.image_set} is copied to {self.paths.shards}",
            ]
        pattern = f"{train}/shard-{{000000..{max(0, self.shards['train'] - 1):06d}}}.tar"
        return [
            f'  webdataset.WebDataset("{pattern}", shardshuffle=False).decode("pil")',
            f'  datasets.load_dataset("{root}", split="train", streaming=True)',
        ]


def summarise(session: Session) -> Summary:
    """What came of a build that is finished."""
    paths, records = session.workspace.paths, session.evidence.records.of_stage("encode")
    files = sum(records[one.label].result["files"] for _, one in session.workspace.containers())
    sizes = {split: read_json(paths.sizes(split)) or {} for split in SPLITS}
    reasons = pl.scan_parquet(paths.ledger, glob=False).group_by("reason").len()
    left_out = dict(reasons.sort("len", "reason", descending=[True, False]).collect().iter_rows())
    samples = {split: sum(shards.values()) for split, shards in sizes.items()}
    shards = {split: len(numbers) for split, numbers in sizes.items()}
    workspace = session.workspace
    remarks = (
        *further_texts.remarks(workspace),
        *fetch.remarks(workspace, session.evidence.records),
        *names_remarks.remarks(workspace),
        *card_remarks.remarks(workspace),
    )
    return Summary(files, samples, shards, left_out, paths, remarks)
