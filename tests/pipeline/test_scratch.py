"""The scratch folder of the tables: where it is, what is said when it is full, and that it changes no byte."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers import built, cli, configured, digests, sentence, small_disk
from treeoflife.testing.world import draw_world


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk that the tables of a tiny dataset fill."""
    with small_disk(tmp_path / "disk", "8k") as folder:
        yield folder


def scratch(config: Path, folder: Path) -> Path:
    """The configuration with another folder for tables that do not fit into memory."""
    lines = config.read_text().splitlines()
    own = [line for line in lines if not line.lstrip("# ").startswith("scratch =")]
    own.insert(own.index("[engine]") + 1, f'scratch = "{folder}"')
    config.write_text("\n".join(own) + "\n")
    return config


@pytest.mark.parametrize("kind", ["original", "published"])
def test_a_full_scratch_disk_is_a_sentence_and_the_next_run_makes_the_same_bytes(
    tmp_path: Path, tiny_disk: Path, kind: str
) -> None:
    draw_world(tmp_path / "raw", 60, natural=kind == "original")
    whole = configured(tmp_path / "whole", kind, tmp_path / "raw")
    built(whole)
    config = configured(tmp_path / "out", kind, tmp_path / "raw")
    text = config.read_text()
    failed = cli("build", "--config", scratch(config, tiny_disk))
    sentence(failed, str(tiny_disk), "disk is full")
    assert not list(tiny_disk.iterdir())
    config.write_text(text)
    built(config)
    assert digests(tmp_path / "out") == digests(tmp_path / "whole")


def test_another_scratch_folder_changes_no_byte_and_is_left_as_it_was(tmp_path: Path) -> None:
    draw_world(tmp_path / "raw", 60)
    whole = configured(tmp_path / "whole", "published", tmp_path / "raw")
    built(whole)
    folder = tmp_path / "fast"
    folder.mkdir()
    (folder / "mine.txt").write_text("mine")
    config = configured(tmp_path / "out", "published", tmp_path / "raw")
    built(scratch(config, folder))
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]
    assert not (tmp_path / "out/.scratch").exists()
    ours, theirs = digests(tmp_path / "out"), digests(tmp_path / "whole")
    assert {name: one for name, one in ours.items() if name != "dataset.toml"} == {
        name: one for name, one in theirs.items() if name != "dataset.toml"
    }
