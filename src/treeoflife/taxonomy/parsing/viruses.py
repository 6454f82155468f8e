"""Names of viruses. Those of species are binomials by now; most labels have the older names in English.

ICTV, the committee that names viruses, gives genera, families and so on endings of their own. Words in English end with
virus too, and so do some epithets of animals that are called after a place: *Turkozelotes attavirus* is a spider.
"""

import re

from .letters import LOWER, capitalised
from .parsed_name import ParsedName

_WORDS = (
    r"virus(?:es)?|viroids?|(?:bacterio|cyano|viro|pro|myco|myo|podo|sipho)?phages?"
    r"|(?:alpha|beta|delta)?satellites?|prions?|s?m?npvs?|virinae|viridae"
)
_VIRAL_WORD = re.compile(rf"(?<![\w-])(?:{_WORDS})(?![^\W\d_])", re.IGNORECASE)
_HIGHER = re.compile(
    r"[A-Z][a-z]+(?:vir(?:us|inae|idae|ineae|ales|icetidae|icetes|icotina|icota|ites|ae|ia|oid|iform)|satellit(?:idae|inae)|viroidae)"
)
_GENUS = re.compile(r"[A-Z][a-z0-9]*(?:virus|viroid|satellite|viriform)")
_BINOMIAL = re.compile(rf"({_GENUS.pattern}) ([{LOWER}][{LOWER}0-9-]*|[A-Z0-9][A-Za-z0-9-]*\d[A-Za-z0-9-]*)")
# Words that end with virus, in names in English of old. Epithets of animals do not end like this.
_COMPOUND = re.compile(
    r"(?:adeno|alpha|anello|aphtho|arena|arteri|asco|astro|badna|baculo|begomo|birna|boca|borna|bunya|calici|cardio|carla"
    r"|caulimo|circo|clostero|corona|cucumo|cypo|delta|denso|ebola|entero|erythro|fila|filo|flavi|foamy|gemini|granulo"
    r"|hanta|henipa|hepaci|hepadna|hepato|herpes|ilar|influenza|irido|kobu|lenti|luteo|lyssa|megalo|metapneumo|mimi"
    r"|morbilli|nairo|nano|necro|nepo|nido|noda|noro|nudi|nucleopolyhedro|orthobunya|orthopox|papilloma|paramyxo|parecho"
    r"|parvo|pesti|phlebo|picorna|pneumo|polerovi|polyoma|poty|potex|pox|reo|retro|rhabdo|rhino|rota|rubi|rubula|sapo"
    r"|seadorna|spuma|tobamo|tobra|tombus|toro|tospo|toti|tymo|vesiculo|vitivi|waika|wuko)virus(?:es)?",
    re.IGNORECASE,
)
# Three words or more of which the last is of a virus, as no name of a subspecies is.
_OF_HOST = re.compile(rf"\S+ (?:\S+ )*[{LOWER}-]+ [{LOWER}]{{3,}}virus(?:es)?(?: [A-Z0-9][\w-]*)*")
_ABBREVIATED = re.compile(
    r"(?:SARS|MERS)[- ]?CoV(?:[- ]?2)?|HIV(?:[- ]?[12])?|H\d{1,2}N\d{1,2}|(?:TMV|HBV|HCV|EBV|HPV)(?:[- ]?\d+)?"
)
_YEAR = re.compile(r"(?<![^\W_])(?:1[5-9]|20)\d\d[a-z]?(?![^\W_])")
_CITATION = re.compile(r"\([^()\d]+,? ?(?:1[5-9]|20)\d\d[a-z]?\)")
_CITED = re.compile(
    r"\((?:[A-Z][a-z]{2,}(?:(?:,? | & | and | et )[A-Z][a-z]{2,}| et al\.?)*,?\)? ?)$"  # (Smith & Jones
    r"|(?<=[a-z]),? [A-Z][a-z]{2,}(?:(?:, | & | and )[A-Z][a-z]{2,})*,? (?=(?:1[5-9]|20)\d\d[a-z]?\)?$)"  # , Smith 1901
    r"|\([A-Z][a-z]{2,}(?:(?:, | & | and )[A-Z][a-z]{2,})*,? (?=(?:1[5-9]|20)\d\d[a-z]?\)?$)"  # (Smith 1901
)


# The bird genus Prion has epithets; the proteins that were named after it are called in English.
_BIRD = re.compile(r"Prion [a-z]+(?:us|is|or|a|ur|ii?|ae|er)\b")
# The strain behind a virus: Influenza A virus (A/Puerto Rico/8/1934(H1N1)).
_STRAIN = re.compile(r"\s+\([^()]*/.*$")


def is_viral(text: str) -> bool:
    """Whether a text names a virus, a viroid, a satellite or a prion.

    >>> [is_viral(text) for text in ("Tobacco mosaic virus", "Orthoebolavirus zairense", "Human rhinovirus A11")]
    [True, True, True]
    >>> [is_viral(text) for text in ("Turkozelotes attavirus Chatzaki, 2019", "Prionus coriarius", "Prion vittatus")]
    [False, False, False]
    """
    if _BIRD.match(text):
        return False
    first, _, rest = text.partition(" ")
    viral = (
        (_HIGHER.fullmatch(first) and not rest[:1].islower())
        or _GENUS.fullmatch(first)
        or _VIRAL_WORD.search(text)
        or _COMPOUND.search(text)
    )
    return bool(viral or _OF_HOST.fullmatch(text) or _ABBREVIATED.fullmatch(text))


def split_virus(text: str) -> ParsedName:
    """A virus' name without author and year: a binomial by its parts, any other unsplit as the species.

    >>> split_virus("Orthoebolavirus zairense")[:2], split_virus("Tobacco mosaic virus")[:2]
    (('Orthoebolavirus', 'zairense'), ('', 'Tobacco mosaic virus'))
    >>> split_virus("Influenza A virus (A/Puerto Rico/8/1934(H1N1))").species
    'Influenza A virus'
    """
    text = _STRAIN.sub("", text) if is_viral(_STRAIN.sub("", text)) else text
    words = [word for word in _CITED.sub(" ", _CITATION.sub(" ", text)).split() if not _YEAR.search(word)]
    name = " ".join(words)
    if len(words) == 1 and not _ABBREVIATED.fullmatch(name):
        return ParsedName(genus=capitalised(name), quality=1, kind="virus")
    if match := _BINOMIAL.fullmatch(name):
        return ParsedName(match[1], match[2], quality=1, kind="virus", rank="species")
    return ParsedName(species=name, quality=1, kind="virus", rank="species")
