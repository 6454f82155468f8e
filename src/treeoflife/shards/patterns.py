"""The brace patterns, globs, folders and paths by which people name shards."""

import glob
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..errors import InputError


def expand_patterns(patterns: Sequence[str]) -> list[Path]:
    """The shards that patterns stand for, each once; an InputError if there is none. A folder stands for all
    tars in and below it.

    >>> expand_patterns(["s-{000..001}.tar"])
    [PosixPath('s-000.tar'), PosixPath('s-001.tar')]
    """
    texts = (text for pattern in patterns for text in _expand_braces(pattern))
    if shards := list(dict.fromkeys(path for text in texts for path in _match(text))):
        return shards
    raise InputError(f"no shard matches {' '.join(patterns)}")


def _match(text: str) -> list[Path]:
    if Path(text).is_dir():
        return sorted(Path(text).rglob("*.tar"))
    if any(mark in text for mark in "*?["):
        return [Path(path) for path in sorted(glob.glob(text, recursive=True))]  # noqa: PTH207 - also absolute patterns
    return [Path(text)]


def _expand_braces(pattern: str) -> Iterator[str]:
    """A pattern with each choice of its braces: ``{a,b}`` or, as webdataset writes it, ``{000..012}``."""
    match = re.search(r"\{([^{}]*)\}", pattern)
    if not match:
        yield pattern
        return
    # Innermost braces first; those around them are expanded by the recursion.
    choices = match[1].split(",")
    if span := re.fullmatch(r"(\d+)\.\.(\d+)", match[1]):
        choices = [str(number).zfill(len(span[1])) for number in range(int(span[1]), int(span[2]) + 1)]
    for choice in choices:
        yield from _expand_braces(pattern[: match.start()] + choice + pattern[match.end() :])
