"""What a request asks for: a selection of images, by names that outlive a rebuild."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import QueryParams

from ..core.tables import Array
from ..errors import InputError
from .lineage_index import FACETS, MARKED, Filter, LineageIndex

_MAX_TEXT = 200
_NOBODY = 255  # a code that no image has: a value that is not in the dataset selects nothing


@dataclass(frozen=True)
class Selection:
    """Some images of a dataset, in an order.

    Attributes:
        node: the taxon; see :class:`.lineage_index.LineageIndex`.
        sort: what they are sorted by; see :meth:`.lineage_index.LineageIndex.selection`.
        is_exact: whether the taxon that was asked for is in the dataset; if not, ``node`` is the one above it.
    """

    index: LineageIndex
    node: str
    filter: Filter
    sort: str
    is_exact: bool = True

    def rows(self) -> Array:
        """All its rows."""
        return self.index.selection(self.node, self.filter, self.sort)

    def count(self) -> int:
        """How many images it has."""
        return self.index.count(*self.index.row_range(self.node), self.filter)


def read_selection(query: QueryParams, index: LineageIndex, marks_version: int) -> Selection:
    """The selection in the parameters of an address.

    They are ``taxon`` (names from the kingdom down, with slashes between them), a parameter for each value of a filter,
    ``q`` (part of a name), ``sort``, and any number of ``range=NUMBER:LEAST:GREATEST``, of whose ends either may be
    left out.

    Raises:
        InputError: there is no such number, or a range is none.
        ValueError, IndexError: there is no such node.
    """
    node, is_exact = index.find_taxon(query.get("taxon", ""))
    if given := query.get("node", ""):
        index.row_range(given)
        node, is_exact = given, True
    sort = query.get("sort", "")
    if sort:
        _require_number(sort.removeprefix("-"), index)
    return Selection(index, node, _read_filter(query, index, marks_version), sort, is_exact)


def _read_filter(query: QueryParams, index: LineageIndex, marks_version: int) -> Filter:
    values: Mapping[str, list[str]] = {**index.values, "marked": list(MARKED)}
    codes = {}
    for facet in (*FACETS, "marked"):
        numbers = {value: code for code, value in enumerate(values[facet])}
        wanted = [text for text in query.getlist(facet) if text]
        codes[facet] = frozenset(numbers.get(text, _NOBODY) for text in wanted)
    text = query.get("q", "")[:_MAX_TEXT].strip()
    ranges = tuple(_read_range(one, index) for one in query.getlist("range"))
    return Filter(**codes, text=text, ranges=ranges, marks_version=marks_version if codes["marked"] else 0)


def _read_range(text: str, index: LineageIndex) -> tuple[str, float, float]:
    """The number, the least and the greatest value of a range; the numbers of texts without a colon are not found."""
    name, least, greatest = ["", "", *text.rsplit(":", 2)][-3:]
    _require_number(name, index)
    try:
        return name, float(least or "-inf"), float(greatest or "inf")
    except ValueError:
        raise InputError(f"'{text[:80]}' is no range: NUMBER:LEAST:GREATEST, of which either may be left out") from None


def _require_number(name: str, index: LineageIndex) -> None:
    if name not in index.numbers:
        raise InputError(f"there is no number '{name[:40]}'; there are {', '.join(index.numbers)}")
