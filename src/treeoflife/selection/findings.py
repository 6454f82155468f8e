"""Tables of findings about samples, which any check may write, and which ``explore`` and the report show.

Each check writes one file, ``OUT/findings/NAME.parquet``. Each kind of finding becomes a filter of ``explore``, a panel
beside the image with the other images that it concerns, and a line of the report; their code knows none of the kinds.

    from treeoflife.selection import findings

    rows = pl.DataFrame({
        "treeoflife_id": ["0b5c…", "7f1e…"],            # the sample
        "kind": ["conflicting-labels"] * 2,             # short, for the filter
        "detail": ["agree down to genus"] * 2,          # about this sample, for people; optional
        "others": [["7f1e…"], ["0b5c…"]],               # further images that it concerns; optional
    })
    kinds = {"conflicting-labels": "the same picture under different names"}
    findings.write(paths.findings("duplicates"), rows, kinds)

A sample may have several rows, of one kind or of many. A row whose ``treeoflife_id`` is not in the dataset is ignored;
ids in ``others`` that are not are shown as ids.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ..core.database import Database
from ..core.files import replacing
from ..core.json_reader import parse_json
from ..core.tables import parquet_schema
from ..core.text import reason
from ..errors import InputError

SCHEMA: dict[str, Any] = {
    "treeoflife_id": pl.String,
    "kind": pl.String,
    "detail": pl.String,
    "others": pl.List(pl.String),
}
"""The columns of a file of findings. Rows are sorted by id, so that a sample's are found without reading all."""
# A sample's rows are looked up by the statistics of row groups; reading one of this size takes some milliseconds.
_ROW_GROUP_SIZE = 20_000


@dataclass(frozen=True)
class Findings:
    """A file of findings.

    Attributes:
        kinds: each kind and its meaning, in a few words.
    """

    path: Path
    kinds: Mapping[str, str]

    def scan(self) -> pl.LazyFrame:
        """The rows; see :data:`SCHEMA`."""
        return pl.scan_parquet(self.path, glob=False).select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())

    def of(self, treeoflife_id: str) -> list[dict[str, Any]]:
        """The findings about a sample: kind, detail and others of each row."""
        rows = self.scan().filter(pl.col("treeoflife_id") == treeoflife_id).drop("treeoflife_id").collect()
        return [row | {"others": row["others"] or []} for row in rows.iter_rows(named=True)]

    def counts(self) -> dict[str, int]:
        """The number of samples of each kind, the most frequent first."""
        counted = self.scan().group_by("kind").agg(pl.col("treeoflife_id").n_unique())
        return dict(counted.sort("treeoflife_id", "kind", descending=[True, False]).collect().iter_rows())


def write(path: Path, rows: pl.DataFrame, kinds: Mapping[str, str]) -> None:
    """Write a file of findings, whole or not at all.

    Args:
        path: the file, ``paths.findings(NAME)``.
        rows: ``treeoflife_id``, ``kind``, and optionally ``detail`` and ``others``; other columns are dropped.
        kinds: the meaning of each kind, in a few words; also of kinds without a row.

    Raises:
        InputError: ``kinds`` lacks a kind of the rows.
    """
    if unknown := sorted(set(rows["kind"].unique().drop_nulls()) - set(kinds)):
        raise InputError(f"the kind of finding '{unknown[0]}' has no meaning: it is not one of {', '.join(kinds)}")
    defaults = {"detail": pl.lit(""), "others": pl.lit([], pl.List(pl.String))}
    complete = rows.with_columns(value.alias(name) for name, value in defaults.items() if name not in rows.columns)
    table = complete.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()).sort("treeoflife_id", "kind")
    metadata = {"treeoflife": json.dumps({"kinds": dict(kinds)}, sort_keys=True)}
    with replacing(path) as temporary:
        table.write_parquet(temporary, row_group_size=_ROW_GROUP_SIZE, statistics=True, metadata=metadata)


def write_query(database: Database, path: Path, sql: str, kinds: Mapping[str, str]) -> int:
    """Write the rows of a query as a file of findings, whole or not at all; returns how many there are.

    Args:
        sql: gives the columns of :data:`SCHEMA`, in any order of the rows.
        kinds: the meaning of each kind, in a few words.
    """
    ordered = f"SELECT {', '.join(SCHEMA)} FROM ({sql}) ORDER BY treeoflife_id, kind, detail"
    return database.write(path, ordered, {"kinds": dict(kinds)}, _ROW_GROUP_SIZE)


def read(folder: Path) -> Sequence[Findings]:
    """The files of findings in a folder, ``paths.findings_folder``, sorted by name.

    Raises:
        InputError: one of them is not a table of findings.
    """
    return [_open(path) for path in sorted(folder.glob("*.parquet"))]


def _open(path: Path) -> Findings:
    try:
        columns = parquet_schema(path)
        meta = parse_json(pl.read_parquet_metadata(path).get("treeoflife", "{}"))
    except (OSError, ValueError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{path} cannot be read: {reason(error)}") from None
    if missing := [name for name in SCHEMA if name not in columns]:
        raise InputError(f"{path} is not a table of findings: it has no column {missing[0]}")
    kinds = meta.get("kinds") if isinstance(meta, dict) else None
    # A table that another program wrote has no such metadata: its kinds are those of its rows.
    if not isinstance(kinds, dict):
        kinds = dict.fromkeys(
            pl.scan_parquet(path, glob=False).select(pl.col("kind").unique().sort()).collect()["kind"], ""
        )
    return Findings(path, kinds)
