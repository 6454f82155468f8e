"""Files of boxes in photographs: COCO camera traps, MegaDetector, FathomNet, and tables, as one table.

The JSON of a million photographs is read as a stream, and becomes columns piece by piece.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from ...core.json_reader import begin_json
from ...core.values import RANKS
from ...errors import InputError
from .box_table import read_box_table
from .json_records import JSON_ERRORS, categories, has_key, problem, records

_ROWS_AT_ONCE = 50_000


class BoxRow(NamedTuple):
    """A box in a photograph, or what is said of a photograph without boxes.

    Attributes:
        file: the photograph, as the file names it; or an id that its name holds.
        box: the id of the box; empty if it has none.
        label: what it shows.
        x, y, width, height: None where there is no box.
        frame_width, frame_height: the size of the photograph in the same unit; None where the unit is the pixel.
        confidence: of a detector, from 0 to 1.
        observation, place, owner: of the photograph.
        line: the number of the row or record.
    """

    file: str
    box: str = ""
    label: str = ""
    x: float | None = None
    y: float | None = None
    width: float | None = None
    height: float | None = None
    frame_width: float | None = None
    frame_height: float | None = None
    confidence: float | None = None
    observation: str = ""
    place: str = ""
    owner: str = ""
    line: int = 0


_NUMBERS = ("x", "y", "width", "height", "frame_width", "frame_height", "confidence")
SCHEMA = pl.Schema(
    {
        name: pl.Float64 if name in _NUMBERS else pl.Int64 if name == "line" else pl.String
        for name in BoxRow.__annotations__
    }
)


_NAMES = (*RANKS, "scientific_name", "common")


@dataclass(frozen=True)
class BoxFile:
    """The boxes of photographs.

    Attributes:
        rows: those of :class:`BoxRow`; and the seven ranks, ``scientific_name`` and ``common``, which a table may have.
        kind: what the file is, for people.
        used: of a table, the columns that were read, each with what it holds.
        remarks: sentences on what had to be guessed.
    """

    rows: pl.DataFrame
    kind: str
    used: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()


def read_boxes(path: Path, images: Sequence[str]) -> BoxFile:
    """Read the boxes in photographs.

    Args:
        path: JSON of COCO (camera traps), MegaDetector or FathomNet; or a table with a row per box.
        images: the photographs, as paths relative to their folder, for tables that name them by ids.

    Raises:
        InputError: it is missing or damaged, or none of these.
        MissingExtra: it is a spreadsheet, and the package that reads these is not installed.
    """
    try:
        with path.open("rb") as fd:
            start = begin_json(fd.read(4096))[1]
        if start not in ("{", "["):
            rows, used, remarks = read_box_table(path, images)
            return BoxFile(rows.select(*SCHEMA.names(), *_NAMES), "a table of boxes", used, remarks)
        kind, rows = _json(path, is_list=start == "[")
        return BoxFile(rows.with_columns(pl.lit("").alias(name) for name in _NAMES), kind)
    except FileNotFoundError:
        raise InputError(f"there is no file of boxes {path}") from None
    except JSON_ERRORS as error:
        raise InputError(f"the boxes {path} cannot be read: {problem(error)}") from None


def _frame(rows: Iterable[BoxRow]) -> pl.DataFrame:
    frames, left = [SCHEMA.to_frame()], iter(rows)
    while batch := list(islice(left, _ROWS_AT_ONCE)):
        frames.append(pl.DataFrame(batch, schema=SCHEMA, orient="row"))
    return pl.concat(frames)


def _json(path: Path, *, is_list: bool) -> tuple[str, pl.DataFrame]:
    if is_list:
        return "FathomNet's boxes", _frame(_fathomnet(path))
    # Looked for as text, since parsing a file of a million photographs takes a minute.
    if has_key(path, "detection_categories"):
        return "MegaDetector's results", _frame(_megadetector(path))
    if has_key(path, "annotations") and has_key(path, "images"):
        return "annotations in COCO's format", _coco(path)
    raise ValueError(
        "it is neither COCO's format (images, annotations, categories) nor MegaDetector's (images, "
        "detection_categories)"
    )


def _megadetector(path: Path) -> Iterator[BoxRow]:
    """Boxes are in parts of the photograph; a better name than the detector's category is the classifier's first."""
    names, classes = categories(path, "detection_categories"), categories(path, "classification_categories")
    for line, image in enumerate(records(path, "images.item"), 1):
        yield BoxRow(str(image["file"]), line=line)
        for found in image.get("detections") or ():
            if str(found["category"]) not in names:  # of the format: such are to be treated as no detection
                continue
            label = names[str(found["category"])]
            if label == "animal" and found.get("classifications"):
                label = classes.get(str(found["classifications"][0][0]), label)
            yield BoxRow(
                str(image["file"]), "", label, *_four(found["bbox"], line), 1, 1, float(found["conf"]), line=line
            )


def _coco(path: Path) -> pl.DataFrame:
    """Boxes are in pixels; an annotation of a photograph in which nobody drew a box has none."""
    labels = {str(one["id"]): str(one["name"]) for one in records(path, "categories.item")}
    # Columns and not objects: there may be millions, and the annotations may come before the photographs.
    images = _frame(_coco_images(path)).rename({"box": "image_id"})
    if not images["image_id"].is_unique().all():
        raise ValueError(f"two images have the id {images.filter(pl.col('image_id').is_duplicated())['image_id'][0]!r}")
    annotations = _frame(_coco_annotations(path, labels)).rename({"file": "image_id"})
    lost = annotations.join(images, on="image_id", how="anti")
    if lost.height:
        line, one = lost.select("line", "image_id").row(0)
        raise ValueError(f"annotation {line} is of the image {one!r}, which images does not have")
    of_image = ["file", "frame_width", "frame_height", "observation", "place", "owner"]
    boxes = annotations.drop(of_image[1:]).join(images.select("image_id", *of_image), on="image_id", how="left")
    alone = images.with_columns(box=pl.lit(""))
    return pl.concat([alone.select(SCHEMA.names()), boxes.select(SCHEMA.names())])


def _coco_images(path: Path) -> Iterator[BoxRow]:
    for line, image in enumerate(records(path, "images.item"), 1):
        observation, place, owner = (str(image.get(key) or "") for key in ("seq_id", "location", "rights_holder"))
        width, height = _frame_of(image)
        yield BoxRow(
            str(image["file_name"]), str(image["id"]), frame_width=width, frame_height=height, observation=observation,
            place=place, owner=owner, line=line,
        )  # fmt: skip


def _coco_annotations(path: Path, labels: Mapping[str, str]) -> Iterator[BoxRow]:
    """Annotations, each with the id of its image in place of the file."""
    for line, one in enumerate(records(path, "annotations.item"), 1):
        label = labels.get(str(one.get("category_id")), "")
        if one.get("bbox"):
            name = "" if one.get("id") is None else str(one["id"])
            yield BoxRow(str(one["image_id"]), name, label, *_four(one["bbox"], line), line=line)
        else:
            yield BoxRow(str(one["image_id"]), "", label, line=line)


def _fathomnet(path: Path) -> Iterator[BoxRow]:
    """Boxes are in pixels; photographs are called by their id, or as at their address."""
    for line, image in enumerate(records(path, "item"), 1):
        if "boundingBoxes" not in image or not (image.get("uuid") or image.get("url")):
            raise ValueError(f"record {line} of the list is no image of FathomNet: it has no 'boundingBoxes' or 'uuid'")
        file, frame = str(image.get("uuid") or image["url"]), _frame_of(image)
        place = f"{image['latitude']:.2f},{image['longitude']:.2f}" if _has_place(image) else ""
        yield BoxRow(file, frame_width=frame[0], frame_height=frame[1], place=place, line=line)
        for box in image["boundingBoxes"] or ():
            if not box.get("rejected"):
                name, label = str(box.get("uuid") or box.get("id") or ""), str(box.get("concept") or "").strip()
                four = _four([box[key] for key in _BOX], line)
                yield BoxRow(file, name, label, *four, *frame, place=place, line=line)


_BOX = ("x", "y", "width", "height")


def _has_place(image: dict[str, Any]) -> bool:
    return all(isinstance(image.get(key), int | float) for key in ("latitude", "longitude"))


def _frame_of(image: dict[str, Any]) -> tuple[float | None, float | None]:
    width, height = image.get("width"), image.get("height")
    return (float(width), float(height)) if width and height and width > 0 and height > 0 else (None, None)


def _four(box: Any, line: int) -> tuple[float, float, float, float]:
    if not isinstance(box, list) or len(box) != 4 or not all(isinstance(one, int | float) for one in box):
        raise ValueError(f"the box {box!r:.80} in record {line} is not of four numbers: x, y, width, height")
    x, y, width, height = map(float, box)
    return x, y, width, height
