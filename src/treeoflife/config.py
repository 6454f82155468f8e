"""``dataset.toml``: everything that a dataset is made from, as frozen models.

One file per dataset, checked strictly: an unknown key is an error. Paths are relative to the folder
that holds the file. :func:`load` reads it, :func:`render` writes it with every key commented.
Reading the configuration imports nothing heavy.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .errors import ConfigError

V = TypeVar("V")
Size = tuple[Annotated[int, Field(ge=8, le=4096)], Annotated[int, Field(ge=8, le=4096)]]
Percent = Annotated[int, Field(ge=0, le=99)]


class Model(BaseModel):
    """A part of the configuration: immutable, without unknown keys, documented under each field."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class Images(Model):
    """How an image is decoded, resized and encoded. A change of any key here decodes all images again."""

    size: Size = (224, 224)
    """Width and height of the images in the shards, in pixels."""
    fit: Literal["stretch", "crop", "pad"] = "stretch"
    """stretch: exactly to the size, whatever the shape. crop: the largest centred part of the right shape.
    pad: the whole image, centred on black."""
    filter: Literal["bicubic", "lanczos", "bilinear", "box"] = "bicubic"
    """The resampling filter."""
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


class SlurmTable(Model):
    """How the engine slurm asks for its jobs. An empty text asks for nothing: the cluster's own default holds."""

    account: str = ""
    """The account that pays."""
    partition: str = ""
    """The partition, or several with commas between them."""
    qos: str = ""
    """The quality of service."""
    constraint: str = ""
    """Features that a node must have."""
    time_minutes: Annotated[int, Field(ge=1)] = 240
    """The longest a job may take. A job that runs out of time is tried again."""
    memory_gb: Annotated[float, Field(gt=0)] = 4
    """Memory of a job."""
    cpus: Annotated[int, Field(ge=1)] = 1
    """Cores of a job; as many tasks run side by side in it."""
    parallel: Annotated[int, Field(ge=1)] = 256
    """The most jobs that run at once."""
    group_minutes: Annotated[float, Field(ge=0)] = 15
    """Small tasks are put together until a job takes about this long; 0 gives each task its own job."""
    tries: Annotated[int, Field(ge=1)] = 3
    """How often a task is started whose job fails, runs out of time or memory, is preempted or loses its node.
    What Slurm itself puts back into the queue does not count."""
    memory_factor: Annotated[float, Field(ge=1)] = 2
    """A task that ran out of memory is tried again with this many times as much."""
    poll_seconds: Annotated[float, Field(gt=0)] = 10
    """How often Slurm is asked what became of the jobs."""
    setup: tuple[str, ...] = ()
    """Lines of shell that each job begins with, such as "module load python/3.11"."""
    python: str = ""
    """The command that starts Python on a node; empty is the interpreter that runs this program."""
    options: dict[str, str | int | bool] = {}
    """Any further options of sbatch, such as { reservation = "school", exclusive = true }."""
    driver_minutes: Annotated[int, Field(ge=1)] = 7 * 24 * 60
    """The longest that the job of --detach may take. Run it again and it goes on where it was."""
    driver_memory_gb: Annotated[float, Field(gt=0)] = 8
    """Memory of the job of --detach, which plans and adds up."""
    driver_partition: str = ""
    """The partition of the job of --detach; empty is that of the others."""


class RayTable(Model):
    """How the engine ray finds its cluster and what it asks of it."""

    address: str = ""
    """The cluster, as HOST:PORT, or "auto" for the one that this computer belongs to.
    Empty is the one that the variable RAY_ADDRESS names, or else one that is started here."""
    cpus: Annotated[float, Field(gt=0)] = 1
    """Cores of a task."""
    memory_gb: Annotated[float, Field(ge=0)] = 0
    """Memory that a node must have free for a task; 0 asks for none."""
    in_flight: Annotated[int, Field(ge=0)] = 0
    """The most tasks that are given to the cluster at once; 0 is twice as many as it can run."""
    tries: Annotated[int, Field(ge=1)] = 3
    """How often a task is started whose worker or node dies."""


class EngineTable(Model):
    """Where tasks run."""

    name: str = "local"
    """local: processes on this computer. serial: one after the other in this process, for debugging.
    slurm: jobs on a Slurm cluster (pip install 'treeoflife[slurm]').
    ray: tasks on a Ray cluster (pip install 'treeoflife[ray]')."""
    workers: Annotated[int, Field(ge=0)] = 0
    """local: how many processes; 0 is one per core."""
    slurm: SlurmTable = SlurmTable()
    ray: RayTable = RayTable()


