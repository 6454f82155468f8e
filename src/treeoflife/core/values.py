"""The values that stages exchange. All are immutable and can be pickled."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple
from urllib.parse import quote

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
"""The seven ranks of a name, from the root down."""

NAME_COLUMNS = (*RANKS, "common")
"""The columns of a name in tables: the ranks, and the common name."""

NONE = "not provided"
"""What tables have in place of an owner or a title that is not known, as TreeOfLife-10M and TreeOfLife-200M do."""

SPLITS = ("train", "val", "train_small")
"""The sets that shards are made for. Every image of ``train_small`` is in ``train`` too."""
WITHDRAWN_COLUMNS = (
    "treeoflife_id", "source", "natural_key", "url", "why", "date",
    "split", "bytes", "container", "position", "together_with",
)  # fmt: skip
"""The columns of ``withdrawn.csv``.

``natural_key`` is the :func:`joined` key of the image in its source. ``split`` (that of
train_small is also in train) and ``bytes`` say which place the image had among the samples, and how large it was;
``container`` and ``position``, where it lay in the store. ``together_with`` is the id of another image that was in the
same split because of it, such as one of the same observation."""


class Taxon(NamedTuple):
    """The name of a taxon in seven ranks; unknown ranks are empty. ``species`` holds only the specific epithet.

    >>> Taxon(kingdom="Animalia", genus="Panthera", species="leo").scientific_name
    'Panthera leo'
    """

    kingdom: str = ""
    phylum: str = ""
    class_: str = ""
    order: str = ""
    family: str = ""
    genus: str = ""
    species: str = ""

    @property
    def scientific_name(self) -> str:
        """Genus and epithet; if one of them is missing, the other, capitalised; if both are, the empty string."""
        name = " ".join(filter(None, (self.genus, self.species)))
        return name[:1].upper() + name[1:]

    @property
    def lowest_name(self) -> str:
        """The scientific name, or without genus and epithet the name at the lowest rank that is known.

        >>> Taxon("Animalia", "Arthropoda", "Insecta", "Odonata", "Gomphidae").lowest_name
        'Gomphidae'
        """
        return self.scientific_name or next(filter(None, reversed(self)), "")

    @property
    def taxonomic_name(self) -> str:
        """All known ranks, from kingdom down, joined by spaces."""
        return " ".join(filter(None, self))

    def common_or_scientific(self, common: str) -> str:
        """``common``, or without a common name the scientific name, or without that the taxonomic name.

        >>> Taxon(genus="Panthera", species="leo").common_or_scientific("")
        'Panthera leo'
        """
        return common or self.scientific_name or self.taxonomic_name


@dataclass(frozen=True, slots=True)
class Skip:
    """Why an image did not become a sample.

    Attributes:
        reason: one of a small set of words, so that they can be counted, such as ``truncated`` or ``held-out``.
        detail: a sentence for people, such as the decoder's message.
    """

    reason: str
    detail: str = ""


GONE = Skip("withdrawn")
"""An image that its owner does not want in the dataset."""

Box = tuple[float, float, float, float]
"""A part of a picture: left, top, right and bottom, in pixels from the top left corner."""

Key = tuple[int | str, ...]
"""A natural key: the values of a source's columns in the mapping, such as (content id, page id)."""


def joined(key: Iterable[int | str]) -> str:
    """The parts of a natural key as one text, which no other key of the source has: joined by slashes.

    If a text but the last has a slash itself, the parts are percent-encoded and joined by ``&``, without any slash.

    >>> joined((3, "photos/a.jpg")), joined(("a/b", "c")), joined(("a", "b/c"))
    ('3/photos/a.jpg', 'a%2Fb&c', 'a/b/c')
    """
    parts = tuple(key)
    texts = [part for part in parts if isinstance(part, str)]
    if any("/" in text for text in texts[:-1]):
        return "&".join(quote(str(part), safe="") for part in parts)
    return "/".join(map(str, parts))


WHOLE = "whole"
"""What stands in a natural key in place of a box, for a photograph as a whole."""


@dataclass(frozen=True, slots=True)
class BoundingBox:
    """The part of a photograph that a sample is made of, in the photograph as it is displayed: upright.

    Attributes:
        x, y: the distance of its left and upper edge from those of the photograph.
        width, height: its size.
        frame: the width and height of the photograph in the same unit; (1, 1) if the box is given in parts of it.
            None: the unit is the pixel of the file.
    """

    x: float
    y: float
    width: float
    height: float
    frame: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class RawImage:
    """One file of a container, as it was read.

    Attributes:
        file: its name within the container, for people and the ledger; never used as a path.
        key: its natural key; None if the name does not contain it.
        treeoflife_id: its id, if the name *is* the id (as in published archives), else None.
        data: the file's bytes; empty if only names were requested.
        skip: the reason, if the file cannot be an image of this source at all.
        box: the part of the image that is meant; None for all of it.
    """

    file: str
    key: Key | None
    treeoflife_id: str | None = None
    data: bytes = field(default=b"", repr=False)
    skip: Skip | None = None
    box: BoundingBox | None = None

    def digest(self) -> bytes:
        """A SHA-256 that two images have in common if they are made of the same bytes: of the file, and of the box."""
        content = hashlib.sha256(self.data).digest()
        return hashlib.sha256(content + repr(self.box).encode()).digest() if self.box else content


@dataclass(frozen=True, slots=True)
class Label:
    """The name that a source itself gives to images. It is evidence, which naming may correct.

    Attributes:
        name_key: whose label it is: an EOL page, an iNat21 class number, or an image, by its :func:`joined` key.
        taxon: the ranks as the source gives them.
        scientific_name: the full name as written, if the source gives one.
        common: a common name, if the source gives one.
        rank: the rank of ``scientific_name``, such as subfamily, if the source gives one.
    """

    name_key: str
    taxon: Taxon = Taxon()
    scientific_name: str = ""
    common: str = ""
    rank: str = ""
