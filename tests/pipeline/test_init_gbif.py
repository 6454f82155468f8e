"""``init gbif``: a download is read, counted and said, and a dataset.toml fits it."""

from __future__ import annotations

from pathlib import Path

import pytest

from gbif_archives import SIMPLE_COLUMNS, bird, trapped_download, write_download, write_files
from helpers import cli, sentence
from treeoflife.config.config import load


@pytest.mark.parametrize("name", ["0001234-DWCA.zip", "0001234-DWCA"])
def test_a_download_is_counted_and_configured(tmp_path: Path, name: str) -> None:
    path = write_download(tmp_path / name, *trapped_download())
    done = cli("init", "gbif", "--raw", path, "--out", tmp_path / "birds")
    assert done.returncode == 0, done.stderr
    said = [" ".join(line.split()) for line in (done.stdout + done.stderr).splitlines()]
    for line in (
        "found rows: 16",
        "found hosts: 1: example.org 14",
        "found licences: CC_BY_4_0 12, CC_BY_NC_4_0 1, http://creativecommons.org/licenses/by-nc/4.0/ 1",
        "found observations: 9, of which 4 have several images, at most 3",
        "note media that are no images: MovingImage 1, Sound 1, application/pdf 1",
        "note images that are left out, whose occurrence is an absence (occurrenceStatus ABSENT): 1",
    ):
        assert line in said, said
    (source,) = load(tmp_path / "birds/dataset.toml").sources.values()
    assert (source["kind"], source["path"]) == ("gbif", str(path))
    assert [one.name for one in (tmp_path / "birds").iterdir()] == ["dataset.toml"]


def test_what_cannot_be_read_is_a_sentence_and_leaves_nothing(tmp_path: Path) -> None:
    simple = "\t".join(SIMPLE_COLUMNS) + "\n" + "\t".join(bird(1).get(one, "") for one in SIMPLE_COLUMNS) + "\n"
    wrong = write_files(tmp_path / "0001234.zip", {"0001234.csv": simple.encode()})
    for path, message in ((wrong, "'simple' download of GBIF"), (tmp_path / "gone.zip", "there is no file or folder")):
        done = cli("init", "gbif", "--raw", path, "--out", tmp_path / "birds")
        sentence(done, message)
        assert not (tmp_path / "birds").exists()
