"""Text tables of any origin: every row is read, or the error names the line."""

import csv
import io
import os
import random
from pathlib import Path
from typing import Any

import pytest

from treeoflife.core import regular_rows, text_tables
from treeoflife.core.text_tables import read_text_pieces, read_text_table, scan_text_table
from treeoflife.errors import InputError

BIRDS = [("a.jpg", "Parus major"), ("b.jpg", "Möwe"), ("c.jpg", "Turdus merula")]


def written(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_encoding_delimiter_and_line_ends_are_recognised(
    encoding: str, delimiter: str, line_end: str, tmp_path: Path
) -> None:
    text = line_end.join(delimiter.join(row) for row in [("file", "name"), *BIRDS]) + line_end
    table = read_text_table(written(tmp_path / "birds.csv", text, encoding))
    assert table.rows.rows() == BIRDS
    assert table.delimiter == delimiter
    assert list(table.lines) == [2, 3, 4]
    assert bool(table.remarks) == (encoding == "cp1252")


def test_a_line_that_names_the_separator_is_obeyed(tmp_path: Path) -> None:
    table = read_text_table(written(tmp_path / "birds.csv", "sep=;\nfile;name, as written\na.jpg;Parus, major\n"))
    assert table.rows.rows() == [("a.jpg", "Parus, major")]
    assert list(table.lines) == [3]


@pytest.mark.parametrize("note", ['"', '5" lens', 'a "tame" one', '"tame" one', 'says "', '""" '])
def test_stray_quotation_marks_lose_no_row(note: str, tmp_path: Path) -> None:
    rows = [("a.jpg", "Parus major", note), ("b.jpg", "Möwe", ""), ("c.jpg", "Turdus merula", note), ("d.jpg", "", "")]
    text = "".join(",".join(row) + "\n" for row in [("file", "name", "note"), *rows])
    table = read_text_table(written(tmp_path / "birds.csv", text), {"file", "name"})
    assert table.rows.rows() == [row[:2] for row in rows]


UUIDS = [f"{number:08d}-a345-5431-acbe-bc25c5c292e2" for number in range(9)]
SWALLOWED = {
    "short rows": 'file,name,note\n0.jpg,"Turdus\n1.jpg,Parus major\n2.jpg,Erithacus",tail\n3.jpg,Passer,\n',
    "rows without a note": 'file,name,note\n0.jpg,Pica,"big\n1.jpg,Parus major\n2.jpg,Turdus,x"\n3.jpg,Pica pica\n',
    "ids": f'id,verdict,note\n{UUIDS[0]},drop,"bad\n{UUIDS[1]},drop\n{UUIDS[2]},drop,x"\n{UUIDS[3]},drop\n',
    "numbers": 'page,name,lang\n5001,"Tit,en\n5002,Robin,en\n5003,Sparrow",en,\n5004,Pie,en\n',
    "a surplus delimiter": 'a,b,c,d,e,f\nx1,2,3,4,5,"6\ny1,2,3,4,5,6,\nz1,2,3,4,5,6"\n',
    "nothing else": 'file,name,note\n0.jpg,"Turdus merula\n1.jpg,Parus major\n2.jpg,Erithacus rubecula",tail\n',
    "semicolons": 'file;name;note\n0.jpg;"Turdus\n1.jpg;Parus major\n2.jpg;Erithacus",tail;\n3.jpg;Pica pica\n',
}


@pytest.mark.parametrize("what", SWALLOWED)
def test_two_stray_quotation_marks_swallow_no_row(tmp_path: Path, what: str) -> None:
    """Though the rows between them are not as long as the header, and neither are others."""
    text = SWALLOWED[what]
    lines = [line for line in text.splitlines()[1:] if line]
    try:
        table = read_text_table(written(tmp_path / "birds.csv", text))
    except InputError as error:
        assert "birds.csv, line " in str(error)  # noqa: PT017 - both answers are right
    else:
        assert table.rows.height == len(lines)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (3, 'file,note\na.jpg,"a nice bird, seen\ntoday, at noon"\nb.jpg,"x\ny"\nc.jpg,z\n'),
        (2, 'file,name,note\na.jpg,Parus major,"seen twice\nfemale, young\n"\nb.jpg,Pica pica\n'),
        (2, 'file,name,note\n1.jpg,Parus major,"1. a, b\n2. c, d"\n2.jpg,Pica pica,\n'),
        (2, '"file","n","note"\n"a.jpg",3,"Seen in the park.\nIt was raining, and cold."\n"b.jpg",4,"ok"\n'),
        (2, '"file","n","note"\n"a.jpg","3","Seen.\nRain, cold."\n"b.jpg","4","ok"\n'),
        (1, 'file,n,note\na.jpg,3,"Seen in the park.\nIt was raining, and cold."\n'),
        (2, 'id,a,b,c,d,e,text\n1,,,,,,"one, two, three\n\nfour, five"\n2,,,,,,x\n'),
    ],
)
def test_notes_of_several_lines_with_delimiters_are_values(tmp_path: Path, rows: int, text: str) -> None:
    table = read_text_table(written(tmp_path / "birds.csv", text))
    assert table.rows.height == rows
    assert "\n" in table.rows[0, -1]


