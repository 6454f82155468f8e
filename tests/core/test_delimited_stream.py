"""A text whose layout is known is read as a stream, and no row of it is lost or guessed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeoflife.core import delimited_stream
from treeoflife.core.delimited_stream import DelimitedStream, Field, Layout
from treeoflife.errors import InputError


def layout(delimiter: str = "\t", quote: str = "", line_end: str = "\n", width: int = 3, **other: object) -> Layout:
    values = {"encoding": "utf-8", "header_lines": 0, "least_width": width, **other}
    return Layout(delimiter, quote, line_end, width=width, **values)  # type: ignore[arg-type]


def in_chunks(data: bytes, size: int = 7) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def read(data: bytes, how: Layout, size: int = 7) -> tuple[list[tuple[str, ...]], list[str], list[int]]:
    """The rows, the problems, and the lines of the rows."""
    columns = {f"c{number}": [Field(number)] for number in range(how.width)}
    table = pl.concat(DelimitedStream("t.txt", how, columns).frames(in_chunks(data, size)))
    rows = table.select(*columns).rows()
    return rows, table["problem"].drop_nulls().to_list(), table["line"].to_list()


def test_quotation_marks_are_text_where_nothing_encloses_fields() -> None:
    rows, problems, lines = read(b'1\t"a" b\t5" nail\n2\t"\tx\n', layout())
    assert rows == [("1", '"a" b', '5" nail'), ("2", '"', "x")]
    assert (problems, lines) == ([], [1, 2])


def test_enclosed_fields_may_hold_delimiters_line_breaks_and_doubled_marks() -> None:
    rows, problems, lines = read(b'1,"a, b","say ""hi"""\n2,"two\nlines",x\n3,y,z\n', layout(",", '"'))
    assert rows == [("1", "a, b", 'say "hi"'), ("2", "two\nlines", "x"), ("3", "y", "z")]
    assert (problems, lines) == ([], [1, 2, 4])


def test_any_character_encloses_and_any_text_divides() -> None:
    assert read(b"'1','it''s','x'\n", layout(",", "'"))[0] == [("1", "it's", "x")]
    assert read(b"1||b|b||3@@2||||4@@", layout("||", "", "@@"))[0] == [("1", "b|b", "3"), ("2", "", "4")]


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_each_kind_of_line_end_is_read(line_end: str) -> None:
    data = f"1\ta\tb{line_end}2\tc\td{line_end}".encode()
    assert read(data, layout(line_end=line_end))[0] == [("1", "a", "b"), ("2", "c", "d")]


def test_a_line_feed_within_a_row_that_ends_with_both_is_text() -> None:
    assert read(b"1\ta\nb\tc\r\n2\td\te\r\n", layout(line_end="\r\n"))[0] == [("1", "a\nb", "c"), ("2", "d", "e")]


def test_a_row_with_too_few_or_too_many_fields_comes_with_its_line_and_the_rest_is_read() -> None:
    rows, problems, _ = read(b"1\ta\tb\n2\tc\n3\td\te\tf\n\n4\tg\th\n5\ti\tj\t\n", layout())
    assert [row[0] for row in rows] == ["1", "2", "3", "4", "5"]
    assert problems == ["line 2 of t.txt has 2 fields in place of 3", "line 3 of t.txt has 4 fields in place of 3"]


def test_short_and_long_rows_that_even_out_are_noticed() -> None:
    """The number of delimiters alone is right."""
    assert len(read(b"1\ta\tb\tc\n2\td\n", layout())[1]) == 2
    assert len(read(b"1\ta\n2\td\tb\tc\n", layout())[1]) == 2


def test_a_text_that_ends_within_a_row_is_an_error() -> None:
    with pytest.raises(InputError, match=r"t\.txt ends in the middle of line 2"):
        read(b"1\ta\tb\n2\tc", layout())
    assert len(read(b"1\ta\tb\n2\tc\td", layout())[0]) == 2


_STRAY = {"open": b'2,"stray,x\n', "odd": b'2,a "b" c","d\n', "php": b'2,"a \\"b\\", c",d\n', "after": b'2,"a" b,c\n'}


@pytest.mark.parametrize("stray", _STRAY.values(), ids=_STRAY)
def test_a_stray_quotation_mark_costs_its_own_row_at_most(stray: bytes) -> None:
    rows, problems, lines = read(b'1,a,"b\nb"\n' + stray + b'3,"c, c",d\n4,e,f\n', layout(",", '"'))
    assert rows[0] == ("1", "a", "b\nb")
    assert rows[-2:] == [("3", "c, c", "d"), ("4", "e", "f")]
    assert len(rows) == 4
    assert lines[1] == 3
    assert bool(problems) == (rows[1].count("") > 0 or stray.count(b",") != 2)


