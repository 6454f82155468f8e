"""Sections of the card on rights: sources, licences, whom to credit and how, citations, removal."""

from collections.abc import Sequence
from pathlib import Path

from ..config.paths import Paths
from ..config.tables import Images
from ..core.files import exists
from ..core.values import NONE
from ..core.versions import __version__
from ..download.downloads_file import read_entries
from ..selection.licences import ALL_RIGHTS_RESERVED, CC0, NO_KNOWN_COPYRIGHT, PUBLIC_DOMAIN, family
from .card_contents import share
from .card_inputs import CardInputs
from .citations import TREEOFLIFE_10M, bibtex_text
from .credits import describe_changes
from .figures import LicenceCount
from .markdown import escape, fenced, link, table
from .pictures import Picture

_UNKNOWN = "not known"
_OF_TREEOFLIFE_10M = {"eol", "inat21", "bioscan-1m"}


def show_pictures(pictures: Sequence[Picture], root: Path, images: Images) -> str:
    """A row of pictures with the name and the credit of each; empty without pictures."""
    if not pictures:
        return ""
    shown = [f"![{_plain_name(one)}]({one.path.relative_to(root).as_posix()})" for one in pictures]
    names = [_name(one) for one in pictures]
    return table(shown, [names, [_credit(one) for one in pictures]]) + f"\n\n{describe_changes(images)}"


def _plain_name(picture: Picture) -> str:
    return escape(picture.taxon.scientific_name or picture.taxon.lowest_name)


def _name(picture: Picture) -> str:
    name, common = picture.taxon.scientific_name, picture.common
    if not name:
        return _plain_name(picture)
    return f"*{escape(name)}*" + (f", {escape(common)}" if common and common.lower() != name.lower() else "")


def _credit(picture: Picture) -> str:
    title = f"“{picture.title}”" if picture.title and picture.title != NONE else "Image"
    owner = "" if picture.owner in ("", NONE) else f" by {escape(picture.owner)}"
    return f"{link(title, picture.url)}{owner}, {link(picture.licence, picture.link)}, resized"


def describe_sources(inputs: CardInputs) -> str:
    """Where the images are from."""
    images = inputs.figures.images
    rows = [
        (escape(inputs.titles[name]), f"{row['images']:,}", share(row["images"], images), f"{row['species']:,}", inputs.origin(name).about)
        for name, row in inputs.figures.numbers["source"].items()
    ]  # fmt: skip
    return table(("source", "images", "share", "species", ""), rows, numbers=(1, 2, 3))


def describe_licences(inputs: CardInputs) -> str:
    """Which licences there are, what they ask for, and where the licence and the owner of each image are."""
    paths, images = inputs.paths, inputs.figures.images
    own = inputs.config.card.licence
    first = (
        f"The selection, names, captions and tables are under {escape(own)}." if own
        else "Under which licence the selection, names, captions and tables are, their maker has not said."
    )  # fmt: skip
    counts = _by_licence(inputs.figures.licences)
    unlicensed = next((count for name, _, count in counts if not name), 0 if counts else images)
    if unlicensed == images:
        why = (
            "No source says under which licence its images are: ask their owners, or the sources, before you use them."
        )
        return f"{first} {why}{_where(paths)}"
    rows = [
        (escape(name or _UNKNOWN), f"{count:,}", share(count, images), *_asks(name), _address(address))
        for name, address, count in counts
    ]
    head = ("licence", "images", "share", "credit", "commercial use", "changed copies", "text")
    lines = [
        f"{first} Each image is under the licence of its owner, as its source states it:",
        table(head, rows, numbers=(1, 2)),
        *_by_source(inputs),
        "What sources say of owners and licences was not checked, and nobody warrants that an image may be used. The columns say in short "
        "what licences ask for; their texts, with their disclaimers of warranties, are what counts. " + describe_changes(inputs.config.images)
        + (" Licences with ND forbid to share adaptations: ask a lawyer whether a resized image is one." if _has_nd(counts) else ""),
        *_how_to_credit(inputs),
    ]  # fmt: skip
    return "\n\n".join(lines) + _where(paths)


def _by_licence(licences: Sequence[LicenceCount]) -> list[tuple[str, str, int]]:
    counts: dict[tuple[str, str], int] = {}
    for one in licences:
        counts[one.name, one.link] = counts.get((one.name, one.link), 0) + one.images
    return [(*key, count) for key, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))]


def _has_nd(counts: Sequence[tuple[str, str, int]]) -> bool:
    return any("nd" in family(name).split("-") for name, *_ in counts)


