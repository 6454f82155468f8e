"""Sections of the card on what the images and texts are: loading, use, splits, names, biases, what was left out."""

from collections.abc import Mapping, Sequence

from ..config.config import Config
from ..config.paths import Paths
from ..config.tables import BUILT_IN, Images, Names
from ..core.text import counted
from ..core.values import RANKS, SPLITS, Taxon
from ..shards.captions import TEXTS, compose_texts
from .credits import describe_changes
from .figures import FEW, LARGEST, Figures
from .markdown import escape, fenced, joined, table

_ZONES = ("arctic", "northern temperate zone", "tropics", "southern temperate zone", "antarctic")
_SHOWN = 12
_REASONS = {
    "blank": "the image shows one plain colour",
    "duplicate": "it shows the same picture as another image",
    "empty": "the file has no bytes",
    "held-out-image": "a benchmark uses the image",
    "held-out-species": "a benchmark uses the species",
    "licence": "its licence is not allowed, or not known",
    "marked": "a curator left it out",
    "no-name": "nothing is known of what it shows",
    "not-an-image": "the file is no image",
    "over-cap": "its species has enough images",
    "too-many-pixels": "it has more pixels than are decoded",
    "truncated": "the end of the file is missing",
}
"""What the commonest reasons of the ledger mean; the others are plain words."""


def share(part: int, whole: int) -> str:
    """A share in per cent, which is 0 or 100 only if it is exactly that.

    >>> share(1, 3), share(9999, 10000), share(0, 5)
    ('33.3 %', '> 99.9 %', '0 %')
    """
    if part in (0, whole) or not whole:
        return "100 %" if part and part == whole else "0 %"
    per_cent = 100 * part / whole
    return "< 0.1 %" if per_cent < 0.05 else "> 99.9 %" if per_cent >= 99.95 else f"{per_cent:.1f} %"


def as_block(text: str) -> str:
    """A text as a block of TOML."""
    return fenced(text, "toml")


def how_to_load(paths: Paths, figures: Figures) -> str:
    """Three ways to read the shards, from the folder of the dataset."""
    folder, samples = paths.shards.name, figures.numbers["split"].get("train", {"images": 0})["images"]
    blocks = [
        """from datasets import load_dataset

dataset = load_dataset("PATH", split="train", streaming=True)  # the folder of the dataset, or OWNER/NAME on the Hub
sample = next(iter(dataset))
sample["jpg"], sample["taxon_com.txt"]""",
        f"""import glob, webdataset

shards = sorted(glob.glob("{folder}/train/*.tar"))
for image, caption in webdataset.WebDataset(shards, shardshuffle=len(shards)).decode("pil").to_tuple("jpg", "sci_com.txt"):
    ...""",
    ]
    last = max(0, len(list(paths.split_folder("train").glob("*.tar"))) - 1)
    open_clip = f"""python -m open_clip_train.main --dataset-type webdataset \\
  --train-data '{folder}/train/shard-{{000000..{last:06d}}}.tar' --train-num-samples {samples} --model ViT-B-16"""
    return "\n\n".join([*(fenced(one, "python") for one in blocks), fenced(open_clip, "console")])


def intended_use(figures: Figures, config: Config) -> str:
    """What the dataset is for, and what it cannot do."""
    numbers = figures.numbers
    named = numbers["named"]["species"]
    lines = [
        "For training and testing models that tell living things apart by image and name, and for studies of such data.",
        "",
        f"- {share(named, figures.images)} of the images are named to the species"
        f"{', the others to a higher rank or in part' if named < figures.images else ''}.",
        "- Names are those that the sources give, with their mistakes: a build does not look at what an image shows.",
        f"- The images are small ({config.images.set_name} pixels): features that need more detail cannot be learnt or tested.",
        "- How often a species is in the dataset says how often people uploaded it, and nothing about how common it is.",
        "- Not for decisions about health, such as whether a mushroom or a plant is edible, or a snake venomous, without an expert.",
    ]
    if config.holdout:
        lists = ", ".join(escape(one.path.name) for one in config.holdout)
        lines.append(f"- Species or images of these lists were left out, so that they can be used for tests: {lists}.")
    return "\n".join(lines)


