"""``init urls`` and ``init inaturalist``: the tables are read, counted and said, and a dataset.toml fits them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from helpers import cli, sentence
from treeoflife.config.config import load
from treeoflife.pipeline import init_names
from treeoflife.pipeline.discover_listed import discover_listed
from treeoflife.pipeline.listed_kinds import LISTED

sys.path.insert(0, str(Path(__file__).parents[1] / "sources"))
from listed_inputs import open_data, treeoflife_200m

ROWS = """photo_id,photo_url,scientificName,class,license,observation_id
1,https://A.example/1.jpg,Parus major,Aves,CC-BY,o1
2,https://a.example/2.jpg,Parus major,Aves,CC-BY,o1
3,https://b.example:8080/3.jpg,Apis mellifera,,CC0,o2
4,,Apis mellifera,Insecta,,o3
"""


def lines(text: str) -> list[str]:
    """Lines with single spaces."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_a_list_of_addresses_is_counted_and_configured(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(ROWS)
    done = cli("init", "urls", "--table", tmp_path / "list.csv", "--out", tmp_path / "set")
    assert done.returncode == 0, done.stderr
    said = lines(done.stdout + done.stderr)
    for line in (
        "found rows: 4",
        "found rows that cannot be used, and become rows of the ledger: 1, such as line 5: it has no address",
        "found hosts: 2: a.example 2, b.example:8080 1",
        "found rows with a name, by its parts: class 2, scientific_name 3",
        "found licences: CC-BY 2, CC0 1",
        "found observations: 2, of which 1 have several images, at most 2",
    ):
        assert line in said, said
    (source,) = load(tmp_path / "set/dataset.toml").sources.values()
    assert (source["kind"], source["columns"]) == ("urls", {"id": "photo_id"})
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["dataset.toml"]


def test_what_the_names_of_a_list_would_become_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "list.csv").write_text(ROWS + "5,https://b.example/5.jpg,Xus yus,,CC0,o4\n")
    monkeypatch.setattr(init_names, "MOST_LABELS", 2)
    found = discover_listed(LISTED["urls"], tmp_path / "list.csv", tmp_path / "set").found
    assert "labels: 2 different ones (the most frequent ones), which give class 1, genus, species" in found
    assert "names: 2 of these get all ranks down to genus or species; kingdoms from built_in 2" in found
    monkeypatch.undo()
    discovery = discover_listed(LISTED["urls"], tmp_path / "list.csv", tmp_path / "set")
    assert any("1 in no taxonomy that is used, such as 'Xus yus'" in line for line in discovery.found)
    assert any("treeoflife download taxonomy" in line for line in discovery.remarks)


def test_the_catalog_of_treeoflife_200m_is_recognised(tmp_path: Path) -> None:
    path = treeoflife_200m(tmp_path / "slice")
    (tmp_path / "metadata").mkdir()
    path.with_name("provenance.parquet").rename(tmp_path / "metadata/provenance.parquet")
    done = cli("init", "urls", "--table", path, "--out", tmp_path / "set")
    assert done.returncode == 0, done.stderr
    (source,) = load(tmp_path / "set/dataset.toml").sources.values()
    assert source["preset"] == "treeoflife-200m"
    assert source["provenance"] == str(tmp_path / "metadata/provenance.parquet")
    assert "found licences: cc-by-nc-4.0 4, https://cc.example 1" in lines(done.stdout + done.stderr)


def test_open_data_of_inaturalist_is_counted(tmp_path: Path) -> None:
    done = cli("init", "inaturalist", "--raw", open_data(tmp_path / "inat"), "--out", tmp_path / "set")
    assert done.returncode == 0, done.stderr
    said = lines(done.stdout + done.stderr)
    assert "found hosts: 1: inaturalist-open-data.s3.amazonaws.com 11" in said
    assert "found observations: 9, of which 1 have several images, at most 3" in said
    assert load(tmp_path / "set/dataset.toml").sources["inaturalist"]["size"] == "medium"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("urls",), "--table"),
        (("inaturalist",), "--raw"),
        (("folder",), "--raw"),
        (("urls", "--table", "nowhere.csv"), "there is no file or folder"),
        (("inaturalist", "--raw", "."), "name the folder that holds them"),
    ],
)
def test_what_is_missing_is_named_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], expected: str
) -> None:
    monkeypatch.chdir(tmp_path)
    sentence(cli("init", *words, "--out", tmp_path / "set"), expected)
    assert not (tmp_path / "set").exists()
