"""The names and ranks of a checklist's rows: names without their authors, ranks by one word.

A checklist has millions of rows, and says of each which rank it has. So nearly every name is one of few patterns, by
which it is divided at once; the others, some per mille, are parsed one by one.
"""

import polars as pl

from ...core.unknown_words import UNKNOWN
from ..parsing.label import Parser, parse
from ..providers.records import rank_value

SPECIES_RANKS = frozenset({"species", "species aggregate", "species group", "species subgroup", "species complex"})
"""The ranks whose names are binomials."""
BELOW_SPECIES = frozenset(
    {
        "subspecies", "variety", "subvariety", "form", "subform", "forma specialis", "convariety", "race", "morph",
        "aberration", "natio", "mutatio", "lusus", "proles", "grex", "klepton", "cultivar", "cultivar group", "strain",
        "isolate", "pathovar", "biovar", "serovar", "serotype", "serogroup", "chemovar", "chemoform", "phagovar",
        "morphovar", "biotype", "genotype", "pathogroup", "infraspecies", "infraspecific name",
        "infrasubspecific name", "infrahybrid", "nothosubspecies", "nothovariety", "nothoform", "ecotype", "morphotype",
        "stirps", "supersubspecies", "infrasubspecies", "strain group",
    }
)  # fmt: skip
"""The ranks below the species."""

_RANKS = {
    "regnum": "kingdom", "classis": "class", "ordo": "order", "familia": "family", "sp": "species", "gen": "genus",
    "fam": "family", "ord": "order", "cl": "class", "phyl": "phylum", "nothogenus": "genus", "genushybrid": "genus",
    "nothospecies": "species", "hybrid": "species", "complex": "species complex", "aggregate": "species aggregate",
    "ssp": "subspecies", "subsp": "subspecies", "var": "variety", "varietas": "variety", "f": "form", "forma": "form",
    "fo": "form", "superkingdom": "domain", "unranked": "", "no rank": "", "norank": "", "not specified": "",
    "other": "", "unknown": "", "none": "", "null": "",
}  # fmt: skip
"""Other words for a rank, in lower case and without a full stop at their end."""

_INFRAGENERIC_RANKS = (
    "subgenus", "infragenus", "supersection", "section", "subsection", "superseries", "series", "subseries",
    "infrageneric name",
)  # fmt: skip
# The names of most rows, whose parts are their words.
_PLAIN = r"^[A-Z][a-zë]+(?:-[a-z]+)?(?: [a-zë]{3,}(?:-[a-zë]+)*)?$"
_GENUS = r"[A-Z][a-zë]+(?:-[A-Za-z]?[a-zë]+)?"
_EPITHET = r"[a-zë]{3,}(?:-[a-zë]+)*"
# An author begins with a capital, perhaps after a bracket, or with a particle.
_AUTHOR = r"(?: ([(\[]*(?:\p{Lu}|d'|de |du |da |van |von |zu |ter |den |le |la )[^×]*))?"
_BINOMIAL = rf"^({_GENUS}) (?:\({_GENUS}\) )?({_EPITHET}){_AUTHOR}$"
_WORD = rf"^({_GENUS}){_AUTHOR}$"
_INFRAGENERIC = rf"^{_GENUS} (?:\(|(?:subg|subgen|supersect|sect|subsect|ser|subser)\. )({_GENUS})\)?{_AUTHOR}$"
# In the position of an epithet: marks, remarks and particles of authors. Without an author, "virus" is a word, too.
_NO_EPITHET = (
    r"^\S+ (?:spp|ssp|subsp|var|the|and|species|group|complex|indet|nov|gen|undet|cultivar|hybrid|near|from|van|von"
    r"|der|den|des|del|ter|zur|sensu|auct|non|nec|sedis)\b"
)
_VIRAL_EPITHET = r"^[A-Z]\S+ \S*(?:virus|viroid|phage|satellite)$"
_MORE_PARTS = r" [xX×] | (?:var|subsp|ssp|subvar|cv)\. |^Candidatus "
_VIRAL = r"(?i)virus|viroid|phage|satellite"
_YEAR = r"\b(?:1[5-9]|20)\d\d\b"
_PARTS = ("own_genus", "epithet", "written_author", "word")


def plain_rank(rank: pl.Expr) -> pl.Expr:
    """A rank as a word in lower case, one for each rank; empty where a checklist only says that there is none.

    >>> ranks = pl.Series(["SPECIES", "Subsp.", "unranked", "SPECIES_AGGREGATE"])
    >>> pl.select(plain_rank(pl.lit(ranks))).to_series().to_list()
    ['species', 'subspecies', '', 'species aggregate']
    """
    word = rank.str.to_lowercase().str.replace_all(r"[_\s]+", " ").str.strip_chars(" .")
    return word.replace(_RANKS)


