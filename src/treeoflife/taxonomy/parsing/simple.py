"""A plain parser of scientific names, for computers on which gnparser's library does not run."""

import re
from collections.abc import Sequence

from .label import LabelParser
from .letters import capitalised, latinised
from .open_names import AUTHOR_PARTICLES, EPITHET, GENUS
from .parsed_name import EPITHET_MARKS, ParsedName

_APOSTROPHES = re.compile(r"['’‘`´]")


class SimpleParser(LabelParser):
    """Takes the Latin words up to the first word that looks like an author."""

    name = "simple"

    def parse(self, name: str) -> ParsedName:
        """Split one name in Latin words; see :class:`~treeoflife.taxonomy.parsing.parsed_name.Parser`."""
        words = name.split()
        genus = words[0].rstrip(",") if words else ""  # a comma may stand between a name and its author
        if not GENUS.fullmatch(genus):
            return ParsedName()
        epithets, author = _epithets(words[1:])
        species, below = epithets[0] if epithets else "", " ".join(epithets[1:])
        kind = "species" if epithets else "uninomial"
        return ParsedName(latinised(capitalised(genus)), species, below, " ".join(author), 2 if author else 1, kind)


def _epithets(words: Sequence[str]) -> tuple[list[str], Sequence[str]]:
    """The epithets at the head of ``words``, with rank marks, and the words that follow them.

    An author may stand between the epithet and a rank mark: ``Quercus robur L. var. alba``.
    """
    epithets: list[str] = []
    end = 0
    for index, word in enumerate(words):
        mark, behind = EPITHET_MARKS.get(word), words[index + 1 : index + 2]
        if mark and epithets and behind and _is_epithet(behind[0]):
            epithets.append(mark)
            end = index + 1
        elif end == index and _is_epithet(word):
            epithets.append(latinised(_APOSTROPHES.sub("", word)))
            end = index + 1
    return epithets, words[end:]


def _is_epithet(word: str) -> bool:
    """Whether a word is an epithet: a single letter is an initial or an abbreviated mark."""
    return (
        bool(EPITHET.fullmatch(word)) and len(word) > 1 and word not in AUTHOR_PARTICLES and word not in EPITHET_MARKS
    )
