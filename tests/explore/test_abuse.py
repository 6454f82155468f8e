"""The page bears whatever is sent to it: every answer is a sentence as JSON, and no request takes much memory."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from test_page import serving

import treeoflife as library
from helpers import cli, command, sentence
from treeoflife.core import lock
from treeoflife.selection import marks

pytest.importorskip("uvicorn", reason="pip install 'treeoflife[explore]'")
POST = b"POST /api/marks HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@contextmanager
def served(out: Path) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A page; when it is over, it must have written no traceback."""
    with subprocess.Popen(command("explore", out, "--port", "0"), stdout=-1, stderr=-1, text=True) as server:
        assert server.stdout
        assert server.stderr
        try:
            yield server.stdout.readline().split()[-1], server
        finally:
            server.terminate()
            said = server.stderr.read()
    assert "Traceback" not in said, said


def ask(address: str, path: str, method: str = "GET", **headers: str) -> tuple[int, Any]:
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
    connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
    with connection.getresponse() as answer:
        return answer.status, json.loads(answer.read())


def send(address: str, *pieces: bytes) -> bytes:
    """Send bytes as they are; returns what is answered until the server closes the connection, or all is sent."""
    where = urlsplit(address)
    with socket.create_connection((where.hostname, where.port), timeout=30) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            pass
        try:
            return connection.recv(1 << 16)
        except ConnectionResetError:
            return b""


def memory_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return int(re.search(r"VmHWM:\s+(\d+)", status)[1])  # type: ignore[index]


def test_a_huge_body_is_refused_before_it_is_read(drawn_build: Path) -> None:
    """With its length in the header, in chunks without one, or with a false one."""
    with served(drawn_build) as (address, server):
        assert ask(address, "/api/facets")[0] == 200
        before, megabyte = memory_kb(server.pid), bytes(1 << 20)
        answer = send(address, POST + b"Content-Length: 300000000\r\n\r\n", *[megabyte] * 300)
        assert not answer or b" 413 " in answer.splitlines()[0]
        chunk = b"100000\r\n" + megabyte + b"\r\n"
        answer = send(address, POST + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 300)
        assert not answer or b" 413 " in answer.splitlines()[0]
        assert memory_kb(server.pid) - before < 50_000
        assert b" 413 " in send(address, POST + b"Content-Length: 300000000\r\n\r\n").splitlines()[0]
        for length in (b"-1", b"1e3", b"9" * 5000, b"\xc2\xb2"):
            answer = send(address, POST + b"Content-Length: " + length + b"\r\n\r\n{}")
            assert answer.splitlines()[0].split()[1] in (b"400", b"413", b"431")
        assert ask(address, "/api/facets")[0] == 200


def test_a_sender_that_goes_away_or_dawdles_holds_up_nobody(drawn_build: Path) -> None:
    with served(drawn_build) as (address, _):
        where = urlsplit(address)
        slow = [socket.create_connection((where.hostname, where.port)) for _ in range(30)]
        for connection in slow:
            connection.sendall(POST + b"Content-Length: 5000\r\n\r\n{")
        assert ask(address, "/api/facets")[0] == 200
        for connection in slow:
            connection.close()
        time.sleep(0.2)
        assert ask(address, "/api/facets")[0] == 200


QUERIES = [
    "/api/rows?offset=" + "9" * 300, "/api/rows?offset=-5&limit=-7", "/api/rows?offset=x",
    "/api/rows?offset=" + "9" * 5000,
    "/api/rows?limit=" + "9" * 40, "/api/rows?finding=99999999999", "/api/rows?finding=-1", "/api/rows?split=999",
    "/api/rows?split=" + "9" * 5000, "/api/rows?split=0,0,0,0,,,", "/api/rows?licence=1.5", "/api/rows?depth=NaN",
    "/api/rows?node=" + "9" * 30 + ".0", "/api/rows?node=%00", "/api/rows?node=0.0.0", "/api/node?node=-1.-1",
    "/api/rows?" + "&".join(f"a{n}=1" for n in range(3000)), "/api/rows?" + "&" * 20_000,
    "/api/search?q=" + "%F0%9F%A6%8A" * 3000, "/api/search?q=%00%ED%A0%80", "/api/search",
    "/api/search?q=" + "a" * 20_000,
    "/api/id/%00", "/api/id/" + "a" * 20_000, "/api/id/%ED%A0%80", "/api/row/" + "9" * 30, "/api/row/-1",
    "/image/" + "9" * 30, "/api/node?finding=" + ",".join(["0"] * 5000), "/api/nothing", "/api/marks",
]  # fmt: skip