def describe_splits(figures: Figures, config: Config) -> str:
    """The splits with their numbers, and what they mean."""
    counts = {split: row for split in SPLITS if (row := figures.numbers["split"].get(split))}
    rows = [(split, f"{row['images']:,}", f"{row['species']:,}") for split, row in counts.items()]
    if config.mapping.published:
        how = "The splits are those of a published mapping."
    else:
        together = joined(["duplicates of one picture", *(f"images of one {one}" for one in config.splits.group_by)])
        how = f"About {config.splits.val_percent} % of each source is in val; {together} are in the same split, as far as that is known."
    small = "Every image of train_small is in train too." if "train_small" in counts else ""
    return "\n\n".join(
        filter(None, [table(("split", "samples", "species"), rows, numbers=(1, 2)), f"{how} {small}".rstrip()])
    )


def describe_sample(images: Images) -> str:
    """The members of a sample, with an example of each text."""
    texts = compose_texts(Taxon("Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Panthera", "leo"), "lion")
    rows = [("`<id>.jpg`", f"the image, {images.set_name} pixels, JPEG of quality {images.quality}")]
    rows += [(f"`<id>.{name}`", escape(texts[name])) for name in TEXTS]
    return (
        table(("member", "example"), rows) + "\n\n`<id>` is the image's id, the same in `catalog.parquet`, which has a row per sample. "
        + describe_changes(images)
    )  # fmt: skip


def describe_biases(figures: Figures, titles: Mapping[str, str]) -> str:
    """What there is much and little of, in numbers."""
    numbers, images = figures.numbers, figures.images
    lines = [*_tail(figures), ""]
    kingdoms = [(name or "not known", row["images"], row["species"]) for name, row in numbers["kingdom"].items()]
    lines += [_shares("kingdom", kingdoms, images), "", _shares("class", figures.classes, images)]
    if len(titles) > 1:
        sources = [(titles[name], row["images"], row["species"]) for name, row in numbers["source"].items()]
        lines += ["", _shares("source", sources, images)]
    lines += ["", *_ranks(figures), *_places(figures), *_people(figures)]
    return "\n".join(lines)


def _tail(figures: Figures) -> list[str]:
    tail, counts = figures.numbers["tail"], figures.species_with
    if not tail["species"]:
        return ["- No image is named to the species."]
    few = "; ".join(f"{counts[place]:,} have fewer than {FEW[place - 1]}" for place in range(1, len(counts)))
    named = figures.numbers["named"]["species"]
    largest = f"The ten species with the most images have {share(figures.in_largest, named)} of these. "
    return [
        f"- Of {tail['species']:,} species, {counts[0]:,} have a single image; {few}. The median is {tail['median']:,}.",
        f"- {named:,} images are named to the species. {largest if tail['species'] > LARGEST else ''}"
        f"Half of them are of {tail['half']:,} species.",
    ]


def _shares(what: str, rows: Sequence[tuple[str, int, int]], images: int) -> str:
    shown = list(rows[:_SHOWN])
    cells = [
        (escape(name or "not known"), f"{count:,}", share(count, images), f"{kinds:,}") for name, count, kinds in shown
    ]
    others = images - sum(count for _, count, _ in shown)
    cells += [("others", f"{others:,}", share(others, images), "")] if others > 0 else []
    return table((what, "images", "share", "species"), cells, numbers=(1, 2, 3))


def _ranks(figures: Figures) -> list[str]:
    named, images = figures.numbers["named"], figures.images
    lacking = ", ".join(f"{rank} {images - named[rank]:,}" for rank in RANKS if named[rank] < images)
    return [
        f"- Images without a rank: {lacking}." if lacking else "- Every image has all seven ranks.",
        f"- {figures.without_common:,} images ({share(figures.without_common, images)}) have no common name: their scientific "
        "name stands in its place.",
    ]


