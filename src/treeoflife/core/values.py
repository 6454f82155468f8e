"""The values that flow through the stages. All are immutable and can be pickled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
"""The seven ranks of a name, from the root down."""

SPLITS = ("train", "val", "train_small")
"""The sets that shards are made for. Every image of ``train_small`` is in ``train`` too."""


class Taxon(NamedTuple):
    """Seven ranks, each a string, empty where unknown. ``species`` holds the specific epithet alone.

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
        """Genus and epithet; with one of them missing, the other with a capital; without both, nothing."""
        name = " ".join(filter(None, (self.genus, self.species)))
        return name[:1].upper() + name[1:]

    @property
    def taxonomic_name(self) -> str:
        """All known ranks, from kingdom down, joined by spaces."""
        return " ".join(filter(None, self))

    def common_or_own(self, common: str) -> str:
        """``common``; without a common name, the scientific name, else the taxonomic name.

        >>> Taxon(genus="Panthera", species="leo").common_or_own("")
        'Panthera leo'
        """
        return common or self.scientific_name or self.taxonomic_name


@dataclass(frozen=True, slots=True)
class Skip:
    """Why an image did not become a sample.

    Attributes:
        reason: one of a small set of words that can be counted, such as ``truncated`` or ``held-out``.
        detail: a sentence for people.
    """

    reason: str
    detail: str = ""


Key = tuple[int | str, ...]
"""The values of a source's columns in the mapping, such as (content id, page id)."""


@dataclass(frozen=True, slots=True)
class RawImage:
    """One file of a container, as it was read.

    Attributes:
        file: its name within the container, for people and the ledger; never used as a path.
        key: the values of the source's columns, or None where the name does not give them.
        treeoflife_id: its id where the name *is* the id (published archives), else None.
        data: the file's bytes; empty when only names were asked for.
        skip: set where the file cannot be an image of this source at all.
    """

    file: str
    key: Key | None
    treeoflife_id: str | None = None
    data: bytes = field(default=b"", repr=False)
    skip: Skip | None = None


@dataclass(frozen=True, slots=True)
class Label:
    """What a source itself says of the name of its images: evidence, not yet the truth.

    Attributes:
        name_key: what the label belongs to: an EOL page, an iNat21 class number, or a treeoflife id.
        taxon: ranks as the source gives them.
        scientific_name: the full name as written, where the source gives one.
        common: a common name, where the source gives one.
    """

    name_key: str
    taxon: Taxon = Taxon()
    scientific_name: str = ""
    common: str = ""
