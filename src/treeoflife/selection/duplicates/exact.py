"""Least squares with the same bits on every computer.

A BLAS adds in an order that depends on the processor: its sums differ in the last bits, and now and then a verdict with
them. Here all sums are of whole numbers below 2^53, which a float64 holds exactly in whatever order they are added, and
equations are solved by the same operations in the same order.
"""

from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def whole(values: NDArray[Any], steps: float) -> Numbers:
    """Values as whole numbers, in steps of ``1 / steps``.

    >>> whole(np.array([0.5, 1.26]), 4).tolist()
    [2.0, 5.0]
    """
    return np.rint(values.astype(np.float64) * steps)


def products(rows: Numbers, others: Numbers) -> Numbers:
    """The scalar products of each of ``rows`` with each of ``others``, or with these as one row.

    Both hold whole numbers, and no sum of products may reach 2^53: with 112 by 112 pixels, no product 7 * 10^11.
    """
    result: Numbers = rows @ others.T
    return result


def solve(squares: Numbers, right: Numbers) -> Numbers:
    """Solve linear equations whose matrix is symmetric and positive definite, by elimination.

    >>> solve(np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([4.0, 7.0])).tolist()
    [1.0, 2.0]
    """
    table = np.column_stack([squares, right])
    for step in range(len(table)):
        table[step] /= table[step, step]
        factors = table[:, step : step + 1].copy()
        factors[step] = 0
        table -= factors * table[step]
    solution: Numbers = table[:, -1].copy()
    return solution


def combine(factors: Numbers, rows: Numbers) -> Numbers:
    """The sum of ``rows``, each multiplied by its factor, in their order."""
    total: Numbers = factors[0] * rows[0]
    for factor, row in zip(factors[1:], rows[1:], strict=True):
        total += factor * row
    return total


def deviation(values: NDArray[Any], steps: float) -> float:
    """The standard deviation of values that are rounded to steps of ``1 / steps``.

    >>> deviation(np.array([1, 3, 1, 3]), 10)
    1.0
    """
    numbers = whole(values, steps).ravel()
    total, squares = int(numbers.sum()), int((numbers * numbers).sum())
    return sqrt(numbers.size * squares - total**2) / numbers.size / steps
