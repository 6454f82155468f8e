"""The tables of dataset.toml that define the dataset: its inputs, and every choice that changes its contents.

The docstring under a field becomes the comment above its key in the dataset.toml that ``treeoflife init`` writes.
"""

from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import Field, ValidationInfo, field_validator

from ..core.languages import language_code
from ..core.objects import WRITABLE
from .base import Model

Size = tuple[Annotated[int, Field(ge=8, le=4096)], Annotated[int, Field(ge=8, le=4096)]]
Percent = Annotated[int, Field(ge=0, le=99)]
Authority = Literal["itis", "resolved", "taxonopy", "inaturalist", "eol", "verifier"]
GroupColumn = Literal["observation", "observer", "place"]
BUILT_IN = "built_in"
"""What the taxonomy that comes with treeoflife is called among the authorities."""
ChecklistName = Annotated[str, Field(pattern="^[a-z][a-z0-9_-]*$")]
CommonAuthority = Literal["itis", "inaturalist", "eol", "taxonopy", "label"]


class Images(Model):
    """How images are decoded, resized and encoded. A change of any key of this table decodes all images again."""

    size: Size = (224, 224)
    """Width and height of the images in the shards, in pixels."""
    fit: Literal["stretch", "crop", "pad"] = "stretch"
    """How an image of another shape is made to fit. stretch: resize both sides, changing the shape. crop: cut out the
    largest centred part of the right shape. pad: keep the whole image, centred on black."""
    filter: Literal["bicubic", "lanczos", "bilinear", "box"] = "bicubic"
    """The resampling filter of the resize."""
    resampler: Literal["pillow", "simd"] = "pillow"
    """The library that resizes. simd takes a third less time to encode; there is none for Linux on ARM. About 1 pixel
    value in 400 differs between them, by 1 or 2 (of 255)."""
    draft: Annotated[int, Field(ge=0, le=8)] = 2
    """Decode JPEGs at the smallest of the scales 1/1, 1/2, 1/4, 1/8 that is at least this many times the target size,
    which saves time on large photographs. 0 always decodes at full size."""
    quality: Annotated[int, Field(ge=1, le=100)] = 100
    """JPEG quality of the images in the shards, 1 to 100. 95 takes half the disk space of 100."""
    subsampling: Literal["4:4:4", "4:2:2", "4:2:0"] = "4:2:0"
    """JPEG chroma subsampling. 4:4:4 keeps all colour detail and takes half as much disk space again."""
    exif_rotate: bool = True
    """Turn photographs upright according to their EXIF orientation."""
    # Twice Pillow's MAX_IMAGE_PIXELS, above which Pillow itself refuses to decode an image.
    max_pixels: Annotated[int, Field(ge=1, le=178_956_970)] = 178_956_970
    """Skip images whose header declares more pixels, before decoding them."""
    # Leaves a worker room for Python and its libraries within the 300 MB that are promised for it.
    max_memory: Annotated[int, Field(ge=1, le=1 << 50)] = 200_000_000
    """Skip images that, by their header, would take more bytes of memory to decode."""
    max_bytes: Annotated[int, Field(ge=1, le=1 << 50)] = 200_000_000
    """Skip files that are longer, in bytes, before decoding them."""
    max_seconds: Annotated[float, Field(gt=0, le=3600)] = 30
    """Stop decoding an image after this many seconds of CPU time, and skip it."""
    hard_memory: Annotated[int, Field(ge=100_000_000, le=1 << 50)] = 1_000_000_000
    """Skip an image whose decoder takes more bytes of memory than this, whatever its header declared. Linux only."""
    measure: bool = True
    """Compute a perceptual hash and quality measures of every image while it is decoded (half a millisecond per image).
    Near duplicates, leaks of benchmarks and findings about quality need them."""

    @property
    def set_name(self) -> str:
        """The name of the image set, such as ``224x224``: the folder of its shards."""
        return f"{self.size[0]}x{self.size[1]}"


class Splits(Model):
    """The number of images of each source in val and in train_small."""

    val_percent: Percent = 5
    """Percentage of a source's images in val: of n images, n * val_percent // 100. The others are train."""
    train_small_percent: Percent = 10
    """Percentage of a source's train images that are also in train_small: of n, n * train_small_percent // 100."""
    group_by: tuple[GroupColumn, ...] = ("observation",)
    """What images must not have in common if one is in train and the other in val, as far as their source knows it.
    observation: the observation, occurrence or specimen that they show. observer: who made them. place: where they were
    made. Splits of a published mapping stay as they are."""


