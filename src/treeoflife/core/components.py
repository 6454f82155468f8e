"""Connected components: which rows are joined by chains of links."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def connected_components(count: int, first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.int64]:
    """For each of ``count`` rows, the lowest row that a chain of links leads to.

    >>> connected_components(5, np.array([3, 1]), np.array([4, 3])).tolist()
    [0, 1, 2, 1, 1]
    """
    label = np.arange(count)
    join_components(label, first, second)
    return label


def join_components(label: NDArray[Any], first: NDArray[Any], second: NDArray[Any]) -> None:
    """Add links to components that are known already, in place; so links may come piece by piece.

    Args:
        label: for each row, the lowest row of its component; without links, the row itself.
        first: the rows at one end of the links.
        second: the rows at the other end.

    >>> label = np.array([0, 1, 1, 3])
    >>> join_components(label, np.array([3]), np.array([2]))
    >>> label.tolist()
    [0, 1, 1, 1]
    """
    # Both ends of each link take the lower label, then chains of labels are followed to their ends. This repeats until
    # no link joins two labels: a few rounds, whatever the order of the links.
    while not np.array_equal(left := label[first], right := label[second]):
        low = np.minimum(left, right)
        np.minimum.at(label, left, low)
        np.minimum.at(label, right, low)
        while not np.array_equal(label, shorter := label[label]):
            label[:] = shorter
