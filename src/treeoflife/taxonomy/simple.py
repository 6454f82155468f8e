"""A plain parser of scientific names, for computers that gnparser's library does not run on."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .parsing import AUTHOR_PARTICLES, EPITHET, GENUS, ParsedName, whole
from .text import capitalised, is_unknown

_MARKS = {
    "ssp.": "subsp.", "ssp": "subsp.", "subsp.": "subsp.", "subsp": "subsp.", "var.": "var.", "var": "var.",
    "v.": "var.", "f.": "f.", "fo.": "f.", "forma": "f.", "form": "f.", "morph": "morph", "subvar.": "subvar.",
    "subf.": "subf.", "cv.": "cv.", "nothosubsp.": "nothosubsp.", "nothovar.": "nothovar.", "ab.": "ab.",
    "race": "race", "convar.": "convar.",
}  # fmt: skip
_CROSS = re.compile(r"(?:^|(?<= ))[xX×✕]\s*(?= |[A-Z])|×\s*")


class SimpleParser:
    """A plain parser for computers that gnparser's library does not run on: the words up to the first author."""

    name = "simple"

    def parse(self, name: str) -> ParsedName:
        """One name, already cleaned of markup."""
        return whole(name) or self._hybrid(name) or self._latin(name)

    def _hybrid(self, name: str) -> ParsedName | None:
        spaced = " ".join(_CROSS.sub("× ", name).split())
        if "×" not in spaced.split():
            return None
        left, _, right = spaced.partition("×")
        first, second = self._latin(left.strip()), right.strip()
        if not left.strip():
            parsed = self._latin(second)
            return (
                parsed._replace(genus=f"× {parsed.genus}", quality=2, kind="hybrid") if parsed.genus else ParsedName()
            )
        words = [word for word in second.split() if EPITHET.fullmatch(word) or word == first.genus]
        words = [word for word in words if word not in AUTHOR_PARTICLES and word != first.genus]
        if not first.genus or not words:
            return first
        return ParsedName(first.genus, " ".join(filter(None, (first.species, "×", words[0]))), quality=2, kind="hybrid")

    def _latin(self, name: str) -> ParsedName:
        prefix = "Candidatus " if name.startswith("Candidatus ") else ""
        words = name.removeprefix(prefix).split()
        if not words or not GENUS.fullmatch(words[0]) or is_unknown(words[0]):
            return ParsedName()
        genus = prefix + capitalised(words[0])
        rest = words[1:]
        if rest and rest[0].startswith("(") and rest[0].endswith(")"):
            rest = rest[1:]
        epithets, after = _epithets(rest)
        infra = " ".join(epithets[1:])
        kind = "candidatus" if prefix else "species" if epithets else "uninomial"
        return ParsedName(genus, epithets[0] if epithets else "", infra, " ".join(after), 2 if after else 1, kind)


def _epithets(words: Sequence[str]) -> tuple[list[str], Sequence[str]]:
    """The epithets at the head of ``words``, with rank marks, and what comes after them."""
    found: list[str] = []
    for at, word in enumerate(words):
        mark = _MARKS.get(word)
        if mark and found and at + 1 < len(words) and EPITHET.fullmatch(words[at + 1]):
            found.append(mark)
        elif EPITHET.fullmatch(word) and len(word) > 1 and word not in AUTHOR_PARTICLES:
            found.append(word)
        else:
            return found, words[at:]
    return found, ()
