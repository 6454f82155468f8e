"""Labels as text: what is around a name is taken off, and the name gets the capitals that it should have.

Both parsers get their names from here, so that a label means the same to both.
"""

import html
import re
import unicodedata

from ...core.known_names import is_english
from .letters import LATIN, LOWER, UPPER, capitalised
from .parsed_name import EPITHET_MARKS

# What is in pointed brackets is a tag, unless it is a name of two words.
_TAG = re.compile(r"<(?![A-Z][a-z]+ [a-z]{3,}>)[^<>]*>|[<>]")
# Control characters, zero-width characters and the Unicode separators all count as one space.
_SPACE = re.compile(r"[\s\x00-\x1f\x7f\u200b-\u200f\u2028-\u202f\u2060\ufeff]+")
_SOFT_HYPHEN = "\u00ad"

# Most labels: no markup, no entity, no space at the ends or before a bracket.
_CLEAN = re.compile(r"[A-Za-z](?:[A-Za-z0-9.,'-]|\((?! )| (?!\)|$)|\))*")

_DOUBLE_QUOTES = '"“”„«»'
_SINGLE_QUOTES = "'‘’`´‚‹›"
_PAIRS = {"(": ")", "[": "]", "{": "}"}
# Numbers, bullets, daggers of fossils and marks of emphasis before a name.
_BEFORE = re.compile(rf"^(?:[\s•·*†‡#>~=|.,;:/\\–—-]|\d+[\s.):/-]+(?=[{LATIN}×+?*†'\"]))+")
_BEHIND = re.compile(r"(?:[\s,;:!*†‡#~=|/\\<>–—…-]|(?<=[\"'”’»)\]}])\.)+$")
_FIRST_IN_BRACKETS = re.compile(rf"^[(\[]([{UPPER}][{LOWER}]+)[)\]] (?=[{LOWER}])")
_LAST_DOT = re.compile(rf"(?<![{UPPER}])(?<=[{LOWER}]{{3}})\.+$")
_DOTS = re.compile(r"\.{2,}$")
_DOUBT = re.compile(r"\s*(?:\(\s*\?+\s*\)|\[\s*\?+\s*\]|(?<![\d?])[?¿]+)\s*")
_DAGGER = re.compile(r"\s*[†‡]+\s*")
_CULTIVAR = re.compile(r"(?<=\s)(?:'[^']*'|‘[^’']*[’']|\"[^\"]*\"|“[^”\"]*[”\"]|„[^“”]*[“”]|`[^'´`]*['´`])(?!\w)")
_CULTIVAR_MARK = re.compile(r"\s+(?:cv\.?|cultivar|hort\.|grex|gx)(?=[\s'\"‘“]|$).*$")
_GROUP = re.compile(r"\s+(?:[A-Z][\w'-]*\s+){1,3}(?:Group|Grex|grex|Gp)\b\.?.*$")
_TRADE_MARK = re.compile(r"\s+\S*[®™©].*$")
_BRACKETED = re.compile(r"\s*[(\[{]([^()\[\]{}]*)[)\]}]")
_OPENED = re.compile(r"\s*[(\[{][^)\]}]*$")
_GLUED_BRACKET = re.compile(rf"(?<=[{LOWER}]{{2}})\((?=[{UPPER}])")
_FILE_ENDING = re.compile(r"(?<=\w)\.(?:jpe?g|png|tiff?|gif|webp|heic|bmp)$", re.IGNORECASE)
_HAS_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_NAME_IN_BRACKETS = re.compile(rf"^([^()\[\]]+?)\s*[(\[]((?:[×x+] ?)?[{UPPER}][{LOWER}-]+ [^()\[\]]+)[)\]]\.?$")
_BINOMIAL = re.compile(
    rf"(?:[×x+] ?)?[{UPPER}][{LOWER}-]+ (?!(?:et|and|ex|in|de|von|van|der|fil|filius)\b)[{LOWER}-]{{3,}}\b"
)
_PERCENT_SPACE = re.compile(r"%20|\+(?=[a-z])")


