"""What a request asks for: a selection of images, by names that outlive a rebuild."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.datastructures import QueryParams

from ..core.tables import Array
from ..errors import InputError
from .index_builder import FACETS
from .lineage_index import MARKED, Filter, LineageIndex

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
    ``q`` (part of a name) and ``sort``.

    Raises:
        InputError: there is no such number to sort by.
        ValueError, IndexError: there is no such node.
    """
    node, is_exact = index.find_taxon(query.get("taxon", ""))
    if given := query.get("node", ""):
        index.row_range(given)
        node, is_exact = given, True
    sort = query.get("sort", "")
    if sort and sort.removeprefix("-") not in index.numbers:
        raise InputError(f"there is no number '{sort.removeprefix('-')[:40]}' to sort by: {', '.join(index.numbers)}")
    return Selection(index, node, _read_filter(query, index, marks_version), sort, is_exact)


def _read_filter(query: QueryParams, index: LineageIndex, marks_version: int) -> Filter:
    values: Mapping[str, list[str]] = {**index.values, "marked": list(MARKED)}
    codes = {}
    for facet in (*FACETS, "marked"):
        numbers = {value: code for code, value in enumerate(values[facet])}
        wanted = [text for text in query.getlist(facet) if text]
        codes[facet] = frozenset(numbers.get(text, _NOBODY) for text in wanted)
    text = query.get("q", "")[:_MAX_TEXT].strip()
    return Filter(**codes, text=text, marks_version=marks_version if codes["marked"] else 0)
