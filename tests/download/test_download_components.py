"""Downloading components: the list, downloads.jsonl, the Hub, the disk, several files at once."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from treeoflife.config.download import DownloadTable
from treeoflife.core.progress import SilentListener
from treeoflife.download.components import Component, load_components, select_components
from treeoflife.download.download_components import download_components
from treeoflife.download.downloads_file import append_entry, make_entry, read_entries
from treeoflife.download.inventory import component_state
from treeoflife.errors import ConfigError, InputError, TasksFailed

from .hub import COMMIT, publish
from .server import Resource, Server

DATA = random.Random(2).randbytes(300_000)
QUICK = DownloadTable(segment_bytes=50_000, chunk_bytes=10_000, stall_seconds=0.5, tries=3, wait_seconds=0.01)


class Recorder(SilentListener):
    def __init__(self) -> None:
        self.notes: list[str] = []
        self.bytes = 0

    def note(self, text: str) -> None:
        self.notes.append(text)

    def advance(self, units: int) -> None:
        self.bytes += units


def component(name: str, **keys: Any) -> Component:
    return Component.model_validate({"name": name, "about": name, "to": f"{name}.bin", "licence": "CC0"} | keys)


def test_every_component_of_the_list_is_valid_and_has_a_licence() -> None:
    loaded = load_components()
    assert all(listed.licence and listed.about for listed in loaded.values())
    paths = [file.to for listed in loaded.values() for file in listed.files()]
    assert len(set(paths)) == len(paths) == 63 + len(loaded) - 2  # a series, and one that has no files
    assert loaded["eol"].files()[62].to == "eol/image_set_63.tar.gz"


def test_a_dataset_toml_changes_and_adds_components() -> None:
    """With another address, the published checksum and length no longer apply."""
    loaded = load_components(
        {
            "inat21": {"url": "https://mirror.example/train.tar.gz"},
            "mine": {"about": "x", "url": "http://a/b", "to": "b"},
        }
    )
    assert loaded["inat21"].md5 == ""
    assert loaded["inat21"].to == "inat21/train.tar.gz"
    assert loaded["mine"].url == "http://a/b"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"inat21": {"ulr": "x"}}, "unknown key 'ulr'"),
        ({"mine": {"about": "x", "url": "http://a/b", "to": "../b"}}, "below the folder"),
        ({"mine": {"about": "x", "url": "file:///etc/passwd", "to": "b"}}, "must begin with"),
        ({"mine": {"about": "x", "to": "b"}}, "either url or hub"),
    ],
)
def test_a_malformed_component_is_reported(table: dict[str, dict[str, Any]], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_components(table)


def test_an_unknown_component_is_reported_with_the_closest_name() -> None:
    with pytest.raises(ConfigError, match="did you mean 'bioscan'"):
        select_components(["bioskan"], load_components())


def test_several_files_are_fetched_and_recorded(server: Server, tmp_path: Path) -> None:
    """downloads.jsonl has address, time, size and SHA-256; the second run sends no request."""
    components = [component(f"c{n}", url=server.put(f"/{n}", Resource(DATA[n:]))) for n in range(5)]
    also = tmp_path / "out" / "downloads.jsonl"
    recorder = Recorder()
    download_components(components, tmp_path, QUICK, recorder, records=[also])
    assert recorder.bytes == sum(len(DATA) - n for n in range(5))
    lines = read_entries(tmp_path / "downloads.jsonl")
    assert also.read_text() == (tmp_path / "downloads.jsonl").read_text()
    for n, fetched in enumerate(components):
        line = lines[fetched.to]
        assert (line["url"], line["size"], line["licence"]) == (fetched.url, len(DATA) - n, "CC0")
        assert line["sha256"] == hashlib.sha256((tmp_path / fetched.to).read_bytes()).hexdigest()
    requests = len(server.requests)
    download_components(components, tmp_path, QUICK)
    assert len(server.requests) == requests
    assert not [path for path in tmp_path.iterdir() if ".part" in path.name]


def test_a_changed_or_removed_file_is_fetched_again(server: Server, tmp_path: Path) -> None:
    components = [component(f"c{n}", url=server.put(f"/{n}", Resource(DATA[n:]))) for n in range(3)]
    download_components(components, tmp_path, QUICK)
    (tmp_path / "c0.bin").unlink()
    (tmp_path / "c1.bin").write_bytes(DATA[2:] + b"x")
    os.utime(tmp_path / "c2.bin")
    server.requests.clear()
    download_components(components, tmp_path, QUICK)
    assert {request.path for request in server.requests} == {"/0", "/1"}
    assert (tmp_path / "c1.bin").read_bytes() == DATA[1:]


def test_a_touched_file_is_hashed_once(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list only says that it must be hashed; the next run hashes it, and records its new stamp."""
    components = [component("c", url=server.put("/c", Resource(DATA)))]
    download_components(components, tmp_path, QUICK)
    os.utime(tmp_path / "c.bin")
    monkeypatch.setattr("treeoflife.download.download_components.sha256", lambda _: pytest.fail("hashed"))
    state = component_state(components[0], tmp_path)
    assert (state.complete, state.changed) == (1, 1)
    monkeypatch.undo()
    download_components(components, tmp_path, QUICK)
    monkeypatch.setattr("treeoflife.download.download_components.sha256", lambda _: pytest.fail("hashed"))
    download_components(components, tmp_path, QUICK)
    assert component_state(components[0], tmp_path).changed == 0


