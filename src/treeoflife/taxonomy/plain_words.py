"""Whether a label is a name in English: ``Common blackbird`` has the form of a genus and an epithet, and is neither.

The words are those of the English names of NCBI's taxonomy that are in none of its scientific names:
``tools/make_english_words.py`` makes the table.
"""

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

_TABLE = Path(__file__).with_name("english_words.txt")
_POSSESSIVE = re.compile(r"\w['’´`]s$|\ws['’´`]$")
# Of 110,165 genera in NCBI's taxonomy, 97 % end like this.
_LIKE_GENUS = re.compile(r"(?:[aiuoe]s|a|um|on|o|ops|[aeiy]x|ys|er|[ei]n|i|ae|or)$")


@cache
def english_words() -> tuple[frozenset[str], frozenset[str]]:
    """The nouns for kinds of living things, and all words of English names, in lower case."""
    nouns, others = _TABLE.read_text(encoding="utf-8").split("\n\n")
    return frozenset(nouns.split()), frozenset(nouns.split()) | frozenset(others.split())


def is_english(word: str) -> bool:
    """Whether a word is in English names of taxa and in no scientific one; of joined words, the last decides.

    >>> is_english("Blackbird"), is_english("white-tailed"), is_english("uva-ursi"), is_english("Merula")
    (True, True, False, False)
    """
    lowered = word.lower().strip(".,;:()[]'’\"")
    return lowered.rpartition("-")[2] in english_words()[1] or bool(_POSSESSIVE.search(lowered))


def is_noun(word: str) -> bool:
    """Whether a word is an English noun for a kind of living things, such as beetle."""
    return word.lower().strip(".,;:()[]'’\"").rpartition("-")[2] in english_words()[0]


def is_common_name(words: Sequence[str]) -> bool:
    """Whether the words of a label are a name in English.

    Some species are called by a noun in English, such as *Scarus chameleon*. So an English word behind what may be a
    genus is an epithet, unless it is a noun of many English names or more such words follow.

    >>> is_common_name(["Red", "fox"]), is_common_name(["Scarus", "chameleon"]), is_common_name(["Turdus", "merula"])
    (True, False, False)
    """
    if not words:
        return False
    if is_english(words[0]):
        return True
    if _POSSESSIVE.search(words[0]):
        return True
    if len(words) == 1:
        return False
    if not is_english(words[1]):
        return False
    return is_noun(words[1]) or not _LIKE_GENUS.search(words[0]) or (len(words) > 2 and is_english(words[2]))
