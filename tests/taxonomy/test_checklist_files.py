"""Reading checklists: ColDP and Darwin Core as their providers write them, and what is wrong with some."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from checklist_archives import CATS, USAGE, folder_of, lineage, meta, names, opened, table, usages, vernaculars, zipped

from treeoflife.core.database import Database
from treeoflife.errors import InputError
from treeoflife.taxonomy.checklists import cache as checklist_cache
from treeoflife.taxonomy.checklists import files as checklist_files
from treeoflife.taxonomy.checklists.checklist import VERNACULARS
from treeoflife.taxonomy.parsing.simple import SimpleParser

LION = "Animalia Chordata Mammalia Carnivora Felidae Panthera leo"
COMMON = table(
    ("col:taxonID", "col:sourceID", "col:name", "col:transliteration", "col:language", "col:preferred", "col:country"),
    ("7", "", "African lion", "", "eng", "", "ZA"),
    ("7", "", "Lion", "", "eng", "", ""),
    ("7", "", "Löwe", "", "deu", "", ""),
    ("5a", "", "big cats", "", "eng", "", ""),
    ("5", "", "cats", "", "eng", "true", ""),
    ("5", "", "Cat family", "", "eng", "", ""),
    ("99", "", "nobody", "", "eng", "", ""),
    ("7", "", "", "", "eng", "", ""),
    ("7", "", "Lion", "", "eng", "", ""),
    ("8", "", "King", "", "cbq", "", ""),
)


@pytest.fixture
def read(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., dict[str, dict[str, str]]]:
    """The names of a checklist of some files, in a folder and in a zip; both give the same."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def read(**files: str | bytes) -> dict[str, dict[str, str]]:
        unpacked, packed = folder_of(tmp_path / "list", files), zipped(tmp_path / "list.zip", files)
        one, other = opened(unpacked, database), opened(packed, database)
        assert names(one) == names(other)
        assert [count.sentence for count in one.tables] == [count.sentence for count in other.tables]
        return names(one)

    return read


def test_a_data_package_as_checklistbank_exports_it(database: Database, tmp_path: Path) -> None:
    files = {
        "export/NameUsage.tsv": usages(), "export/VernacularName.tsv": COMMON,
        "export/metadata.yaml": "---\nkey: 1\ntitle: Catalogue of Cats\nversion: 2026-11\n",
        "export/source/1.yaml": "title: x\n",
    }  # fmt: skip
    checklist = opened(zipped(tmp_path / "col.zip", files), database)
    found = names(checklist)
    assert (lineage(found["7"]), found["7"]["author"]) == (LION, "(Linnaeus, 1758)")
    assert (found["8"]["status"], found["8"]["accepted"], lineage(found["8"])) == ("synonym", "Panthera leo", LION)
    assert checklist.title == "Catalogue of Cats, 2026-11"
    assert vernaculars(checklist) == [
        ("family", "Felidae", "cats", "en"), ("family", "Felidae", "Cat family", "en"),
        ("species", "Panthera leo", "King", "cbq"), ("species", "Panthera leo", "Löwe", "de"),
        ("species", "Panthera leo", "Lion", "en"), ("species", "Panthera leo", "African lion", "en"),
    ]  # fmt: skip
    assert checklist.vernaculars
    assert pl.read_parquet_schema(checklist.vernaculars) == VERNACULARS
    assert [count.sentence for count in checklist.tables] == [
        "9 of its 9 rows are used",
        "7 of its 10 common names are used; left out: 1 without a text, 2 of no taxon of the seven ranks that is in it",
    ]


def test_a_data_package_of_names_taxa_and_synonyms(read) -> None:
    """As CSV with a byte order mark, quoted fields, CR LF, and columns in another order."""
    found = read(
        **{
            "name.csv": "\ufeffID,rank,scientificName,authorship\r\n"
            + "".join(f'n{one[0]},{one[5].upper()},"{one[3]}","{one[4]}"\r\n' for one in CATS) + "n20,genus,Bare,\r\n",
            "Taxon.csv": "nameID,ID,parentID\r\n" + "".join(f"n{one[0]},{one[0]},{one[1]}\r\n" for one in CATS[:-1]),
            "Synonym.csv": "taxonID,nameID,status\r\n7,n8,\r\n7,n8,misapplied\r\n70,n8,synonym\r\n",
        }
    )  # fmt: skip
    assert lineage(found["7"]) == LION
    (synonym,) = (row for row in found.values() if row["status"] == "synonym")
    assert (synonym["id"], synonym["name"], lineage(synonym)) == ("Synonym.csv, line 2", "Felis leo", LION)


