"""An error document with status 200 is no table or archive; a document that was asked for is fetched."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest

from .raw import raw_server, response
from .test_whole_files import fetch, refused

DOCUMENTS = {
    b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>': ("XML", "application/xml"),
    b"<Error>\n  <Code>SlowDown</Code></Error>": ("XML", "text/xml; charset=utf-8"),
    b'{"error": "rate limited"}': ("JSON", "application/json"),
    b'\xef\xbb\xbf\n[ {"title": "Forbidden"}]': ("JSON", "application/problem+json"),
}


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize(
    "name", ["a.csv", "a.TSV", "a.txt", "a.tab", "a.csv.gz", "a.tar.gz", "a.sqlite", "a.zip", "a.tar"]
)
@pytest.mark.parametrize("is_typed", [True, False])
def test_an_error_document_with_status_200_is_no_table_or_archive(
    document: bytes, name: str, is_typed: bool, tmp_path: Path
) -> None:
    kind, typed = DOCUMENTS[document]
    is_compressed = name.endswith(".csv.gz") and not is_typed
    body = gzip.compress(document) if is_compressed else document
    reply = response(body, content_type=typed if is_typed else "application/octet-stream")
    with raw_server(lambda path, request, to: to.sendall(reply)) as server:
        assert re.search(f"{kind} instead of the file: .|do not begin as", refused(server.url + "/x", tmp_path / name))


@pytest.mark.parametrize(
    ("name", "data", "typed"),
    [
        ("a.json", b'{"error": 1}', "application/json"),
        ("a.json.gz", gzip.compress(b"[1]", mtime=0), "application/json"),
        ("a.xml", b"<?xml version='1.0'?><a></a>", "text/xml"), ("a.csv", b"[id],name\n1,a\n", "text/csv"),
        ("a.csv", b"<id>,<name>\n1,a\n", "text/csv"), ("a.csv", b"id,name\n1,Puma\n", "application/json"),
        ("a", b'{"a": 1}', "application/json"),
    ],
)  # fmt: skip
def test_a_document_that_is_the_file_is_fetched(name: str, data: bytes, typed: str, tmp_path: Path) -> None:
    with raw_server(lambda path, request, to: to.sendall(response(data, content_type=typed))) as server:
        fetch(server.url + "/x", tmp_path / name)
    assert (tmp_path / name).read_bytes() == data
