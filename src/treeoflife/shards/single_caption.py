"""A shard for trainers that read one caption: each image with one of its texts, as ``<id>.txt``."""

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import BinaryIO

from ..core.tar_reader import Member
from ..core.tar_writer import encode_member, end_marker
from ..errors import InputError
from .captions import TEXTS
from .members import LONGEST_MEMBER, find_image, read_distinct_samples, read_samples, read_texts, suffix_of

NAMES = tuple(suffix.removesuffix(".txt") for suffix in TEXTS)
"""The names of the ten texts."""
CAPTIONS = NAMES[3:]
"""The texts that are sentences: all but the three names."""


def stream_shard(
    shard: Path,
    out: BinaryIO,
    captions: Sequence[str] = CAPTIONS,
    rng: Random | None = None,
    note: Callable[[str], None] = lambda _: None,
) -> int:
    """Write a shard with one text per image to ``out``, holding one sample in memory; returns the number of images.

    Args:
        shard: a shard with the ten texts, and maybe others beside them. Samples without an image or without any of
            ``captions``, or with empty ones, are left out.
        captions: the texts to choose from at random, such as ``taxonTag_com``.
        rng: makes the choice; by default it differs each time.
        note: told how many samples are left out, if any are.

    Raises:
        InputError: the shard cannot be read to its end, has no image with such a text, or has a sample or a text
            of it twice, or two images for one, or such a text that is not UTF-8; or there is no such text.
    """
    if further := sorted(set(captions) - set(NAMES)):
        _check_further(shard, further)
    suffixes = [f"{name}.txt" for name in captions]
    rng, samples, left_out, size = rng or Random(), 0, list[str](), 0  # noqa: S311 - nothing is kept secret
    for samples, (key, members) in enumerate(read_distinct_samples(shard, LONGEST_MEMBER), 1):  # noqa: B007
        texts, image = read_texts(shard, key, members, suffixes), _whole_image(shard, members)
        choices = [texts[suffix] for suffix in suffixes if texts.get(suffix)]
        if image and choices:
            size += out.write(_encode(shard, key, image, rng.choice(choices)))
        else:
            left_out.append(key)
    _report(shard, samples, left_out, captions, note)
    out.write(end_marker(size))
    return samples - len(left_out)


def _check_further(shard: Path, names: Sequence[str]) -> None:
    """Check that a shard has texts beside the ten, of which a sample may lack any."""
    present = {suffix for _, members in read_samples(shard, 0) for suffix in map(suffix_of, members)}
    texts = sorted({one.removesuffix(".txt") for one in present if one.endswith(".txt")} - set(NAMES))
    if unknown := [name for name in names if name not in texts]:
        raise InputError(f"there is no text '{unknown[0]}' in {shard}; the texts are {', '.join([*NAMES, *texts])}")


def _whole_image(shard: Path, members: Sequence[Member]) -> Member | None:
    """The image of a sample; one without a byte counts as none."""
    image = find_image(members)
    if image and image.data is None:
        raise InputError(f"{shard}: {image.name} has {image.size} bytes; at most {LONGEST_MEMBER} are read")
    return image if image and image.size else None


def _encode(shard: Path, key: str, image: Member, text: str) -> bytes:
    try:
        first = encode_member(f"{key}.{suffix_of(image).lower()}", image.data or b"")
        return first + encode_member(f"{key}.txt", text.encode())
    except ValueError as error:
        raise InputError(f"{shard}: the sample {key!r:.200} cannot be written: {error}") from None


def _report(
    shard: Path, samples: int, left_out: Sequence[str], captions: Sequence[str], note: Callable[[str], None]
) -> None:
    """Say how many samples were left out; an InputError if it were all of them."""
    if not left_out:
        return
    if len(left_out) == samples:
        raise InputError(
            f"none of the {samples} samples in {shard} has both an image and one of the texts {', '.join(captions)}"
        )
    note(
        f"{shard}: {len(left_out)} of {samples} samples are left out, such as {left_out[0]}: they lack an image, or "
        f"all of the texts {', '.join(captions)}, or have them without content"
    )
