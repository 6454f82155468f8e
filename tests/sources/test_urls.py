"""Lists of addresses: any spelling of headers in any kind of file; TreeOfLife-200M and BioTrove; no row is lost."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from listed_inputs import CATALOG, UUIDS, listed, treeoflife_200m

from treeoflife.core.database import Database
from treeoflife.errors import ConfigError, InputError
from treeoflife.mapping.build import write_ids
from treeoflife.mapping.ids import treeoflife_id
from treeoflife.sources.registry import load_source

ROWS = [
    {
        "image_url": "https://a.example/1.jpg", "url": "https://a.example/1", "Scientific Name": "Parus major L.",
        "class": "Aves", "genus": "Parus", "species": "Parus major", "dwc:vernacularName": "Great Tit",
        "Licence": "CC-BY", "rightsHolder": "Ada", "recordedBy": "Ada", "occurrenceID": "o-1", "locality": "Gent",
        "title": "A \"tit\", singing", "id": "1",
    },
    {
        "image_url": "https://b.example/2.jpg?x=1 2", "url": "", "Scientific Name": "Apis mellifera",
        "class": "Insecta", "genus": "Apis", "species": "mellifera", "dwc:vernacularName": "",
        "Licence": "NA", "rightsHolder": "",
        "recordedBy": "nan", "occurrenceID": "NULL", "locality": "", "title": "", "id": "",
    },
]  # fmt: skip


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """A table of these rows, of the kind that the name says."""
    frame = pl.DataFrame(rows)
    if path.suffix == ".parquet":
        frame.write_parquet(path)
    elif path.suffix == ".tsv":  # without quotation marks, as in the tables of EOL, iNaturalist and GBIF
        path.write_text("\n".join("\t".join(map(str, row)) for row in [frame.columns, *frame.rows()]) + "\n")
    else:
        frame.write_csv(path)
    return path


@pytest.mark.parametrize("name", ["list.csv", "list.tsv", "list.parquet", "odd name [1]*.parquet"])
def test_a_list_means_the_same_in_every_kind_of_file(tmp_path: Path, database: Database, name: str) -> None:
    other, one = sorted(listed(database, "urls", write(tmp_path / name, ROWS)), key=lambda row: row["title"])
    expected = {
        "image_url": "https://a.example/1.jpg", "url": "https://a.example/1.jpg", "source_url": "https://a.example/1",
        "scientific_name": "Parus major L.", "class": "Aves", "genus": "Parus", "species": "Parus major",
        "common_name": "Great Tit", "license_name": "CC-BY", "copyright_owner": "Ada", "observer": "Ada",
        "observation": "o-1", "place": "Gent", "title": 'A "tit", singing', "source_id": "1", "problem": "",
    }  # fmt: skip
    assert expected.items() <= one.items()
    # Words for nothing are no observation that many images would share.
    assert (other["license_name"], other["observation"], other["observer"], other["source_id"]) == ("", "", "", "")
    assert other["url"] == ROWS[1]["image_url"]


@pytest.mark.parametrize(
    ("columns", "url", "page"),
    [
        (("url",), "url", ""),
        (("URL", "references"), "URL", "references"),
        (("identifier", "references"), "identifier", "references"),
        (("accessURI", "url"), "accessURI", "url"),
        (("photo_url", "source_url"), "photo_url", "source_url"),
        (("ac:accessURI", "dcterms:references"), "ac:accessURI", "dcterms:references"),
        (("url_gcp", "url_aws"), "url_aws", ""),
        (("link",), "link", ""),
    ],
)
def test_the_picture_is_told_from_its_page(
    tmp_path: Path, database: Database, columns: tuple[str, ...], url: str, page: str
) -> None:
    row = {name: f"https://a.example/{name.replace(':', '')}" for name in columns} | {"genus": "Parus"}
    (one,) = listed(database, "urls", write(tmp_path / "list.csv", [row]))
    assert (one["url"], one["source_url"]) == (row[url], row[page] if page else "")


def test_rows_without_a_usable_address_are_problems_one_by_one(tmp_path: Path, database: Database) -> None:
    """Each has its line, and no natural key by which two of them would be one."""
    bad = ["", "n/a", "n/a", "www.example.org/1.jpg", "//example.org/1.jpg", "ftp://example.org/1.jpg", "https://"]
    rows = [{"url": url, "genus": "Parus"} for url in ["https://a.example/1.jpg", *bad, "HTTPS://A.example/2.jpg"]]
    found = listed(database, "urls", write(tmp_path / "list.csv", rows))
    assert len(found) == len(rows)
    problems = sorted(row["problem"] for row in found if row["problem"])
    assert problems[:3] == [
        "line 3: it has no address", "line 4: 'n/a' is no address on the web", "line 5: 'n/a' is no address on the web",
    ]  # fmt: skip
    assert len(set(problems)) == len(bad)
    assert all((row["image_url"] is None) == bool(row["problem"]) for row in found)


def test_a_row_with_another_number_of_fields_is_an_error_with_its_line(tmp_path: Path, database: Database) -> None:
    (tmp_path / "list.csv").write_text("url,genus\nhttps://a.example/1.jpg,Parus\nhttps://a.example/2,jpg,Pica\n")
    with pytest.raises(InputError, match="line 3"):
        listed(database, "urls", tmp_path / "list.csv")


@pytest.mark.parametrize(
    ("header", "settings", "words"),
    [
        ("file,genus", {}, "no column with the addresses"),
        ("url,URL,genus", {}, "2 columns that hold the url, 'url' and 'URL'"),
        ("url,genus", {"columns": {"observation": "event"}}, "no column 'event', which columns .* as observation"),
        ("url,genus", {"where": {"class": ["Aves"]}}, "no column 'class', which where"),
        ("url,genus", {"where": {"genus": ["parus"]}}, "has no row with"),
        ("genus,url", {"columns": {"url": "genus"}}, "no row .* can be used, such as one of which line 2: 'x' is no"),
        ("url,genus", {"keep_ids": True}, "no column with ids to keep"),
    ],
)
def test_columns_that_are_missing_or_doubtful_are_named(
    tmp_path: Path, database: Database, header: str, settings: dict[str, Any], words: str
) -> None:
    (tmp_path / "list.csv").write_text(header + "\n" + ",".join("x" for _ in header.split(",")) + "\n")
    with pytest.raises(InputError, match=words):
        listed(database, "urls", tmp_path / "list.csv", **settings)


def test_columns_of_any_name_may_be_named_and_others_left_alone(tmp_path: Path, database: Database) -> None:
    row = {"where it is": "https://a.example/1.jpg", "url": "x", "genus": "Parus", "event": "e-1", "site": "s"}
    named = {"url": "where it is", "observation": "event", "place": ""}
    (one,) = listed(database, "urls", write(tmp_path / "list.csv", [row]), columns=named)
    assert (one["url"], one["observation"], one["place"]) == ("https://a.example/1.jpg", "e-1", "")
    with pytest.raises(ConfigError, match="columns"):
        load_source("web", {"kind": "urls", "path": "x", "columns": {"colour": "x"}}, tmp_path)


def test_an_id_that_is_named_is_part_of_the_natural_key(tmp_path: Path, database: Database) -> None:
    """So two animals in one picture are two images; ids of pandas have no decimals; an empty id is the address."""
    url = "https://a.example/1.jpg"
    frame = pl.DataFrame({"url": [url, url, url], "animal": [1.0, 2.0, None], "genus": ["Parus", "Pica", "Apis"]})
    frame.write_parquet(tmp_path / "list.parquet")
    rows = listed(database, "urls", tmp_path / "list.parquet", columns={"id": "animal"})
    assert [(row["image_id"], row["image_url"]) for row in rows] == [("1", url), ("2", url), (url, url)]
    without = load_source("web", {"kind": "urls", "path": "list.parquet"}, tmp_path)
    assert (without.key, without.catalog) == (("image_url",), ("web_image_url",))


def test_rows_are_chosen_by_the_values_of_columns(tmp_path: Path, database: Database) -> None:
    rows = [
        {"url": f"https://a.example/{year}", "Class": name, "year": year}
        for year, name in enumerate(["Aves", "Insecta", "Aves", "aves"])
    ]
    path = write(tmp_path / "list.parquet", rows)
    found = listed(database, "urls", path, where={"class": ["Aves"], "year": ["0", "1", "3"]})
    assert [row["url"] for row in found] == ["https://a.example/0"]


def test_coordinates_are_a_place_if_no_column_is(tmp_path: Path, database: Database) -> None:
    row = {"url": "https://a.example/1", "genus": "Parus", "decimalLatitude": "51.055", "decimalLongitude": "-3.745"}
    (one,) = listed(database, "urls", write(tmp_path / "list.csv", [row]))
    assert one["place"] == "51.06,-3.75"
    (one,) = listed(database, "urls", write(tmp_path / "list.csv", [row | {"site": "A"}]))
    assert one["place"] == "A"


@pytest.mark.parametrize("name", ["list.csv", "list.parquet"])
def test_columns_that_differ_by_case_alone_do_no_harm_unless_they_are_read(
    tmp_path: Path, database: Database, name: str
) -> None:
    row = {"note": "1", "Note": "2", "url": "https://a.example/1", "genus": "Parus"}
    (one,) = listed(database, "urls", write(tmp_path / name, [row]))
    assert (one["url"], one["genus"]) == ("https://a.example/1", "Parus")


def test_an_epithet_of_another_genus_is_left_out(tmp_path: Path, database: Database) -> None:
    """As in GBIF's rows of synonyms, where genericName and specificEpithet are of the name as it was written."""
    row = {"url": "https://a.example/1", "genus": "Cyanistes", "genericName": "Parus", "specificEpithet": "caeruleus"}
    (one,) = listed(database, "urls", write(tmp_path / "list.csv", [row | {"species": ""}]))
    assert (one["genus"], one["species"]) == ("Cyanistes", "")
    (one,) = listed(database, "urls", write(tmp_path / "list.csv", [row | {"species": "", "genericName": "Cyanistes"}]))
    assert one["species"] == "caeruleus"


