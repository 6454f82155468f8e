"""The catalog of TreeOfLife-200M as a list of addresses, and its table of licences and owners.

The catalog's ``source_url`` is the address of the picture; that of ``provenance.parquet`` is its page, and differs.
https://huggingface.co/datasets/imageomics/TreeOfLife-200M
"""

from collections.abc import Collection
from pathlib import Path

from ...core.database import Database, column, quoted
from ...errors import InputError
from .listed_columns import Meaning
from .text_columns import Table, without_words_for_nothing

COLUMNS: dict[Meaning, str] = {
    "url": "source_url", "id": "uuid", "source_id": "source_id", "data_source": "data_source", "source_url": "",
    "observation": "", "observer": "", "place": "",
}  # fmt: skip
"""The columns of the catalog whose names would be taken for something else, or have none."""
_PROVENANCE = ("source_url", "license_name", "license_link", "copyright_owner", "title")
_NOT_PROVIDED = "not provided"


def is_treeoflife_200m(columns: Collection[str]) -> bool:
    """Whether these are the columns of the catalog."""
    return {"uuid", "source_url", "data_source", "source_id", "img_type"} <= set(columns)


def find_provenance(catalog: Path) -> Path | None:
    """``provenance.parquet`` beside a catalog, or where the published dataset has it; None if it is not there."""
    places = (catalog.with_name("provenance.parquet"), catalog.parent.parent / "metadata" / "provenance.parquet")
    return next((path for path in places if path.is_file()), None)


def add_provenance(database: Database, chosen: str, path: Path) -> str:
    """SQL for the rows of the query ``chosen``, with what ``provenance.parquet`` says of them by their ids.

    Raises:
        InputError: it cannot be read, or has no column of uuids.
    """
    table = Table.of(path)
    if "uuid" not in table.columns:
        raise InputError(f"the table {path} is not the provenance of TreeOfLife-200M: it has no column 'uuid'")
    table.open(database, "provenance_file", ("uuid", *_PROVENANCE))
    present = [name for name in _PROVENANCE if name in table.columns]
    repeated = database.value(f"""
        SELECT min(uuid::VARCHAR)
        FROM (
            SELECT uuid
            FROM (SELECT try_cast(uuid AS UUID) AS uuid FROM provenance_file)
            SEMI JOIN (SELECT try_cast(id AS UUID) AS uuid FROM ({chosen})) AS chosen USING (uuid)
            GROUP BY uuid
            HAVING count(*) > 1
        )
    """)
    if repeated:
        raise InputError(f"the table {path} has the uuid {repeated} in several rows: keep one of each")
    values = ", ".join(f"coalesce({_known(name)}, '') AS {column(name)}" for name in present)
    # The rows that are taken are on the right, since a join keeps that side in memory: they are often few.
    return f"""
        SELECT chosen.* EXCLUDE ({", ".join(present)}), {values}
        FROM provenance_file AS provenance
        RIGHT JOIN ({chosen}) AS chosen ON try_cast(provenance.uuid AS UUID) = try_cast(chosen.id AS UUID)
    """


def _known(name: str) -> str:
    value = without_words_for_nothing(f"provenance.{column(name)}")
    return f"nullif({value}, {quoted(_NOT_PROVIDED)})"
