"""A published catalog as a mapping: every row is a part of an image, or the error names the line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from mapped import database

from treeoflife.errors import InputError
from treeoflife.mapping import published
from treeoflife.mapping.ids import id_key, is_uuid, plain_id
from treeoflife.sources.base import Source
from treeoflife.sources.registry import load_source

HEADER = "split,treeoflife_id,eol_content_id,eol_page_id,inat21_filename,inat21_cls_name,inat21_cls_num"
ID, OTHER = "0b5c4c1e-8c2a-4f6e-9d1b-3a7e5f60718a", "1b5c4c1e-8c2a-4f6e-9d1b-3a7e5f60718a"


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    return [load_source(name, {"path": "."}, tmp_path) for name in ("eol", "inat21")]


def copied(
    folder: Path, sources: list[Source], *rows: str, header: str = HEADER
) -> tuple[list[dict[str, Any]], list[str]]:
    """The images of a catalog with these rows in the dataset's own mapping, and what is said of it."""
    path, notes = folder / "catalog.csv", list[str]()
    path.write_text("\n".join([header, *rows]) + "\n")
    with database(folder) as opened:
        published.copy_mapping(opened, path, sources, folder / "copy.parquet", notes.append)
    return pl.read_parquet(folder / "copy.parquet").to_dicts(), notes


@pytest.mark.parametrize(
    ("splits", "is_val", "is_small"),
    [
        (["train"], False, False),
        (["val"], True, False),
        (["train", "train_small"], False, True),
        (["train_small", "train"], False, True),
        (["train_small"], False, True),
        (["val", "val"], True, False),
        ([""], None, None),
        (["", "val"], True, False),
    ],
)
def test_the_rows_of_an_image_are_one_image_in_all_of_their_splits(
    tmp_path: Path, sources: list[Source], splits: list[str], is_val: bool | None, is_small: bool | None
) -> None:
    (image,), notes = copied(tmp_path, sources, *(f"{split},{ID},5,7,,," for split in splits))
    assert (image["source"], image["treeoflife_id"], image["eol_content_id"], image["eol_page_id"]) == ("eol", ID, 5, 7)
    assert (image["is_val"], image["is_train_small"]) == (is_val, is_small)
    assert notes == [f"{tmp_path / 'catalog.csv'} has no image of the source inat21"]


@pytest.mark.parametrize("other", ["train", "train_small"])
def test_an_image_in_train_and_val_is_taken_for_val_and_said(tmp_path: Path, sources: list[Source], other: str) -> None:
    (image,), notes = copied(tmp_path, sources, f"{other},{ID},5,7,,,", f"val,{ID},5,7,,,")
    assert (image["is_val"], image["is_train_small"]) == (True, False)
    assert any("1 images are in train and in val" in one and ID in one for one in notes)


@pytest.mark.parametrize("written", [ID.upper(), f"{{{ID}}}", ID.replace("-", ""), f"urn:uuid:{ID}"])
def test_ids_are_read_as_samples_have_them_however_they_are_written(
    tmp_path: Path, sources: list[Source], written: str
) -> None:
    """Two rows of one image may write it differently."""
    (image,), notes = copied(tmp_path, sources, f"train,{written},5,7,,,", f"train_small,{ID},5,7,,,")
    assert (image["treeoflife_id"], image["is_train_small"]) == (ID, True)
    assert any("1 images have an id in capitals" in one for one in notes)


def test_an_id_that_is_no_uuid_is_kept_and_said(tmp_path: Path, sources: list[Source]) -> None:
    (image,), notes = copied(tmp_path, sources, "train,Image-5,5,7,,,")
    assert image["treeoflife_id"] == "Image-5"
    assert any("1 images have an id that is no UUID" in one and "Image-5" in one for one in notes)


def test_numbers_written_as_floats_are_whole_numbers(tmp_path: Path, sources: list[Source]) -> None:
    """As pandas writes a column with an empty cell."""
    rows, _ = copied(tmp_path, sources, f"train,{ID},9000000001.0,7.0,,,", f"val,{OTHER},,,a.jpg,Aves,12.0")
    assert [(one["eol_content_id"], one["inat21_cls_num"]) for one in rows] == [(9000000001, None), (None, 12)]


