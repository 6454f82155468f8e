"""The boxes of a folder of photographs: which become images, which do not, and what they show.

in the rows of a survey: those of :class:`.box_files.BoxRow`, with the names of :class:`.box_files.BoxFile`; and
``image``, the photograph in the folder; ``key``, what identifies the box in it; ``fault``, why it is no image.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ...core.unknown_words import is_unknown
from ...core.values import RANKS, WHOLE, Label, Taxon
from ...errors import InputError
from ..base import ABOUT_COLUMNS
from ..file_names import escape_invalid_utf8
from ..photographs.file_matching import match_names
from ..photographs.folder_names import read_folder_name
from ..photographs.folder_survey import FolderSurvey
from .box_files import BoxFile

NO_BOX, NO_ANIMAL, NO_AREA, DOUBTFUL = "no-box", "not-an-animal", "box-without-area", "box-of-several-files"
"""Reasons in the ledger: for a photograph without boxes, for people and cars, for boxes of no width or height, and for
names that fit several photographs."""
_BOX = ("x", "y", "width", "height")
_NO_LABELS = {"animal", "empty", "blank", "nothing", "no animal", "object"}
_NO_ANIMALS = {"person", "people", "human", "humans", "vehicle", "vehicles", "car", "truck", "bicycle", "motorcycle"}
_SHOWN = 3


@dataclass(frozen=True)
class BoxSurvey:
    """The boxes of a folder.

    Attributes:
        rows: what the file says, as far as the folder has its photographs; without boxes below the threshold.
        boxed: the photographs with a box that becomes an image, or that become one as a whole.
        skipped: what becomes none, by the reason.
        missing: the photographs that the file names and the folder lacks.
    """

    rows: pl.DataFrame
    boxed: list[str]
    skipped: Mapping[str, list[str]]
    missing: list[str]
    remarks: tuple[str, ...]
    found: str

    @classmethod
    def of(
        cls, path: Path, file: BoxFile, photos: FolderSurvey, threshold: float, *, whole: bool, root: Path
    ) -> "BoxSurvey":
        """Compare boxes with the photographs of a folder.

        Args:
            path: the file of boxes.
            photos: the photographs.
            threshold: the least confidence of a detector.
            whole: whether a photograph without boxes is an image as a whole.
            root: the folder.

        Raises:
            InputError: no box is in a photograph of the folder; or one is given twice, differently.
        """
        matches = match_names(file.rows["file"].unique(maintain_order=True), photos.images, photos.unread, root)
        if file.rows.height and set(matches.files.values()).isdisjoint(photos.images):
            raise InputError(
                f"no box in {path} is in an image of {root}: it names '{file.rows['file'][0]}', and the folder holds "
                f"'{escape_invalid_utf8(photos.images[0])}'"
            )
        images = set(photos.images)
        files = [(name, escape_invalid_utf8(file)) for name, file in matches.files.items() if file in images]
        names = pl.DataFrame(files, schema=dict.fromkeys(("file", "image"), pl.String), orient="row")
        rows = _keyed(file.rows.join(names, on="file", how="inner", maintain_order="left"))
        confident = rows.filter(~_is_box() | (pl.col("confidence").fill_null(1.0) >= threshold))
        boxes = _unique(path, confident.filter(_is_box(), pl.col("fault") == ""))
        faults = confident.filter(pl.col("fault") != "").unique(["image", "key"], keep="first", maintain_order=True)
        in_box, people = set(boxes["image"]), set(faults.filter(pl.col("fault") == NO_ANIMAL)["image"])
        boxed = [
            image
            for image in photos.images
            if (name := escape_invalid_utf8(image)) in in_box or (whole and name not in people)
        ]
        unboxed = [escape_invalid_utf8(image) for image in sorted(images - set(boxed))]
        skipped = {NO_BOX: unboxed} | {
            reason: [
                f"{image}, box {key}" for image, key in faults.filter(fault=reason).select("image", "key").iter_rows()
            ]
            for reason in (NO_ANIMAL, NO_AREA)
        }
        skipped[DOUBTFUL] = list(matches.doubtful)
        unmatched = [name for name in file.rows["file"].unique(maintain_order=True) if name not in matches.files]
        missing = [name for name in unmatched if name not in matches.doubtful]
        known = set(photos.missing)
        remarks = [
            *file.remarks,
            *_counts(rows.height - confident.height, threshold, skipped, missing),
            *_beyond(boxes),
        ]
        remarks += _vague_labels(boxes)
        used = [f"'{name}' as {meaning}" if name != meaning else f"'{name}'" for name, meaning in file.used.items()]
        columns = f"; columns used: {', '.join(used)}" if used else ""
        found = f"{boxes.height:,} boxes in {len(in_box):,} images, from {file.kind}{columns}"
        kept = pl.concat([boxes, confident.filter(~_is_box())])
        return cls(kept, boxed, skipped, [one for one in missing if one not in known], tuple(remarks), found)

    @property
    def boxes(self) -> pl.DataFrame:
        """The boxes that become images."""
        return self.rows.filter(_is_box())

    def by_image(self) -> dict[str, str]:
        """The boxes of each photograph that has some, as JSON, in the order of their keys."""
        columns = ("image", "key", *_BOX, "frame_width", "frame_height")
        texts: dict[str, list[str]] = {}
        for image, *box in self.boxes.select(columns).sort("image", "key").iter_rows():
            texts.setdefault(image, []).append(json.dumps(box, ensure_ascii=False, separators=(",", ":")))
        return {image: f"[{','.join(boxes)}]" for image, boxes in texts.items()}

    def labels(self, of_images: Mapping[str, Label]) -> Iterator[tuple[str, str, Label]]:
        """The label of each box; what names the photograph names a box that has no label of its own.

        Args:
            of_images: the labels of photographs.

        Yields:
            The photograph, the box, and a label.
        """
        columns = ("image", "key", "label", *RANKS, "scientific_name", "common")
        for image, key, text, *names in self.boxes.select(columns).iter_rows():
            label = _own_label(text, names) or of_images.get(image)
            if label:
                yield image, key, label
        alone = set(map(escape_invalid_utf8, self.boxed)) - set(self.boxes["image"])
        yield from ((image, WHOLE, of_images[image]) for image in sorted(alone & of_images.keys()))

    def image_labels(self) -> dict[str, Label]:
        """The labels that the file gives to photographs and not to boxes, where it gives only one."""
        labels: dict[str, Label | None] = {}
        columns = ("image", "label", *RANKS, "scientific_name", "common")
        for image, text, *names in self.rows.filter(~_is_box()).select(columns).iter_rows():
            if label := _own_label(text, names):
                labels[image] = label if labels.get(image, label) == label else None
        return {image: label for image, label in labels.items() if label}

    def about(self, of_images: pl.DataFrame | None) -> pl.DataFrame:
        """What is known of each box beside its name: as ``filename``, ``box`` and ABOUT_COLUMNS.

        The boxes of a photograph have its observation; where none is known, they are one of their own.

        Args:
            of_images: the same for photographs, as ``file`` and ABOUT_COLUMNS.
        """
        only = [pl.col(name).filter(pl.col(name) != "") for name in ("observation", "place", "owner")]
        own = self.rows.group_by("image").agg(
            pl.when(one.n_unique() == 1).then(one.first()).otherwise(pl.lit("")).alias(name)
            for one, name in zip(only, ("observation", "place", "copyright_owner"), strict=True)
        )
        known = pl.DataFrame(schema=dict.fromkeys(("image", *ABOUT_COLUMNS), pl.String))
        if of_images is not None:
            known = of_images.rename({"file": "image"})
        alone = set(map(escape_invalid_utf8, self.boxed)) - set(self.boxes["image"])
        whole = pl.DataFrame(
            {"image": sorted(alone), "key": [WHOLE] * len(alone)}, schema={"image": pl.String, "key": pl.String}
        )
        boxes = pl.concat([self.boxes.select("image", "key"), whole])
        rows = boxes.join(own, on="image", how="left").join(known, on="image", how="left", suffix="_of_image")
        merged = [_first(f"{name}_of_image", name) if name in own.columns else _first(name) for name in ABOUT_COLUMNS]
        rows = rows.select("image", "key", *merged)
        observation = pl.when(pl.col("observation") != "").then("observation").otherwise("image")
        return rows.with_columns(observation=observation).rename({"image": "filename", "key": "box"})


def _first(*names: str) -> pl.Expr:
    filled = [pl.when(pl.col(name) != "").then(pl.col(name)) for name in names]
    return pl.coalesce([*filled, pl.lit("")]).alias(names[-1])


def _is_box() -> pl.Expr:
    return pl.all_horizontal(pl.col(_BOX).is_not_null())


def _keyed(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the key of each box, and why it becomes no image.

    The key is the box's own id. Where it has none, its coordinates are: unlike its number they stay the same when other
    boxes are added or removed, and when they change, it is another image.
    """
    place = pl.format("{},{},{},{}", *_BOX).str.replace_all(r"\.0\b", "")
    label = pl.col("label").str.strip_chars().str.to_lowercase()
    is_flat = pl.min_horizontal("width", "height") <= 0
    no_animal = pl.when(label.is_in(list(_NO_ANIMALS)) & _is_box()).then(pl.lit(NO_ANIMAL))
    fault = no_animal.when(is_flat & _is_box()).then(pl.lit(NO_AREA)).otherwise(pl.lit(""))
    key = pl.when(pl.col("box") != "").then("box").otherwise(place)
    return rows.with_columns(key=key, fault=fault)


