"""Hazards of downloads: full and read-only disks, two runs at once, proxies, wrong keys."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .server import Resource, Server
from .test_cli import CODE, command

DATA = random.Random(4).randbytes(3_000_000)
mounts = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="only root may mount a small disk")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system in memory, which :func:`remount` shrinks."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2g", "tmpfs", folder], check=False).returncode:
        pytest.skip("this container may not mount")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def configure(folder: Path, server: Server, **resource: object) -> None:
    url = server.put("/mine", Resource(DATA, **resource))  # type: ignore[arg-type]
    (folder / "dataset.toml").write_text(
        f"[sources]\n[download]\nchunk_bytes = 100_000\npath = {str(folder / 'disk')!r}\n[download.components.mine]\n"
        f'about = "x"\nurl = "{url}"\nto = "mine.bin"\n'
    )


@mounts
def test_a_full_disk_is_reported_and_the_download_continues_when_there_is_room(
    server: Server, disk: Path, tmp_path: Path
) -> None:
    configure(tmp_path, server, rate=1_500_000)
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, "download", "mine"], cwd=tmp_path, stderr=subprocess.PIPE, text=True
    )
    while not (disk / "mine.bin.part").exists() or (disk / "mine.bin.part").stat().st_blocks < 100:
        time.sleep(0.02)
    remount(disk, "size=1m")
    assert f"{disk / 'mine.bin'} cannot be written" in process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert not (disk / "mine.bin").exists()
    remount(disk, "size=2g")
    sent, server.files["/mine"].rate = server.sent(), 0
    assert command(tmp_path, "mine").returncode == 0
    assert (disk / "mine.bin").read_bytes() == DATA
    assert server.sent() - sent < len(DATA)


@mounts
def test_a_read_only_target_is_reported(server: Server, disk: Path, tmp_path: Path) -> None:
    configure(tmp_path, server)
    remount(disk, "ro")
    done = command(tmp_path, "mine")
    assert done.returncode == 1
    assert "read-only" in done.stderr
    assert "Traceback" not in done.stderr
    assert command(tmp_path, "mine", "--list").returncode == 0


def test_a_second_download_to_the_same_folder_is_refused_and_told_the_first_process(
    server: Server, tmp_path: Path
) -> None:
    configure(tmp_path, server, rate=500_000)
    first = subprocess.Popen([sys.executable, "-c", CODE, "download", "mine"], cwd=tmp_path, stderr=subprocess.DEVNULL)
    try:
        while not server.sent():
            time.sleep(0.02)
        done = command(tmp_path, "mine")
        assert done.returncode == 1
        assert f"process {first.pid}" in done.stderr
    finally:
        server.files["/mine"].rate = 0
        assert first.wait(60) == 0
    assert (tmp_path / "disk/mine.bin").read_bytes() == DATA


def test_a_proxy_is_used(server: Server, tmp_path: Path) -> None:
    configure(tmp_path, server)
    server.files["http://not.reachable.example/mine"] = server.files["/mine"]
    text = (tmp_path / "dataset.toml").read_text().replace(server.url, "http://not.reachable.example")
    (tmp_path / "dataset.toml").write_text(text)
    assert command(tmp_path, "mine", HTTP_PROXY=server.url, NO_PROXY="").returncode == 0
    assert (tmp_path / "disk/mine.bin").read_bytes() == DATA


def test_a_proxy_that_does_not_answer_is_reported_without_its_password(server: Server, tmp_path: Path) -> None:
    configure(tmp_path, server)
    text = (tmp_path / "dataset.toml").read_text().replace("[download]", "[download]\nwait_seconds = 0.01", 1)
    (tmp_path / "dataset.toml").write_text(text)
    done = command(tmp_path, "mine", ALL_PROXY="http://me:secret@127.0.0.1:9")
    assert done.returncode == 1
    assert "sets a proxy for: all" in done.stderr
    assert "secret" not in done.stderr


@pytest.mark.parametrize("proxy", ["gopher://127.0.0.1:1", "socks5://127.0.0.1:1"])
def test_an_unusable_proxy_variable_is_reported(proxy: str, server: Server, tmp_path: Path) -> None:
    configure(tmp_path, server)
    done = command(tmp_path, "mine", ALL_PROXY=proxy)
    assert done.returncode == 2
    assert "ALL_PROXY" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_wrong_key_of_a_component_is_reported(server: Server, tmp_path: Path) -> None:
    configure(tmp_path, server)
    with (tmp_path / "dataset.toml").open("a") as out:
        out.write("unpack = { into = 'x', filez = 3 }\n")
    done = command(tmp_path, "mine")
    assert done.returncode == 2
    assert "[download.components.mine]" in done.stderr
    assert "filez" in done.stderr
