"""Statistics of a catalog: images and taxa by source, split, kingdom and rank; depth of labels; images per species.

A taxon of a rank is a whole lineage down to that rank: *Morus* the mulberry and *Morus* the gannet are two genera.
``images`` counts each image once; ``samples`` counts an image of train_small twice, since it is in two shards.

catalog   treeoflife_id, split, source, kingdom … species,    a row per sample; ranks are empty where unknown;
          has_common                                           whether it has a common name, null if no column says so
size      width, height, images                               each size of original images, and how many have it
"""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl

from ..config.paths import Paths
from ..core.database import Database, column, quoted
from ..core.files import exists
from ..core.tables import parquet_schema
from ..core.text import reason
from ..core.text_tables import scan_text_table
from ..core.values import RANKS, SPLITS
from ..errors import InputError
from ..sources.columns import IDENTIFYING_KEYS

STEP_VERSION = 2
_COMMON_COLUMNS = {"split", "treeoflife_id", *RANKS, "common", "class_index", "source"}
_SIDE_BOUNDS = (64, 128, 256, 512, 1024, 2048, 4096, 8192)
# Around the shapes of cameras and phones: 2:3, 3:4, square, 4:3 and 3:2 each fall into a bin of their own.
_RATIO_BOUNDS = (0.5, 0.67, 0.75, 0.95, 1.05, 1.34, 1.51, 2.0)
_TAIL_POINTS = 200  # enough for a smooth curve: the plot is 560 pixels wide
_COMMONEST_SPECIES = 12


_COUNT_TAXA = """
    SELECT source, split, kingdom, phylum, class, "order", family, genus, species, count(*) AS images,
        count_if(has_common) AS with_common, bool_or(has_common) AS has_common
    FROM catalog
    GROUP BY ALL
"""
_SIZES = """
    SELECT width::DOUBLE AS width, height::DOUBLE AS height, count(*) AS images
    FROM original
    WHERE width IS NOT NULL AND height IS NOT NULL
    GROUP BY ALL
"""
# The lower one of two medians. Quantiles in SQL hold all values in memory; sizes are few.
_MEDIANS = """
    WITH counted AS (
        SELECT width, height,
            sum(images) OVER (ORDER BY width) AS at_most_as_wide,
            sum(images) OVER (ORDER BY height) AS at_most_as_high,
            sum(images) OVER () AS total
        FROM size
    )
    SELECT min(width) FILTER (2 * at_most_as_wide >= total), min(height) FILTER (2 * at_most_as_high >= total)
    FROM counted
"""
_COUNT_SKIPPED = """
    SELECT reason, source, count(*)
    FROM ledger
    GROUP BY reason, source
    ORDER BY reason, source NULLS FIRST
"""


def open_catalog(database: Database, path: Path) -> None:
    """Make a catalog, CSV or Parquet, known as the table ``catalog``.

    Raises:
        InputError: the catalog is missing or lacks a column.
    """
    try:
        table = pl.scan_parquet(path, glob=False) if path.suffix == ".parquet" else scan_text_table(path)
        columns = table.collect_schema().names()
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"the catalog {path} cannot be read: {reason(error)}") from None
    if missing := [name for name in ("split", "treeoflife_id", *RANKS) if name not in columns]:
        raise InputError(f"{path} is not a catalog: it has no column {missing[0]}")
    key_columns = _key_columns(columns)
    is_ambiguous = len({name.lower() for name in columns}) < len(columns)  # SQL ignores capitals
    if path.suffix == ".parquet" and not is_ambiguous:
        database.view("catalog_file", [path])
    else:
        aliases = {source: f"key_{number}" for number, source in enumerate(key_columns)}
        keys = [pl.col(key_columns[source]).alias(alias) for source, alias in aliases.items()]
        common = [name for name in columns if name == "common"]
        table, key_columns = table.select("split", "treeoflife_id", *RANKS, *common, *keys), aliases
        database.spool("catalog_file", table.collect_batches(), table.collect_schema())
    filled = [
        f"CASE WHEN {column(key)}::VARCHAR <> '' THEN {quoted(source)} END" for source, key in key_columns.items()
    ]
    database.run(f"""
        CREATE OR REPLACE VIEW catalog AS
        FROM catalog_file
        SELECT treeoflife_id, split, coalesce({", ".join([*filled, "'unknown'"])}) AS source,
            {", ".join(f"coalesce({column(rank)}::VARCHAR, '') AS {column(rank)}" for rank in RANKS)},
            {_has_common() if "common" in columns else "NULL::BOOLEAN"} AS has_common
    """)


def _has_common() -> str:
    """SQL for whether ``common`` is a common name: where none is known, a catalog has the other names in its place.

    See :meth:`.values.Taxon.common_or_scientific`.
    """
    genus, species, *above = (f"nullif({column(rank)}::VARCHAR, '')" for rank in ("genus", "species", *RANKS[:-2]))
    stand_ins = [f"concat_ws(' ', {genus}, {species})", f"concat_ws(' ', {', '.join((*above, genus, species))})"]
    return f"lower(coalesce(common::VARCHAR, '')) NOT IN ('', {', '.join(f'lower({one})' for one in stand_ins)})"


