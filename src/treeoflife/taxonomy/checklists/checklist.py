"""Checklists: taxonomies of any format and size, as one table of names and one of common names.

Catalogue of Life, WoRMS, NCBI's taxonomy and the like are read in their own formats and written as tables of Parquet
with the columns of :data:`NAMES` and :data:`VERNACULARS`. They may have millions of rows, of which a dataset uses those
that its own names ask for.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from ...core.values import RANKS
from ..providers.table_count import TableCount

NAMES = pl.Schema(dict.fromkeys(("id", "name", "rank", "author", "status", "accepted", *RANKS), pl.String))
"""The columns of names, a row for each name at a rank; empty texts where nothing is known, never null.

id        the checklist's own key of the row, as text; of a name that stands in columns alone, its rank, itself and its
          kingdom; unique
name      the name without its author: a word, or genus and epithet. Names below the species are left out
rank      species, genus, subfamily, clade and so on, in lower case; empty if it is not known
author    author and year as the checklist writes them
status    accepted or synonym
accepted  of a synonym, the accepted name
kingdom … species
          the lineage of the accepted taxon down to itself; ``species`` is the epithet alone. A subfamily's ends with
          its family, a subgenus' with its genus

Two rows of one name and rank are homonyms, or a name that is accepted for one taxon and also a synonym of another.
"""

VERNACULARS = pl.Schema(
    {**dict.fromkeys(("name_rank", "name", "kingdom", "family", "common", "language"), pl.String),
     "priority": pl.UInt32}
)  # fmt: skip
"""The columns of common names.

name_rank, name, kingdom, family    the taxon, at one of the seven ranks
common    as the checklist writes it
language  by ISO 639-1 where there is such a code
priority  orders those of one taxon and language, the lowest first
"""


NAMES_FILE, VERNACULARS_FILE = "names.parquet", "vernaculars.parquet"
"""What the tables of a checklist are called in the folder of its own."""


@dataclass(frozen=True)
class Checklist:
    """A taxonomy whose names are on disk.

    Attributes:
        name: what ``[names]`` calls it.
        names: a table of Parquet with the columns of :data:`NAMES`, sorted by name.
        vernaculars: a table of Parquet with the columns of :data:`VERNACULARS`; None if it has no common names.
        title: what it is and of when, for people.
        tables: what came of the rows of its tables.
    """

    name: str
    names: Path
    vernaculars: Path | None = None
    title: str = ""
    tables: tuple[TableCount, ...] = ()


ANSWERS = pl.Schema([("asked", pl.String()), *NAMES.items()])
"""The columns of a checklist's rows: ``asked`` is the name in the spelling of the evidence."""


class Answers(NamedTuple):
    """What a checklist says about the names of a dataset.

    Attributes:
        rows: its rows, with the columns of :data:`ANSWERS`, in a total order.
        is_complete: whether it lists the genera of all kingdoms. Then a genus that it knows once has no namesake that
            would have to be told apart from it.
    """

    rows: pl.DataFrame
    is_complete: bool