def test_rows_of_other_sources_are_left_out_and_counted(tmp_path: Path, sources: list[Source]) -> None:
    """So are those without any key."""
    header = HEADER + ",bioscan_part,bioscan_filename"
    rows = [f"train,{ID},5,7,,,,,", f"train,{OTHER},,,,,,3,b.jpg"]
    images, notes = copied(tmp_path, sources, *rows, header=header)
    assert [one["treeoflife_id"] for one in images] == [ID]
    assert any("1 of its 2 rows are of none of the sources eol, inat21" in one for one in notes)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([f"train,{ID},5,7,,,", f"test,{OTHER},6,7,,,"], "line 3: split 'test' is none of train, val, train_small"),
        ([f"Train,{ID},5,7,,,"], "split 'Train'"),
        ([f"train,{ID},5,,,,"], "line 2: eol_content_id '5' is not the whole key of one source"),
        ([f"train,{ID},5,7,a.jpg,Aves,3"], "inat21_filename 'a.jpg'"),
        ([f"train,{ID},5,7,a.jpg,,"], "is not the whole key of one source"),
        ([f"train,{ID},5.5,7,,,"], "eol_content_id '5.5' is no whole number"),
        ([f"train,{ID},99999999999999999999,7,,,"], "is no whole number"),
        ([f"train,{ID},5e9,7,,,"], "is no whole number with all its digits"),
        (["train,,5,7,,,"], "has an image without an id"),
        ([f"train,{ID},5,7,,,", f"train_small,{ID},6,7,,,"], f"gives the id '{ID}' to two images"),
        ([f"train,{ID},5,7,,,", f"train,{ID},,,a.jpg,Aves,3"], "to two images"),
        ([f"train,{ID},5,7,,,", f"train,{ID.upper()},6,7,,,"], "to two images"),
        ([f"train,{ID},5,7,,,,x"], "line 2: has 8 fields"),
        ([f'train,{ID},5,7,"a.jpg,,'], "catalog.csv"),
    ],
)
def test_rows_that_contradict_are_an_error(tmp_path: Path, sources: list[Source], rows: list[str], words: str) -> None:
    with pytest.raises(InputError) as error:
        copied(tmp_path, sources, *rows)
    assert words in str(error.value)
    assert str(tmp_path / "catalog.csv") in str(error.value)
    assert not (tmp_path / "copy.parquet").exists()


def test_pandas_parquet_is_read_as_its_csv_is(tmp_path: Path, sources: list[Source]) -> None:
    """Columns of floats with NaN, categories, and nulls."""
    frame = pl.DataFrame({
        "split": pl.Series(["train", "val", "train_small"], dtype=pl.Categorical), "treeoflife_id": [ID, OTHER, ID],
        "eol_content_id": [5.0, float("nan"), 5.0], "eol_page_id": [7.0, None, 7.0],
        "inat21_filename": [None, "a.jpg", None], "inat21_cls_name": ["", "Aves", ""],
        "inat21_cls_num": [None, 3.0, None],
    })  # fmt: skip
    frame.write_parquet(tmp_path / "catalog.parquet")
    with database(tmp_path) as opened:
        published.copy_mapping(opened, tmp_path / "catalog.parquet", sources, tmp_path / "of_parquet.parquet")
    copied(tmp_path, sources, f"train,{ID},5,7,,,", f"val,{OTHER},,,a.jpg,Aves,3", f"train_small,{ID},5,7,,,")
    assert (tmp_path / "of_parquet.parquet").read_bytes() == (tmp_path / "copy.parquet").read_bytes()


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (HEADER.replace("split,", ""), "no columns ['split']"),
        (HEADER.replace("treeoflife_id", "uuid"), "no columns ['treeoflife_id']"),
        (HEADER.replace(",eol_page_id", ""), "no columns ['eol_page_id']"),
        (HEADER + ",Treeoflife_ID", ""),
        ("a,b", "predicted-catalog.csv"),
    ],
)
def test_a_catalog_without_a_column_is_named_with_what_can_be_given(
    tmp_path: Path, sources: list[Source], header: str, words: str
) -> None:
    """Before a row is read; another spelling of a column beside it does no harm."""
    (path := tmp_path / "catalog.csv").write_text(header + "\n")
    if not words:
        published.check(path, sources)
        return
    with pytest.raises(InputError) as error:
        published.check(path, sources)
    assert words in str(error.value)
    assert "mapping.sqlite" in str(error.value)


def test_the_content_of_a_file_decides_and_not_its_name(tmp_path: Path, sources: list[Source]) -> None:
    (path := tmp_path / "mapping.sqlite").write_text(f"{HEADER}\ntrain,{ID},5,7,,,\n")
    assert published.is_catalog(path)
    published.check(path, sources)


def test_sources_with_the_same_columns_cannot_be_told_from_a_catalog(tmp_path: Path, sources: list[Source]) -> None:
    twin = load_source("eol_again", {"path": ".", "kind": "eol"}, tmp_path)
    with pytest.raises(InputError, match="eol and eol_again have the same columns"):
        copied(tmp_path, [*sources, twin], f"train,{ID},5,7,,,")


@pytest.mark.parametrize(
    "text",
    [
        ID,
        ID.upper(),
        f" {ID}\t",
        f"{{{ID}}}",
        f"URN:UUID:{{{ID}}}",
        ID.replace("-", ""),
        "Image-5",
        "",
        ID[:-1],
        f"{ID}0",
    ],
)
def test_ids_are_read_in_sql_as_they_are_in_python(tmp_path: Path, text: str) -> None:
    with database(tmp_path) as opened:
        read = opened.value(f"SELECT {plain_id('id')} FROM (SELECT $text AS id)", text=text)
    assert read == (id_key(text) if is_uuid(text) else text)
