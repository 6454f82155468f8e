"""A shard for trainers that read one caption: each image with one of its texts, as ``<id>.txt``."""

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import BinaryIO

from ..core.tar_writer import encode_member, end_marker
from ..errors import InputError
from .captions import TEXTS
from .members import LONGEST_MEMBER, find_image, read_samples, suffix_of

NAMES = tuple(suffix.removesuffix(".txt") for suffix in TEXTS)
"""The names of the ten texts."""
CAPTIONS = NAMES[3:]
"""The texts that are sentences: all but the three names."""


def stream_shard(shard: Path, out: BinaryIO, captions: Sequence[str] = CAPTIONS, rng: Random | None = None) -> int:
    """Write a shard with one text per image to ``out``, holding one sample in memory; returns the number of images.

    Args:
        shard: a shard with the ten texts. Samples without an image or without any of ``captions`` are left out.
        captions: the texts to choose from at random, such as ``taxonTag_com``.
        rng: makes the choice; by default it differs each time.

    Raises:
        InputError: the shard cannot be read to its end, or there is no such text.
    """
    if unknown := sorted(set(captions) - set(NAMES)):
        raise InputError(f"there is no text '{unknown[0]}'; the texts are {', '.join(NAMES)}")
    rng, count, size = rng or Random(), 0, 0  # noqa: S311 - nothing is kept secret
    for key, members in read_samples(shard, LONGEST_MEMBER):
        # Bytes, not text: a caption that is not UTF-8 is passed on as it is.
        data, image = {suffix_of(member): member.data or b"" for member in members}, find_image(members)
        choices = [data[f"{name}.txt"] for name in captions if f"{name}.txt" in data]
        if image and choices:
            block = encode_member(f"{key}.{suffix_of(image)}", image.data or b"")
            block += encode_member(f"{key}.txt", rng.choice(choices))
            out.write(block)
            count, size = count + 1, size + len(block)
    out.write(end_marker(size))
    return count
