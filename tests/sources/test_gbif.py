"""What a download of GBIF lists: every image, what it shows, whose it is; and nothing lost without a word."""

from __future__ import annotations

import csv
import io
import random
import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gbif_archives import (
    AC,
    DC,
    DWC,
    GBIF,
    MEDIA_COLUMNS,
    OCCURRENCE_COLUMNS,
    SIMPLE_COLUMNS,
    XMP,
    Row,
    Spec,
    bird,
    picture,
    trapped_download,
    write_archive,
    write_download,
    write_files,
)  # fmt: skip
from treeoflife.core import buckets
from treeoflife.core.database import open_database
from treeoflife.errors import InputError
from treeoflife.sources.gbif import Gbif
from treeoflife.sources.lists.listed import LISTED_COLUMNS
from treeoflife.sources.registry import load_source

WEB = "https://example.org"
EVENT, OCCURRENCE, TAXON, MULTIMEDIA = DWC + "Event", DWC + "Occurrence", DWC + "Taxon", GBIF + "Multimedia"


def listed(path: Path, **settings: Any) -> tuple[list[dict[str, str]], list[str]]:
    """The images that a download lists, in order, with empty texts for null; and the remarks."""
    source = load_source("gbif", {"path": str(path), **settings}, path.parent)
    assert isinstance(source, Gbif)
    with open_database(path.parent / "scratch", 0.5) as database:
        source.list_images(database)
        names = (*source.columns, *LISTED_COLUMNS)
        rows = database.rows(
            f"SELECT {', '.join(f'{chr(34)}{name}{chr(34)}' for name in names)} FROM listed ORDER BY ALL"
        )
    assert all(value is not None for row in rows for value in row[2:])
    return [{name: value or "" for name, value in zip(names, row, strict=True)} for row in rows], source.remarks()


def only(path: Path) -> dict[str, str]:
    """The one image of a download."""
    ((row,), _) = listed(path)
    return row


def download(folder: Path, occurrence: Row, media: Row | None = None) -> dict[str, str]:
    """The one image of a download with an occurrence and a picture."""
    return only(write_download(folder / "d.zip", [occurrence], [media or picture(1, f"{WEB}/1.jpg")]))


def test_all_that_is_awkward_in_downloads_is_read(tmp_path: Path) -> None:
    rows, remarks = listed(write_download(tmp_path / "0001234-DWCA.zip", *trapped_download(WEB)))
    assert len(rows) == 16
    assert [row["problem"] for row in rows if row["problem"]] == [
        "multimedia.txt, line 20 gives no address of the image", "no row of occurrence.txt has the id 10000000099",
    ]  # fmt: skip
    assert remarks == [
        "media that are no images: MovingImage 1, Sound 1, application/pdf 1",
        "images that are left out, whose occurrence is an absence (occurrenceStatus ABSENT): 1",
    ]
    sound = [row for row in rows if not row["problem"]]
    assert len({(row["gbif_id"], row["identifier"]) for row in sound}) == len(sound)
    assert all(row["identifier"] == row["url"] for row in sound)
    assert Counter(row["url"] for row in sound)[f"{WEB}/same.jpg"] == 2


