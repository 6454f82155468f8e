"""Sections of the card on files: the members of a sample, how its image was changed, and what lies beside the shards."""

from collections.abc import Iterator

from ..config.captions import Caption
from ..config.tables import Images
from ..core.files import exists
from ..core.values import Taxon
from ..shards.captions import TEXTS, compose_texts
from ..shards.texts import JSON
from .card_inputs import CardInputs
from .credits import describe_changes
from .markdown import escape, joined, table


def describe_sample(inputs: CardInputs) -> str:
    """The members of a sample, with an example of each text."""
    images = inputs.config.images
    texts = compose_texts(Taxon("Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Panthera", "leo"), "lion")
    rows = [("`<id>.jpg`", f"the image, {images.set_name} pixels, JPEG of quality {images.quality}")]
    rows += [(f"`<id>.{name}`", escape(texts[name])) for name in TEXTS]
    parts = [
        table(("member", "example"), [*rows, *_further(inputs)]),
        "`<id>` is the image's id, the same in `catalog.parquet`, which has a row per sample. In its columns, `species` is the epithet "
        "alone, such as leo: *Panthera leo* is `genus` and `species` together.",
        f"{describe_changes(images, inputs.cropped)} {_metadata(images)}",
    ]
    return "\n\n".join(parts)


def _further(inputs: CardInputs) -> Iterator[tuple[str, str]]:
    """The members that the configuration adds; a sample of which nothing is known there lacks them."""
    further, own = inputs.further, inputs.config.captions
    if further.columns_as == "txt":
        yield from (
            (f"`<id>.{name}.txt`", "from a column of the sources' tables, where it has a value")
            for name in further.columns
        )
    elif further.columns_as == "json" and further.columns:
        named = joined([escape(name) for name in further.columns])
        yield f"`<id>.{JSON}`", f"columns of the sources' tables: {named}"
    yield from ((f"`<id>.{name}.txt`", _caption(own[name])) for name in further.captions)


def _caption(caption: Caption) -> str:
    if caption.table:
        return f"from a table of captions, {escape(caption.table.name)}, where it has one of the image"
    return f"from a template: {' or, where that lacks a value, '.join(escape(one) for one in caption.templates)}"


def _metadata(images: Images) -> str:
    upright = " Photographs were turned upright before, as their EXIF says." if images.exif_rotate else ""
    return (
        "EXIF and XMP of the originals, with camera, time and place, are not in them, nor are colour profiles, whose colours became sRGB; "
        f"a comment inside a JPEG or GIF may be.{upright}"
    )


def describe_files(inputs: CardInputs) -> str:
    """The files that are published beside the shards."""
    paths, further = inputs.paths, inputs.further
    rows = [
        (f"{paths.shards.name}/catalog.parquet, catalog.csv", _catalog(further.columns)),
        (f"{paths.shards.name}/<split>/sizes.json, index.json", "the number of samples per shard for open_clip; the list of shards for wids"),
        ("metadata/mapping.parquet", "the id and the split of every image of the sources, also of those that were left out"),
        ("metadata/names.parquet", "the name of every image, and who said it of each rank"),
        ("metadata/provenance.parquet", "source, owner, licence and address of every image"),
        ("ledger/ledger.parquet", "every image and file that became no sample, with the reason"),
        ("findings/", "what was found wrong or doubtful: names, duplicates, image quality"),
        ("croissant.json", "this description for programs"),
        ("dataset.toml", "the configuration, without paths of the computer"),
    ]  # fmt: skip
    optional = (
        (paths.credits, "credits.csv, credits.html", "whom to credit for each image, and for how many images"),
        (paths.licences, "licences.csv", "licence and owner of EOL's images"),
        (paths.marks, "marks.csv", "a curator's corrections"),
    )
    rows += [(name, what) for path, name, what in optional if exists(path)]
    return table(("file", "what it has"), [(f"`{name}`", what) for name, what in rows])


def _catalog(columns: tuple[str, ...]) -> str:
    more = f", and {joined([escape(name) for name in columns])} of the sources' tables" if columns else ""
    return f"a row per sample: its id, split, names in seven ranks and common name, and what its source calls it{more}"
