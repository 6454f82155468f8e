"""Catalogs as mappings: a row per image and split, as catalog.csv, catalog.parquet and predicted-catalog.csv have them.

The functions without a docstring are those of :class:`.published.Format`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from ..core.database import Database
from ..core.table_files import read_header, read_table_pieces
from ..core.text_tables import TextTable, match_names
from ..core.values import SPLITS
from ..core.written_numbers import whole_numbers
from ..errors import InputError
from ..sources.base import Source
from .images import row_schema

_COMMON = ("split", "treeoflife_id")
_FLAGS = {"is_val": "val", "is_train_small": "train_small"}


def describe_missing(path: Path, sources: Sequence[Source]) -> str:
    missing = missing_columns(path, [*_COMMON, *(name for source in sources for name in source.catalog)])
    return f"no columns {missing}" if missing else ""


def open_rows(database: Database, path: Path, sources: Sequence[Source]) -> list[str]:
    schema, own = row_schema(sources), _distinguishable(path, sources)
    wanted = [*_COMMON, *(name for name in schema if any(name in one.catalog for one in own))]
    remarks, total, others = list[str](), 0, 0

    def rows() -> Iterator[pl.DataFrame]:
        nonlocal remarks, total, others
        for piece in read_pieces(path, wanted):
            frame = _interpret(path, piece, own, schema)
            remarks, total = [f"{path}: {one}" for one in piece.remarks], total + frame.height
            others += frame["source"].null_count()
            yield frame.drop_nulls("source")

    database.spool("published_row", rows(), schema)
    if others:
        names = ", ".join(one.name for one in sources)
        remarks.append(f"{path}: {others:,} of its {total:,} rows are of none of the sources {names}, and are left out")
    return remarks


def ids(path: Path) -> Iterator[pl.Series]:
    for piece in read_pieces(path, ["treeoflife_id"]):
        yield piece.rows["treeoflife_id"]


def missing_columns(path: Path, wanted: Sequence[str]) -> list[str]:
    """The columns that a catalog should have and has not.

    Raises:
        InputError: the file cannot be read, or several of its columns count as the same.
    """
    present = _written(path, read_header(path), wanted)
    return [name for name in dict.fromkeys(wanted) if name not in present]


def read_pieces(path: Path, wanted: Sequence[str]) -> Iterator[TextTable]:
    """The columns of a catalog that are wanted, under these very names, as tables of some of its rows each.

    Values are text, empty where there is none. The first table has no rows, and one is in memory at a time.

    Raises:
        InputError: the file cannot be read, or lacks one of the columns.
    """
    for piece in read_table_pieces(path, wanted):
        written = _written(path, piece.columns, wanted)
        if missing := [name for name in wanted if name not in written]:
            raise InputError(f"{path} is not a catalog: it needs the columns {missing}")
        yield replace(piece, rows=piece.rows.select(pl.col(own).alias(name) for name, own in written.items()))


def _written(path: Path, columns: Sequence[str], wanted: Sequence[str]) -> dict[str, str]:
    """How the catalog writes the name of each column that it has."""
    return match_names(f"the catalog {path} has several columns", columns, wanted)


def _distinguishable(path: Path, sources: Sequence[Source]) -> list[Source]:
    """The sources that the catalog has the columns of.

    Raises:
        InputError: there are none, or two of them have the same columns.
    """
    missing = missing_columns(path, [name for source in sources for name in source.catalog])
    own = [source for source in sources if not set(missing).intersection(source.catalog)]
    if not own:
        raise InputError(f"{path} does not say where images came from: it needs some of the columns {missing}")
    owners: dict[frozenset[str], str] = {}
    for source in own:
        if (other := owners.setdefault(frozenset(source.catalog), source.name)) != source.name:
            raise InputError(
                f"the sources {other} and {source.name} have the same columns in a catalog, so that {path} does not "
                "say of which of them an image is; give the mapping.sqlite or mapping.parquet of that dataset"
            )
    return own


def _interpret(path: Path, piece: TextTable, sources: Sequence[Source], schema: pl.Schema) -> pl.DataFrame:
    """Some rows with the columns of a mapping; ``source`` is null where none of the sources has a key.

    Raises:
        InputError: a split is unknown, a number is none, or a row does not have the key of exactly one source.
    """
    rows, split = piece.rows, piece.rows["split"]
    _require(path, piece, (split == "") | split.is_in(SPLITS), ["split"], f"none of {', '.join(SPLITS)}")
    keys = pl.DataFrame([_key(path, piece, name, schema[name]) for name in rows.columns if name not in _COMMON])
    # An image without a split has no flags.
    flags = {name: pl.when(split != "").then(split == word) for name, word in _FLAGS.items()}
    frame = rows.select(_source(path, piece, keys, sources), pl.col("treeoflife_id").replace("", None), **flags)
    return pl.concat([pl.DataFrame(schema=schema), frame.hstack(keys)], how="diagonal")


def _source(path: Path, piece: TextTable, keys: pl.DataFrame, sources: Sequence[Source]) -> pl.Series:
    """The source of each row: that of which it has all columns, and no others; null where it has no key at all."""
    name = pl.coalesce(pl.when(_is_key(source, keys.columns)).then(pl.lit(source.name)) for source in sources)
    rows = keys.select(source=name, is_other=pl.all_horizontal(pl.all().is_null()))
    is_right = rows["is_other"] | rows["source"].is_not_null()
    _require(path, piece, is_right, keys.columns, "not the whole key of one source, and of one alone")
    return rows["source"]


def _key(path: Path, piece: TextTable, name: str, kind: pl.DataType) -> pl.Series:
    """A column of keys, null where there is none; an InputError if one should be a whole number and is not."""
    values = piece.rows[name]
    if kind == pl.String:
        return values.replace("", None)
    # Pandas writes whole numbers as 5001.0 where a cell of the column is empty.
    digits = whole_numbers(values)
    numbers = digits.replace("", None).cast(kind, strict=False)
    is_right = numbers.is_not_null() | (digits == "").fill_null(value=False)
    _require(path, piece, is_right, [name], "no whole number with all its digits")
    return numbers


def _is_key(source: Source, names: Sequence[str]) -> pl.Expr:
    """Whether a row has a value in each column of a source, and in none of another's."""
    return pl.all_horizontal(
        pl.col(name).is_not_null() if name in source.catalog else pl.col(name).is_null() for name in names
    )


def _require(path: Path, piece: TextTable, is_right: pl.Series, columns: Sequence[str], what: str) -> None:
    """Check rows; the InputError of the first that is not right has its line and its values of these columns."""
    for row in (~is_right).arg_true().head(1):
        values = piece.rows.row(row, named=True)
        text = ", ".join(f"{name} {values[name]!r:.60}" for name in columns if values[name])
        place = f"{'line' if piece.delimiter else 'row'} {piece.lines[row]}"  # Parquet has no lines
        raise InputError(f"the catalog {path}, {place}: {text} is {what}")
