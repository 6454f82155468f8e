"""Hybrids and graft-chimaeras: named ones, and formulas of their parents (ICN, chapter H; ICNCP, article 21)."""

import re
from collections.abc import Callable

from .letters import LOWER, UPPER
from .parsed_name import ParsedName

# The letter x is the sign as a word of its own, or right before the capital of a genus at the beginning.
_SIGNS = re.compile(
    rf"×|✕|✖|⨯|╳|Ã—|(?:^|(?<=\s))[xXхХ](?=\s|$)|(?<=\s)[xX]\.(?= [{LOWER}])|^[xX](?=[{UPPER}][{LOWER}]{{2,}})"
    r"|(?<=\s)(?:nothosp\.?|nothospecies|notho)(?=\s)|(?<=\s)hyb(?:r(?:id)?)?\.?(?=$|\s)"
)
_CHIMAERA = re.compile(r"^\+\s*|\s+\+\s+")
_LEFT_OUT = frozenset("? sp. sp spp. spp indet. indet unknown hybrid".split())
_EPITHET = re.compile(rf"[{LOWER}]{{2,}}(?:-[{LOWER}]+)*")

Split = Callable[[str], ParsedName]
"""Splits a name that is no hybrid."""


def split_hybrid(text: str, split: Split) -> ParsedName | None:
    """The parts of a hybrid or a graft-chimaera; None for any other name.

    A named hybrid has the sign before its genus or its epithet. In a formula, the parents' epithets and the sign are
    the species, if the parents are of one genus. Parents of two genera have none in common, and the whole formula is
    the species.
    """
    for pattern, sign, kind in ((_SIGNS, "×", "hybrid"), (_CHIMAERA, "+", "chimaera")):
        if pattern.search(text):
            parts = [part.strip() for part in pattern.split(text)]
            if any(parts):
                return _split(parts, sign, split)._replace(quality=2, kind=kind)
    return None


def _split(parts: list[str], sign: str, split: Split) -> ParsedName:
    if not parts[0]:
        rest = [part for part in parts[1:] if part]
        named = _split(rest, sign, split) if len(rest) > 1 else split(rest[0])
        return named._replace(genus=f"{sign} {named.genus}") if named.genus else ParsedName()
    first = split(parts[0])
    others = [part for part in parts[1:] if part and part.lower() not in _LEFT_OUT]
    if not others or not first.genus:
        # A hybrid of a species with one that is not said is not of that species.
        return ParsedName(first.genus)
    if not first.species and len(others) == 1:
        return _named(first, others[0], sign, split)
    return _formula(first, [_parent(first, other, split) for other in others], sign)


def _named(first: ParsedName, rest: str, sign: str, split: Split) -> ParsedName:
    """``Genus × epithet``; or two genera, of which a hybrid has neither."""
    word = rest.partition(" ")[0]
    if _EPITHET.fullmatch(word):
        named = split(f"{first.genus} {rest}")
        return named._replace(species=f"{sign} {named.species}", rank=named.rank) if named.species else named
    other = split(rest)
    return ParsedName(first.genus) if other.genus == first.genus else ParsedName()


def _parent(first: ParsedName, text: str, split: Split) -> ParsedName:
    """A further parent, whose genus may be left out or abbreviated."""
    head, _, tail = text.partition(" ")
    if _EPITHET.fullmatch(head):
        return split(f"{first.genus} {text}")
    initial = head.rstrip(".")
    if (head.endswith(".") and first.genus.lstrip("× ").startswith(initial)) or (head == initial and len(head) == 1):
        return split(f"{first.genus} {tail}") if tail else ParsedName(first.genus)
    return split(text)


def _formula(first: ParsedName, others: list[ParsedName], sign: str) -> ParsedName:
    authors = first.authorship
    # Two species of a genus that are joined by a plus sign are more likely two in one picture than a chimaera.
    one_genus = sign == "×" and all(other.genus == first.genus for other in others)
    if one_genus and all(parent.species for parent in (first, *others)):
        parents = [" ".join(filter(None, parent[1:3])) for parent in (first, *others)]
        return ParsedName(first.genus, f" {sign} ".join(parents), authorship=authors, rank="species")
    genera = {parent.genus for parent in (first, *others)}
    if len(genera) == 1:
        return ParsedName(first.genus)
    if not all(parent.genus and parent.species for parent in (first, *others)):
        return ParsedName()
    return ParsedName(species=f" {sign} ".join(parent.canonical for parent in (first, *others)), rank="species")