def test_names_in_parts_and_ranks_in_columns(read) -> None:
    header = ("ID", "status", "rank", "genericName", "specificEpithet", "uninomial", "kingdom", "family", "genus")
    found = read(
        **{
            "name_usage.txt": table(
                header,
                ("a", "accepted", "species", "Parus", "major", "", "Animalia", "Paridae", "Parus"),
                ("b", "provisionally accepted", "genus", "", "", "Pica", "Animalia", "Corvidae", ""),
                ("c", "bare name", "genus", "", "", "Nix", "", "", ""),
            )
        }
    )  # fmt: skip
    assert {one: lineage(row) for one, row in found.items()} == {
        "a": "Animalia - - - Paridae Parus major", "b": "Animalia - - - Corvidae Pica -",
        "kingdom Animalia Animalia": "Animalia - - - - - -", "family Paridae Animalia": "Animalia - - - Paridae - -",
        "family Corvidae Animalia": "Animalia - - - Corvidae - -",
        "genus Parus Animalia": "Animalia - - - Paridae Parus -",
    }  # fmt: skip


GBIF = (
    "taxonID", "datasetID", "parentNameUsageID", "acceptedNameUsageID", "scientificName", "scientificNameAuthorship",
    "canonicalName", "taxonRank", "taxonomicStatus", "kingdom", "phylum", "class", "order", "family", "genus",
)  # fmt: skip


CATS_OF_GBIF = (
    ("5219404", "2435194", "", "Panthera leo", "(Linnaeus, 1758)", "species", "accepted"),
    ("2435194", "9703", "", "Panthera", "Oken, 1816", "genus", "accepted"),
    ("9703", "", "", "Felidae", "", "family", "accepted"),
    ("11", "", "5219404", "Felis leo", "Linnaeus, 1758", "species", "homotypic synonym"),
    ("12", "", "5219404", "Leo nix", "auct.", "species", "misapplied"),
)


def gbif_taxa() -> str:
    upper = ("Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Panthera")
    rows = [
        (id_, "d", parent, accepted, f"{name} {author}".strip(), author, name, rank, status, *upper[:5],
         "" if rank == "family" else upper[5])
        for id_, parent, accepted, name, author, rank, status in CATS_OF_GBIF
    ]  # fmt: skip
    return table(GBIF, *rows)


def test_gbifs_backbone_with_and_without_its_description(database: Database, tmp_path: Path) -> None:
    common = table(("taxonID", "vernacularName", "language", "isPreferredName"), ("5219404", "Lion", "en", ""))
    terms = ("vernacularName", "language", "isPreferredName")
    described = {
        "backbone/Taxon.tsv": gbif_taxa(), "backbone/VernacularName.tsv": common,
        "backbone/meta.xml": meta(
            GBIF, files=("Taxon.tsv",), extension=terms, extension_file="VernacularName.tsv"
        ),
        "backbone/eml.xml": "<eml><dataset><title>GBIF\n Backbone</title><pubDate>2023-08-28</pubDate></dataset></eml>",
    }  # fmt: skip
    with_meta = opened(zipped(tmp_path / "backbone.zip", described), database)
    bare = opened(folder_of(tmp_path / "bare", {"Taxon.tsv": gbif_taxa(), "VernacularName.tsv": common}), database)
    alone = opened(folder_of(tmp_path / "alone", {"Taxon.tsv": gbif_taxa()}) / "Taxon.tsv", database)
    assert names(with_meta) == names(bare) == names(alone)
    assert vernaculars(with_meta) == vernaculars(bare) == [("species", "Panthera leo", "Lion", "en")]
    assert with_meta.title == "GBIF Backbone, 2023-08-28"
    rows_of_its_own = {one: lineage(row) for one, row in names(with_meta).items() if " " not in one}
    assert rows_of_its_own == {
        "5219404": LION, "11": LION, "2435194": LION.replace("leo", "-"),
        "9703": LION.replace("Panthera leo", "- -"),
    }  # fmt: skip