def test_two_stray_quotation_marks_do_not_swallow_the_rows_between_them() -> None:
    rows, _, _ = read(b'1,"a,b\n2,c,d\n3,e,f"\n4,g,h\n', layout(",", '"'))
    assert [row[0] for row in rows] == ["1", "2", "3", "4"]
    wide = ",".join("bcdefg")
    rows, _, _ = read(f'1,"a,{wide}\n2,x,{wide}\n3,y",{wide}\n'.encode(), layout(",", '"', width=8))
    assert [row[0] for row in rows] == ["1", "2", "3"]


def test_a_mark_that_encloses_nothing_is_said() -> None:
    stream = DelimitedStream("t.csv", layout(",", '"'), {"name": [Field(1)]})
    table = pl.concat(stream.frames([b'1,"wild" bird,x\n']))
    assert table["name"].to_list() == ['"wild" bird']
    assert stream.remarks() == [
        "t.csv: quotation marks that enclose no whole field were read as text in 1 rows, the first on line 1"
    ]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "cp1252", "latin-1", "utf-8-sig"])
def test_other_encodings_are_read_wherever_a_chunk_ends(encoding: str) -> None:
    data = "1\tMöwe\tb\n2\tPražák\td\n".replace("ž", "z").encode(encoding)
    how = layout(encoding="utf-8" if encoding == "utf-8-sig" else encoding)
    for size in (1, 3, 1000):
        chunks = in_chunks(data, size) if encoding != "utf-8-sig" else iter([data])
        table = pl.concat(DelimitedStream("t", how, {"id": [Field(0)], "name": [Field(1)]}).frames(chunks))
        assert table.select("id", "name").rows() == [("1", "Möwe"), ("2", "Prazák")]


def test_bytes_in_another_encoding_are_an_error_with_the_line() -> None:
    with pytest.raises(InputError, match=r"t\.txt, line 2: is not UTF-8"):
        read(b"1\ta\tb\n2\tM\xf6we\tc\n", layout())
    with pytest.raises(InputError, match="is not utf-16"):
        read(b"\xff\xfe1", layout(encoding="utf-16"))


def test_a_field_has_its_default_where_it_is_empty_and_the_first_of_several_counts() -> None:
    columns = {"a": [Field(0), Field(1)], "b": [Field(1, "none")], "c": [Field(None, "all")], "d": []}
    table = pl.concat(DelimitedStream("t", layout(width=2), columns).frames([b"1\t2\n\t3\n4\t\nNULL\t\\N\n"]))
    assert table.select(*columns).rows() == [
        ("1", "2", "all", ""), ("3", "3", "all", ""), ("4", "none", "all", ""), ("", "none", "all", "")
    ]  # fmt: skip


def test_the_header_is_passed_over_and_counted() -> None:
    assert read(b"a note\nx\ty\tz\n1\ta\tb\n", layout(header_lines=2))[2] == [3]
    assert read(b"x\ty\tz", layout(header_lines=1))[0] == []
    assert read(b"", layout(header_lines=1))[0] == []


_TEXTS = st.text(st.sampled_from("ab\"',;\t\n\r é"), max_size=6)


@settings(deadline=None)
@given(st.lists(st.tuples(_TEXTS, _TEXTS, _TEXTS), max_size=12), st.integers(1, 40), st.integers(4, 60))
def test_what_csv_writes_is_read_wherever_pieces_and_chunks_end(
    rows: list[tuple[str, str, str]], size: int, piece: int
) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited_stream, "CHUNK_BYTES", piece)
        found, problems, _ = read(buffer.getvalue().encode(), layout(",", '"'), size)
    expected = [tuple(value.strip().replace("\r\n", "\n") for value in row) for row in rows]
    assert [tuple(value.replace("\r\n", "\n") for value in row) for row in found] == expected
    assert not problems


@settings(deadline=None)
@given(st.lists(st.lists(st.text(st.sampled_from('ab"é'), max_size=4), min_size=1, max_size=5), max_size=12),
       st.integers(1, 40), st.integers(4, 60))  # fmt: skip
def test_every_unquoted_row_comes_once_sound_or_with_a_problem(rows: list[list[str]], size: int, piece: int) -> None:
    data = "".join("\t".join(row) + "\n" for row in rows).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited_stream, "CHUNK_BYTES", piece)
        found, problems, _ = read(data, layout(), size)
    kept = [row for row in rows if len(row) > 1 or row[0]]
    assert [row[0] for row in found] == [row[0] for row in kept]
    assert len(problems) == sum(len(row) < 3 or any(row[3:]) for row in kept)