def test_a_stray_quotation_mark_beside_quoted_delimiters_is_an_error_with_its_line(tmp_path: Path) -> None:
    text = (
        'file,name,note\na.jpg,Parus major,"big, old"\nb.jpg,Pica pica,"x\nc.jpg,Turdus merula,y\nd.jpg,Apus apus,"\n'
    )
    with pytest.raises(InputError, match="line 3: a quotation mark"):
        read_text_table(written(tmp_path / "birds.csv", text))


def test_a_value_over_several_lines_is_one_value(tmp_path: Path) -> None:
    text = 'file,name,note\na.jpg,Parus major,"big,\nold\n\nbird"\nb.jpg,Pica pica,\n'
    table = read_text_table(written(tmp_path / "birds.csv", text))
    assert table.rows.rows() == [("a.jpg", "Parus major", "big,\nold\n\nbird"), ("b.jpg", "Pica pica", "")]
    assert list(table.lines) == [2, 6]


def test_a_field_too_many_is_an_error_and_a_missing_one_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 3: has 3 fields, but the header has 2; enclose a value with commas"):
        read_text_table(written(tmp_path / "birds.csv", "file,name\na.jpg,Pica\nb.jpg,Parus, major\n"))
    table = read_text_table(written(tmp_path / "birds.csv", "file,name\na.jpg,Pica,,\nb.jpg\nc.jpg,Apus\n"))
    assert table.rows.rows() == [("a.jpg", "Pica"), ("b.jpg", ""), ("c.jpg", "Apus")]
    fewer, more = table.remarks
    assert fewer == "1 of its 3 rows have fewer fields than the header, the first on line 3; what they lack is empty"
    assert "1 of its 3 rows have more fields than the header, all empty, the first on line 2" in more


def test_a_table_that_was_cut_off_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="ends in the middle of line 3: is it complete"):
        read_text_table(written(tmp_path / "birds.csv", "file,name\na.jpg,Pica pica\nb.j"))


