"""Statistics of scores: how many images of a catalog have a value, and how the values are distributed."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from ..core.database import Database, column
from ..selection.scores.score_file import ID, ScoreFile

_BINS = 10


def count_scores(database: Database, files: Sequence[ScoreFile]) -> dict[str, dict[str, Any]]:
    """The distribution of each column of numbers, by its name ``NAME.COLUMN``, over the images of a catalog.

    Columns of texts, and those of which no image has a finite value, are left out.

    Args:
        database: has the table ``catalog`` (:func:`.statistics.open_catalog`).

    Returns:
        For each column ``images`` (how many have a value), ``least``, ``greatest``, and ``bins``: how many images are
        in each of ten ranges, to which their lower bound belongs. The ranges are those of 0 to 1 where all values lie
        there, as those of most models do, else equal parts of what lies between least and greatest.
    """
    found: dict[str, dict[str, Any]] = {}
    for file in files:
        if file.numbers:
            found |= {f"{file.name}.{name}": counts for name, counts in _of_file(database, file).items()}
    return found


def _of_file(database: Database, file: ScoreFile) -> dict[str, dict[str, Any]]:
    database.view("score_file", [file.path])
    values = {name: f"value_{number}" for number, name in enumerate(file.numbers)}
    # By way of their texts, so that 0.7 of 32 bits, which is a little less, is in the range that begins at 0.7.
    finite = ", ".join(
        f"CASE WHEN isfinite({column(name)}::DOUBLE) THEN {column(name)}::VARCHAR::DOUBLE END AS {value}"
        for name, value in values.items()
    )
    database.make("score_value", f"""
        SELECT {finite}
        FROM score_file
        SEMI JOIN catalog ON score_file.{ID} = catalog.treeoflife_id
    """)  # fmt: skip
    counts = {}
    for name, value in values.items():
        query = f"SELECT count({value}), min({value}), max({value}) FROM score_value"
        ((images, least, greatest),) = database.rows(query)
        if images:
            bins = _count_bins(database, value, *((0.0, 1.0) if 0 <= least <= greatest <= 1 else (least, greatest)))
            counts[name] = {"images": images, "least": least, "greatest": greatest, "bins": bins}
    return counts


def _count_bins(database: Database, value: str, low: float, high: float) -> dict[str, int]:
    """How many values are in each range; a single one where all values are the same."""
    if low == high:
        return {f"{low:g}": int(database.value(f"SELECT count({value}) FROM score_value"))}
    bounds = [low + (high - low) * part / _BINS for part in range(_BINS + 1)]
    below = ", ".join(f"count_if({value} < {bound!r}::DOUBLE)" for bound in bounds[1:-1])
    ((*inner, total),) = database.rows(f"SELECT {below}, count({value}) FROM score_value")
    counts = (last - first for first, last in pairwise([0, *inner, total]))
    return dict(zip((f"{first} to {last}" for first, last in pairwise(_written(bounds))), counts, strict=True))


def _written(bounds: Sequence[float]) -> list[str]:
    """Bounds in as few digits as give them to a hundredth of the distance between two of them.

    >>> _written([20231105.0, 20231105.5])
    ['20231105', '20231105.5']
    """
    step = (bounds[-1] - bounds[0]) / (len(bounds) - 1)
    for digits in range(1, 17):
        # Without an exponent, where Python itself writes the number without one.
        texts = [
            f"{bound:.{digits}g}" if "e" in repr(bound) else repr(float(f"{bound:.{digits}g}")) for bound in bounds
        ]
        texts = [text.removesuffix(".0") for text in texts]
        if all(abs(float(text) - bound) <= step / 100 for text, bound in zip(texts, bounds, strict=True)):
            return texts
    return [str(bound) for bound in bounds]
