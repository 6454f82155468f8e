"""Names that are not, or not wholly, determined: open nomenclature, numbers of specimens, several names in one label.

The marks are those of Sigovini et al. 2016 (doi:10.1111/2041-210X.12594), as people write them. A mark says that nobody
knows, or how sure somebody is. Only what tells one unnamed species from another stays in a name, such as ``sp. 2`` or
``sp. BOLD:AAA1234``; so does a mark of doubt with its epithet, ``cf. merula``, since that is not the species merula.
"""

import re
from collections.abc import Callable, Sequence

from ...core.known_names import is_common_name, is_english
from .letters import LATIN, LOWER, UPPER
from .parsed_name import EPITHET_MARKS, PARTS, ParsedName, rank_below_species

EPITHET = re.compile(rf"[{LOWER}]+(?:[-'’][{LOWER}]+)*")
GENUS = re.compile(rf"(?:[×+] ?)?[{UPPER}][{LATIN}]+(?:-[{LATIN}]+)?")
AUTHOR_PARTICLES = frozenset(
    "de da du di la le den der des van von und et ex in al al. f. fil. nec non auct auct. emend sensu and y zu ter"
    "".split()
)
_YEAR = re.compile(r"(?<![^\W_])(?:1[5-9]|20)\d\d[a-z]?(?![^\W_])")
_BOLD = re.compile(r"\bBOLD:?[ ]?[A-Z]{3}\d{4}\b|\bBOLD:", re.IGNORECASE)
# Marks that stand where an epithet should, and say that there is none.
_UNNAMED = frozenset(
    """sp sp. spp spp. spec spec. species indet indet. undet undet. undetermined indeterminate unidentified unknown
    unid unid. n. nov nov. gen gen. genus et undescribed nan null none na n/a unassigned inconnu inconnue
    indéterminé indéterminée indetermine desconocido desconocida indeterminado indeterminada desconhecido desconhecida
    sconosciuto sconosciuta unbestimmt unbekannt onbekend okänd obestämd ukjent ukendt unnamed uncertain
    taxon""".split()
)
# Marks that say how sure an epithet is; those of two words are joined before they are looked up.
_DOUBT = {
    "cf": "cf.", "cf.": "cf.", "cfr": "cf.", "cfr.": "cf.", "conf.": "cf.", "aff": "aff.", "aff.": "aff.",
    "affin.": "aff.", "nr": "nr.", "nr.": "nr.", "near": "nr.", "prox.": "prox.", "prox": "prox.", "ex gr.": "ex gr.",
    "gr.": "gr.", "sp. cf.": "cf.", "sp. aff.": "aff.", "sp. nr.": "nr.", "sp. near": "nr.", "sp. prox.": "prox.",
}  # fmt: skip
# What follows a name and says nothing about which species it is: concepts, nomenclatural notes, sex and age.
_NOTES = re.compile(
    r"(?:,\s*|\s+|\s*\()(?:s\.\s?(?:l|s|str|lat|ampl)\.?(?![^\W\d_])|sensu\b|sens\.|agg\.?(?!\w)|aggr\.?(?!\w)|aggregate\b"
    r"|(?:species[ -])?(?:complex|group|grp\.?|gp\.?|aggregate)(?![^\W\d_])|sp\.? ?gr(?:p|oup)?\.?(?!\w)"
    r"|nom(?:en|\.)\s?[a-z]|auct\b|auctt?\.|hort\.?(?![^\W\d_])|ined\.?(?!\w)|comb\.\s?n|stat\.\s?n|syn\."
    r"|(?:n|nov)\.?\s?sp\.?(?!\w)"
    r"|(?:sp|spec|ssp|subsp|gen|fam)\.?\s(?:n|nov)\.?(?!\w)|p\.\s?p\.|pro parte|pro sp\.?|emend\.?\s|MS\b"
    r"|ms\.?(?=$|\)))"
)
_REMARK = re.compile(
    r"[\s,]+(?:♂+|♀+|⚥|male|female|males|females|juvenile|juv\.?|adult|adults|subadult|immature|imm\.|imago|larvae?|pupae?"
    r"|nymphs?|eggs?|nest|worker|queen|drone|gall|caterpillar|tadpole|chick|fledgling|seedling|dead|captive|cultivated"
    r"|skull|track|tracks|scat|feather|leaf|leaves|flower|flowers|fruit|seed|seeds|bark|habitat|specimen|holotype|paratype"
    r"|dorsal|ventral|lateral)(?=[\s,;)]|$).*$"
)
_AGE = frozenset(
    "larva larvae pupa pupae nymph nymphs adult adults juvenile juveniles juv juv. eggs imago imm immature male female"
    "".split()
)
_RANK_WORDS = {
    "kingdom": "kingdom", "phylum": "phylum", "division": "phylum", "class": "class", "order": "order",
    "family": "family", "fam.": "family", "genus": "genus", "gen.": "genus", "ord.": "order", "cl.": "class",
    "superfamily": "superfamily", "subfamily": "subfamily", "subfam.": "subfamily", "tribe": "tribe",
    "subtribe": "subtribe", "suborder": "suborder", "superorder": "superorder", "infraorder": "infraorder",
    "subclass": "subclass", "subphylum": "subphylum", "clade": "clade", "subgenus": "subgenus", "subgen.": "subgenus",
    "subg.": "subgenus", "section": "section", "sect.": "section", "familia": "family", "famille": "family",
    "familie": "family", "orden": "order", "ordre": "order", "clase": "class", "classe": "class", "ordo": "order",
    "classis": "class", "género": "genus", "gattung": "genus", "genre": "genus", "species": "species", "art": "species",
    "complex": "species",
}  # fmt: skip
_RANK_LETTERS = {
    "d": "",
    "k": "kingdom",
    "p": "phylum",
    "c": "class",
    "o": "order",
    "f": "family",
    "g": "genus",
    "s": "species",
}
_LETTERED = re.compile(r"([dkpcofgs])  ?(?=\S)")
_INFRAGENERIC = re.compile(
    rf"^([{UPPER}][{LOWER}-]+)(?: .*?)? (?:subgen\.?|subg\.?|sg\.|subgenus|sect\.?|section|subsect\.?|ser\.|series"
    rf"|subser\.) (?:[{UPPER}])"
)
# A bracket between genus and epithet holds a subgenus, however it is written; one behind a genus alone may hold an
# author.
_SUBGENUS = re.compile(rf"^((?:× ?)?[{UPPER}][{LOWER}-]+) \((?:[^()]*\)(?= [{LOWER}×])|[{UPPER}][{LOWER}-]+\)$)")
_ABBREVIATED = re.compile(rf"[{UPPER}](?:[{LOWER}]{{0,2}}\. ?| )(?:\([^)]*\) )?[{LOWER}×]")
_SEPARATOR = re.compile(r"\s*(?:/|\||;|\s(?:or|vs\.?|oder|ou|vel|versus|eller)\s)\s*")
_BESIDE = re.compile(r"\s+(?:-|–|—|=|:)\s+|:\s+|,\s+(?=[^\d])")
_AND = re.compile(r"\s*(?:,|\s(?:&|and|und|et|y|e|en|og|och|with|of|o)\s)\s*")
_MARK = "|".join(map(re.escape, sorted(EPITHET_MARKS)))
_NAME = re.compile(
    rf"(?:[×+] ?)?[{UPPER}](?:[{LOWER}-]+|[{LOWER}]{{0,2}}\.(?= ))(?: (?:× |x )?[{LOWER}]{{3,}}(?:-[{LOWER}]+)*)?"
    rf"(?: (?:{_MARK}))?"
    rf"(?: [{LOWER}]{{3,}})?(?: sp\.?| spp\.?)?"
)
_PLAIN_NAME = re.compile(
    rf"[{UPPER}][{LOWER}]*\.? (?!(?:and|ex|et|in|von|van|der|del|des|fil)\b)[{LOWER}]{{3,}}(?:-[{LOWER}]+)*"
)

