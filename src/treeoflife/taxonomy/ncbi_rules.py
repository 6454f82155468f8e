"""NCBI's classification, brought to the one that ITIS, the Catalogue of Life and iNaturalist share.

NCBI classifies by descent and ranks few of its larger groups. Where the others agree on another name or rank, a rule
says so: the taxon of NCBI, and the ranks that it and all below it get in place of NCBI's own. Nothing else changes.

A rule stands here for each place at which ITIS and the Catalogue of Life agree with each other against NCBI; where they
do not agree, for what iNaturalist does. ``docs/decisions/built-in-taxonomy.md`` has the comparison.
"""

from collections.abc import Mapping
from types import MappingProxyType

Ranks = Mapping[str, str]

_KINGDOMS = """
superkingdom Bacteria           kingdom=Bacteria
superkingdom Archaea            kingdom=Archaea
kingdom      Metazoa            kingdom=Animalia
kingdom      Viridiplantae      kingdom=Plantae
phylum       Rhodophyta         kingdom=Plantae
class        Glaucocystophyceae kingdom=Plantae phylum=Glaucophyta
clade        Sar                kingdom=Chromista
clade        Haptista           kingdom=Chromista
class        Cryptophyceae      kingdom=Chromista phylum=Cryptophyta
clade        Amoebozoa          kingdom=Protozoa
clade        Discoba            kingdom=Protozoa
clade        Metamonada         kingdom=Protozoa
class        Choanoflagellata   kingdom=Protozoa phylum=Choanozoa
class        Ichthyosporea      kingdom=Protozoa phylum=Choanozoa
"""
# Plants are those with plastids of green and red algae and of glaucophytes; Chromista and Protozoa are those of the
# Catalogue of Life, which ITIS and iNaturalist have too. What they do not place has no kingdom.

_PLANTS = """
phylum Streptophyta        phylum=
clade  Tracheophyta        phylum=Tracheophyta
clade  Bryophyta           phylum=Bryophyta
clade  Marchantiophyta     phylum=Marchantiophyta
clade  Anthocerotophyta    phylum=Anthocerotophyta
class  Charophyceae        phylum=Charophyta
clade  Liliopsida          class=Liliopsida
"""

_ANIMALS = """
superclass Actinopterygii  class=Actinopterygii
class      Actinopteri     class=Actinopterygii
class      Cladistia       class=Actinopterygii
class      Lepidosauria    class=Reptilia
order      Crocodylia      class=Reptilia
order      Testudines      class=Reptilia
"""


def _parse(text: str) -> dict[tuple[str, str], Ranks]:
    rules: dict[tuple[str, str], Ranks] = {}
    for line in text.strip().splitlines():
        rank, name, *changes = line.split()
        rules[rank, name] = MappingProxyType(dict(change.split("=") for change in changes))
    return rules


RULES: Mapping[tuple[str, str], Ranks] = MappingProxyType(_parse(_KINGDOMS) | _parse(_PLANTS) | _parse(_ANIMALS))
"""By the rank and the name of a taxon of NCBI, what it sets; an empty text takes NCBI's own away."""