def test_the_catalog_of_treeoflife_200m_keeps_its_ids(tmp_path: Path, database: Database) -> None:
    """And each row is an image or a problem with a sentence, counted here a second way."""
    rows = listed(database, "urls", treeoflife_200m(tmp_path / "slice"), preset="treeoflife-200m")
    assert len(rows) == len(CATALOG)
    usable = {row["uuid"]: row for row in rows if not row["problem"]}
    assert usable.keys() == {UUIDS[number] for number in (0, 1, 2, 8)}
    problems = sorted(row["problem"] for row in rows if row["problem"])
    assert problems == [
        "row 11: 'ftp://photos.example/10.jpg' is no address on the web",
        "row 4: it has no address",
        "row 5: it is a box in a picture, and the catalog does not say which box",
        "row 6: its id '6' is no UUID",
        "row 7: other rows have its id and other addresses",
        "row 8: other rows have its id and other addresses",
    ]
    doubtful = [row["uuid"] for row in rows if row["problem"]]
    assert sorted(filter(None, doubtful)) == [UUIDS[3], UUIDS[4], UUIDS[9]]


def test_the_provenance_of_treeoflife_200m_is_joined_by_uuid(tmp_path: Path, database: Database) -> None:
    rows = listed(database, "urls", treeoflife_200m(tmp_path / "slice"), preset="treeoflife-200m")
    by_id = {row["uuid"]: row for row in rows}
    one = by_id[UUIDS[2]]
    assert [one[name] for name in ("url", "source_url", "license_name", "copyright_owner", "title")] == [
        "https://eol.example/3.jpg", "https://pages.example/2", "cc-by-nc-4.0", "Ada", "title 2",
    ]  # fmt: skip
    assert (by_id[UUIDS[0]]["license_name"], by_id[UUIDS[1]]["copyright_owner"]) == ("", "")
    # Pictures of one occurrence are one observation; ids of other sources are of single pictures.
    assert [by_id[UUIDS[number]]["observation"] for number in (0, 1, 2)] == ["11", "11", ""]
    assert [one[name] for name in ("source_id", "data_source", "kingdom", "species")] == [
        "7_8",
        "eol",
        "Metazoa",
        "merula",
    ]


