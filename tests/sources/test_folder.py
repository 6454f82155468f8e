"""A folder of photographs and its table: every spelling of headers and names, or an error that shows what is there."""

from __future__ import annotations

import pickle
import random
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

import treeoflife
from helpers import built
from treeoflife.core.database import open_database
from treeoflife.core.values import RawImage, Taxon
from treeoflife.errors import InputError
from treeoflife.sources.folder import Folder
from treeoflife.sources.photographs.photo_table import read_photo_table
from treeoflife.sources.registry import load_source
from treeoflife.testing.sources import read_all_images
from treeoflife.testing.world import draw_picture, encode_image


def folder_of(path: Path, files: Sequence[str], table: str | bytes, **settings: str) -> Folder:
    """A folder with these files, and its source."""
    for name in files:
        (path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (path / "photos" / name).write_bytes(name.encode())
    (path / "names.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    source = load_source("photos", {"kind": "folder", "path": "photos", "table": "names.csv"} | settings, path)
    assert isinstance(source, Folder)
    return source


def images(source: Folder) -> dict[str, RawImage]:
    return {image.file: image for _, image in read_all_images(source)}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize(("delimiter", "line_end"), [(",", "\n"), (";", "\r\n"), ("\t", "\r"), ("|", "\n")])
def test_delimiter_encoding_and_line_ends_are_recognised(
    encoding: str, delimiter: str, line_end: str, tmp_path: Path
) -> None:
    rows = [
        ("file", "scientific_name", "common_name"),
        ("a.jpg", "Larus canus", "Sturmmöwe"),
        ("b.jpg", "Apus apus", ""),
    ]
    text = line_end.join(delimiter.join(row) for row in rows)
    source = folder_of(tmp_path, ["a.jpg", "b.jpg"], text.encode(encoding))
    assert {one.name_key: one.common for one in source.labels()} == {"a.jpg": "Sturmmöwe", "b.jpg": ""}
    said = [remark for remark in source.remarks() if "Windows-1252" in remark]
    assert bool(said) == (encoding == "cp1252")
    assert all(remark.startswith("names.csv: ") for remark in source.remarks())


@pytest.mark.parametrize(
    "header",
    [
        "file,kingdom,class,genus,species,scientific_name,common_name",
        "filename,Kingdom,CLASS,Genus,specificEpithet,scientificName,vernacularName",
        "File Name,dwc:kingdom,dwc:class,dwc:genus,dwc:specificEpithet,dwc:scientificName,dwc:vernacularName",
        "image,taxon_kingdom_name,taxon_class_name,taxon_genus_name,taxon_species_name,scientific_name,common_name",
        "associatedMedia,kingdom,class,genericName,species,acceptedScientificName,vernacular name",
        "http://purl.org/dc/terms/identifier,kingdom,class,genus,specific epithet,acceptedNameUsage,Common-Name",
        "\ufeff File_Path ,KINGDOM, Class,GENUS,Species,Scientific Name,VERNACULARNAME",
    ],
)
def test_headers_of_known_programs_are_understood(header: str, tmp_path: Path) -> None:
    source = folder_of(tmp_path, ["a.jpg"], f"{header}\na.jpg,Animalia,Aves,Apus,apus,Apus apus L.,Swift\n")
    (label,) = source.labels()
    assert label.taxon == Taxon("Animalia", "", "Aves", "", "", "Apus", "apus")
    assert (label.name_key, label.scientific_name, label.common) == ("a.jpg", "Apus apus L.", "Swift")
    table = source.survey().table
    assert table
    assert not table.unused


def test_columns_that_are_nearly_what_is_wanted_count_only_without_the_right_one(tmp_path: Path) -> None:
    """The genericName of GBIF is that of the name as published, and may differ; image_url is no file."""
    table = "file,image_url,genus,genericName,scientificName,acceptedScientificName,identifier\n"
    row = "a.jpg,https://example.org/1.jpg,Cyanistes,Parus,Parus caeruleus,Cyanistes caeruleus,4711\n"
    source = folder_of(tmp_path, ["a.jpg"], table + row)
    (label,) = source.labels()
    assert (label.taxon.genus, label.scientific_name) == ("Cyanistes", "Parus caeruleus")
    read = source.survey().table
    assert read
    assert read.unused == ("image_url", "genericName", "acceptedScientificName", "identifier")


@pytest.mark.parametrize(
    ("header", "row", "taxon"),
    [
        ("genus,genericName,species", ",Turdus,merula", ("Turdus", "merula", "")),
        ("genus,genericName,species,specificEpithet", "Pica,Turdus,pica,merula", ("Pica", "pica", "")),
        ("genus,genericName,species,specificEpithet", ",Turdus,,merula", ("Turdus", "merula", "")),
        ("genus,species,specificEpithet", "Turdus,,merula", ("Turdus", "merula", "")),
        ("genus,scientificName,canonicalName", "Turdus,,Turdus merula", ("Turdus", "", "Turdus merula")),
    ],
)
def test_columns_that_are_nearly_what_is_wanted_fill_the_rows_that_lack_it(
    header: str, row: str, taxon: tuple[str, str, str], tmp_path: Path
) -> None:
    """Other rows have what is wanted."""
    others = ",".join("Pica" if name == "genus" else "" for name in header.split(","))
    source = folder_of(tmp_path, ["a.jpg", "b.jpg"], f"file,{header}\na.jpg,{others}\nb.jpg,{row}\n")
    label = list(source.labels())[1]
    assert (label.taxon.genus, label.taxon.species, label.scientific_name) == taxon
    is_filled = row != "Pica,Turdus,pica,merula"
    assert any("alone, the first on line 3" in remark for remark in source.remarks()) == is_filled


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("genus,species", "Turdus,Parus major"),
        ("genus,species", "TURDUS,PARUS MAJOR"),
        ("genus,species", "Turdus,P. major"),
        ("genus,species", "<i>Turdus</i> Linnaeus,× Parus_major"),
        ("genus,genericName,species", ",Turdus,Parus major"),
    ],
)
def test_a_species_of_another_genus_is_named_with_its_line(header: str, row: str, tmp_path: Path) -> None:
    """Together they would be no name of any taxon."""
    fine = "," * header.count(",")
    source = folder_of(tmp_path, ["a.jpg", "b.jpg"], f"file,{header}\na.jpg,{fine}\nb.jpg,{row}\n")
    with pytest.raises(InputError, match=r"line 3: its genus is '.*(?i:turdus).*' is of another genus"):
        source.containers()