def _unique(path: Path, boxes: pl.DataFrame) -> pl.DataFrame:
    """Each box once.

    Raises:
        InputError: one is given twice, with different labels or places.
    """
    said = ["label", *RANKS, "scientific_name", "common", *_BOX]
    distinct = boxes.unique(["image", "key", *said], keep="first", maintain_order=True)
    twice = distinct.filter(pl.struct("image", "key").is_duplicated())
    if twice.height:
        image, key, one, line = twice.select("image", "key", "label", "line").row(0)
        other = twice.filter(image=image, key=key).row(1, named=True)
        raise InputError(
            f"{path} gives the box {key} of {image} twice, in records {line} and {other['line']}, differently "
            f"('{one}', '{other['label']}'): keep one"
        )
    return distinct


def _own_label(text: str, names: list[str]) -> Label | None:
    """The label of a box, without its key; None if it says nothing of what is in it."""
    *ranks, scientific, common = names
    if any(ranks) or scientific:
        return Label("", Taxon(*ranks), scientific, common)
    if not text or text.strip().lower() in _NO_LABELS or is_unknown(text):
        return Label("", common=common) if common else None
    name = read_folder_name(text)
    if name and (name.is_species or not name.is_doubtful):
        return Label("", name.taxon, name.scientific_name, common, name.rank)
    return Label("", scientific_name=text, common=common) if _is_one_taxon(text) else Label("", common=text)


