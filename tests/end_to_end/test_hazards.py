"""Awkward files become images, broken ones ledger rows, and every image is accounted for."""

from __future__ import annotations

import io
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from helpers import built, configured, samples, shards
from treeoflife.testing.world import World

SEED = "7"


@pytest.fixture(scope="module")
def hazards(make_world: Callable[..., Path]) -> Path:
    """A world of real photographs, with awkward and broken files."""
    return make_world("--images", "200", "--seed", SEED, "--hazards")


@pytest.fixture(scope="module")
def hazards_build(hazards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("hazards")
    done = built(configured(out, "original", hazards / "raw", max_samples=50))
    assert "died" not in done.stderr
    return out


def test_awkward_files_become_images_and_broken_ones_ledger_rows(hazards: Path, hazards_build: Path) -> None:
    """Each planted file, by its label; a held-out one is out for that."""
    truth = json.loads((hazards / "truth.json").read_text())
    ids = _eol_ids(hazards_build / "metadata/mapping.sqlite")
    ours = samples(shards(hazards_build))
    ledger = {row["treeoflife_id"]: row for row in _ledger(hazards_build).iter_rows(named=True)}
    assert len(truth["hazards"]) == 18
    for hazard in truth["hazards"]:
        key = ids[hazard["file"]]
        if hazard["label"].startswith("bad-"):
            assert key not in ours, hazard
            assert ledger[key]["reason"] in REASONS[hazard["label"]], (hazard, ledger[key])
            assert ledger[key]["detail"]
        elif key in ledger:
            assert ledger[key]["reason"].startswith("held-out"), (hazard, ledger[key])
        else:
            with Image.open(io.BytesIO(ours[key]["jpg"])) as image:
                assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (224, 224)), hazard


REASONS = {
    "bad-truncated-10pct": {"truncated"},
    "bad-truncated-50pct": {"truncated"},
    "bad-zeroed-tail": {"truncated"},
    "bad-empty": {"empty"},
    "bad-text": {"not-an-image"},
    "bad-bomb": {"too-many-pixels"},
}


def test_images_of_real_photographs_are_samples_or_ledger_rows(hazards_build: Path) -> None:
    """Per source and split, none twice."""
    accounts(hazards_build, hazards_build / "metadata/mapping.sqlite")


def test_images_of_the_drawn_world_are_samples_or_ledger_rows(drawn_world: World, drawn_build: Path) -> None:
    """Per source and split, none twice; with a published mapping too."""
    accounts(drawn_build, drawn_world.root / "metadata/mapping.sqlite")


def test_broken_files_of_the_drawn_world_are_ledger_rows(drawn_world: World, drawn_build: Path) -> None:
    """Each with its archive, its name there and a reason."""
    ledger = _ledger(drawn_build).filter(pl.col("file").is_in(list(drawn_world.broken)))
    assert sorted(ledger["file"]) == sorted(drawn_world.broken)
    assert set(ledger["reason"]) == {"truncated", "empty", "not-an-image", "too-many-pixels"}
    assert ledger["container"].str.starts_with("image_set_").all()


def test_an_image_that_no_container_holds_is_a_ledger_row(drawn_world: World, tmp_path: Path) -> None:
    """And the build goes on."""
    world = _copy(drawn_world, tmp_path)
    gone = min((world / "dataset/bioscan/part1").glob("*.jpg"))
    gone.unlink()
    out = tmp_path / "out"
    built(configured(out, "published", world))
    missing = _ledger(out).filter(reason="missing")
    assert missing.height == 1
    with closing(sqlite3.connect(world / "metadata/mapping.sqlite")) as db:
        (key,) = db.execute("SELECT evobio10m_id FROM bioscan WHERE filename = ?", (gone.name,)).fetchone()
    assert missing["treeoflife_id"].to_list() == [key]
    accounts(out, world / "metadata/mapping.sqlite")


def test_a_file_that_the_mapping_lacks_is_a_ledger_row_without_id(drawn_world: World, tmp_path: Path) -> None:
    """Nothing that was read vanishes."""
    world = _copy(drawn_world, tmp_path)
    there = next((world / "dataset/bioscan/part1").glob("*.jpg"))
    (there.parent / "BIOUG99999-Z99.jpg").write_bytes(there.read_bytes())
    out = tmp_path / "out"
    built(configured(out, "published", world))
    strangers = _ledger(out).filter(reason="not-in-mapping")
    assert strangers.select("treeoflife_id", "container", "file").rows() == [(None, "part1", "BIOUG99999-Z99.jpg")]


def accounts(out: Path, mapping: Path) -> None:
    """Images in the mapping = samples + ledger rows, per source and split."""
    ledger = _ledger(out)
    assert ledger["treeoflife_id"].drop_nulls().is_unique().all()
    there = {split: samples(shards(out, split)).keys() for split in ("train", "val", "train_small")}
    left = set(ledger["treeoflife_id"].drop_nulls())
    with closing(sqlite3.connect(mapping)) as db:
        splits = {key: (val, small) for key, val, small in db.execute("SELECT * FROM split")}
        for source in ("eol", "inat21", "bioscan"):
            ids = {key for (key,) in db.execute(f"SELECT evobio10m_id FROM {source}")}
            wanted = {
                "val": {key for key in ids if splits[key][0]},
                "train": {key for key in ids if not splits[key][0]},
                "train_small": {key for key in ids if splits[key][1] and not splits[key][0]},
            }
            for split, members in wanted.items():
                assert not members & there[split] & left
                assert members == (members & there[split]) | (members & left), (source, split)
                assert (ids & there[split]) <= members


def _ledger(out: Path) -> pl.DataFrame:
    return pl.read_parquet(out / "ledger/ledger.parquet")


def _eol_ids(mapping: Path) -> dict[str, str]:
    with closing(sqlite3.connect(mapping)) as db:
        rows = db.execute("SELECT content_id, page_id, evobio10m_id FROM eol")
        return {f"{content}_{page}_eol-full-size-copy.jpg": key for content, page, key in rows}


def _copy(world: World, folder: Path) -> Path:
    import shutil

    return Path(shutil.copytree(world.root, folder / "world"))