def test_an_epithet_of_another_genus_is_left_out_and_said(tmp_path: Path) -> None:
    """As in GBIF's row of a synonym: together with the genus of the taxon it would be no name of any taxon."""
    table = "file,genericName,genus,specificEpithet,species\na.jpg,Parus,Poecile,montanus,\nb.jpg,Parus,Parus,major,\n"
    source = folder_of(tmp_path, ["a.jpg", "b.jpg"], table)
    taxa = [label.taxon for label in source.labels()]
    assert [(taxon.genus, taxon.species) for taxon in taxa] == [("Poecile", ""), ("Parus", "major")]
    remarks = read_photo_table(tmp_path / "names.csv").remarks
    assert any("epithet of another genus" in remark and "line 2" in remark for remark in remarks)


@pytest.mark.parametrize(
    ("genus", "species"),
    [
        ("Parus", "Parus (Parus) major Linnaeus, 1758"), ("Parus", "P. major"), ("P.", "Parus major"),
        ("Parus", "Pa. major"), ("PARUS", "parus major"), ("parus", "PARUS MAJOR"), ("Parus Linnaeus", "Parus major"),
        ("×Sorbopyrus", "Sorbopyrus auricularis"), ("Sorbopyrus", "x Sorbopyrus auricularis"),
        ("Fragaria", "Fragaria × ananassa"), ("Fragaria", "× ananassa"), ("Salix", "xsepulcralis"),
        ("Parus", "major subsp. minor"), ("Parus", "Major Linnaeus"), ("unknown", "Parus major"),
        ("<i>Parus</i>", "<i>Parus major</i>"), ("", "Parus major"), ("Aedes", "sp. BOLD:AAA1234"),
        ("Parus", "Unknown species"), ("Parus", "Unidentified sp."), ("Parus", "Not identified"),
        ("Tobamovirus", "Tobacco mosaic virus"), ("Pospiviroid", "Potato spindle tuber viroid"),
        ("Isoetes", "Isoëtes lacustris"), ("Aloë", "Aloe vera"), ("Festulolium", "Festuca pratensis x Lolium perenne"),
    ],
)  # fmt: skip
def test_a_species_of_the_genus_is_known_however_both_are_written(genus: str, species: str, tmp_path: Path) -> None:
    source = folder_of(tmp_path, ["a.jpg"], f"file;genus;species\na.jpg;{genus};{species}\n")
    assert [label.taxon.species for label in source.labels()] == [species]