def _is_one_taxon(text: str) -> bool:
    """Whether a label is one word in upper case first, as FathomNet's Actiniaria: a label is nearly always a name."""
    return text.isalpha() and text[0].isupper() and text[1:].islower()


def _vague_labels(boxes: pl.DataFrame) -> list[str]:
    counts = boxes.group_by("label", *RANKS, "scientific_name", "common").len().sort(pl.all())
    vague = [
        (text, count)
        for text, *names, count in counts.iter_rows()
        if (label := _own_label(text, names)) and not (label.scientific_name or any(label.taxon))
    ]
    if not vague:
        return []
    shown = ", ".join(f"'{text}' ({count:,})" for text, count in vague[:_SHOWN])
    number = sum(count for _, count in vague)
    return [
        f"labels that read as no scientific name, and are taken for common names: {number:,} boxes, such as {shown}"
    ]


def _counts(below: int, threshold: float, skipped: Mapping[str, list[str]], missing: list[str]) -> Iterator[str]:
    if below:
        yield f"boxes with a confidence below box_threshold, {threshold:g}, which are not used: {below:,}"
    what = {NO_BOX: "images without a box", NO_ANIMAL: "boxes of people or vehicles", NO_AREA: "boxes without area",
            DOUBTFUL: "names that fit several files, or a file that several names fit"}  # fmt: skip
    for reason, texts in skipped.items():
        if texts:
            yield f"{what[reason]}, which become no samples: {len(texts):,}, such as '{texts[0]}'"
    if missing:
        yield f"not in the folder: {len(missing):,} images, such as '{missing[0]}'"


def _beyond(boxes: pl.DataFrame) -> Iterable[str]:
    """What is said of boxes that reach beyond their picture, where its size is known: the others are seen later."""
    across, down = pl.col("frame_width"), pl.col("frame_height")
    past = pl.max_horizontal(
        -pl.col("x") / across, -pl.col("y") / down, (pl.col("x") + pl.col("width")) / across - 1,
        (pl.col("y") + pl.col("height")) / down - 1,
    )  # fmt: skip
    beyond = boxes.filter(past > 0.001)
    if beyond.height:
        image, key = beyond.select("image", "key").row(0)
        example = f"such as {key} of '{image}'"
        yield f"boxes that reach beyond their picture, and are cut at its edge: {beyond.height:,}, {example}"
