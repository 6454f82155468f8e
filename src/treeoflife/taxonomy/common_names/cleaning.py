"""Cleaning a common name: what is no name is dropped, what is turned round or joined is put right.

Everything else stays as its authority writes it, capitals too: iNaturalist has Title Case, ITIS both, EOL lower case. A
name in capitals alone is the only exception.
"""

import re

from ...core.unknown_words import is_unknown
from ...core.values import RANKS
from ..parsing.label_text import clean_text
from .words import SHORT_NAMES, describes

ENGLISH = "en"
_EDGES = '"“”*_;, '
_END_MARKS = f"{_EDGES}.:?!…"
# Nothing but words in plain spelling: by far the most names. They are looked at no further, unless one of the words is
# among those below or they look like a binomial.
_PLAIN = re.compile(r"[^\W\d_]?[^\W\d_A-Z]+(?:['’]s?)?(?:[ -][^\W\d_]?[^\W\d_A-Z]+(?:['’]s?)?){0,7}")
_LIKE_BINOMIAL = re.compile(r"[A-Z][a-z]+ [a-z]+")
_TELLING_WORDS = frozenset(
    """
    a an be no not none without lacking lacks unknown unnamed undescribed unidentified undetermined unspecified or
    aka is are was were has have had which that found name names available known family order class tribe genus
    phylum kingdom
    """.split()
)

_NAME = r"(?:(?:known|accepted|common|english|vernacular|local|official|popular|standard|specific)\s)*(?:names?)?"
_NO_NAME = re.compile(
    rf"(?:{_NAME}\s*:?\s*(?:is |are )?)?(?:no|not|none|without|lacking|lacks)\b(?: an?)?\s*{_NAME}"
    r"(?:\s*(?:available|known|given|recorded|applicable|assigned|listed|specified|found|provided|determined"
    r"|identified|exists?|entered|set|yet|so far|in english))*"
    r"|(?:common|english|vernacular)? ?names?|to be (?:determined|named|confirmed)",
    re.IGNORECASE,
)
_UNNAMED = re.compile(
    r"(?:an? )?(?:unknown|unnamed|undescribed|unidentified|undetermined|unspecified)\b|spp?\.?$", re.IGNORECASE
)
_DESCRIPTION = re.compile(
    r"^an? |\b(?:is|are|was|were|has|have|had|which|that|found)\b|[a-z]{4,}\. [A-Z]|^(?:\S+ ){8}", re.IGNORECASE
)
_RANK_WORD = re.compile(
    r"(?:\b(?:sub|super)?(family|order|class|tribe|genus|phylum|kingdom)|^(family) .*)$", re.IGNORECASE
)

# Letters and digits that stand for a name: the four letters of bird banders, numbers of specimens, of strains.
_CODE = re.compile(r"[A-Z]{2}[A-Z]{0,2}|(?=.*\d)[A-Z\d][A-Z\d .-]*|[A-Za-z]+-?\d\w*")

# Endings of Latin epithets that English words seldom have; so not those of hibiscus, plum and magnolia.
_LATIN = (
    "ensis|oides|alis|aris|ata|atus|atum|osa|osus|osum|inus|inum|anus|anum|icus|icum|ii|ae|ifera|iformis|escens|icola|odes"
    "|ans"
)
_AUTHORED = re.compile(r"[A-Z][a-z]+ .*\b(?:1[7-9]|20)\d\d\)?")
_ABBREVIATED = re.compile(r"[A-Z]\. ?[a-z-]{3,}")
_OTHER_BINOMIAL = re.compile(rf"[A-Z][a-z]+(?:us|um|is|ys|ops|yx|ix|ax|es|ia|ana|ella|odes|oides) [a-z]+(?:{_LATIN})")
_EPITHET = re.compile(rf"[a-z-]+(?:{_LATIN}|us|um|is|os|a|i)")

_ALTERNATIVES = re.compile(r" ?[;|=] ?| / | (?:aka|a\.k\.a\.|also known as|also called) ")
_SLASH = re.compile(r"/(?=\S)")
_OR = re.compile(r",? or ")
_AND = re.compile(r"(?:^|\s)(?:and|&) ")
_BRACKETED = re.compile(r"(?P<name>[^()]*?)(?P<bracket> ?\([^()]*\))?")
_SMALL_WORDS = frozenset("a al and da de del des di do du el in la le of on or the to von with y".split())
_ONE_DOT = re.compile(r"[^\W\d_]\.$")


def clean_common(value: str, name: str = "", name_rank: str = "species", language: str = ENGLISH) -> str:
    """A common name as captions can use it; empty if it is none.

    Args:
        value: the name as its authority writes it.
        name: the scientific name of the taxon, which is no common name, nor a part of one.
        name_rank: the rank of the taxon. "carrot family" is the name of a family, and of no species.
        language: the code of its language. Names are turned round, and descriptions known, in English alone.

    >>> clean_common(" <b>Lion</b> "), clean_common("?"), clean_common("Frog, Common or European")
    ('Lion', '', 'Common Frog')
    >>> clean_common("Turdus merula (blackbird)", "Turdus merula"), clean_common("COOPER'S HAWK"), clean_common("AMRO")
    ('blackbird', "Cooper's Hawk", '')
    """
    is_plain = _PLAIN.fullmatch(value) and _TELLING_WORDS.isdisjoint(value.lower().split(" "))
    if is_plain and not (_LIKE_BINOMIAL.fullmatch(value) or is_unknown(value) or _names_taxon(value, name)):
        return value
    text = clean_text(value)
    if is_unknown(text):  # before it is trimmed: a spreadsheet's #NAME? is no name
        return ""
    text = _trimmed(text)
    # One dot stays at the end: it may be that of an abbreviation, and captions leave it out.
    body = text.removesuffix(".")
    cleaned = _cleaned(body, name, name_rank, english=language == ENGLISH)
    return text if cleaned == body else cleaned


