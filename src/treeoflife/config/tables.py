"""The tables of dataset.toml that say what a dataset is made from, and how."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from .base import Model

Size = tuple[Annotated[int, Field(ge=8, le=4096)], Annotated[int, Field(ge=8, le=4096)]]
Percent = Annotated[int, Field(ge=0, le=99)]


class Images(Model):
    """How an image is decoded, resized and encoded. A change of any key here decodes all images again."""

    size: Size = (224, 224)
    """Width and height of the images in the shards, in pixels."""
    fit: Literal["stretch", "crop", "pad"] = "stretch"
    """stretch: exactly to the size, whatever the shape. crop: the largest centred part of the right shape.
    pad: the whole image, centred on black."""
    filter: Literal["bicubic", "lanczos", "bilinear", "box"] = "bicubic"
    """The resampling filter."""
    resampler: Literal["pillow", "simd"] = "pillow"
    """What applies it. simd: encoding takes a third less time, and one value in 400 is other by 1 or 2
    (pip install 'treeoflife[fast]')."""
    draft: Annotated[int, Field(ge=0, le=8)] = 2
    """JPEGs are decoded at the smallest size that is at least this many times the target; 0 decodes in full."""
    quality: Annotated[int, Field(ge=1, le=100)] = 100
    """JPEG quality of the images in the shards."""
    subsampling: Literal["4:4:4", "4:2:2", "4:2:0"] = "4:2:0"
    """Chroma subsampling of the images in the shards."""
    exif_rotate: bool = True
    """Turn photographs upright by their EXIF orientation."""
    max_pixels: Annotated[int, Field(ge=1, le=178_956_970)] = 178_956_970
    """Images that declare more pixels are skipped before decoding."""
    max_memory: Annotated[int, Field(ge=1)] = 200_000_000
    """Images that would take more bytes of memory to decode, by their header, are skipped."""
    max_bytes: Annotated[int, Field(ge=1)] = 200_000_000
    """Files that are longer are skipped before decoding."""
    max_seconds: Annotated[float, Field(gt=0, le=3600)] = 30
    """An image whose decoder takes more seconds of CPU is skipped, and the decoder ended."""
    hard_memory: Annotated[int, Field(ge=100_000_000)] = 1_000_000_000
    """An image whose decoder takes more bytes, whatever its header said, is skipped. On Linux only."""
    measure: bool = True
    """Take a perceptual hash and measures of quality of every image while it is decoded. Duplicates that are not the
    same bytes, leaks and findings of quality rest on them."""

    @property
    def set_name(self) -> str:
        """The name of the image set, such as ``224x224``: the folder of its shards."""
        return f"{self.size[0]}x{self.size[1]}"


class Splits(Model):
    """How many images of each source go to val and to train_small."""

    val_percent: Percent = 5
    """Of n images of a source, n * val_percent // 100 go to val; the others are train."""
    train_small_percent: Percent = 10
    """Of n train images of a source, n * train_small_percent // 100 are in train_small as well."""


class MinShards(Model):
    """The least number of shards per split: a trainer needs at least one for each of its data workers."""

    train: Annotated[int, Field(ge=1)] = 1
    """In train."""
    val: Annotated[int, Field(ge=1)] = 1
    """In val."""
    train_small: Annotated[int, Field(ge=1)] = 1
    """In train_small."""


class Wds(Model):
    """How samples are laid out in shards. A change here packs again and decodes nothing."""

    order: Literal["shuffled", "source"] = "shuffled"
    """shuffled: all sources mixed, by the seed. source: as the sources and their containers come."""
    max_samples: Annotated[int, Field(ge=1)] = 10_000
    """The most samples a shard holds."""
    max_bytes: Annotated[int, Field(ge=100_000)] = 1_000_000_000
    """The most bytes a shard takes."""
    min_shards: MinShards = MinShards()
    """The least number of shards per split."""
    max_per_species: Annotated[int, Field(ge=0)] = 0
    """The most images of a species in train, chosen by the seed; the others are in the ledger, as over-cap. 0 sets no
    limit. Val is left as it is."""
    keep_store: bool = True
    """Keep the encoded images after the shards are checked. Without them, a later change that needs one
    encodes its container again."""


class Duplicates(Model):
    """Images that are the same picture, over all sources, and what is done about them. A change decodes nothing."""

    near: bool = True
    """Find pictures that were encoded again, resized, slightly cropped, mirrored or recoloured. Off: only those with
    the same bytes or the same resized pixels."""
    distance: Annotated[int, Field(ge=0, le=64)] = 31
    """The most bits, of 256, in which the hashes of two pictures may differ that are then laid over each other."""
    keep: Literal["all", "best", "best-per-split"] = "all"
    """all: duplicates are listed, and stay. best: of each group only the image with the most ranks, then with a common
    name, then with the most pixels stays. best-per-split: one in train and one in val; for straddling = "report"."""
    straddling: Literal["auto", "one-side", "report"] = "auto"
    """one-side: no group is in train and in val. Splits are made so; a published mapping's are fixed, and images of
    train that are the same picture as one of val are left out. report: groups may straddle. auto: one-side where splits
    are made here, report where a published mapping gives them, so that a published dataset is built as it is."""


