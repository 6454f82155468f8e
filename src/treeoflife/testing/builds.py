"""A whole build of the drawn world, and what of it must be the same bytes however it was made."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

from ..core.files import write_text
from ..pipeline.discover import discover
from .world import draw

_OWN = ("logs", ".known.sqlite", ".lock", "dataset.toml")


def prepare(world: Path, *outs: Path, more: str = "") -> None:
    """Draw the world and give each of the datasets a configuration; ``more`` is added to its text."""
    draw(world)
    text = discover("published", world).text
    for out in outs:
        write_text(out / "dataset.toml", text + more)


def treeoflife(*words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    code = "from treeoflife.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)


def contents(out: Path) -> dict[str, str]:
    """The digest of each file of a dataset, without what speaks of the run itself."""
    files = [path for path in sorted(out.rglob("*")) if path.is_file()]
    named = {path.relative_to(out).as_posix(): path for path in files}
    return {
        name: hashlib.sha256(path.read_bytes()).hexdigest()
        for name, path in named.items()
        if not name.startswith(_OWN) or name.startswith("logs/bad-shards")
    }
