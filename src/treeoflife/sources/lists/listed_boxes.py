"""Boxes in pictures that are listed on the web: each row is a box in the picture at its address.

The box is a part of the natural key, as a text of its numbers, so whoever reads the image knows it from the key.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...core.database import Database, column
from ...core.values import WHOLE, BoundingBox
from ...errors import InputError
from ..spellings import BOXES, plain_header
from .listed_columns import shown
from .text_columns import without_words_for_nothing

_SIDES = ("x", "y", "width", "height")
_FRAME = ("frame_width", "frame_height")
_PAST = 2.0
"""By how much the two ends of a box may differ: some programs count the last pixel, and some do not."""
_LARGEST_PART = 1.01
"""Boxes of which none reaches further than this are parts of the picture: in pixels one would."""


@dataclass(frozen=True)
class ListedBoxes:
    """The columns of boxes.

    Attributes:
        columns: the column of each side: x, y, width and height, right and bottom; and of the size of the picture that
            the box was drawn in. It has x and y, and both of width and height, of right and bottom, or all four.
        labels: the columns with what a box shows, for tables without a column of names.
    """

    columns: Mapping[str, str]
    labels: tuple[str, ...]

    @classmethod
    def of(cls, path: Path, columns: Sequence[str]) -> "ListedBoxes":
        """The boxes of a table.

        Raises:
            InputError: it lacks a column of them, or two columns mean the same side.
        """
        found = find_box_columns(columns)
        if not has_boxes(found):
            raise InputError(
                f"the table {path} has no columns x, y, width and height with boxes; it has {shown(columns)}"
            )
        for side in found:
            alike = [name for name in columns if plain_header(name) in BOXES[side][0]]
            if len(alike) > 1:
                raise InputError(
                    f"the table {path} has {len(alike)} columns that hold the {side} of boxes, "
                    f"{' and '.join(map(repr, alike))}; rename or remove one"
                )
        labels = [name for name in columns if plain_header(name) in BOXES["label"][0]]
        return cls(found, tuple(labels))

    @property
    def used(self) -> set[str]:
        """All columns that are read."""
        return {*self.columns.values(), *self.labels}

    def told_apart(self, database: Database, table: str) -> "ListedBoxes":
        """The same boxes by their size or their ends, where the table has columns of both.

        Ends that lie elsewhere make the size that of the picture, as in tables of TensorFlow and of Pascal VOC: the
        rule is that of :mod:`~treeoflife.sources.boxes.box_table`.

        Args:
            database: has the table ``table``.

        Raises:
            InputError: size and ends contradict each other, and the size is not that of the picture either.
        """
        if not {"width", "height", "right", "bottom"} <= self.columns.keys():
            return self
        x, y, width, height, right, bottom = map(self._number, (*_SIDES, "right", "bottom"))
        ((differ, all_inside),) = database.rows(f"""
            SELECT
                bool_or(greatest(abs(x + width - "right"), abs(y + height - bottom)) > {_PAST}),
                bool_and("right" <= width + {_PAST} AND bottom <= height + {_PAST})
            FROM (
                SELECT {x} AS x, {y} AS y, {width} AS width, {height} AS height, {right} AS "right", {bottom} AS bottom
                FROM {table}
            )
            WHERE x + y + width + height + "right" + bottom IS NOT NULL
        """)
        if differ and not all_inside:
            named = ", ".join(map(repr, self.columns.values()))
            raise InputError(
                f"the columns {named} give boxes that end elsewhere by width and height than by right and bottom; "
                "rename or remove the columns of one of them"
            )
        left_out = ("width", "height") if differ else ("right", "bottom")
        columns = {side: name for side, name in self.columns.items() if side not in left_out}
        if differ:
            columns |= {frame: self.columns[side] for frame, side in zip(_FRAME, left_out, strict=True)}
        return replace(self, columns=columns)

    def numbers(self) -> str:
        """SQL for the sides as the column ``box_sides``, a struct of numbers, null where one is missing or none."""
        sides = {one: self._number(one) for one in ("x", "y")}
        if "width" in self.columns and "height" in self.columns:
            sides |= {one: self._number(one) for one in ("width", "height")}
        else:
            sides["width"] = f"{self._number('right')} - {self._number('x')}"
            sides["height"] = f"{self._number('bottom')} - {self._number('y')}"
        if all(one in self.columns for one in _FRAME):
            sides |= {one: self._number(one) for one in _FRAME}
        return "{" + ", ".join(f"{one}: {number}" for one, number in sides.items()) + "} AS box_sides"

    def _number(self, side: str) -> str:
        number = f"try_cast({self._written(side)} AS DOUBLE)"
        return f"CASE WHEN isfinite({number}) THEN {number} END"

    def _written(self, side: str) -> str:
        return without_words_for_nothing(column(self.columns[side]))

    def text(self, database: Database, table: str) -> str:
        """SQL over the same columns for the text of a box: ``whole`` for a row without one, null for half a box.

        Args:
            database: has the table ``table``, which is read once to see whether its boxes are parts of the pictures.
        """
        sides = [f"box_sides['{one}']" for one in _SIDES]
        reach = "greatest(box_sides['x'] + box_sides['width'], box_sides['y'] + box_sides['height'])"
        largest = database.value(f"SELECT max({reach}) FROM (SELECT {self.numbers()} FROM {table})")
        has_frame = all(one in self.columns for one in _FRAME)
        frame = [f"box_sides['{one}']" for one in _FRAME] if has_frame else []
        if largest is not None and 0 < largest <= _LARGEST_PART:
            frame = ["1.0", "1.0"]
        empty = " AND ".join(f"{self._written(one)} = ''" for one in self.columns if one not in _FRAME)
        is_box = " AND ".join(f"{one} IS NOT NULL" for one in sides)
        # A whole number is written without decimals, as people and most programs do.
        written = (f"regexp_replace({one}::VARCHAR, '\\.0$', '')" for one in (*sides, *frame))
        return f"CASE WHEN {empty} THEN '{WHOLE}' WHEN {is_box} THEN concat_ws(' ', {', '.join(written)}) END"


def find_box_columns(columns: Sequence[str]) -> dict[str, str]:
    """The column of each side of a box among the columns of a table.

    >>> find_box_columns(["image_url", "bbox_x", "bbox_y", "bbox_w", "bbox_h"])
    {'x': 'bbox_x', 'y': 'bbox_y', 'width': 'bbox_w', 'height': 'bbox_h'}
    """
    by_header = {plain_header(name): name for name in reversed(columns)}
    found = {}
    for side in (*_SIDES, "right", "bottom", *_FRAME):
        if names := [by_header[one] for one in BOXES[side][0] if one in by_header]:
            found[side] = names[0]
    return found


def has_boxes(found: Mapping[str, str]) -> bool:
    """Whether these columns are all sides of boxes.

    >>> has_boxes({"width": "width", "height": "height"})
    False
    """
    return {"x", "y"} <= found.keys() and ({"width", "height"} <= found.keys() or {"right", "bottom"} <= found.keys())


def parse_box(text: str) -> BoundingBox | None:
    """The box that a text stands for; None for the whole picture.

    >>> parse_box("0.5 0 0.25 1 1 1")
    BoundingBox(x=0.5, y=0.0, width=0.25, height=1.0, frame=(1.0, 1.0))
    >>> parse_box("whole")
    """
    if text == WHOLE:
        return None
    x, y, width, height, *frame = map(float, text.split())
    return BoundingBox(x, y, width, height, (frame[0], frame[1]) if frame else None)
