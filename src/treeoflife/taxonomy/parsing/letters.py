"""The letters of names: which there are, which of them are capitals, and which are transcribed."""

import re
import unicodedata

LATIN = r"A-Za-zÀ-ÖØ-öø-žſ"
"""The letters of names in Latin script, for sets in patterns."""
UPPER = "A-ZÀ-ÖØ-ÞŒŠŽ"
LOWER = "a-zß-öø-ÿœšžſ"
_TRANSCRIBED = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "ao", "æ": "ae", "œ": "oe", "ß": "ss", "ſ": "s", "ł": "l",
     "đ": "d",
     "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "Ø": "Oe", "Å": "Ao", "Æ": "Ae", "Œ": "Oe"}
)  # fmt: skip
_PLAIN_VOWELS = {"ë": "e", "ï": "i", "ö": "o", "ü": "u"}
_DIAERESIS = re.compile("(?<=[aeiouyAEIOUY])([ëïöü])")


def capitalised(value: str) -> str:
    """The name of a genus or higher rank with its first letter in upper case; a word in capitals is lowered first.

    >>> capitalised("FELIDAE"), capitalised("× cupressocyparis")
    ('Felidae', '× Cupressocyparis')
    """
    if value.isupper() and value.isalpha() and len(value) > 1:
        value = value.lower()
    first = next((index for index, letter in enumerate(value) if letter.isalpha()), len(value))
    return value[:first] + value[first : first + 1].upper() + value[first + 1 :]


def latinised(word: str) -> str:
    """A word of a name with letters that names do not have transcribed, as ICN, article 60.7, asks for.

    A diaeresis, on the second of two vowels, stays.

    >>> latinised("Isoëtes"), latinised("muelleri"), latinised("mülleri"), latinised("Sténométope")
    ('Isoëtes', 'muelleri', 'muelleri', 'Stenometope')
    """
    if word.isascii():
        return word
    kept = _DIAERESIS.sub(lambda match: f"{chr(0xE000 + ord(match[0]))}", word)
    letters = unicodedata.normalize("NFD", kept.translate(_TRANSCRIBED))
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return "".join(chr(ord(letter) - 0xE000) if "\ue000" <= letter <= "\ue0ff" else letter for letter in plain)


def without_diaereses(name: str) -> str:
    """A name without the dots on the second of two vowels, which some write and some do not. Umlauts stay.

    >>> without_diaereses("Isoëtes"), without_diaereses("mülleri")
    ('Isoetes', 'mülleri')
    """
    return name if name.isascii() else _DIAERESIS.sub(lambda match: _PLAIN_VOWELS[match[0]], name)