def test_a_catalog_without_provenance_says_so_and_lists_the_same_images(tmp_path: Path, database: Database) -> None:
    path = treeoflife_200m(tmp_path / "slice")
    whole = listed(database, "urls", path, preset="treeoflife-200m")
    path.with_name("provenance.parquet").rename(tmp_path / "elsewhere.parquet")
    alone = load_source("web", {"kind": "urls", "path": str(path), "preset": "treeoflife-200m"}, tmp_path)
    assert any("no provenance.parquet" in remark for remark in alone.remarks())
    rows = listed(database, "urls", path, preset="treeoflife-200m")
    assert [(row["uuid"], row["url"]) for row in rows] == [(row["uuid"], row["url"]) for row in whole]
    again = listed(database, "urls", path, preset="treeoflife-200m", provenance=str(tmp_path / "elsewhere.parquet"))
    assert again == whole


def test_a_catalog_that_is_read_as_a_plain_list_says_what_keeps_its_ids(tmp_path: Path) -> None:
    path = treeoflife_200m(tmp_path / "slice")
    plain = load_source("web", {"kind": "urls", "path": str(path)}, tmp_path)
    assert any('preset = "treeoflife-200m"' in remark for remark in plain.remarks())


def test_photographs_of_inaturalist_come_in_the_size_that_is_asked_for(tmp_path: Path, database: Database) -> None:
    """As BioTrove lists them. The natural key is the address in the table, so that another size has the same ids."""
    rows = [
        {"photo_id": "1", "photo_url": "https://inaturalist-open-data.s3.amazonaws.com/photos/1/medium.JPG"},
        {"photo_id": "2", "photo_url": "https://inaturalist-open-data.s3.amazonaws.com/photos/2/original."},
        {"photo_id": "3", "photo_url": "https://elsewhere.example/photos/3/medium.jpg"},
    ]
    path = write(
        tmp_path / "biotrove.csv", [row | {"scientificName": "Parus major", "common_name": "Tit"} for row in rows]
    )
    found = listed(database, "urls", path, size="small")
    assert [row["url"].rpartition("/")[2] for row in found] == ["medium.jpg", "small.JPG", "small."]
    assert {row["image_url"] for row in found} == {row["photo_url"] for row in rows}
    assert [row["scientific_name"] for row in found] == ["Parus major"] * 3


