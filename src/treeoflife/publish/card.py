"""The dataset card: README.md with the Hub's metadata, filled in from what was built."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..config.config import Config
from ..config.paths import Paths
from ..config.tables import Names
from ..core.database import Database
from ..core.files import exists, write_text
from ..core.text import printable
from ..core.values import SPLITS
from ..core.versions import __version__
from ..download.downloads_file import read_entries
from ..errors import InputError
from ..reports.statistics import (
    compute_statistics,
    count_licences,
    count_skipped,
    count_taxa,
    licence_table,
    open_catalog,
)
from ..selection.eol_manifest import COLUMNS, write_licences
from .credits import COLUMNS as CREDITS
from .credits import describe_changes, write_credits
from .croissant import write_croissant

CheckResult = Mapping[str, Any]
"""One result of check-taxa: ``what`` was found, in how many ``images``, and ``examples``."""

_BUILT_BY = "built by treeoflife"
_SOURCES = {
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
"""The title and the citation of each source."""
# The Hub accepts no other size categories: https://huggingface.co/docs/hub/datasets-cards
_SIZES = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"),
)  # fmt: skip


def describe(
    database: Database, paths: Paths, config: Config, check_results: Sequence[CheckResult], url: str = ""
) -> list[Path]:
    """Write licences.csv, the credits, the card README.md and croissant.json of a built dataset; returns their paths.

    Args:
        database: for the tables that are counted.
        config: its configuration. Without ``[licences] manifest``, licences.csv is not written; and where no source
            says anything about owners, licences or addresses, there are no credits.
        check_results: the results of check-taxa, which the card lists.
        url: the address at which the dataset is published, if it is.

    Raises:
        InputError: there is no catalog, the manifest of licences cannot be read, or a file that this program did not
            write has one of these names.
    """
    pages = (paths.card, paths.croissant, paths.credits_page)
    tables = {paths.licences: ",".join(COLUMNS), paths.credits: ",".join(CREDITS)}
    for path, sign in {**dict.fromkeys(pages, _BUILT_BY), **tables}.items():
        _check_is_ours(path, sign)
    written, manifest = list[Path](), config.licences.manifest
    if manifest and exists(paths.catalog):
        write_licences(database, paths.licences, paths.catalog, manifest)
        written.append(paths.licences)
    written += write_credits(database, paths, config.images)
    return [*written, write_card(database, paths, config.names, check_results), write_croissant(paths, url)]


def _check_is_ours(path: Path, sign: str) -> None:
    """Check that a file which is to be replaced has the words that every such file of this program has."""
    if exists(path) and sign.lower() not in path.read_text(encoding="utf-8", errors="replace").lower():
        raise InputError(f"{path} was not written by this program, which would replace it: move it away, and run again")


def write_card(database: Database, paths: Paths, names: Names, check_results: Sequence[CheckResult]) -> Path:
    """Write the card of a built dataset; returns its path.

    Raises:
        InputError: there is no catalog.
    """
    if not exists(paths.catalog):
        raise InputError(f"there is no catalog at {paths.catalog}: 'treeoflife catalog' writes it")
    open_catalog(database, paths.catalog)
    numbers = compute_statistics(count_taxa(database)) | {"skipped": count_skipped(database, paths.ledger)}
    write_text(paths.card, _render(paths, names, check_results, numbers))
    return paths.card


def _render(paths: Paths, names: Names, check_results: Sequence[CheckResult], numbers: dict[str, Any]) -> str:
    parts = [
        "---\n" + "\n".join(_header(paths, numbers)) + "\n---",
        f"# {_escape(paths.root.name)}",
        f"{numbers['images']:,} images of {numbers['taxa']['species']:,} species, each with its seven ranks, a common name "
        f"and ten captions, as WebDataset shards. Built by treeoflife {__version__}.",
        "## Sources\n" + "\n".join(_sources(numbers)),
        *_downloads(paths),
        "## Splits\n| split | samples | species |\n| --- | ---: | ---: |\n" + "\n".join(_splits(numbers)),
        "## What a sample holds\n`<id>.jpg`, and as texts `scientific_name`, `taxonomic_name`, `common_name`, `sci`, `com`, `taxon`, "
        "`taxonTag`, `sci_com`, `taxon_com` and `taxonTag_com`. Every image of train_small is in train too.",
        "## Names\n" + _names(names),
        "## Known to be wrong\n" + "\n".join(_known_errors(check_results)),
        "## Left out\n" + "\n".join(_skipped(numbers)),
        "## Licences\n" + _licences(paths),
        f"## How to make it again\nWith treeoflife {__version__} and this dataset.toml, `treeoflife build` gives the same bytes:\n\n"
        + _fenced(paths.config.read_text(encoding="utf-8") if exists(paths.config) else "# none"),
    ]
    return "\n\n".join(parts) + "\n"


def _header(paths: Paths, numbers: dict[str, Any]) -> list[str]:
    """The Hub's metadata, as YAML. Every JSON text is YAML too, and quotes the names, which come from outside."""
    size = next((name for limit, name in _SIZES if numbers["images"] < limit), "n>1T")
    folder = paths.shards.name
    files = [{"split": split, "path": f"{folder}/{split}/*.tar"} for split in SPLITS if numbers["split"].get(split)]
    return [
        f"pretty_name: {json.dumps(_escape(paths.root.name))}",
        "license: other",
        f"size_categories: [{json.dumps(size)}]",
        'language: ["en", "la"]',
        'task_categories: ["image-classification", "zero-shot-image-classification"]',
        'tags: ["biology", "biodiversity", "taxonomy", "webdataset", "image", "text"]',
        f"configs: {json.dumps([{'config_name': 'default', 'data_files': files}])}",
    ]


