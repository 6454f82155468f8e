"""The names of kingdoms: other authorities' names, and the words that people write for them."""

KINGDOMS = {
    "Metazoa": "Animalia", "Animals": "Animalia", "Archaeplastida": "Plantae", "Chloroplastida": "Plantae",
    "Viridiplantae": "Plantae", "Plants": "Plantae", "Eubacteria": "Bacteria", "Archaebacteria": "Archaea",
    "Eumycota": "Fungi", "Eufungi": "Fungi",
}  # fmt: skip
"""Other authorities' names of a kingdom, and the one used here."""

_KINGDOM_OF = {
    **{name.lower(): kingdom for name, kingdom in KINGDOMS.items()},
    **{name.lower(): name for name in ("Animalia", "Plantae", "Fungi", "Bacteria", "Archaea", "Chromista", "Protozoa")},
    "animal": "Animalia", "animales": "Animalia", "animaux": "Animalia", "tiere": "Animalia", "metazoan": "Animalia",
    "metazoans": "Animalia", "plant": "Plantae", "plantas": "Plantae", "plantes": "Plantae", "pflanzen": "Plantae",
    "vegetabilia": "Plantae", "plantæ": "Plantae", "fungus": "Fungi", "funghi": "Fungi", "hongos": "Fungi",
    "champignons": "Fungi", "pilze": "Fungi", "mycota": "Fungi", "bacterium": "Bacteria", "eubacterium": "Bacteria",
    "archaeon": "Archaea", "archaean": "Archaea", "chromist": "Chromista", "chromists": "Chromista",
    "protozoan": "Protozoa", "protozoans": "Protozoa", "protozoon": "Protozoa", "protista": "Protista",
    "protist": "Protista", "protists": "Protista", "protoctista": "Protista", "virus": "Viruses",
    "viruses": "Viruses", "viren": "Viruses", "fauna": "Animalia", "animais": "Animalia", "animali": "Animalia",
    "tier": "Animalia", "flora": "Plantae", "pflanze": "Plantae", "piante": "Plantae", "vegetal": "Plantae",
    "vegetales": "Plantae", "végétal": "Plantae", "végétaux": "Plantae", "fungos": "Fungi", "hongo": "Fungi",
    "champignon": "Fungi", "pilz": "Fungi",
}  # fmt: skip
WIDER = {"Protista": r"^(?:Chromista|Protozoa|Plantae|Fungi)$", "Viruses": "virae$"}
"""Kingdoms that are several to authorities, and a pattern of those. Protista were all that is no animal, plant or
fungus, with algae and slime moulds; ICTV has ten kingdoms of viruses, in -virae."""
# Ranks above the kingdom, which say nothing of it; Monera are all prokaryotes.
_ABOVE = frozenset(
    "biota life eukaryota eukaryotes eukaryote eukarya eucaryota eukaryotic prokaryota prokaryotes prokaryote"
    " prokaryotae procaryota procaryotae monera cellular organism organisms".split()
) | {"cellular organisms", "living organisms", "all life"}  # fmt: skip

KINGDOM_WORDS = frozenset(_KINGDOM_OF.keys() - {kingdom.lower() for kingdom in _KINGDOM_OF.values()}) | _ABOVE
"""Words for kingdoms that are not the name used here, and for what is above them, in lower case."""


def kingdom_of(text: str) -> str | None:
    """The kingdom that a text names, as it is called here; empty for what is above all kingdoms; None for other texts.

    >>> [kingdom_of(text) for text in ("Metazoa", "plants", "FUNGUS", "Eukaryota", "Aves")]
    ['Animalia', 'Plantae', 'Fungi', '', None]
    """
    lowered = text.lower()
    return "" if lowered in _ABOVE else _KINGDOM_OF.get(lowered)