@pytest.mark.parametrize(
    ("header", "one", "other"),
    [
        ("file,filename,species", "a.jpg,b.jpg,major", "a.jpg,,major"),
        ("file,path,species", "a.jpg,b.jpg,major", "a.jpg,field/a.jpg,major"),
        ("file,scientific_name,scientificName", "a.jpg,Parus major,Pica pica", "a.jpg,Parus major,Parus major L."),
        ("file,common_name,vernacularName,genus", "a.jpg,Robin,Magpie,Pica", "a.jpg,Robin,European Robin,Pica"),
        ("file,Species,species", "a.jpg,major,pica", "a.jpg,Parus major,major"),
        ("file,genus,taxon_genus_name", "a.jpg,Parus,Pica", "a.jpg,Parus,parus"),
    ],
)
def test_two_columns_that_mean_the_same_agree_or_are_named(header: str, one: str, other: str, tmp_path: Path) -> None:
    names = header.split(",")[1:] if header.startswith("file,s") or "genus," in header else header.split(",")
    source = folder_of(tmp_path, ["field/a.jpg"], f"{header}\n{other}\n")
    assert any("mean the same, and agree" in remark for remark in source.remarks())
    source = folder_of(tmp_path, [], f"{header}\n{other}\n{one}\n")
    with pytest.raises(InputError, match=r"line 3: its columns .* mean the same") as error:
        source.containers()
    assert sum(repr(name) in str(error.value) for name in names) >= 2


def test_the_configured_column_settles_which_is_meant(tmp_path: Path) -> None:
    source = folder_of(tmp_path, ["a.jpg", "b.jpg"], "file,filename,genus\na.jpg,b.jpg,Pica\n", file_column="filename")
    assert [label.name_key for label in source.labels()] == ["b.jpg"]


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("", ["is empty"]),
        ("file,genus\n", ["a header and no row"]),
        ("file,genus\n,Pica\n", ["names no file", "'file'"]),
        ("name_of_it,genus\na.jpg,Pica\n", ["'name_of_it', 'genus'", "file_column"]),
        ("image_url,genus\nhttps://example.org/a.jpg,Pica\n", ["'image_url'"]),
        ("image,genus\nhttps://example.org/a.jpg,Pica\n", ["'image' holds web addresses"]),
        ("file,colour\na.jpg,red\n", ["'file', 'colour'", "scientific_name"]),
        ("file,common_name\na.jpg,Robin\n", ["scientific_name"]),
        ("file,genus\nx.jpg,Pica\n", ["'x.jpg'", "'a.jpg'", "no row of"]),
        ("file,genus\na.jpg,Pica,1\n", ["line 2", "3 fields"]),
    ],
)
def test_a_table_that_names_no_image_is_a_sentence(table: str, words: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError) as error:
        folder_of(tmp_path, ["a.jpg"], table).containers()
    assert "\n" not in str(error.value)
    for word in ["names.csv", *words]:
        assert word in str(error.value)


def test_repaired_names_label_their_files_and_are_said(tmp_path: Path) -> None:
    table = "file,genus\nphotos/A.jpeg,Pica\nb,Apus\nc%20d.jpg,Parus\n"
    source = folder_of(tmp_path, ["A.jpg", "field/b.PNG", "c d.jpg"], table)
    keys = {image.key[0] for image in images(source).values() if image.key}
    labels = {label.name_key: label.taxon.genus for label in source.labels()}
    assert labels == {"A.jpg": "Pica", "field/b.PNG": "Apus", "c d.jpg": "Parus"}
    assert keys == labels.keys()
    assert sum("than in the folder: " in remark for remark in source.remarks()) == 2


