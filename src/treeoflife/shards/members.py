"""The members of a shard, grouped into samples as WebDataset groups them."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from ..core.tar_reader import Member, TarError, read_members
from ..errors import InputError
from ..sources.file_names import IMAGE_SUFFIXES

LONGEST_TEXT = 100_000
"""A limit for reading texts only: longer members, images above all, are skipped without being held in memory."""
LONGEST_MEMBER = 1 << 28
"""A limit for reading whole samples into memory; 256 MiB is far more than any image here has."""


def split_name(name: str) -> tuple[str, str]:
    """The key and the suffix of a member's name. WebDataset divides them at the first dot, not the last.

    >>> split_name("0001.taxon.txt")
    ('0001', 'taxon.txt')
    """
    key, _, suffix = name.partition(".")
    return key, suffix


def suffix_of(member: Member) -> str:
    """The suffix of a member's name."""
    return split_name(member.name)[1]


def group_samples(members: Iterable[Member]) -> Iterator[tuple[str, list[Member]]]:
    """The key of each sample, and its members: neighbours that have the same key."""
    return ((key, list(group)) for key, group in groupby(members, lambda member: split_name(member.name)[0]))


def read_samples(shard: Path, max_bytes: int) -> Iterator[tuple[str, list[Member]]]:
    """The samples of a shard, as :func:`group_samples` gives them; members longer than ``max_bytes`` come without data.

    Raises:
        InputError: the shard is missing, damaged or incomplete.
    """
    try:
        with shard.open("rb") as file:
            yield from group_samples(read_members(file, max_bytes))
    except (OSError, TarError) as error:
        raise InputError(
            f"{shard} cannot be read to its end: {error}; 'treeoflife check-shards' lists all that is wrong with it"
        ) from None


def find_image(members: Iterable[Member]) -> Member | None:
    """The image of a sample: its first member with the suffix of an image file."""
    return next((member for member in members if f".{suffix_of(member).lower()}" in IMAGE_SUFFIXES), None)


def texts_of(members: Iterable[Member]) -> dict[str, str]:
    """The texts of a sample, by suffix, such as ``sci.txt``. Bytes that are not UTF-8 are replaced."""
    texts = (member for member in members if member.name.endswith(".txt"))
    return {suffix_of(member): (member.data or b"").decode(errors="replace") for member in texts}
