"""The checksums of a dataset, in the format of ``sha256sum``: one line per file, and a last line with their digest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from .files import write_text

_LINE = re.compile(r"([0-9a-f]{64})  (.+)")
# A list that was cut short or edited does not match the digest in its last line, a comment to sha256sum.
_LAST = re.compile(r"# ([0-9a-f]{64})  the lines above\n")


@dataclass(frozen=True)
class Checksums:
    """A list of checksums as it was read.

    Attributes:
        digests: the SHA-256 of each file in hex, by its name below OUT.
        intact: whether the list itself is as it was written.
    """

    digests: Mapping[str, str]
    intact: bool


def render(digests: Mapping[str, str]) -> str:
    """The list as text; ``sha256sum --check`` reads it, and ignores the last line.

    >>> print(render({"a.tar": "0" * 64}).splitlines()[0][60:])
    0000  a.tar
    """
    text = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
    return f"{text}# {sha256(text.encode()).hexdigest()}  the lines above\n"


def parse(text: str) -> Checksums:
    """Parse a list; of a damaged one, the lines that can be read.

    >>> parse(render({"a.tar": "0" * 64})).intact, parse("nonsense")
    (True, Checksums(digests={}, intact=False))
    """
    lines = text.splitlines(keepends=True)
    digests = {match[2]: match[1] for line in lines if (match := _LINE.fullmatch(line.rstrip("\n")))}
    last = _LAST.fullmatch(lines[-1]) if lines else None
    return Checksums(digests, bool(last and last[1] == sha256("".join(lines[:-1]).encode()).hexdigest()))


def read(path: Path) -> Checksums | None:
    """The list in a file; None if there is no such file."""
    try:
        return parse(path.read_bytes().decode(errors="replace"))
    except FileNotFoundError:
        return None


def write(path: Path, digests: Mapping[str, str]) -> None:
    """Write the list."""
    write_text(path, render(digests))
