"""The dataset card: README.md with the Hub's metadata, filled from what was built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from .. import __version__
from ..config.paths import Paths
from ..core.files import read_json, write_text
from ..core.text import printable
from ..core.values import SPLITS
from ..download import record
from ..errors import InputError
from ..pipeline.run import Dataset
from ..reports.statistics import count_taxa, scan, skipped, statistics

ABOUT = {
    "eol": (
        "the Encyclopedia of Life",
        "Encyclopedia of Life, https://eol.org; each image has its own author and licence",
    ),
    "inat21": (
        "iNat21",
        "Van Horn et al. 2021, Benchmarking Representation Learning for Natural World Image Collections, CVPR",
    ),
    "bioscan": (
        "BIOSCAN-1M",
        "Gharaee et al. 2023, A Step Towards Worldwide Biodiversity Assessment: The BIOSCAN-1M Insect Dataset, NeurIPS",
    ),
}
"""What the sources are called, and how they are cited."""
_SIZES = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"),
)  # fmt: skip


def write_card(dataset: Dataset) -> Path:
    """Write the card of a dataset that was built; returns where.

    Raises:
        InputError: there is no catalog.
    """
    paths = dataset.paths
    if not paths.catalog.exists():
        raise InputError(f"there is no catalog at {paths.catalog}: 'treeoflife catalog' writes it")
    numbers = statistics(count_taxa(scan(paths.catalog))) | {"skipped": skipped(paths.ledger)}
    write_text(paths.card, render(dataset, numbers))
    return paths.card


def render(dataset: Dataset, numbers: dict[str, Any]) -> str:
    """The text of the card."""
    parts = [
        "---\n" + "\n".join(_header(dataset, numbers)) + "\n---",
        f"# {_text(dataset.paths.root.name)}",
        f"{numbers['images']:,} images of {numbers['taxa']['species']:,} species, each with its seven ranks, a common name "
        f"and ten captions, as WebDataset shards. Built by treeoflife {__version__}.",
        "## Sources\n" + "\n".join(_sources(numbers)),
        *_downloads(dataset.paths),
        "## Splits\n| split | samples | species |\n| --- | ---: | ---: |\n" + "\n".join(_splits(numbers)),
        "## What a sample holds\n`<id>.jpg`, and as texts `scientific_name`, `taxonomic_name`, `common_name`, `sci`, `com`, `taxon`, "
        "`taxonTag`, `sci_com`, `taxon_com` and `taxonTag_com`. Every image of train_small is in train too.",
        "## Names\n" + _names(dataset),
        "## Known to be wrong\n" + "\n".join(_wrong(dataset.paths)),
        "## Left out\n" + "\n".join(_left_out(numbers)),
        "## Licences\n" + "\n".join(_licences(dataset.paths)),
        f"## How to make it again\nWith treeoflife {__version__} and this dataset.toml, `treeoflife build` gives the same bytes:\n\n"
        + _fenced(_configuration(dataset.paths)),
    ]
    return "\n\n".join(parts) + "\n"


def _header(dataset: Dataset, numbers: dict[str, Any]) -> list[str]:
    """The Hub's metadata. A JSON text is a YAML text too: nothing in it can be taken for more than a text."""
    size = next((name for most, name in _SIZES if numbers["images"] < most), "n>1T")
    tags = ["biology", "biodiversity", "taxonomy", "webdataset", "image", "text"]
    folder = dataset.paths.shards.name
    files = [{"split": split, "path": f"{folder}/{split}/*.tar"} for split in SPLITS if numbers["split"].get(split)]
    return [
        f"pretty_name: {json.dumps(_text(dataset.paths.root.name))}",
        "license: other",
        f"size_categories: [{json.dumps(size)}]",
        'language: ["en", "la"]',
        'task_categories: ["image-classification", "zero-shot-image-classification"]',
        f"tags: {json.dumps(tags)}",
        f"configs: {json.dumps([{'config_name': 'default', 'data_files': files}])}",
    ]


def _text(value: object) -> str:
    """A text that Markdown and HTML take for text."""
    escaped = printable(str(value))[:200].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{one}" if one in "\\`*_[]|#" else " " if one == "\n" else one for one in escaped)


def _sources(numbers: dict[str, Any]) -> list[str]:
    lines = []
    for source, row in numbers["source"].items():
        name, cited = ABOUT.get(source, (_text(source), ""))
        lines.append(f"- {name}: {row['images']:,} images of {row['species']:,} species. {cited}".rstrip())
    return lines


def _downloads(paths: Paths) -> list[str]:
    """Which files were downloaded for it; nothing where that is not on record."""
    lines = record.read(paths.downloads).values()
    rows = [
        f"| {_text(one['file'])} | {_text(one['url'])} | {_text(one['time'][:10])} | {one['size']:,} | `{_text(one['sha256'])}` "
        f"| {_text(one['licence'])} |"
        for one in sorted(lines, key=lambda one: one["file"])
    ]
    head = "## Downloaded\n| file | from | on | bytes | SHA-256 | licence |\n| --- | --- | --- | ---: | --- | --- |\n"
    return [head + "\n".join(rows)] if rows else []


def _splits(numbers: dict[str, Any]) -> list[str]:
    return [
        f"| {split} | {numbers['split'][split]['images']:,} | {numbers['split'][split]['species']:,} |"
        for split in SPLITS
        if split in numbers["split"]
    ]


def _names(dataset: Dataset) -> str:
    names = dataset.config.names
    if names.lookups:
        return "They are the published name lookups, taken as they are."
    return (
        f"What a source says is kept. Empty ranks are filled from {', '.join(names.authorities)}, in this order, where a record agrees "
        f"with the evidence. Names are taken apart by {names.parser}. `metadata/names.parquet` says of every rank who said so."
    )


def _wrong(paths: Paths) -> list[str]:
    found = (read_json(paths.report("check-taxa")) or {}).get("findings", [])
    lines = [
        f"- {one['what']}: {one['images']:,} rows of the catalog, such as {_text((one['examples'] or ['none'])[0])}"
        for one in found
    ]
    return lines or ["The checks found nothing."]


def _left_out(numbers: dict[str, Any]) -> list[str]:
    lines = [f"- {_text(reason)}: {sum(by.values()):,}" for reason, by in numbers["skipped"].items()]
    return lines or ["Nothing."]


def _licences(paths: Paths) -> list[str]:
    if not paths.licences.exists():
        return [
            "Images are under the licences of their sources; those of the Encyclopedia of Life each have their own."
        ]
    counts = (
        pl.scan_csv(paths.licences, infer_schema=False)
        .group_by("license_name")
        .len()
        .sort("len", "license_name", descending=[True, False])
    )
    return [
        "| licence | images |",
        "| --- | ---: |",
        *(f"| {_text(name)} | {count:,} |" for name, count in counts.collect().iter_rows()),
    ]


def _configuration(paths: Paths) -> str:
    return paths.config.read_text(encoding="utf-8") if paths.config.exists() else "# none"


def _fenced(text: str) -> str:
    longest = max((len(run) for run in text.replace("`", " `").split() if set(run) == {"`"}), default=0)
    fence = "`" * max(3, longest + text.count("```") + 3)
    return f"{fence}toml\n{text.rstrip()}\n{fence}"
