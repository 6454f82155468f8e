"""Which images of a dataset a list names, by any id that both have."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..core.database import Database, quoted
from ..sources.lists.id_columns import KINDS

MOST_ALIKE = 1000
"""An id that more images of the dataset or rows of the list have is that of no single image, as the address of a whole
collection is. An observation has ten images, and rarely a hundred."""

# UUIDs and addresses mean the same in any column; numbers and words only if they are of the same kind.
_FITS = """
    list_id.value = known.value AND (list_id.kind IN ('any', known.kind)
        OR starts_with(known.value, '//') OR try_cast(known.value AS UUID) IS NOT NULL)
"""
# The list is on the right of joins, which is kept in memory: the dataset has several ids for each image.
_HIT = f"SELECT known.* FROM known_id AS known SEMI JOIN list_id ON {_FITS}"
_COMMON = f"""
    SELECT value, count(*)
    FROM (SELECT DISTINCT treeoflife_id, value FROM hit)
    GROUP BY value
    HAVING count(*) > {MOST_ALIKE}
    UNION ALL
    SELECT value, count(DISTINCT item)
    FROM list_id
    SEMI JOIN hit USING (value)
    GROUP BY value
    HAVING count(DISTINCT item) > {MOST_ALIKE}
"""
# One value may be several ids of an image, as the number of an occurrence is its observation too: the first counts.
_ORDER = f"[{', '.join(map(quoted, KINDS))}]"
_FITTED = f"""
    SELECT treeoflife_id, item, {_ORDER}[min(list_position({_ORDER}, known.kind))] AS kind
    FROM (FROM hit ANTI JOIN too_common USING (value)) AS known
    JOIN list_id ON {_FITS}
    GROUP BY treeoflife_id, item, known.value
"""
_KINDS = ", ".join(f"if(bool_or(kind = {quoted(kind)}), {quoted(kind)}, NULL)" for kind in sorted(KINDS))
_PAIRS = f"SELECT treeoflife_id, item, concat_ws(' ', {_KINDS}) AS by_id FROM fitted GROUP BY treeoflife_id, item"
_COUNTS = """
    SELECT kind, count(DISTINCT item), count(DISTINCT treeoflife_id)
    FROM fitted
    GROUP BY kind
    ORDER BY kind
"""
_KNOWN = "SELECT DISTINCT source, kind FROM known_id JOIN image USING (treeoflife_id) ORDER BY source, kind"


@dataclass(frozen=True)
class IdMatches:
    """What a list has in common with a dataset.

    Attributes:
        counts: for each kind of ids that fits, the number of rows of the list and of images of the dataset.
        remarks: sentences on what to make of it.
    """

    counts: dict[str, tuple[int, int]]
    remarks: tuple[str, ...]


def match_ids(database: Database, ambiguous: Sequence[str]) -> IdMatches:
    """Find the images that a list names.

    in:  image; known_id; list_id
    out: id_pair   treeoflife_id, item, by_id      by_id: the kinds of the ids that are equal, with spaces

    Args:
        ambiguous: the columns of the list that do not say which kind of ids they hold.
    """
    database.sort("hit", _HIT)
    database.make("too_common", f"SELECT DISTINCT value FROM ({_COMMON}) AS common (value, alike)")
    database.sort("fitted", _FITTED)
    database.sort("id_pair", _PAIRS)
    counts = {kind: (items, images) for kind, items, images in database.rows(_COUNTS)}
    return IdMatches(counts, tuple(_remarks(database, counts, ambiguous)))


def _remarks(database: Database, counts: dict[str, tuple[int, int]], ambiguous: Sequence[str]) -> Iterator[str]:
    number, example = database.rows("SELECT count(*), min(value) FROM too_common")[0]
    if number:
        yield (
            f"{number:,} ids were left out, such as {example!r:.80}: each is that of more than {MOST_ALIKE:,} images "
            "or rows of the list, and so of no single image"
        )
    unclear = [kind for kind in counts if kind not in ("treeoflife_id", "url")]
    if ambiguous and len(unclear) > 1:
        fits = ", ".join(f"{counts[kind][0]:,} rows fit as {kind}" for kind in unclear)
        yield (
            f"{_named(ambiguous)} may hold several kinds of ids: {fits}; numbers of different kinds may be equal by "
            "chance, so say with --column which kind it is"
        )
    if not counts:
        yield _nothing_fits(database)


def _named(columns: Sequence[str]) -> str:
    return f"the column{'s' if len(columns) > 1 else ''} {', '.join(map(repr, columns))}"


def _nothing_fits(database: Database) -> str:
    kinds: dict[str, list[str]] = {}
    for source, kind in database.rows(_KNOWN):
        kinds.setdefault(source, []).append(kind)
    known = "; ".join(f"{source}: {', '.join(names)}" for source, names in kinds.items())

    return f"no id of the list is that of an image of the dataset, in which these are known: {known}"
