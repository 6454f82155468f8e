"""A plain parser of scientific names, for computers on which gnparser's library does not run."""

import re
from collections.abc import Sequence

from ..core.unknown_words import is_unknown
from .parsing import AUTHOR_PARTICLES, EPITHET, GENUS, ParsedName, capitalised, split_special

# Providers write rank marks in many ways; names.parquet has one spelling of each.
_MARKS = {
    "ssp.": "subsp.", "ssp": "subsp.", "subsp.": "subsp.", "subsp": "subsp.", "var.": "var.", "var": "var.",
    "v.": "var.", "f.": "f.", "fo.": "f.", "forma": "f.", "form": "f.", "morph": "morph", "subvar.": "subvar.",
    "subf.": "subf.", "cv.": "cv.", "nothosubsp.": "nothosubsp.", "nothovar.": "nothovar.", "ab.": "ab.",
    "race": "race", "convar.": "convar.",
}  # fmt: skip
# The letter x is a hybrid sign only as a word of its own or right before a capital; × is one anywhere.
_CROSS = re.compile(r"(?:^|(?<= ))[xX×✕]\s*(?= |[A-Z])|×\s*")


class SimpleParser:
    """Takes the Latin words up to the first word that looks like an author."""

    name = "simple"

    def parse(self, name: str) -> ParsedName:
        """Split one name that is already free of markup."""
        return split_special(name) or self._hybrid(name) or self._latin(name)

    def _hybrid(self, name: str) -> ParsedName | None:
        """A hybrid: ``× Genus epithet``, ``Genus × epithet``, or the formula of its parents. None for other names."""
        spaced = " ".join(_CROSS.sub("× ", name).split())
        if "×" not in spaced.split():
            return None
        left, _, right = (part.strip() for part in spaced.partition("×"))
        if not left:
            parsed = self._latin(right)
            return parsed._replace(genus=f"× {parsed.genus}", quality=2, kind="hybrid") if parsed.genus else parsed
        first = self._latin(left)
        # The second parent of a formula may repeat the genus; only its epithet adds to the name.
        ignored = AUTHOR_PARTICLES | {first.genus}
        epithets = [word for word in right.split() if EPITHET.fullmatch(word) and word not in ignored]
        if not first.genus or not epithets:
            return first
        species = " ".join(filter(None, (first.species, "×", epithets[0])))
        return ParsedName(first.genus, species, quality=2, kind="hybrid")

    def _latin(self, name: str) -> ParsedName:
        """A name that is no hybrid: genus, epithets, and the rest as its author."""
        prefix = "Candidatus " if name.startswith("Candidatus ") else ""
        words = name.removeprefix(prefix).split()
        if not words or not GENUS.fullmatch(words[0]) or is_unknown(words[0]):
            return ParsedName()
        rest = words[1:]
        if rest and rest[0].startswith("(") and rest[0].endswith(")"):  # a subgenus, such as Aedes (Stegomyia) aegypti
            rest = rest[1:]
        epithets, author = _epithets(rest)
        kind = "candidatus" if prefix else "species" if epithets else "uninomial"
        species, below = epithets[0] if epithets else "", " ".join(epithets[1:])
        return ParsedName(prefix + capitalised(words[0]), species, below, " ".join(author), 2 if author else 1, kind)


def _epithets(words: Sequence[str]) -> tuple[list[str], Sequence[str]]:
    """The epithets at the head of ``words``, with rank marks, and the words that follow them."""
    epithets: list[str] = []
    for index, word in enumerate(words):
        mark = _MARKS.get(word)
        if mark and epithets and index + 1 < len(words) and EPITHET.fullmatch(words[index + 1]):
            epithets.append(mark)
        # A single letter is an initial or an abbreviated mark.
        elif EPITHET.fullmatch(word) and len(word) > 1 and word not in AUTHOR_PARTICLES:
            epithets.append(word)
        else:
            return epithets, words[index:]
    return epithets, ()