class MinShards(Model):
    """Minimum number of shards per split: a training run needs at least one for each of its data workers."""

    train: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Minimum number of shards of train."""
    val: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Minimum number of shards of val."""
    train_small: Annotated[int, Field(ge=1, le=1_000_000)] = 1
    """Minimum number of shards of train_small."""


class Wds(Model):
    """The layout of samples in shards. A change in this table packs the shards again; no image is decoded."""

    order: Literal["shuffled", "source"] = "shuffled"
    """The order of samples. shuffled: all sources mixed, in an order that depends on the seed. source: source by
    source, container by container."""
    max_samples: Annotated[int, Field(ge=1, le=1_000_000_000)] = 10_000
    """Maximum number of samples in a shard."""
    # 10,000 samples with the default settings take about half of this, so max_samples normally decides.
    max_bytes: Annotated[int, Field(ge=100_000, le=1 << 50)] = 1_000_000_000
    """Maximum size of a shard in bytes."""
    min_shards: MinShards = Field(default_factory=MinShards)
    """Minimum number of shards per split."""
    max_per_species: Annotated[int, Field(ge=0, le=1_000_000_000)] = 0
    """Maximum number of images per species in train. The images to keep are chosen by the seed; the others go to the
    ledger with the reason over-cap. 0 sets no limit. Val is not limited."""
    columns: tuple[str, ...] = ()
    """Columns of the sources' tables to put beside each image and into the catalog, such as ["sex", "lifeStage"]."""
    column_names: dict[str, str] = {}  # noqa: RUF012 - as in all models, it is copied and frozen
    """Names of your own for some of these, such as { "Life stage" = "life_stage" }. Otherwise a column keeps its name,
    with _ for what is no letter of ASCII, digit, _ or -."""
    columns_as: Literal["txt", "json", "catalog"] = "txt"
    """Where they go. txt: each into a text of its own, ID.NAME.txt. json: all into ID.json. catalog: into no sample.
    The catalog has them in any case."""
    keep_store: bool = True
    """Keep the encoded images (the folder encoded) after the shards are checked. Without them, a later change that
    needs an image decodes its whole container again."""


class Storage(Model):
    """Where the large files of the dataset are, if not in its folder: addresses such as s3://bucket/name, gs://bucket/name
    or az://container/name. What is made from them is the same. Keys are set in the environment; see
    docs/object-stores.md."""

    store: Path | None = None
    """The address below which the encoded images are. Their indexes stay in the folder encoded."""
    shards: Path | None = None
    """The address below which the shards are, and the lists sizes.json and index.json of each split."""

    @field_validator("store", "shards")
    @classmethod
    def _writable(cls, path: Path | None) -> Path | None:
        if path and not str(path).startswith(WRITABLE):
            raise ValueError(f"should be an address that begins with {', '.join(WRITABLE)}")
        return path


class Duplicates(Model):
    """Duplicate images across all sources, and what to do with them. A change in this table decodes no image."""

    near: bool = True
    """Also find images that were encoded again, resized, slightly cropped, mirrored or recoloured. If false, only
    images with the same bytes or the same resized pixels are found."""
    # 31 is the threshold that the authors of PDQ recommend.
    distance: Annotated[int, Field(ge=0, le=64)] = 31
    """Maximum Hamming distance (of 256 bits) between the perceptual hashes of two images at which they are compared
    pixel by pixel. A larger distance finds more duplicates and takes longer."""
    keep: Literal["all", "best", "best-per-split"] = "all"
    """The images of a group of duplicates that stay in the dataset. all: every image; groups are only reported. best:
    one image, that with the most ranks, then with a common name, then with the most pixels. best-per-split: one image
    in train and one in val, for straddling = "report"."""
    straddling: Literal["auto", "one-side", "report"] = "auto"
    """Whether a group of duplicates may be in both train and val. one-side: never. New splits keep groups together; the
    splits of a published mapping are fixed, so train images that are duplicates of val images are left out. report:
    groups may be in both, and are reported. auto: one-side for new splits; report for a published mapping, so that a
    published dataset is built unchanged."""


class Quality(Model):
    """Images of doubtful quality: blank, small, long (strips) and text (pages of text). All become findings, which
    treeoflife explore shows; an image is left out only if its kind is listed here. A change decodes no image."""

    drop: tuple[Literal["blank", "small", "long", "text"], ...] = ()
    """The kinds of images to leave out of the dataset."""


class Holdout(Model):
    """A list of species or images that must not be in the dataset, such as those of a benchmark."""

    path: Path
    """A JSON file ({species: [image names]}), or a text or CSV file with one species or image name per line."""
    by: Literal["auto", "species", "images"] = "auto"
    """What to leave out. species: all images of the listed species, and the listed images. images: only the listed
    images. auto: images for a JSON file whose name begins with "seen", species for any other file."""
    allow_unmatched: bool = False
    """Build even if nothing in the file matches the dataset. Otherwise that is an error: it may be the wrong list."""