def test_rows_and_files_without_a_counterpart_are_rows_of_the_ledger_with_their_reasons(tmp_path: Path) -> None:
    table = "file,genus\na.jpg,Pica\ngone.jpg,Apus\nB.jpg,Parus\nb.JPG,Parus\nraw,Apus\n"
    source = folder_of(tmp_path, ["a.jpg", "b.jpg", "raw.CR2", "film.mp4", "p.jxl", "d.svg", "h.heif"], table)
    reasons = {file: image.skip.reason for file, image in images(source).items() if image.skip}
    assert reasons == {
        "gone.jpg": "no-file", "B.jpg": "several-files-or-rows", "b.JPG": "several-files-or-rows",
        "raw.CR2": "not-readable", "film.mp4": "not-readable", "p.jxl": "not-readable", "d.svg": "not-readable",
    }  # fmt: skip
    remarks = "\n".join(source.remarks())
    for words in ("not in the folder: 1 of 5", "'gone.jpg'", "fit: 2 of 5", "no row, and therefore no samples: 2 of 3",
                  "not readable: 4 files", "'d.svg'"):  # fmt: skip
        assert words in remarks


def test_a_folder_of_raw_photographs_alone_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'a\.NEF', a camera's raw photograph.*convert it to JPEG"):
        folder_of(tmp_path, ["a.NEF"], "file,genus\na.NEF,Pica\n").containers()
    with pytest.raises(InputError, match=r"no row of .*names an image.*convert it to JPEG"):
        folder_of(tmp_path, ["b.jpg"], "file,genus\na.NEF,Pica\n").containers()


def test_one_file_with_two_labels_is_an_error_with_both_lines(tmp_path: Path) -> None:
    source = folder_of(tmp_path, ["a.jpg"], "file,genus\na.jpg,Pica\n./a.jpg,Pica\n.\\a.jpg,Apus\n")
    with pytest.raises(InputError, match=r"a\.jpg twice, with different labels, on lines 2 and 4"):
        list(source.labels())


def test_an_occurrence_with_several_photographs_labels_all_of_them(tmp_path: Path) -> None:
    source = folder_of(tmp_path, ["a.jpg", "b.jpg"], "associatedMedia,genus\na.jpg | b.jpg,Pica\n")
    assert {label.name_key: label.taxon.genus for label in source.labels()} == {"a.jpg": "Pica", "b.jpg": "Pica"}


def test_characters_that_were_lost_earlier_and_rows_without_a_file_are_said(tmp_path: Path) -> None:
    table = "file,genus,common_name\na.jpg,Larus,M\ufffdwe\n,,Amsel\n,,\n"
    remarks = "\n".join(folder_of(tmp_path, ["a.jpg"], table).remarks())
    assert "1 of its rows have the character U+FFFD" in remarks
    assert "1 of its rows name no file and are left out, the first on line 3" in remarks


def test_a_changed_table_is_read_again_and_workers_are_sent_none(tmp_path: Path) -> None:
    source = folder_of(tmp_path, ["a.jpg"], "file,genus\na.jpg,Pica\n")
    source.containers()
    (tmp_path / "names.csv").write_text("file,genus\na.jpg,Parus\n")
    assert [label.taxon.genus for label in source.labels()] == ["Parus"]
    assert b"Parus" not in pickle.dumps(source)


def test_a_parquet_table_with_images_and_embeddings_is_read(tmp_path: Path) -> None:
    """No column of theirs is taken for that of the files or of names, whatever it is called."""
    columns = {"file_name": ["a.jpg"], "file": [b"\xff\xd8"], "genus": ["Pica"], "species": [[0.5]]}
    pl.DataFrame(columns).write_parquet(tmp_path / "names.parquet")
    table = read_photo_table(tmp_path / "names.parquet")
    assert (list(table.used), table.unused) == (["file_name", "genus"], ("file", "species"))
    with pytest.raises(InputError, match="has no column 'file' with the photographs' files"):
        read_photo_table(tmp_path / "names.parquet", "file")


def test_a_parquet_table_with_numbers_is_read(tmp_path: Path) -> None:
    source = folder_of(tmp_path, ["1.jpg"], "")
    pl.DataFrame({"file": [1], "genus": ["Pica"]}).write_parquet(tmp_path / "names.csv")
    assert [label.name_key for label in source.labels()] == ["1.jpg"]


EXPORT = "id,uuid,observed_on,user_login,license,url,image_url,latitude,longitude,scientific_name,common_name\n"
"""The header of iNaturalist's export."""