@pytest.mark.parametrize(
    ("change", "why"),
    [({"url": "{}/other"}, "now the list names"), ({"sha256": hashlib.sha256(DATA[1:]).hexdigest()}, "checksum")],
)
def test_a_file_from_another_address_than_the_listed_one_is_fetched_again(
    change: dict[str, str], why: str, server: Server, tmp_path: Path
) -> None:
    """Its name alone does not identify it."""
    listed = component("c", url=server.put("/c", Resource(DATA)))
    download_components([listed], tmp_path, QUICK)
    server.put("/c", Resource(DATA[1:]))
    server.put("/other", Resource(DATA[1:]))
    recorder = Recorder()
    changed = {key: value.format(server.url) for key, value in change.items()}
    download_components([component("c", **{"url": listed.url} | changed)], tmp_path, QUICK, recorder)
    assert (tmp_path / "c.bin").read_bytes() == DATA[1:]
    assert why in recorder.notes[0]


def test_the_file_of_another_component_is_not_replaced(server: Server, tmp_path: Path) -> None:
    url = server.put("/c", Resource(DATA))
    download_components([component("c", url=url)], tmp_path, QUICK)
    with pytest.raises(InputError, match=r"belongs to c, and d would replace it: .*--to"):
        download_components([component("d", url=url, to="c.bin")], tmp_path, QUICK)


def test_single_keys_within_a_component_change() -> None:
    """As the message about an unexpected number of files advises."""
    loaded = load_components({"bioscan": {"unpack": {"files": 5}}, "mapping": {"hub": {"revision": "v2"}}})
    assert loaded["bioscan"].unpack == load_components()["bioscan"].unpack.model_copy(update={"files": 5})  # type: ignore[union-attr]
    assert loaded["mapping"].files()[0].address.endswith("imageomics/TreeOfLife-10M@v2/metadata/mapping.sqlite")


def test_progress_is_reported_for_each_file_and_for_all_together(server: Server, tmp_path: Path) -> None:
    """Each file has a part, which is closed when it is complete; the bytes of the parts and of the whole agree."""
    parts: dict[str, list[int]] = {}

    class Part(SilentListener):
        def __init__(self, name: str) -> None:
            self.name = name

        def advance(self, units: int) -> None:
            parts[self.name].append(units)

        def close(self) -> None:
            parts[self.name].append(-1)

    class Listening(Recorder):
        def start_part(self, name: str, done: int, total: int) -> Part:
            parts[name] = []
            return Part(name)

    recorder = Listening()
    download_components(
        [component(f"c{n}", url=server.put(f"/{n}", Resource(DATA[n:]))) for n in range(3)], tmp_path, QUICK, recorder
    )
    assert {name: sum(units) + 1 for name, units in parts.items()} == {f"c{n}.bin": len(DATA) - n for n in range(3)}
    assert all(units[-1] == -1 for units in parts.values())
    assert recorder.bytes == 3 * len(DATA) - 3