def _key_columns(columns: Sequence[str]) -> dict[str, str]:
    """For each source that a catalog has columns of, the column that is filled for the images of this source alone.

    The columns of a source begin with its name and an underscore, such as ``folder_file``.
    """
    key_columns = {source: name for source, name in IDENTIFYING_KEYS.items() if name in columns}
    for name in columns:
        source = name.rpartition("_")[0]
        if source and name not in _COMMON_COLUMNS and name.partition("_")[0] not in IDENTIFYING_KEYS:
            key_columns.setdefault(source, name)
    return key_columns


def count_taxa(database: Database) -> pl.DataFrame:
    """Count the samples of each source, split and lineage.

    Args:
        database: has the table ``catalog`` (:func:`open_catalog`).

    Returns:
        A row for each, sorted by lineage: ``source``, ``split``, the seven ranks, ``images`` (the number of samples),
        ``with_common`` (those with a common name) and ``has_common`` (whether there is one; null if the catalog has no
        column for it), and for each rank a column such as ``genus_id`` that numbers the lineages down to that rank.
    """
    rows = database.frame(_COUNT_TAXA).sort(*RANKS, "source", "split")
    for level, rank in enumerate(RANKS, 1):
        changed = pl.any_horizontal(pl.col(RANKS[:level]) != pl.col(RANKS[:level]).shift(1))
        rows = rows.with_columns(changed.fill_null(value=False).cum_sum().cast(pl.UInt32).alias(f"{rank}_id"))
    return rows


