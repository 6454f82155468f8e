"""The versions of packages that have a hand in the bytes that are written."""

from __future__ import annotations

from functools import cache
from importlib.metadata import PackageNotFoundError, version


def versions(*packages: str) -> dict[str, str]:
    """The versions of this program and of ``packages``, which have a hand in the bytes that are written.

    >>> sorted(versions("polars"))
    ['polars', 'treeoflife']
    """
    return {name: _version(name) for name in ("treeoflife", *packages)}


@cache
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"
