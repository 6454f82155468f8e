"""The key of a species: equal for all supported ways of writing its name.

Hold-out lists, the columns ``genus`` and ``species``, and the texts ``scientific_name.txt`` of shards write species in
different ways. Wherever a species is looked up across them, keys are compared, and only this module makes keys.
"""

import re

import polars as pl

_BRACKETS = re.compile(r"\([^)]*\)")
_SEPARATORS = re.compile(r"[\s_|;,>/]+")
# The sign of a hybrid: ×, x as a word of its own, or x glued to a capitalised genus. An x glued to an epithet cannot be
# told from its first letter here; see species_key. "X." is an initial of an author.
_HYBRID_SIGN = re.compile(r"×|(?<![^\W_])[xX](?![^\W_]|\.)|(?<![^\W_])x(?=[A-Z])")
# Fewer hyphens can be part of epithets; seven ranks that are joined by hyphens have six, or five without the kingdom.
_MIN_HYPHENS_BETWEEN_RANKS = 5
_GENUS_RANK = 5


def species_name(text: str) -> str | None:
    """The genus and epithet in a text, in lower case and without the signs of hybrids; None if it names no species.

    Higher ranks may come first, joined by spaces, hyphens or other separators; authors or a subspecies may follow. A
    subgenus may stand in brackets.

    >>> species_name("Animalia-Mollusca-Bivalvia-Unionida-Unionidae-Cyclonaias-tuberculata")
    'cyclonaias tuberculata'
    >>> species_name("Arctostaphylos uva-ursi (L.) Spreng.")
    'arctostaphylos uva-ursi'
    >>> species_name("× Sorbopyrus auricularis"), species_name("Panthera")
    ('sorbopyrus auricularis', None)
    """
    clean = _HYBRID_SIGN.sub(" ", _BRACKETS.sub(" ", text)).strip()
    words = [word for word in _SEPARATORS.split(clean) if word and not word.isdigit()]
    if clean.count("-") >= _MIN_HYPHENS_BETWEEN_RANKS or (len(words) == 1 and "-" in clean):
        words = _after_hyphenated_ranks([part.strip() for part in clean.split("-")])
    elif len(words) > 2 and words[1][:1].isupper():
        words = _after_ranks(words)
    return " ".join(words[:2]).lower() if len(words) >= 2 else None


def _after_hyphenated_ranks(parts: list[str]) -> list[str]:
    """Genus and epithet: the genus is the last capitalised part, or else the sixth rank; epithets may have hyphens."""
    capitalised = [index for index, part in enumerate(parts[:-1]) if part[:1].isupper()]
    genus = capitalised[-1] if capitalised else _GENUS_RANK
    epithet = "-".join(filter(None, parts[genus + 1 :])).split()
    return [parts[genus], epithet[0]] if epithet else []


def _after_ranks(words: list[str]) -> list[str]:
    """Genus and epithet: the epithet is the first word that is not capitalised."""
    small = [index for index, word in enumerate(words) if word[:1].islower()]
    return words[small[0] - 1 : small[0] + 1] if small and small[0] else words


def species_key(text: str) -> str | None:
    """The key of the species that a text names; None if it names none. Keys are for comparing, not for showing.

    The sign of a hybrid may be an x glued to genus or epithet, as in ``Fragaria xananassa``. So a leading x never
    counts: *Rosa xanthina* has the key ``rosa anthina`` everywhere, which still differs from that of any other rose.

    >>> {species_key(text) for text in ("Fragaria × ananassa", "Fragaria xananassa Duch.", "FRAGARIA_ANANASSA")}
    {'fragaria ananassa'}
    """
    name = species_name(text)
    return " ".join(word.lstrip("x") or word for word in name.split(" ")) if name else None


def species_keys(texts: pl.Series) -> pl.Series:
    """The :func:`species_key` of many texts, such as scientific names; each distinct text is parsed once.

    >>> species_keys(pl.Series(["Panthera leo", "Panthera"])).to_list()
    ['panthera leo', None]
    """
    distinct = texts.drop_nulls().unique()
    keys = pl.Series([species_key(text) for text in distinct], dtype=pl.String)
    return texts.replace_strict(distinct, keys, default=None, return_dtype=pl.String)


def column_keys(table: pl.DataFrame) -> pl.Series:
    """The :func:`species_key` of each row's columns ``genus`` and ``species``, which may be null or empty.

    >>> column_keys(pl.DataFrame({"genus": ["×Sorbopyrus", "Panthera"], "species": ["auricularis", ""]})).to_list()
    ['sorbopyrus auricularis', None]
    """
    columns = pl.col("genus", "species").fill_null("")
    return species_keys(table.select(pl.concat_str(columns, separator=" ")).to_series())
