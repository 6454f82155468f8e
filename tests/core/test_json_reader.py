"""JSON and TOML from outside: bounded before they are parsed, and refused where they are ambiguous."""

from __future__ import annotations

import io
import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import ijson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from treeoflife.core import lock
from treeoflife.core.json_reader import MAX_DEPTH, JsonStream, UnreadableError, parse_json, read_json, read_json_file
from treeoflife.engines.run_folder import RunFolder
from treeoflife.errors import InputError
from treeoflife.selection import findings
from treeoflife.sources.bioscan import records
from treeoflife.taxonomy.lookups import read_lookup

DEEP = b"[" * 100_000
WRONG = {
    "depth": (DEEP, "nested"),
    "depth of objects": (b'{"a":' * 50_000, "nested"),
    "depth after a text": (b'["[[\\"[", ' + DEEP, "nested"),
    "NaN": (b"[NaN]", "NaN"),
    "Infinity": (b"[-Infinity]", "Infinity"),
    "a number that is too large": (b"[1e999]", "out of range"),
    "digits": (b"[" + b"7" * 5000 + b"]", "digits"),
    "digits of a fraction": (b"[0." + b"7" * 5000 + b"]", "out of range"),
    "a key twice": (b'{"a": 1, "b": {"c": 1, "c": 2}}', "'c' occurs twice"),
    "half of a pair": (b'["\\ud800"]', "surrogate"),
    "the other half": (b'["\\udc00"]', "surrogate"),
    "halves in the wrong order": (b'["\\udc00\\ud800"]', "surrogate"),
    "half in a key": (b'{"\\uDBFFx": 1}', "surrogate"),
    "NUL": (b'["a\\u0000b"]', "NUL"),
    "a bare NUL": (b'["a\0b"]', "control character"),
    "no UTF-8": (b'["\xe9"]', "UTF-8"),
    "no JSON": (b"nothing", "line 1"),
    "nothing": (b"", "line 1"),
    "two values": (b"1 2", "Extra data"),
    "an open text": (b'["' + b'\\"' * 50_000, "line 1"),
}

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"],
                                                                exclude_characters="\0")), inner, max_size=5),
)  # fmt: skip


@given(VALUES, st.booleans(), st.booleans())
def test_whatever_json_writes_is_read(value: object, ascii_only: bool, bom: bool) -> None:
    data = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8-sig" if bom else "utf-8")
    assert parse_json(data) == value


# In files of this program's own, names of files that are not UTF-8, and texts of others, stand as they are.
OWN = {"half of a pair", "the other half", "halves in the wrong order", "half in a key", "NUL"}


@pytest.mark.parametrize("what", WRONG)
def test_what_no_one_means_is_refused(what: str, tmp_path: Path) -> None:
    data, words = WRONG[what]
    with pytest.raises(UnreadableError, match=words):
        parse_json(data)
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(InputError, match=re.escape(str(tmp_path / "a.json"))):
        read_json_file(tmp_path / "a.json")
    assert (read_json(tmp_path / "a.json") is None) == (what not in OWN)


def test_a_text_that_is_too_long_is_refused_and_not_read(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="at most 10"):
        parse_json(b"[1, 2, 3, 4]", max_bytes=10)
    with (tmp_path / "huge.json").open("wb") as file:
        file.truncate(1 << 40)  # a sparse file, longer than any memory
    with pytest.raises(UnreadableError, match="at most"):
        read_json_file(tmp_path / "huge.json", 1000)


def test_as_much_depth_as_is_allowed_is_read() -> None:
    assert parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert parse_json(json.dumps(["[" * 1000 + '\\"{', ["{" * 1000]]))


@given(st.lists(VALUES, max_size=4), st.integers(1, 20))
def test_a_stream_is_read_as_it_stands_wherever_it_is_cut(values: list[object], size: int) -> None:
    """Pieces may end in the middle of a text, of an escape, or of a pair."""
    data = json.dumps([*values, '\U0001f98a\\\\"[[', "\\ud800 as text"]).encode()
    stream, pieces = JsonStream(io.BytesIO(data)), []
    while piece := stream.read(size):
        pieces.append(piece)
    assert b"".join(pieces) == data


@pytest.mark.parametrize("size", [1, 3, 7, 100_000])
@pytest.mark.parametrize("what", ["depth", "depth of objects", "depth after a text", "half of a pair", "the other half",
                                  "halves in the wrong order", "half in a key", "NUL", "digits"])  # fmt: skip