def test_text_in_two_encodings_is_an_error_with_the_line(tmp_path: Path) -> None:
    path = tmp_path / "birds.csv"
    path.write_bytes("file,name\na.jpg,Möwe\n".encode() + "b.jpg,Möwe\n".encode("latin-1"))
    with pytest.raises(InputError, match="line 3: is not UTF-8, which other lines are"):
        read_text_table(path)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"), (b" \r\n", "is empty"), (b"PK\x03\x04rest", "a spreadsheet or zip archive; save it as CSV"),
        (b"\x1f\x8brest", "gzip; unpack it"), (b"<!DOCTYPE html><html>", "is a web page"),
        (b"file,name\na.jpg,Pica\0\n", "line 2: has a NUL"), (b"a,b,a\n1,2,3\n", "two columns called 'a'"),
        (b"file,name\na.jpg,\x81\n", "line 2: is neither UTF-8 nor Windows-1252"),
        (b"x" * 200_000 + b",b\n1,2\n", "line 1: field larger than"),
        (b'file,name\na.jpg,"Parus, major\nb.jpg,Pica\n', "line 2: a quotation mark is opened and never closed"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_a_sentence(data: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "birds.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=reason) as error:
        read_text_table(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_no_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="there is no table"):
        read_text_table(tmp_path / "birds.csv")
    with pytest.raises(InputError, match="cannot be read"):
        read_text_table(tmp_path)
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(InputError, match="is a pipe"):
        read_text_table(tmp_path / "pipe.csv")


@pytest.mark.parametrize("seed", range(8))
def test_whatever_a_writer_of_csv_writes_is_read(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regular_rows, "CHUNK_BYTES", 37)  # pieces must join anywhere
    drawn = random.Random(seed)
    for _ in range(40):
        delimiter, width = drawn.choice(",;\t"), drawn.randint(2, 5)
        letters = [*"abcé日 ", '"', delimiter, "Parus major"]
        # An empty note of several lines keeps records with line breaks apart from stray quotation marks.
        rows = [
            ["".join(drawn.choices(letters, k=drawn.randint(0, 5))).strip() for _ in range(width)]
            + [drawn.choice(["", "two\n\nparts"])]
            for _ in range(drawn.randint(0, 9))
        ]
        out = io.StringIO(newline="")
        quoting: Any = drawn.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
        writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=drawn.choice(["\n", "\r\n"]))
        writer.writerows([[f"column {number}" for number in range(width + 1)], *rows])
        path = written(tmp_path / "drawn.csv", out.getvalue(), drawn.choice(["utf-8", "utf-8-sig", "utf-16"]))
        table = read_text_table(path, delimiter=delimiter)
        assert [list(row) for row in table.rows.rows()] == rows
        assert not table.remarks


def test_columns_are_found_in_any_case_and_named_as_in_the_file(tmp_path: Path) -> None:
    table = read_text_table(written(tmp_path / "birds.csv", "File, NAME ,note\na.jpg,Pica,x\n"), {"file", "Name"})
    assert table.rows.to_dicts() == [{"File": "a.jpg", "NAME": "Pica"}]


@pytest.mark.parametrize("line_end", ["\n", "\r"])
def test_a_file_without_a_header_is_read_from_its_first_row_on(line_end: str, tmp_path: Path) -> None:
    path = written(tmp_path / "birds.csv", line_end.join(["a.jpg,Pica", "b.jpg,Apus", ""]))
    table = read_text_table(path, {"name"}, columns=["file", "name"])
    assert (table.rows["name"].to_list(), list(table.lines)) == (["Pica", "Apus"], [1, 2])


def test_tabs_leave_quotation_marks_in_a_providers_table(tmp_path: Path) -> None:
    table = read_text_table(written(tmp_path / "birds.tab", 'file\tname\na.jpg\t"Pica"\nb.jpg\tA "b\n'), quoted=None)
    assert table.rows["name"].to_list() == ['"Pica"', 'A "b']
    table = read_text_table(written(tmp_path / "birds.csv", 'file,name\na.jpg,"Pica, pica"\n'), quoted=None)
    assert table.rows["name"].to_list() == ["Pica, pica"]


@pytest.mark.parametrize(
    "text", ["a,b\n1,2\n3,4\n", 'a,b,c\n1,2,"\n3,4,x"\n', "a;b\n1;2\n3;4\n", "\ufeffa,b\n1,2\n3,4\n"]
)
def test_a_table_that_is_read_lazily_has_all_rows_too(text: str, tmp_path: Path) -> None:
    rows = scan_text_table(written(tmp_path / "birds.csv", text)).select("a", "b").collect()
    assert rows.rows() == [("1", "2"), ("3", "4")]


@pytest.mark.parametrize(
    "text",
    [
        "a,b,c\n1,2,3\n4,5,6\n7,8,9\n",
        "a,b,c\r\n1,2,3\r\n4,5,6",
        "a,b,c\n",
        'a,b,c\n1,2,"3\n4"\n5,6,7\n8,9\n\n1,2,3,\n',
        'a,b,c\n1,2,5" lens\n4,5,"6"\n',
        "a;b;c\n1;2;3\n4;5;6\n",
        "sep=;\na;b;c\n1;2;3\n4;5;6\n",
    ],
)
@pytest.mark.parametrize("columns", [None, ("x", "y")])
def test_a_table_is_the_same_in_pieces(
    text: str, columns: tuple[str, ...] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path / "birds.csv", text)
    whole = read_text_table(path, columns=columns)
    monkeypatch.setattr(regular_rows, "CHUNK_BYTES", 1)
    monkeypatch.setattr(text_tables, "_ROWS_OF_A_PIECE", 1)
    first, *pieces = read_text_pieces(path, columns=columns)
    assert (first.rows.height, first.rows.columns) == (0, whole.rows.columns)
    assert all(piece.rows.height == len(piece.lines) == 1 for piece in pieces)
    assert [piece.rows.row(0) for piece in pieces] == whole.rows.rows()
    assert [piece.lines[0] for piece in pieces] == list(whole.lines)
    for piece in (first, *pieces):
        assert (piece.columns, piece.delimiter, piece.remarks) == (whole.columns, whole.delimiter, whole.remarks)


@pytest.mark.parametrize("last", ["3,4,5", "3", '3,"4\n5'])
def test_an_odd_row_at_the_end_is_known_before_the_first_piece(last: str, tmp_path: Path) -> None:
    path = written(tmp_path / "birds.csv", "a,b\n" + "1,2\n" * 10 + last)
    with pytest.raises(InputError, match="line 12"):
        next(read_text_pieces(path))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_table_of_blank_lines_is_empty(encoding: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is empty"):
        read_text_table(written(tmp_path / "birds.csv", "\n \n", encoding))


def test_a_blank_header_is_a_column_without_a_name(tmp_path: Path) -> None:
    assert read_text_table(written(tmp_path / "birds.csv", "  \na\n")).columns in (("column 1",), ("a",))