def _places(figures: Figures) -> list[str]:
    places, images = figures.places, figures.images
    lines = []
    if figures.countries:
        listed = ", ".join(f"{escape(name)} {share(count, images)}" for name, count in figures.countries)
        lines.append(f"- Where images were made, by the sources: {listed}.")
    if not places.images:
        return lines or ["- Where images were made is not known here."]
    zones = ", ".join(
        f"{zone} {share(count, places.images)}" for zone, count in zip(_ZONES, places.zones, strict=True) if count
    )
    return [
        *lines,
        f"- The place is known of {places.images:,} images ({share(places.images, images)}): {zones}. They lie in {places.cells:,} "
        f"of 648 cells of 10 degrees; one of these has {share(places.largest_cell, places.images)}.",
    ]


def _people(figures: Figures) -> list[str]:
    people, images, largest = figures.people
    if not people:
        return []
    most = f"; the ten with the most made {share(largest, images)} of these" if people > LARGEST else ""
    return [f"- {counted(people, 'observer')} made {images:,} of the images{most}."]


def describe_names(names: Names, *, uses_built_in: bool) -> str:
    """How names were made."""
    if names.published:
        return "They are those of a published catalog, taken as they are."
    if names.lookups:
        return "They are published name lookups, taken as they are."
    used = [*_authorities(names), *(["the built-in taxonomy, made from NCBI's"] if uses_built_in else [])]
    lines = ["What a source says is kept."]
    if used:
        order = ", in this order," if len(used) > 1 else ""
        lines.append(f"Empty ranks are filled from {', '.join(used)}{order} where a record agrees with the evidence.")
    backbone = names.backbone if names.backbone is not None else _default_backbone(names, uses_built_in=uses_built_in)
    if backbone:
        name = "the built-in taxonomy" if backbone == BUILT_IN else escape(backbone)
        lines.append(f"Where a species is classified in several ways, {name} decides.")
    if names.checklists:
        kept = {"accepted": "are replaced by accepted names", "as-given": "stay as their source writes them"}
        lines.append(f"Synonyms {kept[names.synonyms]}.")
    lines.append(f"Names are taken apart by {names.parser}. `metadata/names.parquet` says of every rank who said so.")
    return " ".join(lines)


def _authorities(names: Names) -> list[str]:
    """The authorities that are configured, the most trusted first."""
    there = {"verifier"} if names.verifier.enabled else set[str]()
    files = {"itis": names.itis, "resolved": names.resolved, "taxonopy": names.taxonopy, "eol": names.eol_tree}
    there |= {name for name, path in {**files, "inaturalist": names.inaturalist, **names.checklists}.items() if path}
    listed = [name for name in names.authorities if name in there]
    return [escape(name) for name in (*listed, *(name for name in names.checklists if name not in listed))]


def _default_backbone(names: Names, *, uses_built_in: bool) -> str:
    return next(iter(names.checklists), BUILT_IN if uses_built_in else "")


def describe_duplicates(figures: Figures, config: Config) -> str:
    """What was done about images of the same picture."""
    groups, images = figures.groups
    near = (
        "also if one was resized, cropped a little, mirrored or recoloured"
        if config.duplicates.near
        else "byte by byte, or pixel by pixel"
    )
    found = (
        f"{images:,} images of the sources show the same picture as another, in {counted(groups, 'group')} (compared {near})."
        if groups
        else f"No two images were found that show the same picture (compared {near})."
    )
    kept = {
        "all": "All of them are in the dataset.",
        "best": "One image of each group is in the dataset.",
        "best-per-split": "One image of each group is in each split.",
    }[config.duplicates.keep]
    sides = (
        "No group is in both train and val." if config.one_split_per_group else "A group may be in both train and val; "
        "`findings/duplicates.parquet` lists them."
    )  # fmt: skip
    return f"{found} {kept} {sides}" if groups else found


def describe_skipped(figures: Figures) -> str:
    """How many images and files became no sample, and why."""
    if not figures.skipped:
        return "Nothing."
    rows = [
        (escape(reason), f"{sum(counts.values()):,}", _REASONS.get(reason, ""))
        for reason, counts in figures.skipped.items()
    ]
    return (
        f"{sum(sum(counts.values()) for counts in figures.skipped.values()):,} images and files of the sources; `ledger/ledger.parquet` has "
        "each with its reason.\n\n" + table(("reason", "images", "meaning"), rows, numbers=(1,))
    )
