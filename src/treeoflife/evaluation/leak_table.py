"""One table of the images that a dataset and a benchmark have in common, by id, by bytes and by picture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ..core.database import Database, columns, quoted
from ..core.files import replacing, sha256, to_json, write_text
from ..core.tables import escaped_formula
from ..mapping.images import listed_name
from ..sources.base import Source

COLUMNS = (
    "treeoflife_id", "source", "split", "container", "position", "file", "image", "by_id", "by_bytes", "by_picture",
    "link", "distance",
)  # fmt: skip
"""A row per image of the dataset and item of the benchmark that are the same.

split       train or val; null before images have one
file        the file of the image, or else what lists call it
image       the item: the name of its file, or its id or address as the list has it
by_id       the kinds of ids that both have, with spaces; see :mod:`..sources.lists.id_columns`
by_bytes    whether they are the same file, by its SHA-256
by_picture  ``near`` or ``mirrored`` (the pictures were compared), ``hash`` (by the perceptual hash alone), or null
link        the surest way: ``bytes``, the word of ``by_picture``, or ``id``
distance    the Hamming distance of the perceptual hashes
"""
PICTURES = pl.Schema({
    "treeoflife_id": pl.String, "container": pl.String, "position": pl.Int64, "file": pl.String, "item": pl.Int64,
    "by_bytes": pl.Boolean, "by_picture": pl.String, "distance": pl.Int64,
})  # fmt: skip
"""A row per pair that is the same by its bytes or its picture."""
ID_PAIRS = pl.Schema({"treeoflife_id": pl.String, "item": pl.Int64, "by_id": pl.String})
ITEMS = pl.Schema({"item": pl.Int64, "image": pl.String})

_SPLIT = "CASE WHEN is_val THEN 'val' WHEN NOT is_val THEN 'train' END"
_LEAKS = f"""
    SELECT
        treeoflife_id, image.source, {_SPLIT} AS split, picture.container, picture.position,
        coalesce(picture.file, {{name}}) AS file,
        list_item.image, id_pair.by_id, coalesce(picture.by_bytes, false) AS by_bytes, picture.by_picture,
        CASE WHEN picture.by_bytes THEN 'bytes' ELSE coalesce(picture.by_picture, 'id') END AS link,
        picture.distance, item, coalesce(is_train_small, false) AS is_train_small
    FROM picture
    FULL JOIN id_pair USING (treeoflife_id, item)
    JOIN list_item USING (item)
    JOIN (SELECT image.* EXCLUDE (is_val, is_train_small), own.is_val, own.is_train_small
        FROM image LEFT JOIN own_split AS own USING (treeoflife_id)) AS image USING (treeoflife_id)
    ORDER BY image.source, treeoflife_id, item
