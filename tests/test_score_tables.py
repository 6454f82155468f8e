"""Tables of scores as others write them: which image a row is of, what a value is, and what of rows that are wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from treeoflife.config.scores import Score
from treeoflife.core.database import Database
from treeoflife.errors import ConfigError, InputError
from treeoflife.mapping.images import open_images, row_schema
from treeoflife.selection.scores.read_table import ScoreTable
from treeoflife.selection.scores.rule_sql import compile_rule
from treeoflife.selection.scores.rule_text import RuleText
from treeoflife.selection.scores.rules import leave_out, open_files
from treeoflife.selection.scores.score_file import ScoreColumn, ScoreFile
from treeoflife.sources.registry import load_source

FILES = ("a/1.jpg", "a/2.jpg", "b/1.jpg", "ä.png")
Read = Callable[..., dict[str, dict[str, Any]]]


def id_of(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


@pytest.fixture
def images(database: Database, tmp_path: Path) -> Database:
    """A database with four images of a folder, and of what their source says of them."""
    source = load_source("birds", {"path": str(tmp_path), "kind": "folder"}, tmp_path)
    rows = [("birds", id_of(number), False, False, file) for number, file in enumerate(FILES)]
    pl.DataFrame(rows, schema=row_schema([source]), orient="row").write_parquet(tmp_path / "ids.parquet")
    open_images(database, tmp_path / "ids.parquet", [source])
    stated = [(id_of(number), f"https://x.org/p/{number}.jpg", f"p{number}") for number in range(4)]
    schema = ["treeoflife_id", "source_url", "source_id"]
    database.load("provenance", pl.DataFrame(stated, schema=schema, orient="row"))
    return database


@pytest.fixture
def read(images: Database, tmp_path: Path) -> Read:
    """Reads a table: its text, or rows; gives the columns of each image that has any, by the image's file."""

    def read(table: Any, name: str = "table.csv", **settings: Any) -> dict[str, dict[str, Any]]:
        path, out = tmp_path / name, tmp_path / "scores.parquet"
        if isinstance(table, pl.DataFrame):
            table.write_parquet(path)
        else:
            path.write_text(table if isinstance(table, str) else json.dumps(table), encoding="utf-8")
        source = load_source("birds", {"path": str(tmp_path), "kind": "folder"}, tmp_path)
        read.meta = ScoreTable.open("x", Score(**settings), path).write(images, [source], out)  # type: ignore[attr-defined]
        rows = ScoreFile.open("x", out).scan().collect().iter_rows(named=True)
        return {FILES[int(row.pop("treeoflife_id")[-2:])]: row for row in rows}

    return read


@pytest.mark.parametrize(
    ("header", "keys"),
    [
        ("UUID", [id_of(0).upper(), "{" + id_of(2) + "}"]),
        ("filepath", ["a/1.jpg", "./b/1.jpg"]),
        ("File", ["C:\\photos\\a\\1.jpg", "/data/birds/b/1.jpg"]),
        ("image_url", ["http://X.org/p/0.jpg", "https://x.org:443/p/2.jpg#x"]),
        ("source_id", ["p0", "p2"]),
    ],
)
def test_images_are_known_by_any_key(header: str, keys: list[str], read: Read) -> None:
    values = read(f"{header},animal\n{keys[0]},0.1\n{keys[1]},0.2\nnothing,0.3\n,0.4\n")
    assert values == {"a/1.jpg": {"animal": 0.1}, "b/1.jpg": {"animal": 0.2}}
    assert read.meta["unmatched"] == 1  # type: ignore[attr-defined]
    assert read.meta["without_key"] == 1  # type: ignore[attr-defined]


def test_a_file_of_another_folder_is_no_image_and_accents_count_once(read: Read) -> None:
    assert read("file,x\nc/1.jpg,1\nphotos/a\u0308.png,2\n") == {"ä.png": {"x": 2.0}}


def test_nothing_nan_and_words_for_nothing_are_missing(read: Read) -> None:
    values = read("file,x,y\na/1.jpg,nan,\na/2.jpg,NA,high\nb/1.jpg,-inf,low\nä.png,1e-3,none\n")
    assert [row["x"] for row in values.values()] == [None, None, float("-inf"), 0.001]
    assert [row["y"] for row in values.values()] == [None, "high", "low", None]
    frame = pl.DataFrame({"file": ["a/1.jpg", "a/2.jpg"], "x": pl.Series([float("nan"), 0.1], dtype=pl.Float32)})
    assert read(frame, "t.parquet") == {"a/1.jpg": {"x": None}, "a/2.jpg": {"x": 0.1}}


