"""The capitals of a name: a genus and an author begin with one, and all other words of a name have none.

People write ``TURDUS MERULA``, ``Turdus Merula`` and ``turdus merula linnaeus, 1758``. What is an author there has to
be told by its place, by a year or comma behind it, and for two words alone by its form.
"""

import re

from ...core.known_names import ranks_of
from ...core.unknown_words import is_unknown
from .letters import LOWER, UPPER, capitalised
from .parsed_name import EPITHET_MARKS

# Frequent authors that end like an epithet. In capitals or alone, they could not be told from one.
_AUTHORS = frozenset(
    """adanson agassiz ahl audouin bates bechstein berthold blainville bleeker boie boisduval bonaparte bonelli bory
    boulenger brandt brehm burmann cassini cope costa cuvier dahl dallas dalman delile dejean desvaux distant donovan
    drury dumeril edwards ehrenberg erichson fabricius fairmaire forster fries gaertner gay germar gervais girault
    gistel gmelin gould gray gunnerus gunther haworth hebenstreit hedwig herbst hewitson hodgson hooker horsfield
    humboldt illiger jacquin kirby kunth lamarck latham latreille leach leconte lesson lichtenstein lindley linne
    linné linnaeus linnæus linneus loew lour macleay martius medikus meigen merrem michaux mill miller moench montagu
    moore motschulsky mulsant muller mulleri necker nees nuttall nyman oken olivier pallas perty philippi poeppig
    poiret rafinesque rambur redtenbacher reichenbach reuss risso rossi ruppell sars say scopoli sharp smith solander
    sowerby sparrman spinola stephens sundevall swainson swartz temminck thomas thunberg tournefort turner vieillot
    vigors wagler wagner walker wall wallich westwood wiedemann willdenow zetterstedt""".split()
)
# Those that are written in small letters at times, and are no epithet.
_SMALL_AUTHORS = frozenset(
    "l. l linn. linnaeus linnæus linne linné fabricius fabr. gmelin latreille lamarck cuvier temminck vieillot mill."
    " dc.".split()
)
_LIKE_EPITHET = re.compile(
    r"(?:a|i|o|x|um|ar|or|ur|(?<!s)on|en|ae|[aeiou]ns|ense|forme|[ai]le|aeve|uave|cola|oides|[iuoye]s|as|ps|fer|ger|ber|cer|ter"
    r"|[ao]ne|caput|olle|caule|color|ceps)$"
)
_YEAR = re.compile(r"(?<!\d)(?:1[5-9]|20)\d\d(?!\d)")
_WORD_IN_CAPITALS = re.compile(rf"[{UPPER}]{{2,}}(?:-[{UPPER}]+)*")
_TITLE = re.compile(rf"[{UPPER}][{LOWER}]{{2,}}(?:-[{UPPER}{LOWER}]+)*")
_AFTER_EPITHET = re.compile(rf"\((?!\d)|L\.?$|[{UPPER}]{{2,}}|[{UPPER}][{LOWER}]{{2,}}")
# With caps lock on, Shift makes a small letter: tURDUS mERULA.
_INVERTED = re.compile(rf"[{LOWER}][{UPPER}]{{2,}}")
_LETTER_EPITHET = re.compile(rf"[{UPPER}]-[{UPPER}{LOWER}]{{3,}}")
_SMALL = re.compile(rf"[{LOWER}]{{3,}}(?:-[{LOWER}]+)*")
_SIGN = re.compile(r"× ?")
_CROSSES = frozenset("×x")
_SIGNS = frozenset("× x + cf. cf aff. aff nr. nr sp. sp spp. spp n. gr. ex sp.nov.".split())


def with_usual_capitals(text: str) -> str:
    """The name with a capital for its genus and for its authors, and with no other.

    >>> with_usual_capitals("TURDUS MERULA LINNAEUS, 1758"), with_usual_capitals("turdus merula linnaeus, 1758")
    ('Turdus merula Linnaeus, 1758', 'Turdus merula Linnaeus, 1758')
    >>> with_usual_capitals("Turdus Merula"), with_usual_capitals("Pinus Linnaeus"), with_usual_capitals("PARUS major")
    ('Turdus merula', 'Pinus Linnaeus', 'Parus major')
    """
    words = [word.swapcase() if _INVERTED.fullmatch(word) else word for word in _SIGN.sub("× ", text).split()]
    if not words:
        return text
    start = 1 if words[0] in {"×", "+", "x", "X"} and len(words) > 1 else 0
    letters = [letter for letter in text if letter.isalpha()]
    if len(letters) > 3 and all(letter.isupper() for letter in letters):
        words = _from_capitals(words, start)
    words[start] = _genus(words[start])
    rest = words[start + 1 :]
    if rest:
        words[start + 1 :] = _author_in_small_letters(_capital_epithets(rest))
    return " ".join(words)


