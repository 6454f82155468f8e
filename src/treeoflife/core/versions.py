"""The versions of packages on which the bytes of outputs depend."""

from functools import cache

__version__ = "0.1.0"


def versions(*packages: str) -> dict[str, str]:
    """The versions of this program and of ``packages``, for the record of an output that depends on them.

    >>> sorted(versions("polars"))
    ['polars', 'treeoflife']
    """
    return {name: _version(name) for name in ("treeoflife", *packages)}


@cache
def _version(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version  # slow to import, and 'treeoflife --help' does without

    try:
        return version(package)
    except PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"
