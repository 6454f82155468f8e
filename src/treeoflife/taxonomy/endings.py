"""The rank that the ending of a scientific name shows.

The codes of names prescribe endings for some ranks: of zoology (ICZN, articles 29.2 and 31.2), of botany (ICN, articles
16 to 19) and of viruses (ICVCN, rule 3.23). Those of other ranks, and those that genera often have too, say nothing.
"""

import re

# Longer endings come first: -virinae is no -inae.
_ENDINGS = {
    "virales": "order", "viridae": "family", "virinae": "subfamily", "viricetes": "class", "viricota": "phylum",
    "mycetes": "class", "mycota": "phylum", "aceae": "family", "idae": "family", "oidea": "superfamily",
    "inae": "subfamily", "oideae": "subfamily", "iformes": "order", "ales": "order", "ineae": "suborder",
    "virus": "genus",
}  # fmt: skip
_PATTERNS = [(re.compile(f"[a-z]{ending}$"), rank) for ending, rank in _ENDINGS.items()]


def rank_by_ending(word: str) -> str:
    """The rank of a name of one word, as far as its ending shows it; empty if it does not.

    >>> rank_by_ending("Formicidae"), rank_by_ending("Apinae"), rank_by_ending("Parus")
    ('family', 'subfamily', '')
    """
    return next((rank for pattern, rank in _PATTERNS if pattern.search(word)), "")
