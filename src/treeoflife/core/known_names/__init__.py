"""The words that are known without any file of the user: genera and higher taxa, and what living things are called in
English.

So a label can be told to be a name in English: ``Common blackbird`` has the form of a genus and an epithet, and is
neither. The words are those of the English names of NCBI's taxonomy that are in none of its scientific names:
``tools/make_english_words.py`` makes the table.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import polars as pl

NAMES_FILE = Path(__file__).parent / "names.parquet"
"""The names with their ranks and lineages; ``ORIGIN.md`` beside it says where they come from."""
_TABLE = Path(__file__).parent / "english_words.txt"
_POSSESSIVE = re.compile(r"\w['’´`]s$|\ws['’´`]$")
# Of 110,165 genera in NCBI's taxonomy, 97 % end like this.
_LIKE_GENUS = re.compile(r"(?:[aiuoe]s|a|um|on|o|ops|[aeiy]x|ys|er|[ei]n|i|ae|or)$")


@cache
def _ranked_names() -> tuple[list[str], list[str]]:
    """The known names in order, and the rank of each. Lists, since a dict of them takes ten times as long to make."""
    table = pl.read_parquet(NAMES_FILE, columns=["name", "rank"], glob=False).sort("name", "rank")
    return table["name"].to_list(), table["rank"].to_list()


def ranks_of(word: str) -> tuple[str, ...]:
    """The ranks at which a word is a known name, in alphabetical order; several of homonyms, none if it is not known.

    >>> ranks_of("Parus"), ranks_of("Tachinini"), ranks_of("Canon")
    (('genus',), ('tribe',), ())
    """
    names, ranks = _ranked_names()
    first = bisect_left(names, word)
    return tuple(dict.fromkeys(ranks[first : bisect_right(names, word, first)]))


def known_genera() -> pl.Series:
    """The known names of genera."""
    table = pl.read_parquet(NAMES_FILE, columns=["name", "rank"], glob=False)
    return table.filter(pl.col("rank") == "genus")["name"].unique()


@cache
def english_words() -> tuple[frozenset[str], frozenset[str], frozenset[str]]:
    """Nouns for kinds of living things, all words of English names, and nouns that are epithets, too."""
    nouns, others, epithets = (set(part.split()) for part in _TABLE.read_text(encoding="utf-8").split("\n\n"))
    return frozenset(nouns), frozenset(nouns | others), frozenset(epithets)


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

    Some species are called by a noun in English, such as *Costomedes gazelle*. So an English word behind a known genus
    is an epithet, and one behind what looks like a genus is one too, unless it is a noun of many English names.

    >>> [is_common_name(name.split()) for name in ("Red fox", "Iriomote cat", "Costomedes gazelle", "Turdus merula")]
    [True, True, False, False]
    """
    if not words:
        return False
    first, *rest = words
    if is_english(first):
        return True
    if not rest:
        return first.lower() in english_words()[2] and "genus" not in ranks_of(first)
    # A second word with a capital is an author, such as White.
    if not is_english(rest[0]) or rest[0][:1].isupper():
        return False
    if "genus" in ranks_of(first):
        return False
    return is_noun(rest[0]) or not _LIKE_GENUS.search(first)
