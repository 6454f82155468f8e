"""EOL's images from a media manifest: every row ends as an image in an archive, or as a reason in the ledger."""

from __future__ import annotations

import csv
import hashlib
import os
import socket
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import polars as pl
import pytest

from treeoflife.config.config import Config
from treeoflife.core.progress import SilentListener
from treeoflife.download.downloads_file import read_entries
from treeoflife.download.lists.eol_images import download_eol_images, limit_engine, split_limits
from treeoflife.download.lists.host_limits import HostLimits
from treeoflife.errors import InputError, TasksFailed
from treeoflife.sources.registry import load_source

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
    """Serve images, of which every fiftieth is missing. If ``flaky``, the first request for every seventh fails."""
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


def settings(per_archive: int, **rules: object) -> Config:
    images = {"per_archive": per_archive, "per_second": 0, "per_host": 8} | rules
    return Config.model_validate(
        {"sources": {}, "engine": {"name": "serial"}, "download": {"images": images, "wait_seconds": 0.001}}
    )


def ledger(root: Path) -> pl.DataFrame:
    return pl.concat([pl.read_parquet(path) for path in sorted((root / "eol/ledger").glob("*.parquet"))])


@pytest.mark.parametrize("count", [1000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_every_row_becomes_an_image_or_a_reason_in_the_ledger(count: int, server: Server, tmp_path: Path) -> None:
    """Missing images have their reason, refused ones are requested again, and the MD5s are those of the images."""
    museum(server)
    manifest(tmp_path, server, count)
    began = time.process_time()
    download_eol_images(settings(count // 4), tmp_path, SilentListener())
    print(f"{count / (time.process_time() - began):.0f} images per core second, client and server together")
    table = ledger(tmp_path)
    assert table.height == count
    assert table.filter(pl.col("reason").is_not_null())["reason"].to_list() == ["http-404"] * (count // 50)
    images = {}
    for path in sorted((tmp_path / "eol").glob("image_set_*.tar.gz")):
        with tarfile.open(path) as tar:
            images |= {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]
    fetched = table.drop_nulls("file")
    assert dict(zip(fetched["file"], fetched["md5"], strict=True)) == {
        name: hashlib.md5(data).hexdigest() for name, data in images.items()
    }
    source = load_source("eol", {"path": str(tmp_path / "eol")}, tmp_path)
    assert sum(image.key is not None for one in source.containers() for image in source.names(one)) == len(images)


def test_bad_rows_duplicates_and_forbidden_images_are_in_the_ledger(server: Server, tmp_path: Path) -> None:
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
    download_eol_images(settings(100), tmp_path, SilentListener())
    reasons = ledger(tmp_path)["reason"].to_list()
    assert reasons == [None, "duplicate", "bad-row", "bad-row", "robots", "bad-row", "http-404"]


def test_an_image_that_is_sent_compressed_is_refused(server: Server, tmp_path: Path) -> None:
    """Its bytes are not those of the image, even if they begin like one."""

    def answer(handler: Handler) -> bool:
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 4\r\n\r\n"
        handler.wfile.write(head + b"\xff\xd8\xff\xe0" if handler.path != "/robots.txt" else _NO_RULES)
        return True

    server.answer = answer
    manifest(tmp_path, server, 3)
    download_eol_images(settings(100), tmp_path, SilentListener())
    assert ledger(tmp_path)["reason"].to_list() == ["compressed"] * 3


_NO_RULES = b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n"
CODE = """
import sys
from pathlib import Path
from treeoflife.download.downloads_file import read_entries
from treeoflife.download.lists.eol_images import download_eol_images, limit_engine, split_limits
from treeoflife.download.lists.host_limits import HostLimits
from treeoflife.errors import InputError, TasksFailed
from treeoflife.core.progress import SilentListener
from tests.download.test_eol_images import settings
download_eol_images(settings(400), Path(sys.argv[1]), SilentListener())
"""


def test_a_run_that_was_killed_ends_with_the_same_bytes(server: Server, tmp_path: Path) -> None:
    """Archives and ledgers are those of a run that was not killed."""
    museum(server, flaky=False)
    for name in ("whole", "killed"):
        manifest(tmp_path / name, server, 800)
    download_eol_images(settings(400), tmp_path / "whole", SilentListener())
    for wait in (0.7, 0.9, 1.1):
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, str(tmp_path / "killed")], cwd=Path(__file__).parents[2]
        )
        time.sleep(wait)
        process.kill()
        process.wait()
    download_eol_images(settings(400), tmp_path / "killed", SilentListener())
    for number in ("01", "02"):
        whole, killed = (tmp_path / name / f"eol/image_set_{number}.tar.gz" for name in ("whole", "killed"))
        assert whole.read_bytes() == killed.read_bytes()
    assert ledger(tmp_path / "whole").equals(ledger(tmp_path / "killed"))
    assert not [path for path in (tmp_path / "killed/eol").iterdir() if path.name.endswith((".part", ".journal"))]


def record_requests(server: Server) -> list[str]:
    """The paths of all further requests, as they are made."""
    inner, paths = server.answer, []

    def answer(handler: Handler) -> bool:
        paths.append(handler.path)
        return inner(handler)

    server.answer = answer
    return paths


def write(root: Path, rows: list[list[object]]) -> None:
    folder = root / "metadata/eol"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "media_manifest_1.csv").open("w", newline="") as fd:
        csv.writer(fd).writerows([HEADER, *rows])


def test_archives_are_identified_by_their_rows_and_only_new_rows_are_fetched(server: Server, tmp_path: Path) -> None:
    """The same rows in another file cause no request; changed rows make their archive again, with the images it has."""
    museum(server, flaky=False)
    paths = record_requests(server)
    rows: list[list[object]] = [[n, 7, "", f"{server.url}/i/{n}", "", ""] for n in range(1, 201)]
    write(tmp_path, rows)
    download_eol_images(settings(50), tmp_path, SilentListener())
    manifest = tmp_path / "metadata/eol/media_manifest_1.csv"
    manifest.rename(tmp_path / "metadata/eol/media_manifest_0.csv")
    paths.clear()
    download_eol_images(settings(50), tmp_path, SilentListener())
    assert not paths
    (tmp_path / "metadata/eol/media_manifest_0.csv").unlink()
    rows[60] = [5000, 7, "", f"{server.url}/i/5001", "", ""]
    write(tmp_path, rows)
    before = [path.stat().st_mtime_ns for path in sorted((tmp_path / "eol").glob("*.gz"))]
    download_eol_images(settings(50), tmp_path, SilentListener())
    assert sorted(paths) == ["/i/100", "/i/5001", "/robots.txt"]  # every fiftieth failed, and is requested again
    after = [path.stat().st_mtime_ns for path in sorted((tmp_path / "eol").glob("*.gz"))]
    assert [earlier == later for earlier, later in zip(before, after, strict=True)] == [True, False, True, True]
    fresh = tmp_path / "fresh"
    write(fresh, rows)
    download_eol_images(settings(50), fresh, SilentListener())
    for path in (fresh / "eol").glob("*.gz"):
        assert path.read_bytes() == (tmp_path / "eol" / path.name).read_bytes()


def test_an_archive_without_all_its_bytes_or_its_ledger_is_not_finished(server: Server, tmp_path: Path) -> None:
    """If it was cut off, it is made again; without a ledger it was not made here, and is not replaced."""
    museum(server, flaky=False)
    manifest(tmp_path, server, 40)
    download_eol_images(settings(100), tmp_path, SilentListener())
    archive, ledger = tmp_path / "eol/image_set_01.tar.gz", tmp_path / "eol/ledger/image_set_01.parquet"
    whole = archive.read_bytes()
    archive.write_bytes(whole[:-5000])
    download_eol_images(settings(100), tmp_path, SilentListener())
    assert archive.read_bytes() == whole
    ledger.unlink()
    with pytest.raises(InputError, match="was not made from the manifest"):
        download_eol_images(settings(100), tmp_path, SilentListener())
    assert archive.read_bytes() == whole


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="what a descriptor is of cannot be looked up here")
def test_what_gets_its_name_is_on_disk_and_its_name_too(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power failure after the run takes neither the archive nor its ledger, nor downloads.jsonl."""
    synced: list[str] = []
    real = os.fsync

    def sync(fd: int) -> None:
        synced.append(str(Path(f"/proc/self/fd/{fd}").readlink()))
        real(fd)

    monkeypatch.setattr(os, "fsync", sync)
    museum(server, flaky=False)
    manifest(tmp_path, server, 20)
    download_eol_images(settings(100), tmp_path, SilentListener())
    folder = tmp_path / "eol"
    archive = synced.index(str(folder / ".image_set_01.tar.gz.part"))
    assert str(folder) in synced[archive:]
    assert str(folder / "ledger") in synced
    assert str(tmp_path / "downloads.jsonl") in synced


def test_again_retries_the_images_that_failed_and_nothing_else(server: Server, tmp_path: Path) -> None:
    """Rows that can never become an image are not tried again."""
    museum(server, flaky=False)
    write(tmp_path, [[n, 7, "", f"{server.url}/i/{n}", "", ""] for n in range(1, 101)] + [["x", 7, "", "", "", ""]])
    download_eol_images(settings(60), tmp_path, SilentListener())
    assert ledger(tmp_path)["reason"].drop_nulls().to_list() == ["http-404", "http-404", "bad-row"]
    paths = record_requests(server)
    download_eol_images(settings(60), tmp_path, SilentListener())
    assert not paths
    download_eol_images(settings(60), tmp_path, SilentListener(), again=True)
    assert sorted(paths) == ["/i/100", "/i/50", "/robots.txt", "/robots.txt"]
    server.answer = lambda handler: _send(handler, picture("found"))
    download_eol_images(settings(60), tmp_path, SilentListener(), again=True)
    assert ledger(tmp_path)["reason"].drop_nulls().to_list() == ["bad-row"]
    paths = record_requests(server)
    download_eol_images(settings(60), tmp_path, SilentListener(), again=True)
    assert not paths


def _send(handler: Handler, body: bytes) -> bool:
    handler.wfile.write(f"HTTP/1.1 200 X\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
    return True


def test_a_host_that_is_down_costs_only_its_own_images(server: Server, tmp_path: Path) -> None:
    """After fifty requests without a response it gets no more, and the images of other hosts are fetched."""
    museum(server, flaky=False)
    gone = closed_port()
    write(tmp_path, [[n, 7, "", f"{server.url if n % 2 else gone}/i/{n}", "", ""] for n in range(1, 401)])
    download_eol_images(settings(1000, robots=False), tmp_path, SilentListener())
    reasons = ledger(tmp_path)["reason"].to_list()
    assert reasons == [None, "no-answer"] * 200


def test_when_no_host_answers_the_run_fails_and_no_image_is_recorded_as_missing(server: Server, tmp_path: Path) -> None:
    """Images that were fetched before the network went down are kept, and the next run continues."""
    museum(server, flaky=False)
    rows = [[n, 7, "", f"{server.url}/i/{n}", "", ""] for n in range(1, 1001)]
    write(tmp_path, rows)
    live = server.answer
    served = 0

    def breaks(handler: Handler) -> bool:
        nonlocal served
        served += 1
        if served > 500:
            handler.close_connection = True
            return True
        return live(handler)

    server.answer = breaks
    with pytest.raises(TasksFailed, match="nor did another host"):
        download_eol_images(settings(1000), tmp_path, SilentListener())
    assert not (tmp_path / "eol/ledger").exists()
    server.answer = live
    paths = record_requests(server)
    download_eol_images(settings(1000), tmp_path, SilentListener())
    assert len(paths) < 650
    assert ledger(tmp_path)["reason"].drop_nulls().to_list() == ["http-404"] * 20


def closed_port() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


def test_a_host_that_does_not_answer_for_robots_txt_is_down_and_forbids_nothing(server: Server, tmp_path: Path) -> None:
    """No response is something else than a response that forbids."""
    write(tmp_path, [[1, 7, "", f"{closed_port()}/i/1", "", ""]])
    download_eol_images(settings(10), tmp_path, SilentListener())
    assert ledger(tmp_path)["reason"].to_list() == ["no-answer"]


def test_malformed_addresses_are_in_the_ledger(server: Server, tmp_path: Path) -> None:
    """Whatever a manifest has in the column of addresses."""
    museum(server, flaky=False)
    odd = ["http://[::1/x", "http://", "http://a:99999999/x", "https://", "//x/y", "http://\x00/x", "javascript:x",
           f"{server.url}/i/7"]  # fmt: skip
    write(tmp_path, [[n, 7, "", address, "", ""] for n, address in enumerate(odd)])
    download_eol_images(settings(10), tmp_path, SilentListener())
    reasons = ledger(tmp_path)["reason"].to_list()
    assert set(reasons[:-1]) <= {"bad-row", "bad-address", "no-answer"}
    assert reasons[-1] is None


def test_archives_are_recorded_in_downloads_jsonl(server: Server, tmp_path: Path) -> None:
    museum(server, flaky=False)
    manifest(tmp_path, server, 90)
    also = tmp_path / "out/downloads.jsonl"
    download_eol_images(settings(50), tmp_path, SilentListener(), records=[also])
    lines = read_entries(tmp_path / "downloads.jsonl")
    assert sorted(lines) == ["eol/image_set_01.tar.gz", "eol/image_set_02.tar.gz"]
    for file, line in lines.items():
        assert line["sha256"] == hashlib.sha256((tmp_path / file).read_bytes()).hexdigest()
    assert read_entries(also) == lines


@pytest.mark.parametrize("engine", ["local", "slurm", "ray"])
@pytest.mark.parametrize("per_host", [1, 3, 4, 50])
def test_all_tasks_together_keep_to_the_limits_of_a_host(engine: str, per_host: int, tmp_path: Path) -> None:
    """Also on a cluster: no more tasks at once than requests, and each with a part of them."""
    config = Config.model_validate(
        {"sources": {}, "engine": {"name": engine, "workers": 32, "slurm": {"parallel": 256, "cpus": 2},
         "ray": {"in_flight": 0}}, "download": {"images": {"per_host": per_host}}}
    )  # fmt: skip
    table = limit_engine(config.engine, per_host)
    widths = {
        "local": table.workers, "slurm": table.slurm.parallel * table.slurm.cpus, "ray": table.ray.in_flight
    }  # fmt: skip
    assert 1 <= widths[engine] <= per_host
    whole = HostLimits(per_host, 10.0, robots=True, tries=1, wait_seconds=0.0)
    for tasks in (1, 2, 7, 1000):
        part = split_limits(whole, tasks)
        at_once = min(widths[engine], tasks)
        assert part.connections >= 1
        assert split_limits(whole, at_once).connections * at_once <= per_host
        assert split_limits(whole, at_once).per_second * at_once == pytest.approx(10.0)
