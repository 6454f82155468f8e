"""The files of one source in OUT/fetched: what its tables list, what was asked of hosts, and what came of it.

They are no part of the published dataset, and are kept across builds: nothing is fetched twice.
"""

import re
from dataclasses import dataclass
from pathlib import Path

_ANY = re.compile(r"\.?([0-9]{6,})\..+")
_URLS = re.compile(r"([0-9]{6,})\.urls\.parquet")
_INDEX = re.compile(r"([0-9]{6,})\.parquet")
_IMAGES = re.compile(r"([0-9]{6,})\.images\.parquet")
_NOT_FETCHED = re.compile(r"not-fetched-[0-9]{4,}\.parquet")


@dataclass(frozen=True)
class FetchedFiles:
    """The files in the folder of a source.

    >>> files = FetchedFiles(Path("OUT/fetched/gbif"))
    >>> files.archive(7).name, files.archive_images(7).name
    ('000007.tar', '000007.images.parquet')
    """

    folder: Path

    @property
    def images(self) -> Path:
        """Every image that the source lists, with its address: a row each, in the order of the natural key."""
        return self.folder / "images.parquet"

    def urls(self, number: int) -> Path:
        """The addresses that an archive is made of, written before any of them is asked."""
        return self.folder / f"{number:06d}.urls.parquet"

    def archive(self, number: int) -> Path:
        """What the hosts sent."""
        return self.folder / f"{number:06d}.tar"

    def index(self, number: int) -> Path:
        """A row per address of an archive: what the host answered. It is there once all were asked."""
        return self.folder / f"{number:06d}.parquet"

    def archive_images(self, number: int) -> Path:
        """Which images of the list are in an archive, and where."""
        return self.folder / f"{number:06d}.images.parquet"

    @property
    def unlisted(self) -> Path:
        """The images in these tables that the list no longer has, if there are any."""
        return self.folder / "unlisted.parquet"

    def not_fetched(self, part: int) -> Path:
        """A part of the images that could not be fetched, each with its reason."""
        return self.folder / f"not-fetched-{part:04d}.parquet"

    def finished(self) -> list[int]:
        """The numbers of the archives whose addresses have all been asked, in order."""
        return self._numbers(_INDEX)

    def unfinished(self) -> list[int]:
        """The numbers of the archives whose addresses are written down, and were not all asked yet, in order."""
        return sorted(set(self._numbers(_URLS)) - set(self.finished()))

    def next_number(self) -> int:
        """The number of the next archive: higher than that of any file, since the last answer of an address counts."""
        return max(self._numbers(_ANY), default=-1) + 1

    def has_begun(self, number: int) -> bool:
        """Whether anything of an unfinished archive may have been fetched."""
        return any(self.folder.glob(f".{number:06d}.tar.*")) or self.archive(number).exists()

    def with_images(self) -> list[int]:
        """The numbers of the archives that hold images of the list, in order."""
        return self._numbers(_IMAGES)

    def not_fetched_parts(self) -> list[Path]:
        """The tables of images that could not be fetched, in order."""
        return sorted(path for path in self._entries() if _NOT_FETCHED.fullmatch(path.name))

    def _numbers(self, pattern: re.Pattern[str]) -> list[int]:
        matches = (pattern.fullmatch(path.name) for path in self._entries())
        return sorted(int(match[1]) for match in matches if match)

    def _entries(self) -> list[Path]:
        return list(self.folder.iterdir()) if self.folder.is_dir() else []
