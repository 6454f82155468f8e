"""Which columns of a list of addresses mean what, whatever program wrote it."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

from ...core.database import column
from ...core.text_tables import match_names
from ...errors import InputError
from ..spellings import ABOUT, NAMES, TAXON_RANK, Spellings, plain_header

Meaning = Literal[
    "url", "id", "kingdom", "phylum", "class", "order", "family", "genus", "species", "scientific_name", "taxon_rank",
    "common_name", "observation", "observer", "place", "source_id", "data_source", "source_url", "license_name",
    "license_link", "copyright_owner", "title", "flags",
]  # fmt: skip
"""What a column may hold."""

ADDRESSES: Spellings = (
    ("imageurl", "imageuri", "photourl", "pictureurl", "mediaurl"), ("accessuri",), ("eolfullsizecopyurl",),
    ("url", "uri"), ("urlaws",), ("urlgcp",), ("urlazure",), ("associatedmedia",), ("identifier",),
    ("link", "address"), ("sourceurl",), ("image", "photo", "picture", "media"),
)  # fmt: skip
"""The columns of the addresses of pictures."""
# Of these, the first tuple counts of which the table has a column: `url` beside `image_url` is the page of a picture.
_FURTHER: dict[str, Spellings] = {
    "url": ADDRESSES,
    "id": (("imageid", "photoid", "pictureid", "mediaid"), ("uuid",), ("photouuid",), ("id",)),
    "taxon_rank": TAXON_RANK,
    "flags": (("flags",), ("issue", "issues")),
    **ABOUT,
    "data_source": (*ABOUT["data_source"], ("source",), ("dataset",)),
}  # fmt: skip
# In a table of nothing but names, these are no names of files, places or people.
_NAMES_ALONE: Spellings = (("speciesname", "binomial", "binomialname"), ("name", "names", "taxon", "taxa"), ("label",))
_AUTHOR: Spellings = (("scientificnameauthorship", "authorship"), ("author", "authority"))
_NAMES = {"common_name" if meaning == "common" else meaning: spellings for meaning, spellings in NAMES.items()}
_SHOWN = 12


def columns_by_meaning(path: Path, columns: Sequence[str], named: Mapping[Meaning, str]) -> dict[str, list[str]]:
    """The columns that hold each thing; of names, several where a later one counts in rows that lack the first.

    Args:
        path: the table, for messages.
        columns: its columns.
        named: the columns that the user names, which come before all spellings; empty for none.

    Raises:
        InputError: a named column is not there, two columns mean the same, or none holds the addresses.
    """
    chosen: dict[str, list[str]] = {
        meaning: [find_column(path, columns, name, f"which columns in dataset.toml names as {meaning}")] if name else []
        for meaning, name in named.items()
    }
    remedy = 'name the right one in dataset.toml: columns = {{ {meaning} = "{name}" }}'
    _choose(path, columns, chosen, _FURTHER | _NAMES, remedy)
    if not chosen["url"]:
        raise InputError(
            f"the table {path} has no column with the addresses of images; it has {shown(columns)}: rename one to "
            "'url', or name it in dataset.toml: columns = { url = \"…\" }"
        )
    return chosen


def name_columns(path: Path, columns: Sequence[str], name_column: str) -> dict[str, list[str]]:
    """The columns of a table of names that hold each part of one, its ``author`` too.

    Args:
        name_column: the column with the scientific names; empty for one with a usual name.

    Raises:
        InputError: the column is not there, or two columns mean the same.
    """
    named = [find_column(path, columns, name_column, "which --column names")] if name_column else []
    chosen = {"scientific_name": named} if named else {}
    spellings = {**_NAMES, "taxon_rank": TAXON_RANK, "author": _AUTHOR}
    spellings["scientific_name"] = (*spellings["scientific_name"], *_NAMES_ALONE)
    _choose(path, columns, chosen, spellings, "rename or remove one")
    return chosen


def _choose(
    path: Path, columns: Sequence[str], chosen: dict[str, list[str]], spellings: Mapping[str, Spellings], remedy: str
) -> None:
    """Add to ``chosen`` the columns of each meaning that is not chosen yet."""
    free = [name for name in columns if [name] not in chosen.values()]
    for meaning, alike in spellings.items():
        if meaning not in chosen:
            tiers = _tiers(path, free, meaning, alike, remedy)
            chosen[meaning] = tiers if meaning in _NAMES else tiers[:1]
            free = [name for name in free if name not in chosen[meaning]]


def find_column(path: Path, columns: Collection[str], name: str, why: str) -> str:
    """The table's own spelling of a column that a setting names.

    Raises:
        InputError: the table has no such column; the message says with ``why`` who asks for it.
    """
    if name in columns:
        return name
    found = match_names(f"the table {path} has several columns", columns, [name])
    if not found:
        raise InputError(f"the table {path} has no column {name!r}, {why}; it has {shown(columns)}")
    return found[name]


def shown(columns: Collection[str]) -> str:
    """The first columns of a table, for a message."""
    more = f" and {len(columns) - _SHOWN} more" if len(columns) > _SHOWN else ""
    return ", ".join(map(repr, list(columns)[:_SHOWN])) + more


def _tiers(path: Path, columns: Sequence[str], meaning: str, spellings: Spellings, remedy: str) -> list[str]:
    """The column of each tuple of spellings of which the table has one."""
    tiers = []
    for alike in spellings:
        present = [name for name in columns if plain_header(name) in alike]
        if len(present) > 1:
            raise InputError(
                f"the table {path} has {len(present)} columns that hold the {meaning}, "
                f"{' and '.join(map(repr, present))}; {remedy.format(meaning=meaning, name=present[0])}"
            )
        tiers += present
    return tiers


def first_filled(names: Sequence[str]) -> str:
    """SQL for the value of the first of these columns that has one; an empty text if none has."""
    filled = ", ".join(f"nullif({column(name)}, '')" for name in names)
    return f"coalesce({filled}, '')" if filled else "''"


def own_species(meanings: Mapping[str, Sequence[str]]) -> str:
    """SQL for the species, without an epithet of another genus.

    GBIF has such rows where a name is a synonym of a genus: genericName and specificEpithet are of the name as it was
    written, genus is that of the taxon.
    """
    genera, species = meanings["genus"], meanings["species"]
    if len(genera) < 2 or len(species) < 2:
        return first_filled(species)
    genus, own_genus, first = column(genera[0]), column(genera[1]), column(species[0])
    moved = f"{first} = '' AND {genus} <> '' AND {own_genus} <> '' AND lower({genus}) <> lower({own_genus})"
    return f"CASE WHEN {moved} THEN '' ELSE {first_filled(species)} END"