Split = Callable[[str], ParsedName]


def without_notes(text: str) -> str:
    """A name without the concept, nomenclatural note, sex or age that follows it.

    >>> [without_notes(f"Turdus merula {note}") for note in ("s.l.", "L. nom. nud.", "male")]
    ['Turdus merula', 'Turdus merula L.', 'Turdus merula']
    """
    head, _, tail = text.partition(" ")
    if not tail:
        return text
    epithet, _, rest = tail.partition(" ")
    if epithet.endswith(",") and EPITHET.fullmatch(epithet[:-1]):
        epithet, rest = epithet[:-1], f", {rest}"
    if epithet.lower() in _AGE - {"male", "female"} or epithet in PARTS:
        return head
    if EPITHET.fullmatch(epithet) and epithet not in _UNNAMED and epithet not in _DOUBT:
        head = f"{head} {epithet}"
        tail = rest
    # What would be nothing but a note is one about the whole name.
    note = _NOTES.search(f" {tail}") if not tail.startswith(("n.", "nov.", "sp.", "gen.")) or head.count(" ") else None
    kept = f" {tail}"[: note.start()] if note else f" {tail}"
    return f"{head}{_REMARK.sub('', kept)}".strip(" ,") if head.count(" ") else f"{head}{kept}".strip(" ,")


