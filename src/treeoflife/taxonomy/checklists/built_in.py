"""The taxonomy that comes with treeoflife: genera and higher taxa of NCBI, as a checklist."""

from ...core.known_names import NAMES_FILE
from .checklist import Checklist

BUILT_IN = Checklist("built_in", NAMES_FILE, title="genera and higher taxa of NCBI's taxonomy, September 2024")
"""It has no common names, and of species only those of genera that are homonyms. Homonyms are several rows."""
