"""The taxonomies that ``treeoflife download taxonomy`` keeps, once for each user."""

from pathlib import Path
from typing import NamedTuple

from ..core.user_folders import user_data
from .downloads_file import FILE_NAME, read_entries


class KeptTaxonomy(NamedTuple):
    """A taxonomy that is kept.

    Attributes:
        name: what ``[names] checklists`` calls it.
        path: its file.
        size: its length in bytes.
        time: when it was fetched, by ISO 8601.
        url: where it came from.
    """

    name: str
    path: Path
    size: int
    time: str
    url: str


def taxonomies_folder() -> Path:
    """The folder of the user's taxonomies, which may not exist yet."""
    return user_data() / "taxonomy"


def kept_taxonomies() -> list[KeptTaxonomy]:
    """The taxonomies that are kept and whole, the newest first."""
    root = taxonomies_folder()
    kept = [
        KeptTaxonomy(Path(file).parts[0], root / file, entry["size"], entry["time"], entry["url"])
        for file, entry in read_entries(root / FILE_NAME).items()
        if len(Path(file).parts) > 1 and _is_there(root / file, entry["size"])
    ]
    return sorted(kept, key=lambda one: (one.time, one.path), reverse=True)


def find_taxonomy() -> KeptTaxonomy | None:
    """The newest taxonomy that is kept; None if there is none."""
    return next(iter(kept_taxonomies()), None)


def _is_there(path: Path, size: int) -> bool:
    try:
        return path.is_file() and path.stat().st_size == size
    except OSError:
        return False
