"""Choose which groups and single images of each source are in val, so that it has its size as exactly as they allow.

Groups and single images, here called units, are shuffled alike; a group has the place of its first image. From the
first on, each goes to val if it still fits in. So a group is as likely to be in val as a single image is, and where
there are no groups, val is the first images of the shuffle.

unit     unit (its lowest image_row), source, size (its images of this source), _shuffle, is_mixed: whether it has
         images of several sources; a row for each of its sources
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ..core.database import Database
from .shuffle import share

_OWN = "source = $source AND NOT is_mixed"
_IN_VAL = "unit IN (FROM in_val)"


def choose_val(database: Database, targets: Mapping[str, int], val_percent: int) -> None:
    """Choose the groups and images of val.

    in:  shuffled   image_row, source, _shuffle
         grouped    image_row, group (its lowest image_row)
    out: in_val     unit

    Args:
        targets: the number of images of each source that are to be in val.
    """
    _make_units(database)
    room = dict(targets)
    likely = f"_shuffle <= {share(val_percent, 100)}"
    chosen = [pl.Series(list(_fit_mixed(_mixed_units(database, likely), room)), dtype=pl.Int64)]
    for source in targets:
        chosen += _fill(database, source, room)
    database.load("in_val", pl.DataFrame({"unit": pl.concat(chosen)}))
    if any(room.values()):
        # Where the groups of one source leave room, one of several sources may fill it.
        further = list(_fit_mixed(_mixed_units(database, f"NOT {_IN_VAL}"), room, or_nearer=True))
        database.make("in_val", "FROM in_val UNION ALL SELECT unnest($further::BIGINT[])", further=further)
    for source in targets:
        while room[source] and _exchange(database, source, room):
            pass


def _make_units(database: Database) -> None:
    """Make the table ``unit``; see above."""
    database.make("part", """
        SELECT "group" AS unit, source, count(*) AS size
        FROM shuffled
        JOIN grouped USING (image_row)
        GROUP BY "group", source
    """)  # fmt: skip
    database.make("mixed", """
        SELECT unit
        FROM part
        GROUP BY unit
        HAVING count(*) > 1
    """)  # fmt: skip
    database.make("unit", """
        SELECT image_row AS unit, source, 1::BIGINT AS size, _shuffle, false AS is_mixed
        FROM shuffled
        ANTI JOIN grouped USING (image_row)
        UNION ALL
        SELECT part.unit, part.source, part.size, _shuffle, part.unit IN (FROM mixed) AS is_mixed
        FROM shuffled
        JOIN part ON part.unit = image_row
    """)  # fmt: skip


def _mixed_units(database: Database, where: str) -> Iterator[tuple[int, str, int]]:
    """The units of several sources, in order: unit, source and size, row by row."""
    rows = database.pieces(f"""
        SELECT unit, source, size
        FROM unit
        WHERE is_mixed AND {where}
        ORDER BY _shuffle, unit, source
    """)  # fmt: skip
    return (row for piece in rows for row in piece.iter_rows())


def _fit_mixed(
    parts: Iterable[tuple[int, str, int]], room: dict[str, int], *, or_nearer: bool = False
) -> Iterator[int]:
    """The units of several sources that fit in, in their order; ``room`` becomes what is left.

    Args:
        parts: unit, source, and the number of its images of this source; unit by unit.
        or_nearer: also take a unit that does not fit, if that leaves no source further from its target, and one nearer.

    >>> room = {"eol": 5, "gbif": 2}
    >>> list(_fit_mixed([(3, "eol", 4), (3, "gbif", 1), (7, "eol", 2), (7, "gbif", 1)], room)), room
    ([3], {'eol': 1, 'gbif': 1})
    """
    for unit, rows in groupby(parts, lambda part: part[0]):
        sizes = {source: size for _, source, size in rows}
        fits = all(size <= room[source] for source, size in sizes.items())
        better = [abs(room[source]) - abs(room[source] - size) for source, size in sizes.items()]
        if fits or (or_nearer and min(better) >= 0 and max(better) > 0):
            for source, size in sizes.items():
                room[source] -= size
            yield unit


def _fill(database: Database, source: str, room: dict[str, int]) -> Iterator[pl.Series]:
    """The units of one source alone that fit in, in their order."""
    total = database.value(f"SELECT coalesce(sum(size), 0)::BIGINT FROM unit WHERE {_OWN}", source=source)
    # Hardly more than the share that is needed is sorted; the rest, only if that was not enough.
    likely = share(room[source] + total // 100, total)
    for where in (f"_shuffle <= {likely}", f"_shuffle > {likely}"):
        if room[source] <= 0:
            break
        pieces = database.pieces(f"""
            SELECT unit, size
            FROM unit
            WHERE {_OWN} AND {where} AND size <= $room
            ORDER BY _shuffle, unit
        """, source=source, room=room[source])  # fmt: skip
        for piece in pieces:
            taken, room[source] = take_what_fits(piece["size"].to_numpy(), room[source])
            yield piece["unit"].filter(pl.Series(taken))


def take_what_fits(sizes: NDArray[np.int64], room: int) -> tuple[NDArray[np.bool_], int]:
    """Which of these units to take, one after the other, each if it still fits in; and the room that is left.

    >>> taken, left = take_what_fits(np.array([3, 4, 2, 5, 1]), 7)
    >>> taken.tolist(), left
    ([True, True, False, False, False], 0)
    >>> taken, left = take_what_fits(np.array([3, 9, 2, 5, 1]), 7)
    >>> taken.tolist(), left
    ([True, False, True, False, True], 1)
    """
    taken = np.zeros(len(sizes), np.bool_)
    rest = np.flatnonzero(sizes <= room)
    # Each round takes all up to the first that does not fit. What is larger than the room left is passed over.
    while len(rest):
        totals = np.cumsum(sizes[rest])
        count = int(np.searchsorted(totals, room, side="right"))
        taken[rest[:count]] = True
        room -= int(totals[count - 1])
        rest = rest[count:]
        rest = rest[sizes[rest] <= room]
    return taken, room


def _exchange(database: Database, source: str, room: dict[str, int]) -> bool:
    """Exchange a unit of val for one of train, or move one, if val comes nearer to its size by that; whether it did."""
    rows = database.rows(f"SELECT DISTINCT size, {_IN_VAL} FROM unit WHERE {_OWN} ORDER BY size", source=source)
    of_val, of_train = ([0, *(size for size, is_val in rows if is_val == side)] for side in (True, False))
    leaving, coming = nearest_exchange(of_val, of_train, room[source])
    left = room[source] + leaving - coming
    if abs(left) >= abs(room[source]):
        return False
    # Of several of a size, those next to the border of the shuffle.
    unit = "SELECT unit FROM unit WHERE {} AND size = {} AND {} ORDER BY _shuffle {order}, unit {order} LIMIT 1"
    last = unit.format(_OWN, leaving, _IN_VAL, order="DESC")
    first = unit.format(_OWN, coming, f"NOT {_IN_VAL}", order="ASC")
    database.make("in_val", f"FROM in_val WHERE unit NOT IN ({last}) UNION ALL FROM ({first})", source=source)
    room[source] = left
    return True


def nearest_exchange(leaving: Sequence[int], coming: Sequence[int], room: int) -> tuple[int, int]:
    """The sizes of a unit that leaves val and one that comes to it, such that these fill the room as well as possible.

    Args:
        leaving: the sizes of which there are units in val, in order, with 0 for none.
        coming: the same for train.

    >>> nearest_exchange([0, 4], [0, 3, 6], 2)
    (4, 6)
    """

    def nearest(size: int) -> Iterator[int]:
        place = bisect_left(coming, size)
        yield from coming[max(0, place - 1) : place + 1]

    _, one, other = min((abs(room + one - other), one, other) for one in leaving for other in nearest(room + one))
    return one, other