"""
_WAYS = {
    "any": "true",
    "id": "by_id IS NOT NULL",
    "bytes": "by_bytes",
    "picture": "by_picture IS NOT NULL",
}
_SPLITS = {
    "all": "true",
    "train": "split = 'train'",
    "train_small": "split = 'train' AND is_train_small",
    "val": "split = 'val'",
}


@dataclass(frozen=True)
class Leaks:
    """The images that a dataset and a benchmark have in common.

    Attributes:
        benchmark: as it was given.
        table: the file of Parquet with :data:`COLUMNS`; beside it is the same as CSV.
        images: the number of images of the dataset that are in the benchmark.
        pairs: the number of rows of the table.
        items: how many images, ids or addresses the benchmark has.
        counts: a row per way and split: ``way``, ``split``, ``images`` of the dataset, ``items`` of the benchmark.
        remarks: sentences on what was read as what, and what to make of it.
    """

    benchmark: Path
    table: Path
    images: int
    pairs: int
    items: int
    counts: tuple[Mapping[str, Any], ...]
    remarks: tuple[str, ...] = ()

    def scan(self) -> pl.LazyFrame:
        """The rows of the table, to be read lazily."""
        return pl.scan_parquet(self.table, glob=False)

    def summary(self) -> list[str]:
        """The counts for people: a line for each way that found something."""
        rows: dict[str, list[str]] = {}
        for row in self.counts:
            if row["split"] == "all":
                rows[row["way"]] = [f"{row['images']:,} images are {row['items']:,} of {self.items:,} items"]
            elif row["images"]:
                rows[row["way"]].append(f"{row['split']} {row['images']:,}")
        found = {way: words for way, words in rows.items() if not words[0].startswith("0 ")}
        return [f"by {way}: {'; '.join(words)}" for way, words in found.items() if way != "any"]


def open_splits(database: Database, mapping: Path) -> None:
    """Make the splits of images known as ``own_split``, if they have any yet.

    Args:
        mapping: the mapping with splits.
    """
    if mapping.exists():
        database.view("split_file", [mapping])
        database.run("CREATE OR REPLACE VIEW own_split AS SELECT treeoflife_id, is_val, is_train_small FROM split_file")
        return
    schema = {"treeoflife_id": pl.String, "is_val": pl.Boolean, "is_train_small": pl.Boolean}
    database.load("own_split", pl.DataFrame(schema=schema))


def write_leaks(
    database: Database, sources: Sequence[Source], table: Path, meta: Mapping[str, Any]
) -> tuple[int, tuple[Mapping[str, Any], ...]]:
    """Write the table of leaks, as Parquet and CSV, and the counts as JSON; returns its length and the counts.

    in:  image; own_split; list_item; picture; id_pair
    """
    names = " ".join(f"WHEN {quoted(one.name)} THEN {listed_name(one)}" for one in sources)
    database.sort("leak", _LEAKS.format(name=f"CASE image.source {names} END"))
    counts = tuple(_counts(database))
    table.unlink(missing_ok=True)  # its metadata holds the SHA-256 of the CSV, which is about to change
    texts = {"file", "image"}
    for_people = ", ".join(f"{escaped_formula(name)} AS {name}" if name in texts else name for name in COLUMNS)
    in_order = "FROM leak ORDER BY source, treeoflife_id, item"
    database.write_csv(table.with_suffix(".csv"), f"SELECT {for_people} {in_order}")
    write_text(table.with_suffix(".json"), to_json([dict(row) for row in counts], indent=1).decode() + "\n")
    described = {**meta, "csv": sha256(table.with_suffix(".csv"))}
    return database.write(table, f"SELECT {columns(COLUMNS)} {in_order}", described), counts


def _counts(database: Database) -> list[dict[str, Any]]:
    kinds = [kind for (kind,) in database.rows("""
        SELECT DISTINCT unnest(string_split(by_id, ' ')) AS kind FROM leak ORDER BY kind
    """)]  # fmt: skip
    ways = _WAYS | {kind: f"list_contains(string_split(by_id, ' '), {quoted(kind)})" for kind in kinds}
    cells = [(way, split, f"coalesce({is_way} AND {is_split}, false)")
             for way, is_way in ways.items() for split, is_split in _SPLITS.items()]  # fmt: skip
    images, items = (_count_each(database, one, [where for *_, where in cells]) for one in ("treeoflife_id", "item"))
    return [
        {"way": way, "split": split, "images": images[number], "items": items[number]}
        for number, (way, split, _) in enumerate(cells)
    ]


def _count_each(database: Database, key: str, conditions: Sequence[str]) -> tuple[int, ...]:
    """How many distinct values of ``key`` have a row for which each condition holds."""
    any_row = ", ".join(f"bool_or({one}) AS is_{number}" for number, one in enumerate(conditions))
    counts = ", ".join(f"count(*) FILTER (is_{number})" for number in range(len(conditions)))
    (row,) = database.rows(f"SELECT {counts} FROM (SELECT {any_row} FROM leak GROUP BY {key})")
    return row


def write_leak_list(path: Path, leaks: Leaks, title: str) -> None:
    """Write the ids of the leaks as a hold-out list, an id on each line."""
    ids = leaks.scan().select("treeoflife_id").unique().sort("treeoflife_id").collect(engine="streaming")
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as fd:
        fd.write(f"# {title}\n")
        ids.write_csv(fd, include_header=False)
