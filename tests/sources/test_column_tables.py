"""Columns of the tables of every source, by the natural keys of its images."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from listed_inputs import open_data, treeoflife_200m

from gbif_archives import DWC, GBIF, Spec, bird, picture, write_archive, write_download
from treeoflife.core.database import Database
from treeoflife.errors import ConfigError
from treeoflife.selection.source_columns import check_columns, write_columns
from treeoflife.sources.column_tables import ColumnTables
from treeoflife.sources.registry import load_source


def said(database: Database, kind: str, settings: dict[str, Any], wanted: dict[str, str]) -> list[tuple[Any, ...]]:
    """What a source says in columns, in order."""
    source = load_source("own", {"kind": kind, **settings}, Path())
    assert isinstance(source, ColumnTables)
    assert set(wanted.values()) <= set(source.table_columns())
    assert all(path.is_file() for path in source.column_files())
    source.column_values(database, wanted)
    names = ", ".join(f'"{name}"' for name in (*source.key, *wanted))
    return database.rows(f"SELECT {names} FROM said ORDER BY ALL")


@pytest.mark.parametrize("described", [True, False])
def test_a_column_of_gbif_is_that_of_the_picture_or_else_of_the_occurrence(
    database: Database, tmp_path: Path, *, described: bool
) -> None:
    occurrences = [bird(1, sex="male", lifeStage="adult", creator="Eve"), bird(2, lifeStage="larva")]
    media = [
        picture(1, "https://a.org/1.jpg", creator="Ada"),
        picture(1, "https://a.org/2.jpg"),
        picture(2, "https://a.org/3.jpg"),
    ]
    path = write_download(tmp_path / "download.zip", occurrences, media, described=described)
    wanted = {"stage": "lifeStage", "sex": "sex", "creator": "creator"}
    assert [row[1:] for row in said(database, "gbif", {"path": str(path)}, wanted)] == [
        ("https://a.org/1.jpg", "adult", "male", "Ada"),
        ("https://a.org/2.jpg", "adult", "male", "Eve"),
        ("https://a.org/3.jpg", "larva", "", ""),
    ]


def test_a_column_of_an_event_is_that_of_its_occurrence_or_its_own(database: Database, tmp_path: Path) -> None:
    core = Spec(DWC + "Event", "event.txt", ["id", DWC + "habitat"], [{"id": "e", DWC + "habitat": "bog"}])
    columns = ["id", DWC + "occurrenceID", DWC + "sex", DWC + "scientificName"]
    rows = [
        dict(zip(columns, row, strict=True)) for row in (("e", "o1", "male", "Parus major"), ("e", "o2", "", "Apis"))
    ]
    occurrences = Spec(DWC + "Occurrence", "occurrence.txt", columns, rows)
    media = ["id", DWC + "occurrenceID", "identifier"]
    pictures = Spec(GBIF + "Multimedia", "multimedia.txt", media, [
        dict(zip(media, ("e", "o1", "https://a.org/1.jpg"), strict=True)),
        dict(zip(media, ("e", "", "https://a.org/2.jpg"), strict=True)),
    ])  # fmt: skip
    path = write_archive(tmp_path / "event.zip", core, occurrences, pictures)
    wanted = {"sex": "sex", "habitat": "habitat"}
    assert said(database, "gbif", {"path": str(path)}, wanted) == [
        ("e", "https://a.org/1.jpg", "male", "bog"),
        ("e", "https://a.org/2.jpg", "", "bog"),
    ]


def test_columns_of_open_data_are_those_of_all_four_tables(database: Database, tmp_path: Path) -> None:
    folder = open_data(tmp_path / "tables")
    wanted = {"grade": "quality_grade", "wide": "width", "taxon": "name", "who": "observers.name"}
    rows = said(database, "inaturalist", {"path": str(folder)}, wanted)
    assert (101, "research", "2048", "Turdus merula", 'Ada "the bee" O\'Hara') in rows
    assert len([row for row in rows if row[0] == 103]) == 2  # a photograph of two observations


def test_columns_of_an_export_are_by_photograph(database: Database, tmp_path: Path) -> None:
    path = tmp_path / "observations-1.csv"
    photo = "https://static.inaturalist.org/photos/7/medium.jpg"
    path.write_text(f"id,image_url,scientific_name,sound_url,Field:Sex\n1,{photo},Parus major,,male\n2,,Apis,,female\n")
    rows = said(database, "inaturalist", {"path": str(path)}, {"sex": "Field:Sex"})
    assert (7, "male") in rows


def test_columns_of_a_list_of_addresses(database: Database, tmp_path: Path) -> None:
    catalog = treeoflife_200m(tmp_path / "metadata")
    settings = {"path": str(catalog), "preset": "treeoflife-200m"}
    rows = said(database, "urls", settings, {"kind": "img_type", "basis": "basis_of_record"})
    assert {row[1:] for row in rows} == {("Citizen Science", "HUMAN_OBSERVATION")}
    table = tmp_path / "list.csv"
    table.write_text("url,scientific_name,sex\nhttps://a.org/1.jpg,Parus major,male\nno address,Apis,female\n")
    assert ("https://a.org/1.jpg", "male") in said(database, "urls", {"path": str(table)}, {"sex": "sex"})


@pytest.mark.parametrize("ending", ["json", "tsv"])
def test_columns_of_bioscan_are_those_of_its_metadata(database: Database, tmp_path: Path, ending: str) -> None:
    rows = [{"chunk_number": 1, "image_file": "a.jpg", "order": "Diptera", "dna_bin": "BOLD:1", "area": 2.5}]
    path = tmp_path / f"metadata.{ending}"
    text = "\t".join(rows[0]) + "\n" + "\t".join(map(str, rows[0].values())) + "\n"
    path.write_text(json.dumps(rows) if ending == "json" else text)
    settings = {"path": str(tmp_path), "metadata": str(path)}
    wanted = {"bin": "dna_bin", "area": "area", "order_name": "order"}
    assert said(database, "bioscan", settings, wanted) == [(1, "a.jpg", "BOLD:1", "2.5", "Diptera")]


def test_a_column_that_no_source_has_is_an_error_with_near_spellings(tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    table.write_text("url,scientific_name,lifeStage\nhttps://a.org/1.jpg,Parus major,adult\n")
    source = load_source("own", {"kind": "urls", "path": str(table)}, Path())
    check_columns([source], (), {"stage": "life stage"})
    with pytest.raises(ConfigError, match=r"'lifestge' \('lifeStage'\?\); there are lifeStage, scientific_name, url"):
        check_columns([source], (), {"stage": "lifestge"})


def test_columns_of_eol_are_those_of_its_manifest(database: Database, tmp_path: Path) -> None:
    """The content id is a number there; several rows of an image, which differ, are beside each other elsewhere."""
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("7,8,https://a.org/7,https://b.org/7,cc-by,Ada\n9,8,https://a.org/9,https://b.org/9,cc0,\n")
    source = load_source("eol", {"path": str(tmp_path)}, tmp_path)
    images = {"treeoflife_id": ["x", "y"], "source": ["eol"] * 2, "eol_content_id": [7, 9], "eol_page_id": [8, 8]}
    database.load("image", pl.DataFrame(images))
    path = tmp_path / "columns.parquet"
    wanted = {"owner": "copyright_owner", "licence": "license_name"}
    assert write_columns(database, [source], [manifest], wanted, path) == 2
    assert pl.read_parquet(path).rows() == [("x", "Ada", "cc-by"), ("y", None, "cc0")]


def test_values_of_several_rows_stand_beside_each_other_on_one_line(database: Database, tmp_path: Path) -> None:
    table = tmp_path / "list.csv"
    rows = 'https://a.org/1.jpg,Apis,"two\nlines"\nhttps://a.org/1.jpg,Apis,a\nhttps://a.org/1.jpg,Apis,a\n'
    table.write_text(f"url,scientific_name,note\n{rows}")
    source = load_source("web", {"kind": "urls", "path": str(table)}, tmp_path)
    images = {"treeoflife_id": ["x"], "source": ["web"], "web_image_url": ["https://a.org/1.jpg"]}
    database.load("image", pl.DataFrame(images))
    path = tmp_path / "columns.parquet"
    write_columns(database, [source], [], {"note": "note"}, path)
    assert pl.read_parquet(path).rows() == [("x", "a | two lines")]
