"""From a label as people write it to the parts of a name: the one function for every way in.

Names that are plainly ``Genus epithet`` are split here. Of all others, what is around the name is taken off
(:mod:`~treeoflife.taxonomy.parsing.label_text`), and viruses, hybrids and placeholders are split by rules of their own,
the same for every parser. What remains is a name in Latin words, with or without an author, and goes to the parser that
the configuration names: see :mod:`treeoflife.taxonomy.parsing.parsers`.
"""

import re
from abc import ABC, abstractmethod

from ...core.known_names import is_common_name, is_english, ranks_of
from ...core.unknown_words import UNKNOWN, is_unknown
from .capitals import with_usual_capitals
from .higher_taxa import names_several_taxa, without_higher_taxa
from .hybrids import split_hybrid
from .kingdoms import kingdom_of
from .label_text import clean_text, tidy, without_cultivar, without_remarks, without_specimen
from .letters import LATIN, capitalised
from .open_names import is_abbreviated, split_placeholder, split_rank_word, split_several, split_subgenus, without_notes
from .parsed_name import EPITHET_MARKS, NOT_EPITHETS, RANK_OF_MARK, ParsedName, Parser, rank_below_species
from .viruses import is_viral, split_virus

__all__ = ["LabelParser", "ParsedName", "Parser", "capitalised", "clean_text", "parse", "parse_columns"]

# An epithet of fewer than three letters may be an author's particle or a mark (de, cf, f), which the parser must judge.
# A diaeresis is on the second of two vowels; others are transcribed by the parser.
_LETTERS = "(?:[a-z]|(?<=[aeiouy])ë)"
_REGULAR = re.compile(rf"([A-Z]{_LETTERS}+(?:-[a-z]+)?)(?: ({_LETTERS}{{3,}}(?:-{_LETTERS}+)*))?")
# No sign of a hybrid, a cultivar, a second name or a remark.
_CITED = re.compile(rf"([A-Z]{_LETTERS}+) ({_LETTERS}{{3,}}(?:-{_LETTERS}+)*) (\(?[A-Z][{LATIN}0-9.,'()& -]*)")
_IN_CITATIONS = frozenset("& et and ex in de du di da la le von van der den des f. fil. al.".split())
_NO_BRACKETS = str.maketrans("()", "  ")
_LETTER = re.compile(f"[{LATIN}]")
# The mark v. is that of a variety before an epithet, and the particle von before an author.
_V_MARK = re.compile(r"(?<=[a-z]) v\. (?=[a-z]{3,}\b)")
_SPECIAL_FORM = re.compile(r" f\. ?sp\. (?=[a-z])")
_GROUP_OF = re.compile(r"(?<=[a-z]{3})-(?=(?:group|complex|aggregate)\b)")
_ASIDE = re.compile(r"\s+(?:[(\[]|[-–—]\s)")
_KLEPTON = re.compile(r" kl\.? (?=[a-z]{3})")
_NOT_FOUND = re.compile(r"\s+(?:not\s|incertae sedis\b).*$")
_UNNAMED_BEHIND = re.compile(r"\s+(?:spp?|spec|species|indet)\.?$", re.IGNORECASE)
# A higher name, behind which no epithet can stand.
_HIGHER = re.compile(r"[a-z]{2}(?:idae|inae|oidea|aceae|ales|formes|ptera)$")
# A cultivar alone, as 'Peace'; an epithet in quotation marks has no capital.
_CULTIVAR = re.compile("['‘][A-Z][^'’]*['’]")
_QUOTES = re.compile("[\"'“”‘’]")
_CANDIDATUS = re.compile(r"^[\"'“”‘’]?(?:candidatus|ca\.)\s+[\"'“”‘’]?(?=[A-Z])|^candidatus\s+", re.IGNORECASE)


def parse(name: str, parser: Parser) -> ParsedName:
    """Split a label as people wrote it: with markup, authors or remarks, in any case, a hybrid or a placeholder.

    A label that names nothing, such as ``unknown``, ``Common blackbird`` or ``T. merula``, has no parts. Parsing the
    canonical form of the result gives the same parts again. Never raises.

    >>> from treeoflife.taxonomy.parsing.simple import SimpleParser
    >>> parse("<i>Panthera leo</i> (Linnaeus, 1758)", SimpleParser()).canonical
    'Panthera leo'
    >>> labels = ("TURDUS MERULA", "Rosa x rosacea", "Turdus spp.", "Red fox")
    >>> [parse(label, SimpleParser()).canonical for label in labels]
    ['Turdus merula', 'Rosa × rosacea', 'Turdus', '']
    """
    text = clean_text(name)
    if cited := _split_cited(text, parser):
        return cited
    if is_unknown(text):
        return ParsedName()
    text = tidy(text)
    if is_unknown(text) or not _LETTER.search(text):
        return ParsedName()
    return split_regular(text) or _stable(_split(text, parser), parser)


