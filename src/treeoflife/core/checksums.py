"""The checksums of a dataset, in the format of ``sha256sum``: one line per file, and a last line with their digest."""

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
    """A list of checksums as it was read."""

    digests: Mapping[str, str]  # the SHA-256 of each file in hex, by its name below OUT
    intact: bool  # whether the list itself is as it was written


def read(path: Path) -> Checksums | None:
    """The list in a file; of a damaged one, the lines that can be read; None if there is no such file."""
    try:
        lines = path.read_bytes().decode(errors="replace").splitlines(keepends=True)
    except FileNotFoundError:
        return None
    digests = {match[2]: match[1] for line in lines if (match := _LINE.fullmatch(line.rstrip("\n")))}
    last = _LAST.fullmatch(lines[-1]) if lines else None
    return Checksums(digests, bool(last and last[1] == sha256("".join(lines[:-1]).encode()).hexdigest()))


def write(path: Path, digests: Mapping[str, str]) -> None:
    """Write the list; ``sha256sum --check`` reads it, and ignores the last line."""
    text = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
    write_text(path, f"{text}# {sha256(text.encode()).hexdigest()}  the lines above\n")
