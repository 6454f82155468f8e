"""Names in a table and files in a folder that are not written alike: matched where that is certain, else named."""

from __future__ import annotations

import os
import random
import unicodedata
from pathlib import Path

import pytest

from treeoflife.sources.photographs.file_matching import match_names

FOLDER = Path("/data/birds")


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("a.jpg", "a.jpg"), ("./a.jpg", "a.jpg"), ("field\\a.jpg", "field/a.jpg"), (" a.jpg ", "a.jpg"),
        ('"a.jpg"', "a.jpg"), ("'field/a.jpg'", "field/a.jpg"), ("field//a.jpg", "field/a.jpg"),
        ("../birds/a.jpg", "a.jpg"), ("/data/birds/field/a.jpg", "field/a.jpg"),
        ("file:///data/birds/field/a%20b.jpg", "field/a b.jpg"), ("/home/anna/a.jpg", "a.jpg"),
        ("C:\\Users\\anna\\birds\\a.jpg", "a.jpg"), ("photos/a.jpg", "a.jpg"), ("a.jpg", "field/a.jpg"),
        ("field/a.jpg", "2019/field/a.jpg"), ("A.JPG", "a.jpg"), ("Field/a.jpg", "field/A.jpg"), ("a", "a.JPG"),
        ("a.jpeg", "a.jpg"), ("a.tif", "field/a.jpg"), ("a%20b.jpg", "a b.jpg"), ("a b.jpg", "a%20b.jpg"),
        ("a&amp;b.jpg", "a&b.jpg"), ("M%C3%B6we.jpg", "Möwe.jpg"),
        ("möwe.jpg", unicodedata.normalize("NFD", "Möwe.JPG")),
        (unicodedata.normalize("NFD", "Möwe.jpg"), "Möwe.jpg"), ("Möwe.jpg", os.fsdecode(b"M\xf6we.jpg")),
        ("IMG.001", "IMG.001.jpg"), ("photos/2019/IMG_1", "2019/img_1.png"), ("https://example.org/p/a.jpg", "a.jpg"),
    ],
)  # fmt: skip
def test_a_name_that_fits_one_file_means_it(name: str, file: str) -> None:
    matches = match_names([name], ["other.jpg", file], [], FOLDER)
    assert matches.files == {name: file}
    assert not matches.doubtful
    assert bool(matches.repaired) == (name != file)


@pytest.mark.parametrize(
    ("names", "files", "doubtful"),
    [
        (["A.jpg", "a.JPG"], ["a.jpg"], {"A.jpg", "a.JPG"}), (["A.JPG"], ["a.jpg", "a.Jpg"], {"A.JPG"}),
        (["a"], ["a.jpg", "a.png"], {"a"}), (["a.jpg"], ["x/a.jpg", "y/a.jpg"], {"a.jpg"}),
        (["x/a.jpg", "y/a.jpg"], ["a.jpg"], {"x/a.jpg", "y/a.jpg"}), (["a.jpg", "a.png"], ["a.jpg"], {"a.png"}),
        (["A.jpg", "a.JPG", "a.png"], ["a.jpg"], {"A.jpg", "a.JPG", "a.png"}),
        (["a%20b.jpg", "a b.JPG"], ["A B.jpg"], {"a%20b.jpg"}),
    ],
)  # fmt: skip
def test_a_name_that_fits_several_or_a_file_that_several_fit_is_named(
    names: list[str], files: list[str], doubtful: set[str]
) -> None:
    matches = match_names(names, files, [], FOLDER)
    assert matches.doubtful.keys() == doubtful
    assert matches.files.keys() == set(names) - doubtful


@pytest.mark.parametrize(
    ("name", "file"), [("x/1.jpg", "y/1.jpg"), ("ba.jpg", "a.jpg"), ("a.jpg", "b.jpg"), ("", "a.jpg")]
)
def test_a_name_that_fits_no_file_is_not_matched(name: str, file: str) -> None:
    matches = match_names([name], [file], [], FOLDER)
    assert not matches.files
    assert not matches.doubtful


def test_what_is_written_alike_comes_before_all_else() -> None:
    """Also where a repaired name would fit the same file, and where the file is not readable."""
    matches = match_names(["photos/a.jpg", "a.jpg", "b.CR2"], ["a.jpg", "b.jpg"], ["b.CR2"], FOLDER)
    assert matches.files == {"a.jpg": "a.jpg", "b.CR2": "b.CR2"}
    assert matches.doubtful == {"photos/a.jpg": "a.jpg"}


def test_an_image_is_meant_before_the_raw_photograph_beside_it() -> None:
    matches = match_names(["a", "b.jpeg"], ["a.JPG"], ["a.CR2", "b.CR2"], FOLDER)
    assert matches.files == {"a": "a.JPG", "b.jpeg": "b.CR2"}


def test_the_folder_that_has_more_in_common_is_meant() -> None:
    matches = match_names(["photos/field/a.jpg", "photos/a.jpg"], ["a.jpg", "field/a.jpg"], [], FOLDER)
    assert matches.files == {"photos/field/a.jpg": "field/a.jpg", "photos/a.jpg": "a.jpg"}


@pytest.mark.parametrize("seed", range(5))
def test_no_file_is_given_to_two_names_and_order_does_not_matter(seed: int) -> None:
    drawn = random.Random(seed)
    parts = ["a", "A", "b", "x/a", "X/b", "y/x/a", "ä", "a%20b", "a b"]
    draw = [f"{one}{ending}" for one in parts for ending in (".jpg", ".JPG", ".png", "")]
    names, files = drawn.sample(draw, 12), [one for one in drawn.sample(draw, 12) if "." in one]
    matches = match_names(names, files, [], FOLDER)
    assert len(set(matches.files.values())) == len(matches.files)
    assert set(matches.files.values()) <= set(files)
    assert all(matches.files[name] == name for name in names if name in files)
    other = match_names(names[::-1], sorted(files), [], FOLDER)
    assert (other.files, other.doubtful.keys()) == (matches.files, matches.doubtful.keys())
