"""Genera and higher taxa of NCBI's taxonomy as rows of a checklist, and species that tell homonyms apart."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple

import polars as pl

from ...core.values import RANKS
from ..parsing.parsed_name import NOT_EPITHETS
from .checklist import NAMES
from .ncbi_rules import FAMILIES, FORMER, GROUPS, HOMONYMS, RULES, Ranks

AT_OR_BELOW_SPECIES = frozenset(
    {
        "species", "subspecies", "varietas", "subvariety", "forma", "forma specialis", "morph", "strain", "isolate",
        "serogroup", "serotype", "genotype", "biotype", "pathogroup",
    }
)  # fmt: skip
"""NCBI's ranks of species and below."""
_GROUPS = ("species group", "species subgroup")

_WORD = "[A-Z][a-zëéèïöüæœ]+(?:-[a-zëéèïöüæœ]+)*"
# Candidatus Liberibacter, x Festulolium; Plasmodium (Laverania), Baccharis sect. Trinervatae
_ALONE = re.compile(rf"(?:Candidatus |[x×] ?)?({_WORD})")
_SPECIES = re.compile(rf"({_WORD}) ([a-z]{{3,}}(?:-[a-z]+)*)")
_AFTER_GENUS = re.compile(rf"{_WORD} (?:(?:subgen|sect|subsect|ser)\. ({_WORD})|\(({_WORD})\))")


class Node(NamedTuple):
    """A taxon as NCBI has it.

    Attributes:
        id: its taxid.
        parent: that of the taxon above it; the root is its own parent.
        rank: as in nodes.dmp, ``no rank`` where there is none.
        name: its scientific name.
    """

    id: int
    parent: int
    rank: str
    name: str


class Placed(NamedTuple):
    """A taxon in the classification that :mod:`ncbi_rules` makes.

    Attributes:
        name: the word that it is called by; empty if it has no proper name, such as ``unclassified Bacteria``.
        rank: its rank, which may be another than NCBI's.
        ranks: the names at the seven ranks down to itself, as far as they are known.
        accepted: if that classification has another taxon in its place, the name of this.
    """

    name: str
    rank: str
    ranks: Ranks
    accepted: str = ""


def word_of(name: str) -> str:
    """The name of a genus or higher taxon without what NCBI adds to it; empty if it is no name.

    >>> [word_of(name) for name in ("Parus", "Candidatus Liberibacter", "x Festulolium", "Plasmodium (Laverania)")]
    ['Parus', 'Liberibacter', 'Festulolium', 'Laverania']
    >>> word_of("unclassified Parus"), word_of("Eucoilinae genus E MB-2004")
    ('', '')
    """
    found = _ALONE.fullmatch(name) or _AFTER_GENUS.fullmatch(name)
    return next(filter(None, found.groups())) if found else ""


def place(nodes: Mapping[int, Node]) -> dict[int, Placed]:
    """Place taxa in the classification of the rules, each below the one above it.

    Args:
        nodes: by their ids. What is below a node that is missing, or below itself, is not placed.
    """
    placed: dict[int, Placed] = {}
    for node in nodes.values():
        path: dict[int, Node] = {}
        step: Node | None = node
        while step and step.id not in placed and step.id != step.parent:
            path[step.id] = step
            step = nodes.get(step.parent) if step.parent not in path else None
        if step is None:
            continue
        ranks = placed[step.id].ranks if step.id in placed else {}
        for below in reversed(path.values()):
            placed[below.id] = _placed(below, ranks)
            ranks = placed[below.id].ranks
    return placed


def _placed(node: Node, above: Ranks) -> Placed:
    word = word_of(node.name)
    own_rank = _family_or_rank(node.rank, word, above)
    ranks = dict(above)
    if own_rank in RANKS and word:
        ranks[own_rank] = word
    ranks |= RULES.get((node.rank, word), {})
    if own_rank == "genus" and (family := FAMILIES.get((above.get("family", ""), word))):
        ranks["family"] = family
    ranks = {rank: name for rank, name in ranks.items() if name}
    own_ranks = [rank for rank in RANKS if ranks.get(rank) == word != above.get(rank)]
    if own_ranks:
        return Placed(word, own_ranks[-1], ranks)
    accepted = ranks.get(own_rank, "") if word and own_rank in RANKS else ""
    is_ranked = own_rank not in (*RANKS, "no rank")
    return Placed(word, own_rank if accepted or is_ranked else "clade", ranks, accepted)