def test_every_query_is_answered_with_json(drawn_build: Path) -> None:
    """Rows that do not exist, and numbers, codes and texts that no page asks for."""
    with served(drawn_build) as (address, server):
        for query in QUERIES:
            status, answer = ask(address, query)
            assert status in (200, 400, 404, 405), (query[:80], status)
            assert (status == 200) != ("error" in answer)
        assert ask(address, "/api/facets", "DELETE") == (405, {"error": "Method Not Allowed"})
        assert memory_kb(server.pid) < 600_000
        assert b" 400 " in send(
            address, b"GET / HTTP/1.1\r\nHost: localhost\r\n", b"X: " + b"x" * 200_000 + b"\r\n\r\n"
        )


HOSTS = ["evil.example", "127.0.0.1.evil.example", "127.0.0.1@evil.example", "[::1", "", "localhost:x", "2130706433"]


@pytest.mark.parametrize("host", HOSTS)
def test_a_page_of_another_host_name_is_refused(drawn_build: Path, host: str) -> None:
    """Else any web site could read the page by resolving its own name to this computer."""
    with served(drawn_build) as (address, _):
        answer = send(address, f"GET /api/facets HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert answer.splitlines()[0].split()[1] in (b"400", b"403")
        twice = f"GET /api/facets HTTP/1.1\r\nHost: localhost\r\nHost: {host}\r\n\r\n"
        assert send(address, twice.encode()).splitlines()[0].split()[1] in (b"400", b"403")


def test_a_busy_port_and_a_host_that_is_none_get_a_sentence(drawn_build: Path) -> None:
    with serving(drawn_build) as address:
        port = str(urlsplit(address).port)
        sentence(cli("explore", drawn_build, "--port", port), port, "--port 0")
    sentence(cli("explore", drawn_build, "--port", "0", "--host", "no.such.host.invalid"), "no.such.host.invalid")
    sentence(cli("explore", drawn_build, "--port", "0", "--host", "203.0.113.9"), "203.0.113.9")


def test_a_page_of_a_dataset_that_is_being_built_says_so(build_copy: Path) -> None:
    words = command("explore", build_copy, "--port", "0")
    with (
        lock.exclusive_lock(build_copy / ".lock"),
        subprocess.Popen(words, stdout=-1, stderr=-1, text=True) as server,
    ):
        assert server.stdout
        assert server.stderr
        address = server.stdout.readline().split()[-1]
        assert ask(address, "/api/facets")[0] == 200
        next((build_copy / "224x224/train").glob("*.tar")).unlink()  # as a build does before it packs a shard again
        statuses = {ask(address, f"/api/row/{row}")[0] for row in range(30)}
        assert statuses <= {200, 404, 503}
        assert 503 in statuses
        server.terminate()
        said = server.stderr.read()
    assert "works on this dataset" in said
    assert "Traceback" not in said


def test_a_mark_that_cannot_be_saved_is_refused_with_a_sentence(build_copy: Path) -> None:
    """As on a read-only disk: here the file's place is taken by a folder."""
    one = library.open(build_copy).catalog["treeoflife_id"][0]
    (build_copy / ".lock.marks").mkdir()
    with served(build_copy) as (address, _):
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
        body = json.dumps({"treeoflife_id": one, "verdict": "drop"})
        connection.request("POST", "/api/marks", body, {"Content-Type": "application/json"})
        with connection.getresponse() as answer:
            assert answer.status == 403
            assert "was not saved" in json.loads(answer.read())["error"]
    assert marks.read(build_copy / "marks.csv").by_key == {}


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("unshare"), reason="mounts a folder read-only, as root")
def test_a_dataset_on_a_read_only_disk_is_shown_and_takes_no_marks(build_copy: Path, tmp_path: Path) -> None:
    one = library.open(build_copy).catalog["treeoflife_id"][0]
    shutil.rmtree(build_copy / ".view")
    mounted = 'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"'
    words = ["unshare", "-m", "sh", "-c", mounted, build_copy, *command("explore", build_copy, "--port", "0")]
    environment = os.environ | {"XDG_CACHE_HOME": str(tmp_path / "cache")}
    with subprocess.Popen(words, stdout=-1, stderr=-1, text=True, env=environment) as server:
        assert server.stdout
        assert server.stderr
        address = server.stdout.readline().split()[-1]
        assert ask(address, f"/api/id/{one}")[0] == 200
        connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=30)
        body = json.dumps({"treeoflife_id": one, "verdict": "drop"})
        connection.request("POST", "/api/marks", body, {"Content-Type": "application/json"})
        with connection.getresponse() as answer:
            assert answer.status == 403
            assert "Read-only" in json.loads(answer.read())["error"]
        server.terminate()
        assert "Traceback" not in server.stderr.read()
