"""The ten texts of a sample: three names and seven captions, made from its seven ranks and its common name."""

import re

from ..core.tar_writer import BLOCK, padded_size
from ..core.values import RANKS, Taxon

STEP_VERSION = 1

# As in the published TreeOfLife-10M. `tagged` is every known rank with its name: "kingdom Animalia genus Panthera".
_TEMPLATES = {
    "scientific_name.txt": "{scientific}",
    "taxonomic_name.txt": "{taxonomic}",
    "common_name.txt": "{common}",
    "sci.txt": "a photo of {scientific}.",
    "com.txt": "a photo of {common}.",
    "taxon.txt": "a photo of {taxonomic}.",
    "taxonTag.txt": "a photo of {tagged}.",
    "sci_com.txt": "a photo of {scientific} with common name {common}.",
    "taxon_com.txt": "a photo of {taxonomic} with common name {common}.",
    "taxonTag_com.txt": "a photo of {tagged} with common name {common}.",
}

TEXTS = tuple(_TEMPLATES)
"""The suffixes of the ten texts, in the order in which they follow the image."""
TAGGED = "taxonTag.txt"
"""The text from which all seven ranks can be read back."""
COMMON_NAME = "common_name.txt"


def compose_texts(taxon: Taxon, common: str) -> dict[str, str]:
    """The ten texts by suffix. The scientific name, else the taxonomic name, stands in for a missing common name.

    >>> compose_texts(Taxon("Animalia", genus="Panthera", species="leo"), "Lion")["taxonTag_com.txt"]
    'a photo of kingdom Animalia genus Panthera species leo with common name Lion.'
    """
    tagged = " ".join(f"{rank} {name}" for rank, name in zip(RANKS, taxon, strict=True) if name)
    return fill_templates(taxon.scientific_name, taxon.taxonomic_name, taxon.common_or_scientific(common), tagged)


def fill_templates(scientific: str, taxonomic: str, common: str, tagged: str) -> dict[str, str]:
    """The ten texts by suffix, from the names in them; ``tagged`` is each known rank, followed by its name."""
    names = {"scientific": scientific, "taxonomic": taxonomic, "common": common, "tagged": tagged}
    # Only the templates are parsed: a brace in a name is text like any other.
    return {suffix: template.format_map(names) for suffix, template in _TEMPLATES.items()}


def parse_ranks(text: str) -> list[str]:
    """The seven ranks in a text such as ``taxonTag.txt``; a name may consist of several words.

    >>> parse_ranks("a photo of kingdom Animalia genus Panthera species leo.")
    ['Animalia', '', '', '', '', 'Panthera', 'leo']
    """
    tagged, names = text.removeprefix("a photo of ").removesuffix("."), []
    for depth, rank in enumerate(RANKS, 1):
        # A name ends where the tag of any lower rank begins: ranks in between may be missing.
        lower = "|".join(RANKS[depth:])
        match = re.search(rf"(?:^| ){rank} (.*?)" + (rf"(?= (?:{lower}) |$)" if lower else "$"), tagged)
        names.append(match[1] if match else "")
    return names


def texts_tar_bytes(taxon: Taxon, common: str) -> int:
    """The bytes that the ten texts take in a tar."""
    return sum(BLOCK + padded_size(len(text.encode())) for text in compose_texts(taxon, common).values())