def test_a_stream_stops_where_it_is_wrong(what: str, size: int) -> None:
    stream = JsonStream(io.BytesIO(WRONG[what][0]))
    with pytest.raises(UnreadableError, match=WRONG[what][1]):
        list(iter(lambda: stream.read(size), b""))


def test_a_record_of_a_stream_that_is_too_long_is_refused() -> None:
    stream = JsonStream(io.BytesIO(b'[{"a": "' + b"x" * (20 << 20) + b'"}]'))
    with pytest.raises(UnreadableError, match="longer than 16 MiB"):
        list(ijson.items(stream, "item"))


DOCUMENTS = {
    "BIOSCAN's metadata": ("metadata.jsonld", lambda path: list(records(path))),
    "a name lookup": ("eol_name_lookup.json", lambda path: read_lookup(path, "eol")),
}


@pytest.mark.parametrize("what", DOCUMENTS)
@pytest.mark.parametrize(
    "data",
    [
        DEEP, b'{"@graph": ' + DEEP, b'[{"a": ' + DEEP, b'{"a": ' + DEEP, b'[{"species": "\\ud800"}]',
        b'{"1": [["a","b","c","d","e","f","\\ud800"], "x"]}', b'{"1": ' + b"7" * 5000 + b"}", b'[{"a": ' + b"7" * 5000,
        b'[{"chunk_number": 1e999999999, "image_file": "a.jpg"}]', b'{"1": NaN}', b"[NaN]",
    ],
    ids=["depth", "depth of a graph", "depth of a record", "depth of a value", "half of a pair", "half in a rank",
         "digits", "digits of a record", "exponent", "NaN", "NaN in a list"],
)  # fmt: skip
def test_documents_that_are_read_as_streams_are_bounded_too(tmp_path: Path, what: str, data: bytes) -> None:
    name, read = DOCUMENTS[what]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InputError, match=re.escape(name)):
        read(tmp_path / name)


@pytest.mark.parametrize(
    "data", [b"[]", b'{"records": [{"chunk_number": 1, "image_file": "a.jpg"}]}', b'{"@graph": []}']
)
def test_metadata_without_a_record_are_an_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "metadata.jsonld").write_bytes(data)
    with pytest.raises(InputError, match="has no record"):
        list(records(tmp_path / "metadata.jsonld"))


def test_a_name_lookup_with_a_key_twice_is_an_error(tmp_path: Path) -> None:
    entry = json.dumps([["a", "b", "c", "d", "e", "f", "g"], "x"])
    (tmp_path / "eol_name_lookup.json").write_text(f'{{"1": {entry}, "2": {entry}, "1": {entry}}}')
    with pytest.raises(InputError, match="'1' occurs twice"):
        read_lookup(tmp_path / "eol_name_lookup.json", "eol")


def test_nested_brackets_take_no_memory_out_of_proportion(tmp_path: Path) -> None:
    """20 kB took 1.1 GB."""
    (tmp_path / "metadata.jsonld").write_bytes(b"[" * 200_000)
    code = (
        "import sys, pathlib; from treeoflife.sources.bioscan import records; list(records(pathlib.Path(sys.argv[1])))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "metadata.jsonld"], capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30)),
    )  # fmt: skip
    assert done.returncode == 1
    assert "nested more than" in done.stderr


def _hold(path: Path) -> object:
    return lock.read_holder(path)


def _events(path: Path) -> object:
    path.replace(path.with_name("events.jsonl"))
    (path.parent / "run.json").write_bytes(DEEP)
    run = RunFolder(path.parent)
    return [*run.events()] or run.info or None


@pytest.mark.parametrize("read", [read_json, _hold, _events])
@pytest.mark.parametrize("data", [DEEP, b"[1]", b'"text"', b"\xff\xfe", b'{"event": ', b"null"])
def test_a_record_of_this_program_that_is_damaged_counts_as_absent(
    tmp_path: Path, read: Callable[[Path], object], data: bytes
) -> None:
    (tmp_path / "record").write_bytes(data)
    assert read(tmp_path / "record") in (None, [1], "text")


def test_a_table_of_findings_with_deep_metadata_is_refused_with_its_name(tmp_path: Path) -> None:
    pl = pytest.importorskip("polars")
    table = pl.DataFrame({"treeoflife_id": ["a"], "kind": ["b"], "detail": ["c"], "others": [[""]]})
    table.write_parquet(tmp_path / "mine.parquet", metadata={"treeoflife": DEEP.decode()})
    with pytest.raises(InputError, match=r"mine\.parquet"):
        findings.read(tmp_path)
