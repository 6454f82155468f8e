"""Scientific names: what is genus, what epithet, and what is author, year or remark.

Names that are plainly ``Genus epithet`` are split as they stand; all others go to the parser that the
configuration names: gnparser, or the simple one below.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from ..errors import ConfigError
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
_MARKS = {
    "ssp.": "subsp.", "ssp": "subsp.", "subsp.": "subsp.", "subsp": "subsp.", "var.": "var.", "var": "var.",
    "v.": "var.", "f.": "f.", "fo.": "f.", "forma": "f.", "form": "f.", "morph": "morph", "subvar.": "subvar.",
    "subf.": "subf.", "cv.": "cv.", "nothosubsp.": "nothosubsp.", "nothovar.": "nothovar.", "ab.": "ab.",
    "race": "race", "convar.": "convar.",
}  # fmt: skip
_YEAR = re.compile(r"(?<![^\W_])(?:1[5-9]|20)\d\d[a-z]?(?![^\W_])")
_CITATION = re.compile(r"\([^()\d]+,? ?(?:1[5-9]|20)\d\d[a-z]?\)")
_CITED = re.compile(
    r"\((?:[A-Z][a-z]{2,}(?:(?:,? | & | and | et )[A-Z][a-z]{2,}| et al\.?)*,?\)? ?)$"  # (Smith & Jones
    r"|(?<=[a-z]),? [A-Z][a-z]{2,}(?:(?:, | & | and )[A-Z][a-z]{2,})*,? (?=(?:1[5-9]|20)\d\d[a-z]?\)?$)"  # , Smith 1901
    r"|\([A-Z][a-z]{2,}(?:(?:, | & | and )[A-Z][a-z]{2,})*,? (?=(?:1[5-9]|20)\d\d[a-z]?\)?$)"  # (Smith 1901
)
_EPITHET = re.compile(r"[^\W\d_A-Z]+(?:[-'][^\W\d_A-Z]+)*")
_GENUS = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)?\.?")
_CROSS = re.compile(r"(?:^|(?<= ))[xX×✕]\s*(?= |[A-Z])|×\s*")
_AUTHOR_PARTICLES = frozenset(
    "de da du di la le den der des van von und et ex in al al. f. fil. nec non auct auct. emend sensu and y zu ter"
    "".split()
)


def parse(name: str, parser: Parser) -> ParsedName:
    """Take a name as a provider wrote it apart: with markup, authors or remarks. Never raises.

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
    if not genus[:1].isupper() or not _GENUS.fullmatch(genus):
        return None
    if _OPEN.fullmatch(genus):
        return ParsedName()
    first = tail.split(" ", 1)[0]
    if _EPITHET.fullmatch(first) and not _OPEN.match(tail):
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
        if not (code or mark or (_EPITHET.fullmatch(word) and word not in _AUTHOR_PARTICLES)):
            break
        kept.append(word.strip(",;"))
    return " ".join(kept)


class SimpleParser:
    """A plain parser for computers that gnparser's library does not run on: the words up to the first author."""

    name = "simple"

    def parse(self, name: str) -> ParsedName:
        """One name, already cleaned of markup."""
        return whole(name) or self._hybrid(name) or self._latin(name)

    def _hybrid(self, name: str) -> ParsedName | None:
        spaced = " ".join(_CROSS.sub("× ", name).split())
        if "×" not in spaced.split():
            return None
        left, _, right = spaced.partition("×")
        first, second = self._latin(left.strip()), right.strip()
        if not left.strip():
            parsed = self._latin(second)
            return (
                parsed._replace(genus=f"× {parsed.genus}", quality=2, kind="hybrid") if parsed.genus else ParsedName()
            )
        words = [word for word in second.split() if _EPITHET.fullmatch(word) or word == first.genus]
        words = [word for word in words if word not in _AUTHOR_PARTICLES and word != first.genus]
        if not first.genus or not words:
            return first
        return ParsedName(first.genus, " ".join(filter(None, (first.species, "×", words[0]))), quality=2, kind="hybrid")

    def _latin(self, name: str) -> ParsedName:
        prefix = "Candidatus " if name.startswith("Candidatus ") else ""
        words = name.removeprefix(prefix).split()
        if not words or not _GENUS.fullmatch(words[0]) or is_unknown(words[0]):
            return ParsedName()
        genus = prefix + capitalised(words[0])
        rest = words[1:]
        if rest and rest[0].startswith("(") and rest[0].endswith(")"):
            rest = rest[1:]
        epithets, after = _epithets(rest)
        infra = " ".join(epithets[1:])
        kind = "candidatus" if prefix else "species" if epithets else "uninomial"
        return ParsedName(genus, epithets[0] if epithets else "", infra, " ".join(after), 2 if after else 1, kind)


def _epithets(words: Sequence[str]) -> tuple[list[str], Sequence[str]]:
    """The epithets at the head of ``words``, with rank marks, and what comes after them."""
    found: list[str] = []
    for at, word in enumerate(words):
        mark = _MARKS.get(word)
        if mark and found and at + 1 < len(words) and _EPITHET.fullmatch(words[at + 1]):
            found.append(mark)
        elif _EPITHET.fullmatch(word) and len(word) > 1 and word not in _AUTHOR_PARTICLES:
            found.append(word)
        else:
            return found, words[at:]
    return found, ()


def make_parser(name: str) -> Parser:
    """The parser of that name.

    Raises:
        ConfigError: it is gnparser, and its library does not load here.
    """
    if name == "simple":
        return SimpleParser()
    if name != "gnparser":
        raise ConfigError(f"[names] parser: there is no parser '{name}'; use 'gnparser' or 'simple'")
    from .gnparser import GNParser

    return GNParser()
