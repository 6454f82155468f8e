"""Building the drawn world with the command line, and comparing datasets."""

import subprocess
import sys
from pathlib import Path

from ..core.files import sha256, write_text
from ..pipeline.discover import discover
from .world import draw_world

# Records of how a dataset was built, which may differ between builds of the same dataset.
_BUILD_RECORDS = ("logs", ".known.sqlite", ".lock", ".state", "dataset.toml")


def prepare_datasets(world: Path, *datasets: Path, config: str = "") -> None:
    """Draw the world and write the same dataset.toml into each dataset's folder; ``config`` is appended to its text."""
    draw_world(world)
    text = discover("published", world).text
    for dataset in datasets:
        write_text(dataset / "dataset.toml", text + config)


def run_treeoflife(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command line in its own process, and wait for it."""
    code = "from treeoflife.cli import main; main()"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, encoding="utf-8", check=False)


def dataset_digests(dataset: Path) -> dict[str, str]:
    """The SHA-256 of each file of a dataset by its relative path, without the records of how it was built."""
    files = {path.relative_to(dataset).as_posix(): path for path in sorted(dataset.rglob("*")) if path.is_file()}
    return {
        name: sha256(path)
        for name, path in files.items()
        if not name.startswith(_BUILD_RECORDS) or name.startswith("logs/bad-shards")
    }