def split_rank_word(text: str) -> tuple[str, str]:
    """The rank that is written before or behind a name, and the name: ``Family Turdidae``, ``g__Turdus``.

    >>> split_rank_word("Family Turdidae"), split_rank_word("Turdidae (family)"), split_rank_word("Turdus merula")
    (('family', 'Turdidae'), ('family', 'Turdidae'), ('', 'Turdus merula'))
    """
    if match := _LETTERED.match(text):
        return _RANK_LETTERS[match[1]], text[match.end() :]
    first, _, rest = text.partition(" ")
    rank = _RANK_WORDS.get(first.rstrip(":").lower())
    if rank and rest[:1].isupper():
        return rank, rest
    last = text.rpartition(" ")[2].strip("()[]").lower()
    if (
        text.count(" ") == 1
        and first[:1].isupper()
        and last in _RANK_WORDS
        and last not in {"art", "species", "gen.", "sect."}
    ):
        return _RANK_WORDS[last], first
    return "", text


def split_subgenus(text: str) -> tuple[str, str]:
    """Whether a subgenus, section or the like follows the genus, as the rank genus; and the name without it.

    >>> split_subgenus("Aedes (Stegomyia) aegypti"), split_subgenus("Aedes subg. Stegomyia")
    (('genus', 'Aedes aegypti'), ('genus', 'Aedes'))
    """
    if match := _INFRAGENERIC.match(text):
        words = text[match.end() - 1 :].split()
        epithet = words[1] if len(words) > 1 and EPITHET.fullmatch(words[1]) and len(words[1]) > 2 else ""
        return "genus", f"{match[1]} {epithet}".strip()
    if match := _SUBGENUS.match(text):
        return "genus", match[1] + text[match.end() :]
    return "", text


def is_abbreviated(text: str) -> bool:
    """Whether the genus is abbreviated, so that nobody can tell which it is: ``T. merula``."""
    return bool(_ABBREVIATED.match(text)) and text.partition(" ")[0].lower() not in _DOUBT


def split_several(text: str, split: Split) -> ParsedName | None:
    """Of several names in one label, what they have in common: a genus or nothing. None if it has one name.

    A name in English beside one in Latin is not a second name.
    """
    beside = [part for part in _BESIDE.split(text) if part]
    if len(beside) == 2 and is_common_name(beside[0].split()) != is_common_name(beside[1].split()):
        return split(beside[is_common_name(beside[0].split())])
    for pattern, is_name in ((_SEPARATOR, _NAME), (_AND, _PLAIN_NAME)):
        parts = [part for part in _outside_brackets(text, pattern) if part and not _REMARK.fullmatch(f" {part}")]
        if len(parts) < 2:
            if parts and pattern is _SEPARATOR and parts[0] != text and pattern.search(text):
                return split(parts[0])
            continue
        latin = [part for part in parts if not (is_common_name(part.split()) if " " in part else is_english(part))]
        if pattern is _SEPARATOR and len(latin) == 1:
            return split(latin[0])
        genus = latin[0].split()[0] if latin else ""
        names = [_completed(part, genus) for part in latin[1:]]
        # Behind a name with an author, a further word is an author, too.
        if not names or (pattern is _AND and not _PLAIN_NAME.fullmatch(latin[0])):
            has_several = False
        elif not _NAME.fullmatch(latin[0]):
            has_several = all(" " in name and is_name.fullmatch(name) for name in names)
        else:
            has_several = all(is_name.fullmatch(name) for name in names)
        if has_several:
            return _in_common([split(name) for name in (latin[0], *names)])
        if pattern is _SEPARATOR and not latin:
            return ParsedName()
    return None


def _outside_brackets(text: str, pattern: re.Pattern[str]) -> list[str]:
    """The parts of a text between separators; brackets, as of authors, are left out."""
    bare = re.sub(r"\s*\([^()]*\)", "", text) if "(" in text else text
    return [part.strip() for part in pattern.split(bare)]


def _completed(part: str, genus: str) -> str:
    """A further name with the genus of the first, where it has none or only its initial."""
    head, _, tail = part.partition(" ")
    if EPITHET.fullmatch(head):
        return f"{genus} {part}"
    return f"{genus} {tail}" if head.endswith(".") and tail and genus.startswith(head.rstrip(".")) else part


def _in_common(names: Sequence[ParsedName]) -> ParsedName:
    first = names[0]
    if all(name[:3] == first[:3] for name in names):
        return first
    genus = first.genus if all(name.genus == first.genus for name in names) else ""
    return ParsedName(genus, quality=4, kind="placeholder") if genus else ParsedName()


