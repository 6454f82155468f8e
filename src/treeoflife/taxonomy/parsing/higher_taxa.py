"""Labels in which higher taxa stand before the name: ``Coleoptera: Carabidae``, ``Aves, Turdidae, Turdus merula``."""

import re

from ...core.known_names import ranks_of
from ...core.values import RANKS
from .endings import rank_by_ending
from .letters import LATIN, UPPER, capitalised
from .parsed_name import INFRAGENERIC

_SEPARATOR = re.compile(r"\s*[:;,|>/]\s*|\s+[-–—→]+\s+")
_SPACE = re.compile(" ")
_LISTED = re.compile(rf"{_SEPARATOR.pattern}|\s+(?:and|or|und|oder|et|ou|y|o|e|&|\+)\s+")
_WORD = re.compile(f"[{UPPER}][{LATIN}]{{2,}}")


def names_several_taxa(text: str) -> bool:
    """Whether a text is a list of names of one word at one rank, which have nothing in common that it names.

    >>> [names_several_taxa(text) for text in ("Rosaceae, Fabaceae", "Turdus and Parus", "Diptera: Syrphidae")]
    [True, True, False]
    """
    parts = _LISTED.split(text)
    if len(parts) < 2 or not all(_WORD.fullmatch(part) for part in parts):
        return False
    ranks = {_higher_rank(part) or ("genus" if _is_genus(part) else "") for part in parts}
    return len(ranks) == 1 and ranks != {""}


def without_higher_taxa(text: str) -> str:
    """The lowest of several taxa of which each is in the one before it; any other text as it is.

    A word behind a higher name that is no known name is an author.

    >>> without_higher_taxa("Coleoptera: Carabidae"), without_higher_taxa("Aves, Turdidae, Turdus merula")
    ('Carabidae', 'Turdus merula')
    >>> without_higher_taxa("Carabidae Carabus auratus"), without_higher_taxa("Turdidae Rafinesque, 1815")
    ('Carabus auratus', 'Turdidae Rafinesque, 1815')
    """
    start = _start_of_lowest(text, _SEPARATOR) or _start_of_lowest(text, _SPACE)
    return text[start:]


def _start_of_lowest(text: str, separator: re.Pattern[str]) -> int:
    """Where the lowest taxon begins; 0 if no taxa are before it, or they are not each in the one before."""
    start, above = 0, -1
    for match in separator.finditer(text):
        rank = _higher_rank(text[start : match.start()])
        if not rank:
            break
        if not _is_below(rank, above):
            return 0
        start, above = match.end(), RANKS.index(rank) if rank in RANKS else above
    if not start:
        return 0
    first = text[start:].partition(" ")[0]
    rank = _higher_rank(first)
    is_taxon = _is_below(rank, above) if rank else _is_genus(first)
    return start if is_taxon else 0


def _is_below(rank: str, above: int) -> bool:
    """Whether a taxon may be in one whose rank is that number of the seven; one between the seven always may."""
    return rank not in RANKS or RANKS.index(rank) > above


def _is_genus(word: str) -> bool:
    return "genus" in ranks_of(capitalised(word))


def _higher_rank(text: str) -> str:
    """The rank of a word that is the name of a taxon above the genus, and of no genus; the highest of several."""
    if not _WORD.fullmatch(text):
        return ""
    word = capitalised(text)
    known = ranks_of(word)
    if not known:
        return rank_by_ending(word)
    if "genus" in known or any(rank in INFRAGENERIC for rank in known):
        return ""
    return next((rank for rank in RANKS if rank in known), known[0])
