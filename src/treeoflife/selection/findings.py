"""What was found about single samples: one table that who looks for trouble writes, and the page and the report show.

``OUT/findings/NAME.parquet``, one file for each that looks. Whatever kinds it has, each is a filter of ``explore`` and
a panel beside the image, with the other images it concerns side by side, and a line of the report; no code of theirs
knows the kinds.

    from treeoflife import findings

    rows = pl.DataFrame({
        "treeoflife_id": ["0b5c…", "7f1e…"],            # the sample it is about
        "kind": ["conflicting-labels"] * 2,             # short, for the filter
        "detail": ["agree down to genus"] * 2,          # about this sample, for people; may be empty
        "others": [["7f1e…"], ["0b5c…"]],               # further images it concerns; may be empty, or not be given
    })
    kinds = {"conflicting-labels": "the same picture under different names"}
    findings.write(run.dataset.paths.findings("duplicates"), rows, kinds, {"from": inputs})

A sample may have several rows, of one kind or of many. Ids that are not in the dataset are passed over where they are
``treeoflife_id``, and named among ``others``. A stage that writes such a file names it among the files of
``stages.checksums.outputs``, and may ask :func:`made_from` whether it is up to date.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ..core.files import replacing
from ..errors import InputError

SCHEMA: dict[str, Any] = {
    "treeoflife_id": pl.String,
    "kind": pl.String,
    "detail": pl.String,
    "others": pl.List(pl.String),
}
"""The columns of a file of findings. Rows are sorted by id, so that those of a sample are found without reading all."""
_ROWS_AT_ONCE = 20_000


@dataclass(frozen=True)
class Findings:
    """A file of findings.

    Attributes:
        path: the file.
        kinds: what each kind means, in a few words.
    """

    path: Path
    kinds: Mapping[str, str]

    def scan(self) -> pl.LazyFrame:
        """Its rows; see :data:`SCHEMA`."""
        return pl.scan_parquet(self.path).select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())

    def of(self, treeoflife_id: str) -> list[dict[str, Any]]:
        """What it says of a sample: a dict of kind, detail and others for each row."""
        rows = self.scan().filter(pl.col("treeoflife_id") == treeoflife_id).drop("treeoflife_id").collect()
        return [row | {"others": row["others"] or []} for row in rows.iter_rows(named=True)]

    def counts(self) -> dict[str, int]:
        """Samples of each kind, the commonest first."""
        counted = self.scan().group_by("kind").agg(pl.col("treeoflife_id").n_unique())
        return dict(counted.sort("treeoflife_id", "kind", descending=[True, False]).collect().iter_rows())


def write(path: Path, rows: pl.DataFrame, kinds: Mapping[str, str], meta: Mapping[str, Any] | None = None) -> None:
    """Write a file of findings, whole or not at all.

    Args:
        path: ``paths.findings(NAME)``.
        rows: ``treeoflife_id`` and ``kind``, and ``detail`` and ``others`` if there are any; other columns are dropped.
        kinds: what each kind means, in a few words; also kinds of which there is none.
        meta: goes into the file beside them, such as what it was made from, as ``from``.

    Raises:
        InputError: a kind of the rows has no meaning.
    """
    if unknown := sorted(set(rows["kind"].unique().drop_nulls()) - set(kinds)):
        raise InputError(f"the kind of finding '{unknown[0]}' has no meaning: it is not one of {', '.join(kinds)}")
    empty = {"detail": pl.lit(""), "others": pl.lit([], pl.List(pl.String))}
    whole = rows.with_columns(value.alias(name) for name, value in empty.items() if name not in rows.columns)
    table = whole.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()).sort("treeoflife_id", "kind")
    told = json.dumps({**(meta or {}), "kinds": dict(kinds)}, sort_keys=True)
    with replacing(path) as temporary:
        table.write_parquet(temporary, row_group_size=_ROWS_AT_ONCE, statistics=True, metadata={"treeoflife": told})


def made_from(path: Path) -> Any:
    """What a file says it was made from; None where there is none, or it does not say."""
    return _meta(path).get("from") if path.exists() else None


def read(folder: Path) -> Sequence[Findings]:
    """The files of findings in ``paths.all_findings``, by name.

    Raises:
        InputError: one of them is no file of findings.
    """
    return [_opened(path) for path in sorted(folder.glob("*.parquet"))]


def _opened(path: Path) -> Findings:
    try:
        there, kinds = set(pl.read_parquet_schema(path)), _meta(path).get("kinds")
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read: {str(error).splitlines()[0]}") from None
    if missing := [name for name in SCHEMA if name not in there]:
        raise InputError(f"{path} is no table of findings: it has no column {missing[0]}")
    if not isinstance(kinds, dict):
        kinds = dict.fromkeys(pl.scan_parquet(path).select(pl.col("kind").unique().sort()).collect()["kind"], "")
    return Findings(path, kinds)


def _meta(path: Path) -> dict[str, Any]:
    told = json.loads(pl.read_parquet_metadata(path).get("treeoflife", "{}"))
    return told if isinstance(told, dict) else {}
