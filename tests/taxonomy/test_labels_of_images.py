"""Labels of single images: each image has its own, and few of them are distinct."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl
import pytest
import worlds

from treeoflife.config.paths import Paths
from treeoflife.config.tables import Images, Names
from treeoflife.core.database import Database, open_database
from treeoflife.core.values import Label, Taxon
from treeoflife.errors import InputError
from treeoflife.mapping.images import open_images
from treeoflife.selection import marks
from treeoflife.sources.bioscan import Bioscan, Settings
from treeoflife.taxonomy import naming

FLY = Taxon(order="Diptera", family="Muscidae", genus="Musca", species="Musca domestica")
GALL = Taxon(family="Cecidomyiidae")


class Labelled(Bioscan):
    """BIOSCAN with the labels of the test."""

    own_labels: tuple[Label, ...] = ()

    def labels(self) -> Iterator[Label]:
        return iter(self.own_labels)

    def label_files(self) -> list[Path]:
        return [Path("labels.csv")]


@contextmanager
def opened(
    folder: Path, images: list[tuple[int, str]], labels: list[Label]
) -> Iterator[tuple[Paths, Labelled, Database]]:
    """A database of images, which are given by part and file; the id of an image is ``id`` and its number."""
    source = Labelled("bioscan", Settings(path=folder))
    source.own_labels = tuple(labels)
    paths = Paths(folder / "out", Images())
    paths.mapping_parquet.parent.mkdir(parents=True)
    keys = pl.DataFrame(images, schema={"bioscan_part": pl.Int64, "bioscan_filename": pl.String}, orient="row")
    ids = pl.format("id{}", pl.int_range(pl.len()).cast(pl.String).str.zfill(4))
    keys.select(
        "bioscan_part", "bioscan_filename", source=pl.lit("bioscan"), treeoflife_id=ids, is_val=pl.lit(value=False),
        is_train_small=pl.lit(value=False),
    ).write_parquet(paths.mapping_parquet)  # fmt: skip
    with open_database(paths.scratch, 1) as database:
        open_images(database, paths.mapping_parquet, [source])
        marks.load_marks(database, marks.Marks({}))
        yield paths, source, database


def name(folder: Path, images: list[tuple[int, str]], labels: list[Label]) -> tuple[Paths, naming.NamesReport]:
    with opened(folder, images, labels) as (paths, source, database):
        return paths, naming.resolve_names(Names(parser="simple"), [source], database, worlds.files_of(paths))


IMAGES = [(1, f"{number}.jpg") for number in range(200)]


def label(number: int, taxon: Taxon = FLY, scientific_name: str = "", common: str = "") -> Label:
    return Label(f"1/{number}.jpg", taxon, scientific_name, common)


def findings(paths: Paths, kind: str) -> pl.DataFrame:
    return pl.read_parquet(paths.name_findings).filter(kind=kind)


def test_each_image_gets_the_name_of_its_own_label(tmp_path: Path) -> None:
    paths, report = name(tmp_path, IMAGES, [label(n, (FLY, GALL)[n % 2]) for n in reversed(range(200))])
    names = pl.read_parquet(paths.names)
    assert report.names == 200
    assert names["name_key"].to_list() == [f"id{number:04d}" for number in range(200)]
    assert names["family"].to_list() == ["Muscidae", "Cecidomyiidae"] * 100
    assert names["species"].to_list() == ["domestica", ""] * 100
    with paths.predicted_catalog.open(newline="") as fd:
        assert [row["family"] for row in csv.DictReader(fd)] == ["Muscidae", "Cecidomyiidae"] * 100


def test_findings_count_the_images_that_share_a_name_and_list_those_without_one(tmp_path: Path) -> None:
    paths, report = name(tmp_path, IMAGES, [label(n) for n in range(150)])
    holes = findings(paths, "hole")
    assert holes.select("name_key", "keys", "rank").rows() == [("id0000", 150, "kingdom phylum class")]
    nameless = findings(paths, "no-name")
    assert nameless["name_key"].to_list() == [f"id{number:04d}" for number in range(150, 200)]
    assert set(nameless["keys"]) == {1}
    assert report.findings == 51


def test_labels_of_other_images_and_repeated_ones_are_counted_and_not_used(tmp_path: Path) -> None:
    labels = [*(label(n) for n in range(150)), label(0), label(999)]
    paths, report = name(tmp_path, IMAGES, labels)
    assert (report.rows, report.rows_used) == (152, 150)
    assert findings(paths, "table")["detail"].to_list() == [
        "150 of its 152 labels are used; left out: 2 of no image in the dataset, or labelled the same before"
    ]


def test_two_labels_of_an_image_that_mean_the_same_are_one(tmp_path: Path) -> None:
    written = FLY._replace(order="<i>Diptera</i>")
    _, report = name(tmp_path, IMAGES, [label(1), label(1, written)])
    assert (report.rows, report.rows_used) == (2, 1)


def test_two_labels_of_an_image_that_differ_are_an_error(tmp_path: Path) -> None:
    labels = [*(label(n) for n in range(200)), label(7, GALL), label(9, GALL)]
    with pytest.raises(InputError) as error:
        name(tmp_path, IMAGES, labels)
    assert str(error.value) == (
        "[sources.bioscan] labels 1/7.jpg twice, as 'Cecidomyiidae' and as 'Diptera Muscidae Musca domestica'; "
        "keep one label"
    )


def test_the_common_name_of_most_images_is_taken(tmp_path: Path) -> None:
    labels = [
        label(0, common="fly"),
        *(label(n, scientific_name="Musca domestica", common="house fly") for n in (1, 2)),
    ]
    paths, _ = name(tmp_path, IMAGES[:3], labels)
    assert pl.read_parquet(paths.names)["common"].to_list() == ["house fly"] * 3


def test_damaged_texts_are_counted_by_image(tmp_path: Path) -> None:
    paths, _ = name(tmp_path, IMAGES, [label(n, scientific_name="Musca domestica Möller") for n in range(60)])
    assert findings(paths, "damaged-text").is_empty()
    damaged = [label(n, scientific_name="Musca domestica MÃ¶ller") for n in range(60)]
    paths, _ = name(tmp_path / "damaged", IMAGES, damaged)
    (detail,) = findings(paths, "damaged-text")["detail"]
    assert detail.startswith("60 texts are UTF-8 that was read as Windows-1252")


def test_file_names_with_slashes_find_their_labels(tmp_path: Path) -> None:
    paths, _ = name(tmp_path, [(1, "a/b.jpg"), (1, "a&b é.jpg")], [Label("1/a/b.jpg", FLY), Label("1/a&b é.jpg", GALL)])
    assert pl.read_parquet(paths.names)["family"].to_list() == ["Muscidae", "Cecidomyiidae"]


def test_a_label_that_is_no_text_is_shown(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not of texts in UTF-8: .*udc80"):
        name(tmp_path, IMAGES, [label(0), label(1, scientific_name="Musca \udc80")])


def test_names_are_the_same_where_other_sources_have_published_ones(tmp_path: Path) -> None:
    labels = [label(number, (FLY, GALL)[number % 2]) for number in range(150)]
    paths, _ = name(tmp_path, IMAGES, labels)
    with opened(tmp_path / "again", IMAGES, labels) as (again, source, database):
        pieces = list(naming.name_sources(Names(parser="simple"), [source], database, again.verifier_cache))
    assert pieces[0].is_empty()
    assert pl.concat(pieces).equals(pl.read_parquet(paths.names))
