"""Scientific names as text: cleaning them, and splitting them into genus, epithets and author.

Names that are plainly ``Genus epithet`` are split here. All others go to the parser that the configuration names:
see :mod:`treeoflife.taxonomy.parsers`.
"""

import html
import re
import unicodedata
from typing import NamedTuple, Protocol

from ..core.unknown_words import is_unknown

_TAG = re.compile(r"<[^<>]*>|[<>]")
# Control characters, zero-width characters and the Unicode separators all count as one space.
_SPACE = re.compile(r"[\s\x00-\x1f\x7f\u200b-\u200f\u2028-\u202f\u2060\ufeff]+")

# An epithet of fewer than three letters may be an author's particle or a mark (de, cf, f), which the parser must judge.
_REGULAR = re.compile(r"([A-Z][a-zë]+(?:-[a-z]+)?)(?: ([a-zë]{3,}(?:-[a-zë]+)*))?")
# Words in the position of an epithet that are marks, remarks or English.
_NOT_EPITHETS = frozenset(
    "spp ssp subsp var and the from species group complex indet nov gen undet cultivar hybrid near".split()
)
_VIRAL = re.compile(r"\b\w*(?:virus|viruses|viroid|phage|satellite|virinae|viridae|prion|npv)\b", re.IGNORECASE)
# Marks of open nomenclature (Sigovini et al. 2016, doi:10.1111/2041-210X.12594) and BOLD's barcode clusters.
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


class ParsedName(NamedTuple):
    """The parts of a scientific name.

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
        """The name without its author."""
        return " ".join(filter(None, (self.genus, self.species, self.infraspecific)))


class Parser(Protocol):
    """Splits scientific names into their parts."""

    name: str

    def parse(self, name: str) -> ParsedName:
        """Split one name that is already free of markup."""


def clean_text(value: str) -> str:
    """Remove markup, entities and odd spacing. Never raises; cleaning twice changes nothing.

    >>> clean_text(" <i>Panthera&nbsp;leo</i>\\n(L.) ")
    'Panthera leo (L.)'
    """
    # Each round undoes one level of escaping, as in &amp;lt;i&amp;gt;. The bound is for hostile input alone.
    for _ in range(8):
        cleaned = unicodedata.normalize("NFC", _SPACE.sub(" ", _TAG.sub(" ", html.unescape(value)))).strip()
        cleaned = cleaned.replace(" ,", ",").replace("( ", "(").replace(" )", ")")
        if cleaned == value:
            return cleaned
        value = cleaned
    return _SPACE.sub(" ", value.replace("&", " ").replace("<", " ").replace(">", " ")).strip()


def capitalised(value: str) -> str:
    """The name of a genus or higher rank with its first letter in upper case; a word in capitals is lowered first.

    >>> capitalised("FELIDAE"), capitalised("× cupressocyparis")
    ('Felidae', '× Cupressocyparis')
    """
    if value.isupper() and value.isalpha() and len(value) > 1:
        value = value.lower()
    first = next((index for index, letter in enumerate(value) if letter.isalpha()), len(value))
    return value[:first] + value[first : first + 1].upper() + value[first + 1 :]


def parse(name: str, parser: Parser) -> ParsedName:
    """Split a name as a provider wrote it: with markup, authors or remarks. Never raises.

    >>> from treeoflife.taxonomy.simple import SimpleParser
    >>> parse("<i>Panthera leo</i> (Linnaeus, 1758)", SimpleParser()).canonical
    'Panthera leo'
    """
    text = clean_text(name)
    if is_unknown(text) or not any(letter.isalpha() for letter in text):
        return ParsedName()
    # Viruses are named in their authors' own case, such as dsDNA or SARS.
    if not _VIRAL.search(text):
        text = capitalised(text)
        text = capitalised(text.lower()) if text.isupper() and text.replace(" ", "").isalpha() else text
    return split_regular(text) or _reparse(parser.parse(text), parser)


def _reparse(parsed: ParsedName, parser: Parser) -> ParsedName:
    """``parsed`` once parsing its own canonical form returns the same parts; nothing if that never happens.

    Names are written to files and read again. Without this step, a name such as ``¼ A`` would change each time.
    """
    for _ in range(4):
        if not any(letter.isalpha() for letter in parsed.canonical):
            return ParsedName()
        again = split_regular(parsed.canonical) or parser.parse(parsed.canonical)
        if again[:3] == parsed[:3]:
            return parsed
        parsed = again._replace(authorship=parsed.authorship, quality=max(parsed.quality, again.quality))
    return ParsedName()


def split_regular(text: str) -> ParsedName | None:
    """The parts of a name that is plainly one or two Latin words; None for any other."""
    match = _REGULAR.fullmatch(text)
    if not match or match[2] in _NOT_EPITHETS or _VIRAL.search(text) or match[1] == "Candidatus":
        return None
    return ParsedName(match[1], match[2] or "", quality=1, kind="species" if match[2] else "uninomial")


def split_special(text: str) -> ParsedName | None:
    """The parts of a name that no parser may shorten: a virus, or a placeholder such as ``Aedes sp. BOLD:AAA1234``."""
    if _VIRAL.search(text):
        return split_virus(text)
    return split_placeholder(text) if _OPEN.search(text) else None


def split_virus(text: str) -> ParsedName:
    """A virus' name without author and year, unsplit: as the species, or as the genus if it is one word."""
    words = [word for word in _CITED.sub(" ", _CITATION.sub(" ", text)).split() if not _YEAR.search(word)]
    if len(words) == 1:
        return ParsedName(genus=capitalised(words[0]), quality=1, kind="virus")
    return ParsedName(species=" ".join(words), quality=1, kind="virus")


def split_placeholder(text: str) -> ParsedName | None:
    """A name in open nomenclature: its genus, and what takes the place of the epithet. None if it has no genus."""
    genus, _, tail = text.partition(" ")
    if not genus[:1].isupper() or not GENUS.fullmatch(genus):
        return None
    if _OPEN.fullmatch(genus):
        return ParsedName()
    first, _, rest = tail.partition(" ")
    if EPITHET.fullmatch(first) and not _OPEN.match(tail):
        return ParsedName(genus, first, _marks_and_codes(rest), quality=4, kind="placeholder")
    species = _marks_and_codes(tail)
    return ParsedName(genus, species, quality=4, kind="placeholder" if species else "uninomial")


def _marks_and_codes(tail: str) -> str:
    """The marks, codes and epithets of a placeholder, up to the first author or year."""
    kept: list[str] = []
    for word in tail.split():
        code = any(letter.isdigit() for letter in word) and not _YEAR.search(word)
        mark = bool(_OPEN.fullmatch(word)) or word.lower() in {"n.", "sp.", "sp", "cf.", "aff.", "nr."}
        if not (code or mark or (EPITHET.fullmatch(word) and word not in AUTHOR_PARTICLES)):
            break
        kept.append(word.strip(",;"))
    return " ".join(kept)
