"""Licences: what a text says about one, and which images are left out because of theirs.

Providers write the same licence as an address, as a code, as a name in words, and in whole sentences:
:func:`normalise` gives each the name that TreeOfLife-200M's provenance has for it.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from ..core.database import Database
from ..core.values import NONE
from ..sources.base import Source
from ..sources.columns import is_of_eol
from ..sources.lists.listed import ListedImages

CC0, PUBLIC_DOMAIN = "cc-0-1.0", "cc-publicdomain"
NO_KNOWN_COPYRIGHT = "No known copyright restrictions"
ALL_RIGHTS_RESERVED, OTHER = "all-rights-reserved", "other"


class Licence(NamedTuple):
    """A licence: its name, empty if it is not known; and its address, empty if it has none."""

    slug: str
    link: str


_CC = "https://creativecommons.org"
_LINKS = {
    CC0: f"{_CC}/publicdomain/zero/1.0/",
    PUBLIC_DOMAIN: f"{_CC}/publicdomain/mark/1.0/",
}
_UNKNOWN = re.compile(
    r"|n/?a|nan|null|none|unknown|undefined|unspecified|-+|\?+|license unspecified"
    r"|(?:no licen[cs]e |licen[cs]e )?not (?:provided|specified|available|known|stated|given)|no licen[cs]e specified"
)
_URL = re.compile(r"(?:https?://|www\.|(?<![\w.])(?=(?:creativecommons|rightsstatements)\.org/))\S+")
_CC_PATH = re.compile(
    r"creativecommons\.org/(?:licen[cs]es?|l)/((?:by|nc|nd|sa)(?:[-_+./](?:by|nc|nd|sa))*)(?![a-z%-])(?:/(\d\.\d))?"
    r"(?:/(igo|scotland|[a-z]{2}(?![a-z.])))?"
)
_PUBLIC_PATHS = (
    (re.compile(r"creativecommons\.org/(?:publicdomain|licen[cs]es?|p)/(?:zero|cc0)"), CC0),
    (re.compile(r"creativecommons\.org/(?:publicdomain|licen[cs]es?|p)(?:/(?:mark|publicdomain)|/?$)"), PUBLIC_DOMAIN),
    (re.compile(r"creativecommons\.org/.{0,60}/cc0"), CC0),
    (re.compile(r"rightsstatements\.org/(?:vocab|page)/inc/"), ALL_RIGHTS_RESERVED),
    (re.compile(r"rightsstatements\.org/(?:vocab|page)/nkc/"), NO_KNOWN_COPYRIGHT),
)
_SPDX = re.compile(r"https?://(?:www\.)?spdx\.org/licenses/([\w.-]+?)(?:\.html|\.json)?(?=[\s,;)]|$)")
# All repetitions are bounded: a text of a thousand hyphens must not take minutes.
_GAP = r"[\s\-_.,;:/+&()]{0,4}"
_VERSION = rf"(?:{_GAP}(?:licen[cs]e\b)?{_GAP}v?(?:ers(?:ion)?)?\.?\s?(\d(?:[._]\d)?)(?!\d))?"
# The end of a code is the end of a word: "CC BY Sandra" is no CC BY-SA.
_CODE = re.compile(
    rf"(?<![a-z])cc{_GAP}((?:by|nc|nd|sa)(?:{_GAP}(?:by|nc|nd|sa))*)(?![a-z]){_VERSION}"
    rf"|(?<![a-z])(by(?:[-_/](?:nc|nd|sa))+)(?![a-z]){_VERSION}"
    rf"|creative\s?commons{_GAP}(by)(?![a-z])(?={_GAP}v?\d){_VERSION}"
)
_CC0_WORDS = re.compile(
    rf"(?<![a-z])cc{_GAP}(?:0|zero)(?![a-z1-9])|creative\s?commons\s*zero|public\s?domain\s*dedication"
)
_PUBLIC_WORDS = re.compile(
    rf"public[\s\-_]?domain|(?<![a-z])cc{_GAP}pd(?:m|dc)?(?![a-z])|(?<![a-z])pdm(?![a-z])|no rights reserved"
)
# The words of the elements in the languages in which providers write them.
_ELEMENT_WORDS = {
    "by": r"attribution|atribuci[oó]n|reconocimiento|atribui[cç][aã]o|paternit[eé]|attribuzione|namensnennung",
    "nc": r"non[\s-]?commercial(?:e|[\s-]?use)?|no[\s-]?comercial|n[aã]o[\s-]?comercial|pas d.utilisation commerciale"
    r"|nicht[\s-]?kommerziell|keine kommerzielle nutzung",
    "nd": r"no[\s-]?deriv(?:ative|s|atives)?(?:[\s-]?works?)?|sin[\s-]?(?:obra[\s-]?)?derivada|sem[\s-]?deriva[\wçõ]+"
    r"|pas de modification|non opere derivate|keine bearbeitungen?",
    "sa": r"share[\s-]?alike|compartir[\s-]?igual|compartilha[\s-]?igual|partage[\s-]?(?:dans les m[eê]mes conditions"
    r"|[àa] l.identique)|condividi[\s-]?allo stesso modo|weitergabe unter gleichen bedingungen",
}
_ELEMENT = "|".join(_ELEMENT_WORDS.values())
_WORDS = re.compile(
    rf"(creative\s?commons{_GAP}(?:licen[cs]e{_GAP})?)?((?:{_ELEMENT_WORDS['by']})(?:{_GAP}(?:{_ELEMENT}))*){_VERSION}"
)
_RESERVED = re.compile(
    r"all[ -]rights?[ -](?:are )?reserved|alle rechte vorbehalten|tous droits r[eé]serv[eé]s"
    r"|(?:todos los )?derechos reservados|todos os direitos reservados|tutti i diritti riservati"
)
_COPYRIGHT_ALONE = re.compile(r"(?:c|\(c\)|©|copyright(?:ed)?|in copyright)(?:\s?[\d\-]{1,9})?")
_NO_KNOWN = re.compile(r"no known (?:copyright )?restrictions?|no known copyright")
_DENIED = re.compile(
    r"(?<![a-z])(?:not|neither|except|without|no)\s(?:[a-z]{1,20}\s){0,4}?"
    r"(?:cc|creative\s?commons|public[\s\-_]?domain|all rights reserved)(?![a-z])"
)
# What a text has of an element that stands apart from the others, or is written as no pattern above has it.
_HINTS = {
    "nc": r"(?<![a-z])n\.?\s?c(?![a-z])|commerci|comerci|kommerzi|non[\s\-]?comm|non[\s\-]?profit",
    "nd": r"(?<![a-z])n\.?\s?d(?![a-z])|deriv|d[eé]riv|bearbeit|pas de modif",
    "sa": r"(?<![a-z])sa(?![a-z])|share[\s\-]*alike|(?:compartir|compartilha)[\s\-]*igual|condividi|weitergabe unter",
}
_RESTRICTED = re.compile(
    r"(?<![a-z])(?:does|do|is|are|was)(?:n.t|\snot)(?![a-z])|(?<![a-z])(?:never|non)[\s\-](?:[a-z]{1,20}\s){0,3}?"
    r"(?:cc|creative\s?commons|public[\s\-_]?domain)|(?<![a-z])(?:nicht|sin|senza|n.est pas|kein\w{0,2})\s"
    r"(?:cc|creative\s?commons)|(?<![a-z])only(?![a-z])|additional restriction|usage conditions|"
    r"(?:permission|copyright) (?:is )?required|in copyright elsewhere"
)
# What CC0's own text and GBIF's say of it.
_GENERIC = re.compile(r"even for commercial purposes|copy, modify, distribute[^.]{0,80}")
_FAMILIES = ("by", "by-nc", "by-nd", "by-sa", "by-nc-nd", "by-nc-sa", "nc", "nd", "sa", "nc-sa", "nc-nd")
_VERSIONS = ("1.0", "2.0", "2.1", "2.5", "3.0", "4.0")


class _Mention(NamedTuple):
    """A licence that a text names; without version or port where it names none."""

    family: str
    version: str = ""
    port: str = ""


def normalise(text: str) -> Licence:
    """What a text says about a licence.

    The name is that of a Creative Commons licence in small letters with its version, if the text has one, such as
    ``cc-by-nc-4.0`` or ``cc-by``; or ``cc-0-1.0``, ``cc-publicdomain``, ``No known copyright restrictions``,
    ``all-rights-reserved``; or ``other`` for any other licence, for a text that is not understood, and for one that
    names licences which contradict each other; a code, a name in words and an address of one licence do not. It is
    empty where the text says nothing.

    The address is that of the licence on creativecommons.org: of the version of a country, if the text has its address,
    and of version 4.0, if the text has no version.

    >>> normalise("http://www.creativecommons.org/licenses/by-nc/4.0/legalcode")
    Licence(slug='cc-by-nc-4.0', link='https://creativecommons.org/licenses/by-nc/4.0/')
    >>> normalise("© Jo, some rights reserved (CC BY-SA)").slug, normalise("CC0_1_0").slug, normalise("C").slug
    ('cc-by-sa', 'cc-0-1.0', 'all-rights-reserved')
    >>> normalise("CC BY 4.0 or CC BY-NC 4.0").slug, normalise("UNSPECIFIED").slug
    ('other', '')
    """
    plain = " ".join(unicodedata.normalize("NFKC", text).lower().translate(_DASHES).split()).strip(" .;,\"'")
    plain = _SPDX.sub(r" \1 ", plain)
    if _UNKNOWN.fullmatch(plain):
        return Licence("", "")
    if _DENIED.search(plain) and not _NO_KNOWN.search(plain):
        return Licence(OTHER, "")
    mention = _agreed({*_in_addresses(plain), *_in_words(_URL.sub(" ", plain))})
    if mention is None or _is_narrower(plain, mention.family):
        return Licence(OTHER, "")
    return _named(mention)


_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—−", "-"))


def _is_narrower(text: str, name: str) -> bool:
    """Whether a text forbids what the licence that it names allows, or speaks of something that is not in its name.

    In doubt it does: that CC BY allows commercial use hardly anybody writes beside it.
    """
    if name in (OTHER, ALL_RIGHTS_RESERVED):
        return False
    elements = name.split("-")
    words = _GENERIC.sub(" ", _URL.sub(" ", text))
    return bool(_RESTRICTED.search(words)) or any(
        one not in elements and re.search(hints, words) for one, hints in _HINTS.items()
    )


def _in_addresses(text: str) -> Iterator[_Mention]:
    for address in _URL.findall(text):
        for match in _CC_PATH.finditer(address):  # several where only a sign stands between them
            yield _Mention(_family(re.split(r"[-_+./]", match[1])), match[2] or "", match[3] or "")
        yield from (_Mention(slug) for pattern, slug in _PUBLIC_PATHS if pattern.search(address.rstrip("/.,;)")))


def _in_words(text: str) -> Iterator[_Mention]:
    for match in _CODE.finditer(text):
        elements = re.findall("by|nc|nd|sa", match[1] or match[3] or match[5])
        yield _Mention(_family(elements), _version(match[2] or match[4] or match[6]))
    for match in _WORDS.finditer(text):
        elements = [own for own, words in _ELEMENT_WORDS.items() if re.search(words, match[2])]
        # The word alone, such as in "no attribution required", is no licence.
        if match[1] or len(elements) > 1 or _version(match[3]):
            yield _Mention(_family(elements), _version(match[3]))
    if re.fullmatch(r"by(?: ?\d\.\d)?", text):
        yield _Mention("cc-by", _version(text[2:].strip()))
    yield from _about_rights(text)


def _about_rights(text: str) -> Iterator[_Mention]:
    if _CC0_WORDS.search(text):
        yield _Mention(CC0)
    elif _PUBLIC_WORDS.search(text) or text == "pd":
        yield _Mention(PUBLIC_DOMAIN)
    if _NO_KNOWN.search(text):
        yield _Mention(NO_KNOWN_COPYRIGHT)
    if _RESERVED.search(text) or _COPYRIGHT_ALONE.fullmatch(text):
        yield _Mention(ALL_RIGHTS_RESERVED)


def _family(elements: Sequence[str]) -> str:
    """The name without a version of a licence with these elements; other if there is none."""
    name = "-".join(one for one in ("by", "nc", "nd", "sa") if one in elements)
    return f"cc-{name}" if name in _FAMILIES else OTHER


def _version(text: str | None) -> str:
    number = (text or "").replace("_", ".")
    number = number if "." in number or not number else f"{number}.0"
    return number if number in _VERSIONS else ""


def _agreed(mentions: set[_Mention]) -> _Mention | None:
    """The one licence that all mean; None if there is none, or they contradict each other."""
    families = {one.family for one in mentions}
    if CC0 in families:
        families.discard(PUBLIC_DOMAIN)  # what CC0 is for
    versions, ports = ({getattr(one, part) for one in mentions} - {""} for part in ("version", "port"))
    if len(families) != 1 or len(versions) > 1 or len(ports) > 1:
        return None
    return _Mention(families.pop(), "".join(versions), "".join(ports))


def _named(mention: _Mention) -> Licence:
    family, version, port = mention
    if not family.startswith("cc-") or family in _LINKS:
        return Licence(family, _LINKS.get(family, ""))
    link = f"{_CC}/licenses/{family.removeprefix('cc-')}/{version or '4.0'}/{port and f'{port}/'}"
    return Licence(f"{family}-{version}" if version else family, link)


def refuse(database: Database, sources: Sequence[Source], facts: Path | None, allow: Sequence[str]) -> list[str]:
    """Make the images that must not be in the dataset known as the table ``unlicensed``.

    in:  image
    out: unlicensed   treeoflife_id, and unlicensed, the reason

    An image is refused if its licence is not allowed, or not known. Only where a source says nothing about the licence
    of any of its images, such as iNat21, are they left as they are; but those of EOL, and of sources that list
    addresses on the web, need a licence in any case.

    Args:
        facts: what is known of the images: ``treeoflife_id``, ``source``, ``licence`` as the source has it, and
            ``license_name``, its normalised name. None only if ``allow`` is empty.
        allow: the allowed licences, with their version, or without it for all versions; empty allows every image.

    Returns:
        The sources whose images are left as they are, since nothing is known of their licences.
    """
    if not allow or facts is None:
        database.load("unlicensed", pl.DataFrame(schema={"treeoflife_id": pl.String, "unlicensed": pl.String}))
        return []
    database.view("fact", [facts])
    distinct = database.rows("SELECT DISTINCT licence, license_name FROM fact WHERE licence <> ''")
    # By text and name: a text such as "some rights reserved" means what the address beside it says.
    refused = sorted(f"{slug or ''}\n{text}" for text, slug in distinct if not is_allowed(text, slug or "", allow))
    stating = {name for (name,) in database.rows("SELECT DISTINCT source FROM fact WHERE licence <> ''")}
    held = [one.name for one in sources if one.name in stating or _must_state_licences(one)]
    database.make("unlicensed", _UNLICENSED, sources=held, refused=[*refused, f"\n{NONE}"], none=NONE)
    if is_allowed(NONE, "", allow):
        database.make("unlicensed", "FROM unlicensed WHERE unlicensed <> 'its licence is ' || $none", none=NONE)
    return [one.name for one in sources if one.name not in held]


_UNLICENSED = """
    SELECT treeoflife_id, 'its licence is ' || licence AS unlicensed
    FROM (
        SELECT image.treeoflife_id, coalesce(stated.licence, $none) AS licence, coalesce(license_name, '') AS name
        FROM image
        LEFT JOIN (
            SELECT treeoflife_id, licence, license_name FROM fact WHERE licence <> ''
        ) AS stated USING (treeoflife_id)
        WHERE list_contains($sources, image.source)
    )
    WHERE list_contains($refused, name || chr(10) || licence)
"""


def _must_state_licences(source: Source) -> bool:
    return is_of_eol(source) or isinstance(source, ListedImages)


def is_allowed(text: str, slug: str, allow: Sequence[str]) -> bool:
    """Whether a licence is among those that are allowed, as its source writes it or by its normalised name.

    >>> is_allowed("CC BY 4.0", "cc-by-4.0", ["cc-by"]), is_allowed("CC BY 4.0", "cc-by-4.0", ["cc-by-3.0"])
    (True, False)
    """
    # A text that no rule understands allows itself, and not all others that none understands.
    meant = {normalise(one).slug for one in allow} - {OTHER}
    allowed = {_simple(one) for one in (*allow, *meant)} - {""}
    # A text that alone would be a licence is none where what stands beside it contradicts it.
    is_contradicted = slug == OTHER and normalise(text).slug not in ("", OTHER)
    names = {_simple(name) for name in ((slug,) if is_contradicted else (text, slug))}
    return not allowed.isdisjoint(names | {family(name) for name in names})


def _simple(name: str) -> str:
    return name.strip().lower()


def family(slug: str) -> str:
    """A licence without its version.

    >>> family("cc-by-4.0")
    'cc-by'
    """
    return re.sub(r"-\d+(\.\d+)*$", "", slug)
