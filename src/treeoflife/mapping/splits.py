"""Choose the images for validation and for the small training set; all images of a group get the same split."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from ..config.tables import Splits
from ..core.database import Database, quoted
from ..core.parquet import ROW_GROUP_SIZE
from ..core.tables import write_parquet
from ..sources.base import Source
from .images import MAPPING_COLUMNS, catalog_types
from .shuffle import lowest, second_key, shuffle_key
from .sides import choose_val

STEP_VERSION = 4


def write_splits(
    database: Database, path: Path, sources: Sequence[Source], settings: Splits, seed: int
) -> dict[str, int]:
    """Split all images, source by source, and write the mapping.

    Of n images of a source, ``n * val_percent // 100`` go to val; of the other n_train, ``n_train *
    train_small_percent // 100`` are in train_small as well. The former number is as exact as groups allow. Images of
    a group may be divided between train_small and the rest of train. Withdrawn images count, and are not written.

    Args:
        database: has the tables ``image`` and ``mapping`` (:func:`.images.open_images`), and ``grouped``:
            ``image_row`` of images that must not be divided between train and val, and ``group``, the lowest of those
            of their group.
        path: the mapping to write.

    Returns:
        The number of images in train, val and train_small.
    """
    database.make("shuffled", f"""
        SELECT image_row, source, {shuffle_key(seed, "split")} AS _shuffle,
            {second_key(seed, "split")} AS _small
        FROM image
    """)  # fmt: skip
    counts = dict(database.rows("SELECT source, count(*) FROM shuffled GROUP BY source ORDER BY source"))
    targets = {name: count * settings.val_percent // 100 for name, count in counts.items()}
    choose_val(database, targets, settings.val_percent)
    database.make("val_image", """
        SELECT image_row
        FROM shuffled
        LEFT JOIN grouped USING (image_row)
        WHERE coalesce("group", image_row) IN (FROM in_val)
    """)  # fmt: skip
    database.run("""
        CREATE OR REPLACE VIEW sided AS
        SELECT * EXCLUDE (_shuffle, _small), _small AS _shuffle, image_row IN (FROM val_image) AS is_val
        FROM shuffled
    """)
    database.run("CREATE OR REPLACE VIEW trained AS FROM sided WHERE NOT is_val")
    trained = dict(database.rows("SELECT source, count(*) FROM trained GROUP BY source"))
    small = {name: count * settings.train_small_percent // 100 for name, count in trained.items()}
    rows = database.pieces(f"""
        SELECT image_row, is_val, NOT is_val AND {_is_lowest(database, "trained", small)} AS is_train_small
        FROM sided
        ANTI JOIN withdrawn_image USING (image_row)
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
    """SQL for the condition that a row of ``table`` is among the first of its source, by ``_shuffle`` and id.

    Images of a source are numbered in the order of their ids.
    """
    cases = [
        f"WHEN {quoted(name)} THEN {lowest(database, table, count, f'source = {quoted(name)}')}"
        for name, count in counts.items()
    ]
    return f"CASE source {' '.join(cases)} ELSE false END" if cases else "false"