def test_an_image_has_the_names_of_its_occurrence_and_is_described(tmp_path: Path) -> None:
    media = picture(1, f"{WEB}/1.jpg", creator="Ada", rightsHolder="Bob",
                    license="http://creativecommons.org/licenses/by/4.0/",
                    title="A tit", references=f"{WEB}/photos/1")  # fmt: skip
    assert download(tmp_path, bird(1, vernacularName="Great tit"), media) == {
        "gbif_id": "10000000001", "identifier": f"{WEB}/1.jpg", "url": f"{WEB}/1.jpg", "kingdom": "Animalia",
        "phylum": "Chordata", "class": "Aves", "order": "Passeriformes", "family": "Paridae", "genus": "Parus",
        "species": "Parus major", "scientific_name": "Parus major Linnaeus, 1758", "taxon_rank": "SPECIES",
        "common_name": "Great tit", "observation": "10000000001", "observer": "Ada", "place": "51.23,0.00",
        "source_id": "10000000001", "data_source": "gbif", "source_url": f"{WEB}/photos/1",
        "license_name": "http://creativecommons.org/licenses/by/4.0/", "license_link": "", "copyright_owner": "Bob",
        "title": "A tit", "flags": "COORDINATE_ROUNDED;TAXON_MATCH_FUZZY", "problem": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("occurrence", "media", "expected"),
    [
        ({}, {}, {"license_name": "CC_BY_4_0"}),
        ({}, {"license": "NULL"}, {"license_name": "CC_BY_4_0"}),
        ({"license": "", "rights": "free"}, {}, {"license_name": "free"}),
        ({"rightsHolder": "Museum"}, {"creator": "Ada"}, {"copyright_owner": "Ada"}),
        ({"rightsHolder": "Museum"}, {}, {"copyright_owner": "Museum"}),
        ({"references": f"{WEB}/r"}, {}, {"source_url": f"{WEB}/r"}),
        ({}, {}, {"source_url": "https://www.gbif.org/occurrence/10000000001"}),
        ({"decimalLatitude": "-0.001", "decimalLongitude": "179.996"}, {}, {"place": "0.00,180.00"}),
        ({"decimalLatitude": "?", "locality": "Kew", "locationID": "k"}, {}, {"place": "Kew"}),
        ({"decimalLatitude": "", "locationID": "k"}, {}, {"place": "k"}),
        ({"species": "", "specificEpithet": "major"}, {}, {"species": "major"}),
        ({"species": "", "genericName": "Cyanistes"}, {}, {"species": ""}),
        ({"genus": "", "genericName": "Parus", "species": ""}, {}, {"genus": "Parus", "species": "major"}),
    ],
)
def test_what_a_picture_does_not_say_its_occurrence_does(
    tmp_path: Path, occurrence: dict[str, str], media: dict[str, str], expected: dict[str, str]
) -> None:
    row = download(tmp_path, bird(1, **occurrence), picture(1, f"{WEB}/1.jpg", **media))
    assert {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("type_", "format_", "file", "is_image"),
    [
        ("StillImage", "", "a", True), ("Image", "audio/mpeg", "a", True), ("still image", "", "a", True),
        ("http://purl.org/dc/dcmitype/StillImage", "", "a", True), ("dcterms:StillImage", "", "a", True),
        ("Sound", "image/jpeg", "a.jpg", False), ("MovingImage", "", "a.jpg", False), ("video", "", "a", False),
        ("", "image/png", "a", True), ("", "jpg", "a", True), ("", "", "a.JPG", True), ("", "", "a.tif?x=1.mp4", True),
        ("", "audio/x-wav", "a.jpg", False), ("", "text/html", "a", False), ("", "", "a.mp3", False),
        ("", "", "page.html#a.jpg", False), ("", "", "image/12345", True), ("specimen photo", "", "a", True),
    ],
)  # fmt: skip
def test_pictures_are_told_from_recordings_and_pages(
    tmp_path: Path, type_: str, format_: str, file: str, is_image: bool
) -> None:
    media = [picture(1, f"{WEB}/{file}", type=type_, format=format_), picture(1, f"{WEB}/other.jpg")]
    rows, remarks = listed(write_download(tmp_path / "d.zip", [bird(1)], media))
    assert len(rows) == 1 + is_image
    assert len(remarks) == 1 - is_image


@pytest.mark.parametrize("url", ["", "C:\\photos\\1.jpg", "urn:uuid:1", "ftp://example.org/1.jpg", "http://"])
def test_a_row_without_an_address_on_the_web_says_so_and_where(tmp_path: Path, url: str) -> None:
    assert "multimedia.txt, line 2 gives" in download(tmp_path, bird(1), picture(1, url))["problem"]


