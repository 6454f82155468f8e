"""The ten texts of a sample: three names and seven captions, made from its seven ranks and its common name."""

import re
import string
from collections.abc import Iterator

import polars as pl

from ..core.tar_writer import BLOCK
from ..core.values import NAME_COLUMNS, RANKS, Taxon

STEP_VERSION = 1

# As in the published TreeOfLife-10M. `tagged` is every known rank with its name: "kingdom Animalia genus Panthera".
_TEMPLATES = {
    "scientific_name.txt": "{scientific}",
    "taxonomic_name.txt": "{taxonomic}",
    "common_name.txt": "{common}",
    "sci.txt": "a photo of {scientific}.",
    "com.txt": "a photo of {common}.",
    "taxon.txt": "a photo of {taxonomic}.",
    "taxonTag.txt": "a photo of {tagged}.",
    "sci_com.txt": "a photo of {scientific} with common name {common}.",
    "taxon_com.txt": "a photo of {taxonomic} with common name {common}.",
    "taxonTag_com.txt": "a photo of {tagged} with common name {common}.",
}

TEXTS = tuple(_TEMPLATES)
"""The suffixes of the ten texts, in the order in which they follow the image."""
TAGGED = "taxonTag.txt"
"""The text from which all seven ranks can be read back."""
COMMON_NAME = "common_name.txt"


def compose_texts(taxon: Taxon, common: str) -> dict[str, str]:
    """The ten texts by suffix. The scientific name, else the taxonomic name, stands in for a missing common name.

    >>> compose_texts(Taxon("Animalia", genus="Panthera", species="leo"), "Lion")["taxonTag_com.txt"]
    'a photo of kingdom Animalia genus Panthera species leo with common name Lion.'
    """
    tagged = " ".join(f"{rank} {name}" for rank, name in zip(RANKS, taxon, strict=True) if name)
    return fill_templates(taxon.scientific_name, taxon.taxonomic_name, taxon.common_or_scientific(common), tagged)


def fill_templates(scientific: str, taxonomic: str, common: str, tagged: str) -> dict[str, str]:
    """The ten texts by suffix, from the names in them; ``tagged`` is each known rank, followed by its name."""
    names = {"scientific": scientific, "taxonomic": taxonomic, "common": common, "tagged": tagged}
    # Only the templates are parsed: a brace in a name is text like any other.
    return {suffix: template.format_map(names) for suffix, template in _TEMPLATES.items()}


def parse_ranks(text: str) -> list[str]:
    """The seven ranks in a text such as ``taxonTag.txt``; a name may consist of several words.

    >>> parse_ranks("a photo of kingdom Animalia genus Panthera species leo.")
    ['Animalia', '', '', '', '', 'Panthera', 'leo']
    """
    tagged, names = text.removeprefix("a photo of ").removesuffix("."), []
    for depth, rank in enumerate(RANKS, 1):
        # A name ends where the tag of any lower rank begins: ranks in between may be missing.
        lower = "|".join(RANKS[depth:])
        match = re.search(rf"(?:^| ){rank} (.*?)" + (rf"(?= (?:{lower}) |$)" if lower else "$"), tagged)
        names.append(match[1] if match else "")
    return names


def texts_tar_bytes(names: pl.DataFrame) -> pl.Series:
    """The bytes that the ten texts of each name take in a tar.

    Args:
        names: the ranks and the common name, none of them null.

    >>> name = ["Animalia", "", "", "", "", "Panthera", "leo", "Lion"]
    >>> texts_tar_bytes(pl.DataFrame({column: [one] for column, one in zip(NAME_COLUMNS, name, strict=True)})).item()
    10240
    """
    lengths = names.select(_scientific_bytes(names), *_bytes_of_names()).with_columns(
        common=pl.when(pl.col("common") > 0).then("common")
        .otherwise(pl.when(pl.col("scientific") > 0).then("scientific").otherwise("taxonomic"))
    )  # fmt: skip
    total = pl.lit(0, pl.Int64)
    for template in _TEMPLATES.values():
        fields = [field for _, field, _, _ in string.Formatter().parse(template) if field]
        length = len(re.sub(r"\{\w+\}", "", template)) + pl.sum_horizontal(fields)
        total += BLOCK + (length + BLOCK - 1) // BLOCK * BLOCK
    return lengths.select(total.alias("text_bytes")).to_series()


def _bytes_of_names() -> Iterator[pl.Expr]:
    """The lengths of the taxonomic, the common, and the tagged names."""
    length = {name: pl.col(name).str.len_bytes().cast(pl.Int64) for name in NAME_COLUMNS}
    known = pl.sum_horizontal((length[rank] > 0).cast(pl.Int64) for rank in RANKS)
    spaces = pl.max_horizontal(known - 1, 0)
    tags = pl.sum_horizontal((length[rank] > 0).cast(pl.Int64) * (len(rank) + 1) for rank in RANKS)
    yield (pl.sum_horizontal(length[rank] for rank in RANKS) + spaces).alias("taxonomic")
    yield (pl.sum_horizontal(length[rank] for rank in RANKS) + spaces + tags).alias("tagged")
    yield length["common"].alias("common")


def _scientific_bytes(names: pl.DataFrame) -> pl.Series:
    """The length of each scientific name."""
    parts = [pl.col(rank).str.len_bytes().cast(pl.Int64) for rank in ("genus", "species")]
    both = pl.all_horizontal(part > 0 for part in parts).cast(pl.Int64)
    lengths = names.select(parts[0] + parts[1] + both).to_series()
    # A capital may have more bytes than its small letter; of ASCII it has one.
    first = pl.concat_str("genus", "species").str.head(1)
    rows = names.select(first.str.len_bytes() > 1).to_series().arg_true()
    exact = [len(Taxon(*ranks).scientific_name.encode()) for ranks in names[rows].select(RANKS).iter_rows()]
    return lengths.scatter(rows, exact).alias("scientific")
