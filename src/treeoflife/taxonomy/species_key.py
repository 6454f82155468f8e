"""The key of a species: equal for all supported ways of writing its name.

Hold-out lists, the columns ``genus`` and ``species``, and the texts ``scientific_name.txt`` of shards write species in
different ways. Wherever a species is looked up across them, keys are compared, and only this module makes keys.
"""

import re

import polars as pl

from .parsing.letters import without_diaereses

# Soft hyphens, zero-width characters and byte order marks, which come with text that was copied from documents.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]")
_QUOTES = "\"'`´“”„‘’‚«»‹› \t\r\n"
_BRACKETS = re.compile(r"\([^)]*\)")
_SEPARATORS = re.compile(r"[\s_|;,>/]+")
# The sign of a hybrid: ×, x as a word of its own, or x glued to a capitalised genus. An x glued to an epithet cannot be
# told from its first letter here; see species_key. "X." is an initial of an author.
_HYBRID_SIGN = re.compile(r"×|(?<![^\W_])[xX](?![^\W_]|\.)|(?<![^\W_])x(?=[A-Z])")
# What is written for ×: its look-alikes (х and Х are Cyrillic), as HTML, in UTF-8 that was read as Windows-1252, and
# the sign of a graft hybrid.
_LIKE_HYBRID_SIGN = re.compile(r"&times;|Ã—|[✕✖⨯╳хХ]|(?<![^\s_|;,>/-])[*+]")
# Words between genus and epithet that say how sure the name is, or that it is a hybrid's.
_QUALIFIERS = frozenset(
    ("cf", "cf.", "cfr.", "aff", "aff.", "nr", "nr.", "nothosp.", "nothospecies", "candidatus", "ca.", "?")
)
# Fewer hyphens can be part of epithets; seven ranks that are joined by hyphens have six, or five without the kingdom.
_MIN_HYPHENS_BETWEEN_RANKS = 5
_GENUS_RANK = 5
# A capitalised genus and an epithet, of which nine names in ten consist: their key can be made of all at once.
_PLAIN = "^[A-Z][a-z]+ [a-z]{2,}$"


def species_name(text: str) -> str | None:
    """The genus and epithet in a text, in lower case and without the sign of a hybrid; None if it names no species.

    Higher ranks may come first, joined by spaces, hyphens or other separators; authors or a subspecies may follow. A
    subgenus may stand in brackets, and the whole in quotation marks.

    The parents in a formula are put in order, since ``A × B`` and ``B × A`` are the same.

    >>> species_name("Animalia-Mollusca-Bivalvia-Unionida-Unionidae-Cyclonaias-tuberculata")
    'cyclonaias tuberculata'
    >>> species_name("Arctostaphylos uva-ursi (L.) Spreng.")
    'arctostaphylos uva-ursi'
    >>> species_name("× Sorbopyrus auricularis"), species_name("Panthera")
    ('sorbopyrus auricularis', None)
    >>> species_name("Quercus robur × Q. petraea")
    'quercus petraea × quercus robur'
    """
    text = _INVISIBLE.sub("", text).strip()
    if text[:1] in _QUOTES:  # the closing mark alone is that of a cultivar
        text = text.strip(_QUOTES)
    clean = _BRACKETS.sub(" ", _LIKE_HYBRID_SIGN.sub("×", text))
    parts = [part for part in _HYBRID_SIGN.split(clean) if _words(part)]
    if len(parts) == 2 and _names_species(parts[0], parts[1]):
        return _formula(*parts)
    return _binomial(_HYBRID_SIGN.sub(" ", clean).strip())


def _words(text: str) -> list[str]:
    words = (word.strip("-") for word in _SEPARATORS.split(text))
    return [word for word in words if word and not word.isdigit() and word.lower() not in _QUALIFIERS]


def _binomial(clean: str) -> str | None:
    """The genus and epithet in a text without brackets and signs of hybrids."""
    words = _words(clean)
    if clean.count("-") >= _MIN_HYPHENS_BETWEEN_RANKS or (len(words) == 1 and "-" in clean):
        words = _after_hyphenated_ranks([part.strip() for part in clean.split("-")])
    elif len(words) > 2 and words[1][:1].isupper():
        words = _after_ranks(words)
    return " ".join(words[:2]).lower() if len(words) >= 2 else None


def _names_species(before: str, after: str) -> bool:
    """Whether what stands before the sign of a hybrid is a species, and the sign thus that of a formula."""
    words = _words(before)
    return any(word[:1].islower() for word in words[1:]) or (len(words) == 2 and (before + after).isupper())


def _formula(first: str, second: str) -> str | None:
    """The names of both parents; the second may have its genus abbreviated or left out."""
    parent, words = _binomial(first.strip()), _words(second)
    if parent is None:
        return None
    genus = parent.partition(" ")[0]
    has_genus = len(words) > 1 and (words[0][:1].isupper() or words[0].lower() == genus)
    abbreviated = has_genus and genus.startswith(words[0].rstrip(".").lower())
    other = [genus if abbreviated else words[0], words[1]] if has_genus else [genus, words[0]]
    return " × ".join(sorted((parent, " ".join(other).lower())))


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
    >>> species_key("Isoëtes lacustris") == species_key("Isoetes lacustris")
    True
    """
    name = species_name(text)
    return " ".join(word.lstrip("x") or word for word in without_diaereses(name).split(" ")) if name else None


def species_keys(texts: pl.Series) -> pl.Series:
    """The :func:`species_key` of many texts, such as scientific names; each distinct text is parsed once.

    >>> species_keys(pl.Series(["Panthera leo", "Panthera"])).to_list()
    ['panthera leo', None]
    """
    plain = pl.col("text").str.contains(_PLAIN) & ~pl.col("text").str.split(" ").list.last().is_in(_QUALIFIERS)
    rows = (
        texts.alias("text")
        .to_frame()
        .with_columns(
            plain=plain.fill_null(value=False),
            key=pl.col("text").str.to_lowercase().str.replace_all(r"\bx+([a-wyz])", "$1"),
        )
    )
    others = rows.filter(~pl.col("plain"))["text"].drop_nulls().unique()
    parsed = pl.Series([species_key(text) for text in others], dtype=pl.String)
    slow = pl.col("text").replace_strict(others, parsed, default=None, return_dtype=pl.String)
    return rows.select(pl.when("plain").then("key").otherwise(slow).alias(texts.name)).to_series()


def column_keys(table: pl.DataFrame) -> pl.Series:
    """The :func:`species_key` of each row's columns ``genus`` and ``species``, which may be null or empty.

    >>> column_keys(pl.DataFrame({"genus": ["×Sorbopyrus", "Panthera"], "species": ["auricularis", ""]})).to_list()
    ['sorbopyrus auricularis', None]
    """
    columns = pl.col("genus", "species").fill_null("")
    return species_keys(table.select(pl.concat_str(columns, separator=" ")).to_series())