def test_a_malformed_row_of_either_table_costs_its_own_images_alone(tmp_path: Path) -> None:
    path = write_download(tmp_path / "d", [bird(1), bird(2)], [picture(1, f"{WEB}/1.jpg"), picture(2, f"{WEB}/2.jpg")])
    with (path / "multimedia.txt").open("a") as fd:
        fd.write("10000000001\tStillImage\n10000000001\t" + "x\t" * 20 + "\n")
    lines = (path / "occurrence.txt").read_text().splitlines(keepends=True)
    (path / "occurrence.txt").write_text("".join([*lines[:-1], lines[-1].partition("\t\t")[0] + "\n"]))
    rows, remarks = listed(path)
    assert sorted(row["problem"] for row in rows) == [
        "", f"line 3 of occurrence.txt has 1 field in place of {len(OCCURRENCE_COLUMNS)}",
        "line 4 of multimedia.txt has 2 fields in place of 15", "line 5 of multimedia.txt has 22 fields in place of 15",
    ]  # fmt: skip
    assert len(remarks) == 2
    assert "2 rows of multimedia.txt cannot be used; the first: line 4" in remarks[1]


def test_an_id_of_several_occurrences_names_none_of_their_images(tmp_path: Path) -> None:
    path = write_download(tmp_path / "d.zip", [bird(1), bird(2), bird(1, genus="Pica")], [picture(1, f"{WEB}/1.jpg")])
    problem = only(path)["problem"]
    assert problem == "several rows of occurrence.txt have the id 10000000001, the first on line 2"


def test_columns_may_come_in_any_order_and_number(tmp_path: Path) -> None:
    columns = [*OCCURRENCE_COLUMNS, "aTermOfTheFuture", "anotherOne"]
    random.Random(1).shuffle(columns)
    columns.remove("gbifID")
    occurrences, media = trapped_download()
    plain, _ = listed(write_download(tmp_path / "plain.zip", occurrences, media))
    for described in (True, False):
        path = write_download(
            tmp_path / f"{described}.zip", occurrences, media, ["gbifID", *columns], described=described
        )
        assert listed(path)[0] == plain
    assert listed(write_download(tmp_path / "folder", occurrences, media, top="0001234/"))[0] == plain


def test_only_wanted_bases_of_record_are_listed_and_the_others_counted(tmp_path: Path) -> None:
    occurrences = [bird(1), bird(2, basisOfRecord="FOSSIL_SPECIMEN"), bird(3, basisOfRecord="")]
    path = write_download(tmp_path / "d.zip", occurrences, [picture(one, f"{WEB}/{one}.jpg") for one in (1, 2, 3)])
    rows, remarks = listed(path, basis_of_record=["HUMAN_OBSERVATION", "MACHINE_OBSERVATION"])
    assert [row["gbif_id"] for row in rows] == ["10000000001"]
    why = "of another basis of record than HUMAN_OBSERVATION, MACHINE_OBSERVATION"
    assert remarks == [f"images that are left out, {why}: 2"]


def test_audubon_core_gives_addresses_licences_and_owners(tmp_path: Path) -> None:
    columns = ["id", AC + "accessURI", AC + "goodQualityAccessURI", DC + "identifier", DC + "format",
               XMP + "UsageTerms",
               XMP + "WebStatement", XMP + "Owner", AC + "furtherInformationURL", DC + "title"]  # fmt: skip
    values = [
        ("o:1", f"{WEB}/1.jpg", f"{WEB}/good.jpg", "urn:1", "image/jpeg", "CC BY", f"{WEB}/by", "Kew", f"{WEB}/i", "T"),
        ("o:1", "", f"{WEB}/2.jpg", "urn:2", "image/jpeg", "", "", "", "", ""),
        ("o:1", "", "", f"{WEB}/3.jpg", "image/jpeg", "", "", "", "", ""),
    ]
    core = Spec(
        OCCURRENCE,
        "occ.txt",
        ["id", "genus", "specificEpithet", DC + "license", "occurrenceID"],
        [
            {
                "id": "o:1",
                "genus": "Parus",
                "specificEpithet": "major",
                DC + "license": "CC0",
                "occurrenceID": f"{WEB}/o1",
            }
        ],
    )
    media = Spec(AC + "Multimedia", "media.csv", columns, [dict(zip(columns, one, strict=True)) for one in values],
                 {"fieldsTerminatedBy": ",", "fieldsEnclosedBy": '"'})  # fmt: skip
    rows, _ = listed(write_archive(tmp_path / "a.zip", core, media))
    assert [row["url"] for row in rows] == [f"{WEB}/{one}.jpg" for one in (1, 2, 3)]
    assert {row["gbif_id"] for row in rows} == {"o:1"}
    assert {(row["genus"], row["species"]) for row in rows} == {("Parus", "major")}
    about = ("license_name", "license_link", "copyright_owner", "source_url", "title")
    assert [tuple(row[name] for name in about) for row in rows] == [
        ("CC BY", f"{WEB}/by", "Kew", f"{WEB}/i", "T"), *[("CC0", "", "", f"{WEB}/o1", "")] * 2
    ]  # fmt: skip