def clean_text(value: str) -> str:
    """Remove markup, entities and odd spacing. Never raises; cleaning twice changes nothing.

    >>> clean_text(" <i>Panthera&nbsp;leo</i>\\n(L.) ")
    'Panthera leo (L.)'
    """
    if _CLEAN.fullmatch(value) and "  " not in value and " ," not in value:
        return value
    # Each round undoes one level of escaping, as in &amp;lt;i&amp;gt;. The bound is for hostile input alone.
    for _ in range(8):
        unescaped = html.unescape(value).replace(_SOFT_HYPHEN, "")
        cleaned = unicodedata.normalize("NFC", _SPACE.sub(" ", _TAG.sub(" ", unescaped))).strip()
        cleaned = cleaned.replace(" ,", ",").replace("( ", "(").replace(" )", ")")
        if cleaned == value:
            return cleaned
        value = cleaned
    return _SPACE.sub(" ", value.replace("&", " ").replace("<", " ").replace(">", " ")).strip()


def tidy(text: str) -> str:
    """A clean text without what people write around a name: quotation marks, brackets, numbers, marks of doubt.

    >>> tidy('"Turdus_merula".'), tidy("[Turdus merula?]"), tidy("3. †Turdus merula;")
    ('Turdus merula', 'Turdus merula', 'Turdus merula')
    """
    text = _GLUED_BRACKET.sub(r" \g<0>", _FILE_ENDING.sub("", text.replace("_", " ")))
    if " " not in text:
        text = _PERCENT_SPACE.sub(" ", text)
    text = _DOTS.sub(".", text).replace("''", '"')
    for _ in range(4):
        before = text
        text = _FIRST_IN_BRACKETS.sub(r"\1 ", text)
        text = _DOUBT.sub(" ", _DAGGER.sub(" ", text)).strip()
        text = _unwrapped(_BEHIND.sub("", _BEFORE.sub("", text)))
        text = _SPACE.sub(" ", text).strip()
        last = text.rpartition(" ")[2].lower()
        if last not in EPITHET_MARKS:
            text = _LAST_DOT.sub("", text) if last not in _ABBREVIATIONS else text
        if text == before:
            break
    return text


# Words in lower case that end with a dot of their own.
_ABBREVIATIONS = frozenset(
    "spp. spec. subsp. indet. undet. agg. auct. hort. ined. lat. str. nud. nov. fil. emend. comb. nom. coll."
    " aggr.".split()
)


def _unwrapped(text: str) -> str:
    """A text without the quotation marks or brackets that are around all of it."""
    while len(text) > 1:
        first, last, inner = text[0], text[-1], text[1:-1]
        quoted = first in _DOUBLE_QUOTES + _SINGLE_QUOTES and last in _DOUBLE_QUOTES + _SINGLE_QUOTES
        # 'Rosa 'Peace'' is a name in marks, and Rosa 'Peace' ends with a mark of its cultivar.
        bracketed = _PAIRS.get(first) == last and _is_balanced(inner, first, last)
        if not quoted and not bracketed:
            break
        text = inner.strip()
    quotes = set(_DOUBLE_QUOTES + _SINGLE_QUOTES)
    if text and text[0] in quotes and not set(text[1:]) & quotes:
        text = text[1:].strip()
    if text and text[-1] in quotes and not set(text[:-1]) & quotes:
        text = text[:-1].strip()
    return text


def _is_balanced(text: str, opening: str, closing: str) -> bool:
    """Whether every closing bracket in a text has an opening one before it, and the other way round."""
    depth = 0
    for letter in text:
        depth += (letter == opening) - (letter == closing)
        if depth < 0:
            return False
    return depth == 0


