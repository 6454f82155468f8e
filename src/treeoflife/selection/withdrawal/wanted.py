"""Which images are to be withdrawn, as people say it: ids of the dataset, ids of the source, natural keys, URLs."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ...core.table_files import read_table_file
from ...core.text_tables import simple_name
from ...core.values import joined
from ...errors import InputError
from ...mapping.images import catalog_types
from ...sources.base import Source

COLUMN = "column "
"""The beginning of the kind of a value of a column of a source, by the name that the catalog has for it."""
ANY = "any"
"""The kind of a value of which nobody says what it is: it is looked for among all of :data:`KINDS`."""
KINDS = {
    "treeoflife_id": ("treeoflife_id", "evobio10m_id", "uuid", "id"),
    "natural_key": ("natural_key",),
    "source_id": ("source_id",),
    "url": ("url", "source_url", "image_url", "access_uri", "identifier"),
}
"""What a value may be, and the headers of columns that have such values."""
SCHEMA = pl.Schema({"number": pl.Int64, "kind": pl.String, "value": pl.String})


def wanted_values(values: Sequence[str], kind: str = ANY) -> pl.DataFrame:
    """Values as a table: ``number``, ``kind`` and ``value``; empty ones and repetitions are left out.

    >>> wanted_values(["a", "", "a", "b"]).rows()
    [(0, 'any', 'a'), (1, 'any', 'b')]
    """
    texts = dict.fromkeys(text for value in values if (text := value.strip()))
    return pl.DataFrame({"kind": [kind] * len(texts), "value": list(texts)}, schema_overrides=SCHEMA).select(
        pl.int_range(pl.len(), dtype=pl.Int64).alias("number"), "kind", "value"
    )


def read_wanted(path: Path, sources: Sequence[Source]) -> pl.DataFrame:
    """The images that a table names, as :func:`wanted_values` has them.

    The first column counts that is known: one of :data:`KINDS`; or else the columns of a source, which are its natural
    key together; or one of these, such as ``content_id``, for all images with its values. A list without a header, of
    one value a line, is read as it is.

    Raises:
        InputError: it cannot be read, or has no such column.
    """
    table = read_table_file(path)
    by_name = {simple_name(name): name for name in table.rows.columns}
    for kind, headers in KINDS.items():
        for header in headers:
            if (name := by_name.get(simple_name(header))) is not None:
                return wanted_values(table.rows[name].to_list(), kind)
    if natural_keys := _natural_keys(table.rows, by_name, sources):
        return wanted_values(natural_keys, "natural_key")
    for source in sources:
        for own, catalog in zip(source.columns, source.catalog, strict=True):
            if name := by_name.get(simple_name(catalog), by_name.get(simple_name(own))):
                return wanted_values(table.rows[name].to_list(), f"{COLUMN}{catalog}")
    if len(table.rows.columns) == 1:
        (only,) = table.rows.columns
        return wanted_values([only, *table.rows[only].to_list()])
    known = ", ".join(header for headers in KINDS.values() for header in headers)
    keys = ", ".join(catalog_types(sources))
    raise InputError(
        f"{path} has the columns {', '.join(table.columns[:12])}, none of which names images: a column has to be "
        f"called {known}; or the columns are those of a natural key: {keys}"
    )


def _natural_keys(rows: pl.DataFrame, by_name: dict[str, str], sources: Sequence[Source]) -> list[str]:
    """The natural keys in the columns of sources, as texts; of several sources, those of all."""
    found: list[str] = []
    for source in sources:
        catalog = dict(zip(source.columns, source.catalog, strict=True))
        names = [by_name.get(simple_name(catalog[one]), by_name.get(simple_name(one))) for one in source.key]
        if all(names):
            kinds = [source.columns[one] for one in source.key]
            given = rows.select([str(name) for name in names]).iter_rows()
            found += [joined(_typed(kinds, values)) for values in given if all(values)]
    return found


def _typed(kinds: Sequence[type[int] | type[str]], values: Sequence[str]) -> list[int | str]:
    return [
        int(value) if kind is int and value.isdecimal() else value for kind, value in zip(kinds, values, strict=True)
    ]
