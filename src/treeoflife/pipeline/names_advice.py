"""What people can do about names that lack ranks."""

from ..config.tables import Names

ADVICE = "'treeoflife download taxonomy' fetches the Catalogue of Life, which knows species and synonyms"
HOMONYM_ADVICE = "a column with the kingdom, or the family, beside the names tells those of several taxa apart"


def has_full_taxonomy(names: Names) -> bool:
    """Whether the names of species are configured, and not only those of genera and above."""
    return bool(names.checklists or names.inaturalist or names.itis or names.eol_tree or names.taxonopy)
