"""Small checklists and labels for tests of names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from treeoflife.config.tables import Names
from treeoflife.core.database import open_database
from treeoflife.core.values import RANKS
from treeoflife.taxonomy import naming
from treeoflife.taxonomy.checklists.built_in import BUILT_IN
from treeoflife.taxonomy.checklists.checklist import NAMES, Checklist
from treeoflife.taxonomy.parsing.simple import SimpleParser
from treeoflife.taxonomy.providers import authorities
from treeoflife.taxonomy.resolving.evidence_columns import conform
from treeoflife.taxonomy.resolving.labels import label_evidence

Row = dict[str, Any]


def row(rank: str, name: str, lineage: str, author: str = "", synonym_of: str = "") -> dict[str, str]:
    """A row of a checklist: ``lineage`` has the names from the kingdom down, with ``-`` where there is none."""
    names = ["" if one == "-" else one for one in lineage.split()]
    status = "synonym" if synonym_of else "accepted"
    own = {"name": name, "rank": rank, "author": author, "status": status, "accepted": synonym_of}
    return {**dict.fromkeys(NAMES, ""), **own, **dict(zip(RANKS, names, strict=False))}


def write_checklist(folder: Path, name: str, rows: list[dict[str, str]]) -> Checklist:
    """A checklist of these rows."""
    numbered = [one | {"id": str(number)} for number, one in enumerate(rows)]
    path = folder / f"{name}.parquet"
    pl.DataFrame(numbered, schema=NAMES).sort("name").write_parquet(path)
    return Checklist(name, path)


def evidence_of(labels: list[Row]) -> pl.DataFrame:
    """The evidence of labels, which have ranks, ``verbatim`` and ``name_rank``."""
    texts = (*RANKS, "verbatim", "label_common", "name_rank")
    frame = pl.DataFrame([{one: label.get(one, "") for one in texts} for label in labels])
    rows = label_evidence(frame, SimpleParser()).with_columns(source=pl.lit("photos"), origin=pl.lit("photos"))
    numbered = rows.with_row_index("evidence").with_columns(name_key=pl.col("evidence").cast(pl.String))
    return conform(numbered)


def name_labels(
    folder: Path,
    labels: list[Row],
    checklists: list[Checklist] | None = None,
    providers: Names | None = None,
    *,
    built_in: bool = False,
    **settings: Any,
) -> tuple[list[Row], list[Row]]:
    """The names of labels, one each, and the findings about them."""
    given = [*(checklists or []), *([BUILT_IN] if built_in else [])]
    paths = {one.name: one.names for one in given if one is not BUILT_IN}
    named_paths = (providers or Names()).model_dump(exclude_unset=True)
    names = Names.model_validate({**named_paths, "checklists": paths, "built_in": built_in, **settings})
    with open_database(folder / "scratch", 1) as database:
        local = authorities.load(names, SimpleParser())
        rows = evidence_of(labels)
        known = authorities.consult(local, given, rows, names, database)
        named, about = naming.name_evidence(rows, known, ())
    findings = pl.concat([about.shared, about.of_keys.drop("evidence")]).sort("kind", "value", "detail")
    return named.sort("evidence").to_dicts(), findings.to_dicts()


def lineage(named: Row) -> str:
    """The seven ranks of a name, with ``-`` for those that are empty at its end or between others."""
    return " ".join(named[rank] or "-" for rank in RANKS)