def test_given_ids_become_the_ids_of_images_and_all_others_are_made(tmp_path: Path, database: Database) -> None:
    path = treeoflife_200m(tmp_path / "slice")
    source = load_source("tol", {"kind": "urls", "path": str(path), "preset": "treeoflife-200m"}, tmp_path)
    keys = pl.DataFrame({"uuid": [UUIDS[0], "no uuid"]})
    write_ids(database, tmp_path / "ids.parquet", [source], {}, {"tol": [keys]})
    ids = pl.read_parquet(tmp_path / "ids.parquet")
    assert dict(ids.select("tol_uuid", "treeoflife_id").iter_rows()) == {
        UUIDS[0]: UUIDS[0], "no uuid": treeoflife_id("tol", ["no uuid"]),
    }  # fmt: skip


def test_an_id_that_two_sources_give_is_an_error_that_names_both(tmp_path: Path, database: Database) -> None:
    path = treeoflife_200m(tmp_path / "slice")
    table = {"kind": "urls", "path": str(path), "preset": "treeoflife-200m"}
    sources = [load_source(name, table, tmp_path) for name in ("one", "other")]
    keys = pl.DataFrame({"uuid": UUIDS[:2]})
    with pytest.raises(InputError, match=rf"\[sources.one\] and \[sources.other\] .* {UUIDS[0]}"):
        write_ids(database, tmp_path / "ids.parquet", sources, {}, {"one": [keys], "other": [keys[:1]]})
    write_ids(database, tmp_path / "ids.parquet", sources, {}, {"one": [keys[1:]], "other": [keys[:1]]})
    assert pl.read_parquet(tmp_path / "ids.parquet")["treeoflife_id"].to_list() == [UUIDS[1], UUIDS[0]]