def _family_or_rank(rank: str, word: str, above: Ranks) -> str:
    """NCBI has a few families of animals as subfamilies of no family."""
    return "family" if rank == "subfamily" and word.endswith("idae") and "family" not in above else rank


def homonym_genera(table: pl.DataFrame) -> frozenset[str]:
    """The names that several genera of a table of names have."""
    genera = table.filter(pl.col("rank") == "genus", pl.col("status") == "accepted")["name"]
    return frozenset(genera.filter(genera.is_duplicated()))


def species_of(species: Iterable[Node], placed: Mapping[int, Placed], genera: Collection[str]) -> dict[int, Placed]:
    """The species of some genera, by their taxids: those with a name of two words in Latin form.

    Args:
        species: taxa of the rank species.
        placed: the taxa above them.
        genera: the names of the genera.
    """
    found = {}
    for node in species:
        name, above = _SPECIES.fullmatch(node.name), placed.get(node.parent)
        if name and above and name[1] in genera and above.ranks.get("genus") == name[1] and name[2] not in NOT_EPITHETS:
            found[node.id] = Placed(node.name, "species", {**above.ranks, "species": name[2]})
    return found


def names_of(placed: Mapping[int, Placed], *, has_synonyms: bool = True) -> pl.DataFrame:
    """The rows of a checklist for placed taxa and for those that only the rules have, sorted by name.

    A subgenus or section that is called like its genus is left out: it says nothing that the genus does not.

    Args:
        placed: by their taxids.
        has_synonyms: whether NCBI's own synonyms are known. If not, the former names that the rules have are added.
    """
    rows = {
        str(taxid): taxon
        for taxid, taxon in placed.items()
        if taxon.name
        and taxon.rank not in _GROUPS
        and not (taxon.name == taxon.ranks.get("genus") and taxon.rank != "genus")
    }
    rows |= _homonyms(rows)
    rows |= _above(rows)
    if not has_synonyms:
        rows |= _former(rows)
    table = pl.DataFrame(map(_row, rows.keys(), rows.values()), NAMES, orient="row")
    return table.sort("name", *RANKS, "rank", "id")


def _homonyms(rows: Mapping[str, Placed]) -> dict[str, Placed]:
    """The genera that NCBI lacks, whose names it has for others, by ids of their own."""
    above = {taxon.name: taxon for taxon in rows.values() if taxon.rank in RANKS[:-2] and not taxon.accepted}
    present = {(taxon.name, name) for taxon in rows.values() if taxon.name in HOMONYMS for name in taxon.ranks.values()}
    return {
        f"genus-{genus}-{name}": Placed(genus, "genus", {**above[name].ranks, "genus": genus})
        for genus, name in HOMONYMS.items()
        if name in above and (genus, name) not in present
    }


def _above(rows: Mapping[str, Placed]) -> dict[str, Placed]:
    """The taxa above others that have no row themselves, such as Reptilia, by ids of their own."""
    present = {(taxon.rank, taxon.name) for taxon in rows.values() if not taxon.accepted}
    added = {}
    for taxon in rows.values():
        for number, rank in enumerate(RANKS[:-1]):
            name = taxon.ranks.get(rank)
            if name and (rank, name) not in present:
                ranks = {above: taxon.ranks[above] for above in RANKS[: number + 1] if above in taxon.ranks}
                added[f"{rank}-{name}"] = Placed(name, rank, ranks)
                present.add((rank, name))
    return added


def _former(rows: Mapping[str, Placed]) -> dict[str, Placed]:
    """The former names of taxa as synonyms, and former groups as clades, by ids of their own."""
    present = {(taxon.rank, taxon.name): taxon.ranks for taxon in rows.values() if not taxon.accepted}
    synonyms = {
        f"{rank}-{former}": Placed(former, rank, present[rank, name], name)
        for former, (rank, name) in FORMER.items()
        if (rank, name) in present
    }
    groups = {
        f"clade-{group}": Placed(group, "clade", present[rank, name])
        for group, name in GROUPS.items()
        for rank in RANKS[:5]
        if (rank, name) in present
    }
    return synonyms | groups


def _row(taxid: str, taxon: Placed) -> tuple[str, ...]:
    status = "synonym" if taxon.accepted else "accepted"
    return (taxid, taxon.name, taxon.rank, "", status, taxon.accepted, *(taxon.ranks.get(rank, "") for rank in RANKS))
