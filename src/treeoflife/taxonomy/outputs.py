"""Write the files of names for people and other programs: lookups with class numbers, predicted-catalog.csv,
scientific_to_common.json, and the findings.

The tables of names here have a row per evidence, in the order of its numbers; the table ``keyed`` of a database has
the number of each name key (:mod:`.keyed_evidence`). So keys, which may be as many as images, are sorted without their
names.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import polars as pl

from ..core.database import Database
from ..core.files import replacing
from ..core.parquet import ROW_GROUP_SIZE
from ..core.tables import escape_formulas
from ..core.values import NAME_COLUMNS, RANKS
from ..mapping.images import catalog_types
from ..sources.base import Source
from ..sources.columns import catalog_columns
from . import findings
from .expressions import positions

CLASSES = tuple(f"{rank}_class" for rank in RANKS)
"""The columns of the class numbers, one for each rank."""
ROWS_AT_ONCE = 2 * ROW_GROUP_SIZE
"""Rows of keys or images that get their names at once, which bounds the memory for these texts."""

_LOOKUP_KEYS = """
    SELECT to_json(name_key)::VARCHAR AS key, evidence
    FROM keyed
    WHERE source = $source
    ORDER BY name_key
"""
_LOOKUP_VALUES = """
    SELECT concat(
        '[[', concat_ws(', ', to_json(kingdom), to_json(phylum), to_json("class"), to_json("order"), to_json(family),
        to_json(genus), to_json(species)), '], ', to_json(common), ', ', class_index, ']'
    ) AS value
    FROM numbered
    ORDER BY number
"""
# An image of train_small is in train as well, and has a row for each. A published mapping has images without a split.
_IMAGE_ROWS = """
    SELECT
        unnest(if(is_train_small, [if(is_val, 'val', 'train'), 'train_small'], [if(is_val, 'val', 'train')])) AS split,
        image_row,
        coalesce(mark_number.number, keyed.evidence) AS _number
    FROM image
    LEFT JOIN (SELECT name_key, evidence FROM keyed WHERE source = $source) AS keyed USING (name_key)
    LEFT JOIN mark_number USING (treeoflife_id)
    WHERE source = $source AND is_val IS NOT NULL AND is_train_small IS NOT NULL AND mark_number.marked IS NULL
    ORDER BY image_row, split
"""
_FINDINGS = """
    FROM finding
    UNION ALL
    SELECT kind, keyed.source, keyed.name_key, keys, rank, value, detail
    FROM finding_of_key
    JOIN keyed USING (evidence)
"""


def number_classes(names: pl.DataFrame, marks: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Add class numbers to names and to a curator's marks: the columns :data:`CLASSES`.

    The number at a rank is the position of the lineage down to it among the sorted lineages of both tables.
    """
    # A mark may give an image a taxon that no other image has.
    taxa = pl.concat([names.select(RANKS), marks.select(RANKS)])
    numbers = pl.DataFrame(dict(zip(CLASSES, positions(taxa, RANKS), strict=True)))
    return names.hstack(numbers[: names.height]), marks.hstack(numbers[names.height :])


def _class_index() -> pl.Expr:
    """The class numbers as one text; an image without a name has class 0 at every rank."""
    numbers = pl.concat_str([pl.col(column).fill_null(0).cast(pl.String) for column in CLASSES], separator=", ")
    return pl.concat_str(pl.lit("["), numbers, pl.lit("]")).alias("class_index")


def write_lookup(path: Path, database: Database, source: Source, names: pl.DataFrame) -> None:
    """One source's names as ``{key: [[seven ranks], common, [seven class numbers]]}``.

    Args:
        database: has the table ``keyed``.
        names: the names with class numbers, by the number of their evidence.
    """
    database.load("numbered", names.select(*NAME_COLUMNS, _class_index()).with_row_index("number"))
    values = database.frame(_LOOKUP_VALUES)["value"]
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as fd:
        fd.write("{")
        comma = ""
        for piece in database.pieces(_LOOKUP_KEYS, rows_at_once=ROWS_AT_ONCE, source=source.name):
            lines = piece["key"] + ": " + values.gather(piece["evidence"])
            if len(lines):
                fd.write(comma + lines.str.join(",\n").item())
                comma = ",\n"
        fd.write("}\n")


