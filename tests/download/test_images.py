"""EOL's images from a media manifest: everything ends in an archive or in the ledger."""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import polars as pl
import pytest

from treeoflife.config import Config
from treeoflife.download.images import download_images
from treeoflife.progress import Silence
from treeoflife.sources import load

from .server import Handler, Server

HEADER = [
    "EOL content ID",
    "EOL page ID",
    "Medium Source URL",
    "EOL Full-Size Copy URL",
    "License Name",
    "Copyright Owner",
]


def picture(path: str) -> bytes:
    return b"\xff\xd8\xff\xe0" + path.encode() * 20


def museum(server: Server, *, flaky: bool = True) -> None:
    """Every fiftieth image is gone; every seventh is refused once, unless it was asked for before."""
    refused: set[str] = set()

    def answer(handler: Handler) -> bool:
        path = handler.path
        if path == "/robots.txt":
            body, status = b"User-agent: *\nDisallow: /private/\n", 200
        elif not path.startswith(("/i/", "/private/")):
            return False
        else:
            number = int(path.rsplit("/", 1)[1])
            body, status = picture(path), 404 if number % 50 == 0 else 200
            if flaky and number % 7 == 0 and path not in refused:
                refused.add(path)
                body, status = b"", 503
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nContent-Type: image/jpeg\r\n\r\n"
        handler.wfile.write(head.encode() + body)
        return True

    server.answer = answer


def manifest(root: Path, server: Server, count: int) -> None:
    folder = root / "metadata/eol"
    folder.mkdir(parents=True)
    rows = [
        [n, 7_000_000 + n % 90, "", f"{server.url}/i/{n}", "cc-by-3.0", 'A "Museum"\nof Örebro' if n % 9 == 0 else ""]
        for n in range(1, count + 1)
    ]
    half = count // 3
    for number, part in ((1, [HEADER, *rows[:half]]), (2, rows[half:])):
        with (folder / f"media_manifest_{number}.csv").open("w", newline="", encoding="utf-8") as fd:
            csv.writer(fd).writerows(part)


def settings(per_archive: int) -> Config:
    images = {"per_archive": per_archive, "per_second": 0, "per_host": 8}
    return Config.model_validate(
        {"sources": {}, "engine": {"name": "serial"}, "download": {"images": images, "wait_seconds": 0.001}}
    )


def ledger(root: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted((root / "eol/ledger").glob("*.parquet"))])


@pytest.mark.parametrize("count", [1000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_every_row_is_an_image_or_a_row_of_the_ledger_with_its_reason(
    count: int, server: Server, tmp_path: Path
) -> None:
    """One in fifty is gone; those that are refused once are asked for again; MD5s are those of the bytes."""
    museum(server)
    manifest(tmp_path, server, count)
    began = time.process_time()
    download_images(settings(count // 4), tmp_path, [], Silence())
    print(f"{count / (time.process_time() - began):.0f} images per core second, client and server together")
    table = ledger(tmp_path)
    assert table.height == count
    assert table.filter(pl.col("reason").is_not_null())["reason"].to_list() == ["http-404"] * (count // 50)
    found = {}
    for path in sorted((tmp_path / "eol").glob("image_set_*.tar.gz")):
        with tarfile.open(path) as tar:
            found |= {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    came = table.drop_nulls("file")
    assert dict(zip(came["file"], came["md5"], strict=True)) == {
        name: hashlib.md5(data).hexdigest() for name, data in found.items()
    }
    source = load("eol", {"path": str(tmp_path / "eol")}, tmp_path)
    assert sum(image.key is not None for one in source.containers() for image in source.names(one)) == len(found)


def test_bad_rows_duplicates_forbidden_and_strange_files_are_in_the_ledger(server: Server, tmp_path: Path) -> None:
    museum(server, flaky=False)
    folder = tmp_path / "metadata/eol"
    folder.mkdir(parents=True)
    rows = [
        HEADER, [1, 2, "", f"{server.url}/i/1", "", ""], [1, 2, "", f"{server.url}/i/1", "", ""],
        ["x", 2, "", "", "", ""],
        [3, 4, "", "ftp://a/b", "", ""], [5, 6, "", f"{server.url}/private/5", "", ""], [7, 8],
        [9, 10, "", f"{server.url}/nothing", "", ""],
    ]  # fmt: skip
    with (folder / "media_manifest_1.csv").open("w", newline="") as fd:
        csv.writer(fd).writerows(rows)
    download_images(settings(100), tmp_path, [], Silence())
    reasons = ledger(tmp_path)["reason"].to_list()
    assert reasons == [None, "duplicate", "bad-row", "bad-row", "robots", "bad-row", "http-404"]


def test_an_image_that_is_sent_compressed_is_refused(server: Server, tmp_path: Path) -> None:
    """Its bytes are not those of the image, even where they begin as an image does."""

    def answer(handler: Handler) -> bool:
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 4\r\n\r\n"
        handler.wfile.write(head + b"\xff\xd8\xff\xe0" if handler.path != "/robots.txt" else _NO_RULES)
        return True

    server.answer = answer
    manifest(tmp_path, server, 3)
    download_images(settings(100), tmp_path, [], Silence())
    assert ledger(tmp_path)["reason"].to_list() == ["compressed"] * 3


_NO_RULES = b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n"
CODE = """
import sys
from pathlib import Path
from treeoflife.download.images import download_images
from treeoflife.progress import Silence
from tests.download.test_images import settings
download_images(settings(400), Path(sys.argv[1]), [], Silence())
"""


def test_killed_at_any_moment_it_ends_with_the_same_bytes(server: Server, tmp_path: Path) -> None:
    """Archives and ledgers are those of a run that was not killed, and few images are asked for twice."""
    museum(server, flaky=False)
    for name in ("one", "two"):
        manifest(tmp_path / name, server, 800)
    download_images(settings(400), tmp_path / "one", [], Silence())
    for wait in (0.7, 0.9, 1.1):
        process = subprocess.Popen([sys.executable, "-c", CODE, str(tmp_path / "two")], cwd=Path(__file__).parents[2])
        time.sleep(wait)
        process.kill()
        process.wait()
    download_images(settings(400), tmp_path / "two", [], Silence())
    for number in ("01", "02"):
        one, two = (tmp_path / name / f"eol/image_set_{number}.tar.gz" for name in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()
    assert ledger(tmp_path / "one").equals(ledger(tmp_path / "two"))
    assert not [path for path in (tmp_path / "two/eol").iterdir() if path.name.endswith((".part", ".journal"))]