def split_placeholder(text: str) -> ParsedName | None:
    """A name in open nomenclature: its genus, and what takes the place of the epithet. None for any other name.

    >>> split_placeholder("Turdus cf. merula")[:2], split_placeholder("Aedes sp. BOLD:AAA1234")[:2]
    (('Turdus', 'cf. merula'), ('Aedes', 'sp. BOLD:AAA1234'))
    >>> split_placeholder("Turdus spp.")[:2], split_placeholder("Turdus merula")
    (('Turdus', ''), None)
    """
    words = _joined_marks(text.split())
    if words and words[0].lower() in _DOUBT:
        # A mark before the genus doubts the whole name.
        words = [words[1], words[0].lower(), *words[2:]] if len(words) > 2 and GENUS.fullmatch(words[1]) else []
        return split_placeholder(" ".join(words)) if words else ParsedName()
    size = 2 if words and words[0] in {"×", "+", "Candidatus"} else 1
    genus, rest = " ".join(words[:size]), words[size:]
    marked = any(word.lower() in _UNNAMED or word.lower() in _DOUBT or _BOLD.match(word) for word in rest)
    if not marked or not (size == 2 or GENUS.fullmatch(genus)):
        return None
    if genus.lower() in _UNNAMED:
        return ParsedName()
    species, below = _parts(rest)
    kind = "placeholder" if species else "uninomial"
    rank = rank_below_species(below) if species else ""
    return ParsedName(genus, species, below, quality=4, kind=kind, rank=rank)


def _joined_marks(words: Sequence[str]) -> list[str]:
    """The words of a name, with numbers parted from ``sp1`` and marks of two words joined."""
    joined: list[str] = []
    for word in words:
        pair = f"{joined[-1].lower()} {word.lower()}" if joined else ""
        pair = pair.replace("sp ", "sp. ").removesuffix(".") + "." if pair else ""
        if match := re.fullmatch(r"(spp?)\.?(\d\w*|[A-Z]{2,}\w*\d\w*)", word):
            joined += [f"{match[1]}.", match[2]]
        elif pair in _DOUBT and joined:
            joined[-1] = pair
        else:
            joined.append(word)
    return joined


def _parts(rest: Sequence[str]) -> tuple[str, str]:
    """The epithet or what takes its place, and what is below the species."""
    first = rest[0]
    if EPITHET.fullmatch(first) and first not in _UNNAMED and first not in _DOUBT:
        if len(rest) == 2 and rest[1] in _DOUBT:  # a mark behind the epithet that it doubts
            return f"{_DOUBT[rest[1]]} {first}", ""
        below = _marks_and_codes(rest[1:])
        return first, below if _tells_something(below) else ""
    species = _marks_and_codes(rest)
    return (species, "") if _tells_something(species) else ("", "")


def _tells_something(marks: str) -> bool:
    """Whether there is anything but marks that nobody knows."""
    return any(
        word.lower() not in _UNNAMED | {"nova", "novum"} and word not in _DOUBT and word not in EPITHET_MARKS
        for word in marks.split()
    )


def _is_code(word: str, before: Sequence[str]) -> bool:
    """Whether a word is the number of a specimen or a species; a year is one only behind a mark or another number."""
    bare = word.strip(",;()[]")
    if _YEAR.fullmatch(bare):
        return bool(before) and (before[-1].lower() in _UNNAMED or before[-1].isdigit())
    return any(letter.isdigit() for letter in bare)


def _is_mark(word: str) -> bool:
    return word.lower() in _UNNAMED or word in _DOUBT or word in EPITHET_MARKS or bool(_BOLD.match(word))


def _is_epithet(word: str) -> bool:
    return bool(EPITHET.fullmatch(word)) and word not in AUTHOR_PARTICLES and not is_english(word)


def _marks_and_codes(rest: Sequence[str]) -> str:
    """The marks, codes and epithets of a placeholder, up to the first author or year."""
    kept: list[str] = []
    for index, word in enumerate(rest):
        bare = word.strip(",;()[]#")
        if bare.rstrip(".").lower() in _AGE:
            break
        behind = rest[index + 1 : index + 3]
        if not (_is_mark(bare) or _is_epithet(bare) or _is_code(bare, kept or ["sp."])):
            # The name of a collection may stand before the number of a specimen, and a letter behind a mark.
            in_number = bare.isalpha() and any(_is_code(word, ()) for word in behind)
            if not kept or not (in_number or re.fullmatch(r"[A-Z]{1,2}", bare)):
                break
        kept.append(bare.lower() if bare.lower() in _UNNAMED else _DOUBT.get(bare, bare))
    return " ".join(kept)