def with_plain_names(rows: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """The rows with their names divided.

    Args:
        rows: ``name``, with or without its author, ``author``, and ``rank`` as :func:`plain_rank` has it.

    Returns:
        The rows, in any order, with ``name`` without author, empty where it is none or that of a taxon below the
        species; and of a binomial its ``own_genus`` and ``epithet``, which are empty for other names. An author that
        stood in the name alone is in ``author``.

    >>> from treeoflife.taxonomy.parsing.simple import SimpleParser
    >>> rows = pl.DataFrame({"name": ["Puma (Puma) concolor (L.)", "Felidae"], "author": "", "rank": ["species", ""]})
    >>> with_plain_names(rows, SimpleParser()).select("name", "author", "own_genus", "epithet").sort("name").rows()
    [('Felidae', '', '', ''), ('Puma concolor', '(L.)', 'Puma', 'concolor')]
    """
    in_rank = pl.col("rank").is_in(sorted(BELOW_SPECIES))
    rows = rows.with_columns(name=pl.when(in_rank).then(pl.lit("")).otherwise(_without_author()))
    is_plain = rows.select(is_plain=_is_plain())["is_plain"]
    plain, others = rows.filter(is_plain), rows.filter(~is_plain)
    others = others.with_columns(has_author=pl.col("author") != "")
    keys = ("name", "rank", "has_author")
    parts = _divide(others.select(keys).filter(pl.col("name") != "").unique(), parser)
    divided = others.drop("name").hstack(others.select("name")).join(parts, on=keys, how="left")
    binomial = pl.concat_str("own_genus", "epithet", separator=" ").str.strip_chars()
    return pl.concat(
        [
            _divide_plain(plain),
            divided.with_columns(pl.col(_PARTS).fill_null("")).with_columns(
                name=pl.when(pl.col("epithet") != "").then(binomial).otherwise("word"),
                author=pl.when("has_author").then("author").otherwise("written_author"),
            ),
        ],
        how="diagonal",
    ).drop("has_author", "word", "written_author")


def _without_author() -> pl.Expr:
    """The name without the author that the row gives beside it."""
    name, author = pl.col("name").str.strip_chars(), pl.col("author")
    return pl.when(author != "").then(name.str.strip_suffix(author).str.strip_chars(" ,")).otherwise(name)


def _is_plain() -> pl.Expr:
    """Whether a name is a word, or a genus and an epithet, as its rank would have it."""
    name, rank = pl.col("name"), pl.col("rank")
    is_binomial = name.str.contains(" ", literal=True)
    fits = pl.when(rank.is_in(sorted(SPECIES_RANKS))).then(is_binomial).otherwise(~is_binomial | (rank == ""))
    return name.str.contains(_PLAIN) & fits & ~_is_doubtful()


def _is_doubtful() -> pl.Expr:
    """Whether a name of a regular pattern may be something else."""
    name = pl.col("name")
    is_virus = (pl.col("author") == "") & name.str.contains(_VIRAL_EPITHET)
    return is_virus | name.str.contains(_NO_EPITHET) | name.str.to_lowercase().is_in(sorted(UNKNOWN))


def _divide_plain(rows: pl.DataFrame) -> pl.DataFrame:
    words = pl.col("name").str.splitn(" ", 2).struct
    epithet = words[1].fill_null("")
    return rows.with_columns(
        own_genus=pl.when(epithet == "").then(pl.lit("")).otherwise(words[0]), epithet=epithet,
    )  # fmt: skip


def _divide(names: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """The parts of names with authors, subgenera and the like by their patterns, and those of all others by a parser.

    All parts are empty if a name is a code or a placeholder, or one of a taxon below the species.
    """
    rank, name = pl.col("rank"), pl.col("name")
    author = pl.when("has_author").then(pl.lit("known")).otherwise(pl.lit(""))
    is_odd = names.with_columns(author=author).select(odd=_is_doubtful() | name.str.contains(_MORE_PARTS))["odd"]
    has_binomial = rank.is_in(sorted(SPECIES_RANKS)) | (rank == "")
    patterns = {
        _BINOMIAL: (has_binomial, ("own_genus", "epithet", "written_author")),
        _INFRAGENERIC: (rank.is_in(_INFRAGENERIC_RANKS), ("word", "written_author")),
        _WORD: (~rank.is_in(sorted(SPECIES_RANKS)), ("word", "written_author")),
    }
    left, divided = names.filter(~is_odd), list[pl.DataFrame]()
    for pattern, (applies, parts) in patterns.items():
        fits = left.select(fits=applies & name.str.contains(pattern))["fits"]
        groups = name.str.extract_groups(pattern).struct
        found = left.filter(fits).with_columns(groups[index].alias(part) for index, part in enumerate(parts))
        divided, left = [*divided, found], left.filter(~fits)
    return pl.concat([*divided, _parse(pl.concat([left, names.filter(is_odd)]), parser)], how="diagonal")


def _parse(names: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    has_number = pl.col("name").str.replace_all(_YEAR, "").str.contains(r"\d")
    named = names.filter(~has_number | pl.col("name").str.contains(_VIRAL))
    parts = [_parse_one(name, rank, parser) for name, rank in named.select("name", "rank").iter_rows()]
    return named.hstack(pl.DataFrame(parts, schema=dict.fromkeys(_PARTS, pl.String), orient="row"))


def _parse_one(name: str, rank: str, parser: Parser) -> tuple[str, str, str, str]:
    if rank and rank not in SPECIES_RANKS:
        return "", "", "", rank_value(name, parser)
    parsed = parse(name, parser)
    if parsed.infraspecific or parsed.kind in ("placeholder", "none"):
        return "", "", "", ""
    if not parsed.species:
        return "", "", parsed.authorship, "" if rank else parsed.genus
    return parsed.genus, parsed.species, parsed.authorship, ""