class EolImagesTable(Model):
    """How eol-images fetches single images from the hosts that EOL's media manifest names."""

    manifest: tuple[Path, ...] = ()
    """The files of the manifest, in their order; empty for those that 'download eol-manifest' fetched."""
    per_archive: Annotated[int, Field(ge=1)] = 100_000
    """Rows of the manifest that go into one archive."""
    connections: Annotated[int, Field(ge=1, le=64)] = 8
    """Images that one task fetches at once."""
    per_host: Annotated[int, Field(ge=1, le=64)] = 4
    """Requests to one host that are open at once, of all tasks together."""
    per_second: Annotated[float, Field(ge=0)] = 10.0
    """Requests to one host a second, of all tasks together; 0 sets no limit."""
    contact: str = ""
    """An address or page that goes into the user agent, so that a host can reach you."""
    robots: bool = True
    """Keep to what the hosts' robots.txt allows."""
    max_bytes: Annotated[int, Field(ge=1)] = 50_000_000
    """Longer files are not fetched."""
    tries: Annotated[int, Field(ge=1, le=20)] = 4
    """How often an image is asked for that fails for a reason that may pass."""


class DownloadTable(Model):
    """What download fetches, where it puts it, and how hard it tries."""

    path: Path = Path("raw")
    """The folder that takes the files, laid out as init expects it."""
    files: Annotated[int, Field(ge=1, le=32)] = 2
    """Files that are fetched at once."""
    connections: Annotated[int, Field(ge=1, le=32)] = 4
    """Connections for one file, where its server sends ranges."""
    segment_bytes: Annotated[int, Field(ge=4096)] = 256 << 20
    """What a connection asks for at a time."""
    chunk_bytes: Annotated[int, Field(ge=4096)] = 8 << 20
    """How much a connection receives until it is put on record: a killed run loses at most this per connection."""
    stall_seconds: Annotated[float, Field(gt=0)] = 30.0
    """A connection that brings nothing, or hardly anything, for so long is given up and made anew."""
    tries: Annotated[int, Field(ge=1, le=100)] = 8
    """How often in a row a request may fail without bringing a byte."""
    wait_seconds: Annotated[float, Field(ge=0)] = 1.0
    """The wait after a first failure; it doubles with each, up to a minute, and varies by half."""
    components: dict[str, dict[str, Any]] = {}
    """Changes and additions to the list of components, [download.components.NAME], such as another url."""
    images: EolImagesTable = EolImagesTable()


class Config(Model):
    """A whole dataset.toml."""

    seed: int = 17
    """Splits and shuffles depend on this number and the ids alone."""
    sources: dict[str, dict[str, Any]]
    """The sources of images: a table each, [sources.NAME], whose kind is NAME unless it says otherwise."""
    mapping: Mapping = Mapping()
    names: Names = Names()
    splits: Splits = Splits()
    images: Images = Images()
    wds: Wds = Wds()
    duplicates: Duplicates = Duplicates()
    quality: Quality = Quality()
    holdout: tuple[Holdout, ...] = ()
    licences: Licences = Licences()
    checks: Checks = Checks()
    engine: EngineTable = EngineTable()
    download: DownloadTable = DownloadTable()

    @property
    def one_side(self) -> bool:
        """Whether no group of the same picture may be in train and in val."""
        auto = "report" if self.mapping.published else "one-side"
        return (auto if self.duplicates.straddling == "auto" else self.duplicates.straddling) == "one-side"


def load(path: Path) -> Config:
    """Read and check a dataset.toml; its relative paths are taken from its folder.

    Raises:
        ConfigError: it is missing, is not TOML, has an unknown key or a wrong value.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no configuration at {path}; 'treeoflife init' writes one") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} cannot be read as TOML: {error}") from None
    return parse(table, base=path.parent, where=str(path))


def parse(table: dict[str, Any], base: Path, where: str = "the configuration") -> Config:
    """Check a configuration given as a table; see :func:`load`."""
    try:
        config = Config.model_validate(table)
    except ValidationError as error:
        raise ConfigError(f"{where}: {describe(error)}") from None
    return rooted(config, base.resolve())


def describe(error: ValidationError) -> str:
    """The first few problems of a validation, each as 'key: what is wrong', with close keys named."""
    problems = [_problem(part) for part in error.errors(include_url=False)[:5]]
    return "; ".join(problems)


def _problem(part: Any) -> str:
    key = ".".join(str(step) for step in part["loc"])
    if part["type"] == "extra_forbidden":
        return f"unknown key '{key}'"
    if part["type"] == "missing":
        return f"the key '{key}' is missing"
    return f"{key}: {part['msg'][:1].lower()}{part['msg'][1:]}, got {part['input']!r:.80}"


def rooted(value: V, base: Path) -> V:
    """The same model (or path, or tuple of them) with its relative paths taken from ``base``."""
    there: Any = value
    if isinstance(value, Path):
        there = base / value.expanduser()
    elif isinstance(value, Model):
        there = value.model_copy(update={name: rooted(field, base) for name, field in value})
    elif isinstance(value, tuple):
        there = tuple(rooted(item, base) for item in value)
    return cast(V, there)
