"""Checking and cataloging shards that this program has no record of. The split of a shard is the name of its folder."""

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from ..config.tables import Holdout
from ..core.database import Database, columns, open_database
from ..core.progress import Listener
from ..core.values import NAME_COLUMNS
from ..engines.base import Tick
from ..engines.tasks import each_locally, run_locally
from ..errors import InputError
from ..mapping.ids import plain_id
from ..mapping.published import id_batches, load_images
from ..selection.holdout import image_names, read_lists
from ..sources.columns import CATALOG_KEYS, IDENTIFYING_KEYS, catalog_columns
from ..sources.registry import load_source
from ..taxonomy.species_key import species_keys
from .captions import COMMON_NAME, TAGGED, TAXONOMIC, parse_ranks
from .catalog import select_columns
from .check import CheckedShard, CheckTask, Finding, check_shard
from .check_keys import join_findings
from .members import LONGEST_TEXT, read_distinct_samples, read_texts
from .patterns import expand_patterns

_KEYS = "a member is named <key>.<text>, and the key ends at the first dot of its file name"


def check_shards(
    patterns: Sequence[str],
    size: tuple[int, int] | None,
    mapping: Path | None,
    holdouts: Sequence[Path],
    workers: int | None,
    listener: Listener,
) -> list[Finding]:
    """Check shards: members, images, texts and keys.

    Args:
        size: width and height that images must have; None takes any.
        mapping: a mapping that must have every key, if given.
        holdouts: lists of species and keys that must not be in the shards.

    Raises:
        InputError: no shard matches a pattern, or the mapping or a list cannot be read.
        TasksFailed: a worker died.
    """
    tasks = [CheckTask(path, path.parent.name, size) for path in expand_patterns(patterns)]
    listener.start("check-wds", len(tasks), "shards")
    checked = (one for _, one in each_locally(check_shard, tasks, lambda task: str(task.shard), listener, workers))
    watch = _HeldOut(holdouts) if holdouts else None
    with TemporaryDirectory() as folder, open_database(Path(folder, "tables")) as database:
        if mapping:
            database.spool("id", (ids.rename("key").to_frame() for ids in id_batches(mapping)))
        findings = join_findings(
            database,
            map(watch.look, checked) if watch else checked,
            tasks,
            # Keys may be written as the mapping has them, or as samples have them.
            ids=f"FROM id UNION ALL SELECT {plain_id('key')} FROM id" if mapping else None,
            held_out=partial(watch.load, database) if watch else None,
        )
    listener.finish(f"{len(tasks)} shards, {len(findings)} findings")
    return findings


def catalog_shards(
    patterns: Sequence[str], mapping: Path | None, workers: int | None, listener: Listener
) -> pl.DataFrame:
    """The catalog of shards, from the texts in them, with the origin of each image if there is a ``mapping``.

    Raises:
        InputError: no shard matches a pattern, no sample has a text with its names, or the mapping cannot be read or
            has none of the samples.
        TasksFailed: a shard cannot be read to its end, has no sample, has a sample or a text of one twice, or has such
            a text that is not UTF-8.
    """
    shards = expand_patterns(patterns)
    listener.start("catalog", len(shards), "shards")
    rows = pl.concat(run_locally(list_samples, shards, str, listener, workers))
    for remark in _remarks(rows):
        listener.note(remark)
    if mapping:
        rows = _with_origins(rows, mapping, listener)
    listener.finish(f"{rows.height} rows")
    return select_columns(rows, catalog_columns([]))


def list_samples(shard: Path, _tick: Tick) -> pl.DataFrame:
    """The samples of one shard: split, id, seven ranks and common name, by their texts; and whether these say them.

    Raises:
        InputError: the shard cannot be read to its end, has no sample, has a sample or a text of one twice, or has such
            a text that is not UTF-8.
    """
    split, rows = shard.parent.name, []
    for key, members in read_distinct_samples(shard, LONGEST_TEXT):
        texts = read_texts(shard, key, members, (TAGGED, TAXONOMIC, COMMON_NAME))
        ranks, common = parse_ranks(texts.get(TAGGED, ""), texts.get(TAXONOMIC, "")), texts.get(COMMON_NAME, "")
        rows.append((split, key, *ranks, common, any(ranks), bool(common)))
    schema = dict.fromkeys(("split", "treeoflife_id", *NAME_COLUMNS), pl.String)
    return pl.DataFrame(rows, schema=schema | {TAGGED: pl.Boolean, COMMON_NAME: pl.Boolean}, orient="row")


def _remarks(rows: pl.DataFrame) -> Iterator[str]:
    """What is to be said of the samples of shards; an InputError if none has a text with its names."""
    unnamed, first = rows.filter(~pl.col(TAGGED)), rows["treeoflife_id"][0]
    if not rows[TAGGED].any() and not rows[COMMON_NAME].any():
        raise InputError(
            f"none of the {rows.height:,} samples of the shards, such as {first}, has ranks in {TAGGED} or a name in "
            f"{COMMON_NAME}; {_KEYS}"
        )
    if unnamed.height:
        yield (
            f"{unnamed.height:,} of {rows.height:,} rows have no ranks: their samples, such as "
            f"{unnamed['treeoflife_id'][0]}, have no {TAGGED}, or one without ranks; {_KEYS}"
        )
    repeated = rows.group_by("split", "treeoflife_id", maintain_order=True).len().filter(pl.col("len") > 1)
    if repeated.height:
        split, key, _ = repeated.row(0)
        yield (
            f"{repeated.height:,} ids have a row for each of several shards of one split, such as {key} of {split}; "
            "'treeoflife check-shards' lists them"
        )


def _with_origins(rows: pl.DataFrame, mapping: Path, listener: Listener) -> pl.DataFrame:
    """The samples with the key columns of the catalog, from a published mapping; an InputError if it has none."""
    # Only their columns are used, no file of them.
    sources = [load_source(kind, {"path": "."}, Path()) for kind in IDENTIFYING_KEYS]
    with TemporaryDirectory() as folder, open_database(Path(folder, "tables")) as database:
        database.spool("sample", [rows.with_row_index("number")])
        load_images(database, mapping, sources, listener.note)
        origins = database.frame(f"""
            SELECT number, {columns(CATALOG_KEYS)}
            FROM published
            JOIN sample ON published.treeoflife_id = {plain_id("sample.treeoflife_id")}
            ORDER BY number
        """)  # fmt: skip
    if origins.is_empty():
        raise InputError(f"{mapping} has no sample of the shards; the first is {rows['treeoflife_id'][0]}")
    numbered = rows.with_row_index("number")
    return numbered.join(origins, on="number", how="left", maintain_order="left").drop("number")


class _HeldOut:
    """The keys that hold-out lists exclude: those that they name, and those of the species that they name."""

    def __init__(self, holdouts: Sequence[Path]) -> None:
        lists = read_lists([Holdout(path=path) for path in holdouts])
        self._species = [key for entries in lists for key in entries.species.values() if key]
        self._images = [name for entries in lists for image in entries.images for name in image_names(image)]
        self._keys = [pl.DataFrame(schema={"key": pl.String})]

    def look(self, checked: CheckedShard) -> CheckedShard:
        """Look at the samples of a shard; returns it as it is."""
        in_species = species_keys(checked.keys["name"]).is_in(self._species).fill_null(value=False)
        self._keys.append(checked.keys.filter(in_species | pl.col("key").is_in(self._images)).select("key"))
        return checked

    def load(self, database: Database) -> str:
        """SQL for the keys that are excluded, of the shards that were looked at."""
        database.load("held_out", pl.concat(self._keys))
        return "FROM held_out"
