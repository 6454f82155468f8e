"""Languages of common names, whichever way a table calls them."""

import re

# ISO 639-1, then the codes of three letters by ISO 639-2 and 639-3 (where the two parts of 639-2 differ, both are
# here), then the English name and others that tables write.
_LANGUAGES = """
aa aar Afar|ab abk Abkhazian|ae ave Avestan|af afr Afrikaans|ak aka Akan|am amh Amharic|an arg Aragonese|ar ara Arabic
as asm Assamese|av ava Avaric|ay aym Aymara|az aze Azerbaijani|ba bak Bashkir|be bel Belarusian|bg bul Bulgarian
bi bis Bislama|bm bam Bambara|bn ben Bengali|bo bod,tib Tibetan|br bre Breton|bs bos Bosnian|ca cat Catalan
ce che Chechen|ch cha Chamorro|co cos Corsican|cr cre Cree|cs ces,cze Czech|cu chu Church Slavic|cv chv Chuvash
cy cym,wel Welsh|da dan Danish|de deu,ger German|dv div Divehi|dz dzo Dzongkha|ee ewe Ewe|el ell,gre Greek
en eng English|eo epo Esperanto|es spa Spanish|et est Estonian|eu eus,baq Basque|fa fas,per Persian|ff ful Fulah
fi fin Finnish|fj fij Fijian|fo fao Faroese|fr fra,fre French|fy fry Western Frisian|ga gle Irish
gd gla Scottish Gaelic|gl glg Galician|gn grn Guarani|gu guj Gujarati|gv glv Manx|ha hau Hausa|he heb Hebrew
hi hin Hindi|ho hmo Hiri Motu|hr hrv Croatian|ht hat Haitian|hu hun Hungarian|hy hye,arm Armenian|hz her Herero
ia ina Interlingua|id ind Indonesian|ie ile Interlingue|ig ibo Igbo|ii iii Sichuan Yi|ik ipk Inupiaq|io ido Ido
is isl,ice Icelandic|it ita Italian|iu iku Inuktitut|ja jpn Japanese|jv jav Javanese|ka kat,geo Georgian|kg kon Kongo
ki kik Kikuyu|kj kua Kuanyama|kk kaz Kazakh|kl kal Kalaallisut|km khm Khmer|kn kan Kannada|ko kor Korean|kr kau Kanuri
ks kas Kashmiri|ku kur Kurdish|kv kom Komi|kw cor Cornish|ky kir Kirghiz|la lat Latin|lb ltz Luxembourgish
lg lug Ganda|li lim Limburgan|ln lin Lingala|lo lao Lao|lt lit Lithuanian|lu lub Luba-Katanga|lv lav Latvian
mg mlg Malagasy|mh mah Marshallese|mi mri,mao Maori|mk mkd,mac Macedonian|ml mal Malayalam|mn mon Mongolian
mr mar Marathi|ms msa,may Malay|mt mlt Maltese|my mya,bur Burmese|na nau Nauru|nb nob Norwegian Bokmål
nd nde North Ndebele|ne nep Nepali|ng ndo Ndonga|nl nld,dut Dutch|nn nno Norwegian Nynorsk|no nor Norwegian
nr nbl South Ndebele|nv nav Navajo|ny nya Chichewa|oc oci Occitan|oj oji Ojibwa|om orm Oromo|or ori Oriya
os oss Ossetian|pa pan Panjabi|pi pli Pali|pl pol Polish|ps pus Pushto|pt por Portuguese|qu que Quechua
rm roh Romansh|rn run Rundi|ro ron,rum Romanian|ru rus Russian|rw kin Kinyarwanda|sa san Sanskrit|sc srd Sardinian
sd snd Sindhi|se sme Northern Sami|sg sag Sango|sh hbs Serbo-Croatian|si sin Sinhala|sk slk,slo Slovak
sl slv Slovenian|sm smo Samoan|sn sna Shona|so som Somali|sq sqi,alb Albanian|sr srp Serbian|ss ssw Swati
st sot Southern Sotho|su sun Sundanese|sv swe Swedish|sw swa Swahili|ta tam Tamil|te tel Telugu|tg tgk Tajik
th tha Thai|ti tir Tigrinya|tk tuk Turkmen|tl tgl Tagalog|tn tsn Tswana|to ton Tonga|tr tur Turkish|ts tso Tsonga
tt tat Tatar|tw twi Twi|ty tah Tahitian|ug uig Uighur|uk ukr Ukrainian|ur urd Urdu|uz uzb Uzbek|ve ven Venda
vi vie Vietnamese|vo vol Volapük|wa wln Walloon|wo wol Wolof|xh xho Xhosa|yi yid Yiddish|yo yor Yoruba|za zha Zhuang
zh zho,chi Chinese|zu zul Zulu
"""
_OTHER_NAMES = {
    "bangla": "bn", "bokmål": "no", "castilian": "es", "deutsch": "de", "español": "es", "farsi": "fa",
    "filipino": "tl", "flemish": "nl", "français": "fr", "gaelic": "gd", "greenlandic": "kl", "italiano": "it",
    "mandarin": "zh", "māori": "mi", "nb": "no", "nederlands": "nl", "nn": "no", "nno": "no", "nob": "no",
    "nynorsk": "no", "português": "pt", "punjabi": "pa", "sami": "se", "sinhalese": "si", "slovene": "sl",
    "svenska": "sv",
}  # fmt: skip


def _read_table() -> tuple[dict[str, str], dict[str, str]]:
    """The code of each spelling of a language, and the name of each code."""
    codes, names = {"hawaiian": "haw"}, {"haw": "Hawaiian"}
    for entry in _LANGUAGES.strip().replace("\n", "|").split("|"):
        short, long, name = entry.split(" ", 2)
        codes |= dict.fromkeys((short, *long.split(","), name.lower()), short)
        names[short] = name
    return codes | _OTHER_NAMES, names


_CODES, _NAMES = _read_table()
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
    whole = text.strip().lower()
    name = _SEPARATORS.split(whole, maxsplit=1)[0]
    is_code = len(name) in {2, 3} and name.isascii() and name.isalpha() and name not in _NO_LANGUAGE
    return _CODES.get(whole) or _CODES.get(name, name if is_code else "")


def language_name(code: str) -> str:
    """The English name of a language; of one that is not in the table above, its code.

    >>> language_name("de"), language_name("oji")
    ('German', 'oji')
    """
    return _NAMES.get(code, code)
