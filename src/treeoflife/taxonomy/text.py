"""Cleaning what providers write: markup, spacing, and the many words for 'not known'."""

from __future__ import annotations

import html
import re
import unicodedata

UNKNOWN = frozenset(
    {
        "", "unknown", "unidentified", "not_classified", "not classified", "notclassified", "pleasehelp",
        "please help", "undetermined", "undet", "undet.", "indet", "indet.", "indeterminate", "none", "nan", "null",
        "n/a", "na", "unassigned", "unclassified", "unspecified", "incertae sedis", "incertae_sedis", "undef",
        "undefined", "unnamed", "no name", "other", "not applicable", "not assigned", "unranked", "missing", "tbd",
        "environmental sample", "environmental samples",
    }
)  # fmt: skip
"""What a rank says when nobody knows it, in small letters and without brackets."""

KINGDOMS = {
    "Metazoa": "Animalia",
    "Animals": "Animalia",
    "Archaeplastida": "Plantae",
    "Chloroplastida": "Plantae",
    "Viridiplantae": "Plantae",
    "Plants": "Plantae",
    "Eubacteria": "Bacteria",
    "Archaebacteria": "Archaea",
    "Eumycota": "Fungi",
    "Eufungi": "Fungi",
}
"""Other authorities' names of a kingdom, and the one used here."""

FAMILIES = {
    "Compositae": "Asteraceae",
    "Cruciferae": "Brassicaceae",
    "Gramineae": "Poaceae",
    "Guttiferae": "Clusiaceae",
    "Labiatae": "Lamiaceae",
    "Leguminosae": "Fabaceae",
    "Palmae": "Arecaceae",
    "Umbelliferae": "Apiaceae",
}
"""The alternative family names that the code of botanical names allows (ICN, article 18.5)."""

_TAG = re.compile(r"<[^<>]*>|[<>]")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f\u200b-\u200f\u2028-\u202f\u2060\ufeff]+")
_BRACKETS = "()[]{}\"'“”‘’?*_-–—.,;: "


def clean_text(value: str) -> str:
    """``value`` without markup, entities and odd spacing. Never raises; cleaning twice changes nothing.

    >>> clean_text(" <i>Panthera&nbsp;leo</i>\\n(L.) ")
    'Panthera leo (L.)'
    """
    for _ in range(8):
        cleaned = unicodedata.normalize("NFC", _SPACE.sub(" ", _TAG.sub(" ", html.unescape(value)))).strip()
        cleaned = cleaned.replace(" ,", ",").replace("( ", "(").replace(" )", ")")
        if cleaned == value:
            return cleaned
        value = cleaned
    return _SPACE.sub(" ", value.replace("&", " ").replace("<", " ").replace(">", " ")).strip()


def is_unknown(value: str) -> bool:
    """Whether a rank's value only says that nobody knows it.

    >>> is_unknown("(Unidentified)"), is_unknown("Unio")
    (True, False)
    """
    lowered = value.lower()
    return lowered in UNKNOWN or lowered.strip(_BRACKETS) in UNKNOWN


def capitalised(value: str) -> str:
    """A name of a genus or higher rank with its first letter large; all-capitals are made small.

    >>> capitalised("FELIDAE"), capitalised("× cupressocyparis")
    ('Felidae', '× Cupressocyparis')
    """
    if value.isupper() and value.isalpha() and len(value) > 1:
        value = value.lower()
    for at, letter in enumerate(value):
        if letter.isalpha():
            return value[:at] + letter.upper() + value[at + 1 :]
    return value


def clean_common(value: str, scientific: str = "") -> str:
    """A common name without markup; empty if it says nothing, or only repeats the scientific name.

    >>> clean_common(" <b>Lion</b> "), clean_common("Panthera leo", "Panthera leo"), clean_common("?")
    ('Lion', '', '')
    """
    cleaned = clean_text(value).strip('"“”*_;, ')
    if is_unknown(cleaned) or not any(letter.isalpha() for letter in cleaned):
        return ""
    return "" if scientific and cleaned.lower() == scientific.lower() else cleaned