def test_the_core_names_media_itself_where_no_extension_does(tmp_path: Path) -> None:
    media = f"{WEB}/1.jpg | {WEB}/iiif/full/!10,10/2.jpg|{WEB}/3.mp3||"
    media += f" {WEB}/4.jpg; {WEB}/5.jpg, {WEB}/6.jpg | in the museum"
    core = Spec(OCCURRENCE, "o.csv", ["id", "associatedMedia", "family"],
                [{"id": "1", "associatedMedia": media, "family": "F"},
                {"id": "2"}], {"fieldsTerminatedBy": ",", "fieldsEnclosedBy": '"'})  # fmt: skip
    rows, remarks = listed(write_archive(tmp_path / "a.zip", core))
    good = [f"{WEB}/{one}.jpg" for one in ("1", "4", "5", "6", "iiif/full/!10,10/2")]
    assert [row["url"] for row in rows if not row["problem"]] == good
    assert [row["url"] for row in rows if row["problem"]] == ["in the museum"]
    assert remarks == ["media that are no images: mp3 1"]
    assert {row["family"] for row in rows} == {"F"}


def event_archive(path: Path, occurrences: Sequence[Row], media: Sequence[Row]) -> Path:
    """An archive whose core is an event, e1, at one place."""
    core = Spec(EVENT, "event.txt", ["id", "decimalLatitude", "decimalLongitude", DC + "license"],
                [{"id": "e1", "decimalLatitude": "1", "decimalLongitude": "2", DC + "license": "CC0"}])  # fmt: skip
    names = ["id", "occurrenceID", "genus", "scientificName", "occurrenceStatus", "recordedBy"]
    pictures = ["id", DC + "identifier", DC + "type", "occurrenceID"]
    return write_archive(
        path, core, Spec(OCCURRENCE, "occurrence.txt", names, [{"id": "e1", **one} for one in occurrences]),
        Spec(MULTIMEDIA, "media.txt", pictures, [{"id": "e1", DC + "type": "StillImage", **one} for one in media]),
    )  # fmt: skip


def test_images_of_an_event_have_the_name_of_its_occurrences(tmp_path: Path) -> None:
    fox = {"genus": "Vulpes", "scientificName": "Vulpes vulpes", "recordedBy": "Ada"}
    absent = {"occurrenceID": "o3", "genus": "Meles", "occurrenceStatus": "absent"}
    occurrences = [{"occurrenceID": "o1", **fox}, {"occurrenceID": "o2", **fox}, absent]
    row = only(event_archive(tmp_path / "a.zip", occurrences, [{DC + "identifier": f"{WEB}/1.jpg"}]))
    names = ("gbif_id", "genus", "observation", "observer", "place", "license_name", "problem")
    assert [row[name] for name in names] == ["e1", "Vulpes", "e1", "Ada", "1.00,2.00", "CC0", ""]


