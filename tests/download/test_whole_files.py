"""A downloaded file is whole and of one version, or an error names it: by validators, lengths, and its own end."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import json
import lzma
import random
import re
import shutil
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from treeoflife.config.download import DownloadTable
from treeoflife.core.progress import SilentListener
from treeoflife.download.files.file_end import missing_end
from treeoflife.download.files.part_file import bytes_received
from treeoflife.download.files.transfer import FetchedFile, FileRequest, fetch_file
from treeoflife.download.web.http_client import make_client
from treeoflife.errors import InputError

from .raw import Connection, flood, raw_server, response
from .server import Resource, Server

RANDOM = random.Random(9)
OLD, NEW = RANDOM.randbytes(300_000), RANDOM.randbytes(300_000)
SETTLED = "Wed, 21 Oct 2015 07:28:00 GMT"
QUICK = DownloadTable(
    segment_bytes=50_000, chunk_bytes=10_000, connections=1, stall_seconds=0.5, tries=5, wait_seconds=0.01
)


def fetch(url: str, path: Path, settings: DownloadTable = QUICK, **keys: object) -> FetchedFile:
    with make_client(4, settings.stall_seconds) as client:
        return fetch_file(FileRequest(url, path, **keys), client, settings)  # type: ignore[arg-type]


def refused(url: str, path: Path, **keys: object) -> str:
    """The error of a file that must not be kept."""
    with pytest.raises(InputError) as caught:
        fetch(url, path, **keys)
    assert url in str(caught.value)
    assert not path.exists()
    return str(caught.value)


@pytest.mark.parametrize("tag", ["", 'W/"weak"', "unquoted"])
@pytest.mark.parametrize("connections", [1, 4])
def test_without_a_validator_no_bytes_of_two_responses_are_joined(
    tag: str, connections: int, server: Server, tmp_path: Path
) -> None:
    """The file is replaced by one of the same length after each response."""
    resource = Resource(OLD, etag=tag)
    url = server.put("/file", resource)
    versions = [OLD, NEW] * 50

    def replace(_: object) -> bool:
        resource.data = versions.pop()
        return False

    server.answer = replace
    fetch(url, tmp_path / "file", QUICK.model_copy(update={"connections": connections}))
    assert (tmp_path / "file").read_bytes() in (OLD, NEW)


@pytest.mark.parametrize("tag", ["", 'W/"weak"'])
def test_without_a_validator_the_next_run_starts_from_the_beginning(tag: str, server: Server, tmp_path: Path) -> None:
    url = server.put("/file", Resource(OLD, etag=tag, faults=["drop:40000", "404"]))
    with pytest.raises(InputError):
        fetch(url, tmp_path / "file")
    assert bytes_received(tmp_path / "file") == 0
    server.put("/file", Resource(NEW, etag=tag))
    fetch(url, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == NEW


@pytest.mark.parametrize(
    ("modified", "resumed"), [(SETTLED, True), ("Fri, 31 Dec 9999 23:59:59 GMT", False), ("yesterday", False)]
)
def test_a_date_is_a_validator_only_if_no_later_change_can_have_it(
    modified: str, resumed: bool, server: Server, tmp_path: Path
) -> None:
    """Within the minute of its change a file may change once more."""
    url = server.put("/file", Resource(OLD, etag="", modified=modified, faults=["drop:40000", "404"]))
    with pytest.raises(InputError):
        fetch(url, tmp_path / "file")
    assert bool(bytes_received(tmp_path / "file")) is resumed
    fetch(url, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == OLD


def ranges_of(versions: Callable[[int], bytes], headers: Callable[[int], dict[str, str]]) -> Callable[..., None]:
    """Replies with the range of the version, and the headers, of the n-th request; without a range the whole."""
    count = 0

    def reply(path: str, request: dict[str, str], connection: Connection) -> None:
        nonlocal count
        data, more = versions(count), headers(count)
        count += 1
        if "range" not in request:
            connection.sendall(response(data, **more))
            return
        start, stop = (int(text) for text in request["range"].removeprefix("bytes=").split("-"))
        part = data[start : stop + 1]
        span = f"bytes {start}-{start + len(part) - 1}/{len(data)}"
        connection.sendall(response(part, "206 X", **({"content_range": span} | more)))

    return reply


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(lambda n: {"etag": f'"{n}"'}, id="the tag changes, the length stays"),
        pytest.param(lambda n: {"etag": '"1"'} if n % 2 == 0 else {}, id="half of the ranges have no tag"),
        pytest.param(lambda n: {"last_modified": SETTLED} if n == 0 else {}, id="only the first has a date"),
        pytest.param(lambda n: {"etag": '"1"', "last_modified": f"Wed, 21 Oct 2015 07:28:{n:02} GMT"}, id="other date"),
    ],
)
def test_ranges_are_joined_only_if_each_has_the_same_validator(
    headers: Callable[[int], dict[str, str]], tmp_path: Path
) -> None:
    with raw_server(ranges_of(lambda n: (OLD, NEW)[n % 2], headers)) as server:
        fetch(server.url + "/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() in (OLD, NEW)


def test_redirects_that_lead_to_another_file_meanwhile_are_noticed(tmp_path: Path) -> None:
    """Both files have the same length and the same tag, which is unique only for one address."""
    count = 0

    def reply(path: str, request: dict[str, str], connection: Connection) -> None:
        nonlocal count
        if path == "/file":
            count += 1
            connection.sendall(response(status="302 Found", location=f"/{'old' if count % 2 else 'new'}"))
        else:
            ranges_of(lambda _: OLD if path == "/old" else NEW, lambda _: {"etag": '"1"'})(path, request, connection)

    with raw_server(reply) as server:
        fetch(server.url + "/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() in (OLD, NEW)


@pytest.mark.parametrize("span", ["bytes 0-9/300000", "bytes 100-300000/5", "bytes 7-3/10", "bytes 0-9/*", "0-9", ""])
def test_a_range_that_cannot_be_is_not_written(span: str, tmp_path: Path) -> None:
    """The server's 206 says another start, another length, or nothing; without a range it sends the file."""
    wrong = {"content_range": span} if span else {}

    def headers(number: int) -> dict[str, str]:
        return {"etag": '"1"'} | (wrong if number == 1 else {})

    with raw_server(ranges_of(lambda _: OLD, headers)) as server:
        fetch(server.url + "/file", tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == OLD


def test_the_part_file_of_another_address_or_of_a_killed_rename_is_not_taken(server: Server, tmp_path: Path) -> None:
    """Another address may use the same tag; its finished file is no more the requested one than its part."""
    path = tmp_path / "file"
    first = server.put("/first", Resource(OLD, etag='"1"', faults=["", "", "404"]))
    second = server.put("/second", Resource(NEW, etag='"1"'))
    with pytest.raises(InputError):
        fetch(first, path)
    assert bytes_received(path) == 100_000
    fetch(second, path)
    assert path.read_bytes() == NEW
    fetch(first, path)  # the state of /second lies beside it, as after a kill
    assert path.read_bytes() == OLD


def cut(data: bytes, version: str = "1.0") -> Callable[..., None]:
    return lambda path, request, connection: connection.sendall(response(data, version=version, content_length=None))


def test_a_file_of_unknown_length_that_does_not_show_its_end_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    """500,000 of 1,048,579 bytes of HTTP/1.0 look like a whole file of 500,000."""
    data = RANDOM.randbytes(1_048_579)
    with raw_server(cut(data[:500_000])) as server:
        assert "bytes = 500000" in refused(server.url + "/file.bin", tmp_path / "file.bin")
        assert "after 500000 of 1048579" in refused(server.url + "/b", tmp_path / "file.bin", length=len(data))
    with raw_server(cut(data)) as server:
        assert fetch(server.url + "/b", tmp_path / "file.bin", length=len(data)).size == len(data)


def test_a_checksum_proves_a_file_of_unknown_length(tmp_path: Path) -> None:
    with raw_server(cut(OLD)) as server:
        fetch(server.url + "/f", tmp_path / "file.bin", digest=hashlib.md5(OLD).hexdigest())
    with raw_server(cut(OLD[:-1])) as server:
        assert "checksum" in refused(server.url + "/f", tmp_path / "other.bin", digest=hashlib.md5(OLD).hexdigest())


def test_a_chunked_response_shows_its_end_and_is_refused_without_it(tmp_path: Path) -> None:
    body = b"%x\r\n%b\r\n" % (len(OLD), OLD)

    def reply(path: str, request: dict[str, str], connection: Connection) -> None:
        end = b"0\r\n\r\n" if path == "/whole" else b""
        connection.sendall(response(content_length=None, transfer_encoding="chunked") + body + end)

    with raw_server(reply) as server:
        fetch(server.url + "/whole", tmp_path / "whole.bin")
        assert (tmp_path / "whole.bin").read_bytes() == OLD
        refused(server.url + "/cut", tmp_path / "cut.bin")


def tar_of(count: int) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for number in range(count):
            info = tarfile.TarInfo(f"{number}.jpg")
            info.size = 3000
            tar.addfile(info, io.BytesIO(RANDOM.randbytes(3000)))
    return out.getvalue()


def zip_of() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.csv", RANDOM.randbytes(5000))
    return out.getvalue()


def database(folder: Path) -> bytes:
    with sqlite3.connect(folder / "x.sqlite") as db:
        db.execute("CREATE TABLE a (b)")
        db.executemany("INSERT INTO a VALUES (?)", [(RANDOM.randbytes(500),) for _ in range(50)])
    return (folder / "x.sqlite").read_bytes()


def parquet() -> bytes:
    out = io.BytesIO()
    pl.DataFrame({"a": range(1000)}).write_parquet(out)
    return out.getvalue()


def picture(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.frombytes("RGB", (90, 80), RANDOM.randbytes(90 * 80 * 3)).save(out, kind, **options)
    return out.getvalue()


def kinds(folder: Path) -> dict[str, bytes]:
    tar = tar_of(5)
    text = json.dumps({"1": [["Animalia", 'a "[quoted\\'], "ä", list(range(7))]} | {str(n): [] for n in range(99)})
    return {
        "a.tar.gz": gzip.compress(tar), "b.tgz": gzip.compress(tar[:5000]) + gzip.compress(tar[5000:]), "c.tar": tar,
        "d.csv.gz": gzip.compress(b"a,b\n" * 999), "e.tar.bz2": bz2.compress(tar), "f.tar.xz": lzma.compress(tar),
        "g.zip": zip_of(), "h.sqlite": database(folder), "i.json": text.encode(), "j.parquet": parquet(),
        "k.jpg": picture("JPEG"), "l.jpg": picture("JPEG", progressive=True), "m.png": picture("PNG"),
        "n.jpg": picture("JPEG", restart_marker_blocks=1), "o.gif": picture("GIF"), "p.webp": picture("WEBP"),
        "q.bmp": picture("BMP"),
    }  # fmt: skip


def test_a_file_of_unknown_length_is_kept_if_its_format_shows_that_it_is_whole(tmp_path: Path) -> None:
    """And refused, whole as it may look, if it was cut off anywhere."""
    for name, data in kinds(tmp_path).items():
        with raw_server(cut(data)) as server:
            fetch(server.url + "/" + name, tmp_path / "out" / name)
        assert (tmp_path / "out" / name).read_bytes() == data
        with raw_server(cut(data[: len(data) // 2])) as server:
            assert "2 times in a row" in refused(server.url + "/" + name, tmp_path / "cut" / name), name
        for _ in range(20):
            shorter = data[: RANDOM.randrange(4, len(data) - 1600 * name.endswith("tar"))]  # 1,536 are padding
            assert missing_end(io.BytesIO(shorter), name) != "", (name, len(shorter))


def test_what_does_not_show_its_end_is_not_taken_for_whole() -> None:
    """JSON Lines and text may end after any line, and a thumbnail's end within a JPEG is not that of the picture."""
    assert missing_end(io.BytesIO(b'{"a": 1}\n{"a": 2}\n'), "a.json") is None
    assert missing_end(io.BytesIO(b"a,b\n1,2\n"), "a.csv") is None
    assert missing_end(io.BytesIO(b""), "a.csv") is None
    whole = picture("JPEG")
    thumbnail = b"\xff\xe1" + (2 + len(whole)).to_bytes(2, "big") + whole
    nested = whole[:2] + thumbnail + whole[2:]
    assert missing_end(io.BytesIO(nested), "") == ""
    assert missing_end(io.BytesIO(nested[:-9]), "") == "the JPEG ends before its end marker"
    assert missing_end(io.BytesIO(whole + b"a phone's trailer" * 99), "") == ""


@pytest.mark.parametrize("name", ["names.json", "table.csv", "tree.tab", "a.tar.gz", "b.zip", "mapping.sqlite"])
@pytest.mark.parametrize("length", [0, None])
def test_an_empty_table_lookup_or_archive_is_refused(name: str, length: int | None, tmp_path: Path) -> None:
    with raw_server(lambda path, request, to: to.sendall(response(content_length=length))) as server:
        assert "the server sent nothing" in refused(server.url + "/" + name, tmp_path / name)


@pytest.mark.parametrize("declared", [400_000, 300_001])
def test_a_body_shorter_than_its_content_length_is_refused(declared: int, tmp_path: Path) -> None:
    with raw_server(lambda path, request, to: to.sendall(response(OLD, content_length=declared))) as server:
        refused(server.url + "/file", tmp_path / "file")


def test_a_content_length_shorter_than_the_file_is_noticed_by_the_files_own_end(tmp_path: Path) -> None:
    """HTTP has no way to tell: what follows is not part of the response."""
    for name, data in kinds(tmp_path).items():
        reply = response(data, content_length=len(data) // 2)
        with raw_server(lambda path, request, to, reply=reply: to.sendall(reply)) as server:
            refused(server.url + "/" + name, tmp_path / "cut" / name)


PAGES = [
    b"<!DOCTYPE html><html>Log in", b"\xef\xbb\xbf\n<HTML>", b"<!-- portal --> <head>", b"<script>location=1</script>",
    b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC>", b"<meta http-equiv=refresh>",
]  # fmt: skip


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("name", ["a.zip", "a.csv", "a.json", "a.bin"])
def test_a_login_page_with_status_200_is_not_the_file_whatever_it_says_it_is(
    page: bytes, name: str, tmp_path: Path
) -> None:
    """Also if the first piece of it is a single byte."""

    def reply(path: str, request: dict[str, str], connection: Connection) -> None:
        connection.sendall(response(content_length=len(page), content_type="application/octet-stream") + page[:1])
        connection.sendall(page[1:])

    with raw_server(reply) as server:
        assert re.search("HTML page|do not begin as", refused(server.url + "/" + name, tmp_path / name))


@pytest.mark.parametrize("framing", [{}, {"transfer_encoding": "chunked"}])
def test_no_more_is_written_than_the_published_length(framing: dict[str, str], tmp_path: Path) -> None:
    """A component of 1,000 bytes whose server sends 200 MB."""
    taken: list[int] = []

    def reply(path: str, request: dict[str, str], connection: Connection) -> None:
        piece = bytes(1 << 16)
        if framing:
            piece = b"10000\r\n" + piece + b"\r\n"
        taken.append(flood(connection, response(content_length=None, **framing), piece))

    with raw_server(reply) as server:
        assert "more than the 1000 bytes" in refused(server.url + "/file", tmp_path / "file", length=1000)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2000
    assert taken[0] < 20_000_000


def test_a_file_of_unknown_length_does_not_fill_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(tmp_path)
    with raw_server(lambda path, request, to: flood(to, response(content_length=None))) as server:
        monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=999_999_999))
        assert "does not say how long it is" in refused(server.url + "/file", tmp_path / "file")


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "gzip, identity"])
def test_an_encoded_range_is_refused(encoding: str, tmp_path: Path) -> None:
    with raw_server(ranges_of(lambda _: OLD, lambda _: {"etag": '"1"', "content_encoding": encoding})) as server:
        assert "compressed" in refused(server.url + "/file", tmp_path / "file")


def test_the_note_of_a_wait_says_what_the_server_asks_for(tmp_path: Path) -> None:
    """An hour of a year is waited for, and both are said."""
    notes: list[str] = []

    class Stop(Exception):
        pass

    class Listening(SilentListener):
        def note(self, text: str) -> None:
            notes.append(text)
            raise Stop

    reply = response(status="503 Busy", retry_after="99999999")
    busy = raw_server(lambda path, request, to: to.sendall(reply))
    with busy as server, make_client(2, 1) as client, pytest.raises(Stop):
        fetch_file(FileRequest(server.url + "/f", tmp_path / "f"), client, QUICK, Listening())
    assert notes == ["the server says 503 Busy and asks to wait for 99,999,999 seconds; again in 3600 seconds"]