def test_the_export_of_inaturalist_beside_photographs_is_matched_by_its_ids(tmp_path: Path) -> None:
    page, picture = "https://www.inaturalist.org/observations", "https://inaturalist-open-data.s3.amazonaws.com/photos"
    uuid = "6f0d4a2e-0000-4000-8000-00000000000"
    rows = [
        f"12345,{uuid}1,2024-05-01,ada,CC-BY,{page}/12345,{picture}/77/medium.jpg,52.5,13.4,Turdus merula,Blackbird",
        f"12346,{uuid}2,2024-05-01,bob,,{page}/12346,{picture}/78/medium.jpg,,,Pica pica,Magpie",
        f"12347,{uuid}3,2024-05-01,bob,,,,,,Apus apus,Swift",
    ]
    files = ["12345.jpg", "12345_1.jpg", "photo-12345-2.jpeg", "12346 (2).PNG", "IMG_0001.jpg"]
    source = folder_of(tmp_path, files, EXPORT + "\n".join(rows))
    assert {label.name_key: label.common for label in source.labels()} == {
        "12345.jpg": "Blackbird", "12345_1.jpg": "Blackbird", "photo-12345-2.jpeg": "Blackbird",
        "12346 (2).PNG": "Magpie", "12347": "Swift",
    }  # fmt: skip
    assert {file: image.skip.reason for file, image in images(source).items() if image.skip} == {"12347": "no-file"}
    remarks = "\n".join(source.remarks())
    assert "photographs are matched by 'id' in their names, which 2 of 3 rows have" in remarks
    assert "named by no row, and therefore no samples: 1 of 5" in remarks


@pytest.mark.parametrize(
    ("header", "value", "file"),
    [
        ("catalogNumber", "ZMB:Mam:1234", "ZMB_Mam_1234-dorsal.jpg"),
        ("catalogNumber", "B 10 0012345", "b_10_0012345.tif"),
        ("occurrenceID", "https://www.inaturalist.org/observations/12345", "12345_1.jpg"),
        ("uuid", "6f0d4a2e-3c1b-4000-8000-00000000000a", "6F0D4A2E-3C1B-4000-8000-00000000000A.jpg"),
        ("image_url", "https://static.inaturalist.org/photos/777001/medium.jpeg?1", "777001.jpg"),
        ("associatedMedia", "https://h.org/x/B100012345.jpg | https://h.org/x/B100012346.jpg", "B100012346.jpg"),
        ("identifier", "12345", "12345_1.jpg"), ("gbifID", "12345.0", "12345-a.jpg"), ("id", "7", "7_2.jpg"),
    ],
)  # fmt: skip
def test_the_names_of_photographs_may_be_ids_of_any_provider(
    header: str, value: str, file: str, tmp_path: Path
) -> None:
    source = folder_of(tmp_path, [file, "other.jpg"], f"{header},scientificName\n{value},Turdus merula\n")
    assert file in {label.name_key for label in source.labels()}


@pytest.mark.parametrize("file", ["2024-05-07.jpg", "7-05-2024.jpg", "cam-7.jpg", "70.jpg", "17.jpg", "x7.jpg"])
def test_a_number_that_may_be_a_day_or_a_camera_is_no_id(file: str, tmp_path: Path) -> None:
    source = folder_of(tmp_path, [file, "7.jpg"], "id,scientificName\n7,Turdus merula\n5,Pica pica\n")
    assert [label.name_key for label in source.labels()] == ["7.jpg", "5"]


def test_two_columns_of_ids_that_fit_different_rows_are_named(tmp_path: Path) -> None:
    table = "id,catalogNumber,scientificName\n1,2,Turdus merula\n2,1,Pica pica\n"
    with pytest.raises(InputError, match=r"both 'catalogNumber' and 'id' fit.*--file-column"):
        folder_of(tmp_path, ["1.jpg", "2.jpg"], table).containers()
    source = folder_of(tmp_path, [], table, file_column="id")
    assert {label.name_key: label.scientific_name for label in source.labels()} == {
        "1.jpg": "Turdus merula", "2.jpg": "Pica pica"
    }  # fmt: skip


def test_rows_of_one_id_that_differ_are_an_error(tmp_path: Path) -> None:
    table = "occurrenceID,scientificName\n12345,Turdus merula\n12345,Pica pica\n"
    with pytest.raises(InputError, match=r"12345_1\.jpg twice, with different labels, on lines 2 and 3"):
        list(folder_of(tmp_path, ["12345_1.jpg"], table).labels())