def test_ids_of_other_lists_may_be_kept(tmp_path: Path, database: Database) -> None:
    rows = [{"uuid": UUIDS[0].upper(), "identifier": "https://a.example/1", "genus": "Parus"}]
    (one,) = listed(database, "urls", write(tmp_path / "list.parquet", rows), keep_ids=True)
    assert one["uuid"] == UUIDS[0]


def test_a_folder_of_parquet_is_one_table(tmp_path: Path, database: Database) -> None:
    """Its files may lie in folders, and differ in columns and in their types; a row is named with its file."""
    folder = tmp_path / "metadata"
    (folder / "more").mkdir(parents=True)
    columns = {"url": ["https://a.example/1", "nowhere"], "genus": ["Parus", "Apis"], "id": [1, 2]}
    pl.DataFrame(columns).write_parquet(folder / "part-1.parquet")
    others = {"id": ["3"], "url": ["https://a.example/3"], "genus": ["Poa"], "license": ["CC0"], "filename": ["x.jpg"]}
    pl.DataFrame(others).write_parquet(folder / "more" / "part [2].parquet")
    pl.DataFrame({"id": [4.0], "url": ["https://a.example/4"], "genus": ["Poa"]}).write_parquet(folder / "p.parquet")
    (folder / "_SUCCESS").touch()
    rows = {row["genus"] + row["url"][-1:]: row for row in listed(database, "urls", folder, columns={"id": "id"})}
    assert {name: row["image_id"] for name, row in rows.items() if not row["problem"]} == {
        "Parus1": "1", "Poa3": "3", "Poa4": "4",
    }  # fmt: skip
    assert rows["Poa3"]["license_name"] == "CC0"
    assert rows["Parus1"]["license_name"] == ""
    assert rows["Apise"]["problem"] == "row 2 of part-1.parquet: 'nowhere' is no address on the web"


def test_each_row_may_be_a_box_in_its_picture(tmp_path: Path, database: Database) -> None:
    """As of FathomNet: several boxes of one picture, which are one observation; a row without a box is the picture."""
    rows = [
        {"url": "https://a.example/1", "concept": "Octopus", "x": "10", "y": "20.5", "width": "30", "height": "40.0"},
        {"url": "https://a.example/1", "concept": "Sebastes", "x": "0", "y": "0", "width": "5", "height": "6"},
        {"url": "https://a.example/2", "concept": "Octopus", "x": "", "y": "", "width": "", "height": ""},
        {"url": "https://a.example/3", "concept": "Octopus", "x": "1", "y": "", "width": "2", "height": "3"},
        {"url": "https://a.example/4", "concept": "Octopus", "x": "1", "y": "wide", "width": "2", "height": "3"},
    ]
    found = listed(database, "urls", write(tmp_path / "boxes.csv", rows), boxes=True)
    keys = {(row["image_url"], row["box"]): row for row in found if not row["problem"]}
    assert [*keys] == [
        ("https://a.example/1", "0 0 5 6"), ("https://a.example/1", "10 20.5 30 40"), ("https://a.example/2", "whole"),
    ]  # fmt: skip
    assert {row["observation"] for row in keys.values()} == {"https://a.example/1", "https://a.example/2"}
    assert keys["https://a.example/1", "10 20.5 30 40"]["scientific_name"] == "Octopus"
    problem = "its box lacks a side, or has one that is no number"
    assert sorted(row["problem"] for row in found if row["problem"]) == [f"line 5: {problem}", f"line 6: {problem}"]


