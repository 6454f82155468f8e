"""Fetching a file from servers that drop, stall, lie, refuse, and change the file."""

from __future__ import annotations

import gzip
import hashlib
import random
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from treeoflife.config.download import DownloadTable
from treeoflife.core.progress import SilentListener
from treeoflife.download.files.part_file import PartFile, bytes_received
from treeoflife.download.files.transfer import FetchedFile, FileRequest, fetch_file
from treeoflife.errors import InputError

from .server import Handler, Request, Resource, Server, serving

DATA = random.Random(1).randbytes(1_000_000)
QUICK = DownloadTable(
    segment_bytes=150_000, chunk_bytes=20_000, connections=3, stall_seconds=0.4, tries=5, wait_seconds=0.01
)


def get(server: Server, path: Path, settings: DownloadTable = QUICK, **keys: object) -> FetchedFile:
    with httpx.Client(follow_redirects=True, timeout=settings.stall_seconds) as client:
        fetched = fetch_file(FileRequest(server.url + "/file", path, **keys), client, settings)  # type: ignore[arg-type]
    assert hashlib.sha256(path.read_bytes()).hexdigest() == fetched.sha256
    return fetched


def test_a_file_is_fetched_in_ranges_over_several_connections(server: Server, tmp_path: Path) -> None:
    """Every byte is sent once, in as many requests as there are segments."""
    server.put("/file", Resource(DATA))
    fetched = get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == DATA
    assert fetched.received == server.sent() == len(DATA)
    assert len(server.requests) == 7
    assert not list(tmp_path.glob("*.part"))


FAULTS = {
    "drops": ["drop:70000", "drop:0", "drop:1", "drop:149999"],
    "stalls": ["stall:30000", "stall:0"],
    "declares too many bytes": ["long:5000", "long:1"],
    "sends less than was requested": ["short:5000", "short:1"],
    "errors": ["503", "500", "429:0", "408"],
    "error pages with status 200": ["html", "html"],
    "another range": ["wrong-range"],
    "no HTTP": ["garbage"],
    "changes between two ranges": ["", "", "change:panthera leo "],
    "the whole file instead of a range": ["", "ignore"],
}


@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
def test_a_file_is_fetched_although_its_server_misbehaves_for_a_while(
    faults: list[str], server: Server, tmp_path: Path
) -> None:
    """Whatever goes wrong, the result are the bytes that the server has in the end."""
    resource = Resource(DATA, faults=list(faults))
    server.put("/file", resource)
    get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == resource.data
    assert not resource.faults


@pytest.mark.parametrize("faults", [[], ["drop:70000", "stall:10"], ["503", "html"]])
def test_a_file_is_fetched_from_a_server_without_ranges(faults: list[str], server: Server, tmp_path: Path) -> None:
    """It starts over when the connection ends early."""
    server.put("/file", Resource(DATA, ranges=False, faults=faults))
    get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == DATA


def test_a_response_that_is_cut_off_silently_is_detected_by_the_published_length(
    server: Server, tmp_path: Path
) -> None:
    server.put("/file", Resource(DATA, ranges=False, says_length=False, faults=["drop:999"]))
    assert get(server, tmp_path / "file", length=len(DATA)).size == len(DATA)


def test_an_empty_file_is_a_file(server: Server, tmp_path: Path) -> None:
    server.put("/file", Resource(b""))
    assert get(server, tmp_path / "file").size == 0


def test_redirects_are_followed(server: Server, tmp_path: Path) -> None:
    server.put("/there", Resource(DATA))
    server.put("/file", Resource(b"", faults=[f"redirect:{server.url}/there"] * 20))
    get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == DATA


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        (["404"], "says 404"),
        (["403"], "may want an account"),
        (["html"] * 99, "Down for maintenance"),
        (["503"] * 99, "says 503"),
        (["drop:0"] * 99, "5 times in a row"),
        (["drop:1"] * 99, "5 times in a row"),
        (["drop:1000"] * 99, "5 times in a row"),
        (["stall:0"] * 99, "ReadTimeout"),
        (["gzip"], "compressed"),
        (["redirect:/file"] * 99, "redirects"),
    ],
)
def test_a_server_that_keeps_misbehaving_is_reported(
    faults: list[str], message: str, server: Server, tmp_path: Path
) -> None:
    """The message has the address and the reason; no file is left that looks complete."""
    server.put("/file", Resource(DATA, faults=faults))
    with pytest.raises(InputError, match=message) as caught:
        get(server, tmp_path / "file")
    assert server.url in str(caught.value)
    assert not (tmp_path / "file").exists()


