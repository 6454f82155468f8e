"""The brace patterns, globs, folders and paths by which people name shards."""

import glob
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from ..config.paths import require_utf8_name
from ..core.files import is_no_file
from ..errors import InputError
from ..sources.containers.image_folders import visible_files

_SHARD = re.compile(r"\.(tar(\.(gz|bz2|xz|zst|lz4))?|tgz)$")


def expand_patterns(patterns: Sequence[str]) -> list[Path]:
    """The shards that patterns stand for, each once; an InputError if there is none. A folder stands for all
    tars in and below it. A ConfigError names one that is not UTF-8.

    What exists is taken as it is called, whatever characters it has: only the rest of a path is a pattern.

    >>> expand_patterns(["s-{000..001}.tar"])
    [PosixPath('s-000.tar'), PosixPath('s-001.tar')]
    """
    if shards := list(dict.fromkeys(path for pattern in patterns for path in _expand(pattern))):
        for path in shards:
            require_utf8_name(path)
        return shards
    raise InputError(f"no shard matches {' '.join(patterns)}")


def _expand(pattern: str) -> Iterator[Path]:
    folder = Path(pattern)
    while not os.path.exists(folder) and folder.parent != folder:  # noqa: PTH110 - a pattern may be no possible name
        folder = folder.parent
    rest = Path(pattern).relative_to(folder).as_posix()
    if rest == ".":
        yield from _tars(folder)
        return
    for text in _expand_braces(rest):
        if any(mark in text for mark in "*?["):
            for name in sorted(glob.glob(text, root_dir=folder, recursive=True)):  # noqa: PTH207 - see root_dir
                yield from _tars(folder / name)
        else:
            yield from _tars(folder / text)


def _tars(path: Path) -> list[Path]:
    """The shard itself, or those in and below a folder; see :func:`.sources.image_folders.visible_files`.

    Compressed ones are among them, so that whoever reads them says that they cannot be read as they are.
    """
    if not path.is_dir():
        return [path]
    tars = [file for file in visible_files(path) if _SHARD.search(file.name.lower())]
    if pipe := next(filter(is_no_file, tars), None):  # one that is named itself may be meant
        raise InputError(f"{pipe} is neither a file nor a link to one: move it elsewhere")
    return tars


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