class Verifier(Model):
    """GNVerifier, a network service that resolves names which no local authority has. Its answers are kept in
    metadata/verifier.sqlite, so that each name is sent only once."""

    enabled: bool = False
    """Send unresolved names to the service."""
    url: str = "https://verifier.globalnames.org"
    """Address of the service; names are sent to URL/api/v1/verifications."""
    data_sources: tuple[Annotated[int, Field(ge=1)], ...] = (1, 3, 11)
    """Numbers of the data sources to search: 1 is the Catalogue of Life, 3 ITIS, 11 GBIF."""
    batch: Annotated[int, Field(ge=1, le=5000)] = 500
    """Names per request."""
    per_second: Annotated[float, Field(ge=0.001, le=1000)] = 1.0
    """Maximum number of requests per second."""
    timeout: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """Seconds to wait for an answer until a request counts as failed."""
    retries: Annotated[int, Field(ge=0, le=20)] = 4
    """How many times a failed request is repeated, after a wait that grows each time."""


class Names(Model):
    """Where the seven ranks and the common names of images come from."""

    lookups: Path | None = None
    """A folder with published {eol,inat21,bioscan}_name_lookup.json files, whose names are taken unchanged. All other
    keys of this table are then ignored."""
    published: Path | None = None
    """A published catalog (catalog.csv, catalog.parquet or predicted-catalog.csv), from which each image takes the name
    in the row of its id, unchanged. All other keys of this table are then ignored, and there can be no lookups."""
    eol_tree: Path | None = None
    """EOL's dynamic hierarchy, taxon.tab. Required for a source of the kind eol."""
    eol_scraped: Path | None = None
    """Names of EOL pages that are not in the hierarchy: scraped_page_ids.csv."""
    eol_vernaculars: Path | None = None
    """EOL's common names: vernacularnames.csv."""
    itis: Path | None = None
    """The names of ITIS: species_level_taxonomy_chains.csv."""
    inaturalist: Path | None = None
    """The iNaturalist Darwin Core archive: a folder or a zip with taxa.csv and VernacularNames-english.csv."""
    resolved: Path | None = None
    """Names resolved by hand or other programs: resolved.jsonl, one {name: {authority: {rank: value}}} per line."""
    taxonopy: Path | None = None
    """Names resolved by TaxonoPy: a Parquet file, or a folder of them."""
    checklists: dict[ChecklistName, Path] = Field(default_factory=dict)
    """Further taxonomies, each under the name that it is called by: checklists as ColDP or Darwin Core (a zip or a
    folder, such as the Catalogue of Life or WoRMS), or NCBI's taxdump. 'treeoflife download taxonomy' fetches one."""
    built_in: bool | None = None
    """Use the taxonomy that comes with treeoflife: all genera and higher names of NCBI. It fills only what no other
    authority knows. If not set: true, unless a source is of the kind eol, inat21 or bioscan, or names are published."""
    authorities: tuple[str, ...] = get_args(Authority)
    """The authorities that fill ranks which a source leaves empty, the most trusted first: keys of this table, and the
    names of checklists. One that is not listed is not used; but checklists that are not listed come before built_in,
    and built_in comes last."""
    backbone: str | None = None
    """The authority whose classification decides where others put a species elsewhere, so that each species has one
    lineage; "" leaves every image the ranks that its own source and the authorities give. If not set: the first
    checklist, or else built_in; none where built_in is off by default."""
    synonyms: Literal["accepted", "as-given"] = "accepted"
    """What becomes of a name that a checklist calls a synonym. accepted: the image gets the accepted name, and a
    finding says so. as-given: the name stays as its source writes it, and gets the ranks above of the accepted name."""
    common_authorities: tuple[str, ...] = get_args(CommonAuthority)
    """The authorities that give common names, the most trusted first; label is the source's own table. Checklists may
    be among them; those that are not listed come last, but before a label that ends the list."""
    common_language: Annotated[tuple[str, ...], Field(min_length=1)] = ("en",)
    """The languages of common names, the most wanted first, as codes of two letters (ISO 639-1). A name in the first
    language is taken from whichever authority has one, before any name in the second."""
    common_of_higher_ranks: bool = False
    """Where a species has no common name, take that of its genus, else of its family, its order or its class."""
    parser: Literal["gnparser", "simple"] = "gnparser"
    """The parser of scientific names: gnparser, or a simple one for computers on which gnparser does not run."""
    genus_alone: bool = False
    """Fill the ranks above a genus even if nothing else is known about a name. This can be wrong: an animal and a plant
    genus may share a name, and the configured authorities may have only one of them."""
    verifier: Verifier = Field(default_factory=Verifier)
    """The network service GNVerifier."""

    @field_validator("published")
    @classmethod
    def _alone(cls, path: Path | None, given: ValidationInfo) -> Path | None:
        if path and given.data.get("lookups"):
            raise ValueError("names come from this catalog or from lookups: leave one of them out")
        return path

    @field_validator("checklists")
    @classmethod
    def _named_apart(cls, checklists: dict[str, Path]) -> dict[str, Path]:
        if taken := sorted(checklists.keys() & {*get_args(Authority), *get_args(CommonAuthority), BUILT_IN}):
            raise ValueError(f"a checklist cannot be called '{taken[0]}', which is another authority: rename it")
        return checklists

    @field_validator("authorities", "backbone")
    @classmethod
    def _known(cls, value: tuple[str, ...] | str | None, given: ValidationInfo) -> tuple[str, ...] | str | None:
        names = (value,) if isinstance(value, str) else value or ()
        known = (*get_args(Authority), *given.data.get("checklists", {}), BUILT_IN)
        if unknown := [name for name in names if name and name not in known]:
            raise ValueError(
                f"'{unknown[0]}' is neither an authority nor a checklist of this table; there are {', '.join(known)}"
            )
        return value

    @property
    def by_trust(self) -> tuple[str, ...]:
        """All authorities that may fill ranks, the most trusted first, whether they are configured or not.

        >>> Names(checklists={"col": Path("col.zip")}, authorities=("itis",)).by_trust
        ('itis', 'col', 'built_in')
        """
        unlisted = [name for name in (*self.checklists, BUILT_IN) if name not in self.authorities]
        return (*self.authorities, *unlisted)

    @field_validator("common_authorities")
    @classmethod
    def _give_common_names(cls, authorities: tuple[str, ...], given: ValidationInfo) -> tuple[str, ...]:
        known = (*get_args(CommonAuthority), *given.data.get("checklists", {}))
        if unknown := [name for name in authorities if name not in known]:
            raise ValueError(f"'{unknown[0]}' gives no common names; those that may are {', '.join(known)}")
        return authorities

    @field_validator("common_language")
    @classmethod
    def _languages(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        codes = [language_code(language) for language in languages]
        if "" in codes:
            unknown = languages[codes.index("")]
            raise ValueError(f"'{unknown}' is no language that is known here; write a code, such as en, de or fr")
        return tuple(dict.fromkeys(codes))

    @property
    def common_by_trust(self) -> tuple[str, ...]:
        """All authorities that may give common names, the most trusted first.

        >>> Names(checklists={"col": Path("col.zip")}).common_by_trust
        ('itis', 'inaturalist', 'eol', 'taxonopy', 'col', 'label')
        """
        listed = self.common_authorities
        unlisted = [name for name in self.checklists if name not in listed]
        # What a user's own table says is the last resort where it ends the list, and otherwise what the user prefers.
        return (*listed[:-1], *unlisted, "label") if listed[-1:] == ("label",) else (*listed, *unlisted)


class Mapping(Model):
    """Where ids and splits come from."""

    published: Path | None = None
    """A published mapping.sqlite or mapping.parquet, or a published catalog (catalog.csv, catalog.parquet or
    predicted-catalog.csv) that takes its place; it is only read. Without it, new ids and splits are made."""
    format: Literal["sqlite", "parquet"] = "sqlite"
    """The files of new ids and splits. parquet: metadata/mapping.parquet alone. sqlite: also metadata/mapping.sqlite,
    as published mappings are, which takes longest of all tables to write. Ids and splits are the same in both."""


class Checks(Model):
    """The expectations of treeoflife check-taxa."""

    kingdoms: tuple[str, ...] = (
        "Animalia", "Archaea", "Bacteria", "Bamfordvirae", "Chromista", "Fungi",
        "Heunggongvirae", "Metazoa", "Orthornavirae", "Plantae", "Protozoa", "Shotokuvirae",
    )  # fmt: skip
    """Kingdoms that may occur; check-taxa reports any other."""


class Licences(Model):
    """The licences of images."""

    manifest: tuple[Path, ...] = ()
    """The files of EOL's media manifest, media_manifest_1.csv and so on, which hold the licence, owner and address
    of each of its images."""
    allow: tuple[str, ...] = ()
    """Licences that images in the shards may have, such as cc0, cc-by, cc-by-4.0; without a version, all versions.
    Images with another licence, or none that is known, are left out. Images of sources that say nothing of licences,
    such as inat21, stay; those of EOL need the manifest. Empty allows all."""
