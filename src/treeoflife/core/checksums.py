"""The checksums of a dataset, in the form of ``sha256sum``: a line a file, and last a digest of these lines."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .files import write_text

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
_LAST = re.compile(r"# ([0-9a-f]{64})  the lines above\n")


@dataclass(frozen=True)
class Sums:
    """The digest of each file by its name below OUT, and whether the list itself is as it was written."""

    digests: Mapping[str, str]
    whole: bool


def render(digests: Mapping[str, str]) -> str:
    """The list as text; ``sha256sum --check`` reads it, and passes over the last line.

    >>> print(render({"a.tar": "0" * 64}).splitlines()[0][60:])
    0000  a.tar
    """
    text = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
    return f"{text}# {_digest(text)}  the lines above\n"


def parse(text: str) -> Sums:
    """What a list says; of one that was damaged, the lines that can be read.

    >>> parse(render({"a.tar": "0" * 64})).whole, parse("nonsense")
    (True, Sums(digests={}, whole=False))
    """
    lines = text.splitlines(keepends=True)
    digests = {found[2]: found[1] for line in lines if (found := _LINE.fullmatch(line.rstrip("\n")))}
    last = _LAST.fullmatch(lines[-1]) if lines else None
    return Sums(digests, bool(last and last[1] == _digest("".join(lines[:-1]))))


def read(path: Path) -> Sums | None:
    """The list in a file; None where there is none."""
    try:
        return parse(path.read_bytes().decode(errors="replace"))
    except FileNotFoundError:
        return None


def write(path: Path, digests: Mapping[str, str]) -> None:
    """Write the list."""
    write_text(path, render(digests))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
