"""The values that stages exchange. All are immutable and can be pickled."""

from dataclasses import dataclass, field
from typing import NamedTuple

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
"""The seven ranks of a name, from the root down."""

NAME_COLUMNS = (*RANKS, "common")
"""The columns of a name in tables: the ranks, and the common name."""

SPLITS = ("train", "val", "train_small")
"""The sets that shards are made for. Every image of ``train_small`` is in ``train`` too."""


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


Key = tuple[int | str, ...]
"""A natural key: the values of a source's columns in the mapping, such as (content id, page id)."""


@dataclass(frozen=True, slots=True)
class RawImage:
    """One file of a container, as it was read.

    Attributes:
        file: its name within the container, for people and the ledger; never used as a path.
        key: its natural key; None if the name does not contain it.
        treeoflife_id: its id, if the name *is* the id (as in published archives), else None.
        data: the file's bytes; empty if only names were requested.
        skip: the reason, if the file cannot be an image of this source at all.
    """

    file: str
    key: Key | None
    treeoflife_id: str | None = None
    data: bytes = field(default=b"", repr=False)
    skip: Skip | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """The name that a source itself gives to images. It is evidence, which naming may correct.

    Attributes:
        name_key: whose label it is: an EOL page, an iNat21 class number, or a treeoflife id.
        taxon: the ranks as the source gives them.
        scientific_name: the full name as written, if the source gives one.
        common: a common name, if the source gives one.
    """

    name_key: str
    taxon: Taxon = Taxon()
    scientific_name: str = ""
    common: str = ""