def distinct_images(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of :func:`count_taxa` without train_small, whose images are in train too; all rows if no others exist."""
    without_small = rows.filter(pl.col("split") != "train_small")
    return without_small if without_small.height else rows


def compute_statistics(rows: pl.DataFrame) -> dict[str, Any]:
    """The statistics of a catalog, as JSON values, from the rows of :func:`count_taxa`."""
    images = distinct_images(rows)
    return {
        "samples": int(rows["images"].sum()),
        "images": int(images["images"].sum()),
        "taxa": {name: images.select(count).item() for name, count in _taxa_counts().items()},
        "names": {rank: _count_names(images, rank) for rank in RANKS},
        "source": _count_by(images, "source"),
        "split": _count_by(rows, "split"),
        "kingdom": _count_by(images, "kingdom"),
        "depth": _count_by_depth(images),
        "named": {rank: int(images.filter(pl.col(rank) != "")["images"].sum()) for rank in RANKS},
        "common": _count_common(images),
        "tail": _long_tail(images),
    }


def _count_names(rows: pl.DataFrame, rank: str) -> int:
    """How many different names a rank has; a species is called by its genus and epithet. Namesakes are one name."""
    name = ["genus", "species"] if rank == "species" else [rank]
    return int(rows.filter(pl.col(rank) != "").select(pl.struct(name).n_unique()).item())


def _count_common(rows: pl.DataFrame) -> dict[str, int] | None:
    """Images with a common name, and species of which an image has one; None if the catalog does not say it."""
    if rows["has_common"].is_null().all():
        return None
    species = rows.filter(pl.col("species") != "", pl.col("with_common") > 0)["species_id"].n_unique()
    return {"images": int(rows["with_common"].sum()), "species": species}


def taxa_table(rows: pl.DataFrame, rank: str) -> pl.DataFrame:
    """The taxa of a rank, the one with the most images first.

    Args:
        rows: of :func:`count_taxa`.

    Returns:
        The ranks down to ``rank``; ``images``, each once; the samples of each split; and how many taxa of each lower
        rank there are, such as ``genus_taxa``.
    """
    lineage, below = RANKS[: RANKS.index(rank) + 1], RANKS[RANKS.index(rank) + 1 :]
    named = rows.filter(pl.col(rank) != "")
    taxa = distinct_images(named).group_by(lineage).agg(
        pl.col("images").sum(),
        *(_taxa_counts()[one].alias(f"{one}_taxa") for one in below),
    )  # fmt: skip
    of_split = [pl.col("images").filter(pl.col("split") == split).sum().alias(split) for split in SPLITS]
    table = taxa.join(named.group_by(lineage).agg(of_split), on=lineage)
    order = ["images", *lineage]
    return table.select(*lineage, "images", *SPLITS, *(f"{one}_taxa" for one in below)).sort(
        order, descending=[True, *[False] * len(lineage)]
    )


def _taxa_counts() -> dict[str, pl.Expr]:
    """For each rank, the expression that counts the distinct taxa of that rank."""
    return {rank: pl.col(f"{rank}_id").filter(pl.col(rank) != "").n_unique() for rank in RANKS}


def _count_by(rows: pl.DataFrame, column: str) -> dict[str, dict[str, int]]:
    """For each value of a column its images and its taxa of each rank; the value with the most images first."""
    # The suffix keeps the counts apart from the columns of ranks, one of which may be the key.
    counts = [count.alias(f"{rank}_taxa") for rank, count in _taxa_counts().items()]
    table = rows.group_by(pl.col(column).alias("value")).agg(pl.col("images").sum(), *counts)
    return {
        row["value"]: {"images": row["images"]} | {rank: row[f"{rank}_taxa"] for rank in RANKS}
        for row in table.sort("images", "value", descending=[True, False]).iter_rows(named=True)
    }


def _count_by_depth(rows: pl.DataFrame) -> dict[str, int]:
    """Images by the lowest rank that their label has."""
    deepest = pl.lit("none")
    for rank in RANKS:
        deepest = pl.when(pl.col(rank) != "").then(pl.lit(rank)).otherwise(deepest)
    counts = dict(rows.group_by(depth=deepest).agg(pl.col("images").sum()).iter_rows())
    return {rank: int(counts.get(rank, 0)) for rank in (*reversed(RANKS), "none")}


def _long_tail(rows: pl.DataFrame) -> dict[str, Any]:
    """How images are spread over species.

    ``images`` are those that are named to species, and ``half`` is how many of the commonest species have half of
    these; ``points`` are pairs of a species' position, counted from 1 for the commonest, and its images.
    """
    named = rows.filter(pl.col("species") != "")
    species = named.group_by("species_id").agg(pl.col("images").sum(), pl.col("genus", "species").first())
    species = species.sort("images", "species_id", descending=[True, False])
    counts = species["images"].to_list()
    if not counts:
        return {"species": 0, "images": 0, "median": 0, "once": 0, "at_most_10": 0, "half": 0, "points": [], "top": []}
    running, half = species["images"].cum_sum(), species["images"].sum() / 2
    # Positions are spaced evenly on a logarithmic scale, as the plot is: most of the shape is in the first few species.
    positions = sorted({round(len(counts) ** (step / _TAIL_POINTS)) for step in range(_TAIL_POINTS + 1)})
    top = species.head(_COMMONEST_SPECIES).select("genus", "species", "images").rows()
    return {
        "species": len(counts),
        "images": int(species["images"].sum()),
        "median": int(counts[len(counts) // 2]),
        "once": counts.count(1),
        "at_most_10": sum(count <= 10 for count in counts),
        "half": int((running < half).sum()) + 1,
        "points": [[position, int(counts[position - 1])] for position in positions],
        "top": [[f"{genus} {epithet}".strip(), count] for genus, epithet, count in top],
    }


def original_sizes(database: Database, indexes: Sequence[Path]) -> dict[str, Any]:
    """Widths, heights and aspect ratios of the original images; empty if no shard index has them."""
    sized = [path for path in indexes if {"width", "height"} <= set(parquet_schema(path))]
    if not sized:
        return {}
    database.view("original", sized)
    database.make("size", _SIZES)
    ((width, height),) = database.rows(_MEDIANS)
    return {
        "median": {"width": width, "height": height},
        "longer_side": _histogram(database, "greatest(width, height)", _SIDE_BOUNDS),
        "width_to_height": _histogram(database, "width / height", _RATIO_BOUNDS),
    }


def _histogram(database: Database, value: str, bounds: Sequence[float]) -> dict[str, int]:
    """How many images have a value below the first bound, from each bound up to the next, and from the last bound on.

    Args:
        value: an expression over the columns of the table ``size``.
    """
    between = [f"{low:g} to {high:g}" for low, high in pairwise(bounds)]
    labels = [f"below {bounds[0]:g}", *between, f"{bounds[-1]:g} or more"]
    bin_number = f"len(list_filter($bounds, lambda bound: bound <= {value}))"
    sql = f"FROM size SELECT {bin_number} AS bin, CAST(sum(images) AS BIGINT) GROUP BY bin"
    counts = dict(database.rows(sql, bounds=[float(bound) for bound in bounds]))
    return {label: counts.get(number, 0) for number, label in enumerate(labels)}


def count_skipped(database: Database, ledger: Path) -> dict[str, dict[str, int]]:
    """Images and files that became no sample, by reason (the commonest first) and source; empty without a ledger."""
    if not ledger.exists():
        return {}
    database.view("ledger", [ledger])
    reasons: dict[str, dict[str, int]] = {}
    for name, source, count in database.rows(_COUNT_SKIPPED):
        reasons.setdefault(name, {})[source] = count
    return dict(sorted(reasons.items(), key=lambda item: (-sum(item[1].values()), item[0])))


def licence_table(paths: Paths) -> Path:
    """The table with the licences of images: credits.csv, or licences.csv, which has those of EOL's images alone.

    Neither may be there.
    """
    return paths.credits if exists(paths.credits) else paths.licences


def count_licences(licences: Path) -> dict[str, int]:
    """Images by licence, the commonest first, from a :func:`licence_table`; empty without that file."""
    if not licences.exists():
        return {}
    counts = pl.scan_csv(licences, infer_schema=False, glob=False).group_by("license_name").len()
    counts = counts.sort("len", "license_name", descending=[True, False])
    return dict(counts.collect(engine="streaming").iter_rows())
