"""The ten texts of a sample, from its seven ranks and its common name."""

from __future__ import annotations

from ..core.tar_writer import BLOCK, padded
from ..core.values import RANKS, Taxon

STEP_VERSION = 1

TEXTS = (
    "scientific_name.txt",
    "taxonomic_name.txt",
    "common_name.txt",
    "sci.txt",
    "com.txt",
    "taxon.txt",
    "taxonTag.txt",
    "sci_com.txt",
    "taxon_com.txt",
    "taxonTag_com.txt",
)
"""The texts' members, in the order in which they follow the image."""


def captions(taxon: Taxon, common: str) -> dict[str, str]:
    """The ten texts. Without a common name, the scientific name stands for it, else the taxonomic name.

    >>> captions(Taxon("Animalia", genus="Panthera", species="leo"), "Lion")["taxonTag_com.txt"]
    'a photo of kingdom Animalia genus Panthera species leo with common name Lion.'
    """
    sci, taxonomic = taxon.scientific_name, taxon.taxonomic_name
    common = taxon.common_or_own(common)
    tagged = " ".join(f"{rank} {name}" for rank, name in zip(RANKS, taxon, strict=True) if name)
    return {
        "scientific_name.txt": sci,
        "taxonomic_name.txt": taxonomic,
        "common_name.txt": common,
        "sci.txt": f"a photo of {sci}.",
        "com.txt": f"a photo of {common}.",
        "taxon.txt": f"a photo of {taxonomic}.",
        "taxonTag.txt": f"a photo of {tagged}.",
        "sci_com.txt": f"a photo of {sci} with common name {common}.",
        "taxon_com.txt": f"a photo of {taxonomic} with common name {common}.",
        "taxonTag_com.txt": f"a photo of {tagged} with common name {common}.",
    }


def archive_bytes(taxon: Taxon, common: str) -> int:
    """The bytes that the ten texts take in a tar."""
    return sum(BLOCK + padded(len(text.encode())) for text in captions(taxon, common).values())
