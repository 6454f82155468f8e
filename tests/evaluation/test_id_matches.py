"""Lists of ids of any form are matched with what a dataset of many sources knows of its images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import treeoflife
from helpers import built
from treeoflife.config.fetched_files import FetchedFiles
from treeoflife.core.database import Database
from treeoflife.errors import InputError
from treeoflife.evaluation.dataset_ids import open_dataset_ids
from treeoflife.evaluation.id_list import open_id_list
from treeoflife.evaluation.id_matches import IdMatches, match_ids
from treeoflife.mapping.images import open_images, row_schema
from treeoflife.sources.lists.id_columns import parse_named
from treeoflife.sources.lists.listed import ListedImages
from treeoflife.sources.registry import load_source

UUID = "0b5c4c1e-8c2a-4f6e-9d1b-3a7e5f60718a"
OBSERVATION = "d3a3c1b0-1111-4222-8333-444455556666"
SOURCES = {"eol": "eol", "gbif": "gbif", "inaturalist": "inaturalist", "tol": "urls", "photos": "folder"}
IMAGES = [
    {"source": "eol", "treeoflife_id": "e1", "eol_content_id": 30001, "eol_page_id": 7001},
    {"source": "gbif", "treeoflife_id": "g1", "gbif_id": "4000000001",
     "gbif_identifier": "https://inaturalist-open-data.s3.amazonaws.com/photos/555/original.jpg"},
    {"source": "gbif", "treeoflife_id": "g2", "gbif_id": "4000000001",
     "gbif_identifier": "http://Example.org:80/a%20b.jpg"},
    {"source": "inaturalist", "treeoflife_id": "i1", "inaturalist_photo_id": 777},
    {"source": "photos", "treeoflife_id": "f1", "photos_filename": "birds/IMG_1.JPG"},
    {"source": "tol", "treeoflife_id": UUID, "tol_uuid": UUID},
]  # fmt: skip
PROVENANCE = [
    ("e1", "30001_7001", "eol", "https://eol.org/media/30001"),
    ("g1", "4000000001", "gbif", "https://www.inaturalist.org/observations/901"),
    ("g2", "4000000001", "gbif", "https://www.gbif.org/occurrence/4000000001"),
    ("i1", "777", "inaturalist", "https://www.inaturalist.org/photos/777"),
    ("f1", "IMG_1", "photos", None),
    (UUID, "4000000009", "gbif", None),
]
FACTS = [("g1", "4000000001"), ("g2", "4000000001"), ("i1", OBSERVATION), ("f1", "777")]


@pytest.fixture
def match(database: Database, tmp_path: Path) -> Callable[..., tuple[set[tuple[str, int, str]], IdMatches]]:
    """Matches a list with the dataset: pairs of an image and an item with the kinds of ids, and what is said."""
    settings = {"tol": {"preset": "treeoflife-200m"}}
    sources = [load_source(name, {"kind": kind, "path": ".", **settings.get(name, {})}, tmp_path)
               for name, kind in SOURCES.items()]  # fmt: skip
    (tol,) = [one for one in sources if one.name == "tol"]
    assert isinstance(tol, ListedImages)
    tol.keep_in(FetchedFiles(tmp_path / "fetched"))
    (tmp_path / "fetched").mkdir()
    pl.DataFrame({"uuid": [UUID], "url": ["https://host.org/x.png"]}).write_parquet(tmp_path / "fetched/images.parquet")
    mapping = tmp_path / "mapping.parquet"
    pl.DataFrame(IMAGES, schema=row_schema(sources)).write_parquet(mapping)
    names = ["treeoflife_id", "source_id", "data_source", "source_url"]
    pl.DataFrame(PROVENANCE, schema=dict.fromkeys(names, pl.String), orient="row").write_parquet(tmp_path / "p.parquet")
    pl.DataFrame(FACTS, schema=["treeoflife_id", "observation"], orient="row").write_parquet(tmp_path / "f.parquet")
    open_images(database, mapping, sources)
    open_dataset_ids(database, sources, tmp_path / "p.parquet", tmp_path / "f.parquet")

    def run(path: Path, *named: str) -> tuple[set[tuple[str, int, str]], IdMatches]:
        entries = open_id_list(database, path, parse_named(named), sources)
        matches = match_ids(database, [name for name, kind in entries.columns.items() if kind == "any"])
        return set(database.rows("SELECT treeoflife_id, item, by_id FROM id_pair")), matches

    return run


@pytest.mark.parametrize(
    ("name", "content", "pairs"),
    [
        ("ids.csv", "\ufeffgbifID,note\n4000000001,a\n5,b\n", {("g1", 0, "gbif_id"), ("g2", 0, "gbif_id")}),
        ("ids.tsv", "x\tphoto_id\na\t777\nb\t555\n", {("i1", 0, "photo_id"), ("g1", 1, "photo_id")}),
        ("ids.csv", "photo_id;name\n777.0;Parus\nNA;Parus\n", {("i1", 0, "photo_id")}),
        ("ids.txt", f"{UUID.upper()}\n{{{UUID}}}\n{UUID.replace('-', '')}\n",
         {(UUID, 0, "treeoflife_id"), (UUID, 1, "treeoflife_id"), (UUID, 2, "treeoflife_id")}),
        ("urls.txt", "http://static.inaturalist.org/photos/555/square.jpeg?17\nhttps://example.org/a b.jpg#x\n",
         {("g1", 0, "photo_id"), ("g2", 1, "url")}),
        ("urls.csv", "url\nHTTPS://HOST.org:443/x.png\nhttps://host.org/X.png\n", {(UUID, 0, "url")}),
        ("urls.csv", "page_url,k\nhttps://www.inaturalist.org/observations/901?locale=de,1\n",
         {("g1", 0, "observation_id")}),
        ("obs.csv", f"observation_uuid\n{OBSERVATION.upper()}\n", {("i1", 0, "observation_id")}),
        ("catalog.csv", "split,treeoflife_id,eol_content_id,eol_page_id,genus\ntrain,zz,30001,7001,Parus\n",
         {("e1", 0, "source_id")}),
        ("list.csv", "image,k\n30001_7001_eol-full-size-copy.jpg,1\nbirds/img_1.jpg,2\nbirds/IMG_1.jpg,3\n",
         {("e1", 0, "source_id"), ("f1", 2, "source_id")}),
        ("other.csv", "split,birds_id,birds_identifier\nval,4000000001,https://a.org/q\n",
         {("g1", 0, "gbif_id"), ("g2", 0, "gbif_id")}),
    ],
)  # fmt: skip
def test_ids_in_any_form_are_matched(
    match: Callable[..., tuple[set[tuple[str, int, str]], IdMatches]],
    tmp_path: Path,
    name: str,
    content: str,
    pairs: set[tuple[str, int, str]],
) -> None:
    """By the kind that a header says, and by that alone; URLs and UUIDs whatever it says."""
    (tmp_path / name).write_text(content)
    assert match(tmp_path / name)[0] == pairs


def test_numbers_of_an_unknown_kind_are_matched_with_each_and_the_kinds_are_said(
    match: Callable[..., tuple[set[tuple[str, int, str]], IdMatches]], tmp_path: Path
) -> None:
    """777 is a photograph of one image and the observation of another; an option says which is meant."""
    (tmp_path / "numbers.txt").write_text("777\n4000000001\n42\n")
    pairs, matches = match(tmp_path / "numbers.txt")
    assert {(image, item) for image, item, _ in pairs} == {("i1", 0), ("f1", 0), ("g1", 1), ("g2", 1)}
    assert matches.counts == {"gbif_id": (1, 2), "observation_id": (1, 1), "photo_id": (1, 1)}
    assert "1 rows fit as photo_id" in " ".join(matches.remarks)
    assert match(tmp_path / "numbers.txt", "photo_id")[0] == {("i1", 0, "photo_id")}
    (tmp_path / "numbers.csv").write_text("n,genus\n777,Parus\n")
    assert match(tmp_path / "numbers.csv", "observation_id=N")[0] == {("f1", 0, "observation_id")}


def test_the_catalog_of_treeoflife_200m_is_matched_by_everything_in_it(
    match: Callable[..., tuple[set[tuple[str, int, str]], IdMatches]], tmp_path: Path
) -> None:
    """Its source_id is the number of the occurrence where its source is GBIF, and nothing else."""
    rows = {
        "uuid": [UUID, "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222", None],
        "source_url": ["https://host.org/x.png", "https://q.org/1", "https://q.org/2", "http://example.org/a%20b.jpg"],
        "data_source": ["gbif", "gbif", "bioscan", "eol"],
        "source_id": ["4000000009", "4000000001", "4000000001", "30001_7001"],
        "img_type": [None, None, None, None], "species": ["major"] * 4,
    }  # fmt: skip
    pl.DataFrame(rows).write_parquet(tmp_path / "catalog.parquet")
    assert match(tmp_path / "catalog.parquet")[0] == {
        (UUID, 0, "gbif_id treeoflife_id url"), ("g1", 1, "gbif_id"), ("g2", 1, "gbif_id"), ("g2", 3, "url"),
        ("e1", 3, "source_id"),
        # A number of an unknown source may be any.
        ("g1", 2, "gbif_id"), ("g2", 2, "gbif_id"),
    }  # fmt: skip


def test_an_id_of_very_many_images_is_that_of_none(
    match: Callable[..., tuple[set[tuple[str, int, str]], IdMatches]], tmp_path: Path
) -> None:
    """As the address of a whole collection would be; it is counted and named."""
    rows = "".join(f"https://example.org/a b.jpg,{number}\n" for number in range(1001))
    (tmp_path / "pages.csv").write_text(f"source_url,gbifID\n{rows}https://host.org/x.png,1\n")
    pairs, matches = match(tmp_path / "pages.csv")
    assert pairs == {(UUID, 1001, "url")}
    assert "1 ids were left out, such as '//example.org/a b.jpg'" in matches.remarks[0]


def test_a_list_of_which_nothing_fits_says_what_the_dataset_knows(
    match: Callable[..., tuple[set[tuple[str, int, str]], IdMatches]], tmp_path: Path
) -> None:
    """Which source has which ids."""
    (tmp_path / "none.csv").write_text("photo_id\n1\n")
    pairs, matches = match(tmp_path / "none.csv")
    assert not pairs
    (said,) = matches.remarks
    assert "gbif: gbif_id, observation_id, photo_id, treeoflife_id, url" in said
    assert "inaturalist: observation_id, photo_id" in said


@pytest.mark.parametrize(
    ("content", "words"),
    [("genus,note\nParus,x\n", "--column KIND=COLUMN"), ("gbifID,n\n,x\nNA,x\n", "no id and no address")],
)
def test_what_has_no_ids_gets_a_sentence(
    match: Callable[..., tuple[set[tuple[str, int, str]], IdMatches]], tmp_path: Path, content: str, words: str
) -> None:
    """With the way out."""
    (tmp_path / "list.csv").write_text(content)
    with pytest.raises(InputError, match=words):
        match(tmp_path / "list.csv")


def test_what_a_list_names_is_in_one_table_and_left_out_by_the_next_build(build_copy: Path, tmp_path: Path) -> None:
    """Once by its id and by its bytes; the table and the counts are of both, by split."""
    indexes = sorted((build_copy / "encoded/224x224-q100/eol").glob("*.parquet"))
    files = pl.concat([pl.read_parquet(path, columns=["treeoflife_id", "source_sha256"]) for path in indexes])
    catalog = pl.read_parquet(build_copy / "224x224/catalog.parquet").filter(pl.col("split") == "val")
    eol = catalog.join(files, on="treeoflife_id").row(0, named=True)
    digest = eol["source_sha256"]
    rows = [(eol["treeoflife_id"], digest.hex()), ("", digest.hex()), (eol["treeoflife_id"], ""), ("", "0" * 64)]
    pl.DataFrame(rows, schema=["uuid", "sha256"], orient="row").write_csv(tmp_path / "test.tsv", separator="\t")
    found = treeoflife.leaks(build_copy, tmp_path / "test.tsv", drop=True, workers=1)
    table = found.scan().select("treeoflife_id", "split", "by_id", "by_bytes", "link").collect().rows()
    assert table == [
        (eol["treeoflife_id"], "val", "treeoflife_id", True, "bytes"),
        (eol["treeoflife_id"], "val", None, True, "bytes"),
        (eol["treeoflife_id"], "val", "treeoflife_id", False, "id"),
    ]
    counts = {(row["way"], row["split"]): (row["images"], row["items"]) for row in found.counts}
    assert counts["any", "all"] == (1, 3)
    assert counts["id", "val"] == (1, 2)
    assert counts["bytes", "val"] == (1, 2)
    assert counts["bytes", "train"] == (0, 0)
    built(build_copy / "dataset.toml")
    assert eol["treeoflife_id"] not in pl.read_parquet(build_copy / "224x224/catalog.parquet")["treeoflife_id"]
    assert eol["treeoflife_id"] in pl.read_parquet(build_copy / "ledger/ledger.parquet")["treeoflife_id"]