def test_an_image_with_rows_that_differ_needs_a_rule(read: Read) -> None:
    table = "file,x,y\na/1.jpg,2,a\nb/1.jpg,5,c\na/1.jpg,1,b\na/1.jpg,,c\nb/1.jpg,5,c\n"
    with pytest.raises(InputError, match=r"rows that differ for 1 image, such as .* in line 2 and line 5"):
        read(table)
    expected = {"first": (2, "a"), "last": (None, "c"), "min": (1, "a"), "max": (2, "c")}
    for repeated, (x, y) in expected.items():
        values = read(table, repeated=repeated)
        assert values == {"a/1.jpg": {"x": x, "y": y}, "b/1.jpg": {"x": 5, "y": "c"}}


@pytest.mark.parametrize(
    ("table", "settings", "message"),
    [
        ("name,x\na,1\n", {}, "has no column that says which image a row is of"),
        (
            "file,x\nq.jpg,1\n",
            {},
            "no row of .* is of an image .* 'q.jpg' in line 2; one of the dataset's is 'a/1.jpg'",
        ),
        ("file\na/1.jpg\n", {}, "has no columns beside its key"),
        ("file,x,X\na/1.jpg,1,2\n", {}, "'x' and 'X' .* differ in capitals alone"),
        ("file,x\na/1.jpg,1\n", {"columns": ("z",)}, "has no column 'z'"),
        ("file,x\na/1.jpg,1,2\n", {}, "line 2"),
        ('{"images": []}', {}, "neither MegaDetector's format .* nor SpeciesNet's"),
        ("file,x\na/1.jpg,1\n", {"format": "megadetector"}, 'format is "megadetector", and .* is a table'),
    ],
)
def test_a_wrong_table_is_named(table: str, settings: dict[str, Any], message: str, read: Read) -> None:
    with pytest.raises(InputError, match=message):
        read(table, **settings)


MEGADETECTOR = {
    "images": [
        {"file": "a/1.jpg", "detections": [
            {"category": "1", "conf": 0.7, "bbox": [0, 0, 1, 1]}, {"category": "1", "conf": 0.9, "bbox": [0, 0, 1, 1]},
            {"category": "2", "conf": 0.3, "bbox": [0, 0, 1, 1]}, {"category": "9", "conf": 1.0, "bbox": [0, 0, 1, 1]},
        ]},
        {"file": "a/2.jpg", "detections": []},
        {"file": "b/1.jpg", "detections": None, "failure": "image access"},
    ],
    "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"},
    "info": {"format_version": "1.4"},
}  # fmt: skip


def test_megadetectors_results_are_the_highest_confidence_of_each_category(read: Read) -> None:
    assert read(MEGADETECTOR, "md.json") == {
        "a/1.jpg": {"animal": 0.9, "person": 0.3, "vehicle": 0.0},
        "a/2.jpg": {"animal": 0.0, "person": 0.0, "vehicle": 0.0},
        "b/1.jpg": {"animal": None, "person": None, "vehicle": None},
    }
    listed = [{"file": "/x/a/1.jpg", "detections": [{"category": "person", "confidence": 0.5, "bbox": [1, 2, 3, 4]}]}]
    assert read(listed, "md.json") == {"a/1.jpg": {"animal": 0.0, "person": 0.5, "vehicle": 0.0}}


def test_speciesnets_predictions_have_a_name_and_a_score(read: Read) -> None:
    label = "0b5c4c1e-8c2a-4f6e-9d1b-3a7e5f60718a;mammalia;carnivora;felidae;panthera;leo;lion"
    one = {
        "filepath": "/x/a/1.jpg", "prediction": label, "prediction_score": 0.8, "prediction_source": "classifier",
        "detections": [{"category": "1", "label": "animal", "conf": 0.6, "bbox": [0, 0, 1, 1]}],
    }  # fmt: skip
    failed = {"filepath": "/x/a/2.jpg", "failures": ["DETECTOR", "CLASSIFIER"]}
    values = read({"predictions": [one, failed]}, "predictions.json")
    expected = {"animal": 0.6, "human": 0.0, "vehicle": 0.0, "prediction_score": 0.8, "prediction": "lion"}
    assert values["a/1.jpg"] == {**expected, "prediction_label": label, "prediction_source": "classifier"}
    assert set(values["a/2.jpg"].values()) == {None}


