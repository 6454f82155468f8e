"""A curator's marks, ``marks.csv``: an image that is marked ``drop`` becomes a ledger row, one that is marked
``relabel`` gets the ranks and the common name of its mark. If an image is marked twice, the last mark counts."""

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
"""A row of ``marks.csv``: the values of :data:`COLUMNS`."""


def read(path: Path) -> dict[str, dict[str, str]]:
    """The marks, by id; none if there is no file.

    Raises:
        InputError: a row has no id or an unknown verdict, or relabels without a rank.
    """
    if not path.exists():
        return {}
    # utf-8-sig: spreadsheets put a byte order mark before the header.
    with path.open(newline="", encoding="utf-8-sig") as fd:
        rows = list(csv.DictReader(fd))
    return {row["treeoflife_id"]: row for row in (_check(row, path, line) for line, row in enumerate(rows, 2))}


def _check(row: Mapping[str, str | None], path: Path, line: int) -> dict[str, str]:
    mark = {column: (row.get(column) or "").strip() for column in COLUMNS}
    if not mark["treeoflife_id"] or mark["verdict"] not in VERDICTS:
        raise InputError(f"{path}, line {line}: needs a treeoflife_id and a verdict, one of {', '.join(VERDICTS)}")
    if mark["verdict"] == "relabel" and not any(mark[rank] for rank in RANKS):
        raise InputError(f"{path}, line {line}: relabel needs at least one rank of {', '.join(RANKS)}")
    return mark


def add(path: Path, mark: Mark) -> None:
    """Add a mark, in place of an earlier one of the same image.

    Raises:
        InputError: this mark, or one in the file, is malformed.
    """
    marks = read(path)
    marks[mark["treeoflife_id"]] = _check(mark, path, len(marks) + 2)
    _write(path, marks)


def remove(path: Path, treeoflife_id: str) -> None:
    """Remove the mark of an image, if there is one."""
    marks = read(path)
    if marks.pop(treeoflife_id, None):
        _write(path, marks)


def _write(path: Path, marks: Mapping[str, Mark]) -> None:
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as fd:
        out = csv.DictWriter(fd, COLUMNS)
        out.writeheader()
        out.writerows(marks[key] for key in sorted(marks))


def table(marks: Mapping[str, Mark]) -> pl.DataFrame:
    """A row per mark: ``treeoflife_id``, and either ``marked``, the reason to drop the image, or its new names."""
    schema = dict.fromkeys(("treeoflife_id", "marked", *RANKS, "common"), pl.String)
    return pl.DataFrame([_row(mark) for mark in marks.values()], schema=schema, orient="row")


def _row(mark: Mark) -> tuple[str | None, ...]:
    if mark["verdict"] == "drop":
        return (mark["treeoflife_id"], mark["note"] or "marked as wrong", *(None for _ in range(len(RANKS) + 1)))
    taxon = Taxon(*(mark[rank] for rank in RANKS))
    return (mark["treeoflife_id"], None, *taxon, taxon.common_or_scientific(mark["common"]))
