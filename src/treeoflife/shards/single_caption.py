"""A shard as trainers read it that know but one caption: each image with one text, ``<id>.txt``, chosen on the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from random import Random
from typing import BinaryIO

from ..core import tar_writer as tarwrite
from ..core.tar_reader import Member, TarError, members
from ..errors import InputError
from .captions import TEXTS

NAMES = tuple(name.removesuffix(".txt") for name in TEXTS)
"""The names of the ten texts."""
CAPTIONS = NAMES[3:]
"""Those that are sentences."""
_LONGEST = 1 << 28


def stream(shard: Path, out: BinaryIO, captions: Sequence[str] = CAPTIONS, dice: Random | None = None) -> int:
    """Write a shard with one text for each image; returns how many there were.

    Args:
        shard: a shard with the ten texts.
        out: takes the tar; nothing but a sample is held in memory.
        captions: the texts to choose from, such as ``taxonTag_com``: one of those that a sample has, by chance.
        dice: the chance; None draws otherwise each time.

    Raises:
        InputError: the shard cannot be read to its end, or there is no such text.
    """
    if unknown := sorted(set(captions) - set(NAMES)):
        raise InputError(f"there is no text '{unknown[0]}': there are {', '.join(NAMES)}")
    dice, count, size = dice or Random(), 0, 0  # noqa: S311
    for key, parts in _samples(shard):
        told = [parts[f"{name}.txt"] for name in captions if f"{name}.txt" in parts]
        image = next((name for name in parts if not name.endswith((".txt", ".json"))), None)
        if not told or image is None:
            continue
        whole = tarwrite.member(f"{key}.{image}", parts[image]) + tarwrite.member(f"{key}.txt", dice.choice(told))
        out.write(whole)
        count, size = count + 1, size + len(whole)
    out.write(tarwrite.end(size))
    return count


def _samples(shard: Path) -> Iterator[tuple[str, Mapping[str, bytes]]]:
    """The key of each sample, and its members' data by the rest of their names."""
    try:
        with shard.open("rb") as fd:
            for key, some in groupby(members(fd, _LONGEST), _key):
                yield key, {one.name.partition(".")[2]: one.data or b"" for one in some}
    except (OSError, TarError) as error:
        raise InputError(f"{shard} cannot be read to its end: {error}") from None


def _key(member: Member) -> str:
    return member.name.partition(".")[0]