def _cleaned(text: str, name: str, name_rank: str, *, english: bool) -> str:
    """A common name that has no markup, and no punctuation around it, cleaned of what remains."""
    if is_unknown(text) or _NO_NAME.fullmatch(text) or _UNNAMED.match(text):
        return ""
    text = _without_scientific(text, name, name_rank)
    if _is_scientific(text, name):
        return ""
    text = _turned_round(_first_alternative(text, english=english), name_rank, english=english)
    text = _capitals_lowered(_trimmed(text))
    if is_unknown(text) or not any(map(str.isalpha, text)) or _is_scientific(text, name):
        return ""
    return "" if english and _says_something_else(text, name_rank) else text


def _trimmed(text: str) -> str:
    """The text without quotation marks and punctuation around it, but for one dot after its last word."""
    stripped = text.lstrip(f"{_EDGES}.:-–—").rstrip(_EDGES)
    return stripped if _ONE_DOT.search(stripped) else stripped.rstrip(_END_MARKS)


def _names_taxon(text: str, name: str) -> bool:
    """Whether the scientific name, or the genus of a species at the beginning, is a part of the text."""
    lowered, name = text.lower(), name.lower()
    return bool(name) and (name in lowered or (" " in name and lowered.startswith(name.partition(" ")[0] + " ")))


def _without_scientific(text: str, name: str, name_rank: str) -> str:
    """The text without the taxon's own binomial, which may come before it, after it, or in brackets."""
    if name_rank != "species" or not name or name.lower() not in text.lower():
        return text
    own = re.escape(name)
    text = re.sub(rf" ?[(\[]{own}[^)\]]*[)\]]|(?<=\w)[ ,:-]+{own}$", "", text, flags=re.IGNORECASE)
    if before := re.match(rf"{own}(?=\W)[\s:,–-]*", text, re.IGNORECASE):
        rest = text[before.end() :].strip("()[] ")
        # An author and a subspecies follow a binomial too. They have a capital, a mark, a number or a Latin ending.
        is_common = re.fullmatch(r"[^\W\dA-Z][^\dA-Z.]+", rest) and not _EPITHET.fullmatch(rest)
        return rest if is_common else ""
    return text


def _is_scientific(text: str, name: str) -> bool:
    """Whether the text is a scientific name, the taxon's own or another one."""
    genus, _, epithet = text.partition(" ")
    if text.lower() == name.lower() or _AUTHORED.fullmatch(text) or _ABBREVIATED.fullmatch(text):
        return True
    own_genus, _, own_epithet = name.lower().partition(" ")
    if own_epithet and genus.lower() == own_genus and _EPITHET.fullmatch(epithet):
        return True
    # "Eurasian lynx" is no scientific name, whatever the epithet of the lynx.
    return bool(_OTHER_BINOMIAL.fullmatch(text)) and epithet != own_genus and not describes(genus)


def _first_alternative(text: str, *, english: bool) -> str:
    """The first of several names. Those that have a word in common may write it once, as in "red or black oak"."""
    text = next((part for part in _ALTERNATIVES.split(text) if part.strip()), text)
    for separator in (_SLASH, _OR) if english else (_SLASH,):
        first, *others = separator.split(text)
        if "," in first and separator is _OR:
            return first  # such as "Frog, Common or European", which is still to be turned round
        words = others[0].split() if others else []
        # "Fergusson" of "Woodlark or Fergusson Island snake" cannot be known as a place, but three words are seldom all
        # of a name.
        shares_end = " " not in first and (len(words) > 2 or (len(words) > 1 and describes(first)))
        text = " ".join([first, *words[1:]]) if shares_end else first
    return text


def _turned_round(text: str, name_rank: str, *, english: bool) -> str:
    """A name in the order of an index as it is spoken, "Frog, Common" as "Common Frog"; or the first of several names.

    What follows the comma is put first if it describes. Otherwise it is another name, as in "Robin, Redbreast". A list
    that ends in "and" is one name, and above the genus all lists are.
    """
    name, *others = (part.strip() for part in text.split(","))
    if not others or not all(others):
        return text
    parts = [_BRACKETED.fullmatch(part) for part in others]
    described = [part["name"].strip() for part in parts if part]
    if english and name.count(" ") < 2 and len(described) == len(others) and all(map(describes, described)):
        bracket = "".join((part["bracket"] or "") for part in parts if part)
        first = " ".join(reversed(described))
        if first[0].islower() and name[0].isupper():  # "Frog, common" is a sentence's beginning, not a title's
            first, name = first[0].upper() + first[1:], name[0].lower() + name[1:]
        return f"{first} {name}{bracket}"
    is_list = name_rank not in {"species", "genus"} or _AND.search(others[-1])
    return text if is_list else name


def _capitals_lowered(text: str) -> str:
    """A name in capitals as titles are written, in the way of lists of birds: no capital after a hyphen."""
    is_code = _CODE.fullmatch(text) and text.lower() not in SHORT_NAMES
    if not text.isupper() or is_code or any(map(str.isdigit, text)):
        return text
    words = text.lower().split(" ")
    return " ".join(word if number and word in _SMALL_WORDS else word.capitalize() for number, word in enumerate(words))


def _says_something_else(text: str, name_rank: str) -> bool:
    """Whether an English text is a code, a description, or says of which family and the like a taxon is."""
    if _CODE.fullmatch(text) or _DESCRIPTION.search(text):
        return True
    rank_word = _RANK_WORD.search(text)
    ranks = (rank_word[1] or rank_word[2]).lower() if rank_word else name_rank
    return ranks != name_rank and (ranks in RANKS or ranks == "tribe")
