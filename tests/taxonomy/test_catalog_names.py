"""Names from a published catalog: each image has that of its row, letter by letter, or it is said that it has none."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from treeoflife.core.database import Database
from treeoflife.core.values import NAME_COLUMNS
from treeoflife.errors import InputError
from treeoflife.mapping.images import open_images, row_schema
from treeoflife.sources.base import Source
from treeoflife.sources.registry import load_source
from treeoflife.taxonomy import catalog_names

HEADER = ",".join(("split", "treeoflife_id", *NAME_COLUMNS))
IDS = [f"{number}b5c4c1e-8c2a-4f6e-9d1b-3a7e5f60718a" for number in range(4)]
LION = "Animalia,Chordata,Mammalia,Carnivora,Felidae,Panthera,leo"


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    return [load_source(name, {"path": "."}, tmp_path) for name in ("eol", "inat21")]


@pytest.fixture
def images(tmp_path: Path, sources: list[Source], database: Database) -> Database:
    """A database with an image of EOL and one of iNat21."""
    rows = [("eol", IDS[0]), ("inat21", IDS[1])]
    frame = pl.DataFrame(rows, schema=["source", "treeoflife_id"], orient="row")
    missing = [
        pl.lit(None, kind).alias(name) for name, kind in row_schema(sources).items() if name not in frame.columns
    ]
    frame.with_columns(missing).write_parquet(tmp_path / "mapping.parquet")
    open_images(database, tmp_path / "mapping.parquet", sources)
    return database


def named(folder: Path, images: Database, sources: list[Source], *rows: str) -> tuple[pl.DataFrame, list[str]]:
    """The names of images from a catalog with these rows, and what is said of it."""
    (path := folder / "catalog.csv").write_text("\n".join([HEADER, *rows]) + "\n")
    remarks = catalog_names.write_names(images, path, sources, folder / "names.parquet")
    return pl.read_parquet(folder / "names.parquet"), remarks


def test_names_are_taken_as_they_are(tmp_path: Path, images: Database, sources: list[Source]) -> None:
    """Authors, capitals and placeholders too; two images of one page may have different names."""
    odd = 'Metazoa,"Chordata, sensu lato",Aves,,Corvidae,pica,sp. BOLD:AAA1234,=Magpie'
    names, remarks = named(tmp_path, images, sources, f"train,{IDS[0]},{LION},Lion", f"val,{IDS[1].upper()},{odd}")
    assert names.select("source", "name_key", *NAME_COLUMNS, "names_from").rows() == [
        ("eol", IDS[0], *LION.split(","), "Lion", "catalog.csv"),
        ("inat21", IDS[1], "Metazoa", "Chordata, sensu lato", "Aves", "", "Corvidae", "pica", "sp. BOLD:AAA1234",
         "=Magpie", "catalog.csv"),
    ]  # fmt: skip
    assert remarks == []


def test_rows_without_an_image_and_images_without_a_row_are_counted(
    tmp_path: Path, images: Database, sources: list[Source]
) -> None:
    rows = [f"train,{IDS[0]},{LION},Lion", f"train_small,{IDS[0]},{LION},Lion"]
    rows += [f"{split},{IDS[2]},{LION},Lion" for split in ("train", "train_small")]
    names, remarks = named(tmp_path, images, sources, *rows)
    assert names["name_key"].to_list() == [IDS[0]]
    path = tmp_path / "catalog.csv"
    assert remarks == [
        f"{path} names 1 images that are not in the mapping; they are ignored",
        f"{path} has no row of 1 images of inat21, which therefore have no name",
    ]


@pytest.mark.parametrize("other", [f"{LION},", f"{LION},Cat", f"{LION.replace('leo', 'onca')},Lion"])
def test_two_names_of_one_image_are_an_error(
    tmp_path: Path, images: Database, sources: list[Source], other: str
) -> None:
    with pytest.raises(InputError, match=f"gives the image '{IDS[0]}' two names") as error:
        named(tmp_path, images, sources, f"train,{IDS[0]},{LION},Lion", f"train_small,{IDS[0].upper()},{other}")
    assert "Lion" in str(error.value)
    assert not (tmp_path / "names.parquet").exists()


def test_damaged_texts_are_said(tmp_path: Path, images: Database, sources: list[Source]) -> None:
    _, remarks = named(
        tmp_path, images, sources, f"train,{IDS[0]},{LION},M\u00c3\u00b6we", f"val,{IDS[1]},{LION},\ufffd"
    )
    assert any("UTF-8 that was read as Windows-1252" in one for one in remarks)
    assert any("U+FFFD" in one for one in remarks)


@pytest.mark.parametrize(
    ("row", "words"),
    [(f"train,{IDS[0]},,,,,,,,Lion", "names nothing"), (f"train,{IDS[3]},{LION},Lion", "names no image")],
)
def test_a_catalog_that_names_nothing_is_an_error(
    tmp_path: Path, images: Database, sources: list[Source], row: str, words: str
) -> None:
    with pytest.raises(InputError, match=words):
        named(tmp_path, images, sources, row)


def test_missing_columns_are_named_before_a_row_is_read(tmp_path: Path) -> None:
    (path := tmp_path / "catalog.csv").write_text(HEADER.replace("genus,", "").replace("common", "common_name") + "\n")
    with pytest.raises(InputError) as error:
        catalog_names.check(path)
    assert "['genus', 'common']" in str(error.value)
    assert str(path) in str(error.value)
