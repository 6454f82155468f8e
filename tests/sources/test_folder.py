"""A folder of photographs and its table: every spelling of headers and names, or an error that shows what is there."""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from treeoflife.core.values import RawImage, Taxon
from treeoflife.errors import InputError
from treeoflife.sources.folder import Folder
from treeoflife.sources.photo_table import read_photo_table
from treeoflife.sources.registry import load_source
from treeoflife.testing.sources import read_all_images


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
    assert not source.survey().table.unused


def test_columns_that_are_nearly_what_is_wanted_count_only_without_the_right_one(tmp_path: Path) -> None:
    """The genericName of GBIF is that of the name as published, and may differ; image_url is no file."""
    table = "file,image_url,genus,genericName,scientificName,acceptedScientificName,identifier\n"
    row = "a.jpg,https://example.org/1.jpg,Cyanistes,Parus,Parus caeruleus,Cyanistes caeruleus,4711\n"
    source = folder_of(tmp_path, ["a.jpg"], table + row)
    (label,) = source.labels()
    assert (label.taxon.genus, label.scientific_name) == ("Cyanistes", "Parus caeruleus")
    assert source.survey().table.unused == ("image_url", "genericName", "acceptedScientificName", "identifier")


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
