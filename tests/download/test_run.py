"""Downloading components: lists, the record, the Hub, the disk, several at once."""

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
from treeoflife.core.progress import Silence
from treeoflife.download import record, run
from treeoflife.download.components import Component, chosen, components
from treeoflife.errors import ConfigError, InputError, TasksFailed

from .hub import COMMIT, publish
from .server import Resource, Server

DATA = random.Random(2).randbytes(300_000)
QUICK = DownloadTable(segment_bytes=50_000, chunk_bytes=10_000, stall_seconds=0.5, tries=3, wait_seconds=0.01)


class Heard(Silence):
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
    known = components()
    assert all(one.licence and one.about for one in known.values())
    places = [file.to for one in known.values() for file in one.files()]
    assert len(set(places)) == len(places) == 63 + len(known) - 2  # a series, and one that has no files
    assert known["eol"].files()[62].to == "eol/image_set_63.tar.gz"


def test_a_dataset_toml_changes_and_adds_components() -> None:
    """Another address puts the old checksum and length out of force."""
    known = components(
        {
            "inat21": {"url": "https://mirror.example/train.tar.gz"},
            "mine": {"about": "x", "url": "http://a/b", "to": "b"},
        }
    )
    assert known["inat21"].md5 == ""
    assert known["inat21"].to == "inat21/train.tar.gz"
    assert known["mine"].url == "http://a/b"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"inat21": {"ulr": "x"}}, "unknown key 'ulr'"),
        ({"mine": {"about": "x", "url": "http://a/b", "to": "../b"}}, "below the folder"),
        ({"mine": {"about": "x", "url": "file:///etc/passwd", "to": "b"}}, "must begin with"),
        ({"mine": {"about": "x", "to": "b"}}, "either url or hub"),
    ],
)
def test_a_wrong_component_is_named(table: dict[str, dict[str, Any]], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        components(table)


def test_an_unknown_component_is_named_with_the_closest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'bioscan'"):
        chosen(["bioskan"], components())


def test_several_files_come_and_are_on_record(server: Server, tmp_path: Path) -> None:
    """The record has address, time, size and SHA-256; the second run asks for nothing."""
    ones = [component(f"c{n}", url=server.put(f"/{n}", Resource(DATA[n:]))) for n in range(5)]
    also = tmp_path / "out" / "downloads.jsonl"
    heard = Heard()
    run.download(ones, tmp_path, QUICK, heard, records=[also])
    assert heard.bytes == sum(len(DATA) - n for n in range(5))
    lines = record.read(tmp_path / "downloads.jsonl")
    assert also.read_text() == (tmp_path / "downloads.jsonl").read_text()
    for n, one in enumerate(ones):
        line = lines[one.to]
        assert (line["url"], line["size"], line["licence"]) == (one.url, len(DATA) - n, "CC0")
        assert line["sha256"] == hashlib.sha256((tmp_path / one.to).read_bytes()).hexdigest()
    asked = len(server.requests)
    run.download(ones, tmp_path, QUICK)
    assert len(server.requests) == asked
    assert not [path for path in tmp_path.iterdir() if ".part" in path.name]


def test_a_file_that_was_changed_or_removed_is_fetched_anew(server: Server, tmp_path: Path) -> None:
    ones = [component(f"c{n}", url=server.put(f"/{n}", Resource(DATA[n:]))) for n in range(3)]
    run.download(ones, tmp_path, QUICK)
    (tmp_path / "c0.bin").unlink()
    (tmp_path / "c1.bin").write_bytes(DATA[2:] + b"x")
    os.utime(tmp_path / "c2.bin")
    server.requests.clear()
    run.download(ones, tmp_path, QUICK)
    assert {one.path for one in server.requests} == {"/0", "/1"}
    assert (tmp_path / "c1.bin").read_bytes() == DATA[1:]


def test_a_file_that_was_touched_is_hashed_once(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list hashes nothing, and says so; the next run does, and puts the file on record as it is now."""
    ones = [component("c", url=server.put("/c", Resource(DATA)))]
    run.download(ones, tmp_path, QUICK)
    os.utime(tmp_path / "c.bin")
    monkeypatch.setattr(run, "sha256", lambda _: pytest.fail("hashed"))
    assert [(row.whole, row.unsure) for row in run.rows(ones, tmp_path)] == [(1, 1)]
    monkeypatch.undo()
    run.download(ones, tmp_path, QUICK)
    monkeypatch.setattr(run, "sha256", lambda _: pytest.fail("hashed"))
    run.download(ones, tmp_path, QUICK)
    assert [row.unsure for row in run.rows(ones, tmp_path)] == [0]


@pytest.mark.parametrize(
    ("change", "why"),
    [({"url": "{}/other"}, "now the list names"), ({"sha256": hashlib.sha256(DATA[1:]).hexdigest()}, "checksum")],
)
def test_a_file_from_another_place_than_the_list_names_is_fetched_anew(
    change: dict[str, str], why: str, server: Server, tmp_path: Path
) -> None:
    """Its name alone says nothing of which file it is."""
    one = component("c", url=server.put("/c", Resource(DATA)))
    run.download([one], tmp_path, QUICK)
    server.put("/c", Resource(DATA[1:]))
    server.put("/other", Resource(DATA[1:]))
    heard = Heard()
    changed = {key: value.format(server.url) for key, value in change.items()}
    run.download([component("c", **{"url": one.url} | changed)], tmp_path, QUICK, heard)
    assert (tmp_path / "c.bin").read_bytes() == DATA[1:]
    assert why in heard.notes[0]


def test_the_file_of_another_component_is_not_replaced(server: Server, tmp_path: Path) -> None:
    url = server.put("/c", Resource(DATA))
    run.download([component("c", url=url)], tmp_path, QUICK)
    with pytest.raises(InputError, match=r"belongs to c, and d would go there: .*--to"):
        run.download([component("d", url=url, to="c.bin")], tmp_path, QUICK)


def test_single_keys_within_a_component_change() -> None:
    """As the message about another count than the list's says."""
    known = components({"bioscan": {"unpack": {"files": 5}}, "mapping": {"hub": {"revision": "v2"}}})
    assert known["bioscan"].unpack == components()["bioscan"].unpack.model_copy(update={"files": 5})  # type: ignore[union-attr]
    assert known["mapping"].files()[0].address.endswith("imageomics/TreeOfLife-10M@v2/metadata/mapping.sqlite")


def test_progress_is_told_of_each_file_and_of_all(server: Server, tmp_path: Path) -> None:
    """A part for each file, closed when it is whole; its bytes and those of all add up."""
    parts: dict[str, list[int]] = {}

    class Part(Silence):
        def __init__(self, name: str) -> None:
            self.name = name

        def advance(self, units: int) -> None:
            parts[self.name].append(units)

        def close(self) -> None:
            parts[self.name].append(-1)

    class Listening(Heard):
        def part(self, name: str, done: int, total: int) -> Part:
            parts[name] = []
            return Part(name)

    heard = Listening()
    run.download(
        [component(f"c{n}", url=server.put(f"/{n}", Resource(DATA[n:]))) for n in range(3)], tmp_path, QUICK, heard
    )
    assert {name: sum(units) + 1 for name, units in parts.items()} == {f"c{n}.bin": len(DATA) - n for n in range(3)}
    assert all(units[-1] == -1 for units in parts.values())
    assert heard.bytes == 3 * len(DATA) - 3


def test_a_file_that_was_put_there_is_taken_if_it_has_the_published_checksum(server: Server, tmp_path: Path) -> None:
    one = component("c", url=server.put("/c", Resource(DATA)), md5=hashlib.md5(DATA).hexdigest())
    (tmp_path / "c.bin").write_bytes(DATA)
    run.download([one], tmp_path, QUICK)
    assert not server.requests


def test_a_file_that_fails_is_named_and_the_others_come(server: Server, tmp_path: Path) -> None:
    good, bad = component("good", url=server.put("/good", Resource(DATA))), component("bad", url=server.url + "/bad")
    with pytest.raises(TasksFailed, match=r"1 of 2 files failed: .*/bad cannot be fetched: the server says 404"):
        run.download([bad, good], tmp_path, QUICK)
    assert (tmp_path / "good.bin").read_bytes() == DATA


def test_a_disk_that_is_too_small_is_named_before_the_first_byte(server: Server, tmp_path: Path) -> None:
    one = component("c", url=server.put("/c", Resource(DATA)), size=10**18)
    with pytest.raises(InputError, match=r"GB free, and 1000000000\.0 GB are to come"):
        run.download([one], tmp_path, QUICK)
    assert not server.requests


def test_terms_that_forbid_redistribution_are_shown_before_the_first_byte(server: Server, tmp_path: Path) -> None:
    one = component("c", url=server.put("/c", Resource(DATA)), redistribution=False, terms="Ask first.")
    asked: list[int] = []

    class Listening(Heard):
        def note(self, text: str) -> None:
            super().note(text)
            asked.append(len(server.requests))

    heard = Listening()
    run.download([one], tmp_path, QUICK, heard)
    assert heard.notes[0] == "c: CC0. It may NOT be redistributed. Ask first."
    assert asked[0] == 0


def test_a_line_that_was_cut_off_does_not_spoil_the_record(tmp_path: Path) -> None:
    path = tmp_path / "downloads.jsonl"
    path.write_text('{"component": "a", "fi')
    (tmp_path / "b").write_text("b")
    record.append([path], record.line("b", tmp_path, "b", "u", "s", ""))
    assert list(record.read(path)) == ["b"]


HUB_CODE = """
import sys, json
from pathlib import Path
from treeoflife.config import DownloadTable
from treeoflife.download import run
from treeoflife.download.components import Component
keys, root = json.loads(sys.argv[1]), Path(sys.argv[2])
quick = DownloadTable(segment_bytes=50_000, chunk_bytes=10_000, stall_seconds=0.5, tries=2, wait_seconds=0.01)
print(json.dumps(run.download([Component.model_validate(one) for one in keys], root, quick)))
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
def test_files_of_the_hub_come_with_its_token_from_its_endpoint(lfs: bool, server: Server, tmp_path: Path) -> None:
    """The commit is on record; the token does not go to the host that has the bytes, nor to disk."""
    publish(server, "who/what", {"a/b.bin": DATA, "c.bin": DATA[1:]}, token="hf_secret", lfs=lfs)
    done = on_hub(tmp_path, server.url, "a/b.bin", "c.bin", HF_TOKEN="hf_secret")
    assert done.returncode == 0, done.stderr
    lines = {line["file"]: line for line in json.loads(done.stdout)}
    assert (tmp_path / "raw/0.bin").read_bytes() == DATA
    assert lines["0.bin"]["revision"] == COMMIT
    assert lines["0.bin"]["url"] == f"{server.url}/datasets/who/what/resolve/{COMMIT}/a/b.bin"
    assert all("authorization" not in one.headers for one in server.requests)
    assert not any(b"hf_secret" in path.read_bytes() for path in (tmp_path / "raw").rglob("*") if path.is_file())


def test_a_file_that_wants_an_account_or_is_not_there_is_named(server: Server, tmp_path: Path) -> None:
    publish(server, "who/what", {"a.bin": DATA}, token="hf_secret")
    done = on_hub(tmp_path, server.url, "a.bin", HF_TOKEN="")
    assert "hf auth login" in done.stderr
    publish(server, "who/what", {"a.bin": DATA})
    done = on_hub(tmp_path, server.url, "b.bin")
    assert "b.bin of who/what (revision main) is not to be had" in done.stderr


def test_bytes_that_are_not_the_hubs_are_refused(server: Server, tmp_path: Path) -> None:
    publish(server, "who/what", {"a.bin": DATA})
    server.put(f"/cdn/{hashlib.sha256(DATA).hexdigest()}", Resource(DATA[::-1]))
    done = on_hub(tmp_path, server.url, "a.bin")
    assert f"published is {hashlib.sha256(DATA).hexdigest()}" in done.stderr
    assert not (tmp_path / "raw/0.bin").exists()


def test_what_the_hubs_cache_holds_is_not_fetched(server: Server, tmp_path: Path) -> None:
    """Also without a network."""
    publish(server, "who/what", {"a.bin": DATA})
    code = "from huggingface_hub import hf_hub_download as get; get('who/what', 'a.bin', repo_type='dataset')"
    env = {**os.environ, "HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "hf")}
    subprocess.run([sys.executable, "-c", code], env=env, check=True, capture_output=True)
    asked = len(server.requests)
    assert asked
    assert on_hub(tmp_path, server.url, "a.bin").returncode == 0
    (tmp_path / "raw/0.bin").unlink()
    done = on_hub(tmp_path, server.url, "a.bin", HF_HUB_OFFLINE="1")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "raw/0.bin").read_bytes() == DATA
    assert len(server.requests) == asked
