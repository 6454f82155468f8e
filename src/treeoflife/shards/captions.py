"""The ten texts of a sample: three names and seven captions, made from its seven ranks and its common name.

They are those of the published TreeOfLife-10M (:func:`fill_published_templates`) but for two faults of it:

* A sample without genus and epithet has no scientific name, and its captions were ``a photo of .`` The name at the
  lowest rank that is known takes its place in ``sci.txt`` and ``sci_com.txt``. ``scientific_name.txt`` stays empty: a
  single word in it is a genus to its readers, and a family would be taken for one.
* A name that ends in a dot, as in *Aedes* sp., gave a caption that ends in two. A caption ends in one, and the name is
  whole in the three names.
"""

import re
import string
from collections.abc import Iterator

import polars as pl

from ..core.tar_writer import BLOCK
from ..core.values import NAME_COLUMNS, RANKS, Taxon

STEP_VERSION = 2

# `lowest` is the scientific name or what takes its place; `tagged` every known rank with its name: "kingdom Animalia
# genus Panthera".
_NAMES = {
    "scientific_name.txt": "{scientific}",
    "taxonomic_name.txt": "{taxonomic}",
    "common_name.txt": "{common}",
}
_CAPTIONS = {
    "sci.txt": "a photo of {lowest}",
    "com.txt": "a photo of {common}",
    "taxon.txt": "a photo of {taxonomic}",
    "taxonTag.txt": "a photo of {tagged}",
    "sci_com.txt": "a photo of {lowest} with common name {common}",
    "taxon_com.txt": "a photo of {taxonomic} with common name {common}",
    "taxonTag_com.txt": "a photo of {tagged} with common name {common}",
}

TEXTS = (*_NAMES, *_CAPTIONS)
"""The suffixes of the ten texts, in the order in which they follow the image."""
TAGGED, TAXONOMIC = "taxonTag.txt", "taxonomic_name.txt"
"""The texts from which all seven ranks can be read back: see :func:`parse_ranks`."""
COMMON_NAME = "common_name.txt"

NAMELESS = "a living thing"
"""What a caption says where no name at all is known. No build makes such a sample: its image is in the ledger."""
END_MARKS = " .?!,;:…"
"""What may stand at the end of a name and not before the dot that ends a caption."""


def compose_texts(taxon: Taxon, common: str) -> dict[str, str]:
    """The ten texts by suffix. The scientific name, else the taxonomic name, stands in for a missing common name.

    >>> compose_texts(Taxon("Animalia", genus="Panthera", species="leo"), "Lion")["taxonTag_com.txt"]
    'a photo of kingdom Animalia genus Panthera species leo with common name Lion.'
    >>> compose_texts(Taxon("Animalia", family="Culicidae"), "")["sci.txt"]
    'a photo of Culicidae.'
    >>> compose_texts(Taxon("Animalia", genus="Aedes", species="sp."), "")["sci.txt"]
    'a photo of Aedes sp.'
    """
    tagged = " ".join(f"{rank} {name}" for rank, name in zip(RANKS, taxon, strict=True) if name)
    common = taxon.common_or_scientific(common)
    return fill_templates(taxon.scientific_name, taxon.taxonomic_name, common, tagged, taxon.lowest_name)


def fill_templates(scientific: str, taxonomic: str, common: str, tagged: str, lowest: str) -> dict[str, str]:
    """The ten texts by suffix, from the names in them.

    Args:
        tagged: each known rank, followed by its name.
        lowest: the scientific name, or the name that takes its place in captions.
    """
    names = {"scientific": scientific, "taxonomic": taxonomic, "common": common, "tagged": tagged, "lowest": lowest}
    mentions = {role: _mention(name, lowest, common) for role, name in names.items()}
    captions = {suffix: template.format_map(mentions) for suffix, template in _CAPTIONS.items()}
    # Only the templates are parsed: a brace in a name is text like any other.
    texts = {suffix: template.format_map(names) for suffix, template in _NAMES.items()}
    named = {suffix: caption.removesuffix(f" with common name {NAMELESS}") for suffix, caption in captions.items()}
    return texts | {suffix: as_sentence(caption) for suffix, caption in named.items()}


def as_sentence(caption: str) -> str:
    """A caption with the one dot at its end."""
    return f"{caption.rstrip(END_MARKS)}."


def _mention(*names: str) -> str:
    """What a caption writes: the first of these names that says anything."""
    return next((name for name in names if any(map(str.isalnum, name))), NAMELESS)


def fill_published_templates(scientific: str, taxonomic: str, common: str, tagged: str) -> dict[str, str]:
    """The ten texts as the original scripts wrote them, and this program until version 1 of its captions.

    >>> fill_published_templates("", "Animalia Culicidae", "Animalia Culicidae", "")["sci.txt"]
    'a photo of .'
    """
    names = {"scientific": scientific, "taxonomic": taxonomic, "common": common, "tagged": tagged, "lowest": scientific}
    captions = {suffix: f"{template}." for suffix, template in _CAPTIONS.items()}
    return {suffix: template.format_map(names) for suffix, template in (_NAMES | captions).items()}


