"""The dataset card: README.md with the Hub's metadata, filled in from what was built.

It says facts of this dataset alone. What is not known is said to be not known, or left out.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from ..core.files import exists, write_text
from ..core.text import counted
from ..core.values import SPLITS
from ..core.versions import __version__
from . import card_contents, card_rights
from .card_inputs import CardInputs, CheckResult
from .markdown import escape, joined, link
from .own_files import CARD_MARK

# The Hub accepts no other size categories: https://huggingface.co/docs/hub/datasets-cards
_SIZES = (
    (1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"), (100_000_000, "10M<n<100M"), (1_000_000_000, "100M<n<1B"),
    (10_000_000_000, "1B<n<10B"),
)  # fmt: skip
# Of the licences that the Hub knows by a name, those that images and collections of them have. It refuses others.
_LICENCES = frozenset(
    "cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0"
    " cc-by-nd-4.0 cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0 odc-by odbl pddl"
    " apache-2.0 mit".split()
)


def write_card(inputs: CardInputs) -> Path:
    """Write the card of a built dataset; returns its path."""
    write_text(inputs.paths.card, render(inputs))
    return inputs.paths.card


def render(inputs: CardInputs) -> str:
    """The text of the card."""
    paths, figures, names = inputs.paths, inputs.figures, inputs.config.names
    sections = {
        "": _introduction(inputs),
        "Samples": card_rights.show_pictures(inputs.pictures, paths.root, inputs.config.images),
        "Load it": card_contents.how_to_load(paths, figures),
        "Use and limits": card_contents.intended_use(figures, inputs.config),
        "Splits": card_contents.describe_splits(figures, inputs.config),
        "What a sample holds": card_contents.describe_sample(inputs.config.images),
        "Sources": card_rights.describe_sources(inputs),
        "Licences and credit": card_rights.describe_licences(inputs),
        "Biases": card_contents.describe_biases(figures, inputs.titles),
        "Names": card_contents.describe_names(names, uses_built_in=inputs.config.uses_built_in),
        "Duplicates": card_contents.describe_duplicates(figures, inputs.config),
        "Known to be wrong": _known_errors(inputs.check_results),
        "Left out": card_contents.describe_skipped(figures),
        "How it was built": _how_built(inputs),
        "Downloaded": card_rights.list_downloads(paths),
        "Citation": card_rights.cite(inputs),
        "Mistakes, and images to remove": card_rights.how_to_report(inputs),
    }
    parts = ["---\n" + "\n".join(_header(inputs)) + f"\n---\n{CARD_MARK}", f"# {escape(inputs.title)}"]
    parts += [f"## {title}\n\n{text}" if title else text for title, text in sections.items() if text]
    return "\n\n".join(parts) + "\n"


def _header(inputs: CardInputs) -> list[str]:
    """The Hub's metadata, as YAML. Every JSON text is YAML too, and quotes the names, which come from outside."""
    numbers, folder = inputs.figures.numbers, inputs.paths.shards.name
    size = next((name for limit, name in _SIZES if numbers["images"] < limit), "10B<n<100B")
    files = [{"split": split, "path": f"{folder}/{split}/*.tar"} for split in SPLITS if numbers["split"].get(split)]
    languages = dict.fromkeys(("en", "la", *inputs.config.names.common_language))
    return [
        f"pretty_name: {json.dumps(escape(inputs.title))}",
        *_licence_header(inputs),
        f"size_categories: [{json.dumps(size)}]",
        f"language: {json.dumps(list(languages))}",
        'task_categories: ["image-classification", "zero-shot-image-classification"]',
        'tags: ["biology", "biodiversity", "taxonomy", "webdataset", "image", "text"]',
        f"configs: {json.dumps([{'config_name': 'default', 'data_files': files}])}",
    ]


def _licence_header(inputs: CardInputs) -> list[str]:
    """One licence, if it is stated or all images have it; the Hub has no word for one of each image."""
    every = {one.name.replace("cc-0-", "cc0-") for one in inputs.figures.licences} or {""}
    stated = (inputs.config.card.licence or "").lower()
    licence = next(iter(every)) if len(every) == 1 and stated in ("", *every) else ""
    if licence in _LICENCES:
        return [f"license: {licence}"]
    if every == {""} and not stated:
        return ["license: unknown"]
    # The Hub wants a page or a file LICENSE here; publish knows the page, the card itself.
    link = [f"license_link: {json.dumps(f'{inputs.url}#licences-and-credit')}"] if inputs.url else []
    return ["license: other", "license_name: each-image-has-its-own", *link]


def _introduction(inputs: CardInputs) -> str:
    numbers, paths, figures = inputs.figures.numbers, inputs.paths, inputs.figures
    size = inputs.config.images.set_name
    shards = [path for split in SPLITS for path in sorted(paths.split_folder(split).glob("*.tar"))]
    taxa, splits = numbers["taxa"], numbers["split"]
    what = (
        f"{counted(numbers['images'], 'image')} of {taxa['species']:,} species, {_families(taxa['family'])} and "
        f"{counted(taxa['kingdom'], 'kingdom')}, from {joined([escape(one) for one in inputs.titles.values()])}. Each is a JPEG of {size} "
        "pixels with its names in seven ranks, a common name and seven captions, for training and testing models such as BioCLIP."
    )
    known = sum(one.images for one in figures.licences if one.name)
    rights = "not known for any image" if not known else f"{known:,} of {numbers['images']:,} images have a known one"
    counts = [f"{split} {splits[split]['images']:,}" for split in SPLITS if split in splits]
    facts = [
        f"- **Splits**: {', '.join(counts)}",
        f"- **Format**: {counted(len(shards), 'WebDataset shard')}, {_bytes(sum(path.stat().st_size for path in shards))}",
        f"- **Licences**: {rights}; see [Licences and credit](#licences-and-credit) before you use an image",
    ]
    card = inputs.config.card
    facts += [f"- **Authors**: {escape(', '.join(card.authors))}"] if card.authors else []
    facts += [f"- **Published at**: {link(inputs.url, inputs.url)}"] if inputs.url else []
    facts += [f"- **DOI**: {escape(card.doi)}"] if card.doi else []
    return "\n".join([*([card.description.strip(), ""] if card.description else []), what, "", *facts])


def _families(number: int) -> str:
    return f"{number:,} {'family' if number == 1 else 'families'}"


def _bytes(size: int) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:,.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1000  # type: ignore[assignment]
    return f"{size:,.1f} TB"


def _known_errors(check_results: Sequence[CheckResult]) -> str:
    lines = [
        f"- {result['what']}: {result['images']:,} rows of the catalog, such as {escape((result['examples'] or ['none'])[0])}"
        for result in check_results
    ]
    return "\n".join(lines) or "The checks of names found nothing."


def _how_built(inputs: CardInputs) -> str:
    shown = card_contents.as_block(inputs.shown_config)
    marks = "\n\nA curator's corrections in `marks.csv` were applied." if exists(inputs.paths.marks) else ""
    return (
        f"By treeoflife {__version__}: the same files and this configuration give the same bytes. Keys that have their default "
        f"are left out; `<raw>` stands for the folder in which a file lay.\n\n{shown}{marks}"
    )
