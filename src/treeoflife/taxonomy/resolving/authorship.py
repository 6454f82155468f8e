"""Authors of scientific names: whether two citations may be of the same name.

Homonyms have different authors. A citation may leave out the year, abbreviate a surname or write it without its marks:
``(L., 1758)`` and ``Linnaeus`` agree, and ``Gray, 1821`` and ``Gray, 1825`` do not.
"""

import re
import unicodedata

_YEAR = re.compile(r"(?<!\d)(1[5-9]\d\d|20\d\d)(?!\d)")
_WORD = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*\.?")
# Words of citations that are no surname, and particles that some leave out.
_NO_SURNAME = frozenset(
    "et al and ex in non nec nom auct sensu emend y und de da di du la le van von der den f fil".split()
)
_ABBREVIATED = {"l": "linnaeus", "l.": "linnaeus", "linn.": "linnaeus", "linne": "linnaeus", "dc.": "candolle"}


def authors_agree(one: str, other: str) -> bool:
    """Whether two citations name a common author, and no different years.

    >>> authors_agree("(L., 1758)", "Linnaeus, 1758"), authors_agree("Gray, 1821", "Gray, 1825")
    (True, False)
    >>> authors_agree("Fabr.", "(Fabricius, 1775)"), authors_agree("Müll.Arg.", "Muller"), authors_agree("", "L.")
    (True, True, False)
    """
    years, other_years = set(_YEAR.findall(one)), set(_YEAR.findall(other))
    if years and other_years and not years & other_years:
        return False
    return any(_is_same(left, right) for left in _surnames(one) for right in _surnames(other))


def _surnames(citation: str) -> list[str]:
    """The surnames of a citation in small letters, without marks; initials are left out."""
    plain = "".join(letter for letter in unicodedata.normalize("NFD", citation) if not unicodedata.combining(letter))
    words = (_ABBREVIATED.get(word, word) for word in _WORD.findall(plain.lower()))
    return [word for word in words if len(word.rstrip(".")) > 1 and word.rstrip(".") not in _NO_SURNAME]


def _is_same(one: str, other: str) -> bool:
    """Whether two surnames are equal, or one of them abbreviates the other."""
    short, long = sorted((one, other), key=len)
    return short == long or (short.endswith(".") and long.startswith(short.rstrip(".")))
