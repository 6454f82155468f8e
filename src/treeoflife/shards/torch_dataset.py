"""A split as a map-style dataset, for PyTorch's DataLoader and whatever else takes samples by number.

Of a map-style dataset PyTorch asks for ``__len__`` and ``__getitem__`` alone, so nothing of it is imported here.
"""

import io
import operator
import random
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, SupportsIndex

from ..core.files import read_at
from ..core.tables import Array
from ..core.tar_writer import BLOCK
from ..errors import InputError
from .balance import sample_weights
from .locations import SampleLocations, mismatch, read_members_at
from .members import find_image, read_texts, suffix_of
from .sample import decode_image
from .single_caption import NAMES

ALL = "all"
"""Asks for every text of a sample instead of one."""
_SEARCHED = 100

Transform = Callable[[Any], Any]


class TorchDataset:
    """The images and texts of a split, by number: ``dataset[0]`` is a pair of an image and a text.

    It is what :meth:`treeoflife.Dataset.torch` returns. Each sample is one read of its shard, in any order, so a
    ``DataLoader`` may shuffle it or draw from it. Worker processes are sent the paths of the dataset and none of its
    tables.

    Attributes:
        split: the split.
        numbers: the numbers of its samples in the dataset: ``dataset[numbers[index]]`` is sample ``index`` here.
    """

    def __init__(
        self,
        locations: SampleLocations,
        split: str,
        text: str | Sequence[str],
        transform: Transform | None,
        text_transform: Transform | None,
    ) -> None:
        self.split = split
        self.numbers = locations.numbers(split)
        self._locations = locations
        names = [text] if isinstance(text, str) else list(text)
        self._suffixes = None if text == ALL else [f"{name.removesuffix('.txt')}.txt" for name in names]
        self._transform, self._text_transform = transform, text_transform
        self._check_texts()

    def __repr__(self) -> str:
        texts = "all texts" if self._suffixes is None else ", ".join(self._suffixes)
        return f"<treeoflife.TorchDataset {self.split}: {len(self):,} samples, {texts}>"

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.numbers)

    def __getitem__(self, index: SupportsIndex) -> tuple[Any, Any]:
        """The image and the text of a sample, transformed.

        Raises:
            IndexError: there is no such sample.
            InputError: the sample has none of the texts that were asked for, or one that is not UTF-8.
            StoreError: a shard does not match its index.
        """
        try:
            number = self.numbers[operator.index(index)]
        except IndexError:
            raise IndexError(f"there is no sample {index}: {self.split} has {len(self):,} samples") from None
        jpeg, texts = self._read(number)
        image, text = decode_image(jpeg), self._choose(number, texts)
        return (
            self._transform(image) if self._transform else image,
            self._text_transform(text) if self._text_transform else text,
        )

    def weights(self, rank: str = "species", power: float = 0.5) -> Array:
        """The weight of each sample for ``torch.utils.data.WeightedRandomSampler``.

        A class of n samples is drawn in proportion to ``n ** power``: see :func:`.balance.sample_weights`.

        Raises:
            InputError: there is no such rank, or ``power`` is not in 0 to 1.
        """
        return sample_weights(self._locations, self.split, rank, power)

    def _read(self, number: int) -> tuple[bytes, dict[str, str]]:
        """The bytes of the image of a sample, and its texts by suffix, in one read of the shard."""
        locations = self._locations
        shard, start = locations.shards[int(locations.shard[number])], int(locations.start[number])
        with shard.path.open("rb", buffering=0) as file:
            follows = number + 1 < len(locations) and locations.shard[number + 1] == locations.shard[number]
            end = int(locations.start[number + 1]) if follows else shard.path.stat().st_size
            block = read_at(file, end - start, start)
        # Two blocks of zeros end a tar.
        key, members = read_members_at(io.BytesIO(block + bytes(2 * BLOCK)), shard, 0)
        image = find_image(members)
        place = (start + image.data_offset, image.size) if image else None
        if image is None or not image.data or place != (locations.offset[number], locations.size[number]):
            raise mismatch(shard, f"there is no sample with an image at byte {start}")
        suffixes = [suffix_of(member) for member in members] if self._suffixes is None else self._suffixes
        return image.data, read_texts(shard.path, key, members, suffixes)

    def _choose(self, number: int, texts: dict[str, str]) -> str | dict[str, str]:
        """One of the texts that were asked for; or all, by name."""
        if self._suffixes is None:
            return {suffix.removesuffix(".txt"): text for suffix, text in texts.items()}
        choices = [texts[suffix] for suffix in self._suffixes if texts.get(suffix)]
        if not choices:
            wanted = ", ".join(self._suffixes)
            raise InputError(f"sample {number} of the dataset has none of the texts {wanted}, or they are empty")
        # PyTorch seeds this generator in each worker and each epoch anew, from its own.
        return choices[0] if len(choices) == 1 else random.choice(choices)  # noqa: S311

    def _check_texts(self) -> None:
        """Raise an InputError if a text is none of the ten, and the first samples have no such text."""
        own = {f"{name}.txt" for name in NAMES}
        unknown = [suffix for suffix in self._suffixes or () if suffix not in own]
        if not unknown or not self.numbers:
            return
        known = set[str]()
        for number in islice(self.numbers, _SEARCHED):
            known |= self._read(number)[1].keys()
        if missing := [suffix for suffix in unknown if suffix not in known]:
            raise InputError(
                f"there is no text '{missing[0].removesuffix('.txt')}'; the texts are {', '.join(NAMES)}, and "
                f"'{ALL}' gives each sample's texts together"
            )