def test_a_file_that_a_user_copied_is_accepted_if_it_has_the_published_checksum(server: Server, tmp_path: Path) -> None:
    listed = component("c", url=server.put("/c", Resource(DATA)), md5=hashlib.md5(DATA).hexdigest())
    (tmp_path / "c.bin").write_bytes(DATA)
    download_components([listed], tmp_path, QUICK)
    assert not server.requests


def test_a_file_that_fails_is_reported_and_the_others_are_fetched(server: Server, tmp_path: Path) -> None:
    good, bad = component("good", url=server.put("/good", Resource(DATA))), component("bad", url=server.url + "/bad")
    with pytest.raises(TasksFailed, match=r"1 of 2 files failed: .*/bad cannot be fetched: the server says 404"):
        download_components([bad, good], tmp_path, QUICK)
    assert (tmp_path / "good.bin").read_bytes() == DATA


def test_a_disk_that_is_too_small_is_reported_before_the_first_request(server: Server, tmp_path: Path) -> None:
    listed = component("c", url=server.put("/c", Resource(DATA)), size=10**18)
    with pytest.raises(InputError, match=r"GB free, and 1000000000\.0 GB are to come"):
        download_components([listed], tmp_path, QUICK)
    assert not server.requests


def test_terms_that_forbid_redistribution_are_shown_before_the_first_request(server: Server, tmp_path: Path) -> None:
    listed = component("c", url=server.put("/c", Resource(DATA)), redistribution=False, terms="Ask first.")
    requests: list[int] = []

    class Listening(Recorder):
        def note(self, text: str) -> None:
            super().note(text)
            requests.append(len(server.requests))

    recorder = Listening()
    download_components([listed], tmp_path, QUICK, recorder)
    assert recorder.notes[0] == "c: CC0. It may NOT be redistributed. Ask first."
    assert requests[0] == 0


def test_an_incomplete_line_does_not_spoil_downloads_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "downloads.jsonl"
    path.write_text('{"component": "a", "fi')
    (tmp_path / "b").write_text("b")
    append_entry([path], make_entry("b", tmp_path, "b", "u", "s", ""))
    assert list(read_entries(path)) == ["b"]


def test_a_failure_says_that_bytes_are_kept_only_if_some_are(server: Server, tmp_path: Path) -> None:
    """Without a validator there is nothing to go on from."""
    bad = component("bad", url=server.url + "/bad")
    with pytest.raises(TasksFailed) as caught:
        download_components([bad], tmp_path, QUICK)
    assert "kept" not in str(caught.value)
    for tag, kept in (('"1"', True), ("", False)):
        url = server.put("/half", Resource(DATA, etag=tag, faults=["drop:40000", "404"]))
        with pytest.raises(TasksFailed) as caught:
            download_components(
                [component(f"half{kept}", url=url)], tmp_path, QUICK.model_copy(update={"connections": 1})
            )
        assert ("bytes of them are kept, and the same command goes on" in str(caught.value)) is kept


def test_a_size_far_from_the_listed_one_is_said(server: Server, tmp_path: Path) -> None:
    recorder = Recorder()
    listed = component("c", url=server.put("/c", Resource(DATA)), size=9 * len(DATA))
    download_components([listed], tmp_path, QUICK, recorder)
    assert "c.bin has 300,000 bytes, and the list of components says about 2,700,000" in recorder.notes


def test_a_file_of_another_length_than_the_list_now_says_is_fetched_again(server: Server, tmp_path: Path) -> None:
    url = server.put("/c", Resource(DATA))
    download_components([component("c", url=url)], tmp_path, QUICK)
    server.put("/c", Resource(DATA[1:]))
    download_components([component("c", url=url, bytes=len(DATA) - 1)], tmp_path, QUICK)
    assert (tmp_path / "c.bin").read_bytes() == DATA[1:]