def _genus(word: str) -> str:
    """The first word of a name: with a capital and no other, unless it is an abbreviation or has signs in it."""
    if len(word) > 2 and (_WORD_IN_CAPITALS.fullmatch(word) or word[1:].isupper()) and word.replace("-", "").isalpha():
        word = word.lower()
    return capitalised(word)


def _from_capitals(words: list[str], start: int) -> list[str]:
    """A name that is all in capitals, with its words in small letters and its authors with one capital."""
    small = [word.lower() for word in words]
    expected, epithets = True, 0
    for index in range(start + 1, len(words)):
        word, before = small[index], small[index - 1]
        behind = small[index + 1].rstrip(".") if index + 1 < len(words) else ""
        is_genus = before in _CROSSES and _SMALL.fullmatch(behind)
        is_bracketed = index == start + 1 and word.startswith("(") and word.endswith(")")
        if is_genus or is_bracketed:  # of a further parent; a subgenus
            small[index], epithets = _titled(word), 0
        elif word in _SIGNS or word in EPITHET_MARKS:
            expected = True
        elif expected and _is_epithet(word, before, epithets) and not (epithets and _is_cited(small, index)):
            small[index], epithets = word.rstrip("."), epithets + 1
            expected = epithets < 2 or any(mark in EPITHET_MARKS for mark in small[index + 1 :])
        elif not word[:1].isdigit():
            small[index], expected = _titled(word), False
    return small


def _is_epithet(word: str, before: str, epithets: int) -> bool:
    """Whether a word has the form of an epithet. A dot may end the label; one behind a second word is of an author."""
    if word.endswith(".") and epithets and before not in _CROSSES and before not in EPITHET_MARKS:
        return bool(_SMALL.fullmatch(word[:-1]) and _LIKE_EPITHET.search(word[:-1]))
    return bool(_SMALL.fullmatch(word.rstrip(".")))


def _titled(word: str) -> str:
    first = next((index for index, letter in enumerate(word) if letter.isalpha()), 0)
    return (
        word[:first] + word[first : first + 1].upper() + word[first + 1 :]
        if word not in {"et", "and", "ex", "de"}
        else word
    )


def _is_cited(words: list[str], index: int) -> bool:
    """Whether a word is an author: by its name, or since a year or another author follows."""
    word, after = words[index], words[index + 1 : index + 2]
    return word in _AUTHORS or bool(after and (_YEAR.match(after[0]) or after[0] in {"&", "et", "and", "ex"}))


def _capital_epithets(rest: list[str]) -> list[str]:
    """The words behind a genus, with epithets that have a capital in small letters."""
    signs = 1 if rest[0] in {"×", "x", "X"} else 0
    for index, word in list(enumerate(rest))[signs : signs + 2]:
        behind = rest[index + 1 : index + 2]
        is_title, in_capitals = bool(_TITLE.fullmatch(word)), bool(_WORD_IN_CAPITALS.fullmatch(word))
        if _LETTER_EPITHET.fullmatch(word):  # Polygonia C-album
            rest = [*rest[:index], word.lower(), *rest[index + 1 :]]
            continue
        if not is_title and not in_capitals:
            break
        if len(word) < 3 or word.lower() in _AUTHORS or not _LIKE_EPITHET.search(word.lower()):
            break
        # Behind the sign of a hybrid, another genus may stand.
        if signs and "genus" in ranks_of(word.capitalize()):
            break
        if behind and not _may_follow_epithet(behind[0]):
            break
        rest = [*rest[:index], word.lower(), *rest[index + 1 :]]
    return rest


def _may_follow_epithet(word: str) -> bool:
    """Whether a word may be the author of a species or a further epithet, rather than initials or a second author."""
    return bool(_AFTER_EPITHET.match(word)) or word in EPITHET_MARKS


def _author_in_small_letters(rest: list[str]) -> list[str]:
    """The words behind a genus, with an author in small letters, which a year or a comma tells, in capitals."""
    for index in range(1, len(rest)):
        word, before, behind = rest[index], rest[index - 1], rest[index + 1 : index + 2]
        bare = word.rstrip(",")
        has_year = not is_unknown(bare) and bool(behind and _YEAR.match(behind[0].lstrip("([")))
        if (
            before not in EPITHET_MARKS
            and _SMALL.fullmatch(bare)
            and has_year
            and (word != bare or bare not in EPITHET_MARKS)
        ):
            rest = [*rest[:index], _titled(word), *rest[index + 1 :]]
        elif word in _SMALL_AUTHORS and index == len(rest) - 1:
            rest = [*rest[:index], word.capitalize(), *rest[index + 1 :]]
    return rest