def without_cultivar(text: str) -> str:
    """A name without the cultivar, group or grex behind it.

    >>> without_cultivar("Acer palmatum 'Bloodgood'"), without_cultivar("Brassica oleracea Capitata Group")
    ('Acer palmatum', 'Brassica oleracea')
    """
    head, _, tail = text.partition(" ")
    tail = " " + tail
    if set(tail) & set(_DOUBLE_QUOTES + _SINGLE_QUOTES):
        tail = _CULTIVAR.sub(" ", tail)
    tail = _TRADE_MARK.sub("", _CULTIVAR_MARK.sub("", _GROUP.sub("", tail)))
    return " ".join((head + tail).replace('"', " ").replace("“", " ").replace("”", " ").split())


# What a collection or a photographer says it is of the species that follows.
_OF_SPECIMEN = re.compile(
    r"^(?:(?:an?|the)\s+)?(?:holo|para|lecto|syn|neo|iso|allo|topo)types?\s*(?:of\s+|:\s*)?(?=\S)"
    r"|^(?:(?:an?|the)\s+)?(?:photo(?:graph)?|image|picture|drawing|video|specimens?|type|male|female|adult|juvenile|larvae?"
    r"|pupae?|nymph|egg|nest|skull|skeleton|shell|cast|fossil|leaf|leaves|flowers?|fruits?|seeds?|skin|feathers?|tracks?"
    r"|scat)\s+of\s+(?:(?:an?|the)\s+)?(?=\S)",
    re.IGNORECASE,
)


def without_specimen(text: str) -> str:
    """A name without the words before it that say what of it there is.

    >>> without_specimen("Holotype of Xylotrupes gideon"), without_specimen("photo of a Turdus merula")
    ('Xylotrupes gideon', 'Turdus merula')
    """
    return _OF_SPECIMEN.sub("", text)


def without_remarks(text: str) -> str:
    """A name without remarks in brackets: of two names, the one in Latin; authors and subgenera stay.

    >>> without_remarks("Turdus merula (Common blackbird)"), without_remarks("Blackbird (Turdus merula)")
    ('Turdus merula', 'Turdus merula')
    >>> without_remarks("Turdus merula (male)"), without_remarks("Aedes (Stegomyia) aegypti (Linnaeus, 1762)")
    ('Turdus merula', 'Aedes (Stegomyia) aegypti (Linnaeus, 1762)')
    """
    if "(" not in text and "[" not in text and "{" not in text:
        return text
    if match := _NAME_IN_BRACKETS.match(text):
        outer, inner = match.groups()
        if _BINOMIAL.match(inner) and not _is_name(outer) and not is_english(inner.split()[0]):
            return inner
    text = _BRACKETED.sub(_kept, text)
    return " ".join(text.split())


def _is_name(text: str) -> bool:
    return bool(_BINOMIAL.match(text)) and not is_english(text.split()[0])


def _kept(match: re.Match[str]) -> str:
    """A bracket with its space, if an author, a year or a subgenus is in it; else nothing."""
    inner = match[1].strip()
    words = inner.split()
    if match.start() == 0:
        return match[0]
    if words[:1] and words[0] in {"or", "oder", "ou", "vel"}:  # a second name
        return f" {inner}"
    if _HAS_YEAR.search(inner) or re.match(r"1[5-9]\d\?|20\d\?", inner):
        return f" ({_as_author(inner)})" if match[0].lstrip()[0] == "(" else match[0]
    lower_subgenus = len(words) == 1 and inner.islower() and len(inner) > 3 and not is_english(inner)
    first_gap = " " not in match.string[: match.start()].strip()
    if lower_subgenus and first_gap and _follows_epithet(match):
        return f" ({capitalised(inner)})"
    if not inner[:1].isupper() or any(map(is_english, words)):
        return " "
    if first_gap and len(words) == 1 and match[0].lstrip()[0] == "[":
        return f" ({inner})"
    return match[0]


def _follows_epithet(match: re.Match[str]) -> bool:
    return bool(re.match(rf"\s+[{LOWER}-]{{3,}}", match.string[match.end() :]))


def _as_author(text: str) -> str:
    """An author in brackets, in lower case or capitals, with the usual capitals."""
    return " ".join(
        word.capitalize() if word.isalpha() and len(word) > 3 and word.islower() else word for word in text.split()
    )