def _asks(name: str) -> tuple[str, str, str]:
    """What a licence says of credit, of commercial use, and of changed copies."""
    if name in (CC0, PUBLIC_DOMAIN, NO_KNOWN_COPYRIGHT):
        return ("not required", "allowed", "allowed") if name != NO_KNOWN_COPYRIGHT else (_UNKNOWN,) * 3
    if name == ALL_RIGHTS_RESERVED:
        return ("ask the owner",) * 3
    parts = family(name).split("-")
    if parts[0] != "cc" or "by" not in parts:
        return (_UNKNOWN,) * 3
    changed = "not allowed" if "nd" in parts else "under the same licence" if "sa" in parts else "allowed"
    return "required", "not allowed" if "nc" in parts else "allowed", changed


def _address(address: str) -> str:
    return link(address.removeprefix("https://")[:60], address) if address else ""


def _by_source(inputs: CardInputs) -> list[str]:
    """Which sources lack licences, where some do."""
    lacking: dict[str, int] = {}
    for one in inputs.figures.licences:
        if not one.name:
            lacking[one.source] = lacking.get(one.source, 0) + one.images
    if not lacking:
        return []
    listed = ", ".join(f"{escape(inputs.titles.get(name, name))} {count:,}" for name, count in sorted(lacking.items()))
    return [f"Images whose licence is not known, by source: {listed}. Nobody has said that they may be used."]


def _how_to_credit(inputs: CardInputs) -> list[str]:
    owned = sum(one.owned for one in inputs.figures.licences)
    if not owned:
        return ["Who owns the images, no source says."]
    return [
        f"The owner is known of {owned:,} images. Credit an image with its title, owner, licence and source, and say that it was "
        "changed, as in: *“TITLE” by OWNER, LICENCE, from SOURCE, resized*."
    ]


def _where(paths: Paths) -> str:
    lines = []
    if exists(paths.credits):
        lines.append(
            "Title, owner, licence and source of each image are in [credits.csv](credits.csv), and their owners in "
            "[credits.html](credits.html). They have names of people, and images may show people: nothing was done to find out."
        )
    if exists(paths.licences):
        lines.append("[licences.csv](licences.csv) has those of EOL's images in the form of TreeOfLife-10M.")
    return f"\n\n{' '.join(lines)}" if lines else ""


def list_downloads(paths: Paths) -> str:
    """The files that were downloaded for the dataset; empty if no downloads are on record."""
    rows = [
        (escape(entry["file"]), escape(entry["url"]), escape(entry["time"][:10]), f"{entry['size']:,}", f"`{escape(entry['sha256'])}`",
         escape(entry["licence"]))
        for _, entry in sorted(read_entries(paths.downloads).items())
    ]  # fmt: skip
    return table(("file", "from", "on", "bytes", "SHA-256", "licence"), rows, numbers=(3,)) if rows else ""


def cite(inputs: CardInputs) -> str:
    """BibTeX for the dataset and for each source whose citation is known."""
    entries = [own_entry(inputs)]
    entries += [entry for name in inputs.titles for entry in inputs.origin(name).bibtex if entry not in entries]
    lines = ["Cite the dataset and the sources of its images:", fenced("\n\n".join(dict.fromkeys(entries)), "bibtex")]
    if inputs.config.mapping.published and {*inputs.origins.values()} >= _OF_TREEOFLIFE_10M:
        lines += [
            "Ids and splits are those of a published mapping. If that is TreeOfLife-10M's, cite also:",
            fenced(TREEOFLIFE_10M, "bibtex"),
        ]
    if unknown := [escape(title) for name, title in inputs.titles.items() if not inputs.origin(name).bibtex]:
        lines.append(f"How {', '.join(unknown)} wants to be cited is not known here.")
    return "\n\n".join(lines)


def own_entry(inputs: CardInputs) -> str:
    """The BibTeX entry of the dataset itself."""
    card = inputs.config.card
    fields = {
        "title": f"{{{bibtex_text(inputs.title)}}}",
        "author": " and ".join(map(bibtex_text, card.authors)),
        "howpublished": f"\\url{{{bibtex_text(inputs.url)}}}" if inputs.url else "",
        "doi": bibtex_text(card.doi or ""),
        "note": f"{inputs.figures.images:,} images; built by treeoflife {__version__}",
    }
    return "\n".join(["@misc{dataset,", *(f"  {key} = {{{value}}}," for key, value in fields.items() if value), "}"])


def how_to_report(inputs: CardInputs) -> str:
    """Where to report a mistake or ask for removal."""
    contact = inputs.config.card.contact
    where = f"Write to {escape(contact)}" if contact else (
        f"Write to those who publish it at {link(inputs.url, inputs.url)}" if inputs.url.startswith("https://")
        else "Write to whoever gave you the dataset"
    )  # fmt: skip
    find = " `credits.csv` tells it by the image's address." if exists(inputs.paths.credits) else ""
    return f"{where}, with the id of the image: the name of its file in the shards, and `treeoflife_id` in every table.{find}"
