"""Scientific names: what is genus, what epithet, and what is author, year or remark.

Names that are plainly ``Genus epithet`` are split as they stand; all others go to the parser that the
configuration names: see :mod:`treeoflife.taxonomy.parsers`.
"""

from __future__ import annotations

import re
from typing import NamedTuple, Protocol

from .text import capitalised, clean_text, is_unknown


class ParsedName(NamedTuple):
    """A scientific name, taken apart.

    Attributes:
        genus: the genus, or the one word of a name of higher rank; with ``×`` or ``Candidatus`` before it, if so
            written.
        species: the specific epithet; for hybrids, placeholders and viruses, all that follows the genus.
        infraspecific: what follows the specific epithet, with its rank marks, such as ``subsp. minor``.
        authorship: authors and year as written.
        quality: 1 clean, 2 unusual, 3 needs care, 4 poor, 0 not a scientific name.
        kind: species, uninomial, hybrid, placeholder, virus, candidatus or none.
    """

    genus: str = ""
    species: str = ""
    infraspecific: str = ""
    authorship: str = ""
    quality: int = 0
    kind: str = "none"

    @property
    def canonical(self) -> str:
        """The name without author."""
        return " ".join(filter(None, (self.genus, self.species, self.infraspecific)))


class Parser(Protocol):
    """Takes scientific names apart."""

    name: str

    def parse(self, name: str) -> ParsedName:
        """One name, already cleaned of markup."""


_REGULAR = re.compile(r"([A-Z][a-zë]+(?:-[a-z]+)?)(?: ([a-zë]{3,}(?:-[a-zë]+)*))?")
_NOT_EPITHETS = frozenset(
    "spp ssp subsp var and the from species group complex indet nov gen undet cultivar hybrid near".split()
)
_VIRAL = re.compile(r"\b\w*(?:virus|viruses|viroid|phage|satellite|virinae|viridae|prion|npv)\b", re.IGNORECASE)
_OPEN = re.compile(r"\b(?:spp?|cf|aff|nr|near|indet|nov|gr|cfr|prox|n\. ?sp)\.?(?= |$)|\bBOLD:|\bsp\.", re.IGNORECASE)
_YEAR = re.compile(r"(?<![^\W_])(?:1[5-9]|20)\d\d[a-z]?(?![^\W_])")
_CITATION = re.compile(r"\([^()\d]+,? ?(?:1[5-9]|20)\d\d[a-z]?\)")
_CITED = re.compile(
    r"\((?:[A-Z][a-z]{2,}(?:(?:,? | & | and | et )[A-Z][a-z]{2,}| et al\.?)*,?\)? ?)$"  # (Smith & Jones
    r"|(?<=[a-z]),? [A-Z][a-z]{2,}(?:(?:, | & | and )[A-Z][a-z]{2,})*,? (?=(?:1[5-9]|20)\d\d[a-z]?\)?$)"  # , Smith 1901
    r"|\([A-Z][a-z]{2,}(?:(?:, | & | and )[A-Z][a-z]{2,})*,? (?=(?:1[5-9]|20)\d\d[a-z]?\)?$)"  # (Smith 1901
)
EPITHET = re.compile(r"[^\W\d_A-Z]+(?:[-'][^\W\d_A-Z]+)*")
GENUS = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)?\.?")
AUTHOR_PARTICLES = frozenset(
    "de da du di la le den der des van von und et ex in al al. f. fil. nec non auct auct. emend sensu and y zu ter"
    "".split()
)


def parse(name: str, parser: Parser) -> ParsedName:
    """Take a name as a provider wrote it apart: with markup, authors or remarks. Never raises.

    >>> from treeoflife.taxonomy.simple import SimpleParser
    >>> parse("<i>Panthera leo</i> (Linnaeus, 1758)", SimpleParser()).canonical
    'Panthera leo'
    """
    text = clean_text(name)
    if is_unknown(text) or not any(letter.isalpha() for letter in text):
        return ParsedName()
    if not _VIRAL.search(text):
        text = capitalised(text)
        text = capitalised(text.lower()) if text.isupper() and text.replace(" ", "").isalpha() else text
    return regular(text) or _stable(parser.parse(text), parser)


def _stable(parsed: ParsedName, parser: Parser) -> ParsedName:
    """The same name if its parts, put together, are read as the same parts again; else what they are read as then."""
    for _ in range(4):
        if not any(letter.isalpha() for letter in parsed.canonical):
            return ParsedName()
        again = regular(parsed.canonical) or parser.parse(parsed.canonical)
        if again[:3] == parsed[:3]:
            return parsed
        parsed = again._replace(authorship=parsed.authorship, quality=max(parsed.quality, again.quality))
    return ParsedName()


def regular(text: str) -> ParsedName | None:
    """The parts of a name that is plainly one or two Latin words; None for any other."""
    match = _REGULAR.fullmatch(text)
    if not match or match[2] in _NOT_EPITHETS or _VIRAL.search(text) or match[1] == "Candidatus":
        return None
    return ParsedName(match[1], match[2] or "", quality=1, kind="species" if match[2] else "uninomial")


def whole(text: str) -> ParsedName | None:
    """Names that no parser may shorten: viruses, and placeholders such as ``Aedes sp. BOLD:AAA1234``."""
    if _VIRAL.search(text):
        return virus(text)
    return placeholder(text) if _OPEN.search(text) else None


def virus(text: str) -> ParsedName:
    """A virus' name, whole: as the species, or as the genus if it is one word."""
    words = [word for word in _CITED.sub(" ", _CITATION.sub(" ", text)).split() if not _YEAR.search(word)]
    if len(words) == 1:
        return ParsedName(genus=capitalised(words[0]), quality=1, kind="virus")
    return ParsedName(species=" ".join(words), quality=1, kind="virus")


def placeholder(text: str) -> ParsedName | None:
    """A name in open nomenclature: its genus, and what stands for the epithet."""
    genus, _, tail = text.partition(" ")
    if not genus[:1].isupper() or not GENUS.fullmatch(genus):
        return None
    if _OPEN.fullmatch(genus):
        return ParsedName()
    first = tail.split(" ", 1)[0]
    if EPITHET.fullmatch(first) and not _OPEN.match(tail):
        return ParsedName(genus, first, _open_tail(tail.partition(" ")[2]), quality=4, kind="placeholder")
    kept = _open_tail(tail)
    return (
        ParsedName(genus, kept, quality=4, kind="placeholder")
        if kept
        else ParsedName(genus, quality=4, kind="uninomial")
    )


def _open_tail(tail: str) -> str:
    """The marks, codes and epithets of a placeholder, up to the first author or year."""
    kept: list[str] = []
    for word in tail.split():
        code = any(letter.isdigit() for letter in word) and not _YEAR.search(word)
        mark = bool(_OPEN.fullmatch(word)) or word.lower() in {"n.", "sp.", "sp", "cf.", "aff.", "nr."}
        if not (code or mark or (EPITHET.fullmatch(word) and word not in AUTHOR_PARTICLES)):
            break
        kept.append(word.strip(",;"))
    return " ".join(kept)