def test_an_entry_with_a_line_separator_in_it_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "b").write_text("b")
    append_entry([tmp_path / "d"], make_entry("b", tmp_path, "b", "http://x/\u2028\x85", "s", "a\x0b licence"))
    assert read_entries(tmp_path / "d")["b"]["licence"] == "a\x0b licence"


HUB_CODE = """
import sys, json
from pathlib import Path
from treeoflife.config.download import DownloadTable
from treeoflife.download.components import Component
from treeoflife.download.download_components import download_components
keys, root = json.loads(sys.argv[1]), Path(sys.argv[2])
quick = DownloadTable(segment_bytes=50_000, chunk_bytes=10_000, stall_seconds=0.5, tries=2, wait_seconds=0.01)
print(json.dumps(download_components([Component.model_validate(table) for table in keys], root, quick)))
"""


def on_hub(tmp_path: Path, endpoint: str, *files: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Download in a process of its own: huggingface_hub reads its settings when it is imported."""
    keys = [
        {"name": f"c{n}", "about": "x", "to": f"{n}.bin", "hub": {"repo": "who/what", "file": file}}
        for n, file in enumerate(files)
    ]
    settings = {"HF_ENDPOINT": endpoint, "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1"} | env
    return subprocess.run(
        [sys.executable, "-c", HUB_CODE, json.dumps(keys), str(tmp_path / "raw")],
        env={**os.environ, **settings}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("lfs", [True, False])
def test_files_of_the_hub_are_fetched_with_its_token_from_its_endpoint(
    lfs: bool, server: Server, tmp_path: Path
) -> None:
    """The commit is recorded; the token is neither sent to the host of the bytes nor written to disk."""
    publish(server, "who/what", {"a/b.bin": DATA, "c.bin": DATA[1:]}, token="hf_secret", lfs=lfs)
    done = on_hub(tmp_path, server.url, "a/b.bin", "c.bin", HF_TOKEN="hf_secret")
    assert done.returncode == 0, done.stderr
    lines = {line["file"]: line for line in json.loads(done.stdout)}
    assert (tmp_path / "raw/0.bin").read_bytes() == DATA
    assert lines["0.bin"]["revision"] == COMMIT
    assert lines["0.bin"]["url"] == f"{server.url}/datasets/who/what/resolve/{COMMIT}/a/b.bin"
    assert all("authorization" not in request.headers for request in server.requests)
    assert not any(b"hf_secret" in path.read_bytes() for path in (tmp_path / "raw").rglob("*") if path.is_file())


def test_a_hub_file_that_is_gated_or_missing_is_reported(server: Server, tmp_path: Path) -> None:
    publish(server, "who/what", {"a.bin": DATA}, token="hf_secret")
    done = on_hub(tmp_path, server.url, "a.bin", HF_TOKEN="")
    assert "hf auth login" in done.stderr
    publish(server, "who/what", {"a.bin": DATA})
    done = on_hub(tmp_path, server.url, "b.bin")
    assert "b.bin of who/what (revision main) is not available from the Hub" in done.stderr


def test_bytes_with_another_checksum_than_the_hubs_are_refused(server: Server, tmp_path: Path) -> None:
    publish(server, "who/what", {"a.bin": DATA})
    server.put(f"/cdn/{hashlib.sha256(DATA).hexdigest()}", Resource(DATA[::-1]))
    done = on_hub(tmp_path, server.url, "a.bin")
    assert f"published is {hashlib.sha256(DATA).hexdigest()}" in done.stderr
    assert not (tmp_path / "raw/0.bin").exists()


def test_files_in_the_hubs_cache_are_not_fetched(server: Server, tmp_path: Path) -> None:
    """Also without a network."""
    publish(server, "who/what", {"a.bin": DATA})
    code = "from huggingface_hub import hf_hub_download as get; get('who/what', 'a.bin', repo_type='dataset')"
    env = {**os.environ, "HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "hf")}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True)
    requests = len(server.requests)
    assert requests
    assert on_hub(tmp_path, server.url, "a.bin").returncode == 0
    (tmp_path / "raw/0.bin").unlink()
    done = on_hub(tmp_path, server.url, "a.bin", HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "raw/0.bin").read_bytes() == DATA
    assert len(server.requests) == requests
