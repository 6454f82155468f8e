"""Tables in files of other kinds than text: Parquet and spreadsheets, whatever the name says."""

from __future__ import annotations

import datetime
import zipfile
from pathlib import Path
from xml.sax.saxutils import escape

import polars as pl
import pytest

from treeoflife.core import table_files
from treeoflife.core.table_files import read_header, read_table_file, read_table_pieces
from treeoflife.errors import InputError, MissingExtra

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def spreadsheet(path: Path, *sheets: list[list[object]]) -> Path:
    """A workbook as Excel writes it, with these rows in its sheets."""
    numbers = range(1, len(sheets) + 1)
    names = "".join(f'<sheet name="S{n}" sheetId="{n}" r:id="r{n}"/>' for n in numbers)
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"/>',
        "_rels/.rels": _relations({"r1": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{names}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _relations({f"r{n}": ("worksheet", f"worksheets/s{n}.xml") for n in numbers}),
    }
    for number, rows in enumerate(sheets, 1):
        body = "".join(f"<row>{''.join(map(_cell, row))}</row>" for row in rows)
        parts[f"xl/worksheets/s{number}.xml"] = f'<worksheet xmlns="{MAIN}"><sheetData>{body}</sheetData></worksheet>'
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return path


def _relations(targets: dict[str, tuple[str, str]]) -> str:
    links = (f'<Relationship Id="{key}" Type="{OFFICE}/{kind}" Target="{to}"/>' for key, (kind, to) in targets.items())
    return f'<Relationships xmlns="{PACKAGE}/relationships">{"".join(links)}</Relationships>'


def _cell(value: object) -> str:
    if isinstance(value, int | float):
        return f"<c><v>{value}</v></c>"
    return f'<c t="inlineStr"><is><t>{escape(str(value))}</t></is></c>' if value else "<c/>"


def test_a_spreadsheet_is_read_whatever_its_ending(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine")
    rows: list[list[object]] = [["file", "name", "number"], [], ["a.jpg", "Möwe", 5001], ["b.jpg", "", 1.5]]
    table = read_table_file(spreadsheet(tmp_path / "birds.csv", rows))
    assert table.rows.rows() == [("a.jpg", "Möwe", "5001"), ("b.jpg", "", "1.5")]
    assert list(table.lines) == [3, 4]
    assert not table.remarks


def test_sheets_that_are_not_read_are_named(tmp_path: Path) -> None:
    pytest.importorskip("python_calamine")
    table = read_table_file(spreadsheet(tmp_path / "birds.xlsx", [], [["file"], ["a.jpg"]], [["file"], ["b.jpg"]]))
    assert table.rows.rows() == [("a.jpg",)]
    assert table.remarks == ("only its first sheet, 'S2', was read, and not 'S3'",)


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([], "is empty"),
        ([["file", "file"], ["a.jpg", "b.jpg"]], "two columns called 'file'"),
        ([["file"], ["a.jpg", "Pica pica"]], "row 2: has a value beyond the last column"),
    ],
)
def test_a_sheet_that_is_no_table_is_a_sentence(rows: list[list[object]], reason: str, tmp_path: Path) -> None:
    pytest.importorskip("python_calamine")
    with pytest.raises(InputError, match=reason):
        read_table_file(spreadsheet(tmp_path / "birds.xlsx", rows))


@pytest.mark.parametrize("data", [b"PK\x03\x04 cut off", b"\xd0\xcf\x11\xe0 cut off", b"PAR1 cut off"])
def test_a_damaged_file_is_a_sentence(data: bytes, tmp_path: Path) -> None:
    pytest.importorskip("python_calamine")
    path = tmp_path / "birds.xlsx"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"birds\.xlsx cannot be read") as error:
        read_table_file(path)
    assert "\n" not in str(error.value)


def test_a_spreadsheet_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("python_calamine")
    monkeypatch.setattr(table_files, "_MAX_UNPACKED", 1000)
    with pytest.raises(InputError, match="too many to read: save it as CSV"):
        read_table_file(spreadsheet(tmp_path / "birds.xlsx", [["file"], *[["a.jpg"]] * 100]))


def test_without_the_extra_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "python_calamine", None)
    with pytest.raises(MissingExtra, match=r"treeoflife\[excel\].*save it as CSV"):
        read_table_file(spreadsheet(tmp_path / "birds.xlsx", [["file"], ["a.jpg"]]))


def test_columns_of_parquet_that_cannot_be_text_are_left_out_and_named(tmp_path: Path) -> None:
    columns = {
        "file": ["a.jpg"], "genus": [b"Pica"], "image": [b"\xff\xd8"], "embedding": [[0.5, 1.0]], "box": [{"x": 1}],
    }  # fmt: skip
    pl.DataFrame(columns).write_parquet(tmp_path / "birds.parquet")
    table = read_table_file(tmp_path / "birds.parquet")
    assert table.rows.to_dicts() == [{"file": "a.jpg", "genus": "Pica"}]
    assert (table.columns, list(table.lines)) == (tuple(columns), [1])
    assert table.remarks == ("what cannot be text was not read: 'image', 'embedding', 'box'",)


def test_parquet_is_read_as_text(tmp_path: Path) -> None:
    frame = pl.DataFrame({"file": [" a.jpg", None], "number": [5001, 2], "day": [datetime.date(2024, 5, 1), None]})
    frame.write_parquet(tmp_path / "birds.csv")
    table = read_table_file(tmp_path / "birds.csv")
    assert table.rows.rows() == [("a.jpg", "5001", "2024-05-01"), ("", "2", "")]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_pieces_together_are_the_table_and_the_first_has_no_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str
) -> None:
    """Some columns, as text, whatever their case; the lines go on from one piece to the next."""
    monkeypatch.setattr(table_files, "_ROWS_OF_A_PIECE", 3)
    frame = pl.DataFrame({"Page ID": [5.0, None, 7.0] * 3, "other": ["x"] * 9, "name": [" a ", "", None] * 3})
    path = tmp_path / f"table.{ending}"
    frame.write_csv(path) if ending == "csv" else frame.write_parquet(path)
    assert read_header(path) == ("Page ID", "other", "name")
    first, *others = list(read_table_pieces(path, ["page_id", "name", "absent"]))
    assert first.rows.is_empty()
    assert first.columns == ("Page ID", "other", "name")
    rows = pl.concat([one.rows for one in others])
    assert rows.rows() == [("5.0", "a"), ("", ""), ("7.0", "")] * 3
    lines = [line for one in others for line in one.lines]
    assert lines == list(range(lines[0], lines[0] + 9))


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"<html>", b"a,a"])
def test_pieces_and_headers_of_no_table_are_errors_that_name_it(tmp_path: Path, data: bytes) -> None:
    (path := tmp_path / "table.csv").write_bytes(data)
    for read in (read_header, lambda path: list(read_table_pieces(path, ["a"]))):
        with pytest.raises(InputError, match=r"table\.csv"):
            read(path)
