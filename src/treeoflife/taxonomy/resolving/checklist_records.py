"""Reading of checklists what a dataset asks for.

A checklist may have millions of names. Of these a dataset needs those that its own evidence writes, the accepted names
of those that are synonyms, and all from the family up, which other authorities may give.

asked       name, folded     the names that the evidence writes: single words, and genus with epithet
checklist   as NAMES         a checklist, as it lies on disk
answer      as ANSWERS       its rows of these names
"""

from collections.abc import Sequence

import polars as pl

from ...core.database import Database, columns
from ..checklists.checklist import ANSWERS, Answers, Checklist
from ..expressions import UPPER, binomial

_WITHOUT_SIGNS = "replace(replace(replace({name}, '× ', ''), '×', ''), 'Candidatus ', '')"
_FOLDED = f"replace(replace(strip_accents({_WITHOUT_SIGNS}), 'æ', 'ae'), 'œ', 'oe')"
"""SQL for a name without what is written in several ways: diaereses and other marks, ligatures, the signs of hybrids,
and the status Candidatus, which is no part of a name."""
_ASKED = f"""
    SELECT name, {_FOLDED.format(name="name")} AS folded
    FROM {{names}}
"""
_ANSWERS = f"""
    SELECT asked.name AS asked, checklist.*
    FROM checklist
    JOIN asked ON {_FOLDED.format(name="checklist.name")} = asked.folded
"""
_HIGHER = """
    SELECT name AS asked, *
    FROM checklist
    WHERE "rank" IN ('kingdom', 'phylum', 'class', 'order', 'family') AND name NOT IN (SELECT name FROM asked_name)
"""
_ACCEPTED = """
    SELECT DISTINCT accepted AS name
    FROM answer
    ANTI JOIN asked_name ON accepted = asked_name.name
    WHERE status = 'synonym'
"""
_GENERA = """
    SELECT kingdom, count(*)
    FROM checklist
    WHERE "rank" = 'genus' AND status = 'accepted' AND kingdom IN ('Animalia', 'Plantae', 'Fungi')
    GROUP BY kingdom
"""
# NCBI knows 7,000 genera of fungi, the fewest of the three kingdoms; a national list has less than 5,000 of any.
_MANY_GENERA = 5_000
_LARGE_KINGDOMS = 3


def asked_names(evidence: pl.DataFrame) -> pl.DataFrame:
    """The distinct names that evidence writes, as ``name``: every rank by itself, and genus with epithet."""
    return _names_in(evidence, (*UPPER, "uninomial", "word"))


def _names_in(rows: pl.DataFrame, words: Sequence[str]) -> pl.DataFrame:
    single = [rows.select(pl.col(one).alias("name")) for one in words]
    species = rows.filter(pl.col("genus") != "", pl.col("species") != "").select(name=binomial())
    return pl.concat([*single, species]).filter(pl.col("name") != "").unique()


def named_in(rows: pl.DataFrame, asked: pl.DataFrame) -> pl.Series:
    """The names that a dataset may write for the names that it asks about: these, and those of their lineages.

    Args:
        rows: what a checklist answers.
        asked: what :func:`asked_names` returns.
    """
    return pl.concat([asked, _names_in(rows, UPPER)])["name"].unique()


def ask_checklist(checklist: Checklist, names: pl.DataFrame, database: Database) -> Answers:
    """The rows of a checklist that a dataset needs.

    Args:
        names: the names that the dataset's evidence writes, as ``name``, each once.
        database: gets the tables ``checklist``, ``asked_name``, ``asked`` and ``answer``.
    """
    database.view("checklist", [checklist.names])
    database.load("asked_name", names)
    database.make("asked", _ASKED.format(names="asked_name"))
    database.make("answer", f"{_ANSWERS} UNION ALL {_HIGHER}")
    database.make("asked", _ASKED.format(names=f"({_ACCEPTED})"))
    database.make("answer", f"FROM answer UNION ALL {_ANSWERS}")
    rows = database.frame(f"SELECT {columns(ANSWERS)} FROM answer ORDER BY asked, id")
    large = [count for _, count in database.rows(_GENERA) if count >= _MANY_GENERA]
    return Answers(rows, len(large) == _LARGE_KINGDOMS)
