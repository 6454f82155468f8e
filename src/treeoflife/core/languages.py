"""Languages of common names, whichever way a table calls them."""

import re

# ISO 639-1, then the codes of three letters (ISO 639-3, and that of ISO 639-2/B where it differs), then the English
# names. They are the languages of which iNaturalist, ITIS, the Catalogue of Life and EOL have many common names.
_LANGUAGES = """
    af afr afrikaans
    am amh amharic
    ar ara arabic
    az aze azerbaijani
    be bel belarusian
    bg bul bulgarian
    bn ben bengali bangla
    br bre breton
    bs bos bosnian
    ca cat catalan
    cs ces cze czech
    cy cym wel welsh
    da dan danish
    de deu ger german deutsch
    el ell gre greek
    en eng english
    eo epo esperanto
    es spa spanish castilian español
    et est estonian
    eu eus baq basque
    fa fas per persian farsi
    fi fin finnish
    fo fao faroese
    fr fra fre french français
    ga gle irish
    gd gla gaelic
    gl glg galician
    gu guj gujarati
    he heb hebrew
    hi hin hindi
    hr hrv croatian
    hu hun hungarian
    hy hye arm armenian
    id ind indonesian
    is isl ice icelandic
    it ita italian italiano
    ja jpn japanese
    ka kat geo georgian
    kk kaz kazakh
    kl kal greenlandic kalaallisut
    kn kan kannada
    ko kor korean
    la lat latin
    lb ltz luxembourgish
    lt lit lithuanian
    lv lav latvian
    mg mlg malagasy
    mi mri mao maori māori
    mk mkd mac macedonian
    ml mal malayalam
    mn mon mongolian
    mr mar marathi
    ms msa may malay
    my mya bur burmese
    ne nep nepali
    nl nld dut dutch flemish nederlands
    no nor nob nno nb nn norwegian bokmål nynorsk
    oc oci occitan
    pa pan punjabi
    pl pol polish
    pt por portuguese português
    qu que quechua
    ro ron rum romanian
    ru rus russian
    se sme sami
    si sin sinhala sinhalese
    sk slk slo slovak
    sl slv slovenian slovene
    sq sqi alb albanian
    sr srp serbian
    sv swe swedish svenska
    sw swa swahili
    ta tam tamil
    te tel telugu
    th tha thai
    tl tgl tagalog filipino
    tr tur turkish
    uk ukr ukrainian
    ur urd urdu
    uz uzb uzbek
    vi vie vietnamese
    zh zho chi chinese mandarin
    zu zul zulu
    haw hawaiian
"""
_CODES = {name: line.split()[0] for line in _LANGUAGES.strip().splitlines() for name in line.split()}
# Codes of ISO 639-2 that name no language: undetermined, several, none, one without a code.
_NO_LANGUAGE = frozenset({"und", "mul", "zxx", "mis"})
_SEPARATORS = re.compile(r"[^\w]|_")


def language_code(text: str) -> str:
    """The code of a language by ISO 639-1, else by ISO 639-3; empty if the text names none.

    Args:
        text: a code of two or three letters or an English name; a country or a script may follow.

    >>> [language_code(text) for text in ("English", "ger", "pt-BR", "Chinese (traditional)", "haw", "unspecified")]
    ['en', 'de', 'pt', 'zh', 'haw', '']
    """
    name = _SEPARATORS.split(text.strip().lower(), maxsplit=1)[0]
    is_code = len(name) in {2, 3} and name.isascii() and name.isalpha() and name not in _NO_LANGUAGE
    return _CODES.get(name, name if is_code else "")


def language_name(code: str) -> str:
    """The English name of a language; of one that is not in the table above, its code.

    >>> language_name("de"), language_name("oji")
    ('German', 'oji')
    """
    names = (name for name, own_code in _CODES.items() if own_code == code and len(name) > 3)
    return next(names, code).capitalize() if code in _CODES.values() else code