def test_keys_of_worms_are_texts(read) -> None:
    """LSIDs, and accepted taxa that name themselves."""
    lsid = "urn:lsid:marinespecies.org:taxname:{}".format
    columns = ("taxonID", "scientificNameID", "acceptedNameUsageID", "parentNameUsageID", "scientificName",
               "scientificNameAuthorship", "taxonRank", "taxonomicStatus", "kingdom", "family", "genus")  # fmt: skip
    upper = ("Animalia", "Semelidae")
    rows = (
        (lsid(1), lsid(1), lsid(1), "", "Abra", "Lamarck, 1818", "Genus", "accepted", *upper, "Abra"),
        (lsid(2), lsid(2), lsid(2), lsid(1), "Abra alba", "(W. Wood, 1802)", "Species", "accepted", *upper, "Abra"),
        (lsid(3), lsid(3), lsid(2), lsid(1), "Mactra alba", "Wood, 1802", "Species", "unaccepted", *upper, "Mactra"),
    )
    found = read(**{"taxon.txt": table(columns, *rows), "meta.xml": meta(columns, files=("taxon.txt",))})
    assert lineage(found[lsid(3)]) == lineage(found[lsid(2)]) == "Animalia - - - Semelidae Abra alba"
    assert found[lsid(3)]["accepted"] == "Abra alba"


def test_inaturalists_taxa_have_an_id_and_an_address(database: Database, tmp_path: Path) -> None:
    """Parents are addresses, common names belong to ids; CSV with quotation marks, line breaks in fields, two files."""
    site = "https://www.inaturalist.org/taxa/{}".format
    columns = (
        "id",
        "taxonID",
        "parentNameUsageID",
        "kingdom",
        "genus",
        "specificEpithet",
        "scientificName",
        "taxonRank",
    )
    head, csv = (
        ",".join(columns),
        'fieldsTerminatedBy="," linesTerminatedBy="\\n" fieldsEnclosedBy="&quot;" ignoreHeaderLines="1"',
    )
    taxa = (
        f"{head}\n1,{site(1)},,Animalia,,,Animalia,kingdom\n3,{site(3)},{site(1)},Animalia,,,Aves,class\n"
        f'4,{site(4)},{site(3)},Animalia,"Corvus",,Corvus,genus\n'
    )
    more = f'{head}\n5,{site(5)},{site(4)},Animalia,Corvus,corax,"Corvus\n corax",species\n'
    description = meta(
        columns, files=("taxa.csv", "more.csv"), attributes=csv, extension=("vernacularName", "language"),
        extension_file="VernacularNames-english.csv",
    )  # fmt: skip
    files = {
        "taxa.csv": taxa,
        "more.csv": more,
        "meta.xml": description,
        "VernacularNames-english.csv": 'id,vernacularName,language\n5,"Raven, ""Common""",en\n3,Birds,English\n',
    }
    checklist = opened(zipped(tmp_path / "inat.zip", files), database)
    assert lineage(names(checklist)["5"]) == "Animalia - Aves - - Corvus corax"
    assert vernaculars(checklist) == [
        ("class", "Aves", "Birds", "en"),
        ("species", "Corvus corax", 'Raven, "Common"', "en"),
    ]
    assert checklist.tables[0].file == "taxa.csv and more.csv"


def test_a_description_that_lacks_columns_a_row_type_and_a_file(read) -> None:
    columns = ("taxonID", "scientificName", "taxonRank", "family")
    text = table(columns, ("1", "Parus major L.", "species", "Paridae"), ("2", "Parus", "genus", "Paridae"))
    description = meta(columns, extension=("vernacularName",), extension_file="missing.txt", identifier="")
    found = read(**{"taxa.txt": text, "meta.xml": description.replace("http://rs.tdwg.org/dwc/terms/Taxon", "")})
    assert [lineage(found[one]) for one in "12"] == ["- - - - Paridae Parus major", "- - - - Paridae Parus -"]