def test_a_length_other_than_the_published_one_is_reported_before_a_byte_is_kept(
    server: Server, tmp_path: Path
) -> None:
    server.put("/file", Resource(DATA))
    with pytest.raises(InputError, match="1000000 bytes, the list of components says 7"):
        get(server, tmp_path / "file", length=7)


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_the_published_checksum_is_checked(algorithm: str, server: Server, tmp_path: Path) -> None:
    """If it is wrong, the file is fetched once more, and then refused."""
    server.put("/file", Resource(DATA))
    get(server, tmp_path / "file", digest=hashlib.new(algorithm, DATA).hexdigest())
    other = hashlib.new(algorithm, b"").hexdigest()
    with pytest.raises(InputError, match=rf"published is {other}"):
        get(server, tmp_path / "other", digest=other)
    assert server.sent() == 3 * len(DATA)
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("start", [b"<html><body>quota exceeded", b"just text"])
def test_a_page_is_not_accepted_as_an_archive_whatever_its_header_says(
    start: bytes, server: Server, tmp_path: Path
) -> None:
    server.put("/file", Resource(start * 100))
    with pytest.raises(InputError, match=r"HTML page|do not begin as"):
        get(server, tmp_path / "file.tar.gz")


def test_retry_after_is_obeyed(server: Server, tmp_path: Path) -> None:
    """A server that asks to wait for a second gets no request within it."""
    import time

    times: list[float] = []
    server.answer = lambda _: bool(times.append(time.monotonic()))
    server.put("/file", Resource(DATA[:1000], faults=["429:1"]))
    get(server, tmp_path / "file")
    assert times[1] - times[0] >= 1


def test_the_next_run_continues_where_a_failed_one_stopped(server: Server, tmp_path: Path) -> None:
    """Nothing is sent twice; the rest is requested on the condition that the file is still the same."""
    server.put("/file", Resource(DATA, faults=["drop:50000"] + ["404"] * 3))
    alone = QUICK.model_copy(update={"connections": 1})
    with pytest.raises(InputError):
        get(server, tmp_path / "file", alone)
    assert bytes_received(tmp_path / "file") == 50_000
    server.files["/file"].faults.clear()
    assert get(server, tmp_path / "file", alone).received == len(DATA) - 50_000
    assert server.sent() == len(DATA)
    assert server.requests[2].headers["if-range"] == server.files["/file"].etag


@pytest.mark.parametrize("honours", [True, False])
def test_a_file_that_changed_between_two_runs_is_fetched_from_its_beginning(
    honours: bool, server: Server, tmp_path: Path
) -> None:
    """Also from a server that sends ranges of the new file whatever If-Range says."""
    server.put("/file", Resource(DATA, faults=["drop:50000", "404", "404", "404"]))
    with pytest.raises(InputError):
        get(server, tmp_path / "file")
    server.put("/file", Resource(DATA[::-1], honours_if_range=honours))
    get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == DATA[::-1]


def test_without_a_strong_tag_the_date_is_sent_as_if_range(server: Server, tmp_path: Path) -> None:
    date = "Wed, 21 Oct 2015 07:28:00 GMT"
    server.put("/file", Resource(DATA, etag='W/"weak"', modified=date))
    get(server, tmp_path / "file")
    assert {request.headers.get("if-range") for request in server.requests} == {None, date}


def test_a_complete_part_file_needs_no_request(server: Server, tmp_path: Path) -> None:
    """Killed between the last byte and the renaming, the next run only hashes and renames."""
    server.put("/file", Resource(DATA))
    get(server, tmp_path / "file")
    (tmp_path / "file").rename(tmp_path / "file.part")
    count = len(server.requests)
    assert get(server, tmp_path / "file").received == 0
    assert get(server, tmp_path / "file").received == 0  # killed after the renaming
    assert len(server.requests) == count