def _escape(value: object) -> str:
    """``value`` as text that has no meaning in Markdown or HTML."""
    escaped = printable(str(value))[:200].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{char}" if char in "\\`*_[]|#" else " " if char == "\n" else char for char in escaped)


def _sources(numbers: dict[str, Any]) -> list[str]:
    lines = []
    for source, row in numbers["source"].items():
        title, citation = _SOURCES.get(source, (_escape(source), ""))
        lines.append(f"- {title}: {row['images']:,} images of {row['species']:,} species. {citation}".rstrip())
    return lines


def _downloads(paths: Paths) -> list[str]:
    """The section on the downloaded files; empty if no downloads are on record."""
    rows = [
        f"| {_escape(entry['file'])} | {_escape(entry['url'])} | {_escape(entry['time'][:10])} | {entry['size']:,} "
        f"| `{_escape(entry['sha256'])}` | {_escape(entry['licence'])} |"
        for _, entry in sorted(read_entries(paths.downloads).items())
    ]
    head = "## Downloaded\n| file | from | on | bytes | SHA-256 | licence |\n| --- | --- | --- | ---: | --- | --- |\n"
    return [head + "\n".join(rows)] if rows else []


def _splits(numbers: dict[str, Any]) -> list[str]:
    counts = {split: numbers["split"][split] for split in SPLITS if split in numbers["split"]}
    return [f"| {split} | {row['images']:,} | {row['species']:,} |" for split, row in counts.items()]


def _names(names: Names) -> str:
    if names.published:
        return "They are those of the published catalog, taken as they are."
    if names.lookups:
        return "They are the published name lookups, taken as they are."
    return (
        f"What a source says is kept. Empty ranks are filled from {', '.join(names.authorities)}, in this order, where a record agrees "
        f"with the evidence. Names are taken apart by {names.parser}. `metadata/names.parquet` says of every rank who said so."
    )


def _known_errors(check_results: Sequence[CheckResult]) -> list[str]:
    lines = [
        f"- {result['what']}: {result['images']:,} rows of the catalog, such as {_escape((result['examples'] or ['none'])[0])}"
        for result in check_results
    ]
    return lines or ["The checks found nothing."]


def _skipped(numbers: dict[str, Any]) -> list[str]:
    lines = [f"- {_escape(reason)}: {sum(counts.values()):,}" for reason, counts in numbers["skipped"].items()]
    return lines or ["Nothing."]


def _licences(paths: Paths) -> str:
    table = licence_table(paths)
    if not exists(table):
        return "Images are under the licences of their sources; those of the Encyclopedia of Life each have their own."
    rows = [f"| {_escape(name)} | {count:,} |" for name, count in count_licences(table).items()]
    lines = ["| licence | images |", "| --- | ---: |", *rows]
    if table == paths.credits:
        where = "[credits.csv](credits.csv), and their owners in [credits.html](credits.html)"
        lines += ["", f"{describe_changes(paths.images)} Title, owner, licence and source of each are in {where}."]
    return "\n".join(lines)


def _fenced(text: str) -> str:
    """``text`` as a code block whose fence is longer than any fence in the text, which would end the block."""
    longest = max((len(run) for run in text.replace("`", " `").split() if set(run) == {"`"}), default=0)
    fence = "`" * max(3, longest + text.count("```") + 3)
    return f"{fence}toml\n{text.rstrip()}\n{fence}"
