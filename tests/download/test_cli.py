"""``treeoflife download`` in a process of its own, as users run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from .server import Resource, Server

CODE = """
import sys
from treeoflife.cli import download, main
assert not {"httpx", "huggingface_hub", "polars"} & set(sys.modules)
main()
"""


def command(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-c", CODE, "download", *arguments]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False, env=os.environ | env)


def test_the_list_shows_sizes_licences_and_present_files(tmp_path: Path) -> None:
    done = command(tmp_path, "--list")
    assert "224.0 GB  not there" in done.stdout
    assert "NOT to be redistributed" in done.stdout
    listed = json.loads(command(tmp_path, "--list", "--json", "bioscan").stdout)["components"]
    assert listed[0]["licence"] == "CC BY 3.0"


def test_a_component_of_a_dataset_toml_is_planned_fetched_and_then_listed_as_present(
    server: Server, tmp_path: Path
) -> None:
    url = server.put("/mine", Resource(bytes(50_000)))
    (tmp_path / "dataset.toml").write_text(
        f'[sources]\n[download]\npath = "data"\n[download.components.mine]\nabout = "x"\nurl = "{url}"\n'
        'to = "a/mine.bin"\n'
    )
    assert "a/mine.bin  <-  " + url in command(tmp_path, "mine", "--dry-run").stdout
    assert not server.requests
    done = command(tmp_path, "mine")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "data/a/mine.bin").stat().st_size == 50_000
    assert (tmp_path / "downloads.jsonl").read_text() == (tmp_path / "data/downloads.jsonl").read_text()
    assert "there" in command(tmp_path, "--list", "mine").stdout


def test_wrong_usage_is_exit_status_2_and_a_failure_1(server: Server, tmp_path: Path) -> None:
    assert command(tmp_path).returncode == 2
    assert command(tmp_path, "nonsense").returncode == 2
    assert command(tmp_path, "published", "--dry-run", "--to", "/dev/shm/x").returncode in (0, 1)
    assert command(tmp_path, "eol-images").returncode == 2


def test_ctrl_c_ends_a_download_at_once_and_received_bytes_are_kept(server: Server, tmp_path: Path) -> None:
    """The exit status is not 0, and the next run continues."""
    url = server.put("/mine", Resource(bytes(20_000_000), rate=1_000_000))
    (tmp_path / "dataset.toml").write_text(
        "[sources]\n[download]\nchunk_bytes = 100_000\n[download.components.mine]\n"
        f'about = "x"\nurl = "{url}"\nto = "mine.bin"\n'
    )
    process = subprocess.Popen(
        [sys.executable, "-c", CODE, "download", "mine"], cwd=tmp_path, stderr=subprocess.DEVNULL
    )
    while server.sent() < 2_000_000:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait(10)
    server.files["/mine"].rate = 0
    sent = server.sent()
    assert command(tmp_path, "mine").returncode == 0
    assert server.sent() - sent < 20_000_000


def test_ctrl_c_ends_the_wait_that_a_server_asks_for(server: Server, tmp_path: Path) -> None:
    """An hour is waited for, but not after Ctrl-C; of components and of single images."""
    url = server.put("/mine", Resource(b"", faults=["503:3600"] * 9))
    (tmp_path / "dataset.toml").write_text(
        f'[sources]\n[download.components.mine]\nabout = "x"\nurl = "{url}"\nto = "mine.bin"\n'
    )
    image = server.put("/image", Resource(b"", faults=["503:300"] * 9))
    folder = tmp_path / "raw/metadata/eol"
    folder.mkdir(parents=True)
    (folder / "media_manifest_1.csv").write_text(f"1,7,,{image},,\n")
    for arguments in (["mine"], ["eol-images", "--engine", "serial"]):
        server.requests.clear()
        process = subprocess.Popen(
            [sys.executable, "-c", CODE, "download", *arguments], cwd=tmp_path, stderr=subprocess.PIPE, text=True
        )
        while not any(request.path in ("/mine", "/image") for request in server.requests):
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        assert "Traceback" not in process.communicate(timeout=20)[1]
        assert process.returncode == 130
