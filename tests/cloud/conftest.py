"""A real server of S3's interface: moto's, in a process of its own, on a free port of this computer."""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from treeoflife.core.objects import ObjectPath, as_path

_SECONDS_TO_START = 60
_KEYS = {
    "AWS_ACCESS_KEY_ID": "tester",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_REGION": "us-east-1",
    "AWS_SESSION_TOKEN": "",
}


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the server; the environment names it, with keys, while tests of this folder run."""
    pytest.importorskip("obstore")
    pytest.importorskip("moto")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, log = f"http://127.0.0.1:{port}", tmp_path_factory.mktemp("s3") / "log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=out, stderr=out
        )
    try:
        _wait_for(address, server, log)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in {**_KEYS, "AWS_ENDPOINT_URL": address}.items():
                patch.setenv(name, value)
            yield address
    finally:
        server.terminate()
        server.wait()


def _wait_for(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except urllib.error.HTTPError:
            return
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(log.read_text())


def new_bucket(s3: str, name: str) -> ObjectPath:
    """Make a bucket."""
    urllib.request.urlopen(urllib.request.Request(f"{s3}/{name}", method="PUT")).close()
    path = as_path(f"s3://{name}")
    assert isinstance(path, ObjectPath)
    return path


def upload(folder: Path, address: ObjectPath) -> None:
    """Upload all files in and below a folder."""
    for file in folder.rglob("*"):
        if file.is_file():
            object_at(address, file.relative_to(folder).as_posix()).upload(file)


def object_at(address: ObjectPath, name: str) -> ObjectPath:
    """The object of a name below an address."""
    path = address / name
    assert isinstance(path, ObjectPath)
    return path


@pytest.fixture
def bucket(s3: str, tmp_path: Path) -> ObjectPath:
    """A new bucket."""
    return new_bucket(s3, f"bucket-{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:16]}")