class Quality(Model):
    """Images of doubtful quality: blank, small, long (strips) and text (pages of it). All are findings, which explore
    shows; nothing is left out unless it is named here. A change here decodes nothing."""

    drop: tuple[Literal["blank", "small", "long", "text"], ...] = ()
    """The kinds that are left out."""


class Holdout(Model):
    """A list of species or images that must not be in the dataset."""

    path: Path
    """A JSON file ({species: [image names]}), or a text or CSV file with one species or image name a line."""
    by: Literal["auto", "species", "images"] = "auto"
    """species: whole species, and the images listed. images: only the images listed.
    auto: species for lists; for JSON files, images when the file is called seen…, else species."""
    allow_unmatched: bool = False
    """Go on even if nothing in the file matches an image of the dataset."""


class Verifier(Model):
    """GNVerifier, asked for names that nothing local knows. Off by default: it is a service on the network.
    Its answers are kept in metadata/verifier.sqlite, so that no name is asked for twice."""

    enabled: bool = False
    """Ask it."""
    url: str = "https://verifier.globalnames.org"
    """The service; names go to URL/api/v1/verifications."""
    data_sources: tuple[int, ...] = (1, 3, 11)
    """Numbers of the sources it may answer from: 1 is the Catalogue of Life, 3 ITIS, 11 GBIF."""
    batch: Annotated[int, Field(ge=1, le=5000)] = 500
    """Names per request."""
    per_second: Annotated[float, Field(gt=0)] = 1.0
    """Requests per second, at most."""
    timeout: Annotated[float, Field(gt=0)] = 60.0
    """Seconds until a request counts as failed."""
    retries: Annotated[int, Field(ge=0, le=20)] = 4
    """How often a failed request is made again, after waiting longer each time."""


class Names(Model):
    """Where names come from."""

    lookups: Path | None = None
    """A folder with published {eol,inat21,bioscan}_name_lookup.json files, to take names from as they are.
    Then the keys below mean nothing."""
    eol_tree: Path | None = None
    """EOL's dynamic hierarchy, taxon.tab. Needed for a source of the kind eol."""
    eol_scraped: Path | None = None
    """Names of EOL pages that the hierarchy lacks, scraped_page_ids.csv."""
    eol_vernaculars: Path | None = None
    """EOL's common names, vernacularnames.csv."""
    itis: Path | None = None
    """ITIS, as species_level_taxonomy_chains.csv."""
    inaturalist: Path | None = None
    """The iNaturalist Darwin Core archive: a folder or a zip with taxa.csv and VernacularNames-english.csv."""
    resolved: Path | None = None
    """resolved.jsonl: {name: {authority: {rank: value}}}, one name a line."""
    taxonopy: Path | None = None
    """Resolved names of TaxonoPy: a Parquet file, or a folder of them."""
    authorities: tuple[Literal["itis", "resolved", "taxonopy", "inaturalist", "eol", "verifier"], ...] = (
        "itis", "resolved", "taxonopy", "inaturalist", "eol", "verifier",
    )  # fmt: skip
    """Who fills ranks that a source leaves empty, the most trusted first. Who is left out is not asked."""
    common_authorities: tuple[Literal["label", "itis", "inaturalist", "eol", "taxonopy"], ...] = (
        "itis", "inaturalist", "eol", "taxonopy", "label",
    )  # fmt: skip
    """Whose common names are taken, the most trusted first; label is what a source's own table says."""
    parser: Literal["gnparser", "simple"] = "gnparser"
    """What takes scientific names apart: gnparser, or a plain parser for computers that it does not run on."""
    genus_alone: bool = False
    """Fill the ranks above a genus for a name of which nothing else is known. Off: a genus may be an animal's and
    a plant's, and the authorities at hand may know but one of them."""
    verifier: Verifier = Verifier()
    """Asking GNVerifier."""


class Mapping(Model):
    """Where ids and splits come from."""

    published: Path | None = None
    """A published mapping.sqlite, which is only read. Without it, ids and splits are made here."""
    format: Literal["sqlite", "parquet"] = "sqlite"
    """sqlite: metadata/mapping.sqlite, as the published one is. parquet: metadata/mapping.parquet, for many more
    than ten million images. Ids and splits are the same."""


class Checks(Model):
    """What check-taxa expects."""

    kingdoms: tuple[str, ...] = (
        "Animalia", "Archaea", "Bacteria", "Bamfordvirae", "Chromista", "Fungi",
        "Heunggongvirae", "Metazoa", "Orthornavirae", "Plantae", "Protozoa", "Shotokuvirae",
    )  # fmt: skip
    """Kingdoms that are not unexpected."""


class Licences(Model):
    """The licences of EOL's images."""

    manifest: tuple[Path, ...] = ()
    """The files of EOL's media manifest, media_manifest_1.csv and so on."""
    allow: tuple[str, ...] = ()
    """Licences whose images may be in the shards, such as cc0, cc-by, cc-by-4.0; empty allows all.
    Needs the manifest."""
