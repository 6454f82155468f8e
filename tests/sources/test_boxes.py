"""Boxes in photographs: each is an image, cut out of the photograph as it is displayed, in all formats of boxes."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from helpers import built, cli
from treeoflife.config.tables import Images
from treeoflife.core.database import open_database
from treeoflife.core.values import BoundingBox, RawImage, Skip
from treeoflife.errors import InputError
from treeoflife.images.convert import Encoded, convert
from treeoflife.images.regions import find_region
from treeoflife.sources.base import Source, signature
from treeoflife.sources.folder import Folder
from treeoflife.sources.registry import load_source
from treeoflife.testing.sources import SourceContract, read_all_images

EXIF_ORIENTATION = 0x0112


def picture(width: int = 400, height: int = 300) -> Image.Image:
    """A picture of which every part is different: red grows to the right, green downwards, and there are squares."""
    across, down = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    squares = ((across // 16 + down // 16) % 2) * 255
    return Image.fromarray(np.stack([across, down, squares], axis=-1).astype(np.uint8))


def as_bytes(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def small(data: bytes, box: BoundingBox | None, **settings: Any) -> np.ndarray:
    """The pixels of the image that is made of a box."""
    made = convert(data, Images(subsampling="4:4:4", **settings), box)
    assert isinstance(made, Encoded), made
    return np.asarray(Image.open(io.BytesIO(made.data)), dtype=float)


def cropped(image: Image.Image, box: tuple[int, int, int, int]) -> np.ndarray:
    """What Pillow makes of it: crop, then resize."""
    part = image.crop(box).resize((224, 224), Image.Resampling.BICUBIC)
    return np.asarray(Image.open(io.BytesIO(as_bytes(part, "JPEG", quality=100, subsampling=0))), dtype=float)


@pytest.mark.parametrize("box", [(10, 20, 110, 90), (0, 0, 400, 300), (399, 299, 400, 300), (37, 5, 41, 250)])
def test_a_box_is_what_pillow_crops_and_resizes(box: tuple[int, int, int, int]) -> None:
    left, top, right, bottom = box
    for frame, unit in ((None, 1), ((400, 300), 1), ((800, 600), 2)):
        wanted = BoundingBox(left * unit, top * unit, (right - left) * unit, (bottom - top) * unit, frame)
        assert np.array_equal(small(as_bytes(picture()), wanted), cropped(picture(), box))
    relative = BoundingBox(left / 400, top / 300, (right - left) / 400, (bottom - top) / 300, (1, 1))
    assert np.abs(small(as_bytes(picture()), relative) - cropped(picture(), box)).mean() < 1


@pytest.mark.parametrize("exif_rotate", [True, False])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_box_lies_in_the_photograph_as_it_is_displayed(orientation: int, exif_rotate: bool) -> None:
    """Whether it is turned upright or not, it is the same part of it."""
    upright = picture()
    turns = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # of Image.Transpose: what undoes the orientation
    turn = Image.Transpose(turns[orientation]) if orientation > 1 else None
    stored = upright.transpose(turn) if turn is not None else upright
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    data = as_bytes(stored, "PNG", exif=exif)
    made = Image.fromarray(small(data, BoundingBox(40, 30, 120, 60), exif_rotate=exif_rotate).astype(np.uint8))
    if not exif_rotate and turn is not None:
        undo = {0: 0, 1: 1, 2: 4, 3: 3, 4: 2, 5: 5, 6: 6}[int(turn)]
        made = made.transpose(Image.Transpose(undo))
    assert np.abs(np.asarray(made, dtype=float) - cropped(upright, (40, 30, 160, 90))).mean() < 2


def test_the_size_that_comes_with_a_box_tells_a_photograph_that_was_not_turned() -> None:
    """As in some COCO files, whose boxes are of the pixels as they are stored."""
    stored = picture(400, 300)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    made = small(as_bytes(stored, "PNG", exif=exif), BoundingBox(40, 30, 120, 60, (400, 300)))
    expected = Image.fromarray(cropped(stored, (40, 30, 160, 90)).astype(np.uint8)).transpose(
        Image.Transpose.ROTATE_270
    )
    assert np.abs(made - np.asarray(expected, dtype=float)).mean() < 2
    other = convert(as_bytes(stored, "PNG", exif=exif), Images(), BoundingBox(40, 30, 120, 60, (500, 100)))
    assert isinstance(other, Skip)
    assert other.reason == "box-of-another-picture"


def test_a_small_box_in_a_large_photograph_is_as_sharp_as_the_photograph() -> None:
    """The photograph is not decoded at the scale that would do for all of it."""
    large = picture(4000, 3000)
    data = as_bytes(large, "JPEG", quality=95, subsampling=0)
    whole = Image.open(io.BytesIO(data)).convert("RGB")
    for box in ((1000, 1000, 1224, 1224), (500, 700, 1500, 1500), (0, 0, 4000, 3000)):
        made = small(data, BoundingBox(box[0], box[1], box[2] - box[0], box[3] - box[1]))
        assert np.abs(made - cropped(whole, box)).mean() < 3


def test_the_values_of_deep_images_are_scaled_by_all_of_the_image() -> None:
    values = np.full((300, 400), 4000, dtype=np.uint16)
    values[:, :200] = 100
    made = small(as_bytes(Image.fromarray(values)), BoundingBox(10, 10, 100, 100))
    assert made.max() < 20


@pytest.mark.parametrize(
    ("box", "reason"),
    [
        ((400, 0, 10, 10), "box-without-area"),
        ((-20, 0, 20, 10), "box-without-area"),
        ((5, 5, 0.5, 9), "box-without-area"),
    ],
)
def test_a_box_outside_of_the_picture_is_a_skip(box: tuple[float, float, float, float], reason: str) -> None:
    made = convert(as_bytes(picture()), Images(), BoundingBox(*box))
    assert isinstance(made, Skip)
    assert made.reason == reason


def test_a_box_that_reaches_beyond_the_picture_is_clipped_and_says_so() -> None:
    made = convert(as_bytes(picture()), Images(), BoundingBox(-50, 250, 100, 100))
    assert isinstance(made, Encoded)
    assert (made.width, made.height) == (50, 50)
    assert "cut at its edge" in made.note
    assert np.array_equal(
        small(as_bytes(picture()), BoundingBox(-50, 250, 100, 100)), cropped(picture(), (0, 250, 50, 300))
    )


def write(path: Path, value: Any) -> None:
    path.write_text(value if isinstance(value, str) else json.dumps(value))


def folder_of(path: Path, files: Sequence[str], boxes: Any, **settings: Any) -> Folder:
    """Pictures and a file of boxes, and their source."""
    for name in files:
        (path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (path / "photos" / name).write_bytes(as_bytes(picture(), "JPEG"))
    write(path / "boxes.json", boxes)
    table = {"kind": "folder", "path": "photos", "boxes": "boxes.json"} | settings
    source = load_source("traps", table, path)
    assert isinstance(source, Folder)
    return source


COCO = {
    "info": {},
    "categories": [{"id": 0, "name": "empty"}, {"id": 7, "name": "Vulpes vulpes"}, {"id": 8, "name": "deer"}],
    "annotations": [
        {"id": "x1", "image_id": "i1", "category_id": 7, "bbox": [10.5, 20, 100, 50]},
        {"id": "x2", "image_id": "i1", "category_id": 8, "bbox": [200, 100, 500, 50]},
        {"id": "x3", "image_id": "i2", "category_id": 0},
        {"id": "x4", "image_id": "i3", "category_id": 7, "bbox": [0, 0, 0, 50]},
        {"id": "x5", "image_id": "i4", "category_id": 7, "bbox": [0, 0, 9, 50]},
    ],
    "images": [
        {"id": "i1", "file_name": "s1/a.jpg", "width": 400, "height": 300, "seq_id": "q1", "location": 5},
        {"id": "i2", "file_name": "s1/b.jpg", "width": 400, "height": 300, "seq_id": "q1", "location": 5},
        {"id": "i3", "file_name": "s1/c.jpg", "width": 400, "height": 300},
        {"id": "i4", "file_name": "gone.jpg"},
    ],
}  # fmt: skip
COCO_FILES = ["s1/a.jpg", "s1/b.jpg", "s1/c.jpg", "s1/d.jpg"]

MEGADETECTOR = {
    "info": {"format_version": "1.3"}, "detection_categories": {"1": "animal", "2": "person"},
    "classification_categories": {"0": "Sus scrofa"},
    "images": [
        {"file": "s1\\a.jpg", "detections": [
            {"category": "1", "conf": 0.9, "bbox": [0.25, 0.5, 0.5, 0.25]},
            {"category": "1", "conf": 0.1, "bbox": [0.1, 0.5, 0.5, 0.25]},
            {"category": "2", "conf": 0.8, "bbox": [0.1, 0.1, 0.5, 0.25]},
            {"category": "1", "conf": 0.7, "bbox": [0.3, 0.3, 0.1, 0.1], "classifications": [["0", 0.9]]},
            {"category": "9", "conf": 0.7, "bbox": [0.3, 0.3, 0.2, 0.1]},
        ]},
        {"file": "s1/b.jpg", "detections": []},
        {"file": "s1/c.jpg", "failure": "Failure image access", "detections": None},
    ],
}  # fmt: skip

FATHOMNET = [
    {"uuid": "aa11", "url": "https://x.org/aa11.png", "width": 400, "height": 300, "latitude": 36.7, "longitude": -122,
     "boundingBoxes": [
         {"uuid": "b1", "concept": "Actiniaria", "x": 5, "y": 6, "width": 70, "height": 80, "rejected": False},
         {"uuid": "b2", "concept": "Sebastes melanostomus", "x": 50, "y": 60, "width": 70, "height": 80},
         {"uuid": "b3", "concept": "Trash", "x": 1, "y": 1, "width": 7, "height": 8, "rejected": True},
     ]},
]  # fmt: skip


def boxes_of(source: Folder) -> dict[str, BoundingBox | None]:
    return {image.file: image.box for _, image in read_all_images(source) if image.key}


def reasons(source: Folder) -> dict[str, str]:
    return {image.file: image.skip.reason for _, image in read_all_images(source) if image.skip}


def names_of(source: Folder) -> dict[str, str]:
    return {one.name_key: one.scientific_name or one.common or one.taxon.taxonomic_name for one in source.labels()}


def test_coco_camera_traps(tmp_path: Path) -> None:
    source = folder_of(tmp_path, COCO_FILES, COCO)
    assert boxes_of(source) == {
        "s1/a.jpg, box x1": BoundingBox(10.5, 20, 100, 50, (400, 300)),
        "s1/a.jpg, box x2": BoundingBox(200, 100, 500, 50, (400, 300)),
    }
    assert reasons(source) == {
        "s1/b.jpg": "no-box", "s1/c.jpg": "no-box", "s1/d.jpg": "no-box", "s1/c.jpg, box x4": "box-without-area",
        "gone.jpg": "no-file",
    }  # fmt: skip
    assert names_of(source) == {"s1%2Fa.jpg&x1": "Vulpes vulpes", "s1%2Fa.jpg&x2": "deer"}
    remarks = "\n".join(source.remarks())
    for words in ("2 boxes in 1 images, from annotations in COCO's format",
                  "cut at its edge: 1, such as x2 of 's1/a.jpg'",
                  "images without a box, which become no samples: 3", "not in the folder: 1 images, such as 'gone.jpg'",
                  "taken for common names: 1 boxes, such as 'deer'"):  # fmt: skip
        assert words in remarks


def test_megadetector(tmp_path: Path) -> None:
    """Of its boxes, those of animals above the threshold; the table names the photograph, a classifier the box."""
    write(tmp_path / "names.csv", "file,scientific_name\ns1/a.jpg,Capreolus capreolus\n")
    source = folder_of(tmp_path, COCO_FILES, MEGADETECTOR, table="names.csv")
    assert boxes_of(source) == {
        "s1/a.jpg, box 0.25,0.5,0.5,0.25": BoundingBox(0.25, 0.5, 0.5, 0.25, (1, 1)),
        "s1/a.jpg, box 0.3,0.3,0.1,0.1": BoundingBox(0.3, 0.3, 0.1, 0.1, (1, 1)),
    }
    assert list(names_of(source).values()) == ["Capreolus capreolus", "Sus scrofa"]
    assert reasons(source)["s1/a.jpg, box 0.1,0.1,0.5,0.25"] == "not-an-animal"
    assert "below box_threshold, 0.2, which are not used: 1" in "\n".join(source.remarks())
    assert len(boxes_of(folder_of(tmp_path, [], MEGADETECTOR, table="names.csv", box_threshold=0.05))) == 3
    assert len(boxes_of(folder_of(tmp_path, [], MEGADETECTOR, table="names.csv", box_threshold=0.75))) == 1


def test_fathomnet(tmp_path: Path) -> None:
    source = folder_of(tmp_path, ["aa11.jpg"], FATHOMNET)
    assert boxes_of(source).keys() == {"aa11.jpg, box b1", "aa11.jpg, box b2"}
    assert names_of(source) == {"aa11.jpg/b1": "Actiniaria", "aa11.jpg/b2": "Sebastes melanostomus"}


@pytest.mark.parametrize(
    ("table", "boxes"),
    [
        ("file,x,y,width,height,label\na.jpg,1,2,30,40,Pica pica\na.jpg,5,6,70.5,80,Apus apus\n",
         {"a.jpg, box 1,2,30,40": (1, 2, 30, 40), "a.jpg, box 5,6,70.5,80": (5, 6, 70.5, 80)}),
        ("file;xmin;ymin;xmax;ymax;concept\na.jpg;1;2;31;42;Pica pica\n", {"a.jpg, box 1,2,30,40": (1, 2, 30, 40)}),
        ("box_id,image,x,y,w,h,genus,species\nb7,a.jpg,1,2,30,40,Pica,pica\n", {"a.jpg, box b7": (1, 2, 30, 40)}),
        ("file,x,y,width,height,genus\na.jpg,,,,,Pica\nb.jpg,1,2,30,40,Pica\n",
         {"b.jpg, box 1,2,30,40": (1, 2, 30, 40)}),
    ],
)  # fmt: skip
def test_tables(table: str, boxes: dict[str, tuple[float, float, float, float]], tmp_path: Path) -> None:
    source = folder_of(tmp_path, ["a.jpg", "b.jpg"], table)
    assert boxes_of(source) == {name: BoundingBox(*box) for name, box in boxes.items()}
    assert len(names_of(source)) == len(boxes)


def test_a_table_of_ids_and_of_parts_of_photographs(tmp_path: Path) -> None:
    """As FathomNet's own, whose uuid is in the name of the file."""
    table = "uuid,x,y,width,height\n6f0d4a2e-3c1b,0.1,0.2,0.5,0.5\n6f0d4a2e-3c1b,0.2,0.2,0.5,0.5\n"
    source = folder_of(tmp_path, ["6f0d4a2e-3c1b.jpg"], table)
    assert [box and box.frame for box in boxes_of(source).values()] == [(1, 1), (1, 1)]
    assert any("parts of the photograph" in remark for remark in source.remarks())


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ("{}", "neither COCO's"), ("[1]", "no object"), ('[{"id": 1}]', "no image of FathomNet"),
        ("{", "cannot be read"),
        ({"images": [{"id": 1, "file_name": "a.jpg"}], "categories": [], "annotations": [{"image_id": 2}]}, "'2'"),
        ({"images": [{"file": "a.jpg", "detections": [{"category": "1", "conf": 1, "bbox": [1, 2]}]}],
          "detection_categories": {"1": "animal"}}, "four numbers"),
        ({"images": [{"file": "a.jpg", "detections": [{"category": "1"}]}], "detection_categories": {"1": "x"}},
         "'bbox'"),
        ("file,x,y\na.jpg,1,2\n", "no columns x, y, width and height"),
        ("file,x,y,width,height\na.jpg,1,2,z,4\n", "line 2"), ("file,x,y,width,height\na.jpg,1,2,,4\n", "line 2"),
        ("file,x,y,width,height\nz.jpg,1,2,3,4\n", "'z.jpg'"),
        ("file,x,y,width,height,label\na.jpg,1,2,3,4,Pica pica\na.jpg,1,2,3,4,Apus apus\n", "twice"),
    ],
)  # fmt: skip
def test_boxes_that_cannot_be_read_are_a_sentence(boxes: Any, words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        folder_of(tmp_path, ["a.jpg"], boxes).containers()
    assert words in str(error.value)
    assert "boxes.json" in str(error.value)
    assert "\n" not in str(error.value)


def test_a_name_that_fits_several_photographs_has_no_box_in_any(tmp_path: Path) -> None:
    table = "file,x,y,width,height\na.jpg,1,2,30,40\nx/b.jpg,1,2,30,40\n"
    source = folder_of(tmp_path, ["s1/a.jpg", "s2/a.jpg", "b.jpg"], table)
    assert list(boxes_of(source)) == ["b.jpg, box 1,2,30,40"]
    assert reasons(source) == {"a.jpg": "box-of-several-files", "s1/a.jpg": "no-box", "s2/a.jpg": "no-box"}
    assert "columns used: 'file', 'x', 'y', 'width', 'height'" in "\n".join(source.remarks())


def test_photographs_without_boxes_may_be_samples_as_a_whole(tmp_path: Path) -> None:
    """But for those in which a detector saw only people."""
    found = {"category": "2", "conf": 0.9, "bbox": [0, 0, 1, 1]}
    boxes = MEGADETECTOR | {"images": [*MEGADETECTOR["images"], {"file": "Pica pica/e.jpg", "detections": [found]}]}  # type: ignore[misc]
    files = [*COCO_FILES, "Pica pica/e.jpg", "Pica pica/f.jpg"]
    source = folder_of(tmp_path, files, boxes, without_box="whole")
    whole = {file for file, box in boxes_of(source).items() if box is None}
    assert whole == {"s1/b.jpg", "s1/c.jpg", "s1/d.jpg", "Pica pica/f.jpg"}
    assert reasons(source)["Pica pica/e.jpg"] == "no-box"
    assert names_of(source)["Pica%20pica%2Ff.jpg&whole"] == "Pica pica"


def test_the_boxes_of_a_photograph_are_one_observation(tmp_path: Path) -> None:
    source = folder_of(tmp_path, COCO_FILES, COCO)
    with open_database(tmp_path / "scratch") as database:
        assert source.about(database)
        rows = database.rows("SELECT filename, box, observation, place FROM about ORDER BY ALL")
    assert rows == [("s1/a.jpg", "x1", "q1", "5"), ("s1/a.jpg", "x2", "q1", "5")]
    (tmp_path / "other").mkdir()
    alone = folder_of(tmp_path / "other", ["a.jpg"], "file,x,y,width,height\na.jpg,1,2,3,4\na.jpg,2,2,3,4\n")
    with open_database(tmp_path / "scratch") as database:
        assert alone.about(database)
        assert database.rows("SELECT DISTINCT filename, observation FROM about") == [("a.jpg", "a.jpg")]


def test_other_boxes_make_their_part_stale_and_keep_the_others(tmp_path: Path) -> None:
    """A box without an id is known by its place: another box before it changes nothing about it."""
    header = "file,x,y,width,height\n"
    source = folder_of(tmp_path, ["a.jpg"], f"{header}a.jpg,10,20,30,40\n")
    (before,) = (signature(source, one) for one in source.containers())
    more = folder_of(tmp_path, [], f"{header}a.jpg,1,2,30,40\na.jpg,10,20,30,40\n")
    (after,) = (signature(more, one) for one in more.containers())
    assert before != after
    assert boxes_of(source).items() <= boxes_of(more).items()


def test_two_boxes_of_one_photograph_are_not_the_same_bytes() -> None:
    one, other = (
        RawImage("a", ("a", key), data=b"x", box=BoundingBox(place, 0, 1, 1)) for place, key in ((0, "b"), (1, "c"))
    )
    assert one.digest() != other.digest()
    assert RawImage("a", ("a",), data=b"x").digest() == RawImage("b", ("b",), data=b"x").digest()


class TestFolderWithBoxes(SourceContract):
    @pytest.fixture(params=["coco", "megadetector"])
    def source(self, request: pytest.FixtureRequest, tmp_path: Path) -> Source:
        boxes = COCO if request.param == "coco" else MEGADETECTOR
        write(tmp_path / "names.csv", "file,scientific_name\ns1/a.jpg,Vulpes vulpes\ns1/b.jpg,Vulpes vulpes\n")
        without = "whole" if request.param == "coco" else "leave out"
        return folder_of(tmp_path, COCO_FILES, boxes, table="names.csv", without_box=without)


def test_boxes_become_samples_and_every_other_box_and_photograph_a_row_of_the_ledger(tmp_path: Path) -> None:
    folder_of(tmp_path, COCO_FILES, COCO)
    raw, out = tmp_path / "photos", tmp_path / "out"
    done = cli("init", "folder", "--raw", raw, "--boxes", tmp_path / "boxes.json", "--out", out)
    assert done.returncode == 0, done.stderr
    assert "2 boxes in 1 images" in done.stdout
    assert "boxes.json: boxes that reach beyond" in built(out / "dataset.toml").stderr
    catalog = pl.read_parquet(out / "224x224/catalog.parquet")
    assert catalog.select("photos_filename", "photos_box", "genus", "species").rows() == [
        ("s1/a.jpg", "x1", "Vulpes", "vulpes")
    ]
    ledger = pl.read_parquet(out / "ledger/ledger.parquet")
    assert sorted(ledger.select("file", "reason").rows()) == [
        ("gone.jpg", "no-file"), ("s1/a.jpg, box x2", "no-name"), ("s1/b.jpg", "no-box"), ("s1/c.jpg", "no-box"),
        ("s1/c.jpg, box x4", "box-without-area"), ("s1/d.jpg", "no-box"),
    ]  # fmt: skip
    verified = cli("verify", out)
    assert verified.returncode == 0, verified.stdout + verified.stderr


@pytest.mark.parametrize("name", ["class", "label"])
def test_the_width_and_height_of_tensorflow_are_those_of_the_photograph(name: str, tmp_path: Path) -> None:
    """Its tables have the ends of boxes beside them, and call the label class."""
    table = f"filename,width,height,{name},xmin,ymin,xmax,ymax\na.jpg,400,300,Turdus merula,10,20,110,80\n"
    source = folder_of(tmp_path, ["a.jpg"], table)
    assert boxes_of(source) == {"a.jpg, box 10,20,100,60": BoundingBox(10, 20, 100, 60, (400, 300))}
    assert list(names_of(source).values()) == ["Turdus merula"]


def test_boxes_whose_sides_contradict_their_ends_are_an_error(tmp_path: Path) -> None:
    table = "file,x,y,width,height,xmax,ymax\na.jpg,10,20,50,50,110,80\na.jpg,10,20,100,60,110,80\n"
    with pytest.raises(InputError, match="line 2: its box ends elsewhere"):
        folder_of(tmp_path, ["a.jpg"], table).containers()


def test_the_exact_size_tells_a_nearly_square_photograph_that_was_not_turned() -> None:
    turn = Image.Transpose.ROTATE_270
    assert find_region(BoundingBox(0, 0, 100, 200, (1000, 1008)), (1000, 1008), turn).box == (0, 0, 100, 200)
