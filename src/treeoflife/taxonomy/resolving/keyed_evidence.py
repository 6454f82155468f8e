"""The evidence for every name key of every source. Keys may be as many as images; there is far less distinct evidence.

name_key   name_key, label_key           the keys of one source: as names.parquet has them, and as its labels have them
paged      name_key, evidence            those that are EOL pages without a label
keyed      source, name_key, evidence    all keys, each with the number of its evidence
"""

from collections.abc import Sequence

import polars as pl

from ...core.database import Database
from ...errors import InputError
from ...mapping.images import catalog_names
from ...mapping.natural_keys import joined_sql
from ...sources.base import Source
from ..parsing.parsed_name import Parser
from ..providers.table_count import TableCount
from . import evidence
from .evidence_columns import conform
from .labels import of_labels

_KEYS = """
    SELECT DISTINCT name_key, name_key AS label_key
    FROM image
    WHERE source = $source AND name_key IS NOT NULL
"""
_KEYS_OF_IMAGES = """
    SELECT treeoflife_id AS name_key, {natural_key} AS label_key
    FROM image
    WHERE source = $source
"""
_UNLABELLED = """
    SELECT name_key
    FROM name_key
    ANTI JOIN labelled USING (name_key)
    ORDER BY name_key
"""
_KEYED = """
    SELECT $source AS source, name_key, coalesce(labelled.evidence, paged.evidence, $unknown)::UINTEGER AS evidence
    FROM name_key
    LEFT JOIN labelled USING (name_key)
    LEFT JOIN paged USING (name_key)
"""
_COUNTS = """
    SELECT evidence, min(name_key) AS name_key, count(*)::UINTEGER AS keys
    FROM keyed
    GROUP BY evidence
    ORDER BY evidence
"""


def gather_evidence(
    sources: Sequence[Source],
    database: Database,
    nodes: pl.DataFrame | None,
    scraped: pl.DataFrame | None,
    parser: Parser,
) -> tuple[pl.DataFrame, list[TableCount]]:
    """The distinct evidence for the name keys of all sources, and the counts of the sources' own tables of labels.

    Keys about which nothing is known have empty ranks.

    Args:
        database: has the table ``image`` (:mod:`treeoflife.mapping.images`); gets the table ``keyed``.
        nodes: EOL's tree, if configured.
        scraped: the names that were scraped from EOL's pages, if configured.

    Returns:
        The evidence, a row for each of the numbers from 0 on, in order; and the counts.

    Raises:
        InputError: EOL is a source and neither its tree nor its scraped names are configured; or labels are malformed.
    """
    parts, tables, first = list[pl.DataFrame](), list[TableCount](), 0
    for number, source in enumerate(sources):
        _load_keys(database, source)
        labels, count = of_labels(source, database, parser, first)
        tables += [count] if source.label_files() else []
        pages, page_counts = _of_pages(source, database, nodes, scraped, parser, first + labels.height)
        tables += page_counts
        unknown = first + labels.height + pages.height
        parts += [labels, pages]
        database.make(f"keyed_{number}", _KEYED, source=source.name, unknown=unknown)
        if database.value(f"SELECT count(*) FROM keyed_{number} WHERE evidence = $unknown", unknown=unknown):
            parts.append(conform(pl.DataFrame({"source": [source.name], "evidence": [unknown]})))
        first = sum(part.height for part in parts)
    keyed = " UNION ALL ".join(f"FROM keyed_{number}" for number in range(len(sources)))
    database.run(f"CREATE OR REPLACE VIEW keyed AS {keyed}")
    rows = pl.concat(parts).drop("name_key", "keys").join(database.frame(_COUNTS), on="evidence")
    return conform(rows.sort("evidence")), tables


def _load_keys(database: Database, source: Source) -> None:
    """Make the table ``name_key`` of a source."""
    if source.name_key != "treeoflife_id":
        database.make("name_key", _KEYS, source=source.name)
        return
    # Such a source labels single images, by their natural key.
    columns = catalog_names(source)
    natural_key = joined_sql({columns[name]: source.columns[name] for name in source.key})
    database.make("name_key", _KEYS_OF_IMAGES.format(natural_key=natural_key), source=source.name)


def _of_pages(
    source: Source,
    database: Database,
    nodes: pl.DataFrame | None,
    scraped: pl.DataFrame | None,
    parser: Parser,
    first: int,
) -> tuple[pl.DataFrame, list[TableCount]]:
    """The evidence for the keys of a source that are EOL pages without a label; and a count if it says nothing."""
    rows, counts = conform(pl.DataFrame(schema={"name_key": pl.String})), list[TableCount]()
    if source.name_key == "page_id":
        if nodes is None and scraped is None:
            raise InputError(f"the source '{source.name}' is named by EOL page: set eol_tree (taxon.tab) in [names]")
        # What the source itself says of a page takes precedence over the tree.
        pages = database.frame(_UNLABELLED)
        rows = evidence.of_pages(source, pages, nodes, scraped, parser)
        if pages.height and rows.is_empty():
            left_out = {"in neither taxon.tab nor the scraped names": pages.height}
            counts.append(TableCount(source.name, "pages of images", pages.height, 0, left_out, unit="pages"))
    rows = rows.sort("name_key").drop("evidence").with_row_index("evidence", first)
    database.load("paged", rows.select("name_key", "evidence"))
    return conform(rows), counts