def _split_cited(text: str, parser: Parser) -> ParsedName | None:
    """The parts of a plain name of a species with its author, to which no other rule applies; None for any other text.

    Most labels that are not plainly two words are such, and the rules take twice as long as the parser.
    """
    match = _CITED.fullmatch(text)
    if not match or not split_regular(f"{match[1]} {match[2]}") or is_viral(text):
        return None
    author = match[3].translate(_NO_BRACKETS).split()
    if not all(word[:1].isupper() or word.isdigit() or word.rstrip(",") in _IN_CITATIONS for word in author):
        return None
    if is_english(author[-1]) or len(author[0]) < 2:
        return None
    parsed = _by_parser(text, parser)
    return parsed if parsed[:3] == (match[1], match[2], "") else None


def _stable(parsed: ParsedName, parser: Parser) -> ParsedName:
    """``parsed`` once parsing its own canonical form returns the same parts; nothing if that never happens.

    Names are written to files and read again. Without this step, a name such as ``¼ A`` would change each time.
    """
    for _ in range(4):
        if not _LETTER.search(parsed.canonical):
            return ParsedName()
        again = _again(parsed.canonical, parser)
        if again[:3] == parsed[:3]:
            return parsed
        parsed = again._replace(authorship=parsed.authorship, quality=max(parsed.quality, again.quality))
    return ParsedName()


def _again(text: str, parser: Parser) -> ParsedName:
    cleaned = tidy(clean_text(text))
    if is_unknown(text) or is_unknown(cleaned):
        return ParsedName()
    return split_regular(cleaned) or _split(cleaned, parser)


def split_regular(text: str) -> ParsedName | None:
    """The parts of a name that is plainly one or two Latin words; None for any other."""
    match = _REGULAR.fullmatch(text)
    if (
        not match
        or (match[2] or "").rpartition("-")[2] in NOT_EPITHETS
        or match[2] in UNKNOWN
        or is_viral(text)
        or match[1] == "Candidatus"
    ):
        return None
    if kingdom_of(match[1]) is not None or is_common_name(text.split()) or is_unknown(match[1]):
        return None
    kind = "species" if match[2] else "uninomial"
    return ParsedName(match[1], match[2] or "", quality=1, kind=kind, rank="species" if match[2] else "")


def _split(text: str, parser: Parser) -> ParsedName:
    """The parts of a tidy text that is no regular name."""
    if match := _CANDIDATUS.match(text):
        return _candidatus(_QUOTES.sub("", text[match.end() :]).strip(), parser)
    if text == "Candidatus":
        return ParsedName()
    rank, text = split_rank_word(without_specimen(text))
    if (kingdom := kingdom_of(_UNNAMED_BEHIND.sub("", text))) is not None:
        return ParsedName(kingdom, quality=2, kind="uninomial", rank="kingdom") if kingdom else ParsedName()
    if is_viral(_without_asides(text)) and not _is_bird(text):
        return split_virus(text)
    text = without_remarks(text)
    if names_several_taxa(text):
        return ParsedName()
    parsed = _split_latin(without_higher_taxa(text), parser)
    return parsed._replace(rank=rank) if rank and not parsed.species else parsed


def _without_asides(text: str) -> str:
    """A name of a known genus without what is in brackets or behind a dash: a common name, or a virus that it carries.

    >>> _without_asides("Pachyptila vittata (broad-billed prion)"), _without_asides("Influenza A virus (H5N1)")
    ('Pachyptila vittata', 'Influenza A virus (H5N1)')
    """
    name = _ASIDE.split(text, maxsplit=1)[0]
    return name if " " in name and "genus" in ranks_of(name.partition(" ")[0]) else text


def _is_bird(text: str) -> bool:
    """Prions are birds, too: the broad-billed prion."""
    return text.lower().endswith("prion") and is_common_name(text.split())


def _candidatus(name: str, parser: Parser) -> ParsedName:
    parsed = _split_latin(name, parser)
    if not parsed.genus:
        return parsed
    return parsed._replace(genus=f"Candidatus {parsed.genus}", kind="candidatus")


def _split_latin(text: str, parser: Parser) -> ParsedName:
    """The parts of a name that is no virus: of one or several taxa, in English, a hybrid or a placeholder."""
    first, _, rest = text.partition(" ")
    if is_unknown(first) and rest[:1].isupper():  # what is named behind it is known, as in unidentified Rosaceae
        return _split_latin(rest, parser)
    text = with_usual_capitals(without_cultivar(text))

    def split(one: str) -> ParsedName:
        return _split_one(one, parser)

    found = split_several(text, split)
    if found is None:
        found = split_hybrid(text, split)
    return split(text) if found is None else found