def test_an_incomplete_line_of_the_state_and_bytes_that_the_file_lacks_do_not_count(tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(bytes(10))
    (tmp_path / "file.part.state").write_text('{"url": "u", "total": 20}\n[0,4]\n[8,30]\n[12,')
    part = PartFile(tmp_path / "file")
    assert part.missing(20) == [(4, 8), (10, 20)]
    part.close()


@pytest.mark.parametrize(
    "line",
    ['{"url": 5, "total": "x"}', "[" * 100_000, '{"url": "u", "total": ' + "9" * 5000 + "}", '{"url": "u", "more": 1}',
     "null", "\x00"],
)  # fmt: skip
def test_a_damaged_state_counts_as_none(line: str, server: Server, tmp_path: Path) -> None:
    (tmp_path / "file.part").write_bytes(bytes(10))
    (tmp_path / "file.part.state").write_text(line + "\n[0,4]\n[-9,5]\n[7,3]\n")
    assert bytes_received(tmp_path / "file") == 0
    server.put("/file", Resource(DATA))
    get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == DATA


def test_an_older_file_remains_until_the_new_one_is_complete(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("old")
    server.put("/file", Resource(DATA, faults=["404"]))
    with pytest.raises(InputError):
        get(server, tmp_path / "file")
    assert (tmp_path / "file").read_text() == "old"


def test_bytes_beyond_the_requested_range_are_not_read(server: Server, tmp_path: Path) -> None:
    """They may be the rest of a file of terabytes, or never end."""

    def endless(handler: Handler) -> bool:
        start, stop = map(int, handler.headers["range"].removeprefix("bytes=").split("-"))
        head = f'HTTP/1.1 206 X\r\nContent-Range: bytes {start}-{stop}/{len(DATA)}\r\nETag: "1"\r\n\r\n'
        handler.wfile.write(head.encode() + DATA[start : stop + 1])
        handler.close_connection = True
        with suppress(OSError):
            while True:
                handler.wfile.write(bytes(1 << 16))
        return True

    server.answer = endless
    get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == DATA


def test_a_server_that_refuses_ranges_is_asked_for_the_whole_file(server: Server, tmp_path: Path) -> None:
    """With 416, as some do that send none."""
    server.answer = lambda handler: "range" in handler.headers and (handler.error(416, _nobody()) or True)
    server.put("/file", Resource(DATA))
    get(server, tmp_path / "file")
    assert (tmp_path / "file").read_bytes() == DATA


def _nobody() -> Request:
    return Request("", {})


@pytest.mark.parametrize("packing", ["gzip", "x-gzip"])
def test_an_archive_that_its_server_declares_compressed_is_saved_unchanged(
    packing: str, server: Server, tmp_path: Path
) -> None:
    """Many servers declare every .tgz so. One that was really compressed once more is refused."""
    once = gzip.compress(DATA)
    for data in (once, gzip.compress(once)):
        server.answer = lambda handler, data=data: _whole(handler, data, packing)
        name = tmp_path / f"{len(data)}.tgz"
        if data is once:
            get(server, name)
            assert name.read_bytes() == once
        else:
            with pytest.raises(InputError, match="once more"):
                get(server, name)


def _whole(handler: Handler, data: bytes, packing: str) -> bool:
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {packing}\r\nContent-Length: {len(data)}\r\n\r\n"
    handler.wfile.write(head.encode() + data)
    return True


def test_an_empty_archive_is_refused(server: Server, tmp_path: Path) -> None:
    server.put("/file", Resource(b""))
    with pytest.raises(InputError, match="sent nothing"):
        get(server, tmp_path / "file.zip")


@pytest.mark.parametrize("same_tag", [True, False])
def test_ranges_may_come_from_different_mirrors(same_tag: bool, server: Server, tmp_path: Path) -> None:
    """If each mirror behind an address has its own tag, the file is finally fetched from one of them."""
    with serving() as first, serving() as second:
        for number, mirror in enumerate((first, second)):
            mirror.put("/there", Resource(DATA, etag='"same"' if same_tag else f'"{number}"'))
        redirects = [f"redirect:{mirror.url}/there" for mirror in (first, second)] * 40
        server.put("/file", Resource(b"", faults=redirects))
        get(server, tmp_path / "file")
        assert (tmp_path / "file").read_bytes() == DATA
        assert not same_tag or first.sent() + second.sent() == len(DATA)


def test_a_file_that_keeps_changing_is_fetched_as_it_was_at_one_moment(server: Server, tmp_path: Path) -> None:
    server.put("/file", Resource(DATA, faults=[f"change:{letter * 1000}" for letter in "abcdefgh"] * 2))
    get(server, tmp_path / "file")
    assert len(set((tmp_path / "file").read_bytes())) == 1


def test_waits_are_reported(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A progress bar that stands still is explained: why, and for how long."""
    monkeypatch.setattr("treeoflife.download.files.transfer._REPORTED_WAIT_SECONDS", 0.0)
    server.put("/file", Resource(DATA, faults=["503:1"]))
    notes: list[str] = []

    class Listening(SilentListener):
        def note(self, text: str) -> None:
            notes.append(text)

    with httpx.Client() as client:
        fetch_file(FileRequest(server.url + "/file", tmp_path / "file"), client, QUICK, Listening())
    assert notes == ["the server says 503 Service Unavailable; again in 1 seconds"]