def test_an_event_of_several_taxa_names_only_images_that_say_which_one_they_show(tmp_path: Path) -> None:
    occurrences = [{"occurrenceID": "o1", "genus": "Vulpes"}, {"occurrenceID": "o2", "genus": "Meles"},
                   {"occurrenceID": "o3", "genus": "Felis", "occurrenceStatus": "ABSENT"}]  # fmt: skip
    media = [
        {DC + "identifier": f"{WEB}/{one}.jpg", "occurrenceID": of} for one, of in enumerate(("o1", "o2", "", "o3"))
    ]
    rows, remarks = listed(event_archive(tmp_path / "a.zip", occurrences, media))
    assert [(row["url"][-5], row["genus"]) for row in rows if not row["problem"]] == [("0", "Vulpes"), ("1", "Meles")]
    assert [row["problem"] for row in rows if row["problem"]] == [
        "the event e1 has 2 different names, and the archive does not say which of them the image shows"
    ]
    assert len(remarks) == 1


def test_images_of_taxa_are_not_of_one_observation(tmp_path: Path) -> None:
    core = Spec(
        TAXON,
        "taxa.txt",
        ["id", "scientificName", "taxonRank"],
        [{"id": "t", "scientificName": "Parus", "taxonRank": "genus"}],
    )
    image = Spec(GBIF + "Image", "image.txt", ["id", DC + "identifier"], [{"id": "t", DC + "identifier": f"{WEB}/x"}])
    row = only(write_archive(tmp_path / "a.zip", core, image))
    assert [row[name] for name in ("gbif_id", "scientific_name", "taxon_rank", "observation")] == [
        "t",
        "Parus",
        "genus",
        "",
    ]


def table(columns: Sequence[str], *rows: Row) -> bytes:
    lines = [columns, *([row.get(one, "") for one in columns] for row in rows)]
    return "".join("\t".join(line) + "\n" for line in lines).encode()


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"0001234.csv": table(SIMPLE_COLUMNS, bird(1))}, "'simple' download of GBIF.*Darwin Core Archive"),
        ({"occurrence.parquet/000000": b"PAR1", "x.parquet": b"PAR1"}, "'simple' download of GBIF"),
        ({"s.csv": table(["taxonKey", "scientificName", "numberOfOccurrences"], {})}, "species list of GBIF"),
        ({"occurrence.txt": table(OCCURRENCE_COLUMNS, bird(1)), "verbatim.txt": b"gbifID\n"}, "no table of images"),
        ({"readme.txt": b"hello\n"}, "gbifID"),
        ({"photo.jpg": b"x"}, "is no archive of Darwin Core"),
        ({"occurrence.txt": table(OCCURRENCE_COLUMNS), "multimedia.txt": table(MEDIA_COLUMNS)}, "no image is left"),
    ],
    ids=["simple", "parquet", "species", "no-media", "text", "photo", "no-rows"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["d.zip", "d"])
