"""The checks of distinct lineages for wrong labels: of a catalog, and of the page of ``explore``."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from itertools import pairwise

import polars as pl

from ...core.known_names import known_genera, ranks_of
from ...core.unknown_words import is_unknown
from ...core.values import NAME_COLUMNS, RANKS
from ..expressions import UPPER, binomial, is_hole, is_nameless, joined, names_species
from ..one_lineage.same_taxon import label_taxa
from .near_spellings import find_near

# Three digits in a row are the number of a specimen or of a barcode cluster.
_PLACEHOLDER = r"(?i)\bsp\.|\bspp\.|\bcf\.|\baff\.|^BOLD:|[0-9]{3,}"
_ABOVE = UPPER[:-1]
_MOST_SHOWN = 4
_KNOWN = 1 << 40
"""What a known name counts for, in images: more than any dataset has."""

_WHY = "'treeoflife names why NAME' says where it comes from"
_MARK = "give its images another name by a mark, or leave them out"
_BACKBONE = "[names] backbone brings all images to one classification"
_AUTHORITY = "a taxonomy that has it fills it: [names] checklists"


@dataclass(frozen=True)
class TaxaCheck:
    """A check of distinct lineages: tables with the seven ranks and ``common`` as text, empty where unknown, and for
    how many ``images`` each row is.

    Attributes:
        kind: a word that can be counted.
        meaning: a phrase for people.
        hint: what to do about it.
        find: gives for each row of such a table whether it is ``found``, and the ``example`` that shows it.
    """

    kind: str
    meaning: str
    hint: str
    find: Callable[[pl.DataFrame], pl.DataFrame]


def make_checks(kingdoms: Collection[str], genera: Collection[str] = ()) -> list[TaxaCheck]:
    """All checks.

    Args:
        kingdoms: the kingdoms that may occur.
        genera: genera that some authority has, beyond those of the built-in taxonomy.
    """
    known = pl.concat([known_genera(), pl.Series(list(genera), dtype=pl.String)])
    return [
        *_checks_of_rows(kingdoms),
        TaxaCheck("placeholder", "a placeholder for a name", f"{_WHY}; {_MARK}", _find_placeholders),
        *(_several_parents(parent, rank) for parent, rank in pairwise(UPPER)),
        TaxaCheck("species-under-two", "one species under two lineages", f"{_BACKBONE}; {_WHY}", _find_split_species),
        TaxaCheck(
            "unknown-genus", "a genus that no authority has", f"{_WHY}; {_MARK}",
            lambda taxa: _find_unknown_genera(taxa, known),
        ),
        TaxaCheck(
            "near-species", "a species written nearly like one of the same genus that has more images",
            f"if it is a misspelling, {_MARK}",
            lambda taxa: _find_near(taxa, "genus", "species", pl.Series(dtype=pl.String)),
        ),
        TaxaCheck(
            "near-genus", "a genus that no authority has, written nearly like one of the same family",
            f"if it is a misspelling, {_MARK}",
            lambda taxa: _find_near(taxa, "family", "genus", known),
        ),
    ]  # fmt: skip


def _checks_of_rows(kingdoms: Collection[str]) -> list[TaxaCheck]:
    """The checks that look at each lineage by itself."""
    kingdom, genus, species, common = (pl.col(name) for name in ("kingdom", "genus", "species", "common"))
    unexpected = (kingdom != "") & ~kingdom.is_in(list(kingdoms))
    hole = pl.any_horizontal(is_hole(rank) for rank in UPPER)
    # In a catalog the scientific or taxonomic name takes the place of a missing common name.
    uncommon = (common == "") | (common == binomial()) | (common == joined())
    rows: list[tuple[str, str, str, pl.Expr, pl.Expr]] = [
        ("unexpected-kingdom", "a kingdom that is not on the list",
         f"if it is right, add it to [checks] kingdoms; {_WHY}", unexpected, kingdom),
        ("no-kingdom", "no kingdom", f"{_WHY}; {_AUTHORITY}", (kingdom == "") & ~is_nameless(), _lineage()),
        ("no-name", "no rank at all",
         f"{_MARK}; name-findings.csv lists their keys", is_nameless(), pl.lit("(nothing)")),
        ("hole", "an empty rank above a filled one", f"{_WHY}; {_AUTHORITY}", hole, _lineage()),
        ("species-without-genus", "a species, but no genus",
         f"{_WHY}; {_MARK}", (genus == "") & (species != ""), species),
        ("several-words", "several words in species", f"{_WHY}; {_MARK}", species.str.contains(" "), binomial()),
        ("no-common-name", "no common name but the scientific one",
         "[names] inaturalist, itis or a checklist with common names gives them", uncommon, binomial()),
    ]  # fmt: skip
    return [TaxaCheck(kind, meaning, hint, _finder(found, shown)) for kind, meaning, hint, found, shown in rows]


def _finder(found: pl.Expr, example: pl.Expr) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda taxa: taxa.select(found=found, example=example)


def _lineage(ranks: Sequence[str] = RANKS) -> pl.Expr:
    """The ranks as one text, with a dot for each that is empty."""
    return pl.concat_str(
        [pl.when(pl.col(rank) == "").then(pl.lit("·")).otherwise(rank) for rank in ranks], separator=" "
    )


def _several_parents(parent: str, rank: str) -> TaxaCheck:
    """A name of a rank that is below different names of the next rank up, whatever the kingdom."""
    has_both = (pl.col(rank) != "") & (pl.col(parent) != "")
    parents = pl.col(parent).filter(has_both)
    found = has_both & (parents.n_unique().over(rank) > 1)
    example = pl.concat_str(rank, pl.lit(": "), parents.unique().sort().head(_MOST_SHOWN).str.join(", ").over(rank))
    meaning = f"one {rank} under two names of {parent}"
    return TaxaCheck(f"{rank}-under-two", meaning, f"{_BACKBONE}; homonyms may stay", _finder(found, example))


def _find_placeholders(taxa: pl.DataFrame) -> pl.DataFrame:
    """Lineages in which a rank or the common name only says that nobody knows it."""
    words = {name: _unknown_words(taxa[name]) for name in NAME_COLUMNS}
    ranks = [pl.col(rank).is_in(words[rank]) | pl.col(rank).str.contains(_PLACEHOLDER) for rank in RANKS]
    common = pl.col("common").is_in(words["common"])
    shown = pl.when(common).then(pl.format("{}, common name {}", _lineage(), "common")).otherwise(_lineage())
    return taxa.select(found=pl.any_horizontal(*ranks, common), example=shown)


def _unknown_words(column: pl.Series) -> list[str]:
    return [value for value in column.unique().sort().to_list() if value and is_unknown(value)]


def _find_split_species(taxa: pl.DataFrame) -> pl.DataFrame:
    """Species that have several lineages; homonyms, which have nothing in common, are none."""
    species = ["genus", "species"]
    places = taxa.filter(names_species()).select(*species, *_ABOVE).unique()
    places = places.filter(pl.len().over(species) > 1).sort(*species, *_ABOVE)
    places = places.with_columns(
        context=pl.lit(""), place=pl.int_range(pl.len()), node=pl.struct(species).rle_id(), shown=_lineage(_ABOVE)
    )
    places = places.with_columns(taxon=label_taxa(places, "species", _ABOVE)).filter(pl.len().over("taxon") > 1)
    lineages = pl.col("shown").sort().head(_MOST_SHOWN).str.join(" | ").over("taxon")
    split = places.select(*species, *_ABOVE, example=pl.format("{}: {}", binomial(), lineages))
    return _match(taxa, split, [*species, *_ABOVE])


def _match(taxa: pl.DataFrame, matches: pl.DataFrame, columns: list[str]) -> pl.DataFrame:
    """The rows of ``taxa`` that are among the matches, by these columns, are found, with the example beside them."""
    rows = taxa.select(columns).join(matches, on=columns, how="left", maintain_order="left")
    return rows.select(found=pl.col("example").is_not_null(), example=pl.col("example").fill_null(""))


def _find_unknown_genera(taxa: pl.DataFrame, known: pl.Series) -> pl.DataFrame:
    """Genera that are none to any authority; the rank is shown at which the built-in taxonomy has the name."""
    genera = taxa.select("genus").filter(pl.col("genus") != "", ~pl.col("genus").is_in(known.implode())).unique()
    ranked = {name: ranks_of(name) for name in genera["genus"].to_list()}
    shown = [f"{name} is known as {' and '.join(ranks)}" if ranks else name for name, ranks in ranked.items()]
    return _match(taxa, genera.with_columns(example=pl.Series(shown, dtype=pl.String)), ["genus"])


def _find_near(taxa: pl.DataFrame, group: str, name: str, known: pl.Series) -> pl.DataFrame:
    """Names nearly like another one of their group that is known or has more images; known ones are none."""
    named = taxa.filter(pl.col(group) != "", pl.col(name) != "", ~pl.col(name).str.contains(r"[.\d]"))
    names = named.group_by(group=group, name=name).agg(pl.col("images").cast(pl.Int64).sum())
    is_known = pl.col("name").is_in(known.implode())
    near = find_near(names.select("group", "name", weight=pl.col("images") + is_known.cast(pl.Int64) * _KNOWN))
    near = near.filter(~is_known).join(names, left_on=["group", "near"], right_on=["group", "name"])
    shown = pl.format("{} {}", "group", pl.col("near")) if name == "species" else pl.col("near")
    own = pl.format("{} {}", "group", pl.col("name")) if name == "species" else pl.col("name")
    example = pl.format("{}, near {} of {} images", own, shown, "images")
    return _match(
        taxa, near.select(pl.col("group").alias(group), pl.col("name").alias(name), example=example), [group, name]
    )