def about(source: Folder, tmp_path: Path) -> dict[str, dict[str, str]]:
    with open_database(tmp_path / "scratch") as database:
        assert source.about(database)
        rows = database.frame("SELECT * FROM about ORDER BY filename").to_dicts()
    assert len({row["filename"] for row in rows}) == len(rows)
    return {row.pop("filename"): {key: value for key, value in row.items() if value} for row in rows}


def test_what_a_table_says_beside_names_is_known_by_image(tmp_path: Path) -> None:
    table = (
        "file,occurrenceID,recordedBy,decimalLatitude,decimalLongitude,locality,license,rightsHolder,references,title,"
        "genus\na.jpg,occ-1,Ada,52.5199,-0.0004,Berlin,CC0,The Museum,https://x.org/1,Left,Pica\n"
        'b.jpg,occ-1,,"52,5211",,Berlin,,,,,Pica\nc.jpg,occ-2,,0,0,,,,,,Pica\n./c.jpg,,Bob,,,,,,,,Pica\ngone.jpg,x,,,,,,,,,Pica\n'
    )
    source = folder_of(tmp_path, ["a.jpg", "b.jpg", "c.jpg"], table)
    assert about(source, tmp_path) == {
        "a.jpg": {"observation": "occ-1", "observer": "Ada", "place": "52.52,0.0", "source_id": "occ-1",
                  "license_name": "CC0", "copyright_owner": "The Museum", "source_url": "https://x.org/1",
                  "title": "Left"},
        "b.jpg": {"observation": "occ-1", "source_id": "occ-1", "place": "Berlin"},
        "c.jpg": {"observation": "occ-2", "source_id": "occ-2", "observer": "Bob"},
    }  # fmt: skip
    used = source.survey().table
    assert used
    assert used.used["occurrenceID"] == "observation and source_id"
    assert not used.unused


@pytest.mark.parametrize(
    "header", ["group", "observation", "occurrenceID", "specimen", "individual_id", "catalogNumber"]
)
def test_what_photographs_have_in_common_has_many_names(header: str, tmp_path: Path) -> None:
    source = folder_of(tmp_path, ["a.jpg", "b.jpg"], f"file,genus,{header}\na.jpg,Pica,7\nb.jpg,Pica,7\n")
    assert {row["observation"] for row in about(source, tmp_path).values()} == {"7"}


def test_a_table_of_files_and_names_says_nothing_else(tmp_path: Path) -> None:
    source = folder_of(tmp_path, ["a.jpg"], "file,genus\na.jpg,Pica\n")
    with open_database(tmp_path / "scratch") as database:
        assert not source.about(database)


def test_two_licences_of_one_photograph_are_an_error(tmp_path: Path) -> None:
    table = "file,genus,license\na.jpg,Pica,CC BY 4.0\na.jpg,Pica,CC BY-NC 4.0\n"
    source = folder_of(tmp_path, ["a.jpg"], table)
    with pytest.raises(InputError, match="two licences"):
        source.survey().about()


def test_another_file_column_reads_names_and_provenance_anew(tmp_path: Path) -> None:
    """Of images that are in the store already."""
    rows = "first,second,genus,owner\na.jpg,b.jpg,Pica,Ada\nb.jpg,a.jpg,Apus,Ben\n"
    (tmp_path / "names.csv").write_text(rows)
    for folder in ("photos", "out"):
        (tmp_path / folder).mkdir()
    for number, name in enumerate(("a.jpg", "b.jpg")):
        (tmp_path / "photos" / name).write_bytes(encode_image(draw_picture(random.Random(number), (64, 64))))
    found = []
    for column in ("first", "second"):
        source = f'kind = "folder"\npath = "../photos"\ntable = "../names.csv"\nfile_column = "{column}"\n'
        (tmp_path / "out/dataset.toml").write_text(f"[sources.photos]\n{source}")
        built(tmp_path / "out/dataset.toml")
        samples = treeoflife.open(tmp_path / "out").samples("train")
        found.append(
            {one.row["photos_filename"]: (one.taxon.genus, one.provenance["copyright_owner"]) for one in samples}
        )
    assert found[0] == {"a.jpg": ("Pica", "Ada"), "b.jpg": ("Apus", "Ben")}
    assert found[1] == {"a.jpg": ("Apus", "Ben"), "b.jpg": ("Pica", "Ada")}
