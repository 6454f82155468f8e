"""Archives of Darwin Core are read as the text guide of TDWG has it, whoever made them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from gbif_archives import AC, DC, DWC, GBIF, Spec, bird, meta_xml, picture, write_archive, write_download, write_files
from treeoflife.core.packed_files import open_files
from treeoflife.errors import InputError
from treeoflife.sources.lists.darwin_core import Archive, Table, read_archive

ROWS = [{"id": "1", "locality": 'a "b", c;', "family": "Paridae"}, {"id": "2", "locality": "Pražák|d", "family": ""}]
COLUMNS = ["id", "locality", "family"]
OCCURRENCE = DWC + "Occurrence"


def opened(path: Path) -> Archive:
    return read_archive(open_files(path))


def rows(archive: Archive, table: Table, *terms: str) -> list[tuple[str, ...]]:
    """The id and the terms of each row that is sound."""
    frame = pl.concat(archive.read(table, terms, []))
    return frame.filter(frame["problem"].is_null()).select("id", *terms).rows()


def core(rows: Sequence[dict[str, str]] = ROWS, **attributes: str | None) -> Spec:
    return Spec(OCCURRENCE, "occ.txt", COLUMNS, rows, attributes)


@pytest.mark.parametrize("name", ["a.zip", "a"])
@pytest.mark.parametrize("top", ["", "dwca-birds-v1.2/"])
@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"fieldsTerminatedBy": ",", "fieldsEnclosedBy": '"'},
        {"fieldsTerminatedBy": None, "fieldsEnclosedBy": None, "linesTerminatedBy": None, "encoding": None},
        {"fieldsTerminatedBy": ";", "fieldsEnclosedBy": "'", "linesTerminatedBy": "\\r\\n"},
        {"fieldsTerminatedBy": "@", "linesTerminatedBy": "\\r", "encoding": "utf-16"},
        {"encoding": "windows-1250", "ignoreHeaderLines": "3"},
        {"ignoreHeaderLines": "0", "fieldsTerminatedBy": "||"},
    ],
    ids=["ipt", "csv", "defaults", "semicolons", "utf-16", "central-european", "bars"],
)
def test_the_description_says_how_a_table_is_written(
    tmp_path: Path, name: str, top: str, attributes: dict[str, str | None]
) -> None:
    archive = opened(write_archive(tmp_path / name, core(**attributes), top=top))
    assert rows(archive, archive.core, "locality", "family") == [tuple(row.values()) for row in ROWS]
    assert not archive.remarks


def test_fields_have_defaults_and_constants(tmp_path: Path) -> None:
    spec = core()
    meta = meta_xml(spec).replace(f'index="2" term="{DWC}family"', f'index="2" term="{DWC}family" default="unknown"')
    meta = meta.replace("</core>", f'<field term="{DC}license" default="CC0"/></core>')
    archive = opened(write_files(tmp_path / "a.zip", {"meta.xml": meta.encode(), "occ.txt": spec.data()}))
    assert rows(archive, archive.core, "family", "license", "order") == [
        ("1", "Paridae", "CC0", ""), ("2", "unknown", "CC0", "")
    ]  # fmt: skip


def test_columns_are_known_by_their_terms_in_any_namespace_and_case(tmp_path: Path) -> None:
    columns = ["id", AC + "accessURI", "http://ns.adobe.com/xap/1.0/rights/UsageTerms", "http://example.org/x#Title"]
    media = Spec(AC + "Multimedia", "media.csv", columns, [dict(zip(columns, ("1", "u", "CC0", "t"), strict=True))])
    archive = opened(write_archive(tmp_path / "a.zip", core(), media))
    assert [one.kind for one in archive.extensions] == ["multimedia"]
    assert rows(archive, archive.extensions[0], "accessURI", "usageterms", "title") == [("1", "u", "CC0", "t")]


def test_a_table_may_be_in_several_files(tmp_path: Path) -> None:
    spec = core()
    meta = meta_xml(spec).replace("</files>", "<location>./data\\more.txt</location></files>").encode()
    more = b"id\tlocality\tfamily\n3\tx\ty\n"
    archive = opened(write_files(tmp_path / "a.zip", {"meta.xml": meta, "OCC.txt": spec.data(), "data/more.txt": more}))
    assert [row[0] for row in rows(archive, archive.core)] == ["1", "2", "3"]


def test_line_breaks_that_xml_turned_into_spaces_are_read_as_such(tmp_path: Path) -> None:
    spec = core()
    meta = meta_xml(spec).replace('"\\n"', '"\n"').replace('"\\t"', '"\t"').encode()
    archive = opened(write_files(tmp_path / "a.zip", {"meta.xml": meta, "occ.txt": spec.data()}))
    assert rows(archive, archive.core, "locality") == [(row["id"], row["locality"]) for row in ROWS]


def test_a_table_that_is_divided_otherwise_than_described_is_read_and_said(tmp_path: Path) -> None:
    spec = core()
    meta = meta_xml(spec).replace('fieldsTerminatedBy="\\t"', 'fieldsTerminatedBy=","').encode()
    archive = opened(write_files(tmp_path / "a.zip", {"meta.xml": meta, "occ.txt": spec.data()}))
    assert rows(archive, archive.core, "locality") == [(row["id"], row["locality"]) for row in ROWS]
    assert archive.remarks == (f"occ.txt in {tmp_path / 'a.zip'} is divided by tabs, not as meta.xml says",)


def test_columns_beyond_the_description_and_comments_in_it_do_no_harm(tmp_path: Path) -> None:
    spec = core()
    meta = meta_xml(spec).replace("<files>", "<!-- <core/> --><files>").replace("<archive", "<!-- a --><archive")
    data = spec.data().replace(b"\n", b"\tmore\n")
    archive = opened(write_files(tmp_path / "a.zip", {"meta.xml": meta.encode(), "occ.txt": data}))
    assert len(rows(archive, archive.core, "locality")) == 2


def test_the_header_counts_where_it_has_all_columns_elsewhere(tmp_path: Path) -> None:
    """As when a description stays beside a newer table, whose list of columns has grown."""
    old, new = (
        Spec(OCCURRENCE, "occ.txt", COLUMNS, []),
        Spec(OCCURRENCE, "occ.txt", ["family", "new", "id", "locality"], ROWS),
    )
    meta = meta_xml(old).replace(f'index="0" term="{DWC}id"', f'index="0" term="{DWC}id"').encode()
    archive = opened(write_files(tmp_path / "a.zip", {"meta.xml": meta, "occ.txt": new.data()}))
    assert rows(archive, archive.core, "locality", "family") == [tuple(row.values()) for row in ROWS]
    assert archive.remarks == ("occ.txt has its columns in another order than meta.xml says; its header counted",)


def test_the_description_counts_where_the_header_has_names_of_its_own(tmp_path: Path) -> None:
    archive = opened(
        write_archive(tmp_path / "a.zip", Spec(OCCURRENCE, "o.txt", COLUMNS, ROWS, header="ID\tfamily\tPlace"))
    )
    assert rows(archive, archive.core, "family") == [("1", "Paridae"), ("2", "")]
    assert not archive.remarks


@pytest.mark.parametrize("meta", [None, b"<archive>", b"<!DOCTYPE archive><archive/>", b"<archive/>"])
def test_a_download_of_gbif_is_read_by_its_headers_if_need_be(tmp_path: Path, meta: bytes | None) -> None:
    path = write_download(tmp_path / "a", [bird(1)], [picture(1, "https://example.org/1.jpg")], described=False)
    if meta is not None:
        (path / "meta.xml").write_bytes(meta)
    archive = opened(path)
    assert rows(archive, archive.core, "species") == [("10000000001", "Parus major")]
    assert rows(archive, archive.extensions[0], "identifier") == [("10000000001", "https://example.org/1.jpg")]
    assert len(archive.remarks) == (meta is not None)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (("occ.txt", "http://example.org/occ.txt"), "names 'http://example.org/occ.txt', which is not in the archive"),
        (("occ.txt", "../occ.txt"), r"names '\.\./occ\.txt', which is not"),
        (("occ.txt", "/etc/passwd"), "names '/etc/passwd', which is not"),
        (("utf-8", "klingon"), "names the encoding 'klingon'"),
        (("utf-8", "zip"), "names the encoding 'zip'"),
        (('ignoreHeaderLines="1"', 'ignoreHeaderLines="-1"'), "'-1' header lines"),
        (('ignoreHeaderLines="1"', 'ignoreHeaderLines="' + "9" * 5000 + '"'), "header lines"),
        (('index="2"', 'index="99999999999"'), "has the index '99999999999'"),
        (('index="2"', 'index="40"'), "at least 41 columns"),
        (("<core", "<table"), "is no valid XML"),
        (("core", "table"), "names no core table"),
        (('fieldsEnclosedBy=""', 'fieldsEnclosedBy="ab"'), "only one character"),
        (("<location>occ.txt</location>", ""), "without naming its file"),
    ],
)
def test_a_description_that_makes_no_sense_is_an_error_that_says_why(
    tmp_path: Path, edit: tuple[str, str], message: str
) -> None:
    spec = core()
    meta = meta_xml(spec).replace(*edit).encode()
    assert meta != meta_xml(spec).encode()
    with pytest.raises(InputError, match=message):
        opened(write_files(tmp_path / "a.zip", {"meta.xml": meta, "occ.txt": spec.data()}))
    with pytest.raises(InputError, match=message):
        opened(write_files(tmp_path / "a", {"meta.xml": meta, "occ.txt": spec.data()}))


def test_an_extension_that_is_not_there_is_said_and_not_missed(tmp_path: Path) -> None:
    spec, absent = core(), Spec(GBIF + "Multimedia", "gone.txt", ["id"], [])
    files = {"meta.xml": meta_xml(spec, absent).encode(), "occ.txt": spec.data()}
    archive = opened(write_files(tmp_path / "a.zip", files))
    assert archive.extensions == ()
    assert archive.remarks == ("meta.xml names 'gone.txt', which is not in the archive",)


@pytest.mark.parametrize("cut", [10, 100, 200])
def test_a_damaged_zip_is_an_error(tmp_path: Path, cut: int) -> None:
    path = write_archive(tmp_path / "a.zip", core())
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    with pytest.raises(InputError, match=r"a\.zip cannot be read"):
        opened(path)
    at = data.index(b"occ.txt") + len("occ.txt") + 3
    path.write_bytes(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :])
    with pytest.raises(InputError, match=r"a\.zip"):
        rows(opened(path), opened(path).core)


def test_a_folder_without_tables_or_with_several_archives_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no archive of Darwin Core"):
        opened(write_files(tmp_path / "a", {"readme.md": b"x"}))
    with pytest.raises(InputError, match="several archives"):
        opened(write_files(tmp_path / "b", {"x/meta.xml": b"x", "y/meta.xml": b"x"}))
    with pytest.raises(InputError, match="there is no file or folder"):
        opened(tmp_path / "c")


def test_it_reads_what_python_dwca_reader_reads(tmp_path: Path) -> None:
    dwca = pytest.importorskip("dwca.read")
    made = [
        (core(), Spec(GBIF + "VernacularName", "v.csv", ["id", "country"], [{"id": "1", "country": "A, b"}],
                      {"fieldsTerminatedBy": ",", "fieldsEnclosedBy": '"'})),
        (core(fieldsTerminatedBy=",", fieldsEnclosedBy='"'),),
        (core(encoding="windows-1250", linesTerminatedBy="\\r\\n", ignoreHeaderLines="2"),),
        (Spec(OCCURRENCE, "o.txt", COLUMNS, ROWS, defaults={"country": "Belgium"}),),
    ]  # fmt: skip
    for number, specs in enumerate(made):
        path = write_archive(tmp_path / f"{number}.zip", *specs)
        archive = opened(path)
        with dwca.DwCAReader(str(path)) as reader:
            for table, file in zip(
                (archive.core, *archive.extensions), (reader.core_file, *reader.extension_files), strict=True
            ):
                terms = sorted(one["term"] for one in file.file_descriptor.fields)
                theirs = [(getattr(row, "id", None) or getattr(row, "core_id", ""), *(row.data[one] for one in terms))
                          for row in (file.iter_rows() if hasattr(file, "iter_rows") else file)]  # fmt: skip
                assert rows(archive, table, *terms) == theirs