def test_boxes_between_0_and_1_are_parts_of_their_pictures_and_ends_are_taken_too(
    tmp_path: Path, database: Database
) -> None:
    rows = [{"url": "https://a.example/1", "genus": "Poa", "xmin": 0.25, "ymin": 0.5, "xmax": 0.75, "ymax": 1.0}]
    (one,) = listed(database, "urls", write(tmp_path / "parts.parquet", rows), boxes=True)
    assert one["box"] == "0.25 0.5 0.5 0.5 1 1"
    rows[0] |= {"xmax": 200.0, "image_width": 640, "image_height": 480}
    (one,) = listed(database, "urls", write(tmp_path / "pixels.csv", rows), boxes=True)
    assert one["box"] == "0.25 0.5 199.75 0.5 640 480"
    with pytest.raises(InputError, match="has no columns x, y, width and height"):
        listed(database, "urls", write(tmp_path / "none.csv", ROWS), boxes=True)


def test_width_and_height_beside_ends_are_the_pictures_where_boxes_end_elsewhere(
    tmp_path: Path, database: Database
) -> None:
    """As in tables of Pascal VOC; a table may also say the same twice, and must not contradict itself."""
    ends = {"url": "https://a.example/1", "genus": "Poa", "xmin": 10, "ymin": 20, "xmax": 40, "ymax": 60}

    def boxes(width: object, height: object) -> list[str]:
        rows = [ends | {"width": width, "height": height}, {**dict.fromkeys(ends, "NA"), "url": "https://a.example/2"}]
        found = listed(database, "urls", write(tmp_path / "boxes.csv", rows), boxes=True)
        return sorted(row["box"] for row in found)

    assert boxes(640, 480) == ["10 20 30 40 640 480", "whole"]
    assert boxes(30, 41) == ["10 20 30 41", "whole"]
    with pytest.raises(InputError, match="end elsewhere by width and height than by right and bottom"):
        boxes(15, 15)
    both = write(tmp_path / "twice.csv", [ends | {"left": 1}])
    with pytest.raises(InputError, match=r"2 columns that hold the x of boxes, 'xmin' and 'left'"):
        listed(database, "urls", both, boxes=True)


def test_a_folder_that_is_no_table_or_nothing_is_named(tmp_path: Path, database: Database) -> None:
    with pytest.raises(InputError, match=r"is a folder without files of Parquet: name a table in it"):
        listed(database, "urls", tmp_path)
    write(tmp_path / "one.parquet", ROWS)
    write(tmp_path / "two.csv", ROWS)
    with pytest.raises(InputError, match=r"two\.csv in it is another table: move one"):
        listed(database, "urls", tmp_path)
    with pytest.raises(InputError, match=r"nowhere\.csv is not there"):
        listed(database, "urls", tmp_path / "nowhere.csv")


def test_a_packed_list_is_refused_with_what_to_do(tmp_path: Path, database: Database) -> None:
    (tmp_path / "list.csv.gz").write_bytes(gzip.compress(b"url,genus\nhttps://a.example/1,Parus\n"))
    with pytest.raises(InputError, match="gzip"):
        listed(database, "urls", tmp_path / "list.csv.gz")


def test_a_provenance_that_has_a_uuid_twice_is_refused(tmp_path: Path, database: Database) -> None:
    """Otherwise each of its rows would be a row of the list, and the freest licence the one that counts."""
    path = treeoflife_200m(tmp_path / "slice")
    provenance = path.with_name("provenance.parquet")
    rows = pl.read_parquet(provenance)
    pl.concat([rows, rows[:1].with_columns(license_name=pl.lit("cc-0-1.0"))]).write_parquet(provenance)
    with pytest.raises(InputError, match=r"has the uuid .* in several rows"):
        listed(database, "urls", path, preset="treeoflife-200m")