def test_rows_that_cannot_be_told_are_counted_and_others_keep_their_ids(database: Database, tmp_path: Path) -> None:
    """A row that was cut has the id of another one."""
    text = (
        usages()
        + "7\tbroken\n"
        + "\t".join(("9", "", "6", "accepted", "Panthera onca", "", "species", *[""] * 5, "x", "y"))
        + "\n"
    )
    checklist = opened(folder_of(tmp_path / "list", {"NameUsage.tsv": text}), database)
    assert {"7", "8"} <= names(checklist).keys()
    assert "9" not in names(checklist)
    (count,) = checklist.tables
    assert count.left_out["malformed"] == 2
    assert "line 11 of NameUsage.tsv has 2 fields" in count.remarks[0]


def test_quotation_marks_in_tabs_are_text(read) -> None:
    rows = [
        *CATS,
        ("9", "6", "accepted", 'Panthera "blotched', "", "species"),
        ("10", "6", "accepted", "Panthera onca", '"L."', "species"),
    ]
    found = read(**{"NameUsage.tsv": usages(rows)})
    assert found["10"]["author"] == '"L."'
    assert lineage(found["8"]) == LION


NO_CHECKLISTS = {
    "empty folder": ({}, "it is empty"),
    "photographs": ({"a.jpg": "x"}, "is no checklist: it holds 'a.jpg'"),
    "occurrences": (
        {"meta.xml": meta(("a",)).replace("terms/Taxon", "terms/Occurrence"), "taxa.txt": "a\n1\n"},
        "has a row per occurrence, not per taxon",
    ),
    "two packages": ({"a/NameUsage.tsv": usages(), "b/NameUsage.tsv": usages()}, "holds several checklists"),
    "two tables": ({"NameUsage.tsv": usages(), "name-usage.csv": usages()}, "holds two tables of one kind"),
    "no names": ({"NameUsage.tsv": table(USAGE)}, "gives no name: it has no rows"),
    "only codes": ({"NameUsage.tsv": usages([("1", "", "accepted", "BOLD:AAA1", "", "")])}, "0 of its 1 rows are used"),
    "no header": ({"NameUsage.tsv": "1\t2\t3\n"}, "lacks the column ID; its header has 1, 2, 3"),
    "not utf-8": ({"NameUsage.tsv": usages().encode().replace(b"Oken", b"\xd6ken")}, "is not UTF-8"),
    "not described": ({"taxa.txt": "x\n", "meta.xml": meta(("taxonID",), files=("gone.txt",))}, "not in the archive"),
    "no column of names": ({"taxa.txt": "taxonID\n1\n", "meta.xml": meta(("taxonID",))}, "has no column of names"),
}  # fmt: skip


@pytest.mark.parametrize("case", NO_CHECKLISTS)
def test_what_is_no_checklist_is_an_error_that_says_why(case: str, database: Database, tmp_path: Path) -> None:
    files, expected = NO_CHECKLISTS[case]
    (tmp_path / "list").mkdir()
    with pytest.raises(InputError, match=r"checklists\.list: ") as error:
        opened(folder_of(tmp_path / "list", files), database)
    assert expected in str(error.value)
    assert str(tmp_path) in str(error.value) or "NameUsage" in str(error.value)


