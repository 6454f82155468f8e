"""marks.csv: what a curator found wrong. An image that is marked ``drop`` becomes a ledger row, one that is marked
``relabel`` gets the seven ranks and the common name of its mark. A mark speaks of one image; the last one counts."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

import polars as pl

from ..core.files import replacing
from ..core.values import RANKS, Taxon
from ..errors import InputError

COLUMNS = ("treeoflife_id", "verdict", *RANKS, "common", "note")
VERDICTS = ("drop", "relabel")
Mark = Mapping[str, str]


def read(path: Path) -> dict[str, dict[str, str]]:
    """The marks, by id; none where there is no such file.

    Raises:
        InputError: it lacks a column, or a verdict is neither drop nor relabel, or a relabelling has no rank.
    """
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8-sig") as fd:
        rows = list(csv.DictReader(fd))
    return {row["treeoflife_id"]: row for row in (_checked(row, path, line) for line, row in enumerate(rows, 2))}


def _checked(row: Mapping[str, str | None], path: Path, line: int) -> dict[str, str]:
    mark = {column: (row.get(column) or "").strip() for column in COLUMNS}
    if not mark["treeoflife_id"] or mark["verdict"] not in VERDICTS:
        raise InputError(f"{path}, line {line}: needs a treeoflife_id and a verdict, one of {', '.join(VERDICTS)}")
    if mark["verdict"] == "relabel" and not any(mark[rank] for rank in RANKS):
        raise InputError(f"{path}, line {line}: relabel needs at least one rank of {', '.join(RANKS)}")
    return mark


def put(path: Path, mark: Mark) -> None:
    """Add a mark, in place of an earlier one of the same image.

    Raises:
        InputError: the mark, or one that is there, is malformed.
    """
    marks = read(path)
    marks[mark["treeoflife_id"]] = _checked(mark, path, len(marks) + 2)
    _write(path, marks)


def take(path: Path, treeoflife_id: str) -> None:
    """Take a mark away, if there is one."""
    marks = read(path)
    if marks.pop(treeoflife_id, None):
        _write(path, marks)


def _write(path: Path, marks: Mapping[str, Mark]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as fd:
        out = csv.DictWriter(fd, COLUMNS)
        out.writeheader()
        out.writerows(marks[key] for key in sorted(marks))


def table(marks: Mapping[str, Mark]) -> pl.DataFrame:
    """A row per mark: ``treeoflife_id``; ``marked``, why the image is to go; or the ranks and common name it gets."""
    schema = dict.fromkeys(("treeoflife_id", "marked", *RANKS, "common"), pl.String)
    return pl.DataFrame([_row(mark) for mark in marks.values()], schema=schema, orient="row")


def _row(mark: Mark) -> tuple[str | None, ...]:
    if mark["verdict"] == "drop":
        return (mark["treeoflife_id"], mark["note"] or "marked as wrong", *(None for _ in range(len(RANKS) + 1)))
    taxon = Taxon(*(mark[rank] for rank in RANKS))
    common = taxon.common_or_own(mark["common"])
    return (mark["treeoflife_id"], None, *taxon, common)
