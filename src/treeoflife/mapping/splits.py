"""Choose the images for validation and for the small training set; all images of a group get the same split."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path

import polars as pl

from ..config.tables import Splits
from ..core.database import Database, quoted
from ..core.parquet import ROW_GROUP_SIZE
from ..core.tables import write_parquet
from ..sources.base import Source
from .images import MAPPING_COLUMNS, catalog_types
from .shuffle import lowest, second_key, shuffle_key

STEP_VERSION = 3


def write_splits(
    database: Database, path: Path, sources: Sequence[Source], settings: Splits, seed: int
) -> dict[str, int]:
    """Split all images, source by source, and write the mapping.

    Of n images of a source, ``n * val_percent // 100`` go to val; of the other n_train, ``n_train *
    train_small_percent // 100`` are in train_small as well. Both numbers are exact as long as enough images are in no
    group.

    Args:
        database: has the tables ``image`` and ``mapping`` (:func:`.images.open_images`), and ``grouped``:
            ``treeoflife_id`` and ``group`` of images that must not be divided between train and val.
        path: the mapping to write.

    Returns:
        The number of images in train, val and train_small.
    """
    database.make("shuffled", f"""
        SELECT source, image_row, treeoflife_id,
            {shuffle_key(seed, "split")} AS _shuffle, {second_key(seed, "split")} AS _small
        FROM image
    """)  # fmt: skip
    counts = dict(database.rows("SELECT source, count(*) FROM shuffled GROUP BY source"))
    in_val = {name: count * settings.val_percent // 100 for name, count in counts.items()}
    _fix_groups(database, in_val, seed)
    left = _is_lowest(database, "free", _left(database, in_val))
    database.run(f"""
        -- Every image with its side: that of its group, or as it was shuffled among those of its source in no group.
        CREATE OR REPLACE VIEW sided AS
        SELECT shuffled.* EXCLUDE (_shuffle, _small), _small AS _shuffle, coalesce(fixed.is_val, {left}) AS is_val
        FROM shuffled
        LEFT JOIN fixed USING (treeoflife_id)
    """)  # fmt: skip
    database.run("CREATE OR REPLACE VIEW trained AS FROM sided WHERE NOT is_val")
    trained = dict(database.rows("SELECT source, count(*) FROM trained GROUP BY source"))
    small = {name: count * settings.train_small_percent // 100 for name, count in trained.items()}
    rows = database.pieces(f"""
        SELECT image_row, is_val, NOT is_val AND {_is_lowest(database, "trained", small)} AS is_train_small
        FROM sided
        ORDER BY image_row
    """, 2 * ROW_GROUP_SIZE)  # fmt: skip
    written = (_complete(database, sources, some) for some in rows)
    write_parquet(path, next(written).schema, lambda: written)
    n_train = sum(trained.values())
    return {"train": n_train, "val": sum(counts.values()) - n_train, "train_small": sum(small.values())}


def _complete(database: Database, sources: Sequence[Source], rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of the mapping, with the other columns of their images."""
    images = database.gather("mapping", ["source", "treeoflife_id", *catalog_types(sources)], rows["image_row"])
    return images.hstack(rows).select(*MAPPING_COLUMNS, *catalog_types(sources))


def _is_lowest(database: Database, table: str, counts: dict[str, int]) -> str:
    """SQL for the condition that a row of ``table`` is among the first of its source, by ``_shuffle`` and id."""
    cases = [
        f"WHEN {quoted(name)} THEN {lowest(database, table, count, f'source = {quoted(name)}')}"
        for name, count in counts.items()
    ]
    return f"CASE source {' '.join(cases)} ELSE false END" if cases else "false"


def _left(database: Database, in_val: dict[str, int]) -> dict[str, int]:
    """How many images of each source are to go to val beside those whose side is fixed."""
    in_groups = "SELECT source FROM shuffled JOIN fixed USING (treeoflife_id) WHERE is_val"
    fixed = dict(database.rows(f"SELECT source, count(*) FROM ({in_groups}) GROUP BY source"))
    return {name: max(0, count - fixed.get(name, 0)) for name, count in in_val.items()}


def _fix_groups(database: Database, in_val: dict[str, int], seed: int) -> None:
    """Make the tables ``fixed``, the side of every image of a group, and ``free``, the images in no group.

    The side is as shuffled, except where that would divide the group: see :func:`choose_sides`.
    """
    database.make("member", f"""
        SELECT source, treeoflife_id, "group", {_is_lowest(database, "shuffled", in_val)} AS is_val
        FROM shuffled
        JOIN grouped USING (treeoflife_id)
    """)  # fmt: skip
    parts = database.rows(f"""
        -- How many images of each source a divided group has, in val and in all; the largest group first.
        WITH divided AS (
            SELECT "group", count(*) AS size, min(treeoflife_id) AS first_id
            FROM member
            GROUP BY "group"
            HAVING bool_or(is_val) AND NOT bool_and(is_val)
        )
        SELECT "group", source, (count(*) FILTER (WHERE is_val))::BIGINT, count(*)
        FROM member
        JOIN divided USING ("group")
        GROUP BY "group", source, size, first_id
        ORDER BY size DESC, {shuffle_key(seed, "groups", "first_id")}, first_id, source
    """)  # fmt: skip
    sides = pl.DataFrame(list(choose_sides(parts)), schema={"group": pl.Int64, "is_val": pl.Boolean}, orient="row")
    database.load("side", sides)
    database.make("fixed", """
        SELECT treeoflife_id, coalesce(side.is_val, member.is_val) AS is_val
        FROM member
        LEFT JOIN side USING ("group")
    """)  # fmt: skip
    database.run("CREATE OR REPLACE VIEW free AS FROM shuffled ANTI JOIN fixed USING (treeoflife_id)")


def choose_sides(parts: Iterable[tuple[int, str, int, int]]) -> Iterable[tuple[int, bool]]:
    """Choose the side of each group that would be divided; True is val.

    Each group goes to the side that leaves the size of each source's val nearest to what it was; to train where both
    sides are equally good.

    Args:
        parts: group, source, the number of its images of this source in val, and in all; group by group.

    >>> list(choose_sides([(0, "eol", 1, 3), (1, "eol", 2, 3), (2, "eol", 1, 2)]))
    [(0, False), (1, True), (2, False)]
    """
    # How many images more than before each source's val has, after the groups so far.
    surplus: dict[str, int] = {}
    for group, rows in groupby(parts, lambda part: part[0]):
        own = list(rows)
        to_train = {source: -val for _, source, val, _ in own}
        to_val = {source: total - val for _, source, val, total in own}
        side = _imbalance(surplus, to_val) < _imbalance(surplus, to_train)
        for source, change in (to_val if side else to_train).items():
            surplus[source] = surplus.get(source, 0) + change
        yield group, side


def _imbalance(surplus: dict[str, int], change: dict[str, int]) -> int:
    return sum(abs(surplus.get(source, 0) + more) for source, more in change.items())