def test_another_download_is_answered_with_what_to_download(
    tmp_path: Path, name: str, files: dict[str, bytes], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        listed(write_files(tmp_path / name, files))


def test_a_simple_csv_by_itself_is_known_and_so_is_what_is_no_zip(tmp_path: Path) -> None:
    (tmp_path / "0001234.csv").write_bytes(table(SIMPLE_COLUMNS, bird(1)))
    with pytest.raises(InputError, match="'simple' download of GBIF"):
        listed(tmp_path / "0001234.csv")
    (tmp_path / "x.zip").write_bytes(b"<html>not found</html>")
    with pytest.raises(InputError, match="no zip"):
        listed(tmp_path / "x.zip")
    with pytest.raises(InputError, match="there is no file"):
        listed(tmp_path / "nowhere.zip")


def drawn(seed: int, count: int) -> tuple[list[Row], list[Row]]:
    """Occurrences and media with texts that other readers stumble over."""
    chance = random.Random(seed)
    texts = ['"', '5" nail', '"quoted"', "it's", "Pražák", "\\t", "a,b;c|d", "", "", "NULL"]
    occurrences = [bird(one, locality=chance.choice(texts), recordedBy=chance.choice(texts)) for one in range(count)]
    kinds = ["StillImage"] * 4 + ["Sound"]
    media = [
        picture(chance.randrange(count), f"{WEB}/{one}.jpg", type=chance.choice(kinds), title=chance.choice(texts))
        for one in range(count * 2)
    ]
    return occurrences, media


def by_csv(path: Path) -> list[tuple[str, str, str, str]]:
    """The images of a download, counted with Python's csv and a dictionary."""
    with zipfile.ZipFile(path) as archive:
        tables = [
            list(
                csv.DictReader(
                    io.TextIOWrapper(archive.open(name), "utf-8", newline=""), delimiter="\t", quoting=csv.QUOTE_NONE
                )
            )
            for name in ("occurrence.txt", "multimedia.txt")
        ]
    observers = {row["gbifID"]: row["recordedBy"].replace("NULL", "") for row in tables[0]}
    return sorted(
        (row["gbifID"], row["identifier"], observers[row["gbifID"]], row["title"].replace("NULL", ""))
        for row in tables[1]
        if row["type"] == "StillImage"
    )  # fmt: skip


@pytest.mark.parametrize("held", [1, 1 << 30])
def test_as_many_images_with_the_same_texts_as_python_counts(
    tmp_path: Path, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the tables are joined at once or part by part."""
    monkeypatch.setattr(buckets, "_BYTES_HELD", held * 100_000)
    monkeypatch.setattr(buckets, "_BYTES_OF_A_PART", held * 50_000)
    path = write_download(tmp_path / "d.zip", *drawn(3, 1500))
    rows, _ = listed(path)
    assert [(row["gbif_id"], row["identifier"], row["observer"], row["title"]) for row in rows] == by_csv(path)
    assert not any(row["problem"] for row in rows)


def test_the_source_says_which_files_it_reads(tmp_path: Path) -> None:
    path = write_download(tmp_path / "d.zip", *trapped_download())
    source = Gbif("gbif", Gbif.Settings(path=path))
    assert source.tables() == [path]
    folder = write_download(tmp_path / "d", *trapped_download())
    read = Gbif("gbif", Gbif.Settings(path=folder)).tables()
    assert read == [folder / name for name in ("meta.xml", "occurrence.txt", "multimedia.txt")]


def test_what_occurrences_of_an_event_disagree_about_is_said_of_no_image(tmp_path: Path) -> None:
    """Otherwise the freest licence of one would stand beside the owner of another."""
    rows = [
        {"id": "e", "occurrenceID": "1", "scientificName": "Parus major", DC + "license": "CC_BY_NC_4_0",
         DC + "rightsHolder": "Ada", "decimalLatitude": "51.1", "decimalLongitude": "4.4", "recordedBy": "Cy"},
        {"id": "e", "occurrenceID": "2", "scientificName": "Parus major", DC + "license": "CC0_1_0",
         DC + "rightsHolder": "Bob", "decimalLatitude": "-33.1", "decimalLongitude": "9.9", "recordedBy": "Cy"},
    ]  # fmt: skip
    archive = write_archive(
        tmp_path / "e.zip",
        Spec(EVENT, "event.txt", ["id"], [{"id": "e"}]),
        Spec(OCCURRENCE, "occurrence.txt", list(rows[0]), rows),
        Spec(MULTIMEDIA, "media.txt", ["id", "identifier"], [{"id": "e", "identifier": f"{WEB}/1.jpg"}]),
    )
    image = only(archive)
    assert [image[name] for name in ("license_name", "copyright_owner", "place")] == ["", "", ""]
    assert (image["observer"], image["scientific_name"]) == ("Cy", "Parus major")


def test_occurrences_without_rows_of_media_may_name_theirs_themselves(tmp_path: Path) -> None:
    rows = [{"id": str(one), "associatedMedia": f"{WEB}/{one}.jpg", "family": "F"} for one in (1, 2)]
    archive = write_archive(
        tmp_path / "a.zip",
        Spec(OCCURRENCE, "o.txt", ["id", "associatedMedia", "family"], rows),
        Spec(MULTIMEDIA, "media.txt", ["id", "identifier"], [{"id": "1", "identifier": f"{WEB}/of-table.jpg"}]),
    )
    found, _ = listed(archive)
    assert [(row["gbif_id"], row["url"], row["problem"]) for row in found] == [
        ("1", f"{WEB}/of-table.jpg", ""), ("2", f"{WEB}/2.jpg", ""),
    ]  # fmt: skip