@pytest.mark.parametrize(
    "damaged", [b'{"images": [{"file": 1', b'{"images": [{"fil": "x"}], "detection_categories": {}}']
)
def test_damaged_detections_are_named(damaged: bytes, read: Read, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"md\.json cannot be read"):
        read(damaged.decode() + (' "detection_categories"' if damaged.endswith(b"1") else ""), "md.json")


COLUMNS = {"x": {"animal": ScoreColumn("number"), "label": ScoreColumn("text", "lion", "line 2 of t.csv")}}


@pytest.mark.parametrize(
    ("rule", "problem", "at"),
    [
        ("anmal < 0.2", r"no column 'anmal' \(animal\?\)", 0),
        ("animal < 0.2 or y.b > 1", r"no \[scores\.y\]", 16),
        ("animal <", "a number or a text is expected in place of the end", 8),
        ("animal < 0.2 animal", "'animal' is not expected here", 13),
        ("0.1 < animal < 0.2", "a comparison has two sides", 13),
        ("(animal < 0.2", r"a \) is missing before the end", 13),
        ("animal < 0.2)", r"no \( to this \)", 12),
        ("animal < 'a", "has no end", 9),
        ("animal + 1 < 2", "do not calculate", 7),
        ("1 < 2", "one side of a comparison", 0),
        ("label > 1", "holds texts, such as 'lion' in line 2 of t.csv, and is compared with a number", 0),
        ("animal = 'x'", "holds numbers, and is compared with a text", 0),
        ("animal < 1; DROP TABLE image", "';' cannot be here", 10),
        ("animal is 5", "'missing' is expected in place of '5'", 10),
        (" ", "the rule is empty", 0),
        ("not " * 100 + "animal < 1", "nested more than", 160),
        ("animal < 1 or " * 1000 + "animal < 1", "has 14,010 characters", None),
    ],
)
def test_an_error_points_into_the_rule(rule: str, problem: str, at: int | None) -> None:
    with pytest.raises(ConfigError, match=problem) as raised:
        compile_rule(RuleText("drop", rule), "x", COLUMNS, "v")
    if at is not None and at < 60:
        assert str(raised.value).splitlines()[-1] == f"    {' ' * at}^"


@pytest.mark.parametrize(
    ("rule", "meant"),
    [
        ("animal < 0.5", [0]),
        ("ANIMAL<-0.5 OR animal >= .5", [1]),
        ("not animal < 0.5", [1]),
        ("animal is missing", [2, 3]),
        ("animal is not missing and not (label = 'it''s' or x.label != 'lion')", [1]),
        ("\"label\" = 'it''s'", [0]),
        ("0.1 = animal", [0]),
    ],
)
def test_a_rule_means_the_images_that_it_says(
    rule: str, meant: list[int], read: Read, images: Database, tmp_path: Path
) -> None:
    """A comparison with a missing value is never true, nor is its contrary."""
    read("file,animal,label\na/1.jpg,0.1,it's\na/2.jpg,0.9,lion\nb/1.jpg,,lion\n")
    files = [ScoreFile.open("x", tmp_path / "scores.parquet")]
    open_files(images, files)
    leave_out(images, files, {"x": Score(drop=rule)})
    found = dict(images.rows("FROM scored"))
    assert sorted(found) == [id_of(number) for number in meant]
    assert all(detail.startswith("[scores.x] drop ") and " is " in detail for detail in found.values())


def test_a_table_of_a_folder_of_parquet_is_one_table(read: Read, images: Database, tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    for number, file in enumerate(FILES):
        pl.DataFrame({"file": [file], "x": [number]}).write_parquet(tmp_path / f"parts/{number}.parquet")
    table = ScoreTable.open("x", Score(), tmp_path / "parts")
    source = load_source("birds", {"path": str(tmp_path), "kind": "folder"}, tmp_path)
    assert table.write(images, [source], tmp_path / "out.parquet")["images"] == 4
