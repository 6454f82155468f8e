"""Match the files of the encoded store to the images of the mapping."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
import polars as pl

from ..core.tables import Array, Lookup
from ..images.store import read_indexes
from ..sources.base import Source
from .decisions import LOCATION_COLUMNS, NO_FILE, Index, Matching, StoreFiles, Tables

_SCHEMA = pl.Schema(
    {"position": pl.UInt32, "offset": pl.UInt64, "size": pl.UInt32, "sha256": pl.Binary, "width": pl.UInt32,
     "height": pl.UInt32, "container": pl.UInt32, "bad": pl.Boolean}
)  # fmt: skip
# Added to the row of a bad file, so that the smallest number is the first good file, or else the first bad one.
_BAD = np.uint64(1 << 63)
_NO_PAIR = (np.empty(0, np.uint32), np.empty(0, np.uint32))


def match_files(indexes: Sequence[Index], tables: Tables, ids: Lookup) -> Matching:
    """Choose one file for each image that has any: a good one before a bad one, then the first.

    A file whose name is an id is matched by the id, any other by its natural key.

    Args:
        indexes: the indexes of all containers, in order.
    """
    keys = _key_lookups(tables)
    locations, pairs, first, start = [pl.DataFrame(schema=_SCHEMA)], [_NO_PAIR], 0, 0
    for source, group in groupby(indexes, lambda index: index.source):
        paths = [index.path for index in group]
        for rows in read_indexes(paths, [*LOCATION_COLUMNS, "reason", "treeoflife_id", *source.key]):
            bad = pl.col("reason").is_not_null()
            located = rows.select(*LOCATION_COLUMNS, container=pl.col("container") + first, bad=bad)
            locations.append(located.cast(_SCHEMA))
            pairs += [
                ((own + start).astype(np.uint32), matches.astype(np.uint32))
                for own, matches in _match_batch(rows, source, *keys[source.name], ids)
            ]
            start += rows.height
        first += len(paths)
    table = pl.concat(locations)
    starts = np.searchsorted(table["container"].to_numpy(), np.arange(first + 1))
    file_rows, image_rows = (np.concatenate(parts) for parts in zip(*pairs, strict=True))
    return _choose(StoreFiles(indexes, starts, table), file_rows, image_rows, len(ids))


def _key_lookups(tables: Tables) -> dict[str, tuple[int, Lookup]]:
    """For each source, the row of its first image, and a lookup by natural key."""
    firsts = np.cumsum([0, *(table.height for _, table in tables)]).tolist()
    return {
        source.name: (first, Lookup(table.select(source.key)))
        for (source, table), first in zip(tables, firsts, strict=False)
    }


def _match_batch(
    rows: pl.DataFrame, source: Source, first: int, keys: Lookup, ids: Lookup
) -> Iterator[tuple[Array, Array]]:
    """Rows of an index, and the row of the image of each."""
    named = rows["treeoflife_id"].is_not_null().to_numpy()
    by_key, by_id = np.flatnonzero(~named), np.flatnonzero(named)
    if len(by_key):
        files, images = keys.match_rows(rows.select(source.key)[by_key])
        yield by_key[files], images.astype(np.int64) + first
    if len(by_id):
        files, images = ids.match_rows(rows.select("treeoflife_id")[by_id])
        # An id of another source does not make a file of this source an image of that one.
        own = (images >= first) & (images < first + len(keys))
        yield by_id[files[own]], images[own]


def _choose(files: StoreFiles, file_rows: Array, image_rows: Array, count: int) -> Matching:
    """Choose among the pairs of a file and an image; ``count`` is the number of images."""
    rank = file_rows.astype(np.uint64) | (files.locations["bad"].to_numpy()[file_rows] * _BAD)
    best = np.full(count, np.iinfo(np.uint64).max)
    np.minimum.at(best, image_rows, rank)
    chosen = (best & ~_BAD).astype(np.uint32)
    used = np.zeros(files.locations.height, bool)
    used[chosen[chosen != NO_FILE]] = True
    return Matching(files, chosen, _unused(used, file_rows, chosen[image_rows]))


def _unused(used: Array, file_rows: Array, chosen: Array) -> pl.DataFrame:
    unused = pl.DataFrame({"file_row": np.flatnonzero(~used).astype(np.uint32)})
    extra = ~used[file_rows]
    replaced = pl.DataFrame({"file_row": file_rows[extra], "chosen": chosen[extra]}).unique("file_row", keep="first")
    return unused.join(replaced, on="file_row", how="left").sort("file_row")
