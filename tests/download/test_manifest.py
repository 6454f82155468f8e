"""EOL's media manifest is read as a stream: every line belongs to a row, and each row is an image or has a problem."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from treeoflife.core import regular_rows
from treeoflife.core.database import Database
from treeoflife.download.eol_manifest import ManifestRow, read_rows, slice_manifest
from treeoflife.errors import InputError
from treeoflife.selection.eol_manifest import read_manifest

HEADER = b"EOL content ID,EOL page ID,Medium Source URL,EOL Full-Size Copy URL,License Name,Copyright Owner\n"


def line(number: int, owner: bytes = b"", content: bytes = b"") -> bytes:
    return (content or b"%d" % number) + b",%d,,http://a/%d,cc-by-4.0," % (100 + number, number) + owner + b"\n"


def written(folder: Path, *lines: bytes, header: bytes = HEADER) -> Path:
    (path := folder / "media_manifest_1.csv").write_bytes(header + b"".join(lines))
    return path


def known(database: Database, files: Sequence[Path], *images: int) -> dict[int, str]:
    """The licence of each of these images that the manifest has."""
    database.load("eol_image", pl.DataFrame({"eol_content_id": images}))
    read_manifest(database, files)
    return dict(database.rows("SELECT eol_content_id, license_name FROM manifest ORDER BY ALL"))


def rows(path: Path, size: int = 2) -> list[ManifestRow]:
    return [row for part in slice_manifest([path], size) for row in read_rows(part)]


@pytest.mark.parametrize("size", [1, 2, 100])
@pytest.mark.parametrize("owner", [b'"', b'"Museum', b'5" lens', b'"tame" one', b'the "great" one', b'"a', b'says "'])
def test_stray_quotation_marks_cost_no_row(owner: bytes, size: int, tmp_path: Path) -> None:
    path = written(tmp_path, line(1, owner), line(2), line(3, b'"Jo, Ann"'), line(4, owner), line(5), line(6, b"Ann"))
    read = rows(path, size)
    assert [row.content_id for row in read] == [1, 2, 3, 4, 5, 6]
    assert [row.owner for row in read if row.content_id in (2, 3, 5, 6)] == ["", "Jo, Ann", "", "Ann"]
    assert not any(row.problem for row in read)


def test_a_quoted_owner_over_several_lines_is_one_row(tmp_path: Path) -> None:
    path = written(tmp_path, line(1, b'"Museum\n\nof ""Natural"", History"'), line(2))
    assert [row.owner for row in rows(path)] == ['Museum\n\nof "Natural", History', ""]


def test_lines_that_are_not_utf8_are_windows_1252_and_said(tmp_path: Path) -> None:
    path = written(tmp_path, line(1, "Möwe".encode("cp1252")), line(2, "Möwe".encode()))
    notes: list[str] = []
    slice_manifest([path], 10, notes.append)
    assert [row.owner for row in rows(path)] == ["Möwe", "Möwe"]
    assert notes == [f"1 lines of {path} are not UTF-8 and were read as Windows-1252"]


@pytest.mark.parametrize("content", [b"7.0", b" 7 ", b"007", b'"7"', b"+7", b"7.00"])
def test_content_ids_are_whole_numbers_however_they_are_written(
    content: bytes, tmp_path: Path, database: Database
) -> None:
    path = written(tmp_path, line(7, content=content), line(8))
    assert [row.content_id for row in rows(path)] == [7, 8]
    assert known(database, [path], 7, 8, 9) == {7: "cc-by-4.0", 8: "cc-by-4.0"}


@pytest.mark.parametrize("content", [b"7e5", b"x", b"7.5", b"7" * 30])
def test_a_content_id_that_is_none_is_a_problem_and_no_licence(
    content: bytes, tmp_path: Path, database: Database
) -> None:
    path = written(tmp_path, line(1), line(7, content=content))
    assert [bool(row.problem) for row in rows(path)] == [False, True]
    with pytest.raises(InputError, match=r"media_manifest_1.csv, line 3: '.*' is no content id"):
        known(database, [path], 1)


@pytest.mark.parametrize("row", [b"7,107,,http://a/7,cc-by-4.0,Jo, Ann\n", b"7,107,,http://a/7\n"])
def test_a_row_with_fields_too_many_or_too_few_is_a_problem(row: bytes, tmp_path: Path) -> None:
    path = written(tmp_path, line(1), row, line(2))
    assert ["instead of 6" in one.problem for one in rows(path)] == [False, True, False]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("EOL content ID,x\n1,2\n".encode("utf-16"), "UTF-16"),
        (b"<!DOCTYPE html>\n<html>no</html>\n", "no media manifest"),
        (HEADER + line(1) + b"2,102,,http://a/2,cc-by,M\x81we\n", "byte 126 on: neither UTF-8 nor Windows-1252"),
        ((HEADER + line(1) + line(2)).replace(b"\n", b"\r"), "from byte 0 on: .*new-line character"),
        (HEADER + b"x" * (1 << 21), "a line is longer than 1,048,576 bytes"),
    ],
)
def test_what_is_no_manifest_is_an_error(data: bytes, reason: str, tmp_path: Path) -> None:
    (path := tmp_path / "media_manifest_1.csv").write_bytes(data)
    with pytest.raises(InputError, match=reason):
        slice_manifest([path], 2)


def test_licences_of_rows_behind_stray_quotation_marks_are_known(tmp_path: Path, database: Database) -> None:
    path = written(tmp_path, line(1, b'"x'), line(2), line(3, b'y"'), line(4))
    assert len(known(database, [path], 1, 2, 3, 4)) == 4


def test_later_files_of_a_manifest_have_no_header(tmp_path: Path, database: Database) -> None:
    first, second = written(tmp_path, line(1)), tmp_path / "media_manifest_2.csv"
    second.write_bytes(line(2) + line(3))
    assert list(known(database, [first, second], 1, 2, 3)) == [1, 2, 3]


def test_an_image_with_two_licences_is_named(tmp_path: Path, database: Database) -> None:
    """In one file or in two; a further row of the same licence, such as for another page, is none."""
    path = written(tmp_path, line(1), line(1).replace(b",101,", b",7,"), line(2))
    assert list(known(database, [path], 1, 2)) == [1, 2]
    (other := tmp_path / "media_manifest_2.csv").write_bytes(line(2).replace(b"cc-by", b"cc-by-nc"))
    with pytest.raises(InputError, match=r"the image 2 two licences, cc-by.* and cc-by-nc"):
        known(database, [path, other], 1, 2)
    assert list(known(database, [path, other], 1)) == [1]


def test_only_the_first_row_of_a_file_may_be_a_header(
    tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regular_rows, "CHUNK_BYTES", 1)  # so that each line is read on its own
    path = written(tmp_path, line(1), HEADER, line(2))
    with pytest.raises(InputError, match="line 3: 'EOL content ID' is no content id"):
        known(database, [path], 1)
    assert list(known(database, [written(tmp_path, line(1), line(2))], 1, 2)) == [1, 2]


def test_the_row_that_names_a_licence_counts(tmp_path: Path, database: Database) -> None:
    """Of several rows of an image; however it is written, it is the same licence."""
    without, shouted = line(1).replace(b"cc-by-4.0", b""), line(1).replace(b"cc-by-4.0", b" CC-BY-4.0")
    for lines in ([without, line(1)], [line(1), without], [without, line(1), shouted]):
        assert known(database, [written(tmp_path, *lines)], 1) == {1: "cc-by-4.0"}
