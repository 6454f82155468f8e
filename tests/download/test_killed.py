"""A download that was killed continues where it was. The long form: 200 MB, twenty kills (``-m slow``)."""

from __future__ import annotations

import hashlib
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from treeoflife.config.download import DownloadTable
from treeoflife.download.files.transfer import FileRequest, fetch_file

from .server import Resource, Server

CODE = """
import socket, sys
from pathlib import Path
import httpx
from treeoflife.config.download import DownloadTable
from treeoflife.download.files.transfer import FileRequest, fetch_file
small = [(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)]
settings = DownloadTable(connections=4, chunk_bytes=int(sys.argv[3]), segment_bytes=int(sys.argv[4]), wait_seconds=0.05)
with httpx.Client(transport=httpx.HTTPTransport(socket_options=small), timeout=10) as client:
    fetch_file(FileRequest(sys.argv[1], Path(sys.argv[2])), client, settings)
"""


@pytest.mark.parametrize(
    ("size", "kills"), [(20_000_000, 4), pytest.param(200_000_000, 20, marks=pytest.mark.slow)], ids=["short", "long"]
)
def test_a_download_that_was_killed_at_random_moments_ends_with_the_right_bytes(
    size: int, kills: int, server: Server, tmp_path: Path
) -> None:
    """Per connection and kill, at most one chunk and what the sockets hold is sent twice."""
    chance, chunk = random.Random(size), size // 200
    data = chance.randbytes(size)
    url = server.put("/file", Resource(data, rate=size // 20))
    path = tmp_path / "file"
    command = [sys.executable, "-c", CODE, url, str(path), str(chunk), str(size // 12)]
    killed = 0
    while killed < kills:
        process = subprocess.Popen(command)
        before = server.sent()
        while process.poll() is None and server.sent() == before:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 6 / kills))
        killed += process.poll() is None
        process.kill()
        process.wait()
        if path.exists():
            break
    subprocess.run(command, check=True)
    assert path.stat().st_size == size
    assert hashlib.sha256(path.read_bytes()).digest() == hashlib.sha256(data).digest()
    repeated = server.sent() - size
    each = repeated / max(killed, 1) / 4
    print(f"{killed} kills; sent twice: {repeated} bytes of {size}, {each:.0f} per connection and kill")
    assert repeated <= killed * 4 * (chunk + (1 << 19))
    assert killed >= kills // 2


@contextmanager
def nginx(folder: Path) -> Iterator[str]:
    """A real nginx that serves a folder slowly enough to be interrupted."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = folder.parent / "nginx.conf"
    paths = "".join(
        f"{kind}_temp_path {folder.parent}/t;" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config.write_text(
        f"daemon off; worker_processes 1; pid {folder.parent}/nginx.pid; error_log {folder.parent}/error.log;\n"
        f"events {{ worker_connections 128; }}\nhttp {{ access_log off; {paths}\n"
        f"server {{ listen 127.0.0.1:{port};\n"
        f"location / {{ root {folder}; limit_rate 5m; gzip on; gzip_types *; }} }} }}\n"
    )
    command = [str(shutil.which("nginx") or "/usr/sbin/nginx"), "-c", str(config), "-p", str(folder.parent)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def has_state(state: Path, size: int) -> bool:
    """Whether the state of a download has at least ``size`` bytes."""
    try:
        return state.stat().st_size >= size
    except FileNotFoundError:
        return False


@pytest.mark.skipif(not (shutil.which("nginx") or Path("/usr/sbin/nginx").exists()), reason="nginx is not installed")
def test_nginx_resumes_a_download_and_sends_a_changed_file_from_its_beginning(tmp_path: Path) -> None:
    """Interrupted by SIGKILL, continued with If-Range, and started over when the file has changed."""
    folder, path, size = tmp_path / "served", tmp_path / "file", 15_000_000
    folder.mkdir()
    folder.chmod(0o755)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o055)
    data = random.Random(3).randbytes(size)
    (folder / "file").write_bytes(data)
    with nginx(folder) as url:
        command = [sys.executable, "-c", CODE, f"{url}/file", str(path), "100000", "2000000"]
        process = subprocess.Popen(command)
        while process.poll() is None and not has_state(tmp_path / "file.part.state", 200):
            time.sleep(0.01)
        process.kill()
        process.wait()
        settings = DownloadTable(chunk_bytes=100_000, segment_bytes=2_000_000)
        with httpx.Client(timeout=10) as client:
            fetched = fetch_file(FileRequest(f"{url}/file", path), client, settings)
            assert fetched.received < size
            assert path.read_bytes() == data
            process = subprocess.Popen([*command[:4], str(tmp_path / "other"), *command[5:]])
            while process.poll() is None and not has_state(tmp_path / "other.part.state", 1):
                time.sleep(0.01)
            time.sleep(0.3)
            process.kill()
            process.wait()
            (folder / "file").write_bytes(data[::-1])
            fetched = fetch_file(FileRequest(f"{url}/file", tmp_path / "other"), client, settings)
        assert (tmp_path / "other").read_bytes() == data[::-1]
