"""Names that people give images by hand: ranks that they leave empty are filled, and contradictions are refused.

Whoever writes *Turdus merula* over the name of a liverwort changes a genus and an epithet, and easily leaves the family
and the common name of the liverwort. What is known of the new name decides: the names of the dataset first, then the
built-in taxonomy. A name that neither knows stays as it is written.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import polars as pl

from ..core.values import NAME_COLUMNS, RANKS
from ..errors import InputError
from .checklists.built_in import BUILT_IN

Names = Mapping[str, str]
"""A name by :data:`NAME_COLUMNS`."""
_GENUS, _SPECIES = RANKS.index("genus"), RANKS.index("species")


@dataclass(frozen=True)
class Known:
    """What one classification says about some names.

    Attributes:
        title: what messages call it.
        is_own: whether it is the dataset's own. Then two names of a rank are always two taxa. Classifications of others
            may divide families otherwise, so only taxa with other parents contradict each other.
        lineages: for a rank and a name, the lineages that end with it, with their common names.
        parents: for a rank and a name, the names of the next higher rank.
        commons: for a common name, the genus and epithet of each species that is called so.
    """

    title: str
    is_own: bool
    lineages: dict[tuple[str, str], list[dict[str, str]]] = field(default_factory=dict)
    parents: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    commons: dict[str, set[tuple[str, str]]] = field(default_factory=dict)


def known_of(title: str, table: pl.LazyFrame, asked: Collection[Names], *, is_own: bool) -> Known:
    """What a table says about the names that are asked for.

    Args:
        table: has the columns :data:`NAME_COLUMNS`; it is read several times, and only what is asked for is kept.
    """
    known = Known(title, is_own)
    wanted = {rank: {name[rank] for name in asked if name[rank]} for rank in RANKS}
    texts = table.select(pl.col(NAME_COLUMNS).cast(pl.String).fill_null(""))
    for level, rank in enumerate(RANKS):
        if rank != "species" and wanted[rank]:
            _add_rank(known, texts, level, wanted[rank])
    genera = texts.filter(pl.col("genus").is_in(wanted["genus"]), pl.col("species").is_in(wanted["species"]))
    counted = genera.group_by(NAME_COLUMNS).len().sort("len", *NAME_COLUMNS, descending=[True] + [False] * 8).collect()
    for row in counted.drop("len").iter_rows(named=True):
        known.lineages.setdefault(("species", f"{row['genus']} {row['species']}"), []).append(row)
    commons = {name["common"] for name in asked if name["common"]}
    called = texts.filter(pl.col("common").is_in(commons), pl.col("species") != "").select("common", "genus", "species")
    for common, genus, species in called.unique().collect().iter_rows():
        known.commons.setdefault(common, set()).add((genus, species))
    return known


def _add_rank(known: Known, texts: pl.LazyFrame, level: int, wanted: set[str]) -> None:
    rank, above = RANKS[level], list(RANKS[: level + 1])
    found = texts.filter(pl.col(rank).is_in(wanted)).group_by(above).len()
    for row in found.sort("len", *above, descending=[True] + [False] * len(above)).drop("len").collect().iter_rows():
        lineage = dict.fromkeys(NAME_COLUMNS, "") | dict(zip(above, row, strict=True))
        known.lineages.setdefault((rank, lineage[rank]), []).append(lineage)
        if level:
            known.parents.setdefault((rank, lineage[rank]), set()).add(lineage[RANKS[level - 1]])


@cache
def _built_in() -> pl.DataFrame:
    table = pl.read_parquet(BUILT_IN.names, glob=False)
    return table.filter(pl.col("status") != "synonym").select(*RANKS, common=pl.lit(""))


def references(asked: Collection[Names], names: Path | None) -> list[Known]:
    """What is known of some names: by the names of the dataset, if there are any, and by the built-in taxonomy."""
    split = [divided(name) for name in asked]
    known = []
    if names is not None and names.exists():
        known.append(known_of("this dataset", pl.scan_parquet(names, glob=False), split, is_own=True))
    return [*known, known_of("the built-in taxonomy", _built_in().lazy(), split, is_own=False)]


def divided(name: Names) -> dict[str, str]:
    """The name with genus and epithet apart, which people write together as the species.

    >>> divided(dict.fromkeys(NAME_COLUMNS, "") | {"species": "Turdus merula"})["genus"]
    'Turdus'
    """
    whole = {column: name.get(column) or "" for column in NAME_COLUMNS}
    genus, _, epithet = whole["species"].partition(" ")
    if epithet and whole["genus"] in ("", genus):
        return {**whole, "genus": genus, "species": epithet}
    return whole


def complete(name: Names, known: Sequence[Known]) -> dict[str, str]:
    """A name with the ranks and the common name that it lacks.

    Args:
        name: as a person gives it.
        known: what :func:`references` says of it, the most trusted first.

    Raises:
        InputError: the ranks contradict each other, the common name is that of another species, or several taxa are
            called so; the message names them and says what to write.
    """
    given = divided(name)
    level = max((level for level, rank in enumerate(RANKS) if given[rank]), default=-1)
    if level < 0:
        return given
    for one in known:
        if found := _candidates(given, level, one):
            return _filled(given, level, found, one)
    return given


def _candidates(given: Names, level: int, known: Known) -> list[dict[str, str]]:
    """The lineages that the name may mean; for a species that is not known, those of its genus."""
    if level != _SPECIES:
        return known.lineages.get((RANKS[level], given[RANKS[level]]), [])
    if species := known.lineages.get(("species", f"{given['genus']} {given['species']}")):
        return species
    genera = known.lineages.get(("genus", given["genus"]), [])
    return [{**lineage, "species": given["species"]} for lineage in genera]


def _filled(given: Names, level: int, found: list[dict[str, str]], known: Known) -> dict[str, str]:
    agreeing = [lineage for lineage in found if not _contradiction(given, level, lineage, known)]
    if not agreeing:
        rank = _contradiction(given, level, found[0], known)
        raise InputError(
            f"{_called(given)} is {_path(found[0])} in {known.title}, not of the {rank} {given[rank]}: leave the ranks "
            "above it empty, and they are filled, or write another name"
        )
    kingdoms = {lineage["kingdom"]: lineage for lineage in agreeing if lineage["kingdom"]}
    families = {lineage["family"]: lineage for lineage in agreeing if lineage["family"]}
    if len(kingdoms) > 1 or (len(families) > 1 and not known.is_own):
        several = kingdoms if len(kingdoms) > 1 else families
        meant = " or ".join(_path(lineage) for lineage in several.values())
        rank = "kingdom" if several is kingdoms else "family"
        raise InputError(f"{_called(given)} may be {meant}: write its {rank}, too")
    # The most complete one; among equals the one of most images, which comes first.
    best = max(agreeing, key=lambda lineage: sum(bool(lineage[rank]) for rank in RANKS))
    _check_common(given, best, known)
    return {column: given[column] or best[column] for column in NAME_COLUMNS}


def _contradiction(given: Names, level: int, lineage: Names, known: Known) -> str:
    """The rank at which a given name is a taxon other than that of the lineage; empty if there is none."""
    for place, rank in enumerate(RANKS[:level]):
        one, other = given[rank], lineage[rank]
        if not (one and other) or one.casefold() == other.casefold() or (rank, one) not in known.lineages:
            continue
        parents = known.parents.get((rank, one), set()) - {""}
        has_other_parent = place == 0 or lineage[RANKS[place - 1]] not in parents
        if known.is_own or has_other_parent:
            return rank
    return ""


def _check_common(given: Names, lineage: Names, known: Known) -> None:
    common, own = given["common"], (lineage["genus"], lineage["species"])
    others = known.commons.get(common, set()) - {own}
    if common and others and own not in known.commons[common] and lineage["common"] != common:
        raise InputError(
            f"'{common}' is what {' '.join(min(others))} is called in {known.title}, not {_called(given)}: leave the "
            "common name empty, and it is filled, or write another one"
        )


def _called(name: Names) -> str:
    return f"{name['genus']} {name['species']}".strip() or next(name[rank] for rank in reversed(RANKS) if name[rank])


def _path(lineage: Names) -> str:
    return " › ".join(lineage[rank] for rank in RANKS[:_GENUS] if lineage[rank])