def _split_one(text: str, parser: Parser) -> ParsedName:
    """The parts of the name of one taxon."""
    text = tidy(text)
    if not text or is_unknown(text):
        return ParsedName()
    text = capitalised(text)
    if is_abbreviated(text):
        return ParsedName()
    words = _latin_words(text)
    if is_common_name(words):
        # Carabidae beetle: a higher name cannot have an epithet.
        return ParsedName(words[0], quality=4, kind="uninomial") if _HIGHER.search(words[0]) else ParsedName()
    rank, text = split_subgenus(without_notes(_NOT_FOUND.sub("", _usual_marks(text))))
    parsed = split_placeholder(text) or split_regular(text) or _by_parser(text, parser)
    return parsed._replace(rank=rank) if rank and not parsed.species else parsed


def _usual_marks(text: str) -> str:
    """A name with those marks that have a second meaning written out, and without the mark of kleptons."""
    text = _GROUP_OF.sub(" ", text)
    return _KLEPTON.sub(" ", _SPECIAL_FORM.sub(" f.sp. ", _V_MARK.sub(" var. ", text)))


def _by_parser(text: str, parser: Parser) -> ParsedName:
    name, form, special = text.partition(" f.sp. ")
    parsed = parser.parse(name)
    if form and parsed.species:
        parsed = parsed._replace(infraspecific=f"f.sp. {special.partition(' ')[0]}")
    if not parsed.genus or not _LETTER.match(parsed.genus) or is_unknown(parsed.genus):
        return ParsedName()
    below = _without_english(parsed.infraspecific)
    rank = rank_below_species(below) if parsed.species else ""
    return parsed._replace(infraspecific=below, rank=rank)


def _without_english(infraspecific: str) -> str:
    """What is below the species, up to the first word that is English."""
    kept: list[str] = []
    for word in infraspecific.split():
        if word in {"or", "and", "of"} or (is_english(word) and not (kept and kept[-1] in RANK_OF_MARK)):
            break
        kept.append(word)
    while kept and kept[-1] in EPITHET_MARKS:
        kept.pop()
    return " ".join(kept)


def _latin_words(text: str) -> list[str]:
    return [word for word in text.split() if word not in {"×", "x", "+"}]


def parse_columns(genus: str, species: str, parser: Parser) -> ParsedName:
    """Split a genus and what a column beside it calls the species: an epithet, or a full name, with or without author.

    The parts are those of the same label in one column.

    >>> from treeoflife.taxonomy.parsing.simple import SimpleParser
    >>> [parse_columns("Rosa", text, SimpleParser())[:2] for text in ("× rosacea", "Rosa canina L.", "sp.")]
    [('Rosa', '× rosacea'), ('Rosa', 'canina'), ('Rosa', '')]
    """
    if is_unknown(clean_text(species)):
        return ParsedName(genus)
    text = clean_text(species)
    bare = genus.rpartition(" ")[2]
    if not genus or is_viral(text):
        return parse(species, parser)
    if bare in text:
        parsed = parse(species, parser)
        if parsed.genus.rpartition(" ")[2] == bare:
            return parsed
    text = "" if _CULTIVAR.fullmatch(text) else tidy(text)
    if not text or is_unknown(text):
        return ParsedName(genus)
    return parse(_composed(genus, text), parser)


def _composed(genus: str, species: str) -> str:
    """The full name of a species: with the genus before it, unless it is written there already."""
    head, _, tail = species.partition(" ")
    bare = genus.rpartition(" ")[2]
    if _CANDIDATUS.match(species):
        return species
    if _same_genus(head, bare) and not head.endswith("."):
        return species if bare == genus else f"{genus} {tail}"
    unsigned = species.lstrip("×+xX ")
    if species[:1] in "×+xX" and _same_genus(unsigned.partition(" ")[0], bare):
        return f"× {bare} {unsigned.partition(' ')[2]}".strip()
    if _same_genus(head, bare):
        return f"{genus} {tail}"
    if species.isupper() and head.isalpha() and len(head) > 2:
        return f"{genus.upper()} {species}"
    if head[:1].isupper() and tail[:1].islower() and not head.isupper():
        return species
    return f"{genus} {head.lower() if head.isalpha() and head[:1].isupper() and len(head) > 2 else head} {tail}".strip()


def _same_genus(word: str, genus: str) -> bool:
    """Whether a word is the genus, in any case, or its abbreviation."""
    if word.endswith(".") and len(word) < 5 and (len(word) == 2 or word[0].isupper()):
        return genus.lower().startswith(word.rstrip(".").lower())
    return word.lower() == genus.lower()


class LabelParser(ABC):
    """What every parser of names does with labels: the rules for them come first, and its own for names in Latin."""

    name: str

    @abstractmethod
    def parse(self, name: str) -> ParsedName:
        """Split one name in Latin words; see :class:`~treeoflife.taxonomy.parsing.parsed_name.Parser`."""

    def read(self, label: str) -> ParsedName:
        """:func:`parse` of a label."""
        return parse(label, self)

    def read_columns(self, genus: str, species: str) -> ParsedName:
        """:func:`parse_columns` of a genus and a species."""
        return parse_columns(genus, species, self)