def write_scientific_to_common(path: Path, names: Mapping[str, str]) -> None:
    """Scientific and common names as one JSON object."""
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as fd:
        json.dump(names, fd, ensure_ascii=False, indent=0)
        fd.write("\n")


def with_common(names: pl.DataFrame) -> pl.DataFrame:
    """Names whose ``common`` is never empty unless all ranks are: see :meth:`.Taxon.common_or_scientific`."""
    scientific, taxonomic = _joined("genus", "species"), _joined(*RANKS)
    capitalised = scientific.str.slice(0, 1).str.to_uppercase() + scientific.str.slice(1)
    return names.with_columns(
        common=pl.when(pl.col("common") != "").then("common").when(scientific != "").then(capitalised)
        .otherwise(taxonomic)
    )  # fmt: skip


def _joined(*columns: str) -> pl.Expr:
    """The texts of these columns that are not empty, separated by spaces."""
    return pl.concat_str([pl.col(name).replace("", None) for name in columns], separator=" ", ignore_nulls=True)


def write_predicted_catalog(
    path: Path, database: Database, sources: Sequence[Source], names: pl.DataFrame, marks: pl.DataFrame
) -> None:
    """Write one row per image and split, by source and id.

    Args:
        database: has the tables ``image``, ``mapping`` and ``keyed``.
        sources: in the order of the rows.
        names: the names with class numbers, by the number of their evidence.
        marks: a curator's marks with class numbers: images to leave out, and images with other names.
    """
    header = [*catalog_columns(sources), "class_index"]
    shown = (with_common(names), marks)
    # In one chunk, because rows are gathered from it: from two chunks that takes four times as long.
    texts = pl.concat([table.select(*NAME_COLUMNS, _class_index()) for table in shown], rechunk=True)
    # The names of marks come after those of evidence, and are numbered as these are.
    is_renamed = pl.col("kingdom").is_not_null()
    numbered = marks.with_row_index("number", names.height)
    number = pl.when(is_renamed).then("number").cast(pl.UInt32)
    database.load("mark_number", numbered.select("treeoflife_id", "marked", number))
    with replacing(path) as temporary, temporary.open("wb") as fd:
        pl.DataFrame(schema=header).write_csv(fd)
        for rows in _image_rows(database, sources):
            named = pl.concat([rows, texts.select(pl.all().gather(rows["_number"]))], how="horizontal")
            missing = [pl.lit(None, pl.String).alias(column) for column in header if column not in named.columns]
            nameless = [pl.col(NAME_COLUMNS).fill_null(""), pl.col("class_index").fill_null(str([0] * len(RANKS)))]
            named.with_columns(*missing, *nameless).select(header).write_csv(fd, include_header=False)


def _image_rows(database: Database, sources: Sequence[Source]) -> Iterator[pl.DataFrame]:
    """The images of each source with their splits, the columns of the catalog and the number of their names."""
    wanted = ["treeoflife_id", *catalog_types(sources)]
    for source in sources:
        for rows in database.pieces(_IMAGE_ROWS, rows_at_once=ROWS_AT_ONCE, source=source.name):
            yield rows.hstack(database.gather("mapping", wanted, rows["image_row"]))


def write_findings(parquet: Path, csv: Path, database: Database, all_findings: findings.Findings) -> int:
    """Write the findings as Parquet, and as CSV for people; returns how many are about names.

    Args:
        database: has the table ``keyed``.
    """
    database.load("finding", all_findings.shared)
    database.load("finding_of_key", all_findings.of_keys)
    database.write(parquet, f"FROM ({_FINDINGS}) ORDER BY {', '.join(findings.ORDER)}")
    database.view("written_finding", [parquet])
    with replacing(csv) as temporary, temporary.open("wb") as fd:
        for number, piece in enumerate(database.read("written_finding")):
            escape_formulas(piece).write_csv(fd, include_header=number == 0)
    return int(database.value("SELECT count(*) FROM written_finding WHERE kind <> 'table'"))