def parse_ranks(text: str, taxonomic: str = "") -> list[str]:
    """The seven ranks in a text such as ``taxonTag.txt``; a name may consist of several words.

    Args:
        taxonomic: the text ``taxonomic_name.txt``, which has the end of the last name where the caption lacks it.

    >>> parse_ranks("a photo of kingdom Animalia genus Panthera species leo.")
    ['Animalia', '', '', '', '', 'Panthera', 'leo']
    >>> parse_ranks("a photo of genus Aedes species sp.", "Aedes sp.")[5:]
    ['Aedes', 'sp.']
    """
    tagged, names = text.removeprefix("a photo of ").removesuffix("."), []
    for depth, rank in enumerate(RANKS, 1):
        # A name ends where the tag of any lower rank begins: ranks in between may be missing.
        lower = "|".join(RANKS[depth:])
        match = re.search(rf"(?:^| ){rank} (.*?)" + (rf"(?= (?:{lower}) |$)" if lower else "$"), tagged)
        names.append(match[1] if match else "")
    last = max((depth for depth, name in enumerate(names) if name), default=0)
    without_end = names[last].rstrip(END_MARKS)
    if without_end and taxonomic.rstrip(END_MARKS).endswith(without_end):
        names[last] = without_end + end_marks(taxonomic)
    return names


def end_marks(name: str) -> str:
    """The marks at the end of a name that captions leave out.

    >>> end_marks("Aedes sp."), end_marks("Aedes aegypti")
    ('.', '')
    """
    return name[len(name.rstrip(END_MARKS)) :]


def texts_tar_bytes(names: pl.DataFrame) -> pl.Series:
    """The bytes that the ten texts of each name take in a tar.

    Args:
        names: the ranks and the common name, none of them null.

    >>> name = ["Animalia", "", "", "", "", "Panthera", "leo", "Lion"]
    >>> texts_tar_bytes(pl.DataFrame({column: [one] for column, one in zip(NAME_COLUMNS, name, strict=True)})).item()
    10240
    """
    lengths = names.select(_lengths())
    total = sum((_padded(template, 0) for template in _NAMES.values()), pl.lit(0, pl.Int64))
    total = sum((_padded(template, len(".")) for template in _CAPTIONS.values()), total)
    regular = lengths.select(total.alias("text_bytes")).to_series()
    rows = names.select(_is_irregular()).to_series().arg_true()
    return regular.scatter(rows, [_bytes_of(*name) for name in names[rows].select(NAME_COLUMNS).iter_rows()])


def _padded(template: str, more: int) -> pl.Expr:
    """The bytes of a member of a tar: its header, and the text of a template with ``more`` bytes, in whole blocks."""
    fields = [field for _, field, _, _ in string.Formatter().parse(template) if field]
    length = len(re.sub(r"\{\w+\}", "", template)) + more + pl.sum_horizontal(fields)
    return BLOCK + (length + BLOCK - 1) // BLOCK * BLOCK


def _lengths() -> Iterator[pl.Expr]:
    """The lengths in bytes of the names in the templates, as long as no end is cut off and no name is missing."""
    length = {name: pl.col(name).str.len_bytes().cast(pl.Int64) for name in NAME_COLUMNS}
    is_known = {rank: (length[rank] > 0).cast(pl.Int64) for rank in RANKS}
    spaces = pl.max_horizontal(pl.sum_horizontal(is_known.values()) - 1, 0)
    taxonomic = pl.sum_horizontal(length[rank] for rank in RANKS) + spaces
    scientific = length["genus"] + length["species"] + is_known["genus"] * is_known["species"]
    above = pl.coalesce(pl.when(length[rank] > 0).then(length[rank]) for rank in reversed(RANKS[:-2])).fill_null(0)
    yield scientific.alias("scientific")
    yield taxonomic.alias("taxonomic")
    yield (taxonomic + pl.sum_horizontal(is_known[rank] * (len(rank) + 1) for rank in RANKS)).alias("tagged")
    yield pl.when(scientific > 0).then(scientific).otherwise(above).alias("lowest")
    without = pl.when(scientific > 0).then(scientific).otherwise(taxonomic)
    yield pl.when(length["common"] > 0).then(length["common"]).otherwise(without).alias("common")


def _is_irregular() -> pl.Expr:
    """Whether the lengths of a row's texts are not the sums of those of its names: few names are of that kind."""
    ends = pl.any_horizontal(pl.col(name).str.contains(f"[{END_MARKS}]$") for name in NAME_COLUMNS)
    says_nothing = pl.any_horizontal(
        (pl.col(name) != "") & ~pl.col(name).str.contains(r"[\pL\pN]") for name in NAME_COLUMNS
    )
    nameless = pl.all_horizontal(pl.col(rank) == "" for rank in RANKS)
    # A capital may have more bytes than its small letter; of ASCII it has one.
    wide = pl.concat_str("genus", "species").str.head(1).str.len_bytes() > 1
    return ends | says_nothing | nameless | wide


def _bytes_of(*name: str) -> int:
    """The bytes of the ten texts of one name."""
    texts = compose_texts(Taxon(*name[:-1]), name[-1])
    return sum(BLOCK + -(-len(text.encode()) // BLOCK) * BLOCK for text in texts.values())
