"""What a label says of a name, part by part, and what a parser of names has to do."""

from typing import NamedTuple, Protocol


class ParsedName(NamedTuple):
    """The parts of a scientific name.

    Attributes:
        genus: the genus, or the one word of a name of higher rank; with ``×``, ``+`` or ``Candidatus`` before it, if so
            written.
        species: the specific epithet; for hybrids, placeholders and viruses, all that follows the genus.
        infraspecific: what follows the specific epithet, with its rank marks, such as ``subsp. minor``.
        authorship: authors and year as written.
        quality: 1 clean, 2 unusual, 3 needs care, 4 poor, 0 not a scientific name.
        kind: species, uninomial, hybrid, chimaera, placeholder, virus, candidatus or none.
        rank: the rank of the name that these parts make, if its form tells it: genus (a subgenus follows), species,
            subspecies and the like, kingdom, or what is written before the name, such as ``family``. Empty for other
            names of one word, of which only a taxonomy or the ending can tell.
    """

    genus: str = ""
    species: str = ""
    infraspecific: str = ""
    authorship: str = ""
    quality: int = 0
    kind: str = "none"
    rank: str = ""

    @property
    def canonical(self) -> str:
        """The name without its author."""
        return " ".join(filter(None, (self.genus, self.species, self.infraspecific)))


class Parser(Protocol):
    """Splits scientific names into their parts. Those of :mod:`.parsing` are its :class:`~.parsing.LabelParser`."""

    name: str

    def parse(self, name: str) -> ParsedName:
        """Split one name in Latin words, with or without an author.

        It is free of markup, and is no hybrid, virus or placeholder: :mod:`~treeoflife.taxonomy.parsing.label` splits
        those.
        """

    def read(self, label: str) -> ParsedName:
        """Split a label in any form."""

    def read_columns(self, genus: str, species: str) -> ParsedName:
        """Split a genus and what a column beside it calls the species."""


PARTS = frozenset(
    """tree trees bush bushes shrub shrubs herb herbs plant plants flower flowers blossom leaf leaves fruit fruits seed
    seeds seedling sapling cone cones bark trunk shell shells skull skulls skeleton bone bones egg nest nests feather
    feathers track tracks footprint scat chick chicks fledgling cub cubs tadpole tadpoles caterpillar caterpillars
    specimen specimens colony mushroom mushrooms fossil tooth teeth""".split()
)
"""What people write behind a genus or a higher name in place of an epithet: parts, stages, habits of living things."""

# Words in the position of an epithet that are marks, remarks or English.
NOT_EPITHETS = PARTS | frozenset(
    """spp ssp subsp var the and from species group complex indet nov gen undet cultivar hybrid hyb hybr near spec agg
    larva larvae pupa nymph adult juvenile juv eggs imago family order class genus tribe unidentified unknown
    undetermined indeterminate symbiont endosymbiont phytoplasma aff cfr not found recorded subgen subgenus subg sect
    section subsect series hort cult group""".split()
)

EPITHET_MARKS = {
    "ssp.": "subsp.", "ssp": "subsp.", "subsp.": "subsp.", "subsp": "subsp.", "subspec.": "subsp.",
    "subspecies": "subsp.", "var.": "var.", "var": "var.", "varietas": "var.", "variety": "var.", "v.": "var.",
    "f.": "f.", "fo.": "f.", "fa.": "f.", "fm.": "f.", "forma": "f.", "form": "f.", "form.": "f.", "morph": "morph",
    "morph.": "morph", "morpha": "morph", "subvar.": "subvar.", "subvar": "subvar.", "subf.": "subf.",
    "nothosubsp.": "nothosubsp.", "nothossp.": "nothosubsp.", "nothovar.": "nothovar.", "nvar.": "nothovar.",
    "nothof.": "nothof.", "ab.": "ab.", "aberration": "ab.", "race": "race", "convar.": "convar.", "pv.": "pv.",
    "pathovar": "pv.", "pathovar.": "pv.", "prol.": "prol.", "proles": "prol.", "natio": "natio", "lusus": "lusus",
    "f.sp.": "f.sp.", "monstr.": "monstr.", "mut.": "mut.", "agamosp.": "agamosp.",
}  # fmt: skip
"""The marks of ranks below the species as people write them, and the one spelling that names.parquet has of each."""

RANK_OF_MARK = {
    "subsp.": "subspecies", "nothosubsp.": "subspecies", "var.": "variety", "nothovar.": "variety", "f.": "form",
    "nothof.": "form", "subvar.": "subvariety", "subf.": "subform", "morph": "morph", "ab.": "aberration",
    "race": "race", "convar.": "convariety", "pv.": "pathovar", "prol.": "proles", "natio": "natio",
    "lusus": "lusus", "f.sp.": "forma specialis", "monstr.": "monstrosity", "mut.": "mutation",
}  # fmt: skip
"""The rank that each such mark stands for."""


INFRAGENERIC = frozenset(
    ("subgenus", "infragenus", "section", "subsection", "supersection", "series", "subseries", "superspecies",
     "species group", "species subgroup", "species complex", "species aggregate", "aggregate", "complex")
)  # fmt: skip
"""Ranks between genus and species."""


def rank_below_species(infraspecific: str) -> str:
    """The rank of the last epithet, if a mark tells it; else ``species`` for none, and nothing for an epithet alone.

    >>> rank_below_species("subsp. minor var. alba"), rank_below_species(""), rank_below_species("minor")
    ('variety', 'species', '')
    """
    if not infraspecific:
        return "species"
    marks = [word for word in infraspecific.split() if word in RANK_OF_MARK]
    return RANK_OF_MARK[marks[-1]] if marks else ""