def test_a_zip_that_was_cut_or_lies_about_its_size_is_an_error(database: Database, tmp_path: Path) -> None:
    path = zipped(tmp_path / "col.zip", {"NameUsage.tsv": usages() * 50, "VernacularName.tsv": COMMON})
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match="cut off"):
        opened(path, database)
    bomb = zipped(tmp_path / "bomb.zip", {"NameUsage.tsv": usages() + " " * 5_000_000})
    data = bytearray(bomb.read_bytes())
    with zipfile.ZipFile(bomb) as archive:
        size = archive.getinfo("NameUsage.tsv").file_size
    start = data.rfind(b"PK\x01\x02") + 24
    data[start : start + 4] = (size // 100).to_bytes(4, "little")
    bomb.write_bytes(data)
    with pytest.raises(InputError, match="length or checksum is wrong"):
        opened(bomb, database)
    with pytest.raises(InputError, match="there is no file or folder"):
        opened(tmp_path / "nothing", database)


def test_a_checklist_is_read_once(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Again if a byte of it changes, or the reader; the same zip elsewhere and under another name is the same."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kept = tmp_path / "cache/treeoflife/checklists"
    path = zipped(tmp_path / "col.zip", {"NameUsage.tsv": usages(), "VernacularName.tsv": COMMON})
    first = opened(path, database)
    assert first.names.is_relative_to(kept)
    before = first.names.stat().st_mtime_ns
    other = path.rename(tmp_path / "other.zip")
    again = checklist_files.open_checklist("other", other, tmp_path / "kept", database, SimpleParser())
    assert (again.names, again.vernaculars, again.names.stat().st_mtime_ns) == (first.names, first.vernaculars, before)
    assert [count.source for count in again.tables] == ["other", "other"]
    assert [count.sentence for count in again.tables] == [count.sentence for count in first.tables]
    zipped(other, {"NameUsage.tsv": usages(CATS[:-1])})
    assert opened(other, database).names != first.names
    monkeypatch.setattr(checklist_files, "_VERSION", 1000)
    assert opened(other, database).names != first.names
    assert len(list(kept.iterdir())) == 3
    assert not list(database.scratch.glob("checklist-*"))


def test_a_damaged_cache_is_made_again_and_an_old_one_goes(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = zipped(tmp_path / "col.zip", {"NameUsage.tsv": usages(), "VernacularName.tsv": COMMON})
    first = opened(path, database)
    about = first.names.parent / "checklist.json"
    expected = names(first)
    for damage in (first.names.unlink, lambda: about.write_text("{"), lambda: first.names.write_bytes(b"PAR1")):
        damage()
        assert names(opened(path, database)) == expected
    monkeypatch.setattr(checklist_cache, "_UNUSED_SECONDS", 100)
    os.utime(about, (0, 0))
    zipped(path, {"NameUsage.tsv": usages(CATS[:-1])})
    opened(path, database)
    assert not about.exists()
    assert json.loads((next(about.parent.parent.iterdir()) / "checklist.json").read_text())["title"] == ""


def test_without_a_cache_it_is_kept_in_the_dataset(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = zipped(tmp_path / "col.zip", {"NameUsage.tsv": usages()})
    checklist = opened(path, database, tmp_path / "dataset")
    assert checklist.names.is_relative_to(tmp_path / "dataset")
    assert opened(path, database, tmp_path / "dataset").names == checklist.names
    (tmp_path / "no folder").write_text("")
    notes: list[str] = []
    apart = checklist_files.open_checklist("list", path, tmp_path / "no folder", database, SimpleParser(), notes.append)
    assert names(apart) == names(checklist)
    assert "cannot be kept in" in notes[0]


def test_two_processes_may_read_the_same_checklist_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The faster one wins; both see a whole checklist."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    path = zipped(tmp_path / "col.zip", {"NameUsage.tsv": usages()})
    program = (
        "import sys; from pathlib import Path; import polars as pl\n"
        "from treeoflife.core.database import open_database\n"
        "from treeoflife.taxonomy.checklists.files import open_checklist\n"
        "from treeoflife.taxonomy.parsing.simple import SimpleParser\n"
        "with open_database(Path(sys.argv[2])) as database:\n"
        "    names = open_checklist('list', Path(sys.argv[1]), Path(sys.argv[2]), database, SimpleParser()).names\n"
        "    print(pl.read_parquet(names).height, names)\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, path, tmp_path / f"scratch{one}"], stdout=subprocess.PIPE)
        for one in range(2)
    ]
    answers = {one.communicate()[0] for one in running}
    assert [one.returncode for one in running] == [0, 0]
    assert len(answers) == 1
    assert answers.pop().startswith(b"9 ")
    assert len(list((tmp_path / "cache/treeoflife/checklists").iterdir())) == 1
