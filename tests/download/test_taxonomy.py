"""``treeoflife download taxonomy``: one taxonomy for all datasets of a user, and init finds it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from treeoflife.config.download import DownloadTable
from treeoflife.core.progress import SilentListener
from treeoflife.download.components import load_components
from treeoflife.download.kept_taxonomies import KeptTaxonomy, find_taxonomy, kept_taxonomies
from treeoflife.download.taxonomy import download_taxonomy
from treeoflife.errors import ConfigError, TreeoflifeError
from treeoflife.pipeline.discover import discover

from .server import Resource, Server

USAGES = (
    "col:ID\tcol:parentID\tcol:status\tcol:scientificName\tcol:authorship\tcol:rank\n"
    "1\t\taccepted\tAnimalia\t\tkingdom\n2\t1\taccepted\tPanthera\tOken, 1816\tgenus\n"
    "3\t2\taccepted\tPanthera leo\t(Linnaeus, 1758)\tspecies\n"
)
RELEASE = "2030-01-01_xr_coldp.zip"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a user's data."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data/treeoflife/taxonomy"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere" / RELEASE
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as writer:
        writer.writestr("NameUsage.tsv", USAGES)
        writer.writestr("VernacularName.tsv", "col:taxonID\tcol:name\tcol:language\n3\tLion\teng\n")
        writer.writestr("filler.bin", os.urandom(300_000))
    return path


def command(folder: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "treeoflife", *map(str, words)]
    return subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)


def configured(folder: Path, url: str, size: int) -> None:
    (folder / "dataset.toml").write_text(
        f'[sources]\n[download]\nwait_seconds = 0.01\n[download.components.taxonomy]\nurl = "{url}"\nbytes = {size}\n'
        f'to = "col/{RELEASE}"\n'
    )


def test_it_is_fetched_once_and_init_names_it(server: Server, archive: Path, home: Path, tmp_path: Path) -> None:
    data = archive.read_bytes()
    url = server.put(f"/{RELEASE}", Resource(data, faults=["drop:100000"]))
    configured(tmp_path, url, len(data))
    assert find_taxonomy() is None
    done = command(tmp_path, "download", "taxonomy")
    assert done.returncode == 0, done.stderr
    assert (home / "col" / RELEASE).read_bytes() == data
    (kept,) = kept_taxonomies()
    assert (kept.name, kept.path, kept.size, kept.url) == ("col", home / "col" / RELEASE, len(data), url)
    requests = len(server.requests)
    component = load_components()["taxonomy"].model_copy(
        update={"url": url, "bytes": len(data), "to": f"col/{RELEASE}"}
    )
    assert download_taxonomy(component, "", "", DownloadTable(), SilentListener()) == kept
    assert len(server.requests) == requests
    (listed,) = json.loads(command(tmp_path, "download", "taxonomy", "--list", "--json").stdout)["taxonomies"]
    assert (listed["path"], listed["size"]) == (str(kept.path), len(data))
    (tmp_path / "photos/Panthera_leo").mkdir(parents=True)
    Image.new("RGB", (40, 40), "red").save(tmp_path / "photos/Panthera_leo/1.jpg")
    found = discover("folder", tmp_path / "photos")
    assert found.config.names.checklists == {"col": kept.path}
    assert f'checklists = {{ col = "{kept.path}" }}' in found.text or f'col = "{kept.path}"' in found.text


def fetch(origin: str | Path, name: str = "") -> KeptTaxonomy:
    settings = DownloadTable(wait_seconds=0.01, tries=2)
    return download_taxonomy(load_components()["taxonomy"], str(origin), name, settings, SilentListener())


def test_a_file_that_is_no_taxonomy_is_not_kept(server: Server, home: Path, tmp_path: Path) -> None:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w") as writer:
        writer.writestr("a.jpg", "x")
    cut = path.with_name("cut.zip")
    cut.write_bytes(path.read_bytes()[:-5])
    url = server.put("/photos.zip", Resource(path.read_bytes()))
    page = server.put("/page.zip", Resource(b"<html><body>Not here</body></html>", kind="text/html"))
    for origin, expected in (
        (url, "is no checklist: it holds 'a.jpg'"), (path, "is no checklist: it holds 'a.jpg'"),
        (cut, "cut off"), (page, "cannot be fetched"),
    ):  # fmt: skip
        with pytest.raises(TreeoflifeError, match=expected):
            fetch(origin)
    assert not kept_taxonomies()
    assert not list(home.rglob("*.zip"))


def test_another_taxonomy_from_an_address_or_a_path(server: Server, archive: Path, home: Path) -> None:
    """Another release of the same keeps its name; the newest is found."""
    assert fetch(archive).path == home / "col" / RELEASE
    address = server.put("/lists/WoRMS%20DwC-A.zip?format=dwca", Resource(archive.read_bytes()))
    assert fetch(address).name == "worms-dwc-a"
    assert {one.name for one in kept_taxonomies()} == {"col", "worms-dwc-a"}
    assert fetch(archive, "mine").path == home / "mine" / RELEASE
    found = find_taxonomy()
    assert found
    assert found.time == max(one.time for one in kept_taxonomies())
    (home / "mine" / RELEASE).unlink()
    (home / "worms-dwc-a/WoRMS DwC-A.zip").write_bytes(b"PK")
    assert [one.name for one in kept_taxonomies()] == ["col"]


def test_what_cannot_be_named_or_is_not_there_is_wrong_usage(archive: Path, tmp_path: Path) -> None:
    for origin, name, expected in (
        (archive, "My List", "cannot be the name of a taxonomy"),
        (tmp_path / "nothing.zip", "", "is no file"),
        (archive.parent, "", r"is a folder; name a folder in \[names\] checklists"),
        ("https://example.org/", "", "does not end with the name of a file"),
    ):
        with pytest.raises(ConfigError, match=expected):
            fetch(origin, name)
    done = command(tmp_path, "download", "inat21", "taxonomy")
    assert done.returncode == 2
    assert "fetch it alone, with 'treeoflife download taxonomy'" in done.stderr
