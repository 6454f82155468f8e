"""Withdrawn images go from everything in a dataset, no other image moves, and no later build brings them back."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from helpers import built, cli, configured, digests, samples, sentence, shards
from treeoflife.testing.world import World

from .traces import Withdrawn, traces, withdrawn_images

SHARDS_OF_TEN = 10


@pytest.fixture(scope="module")
def before(drawn_world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of small shards before anything was withdrawn; a folder to look at."""
    out = tmp_path_factory.mktemp("before")
    built(configured(out, "published", drawn_world.root, max_samples=SHARDS_OF_TEN))
    return out


@pytest.fixture(scope="module")
def chosen(before: Path) -> list[Withdrawn]:
    """A sample of train, one of val, and one of train_small, each of its own source where that can be."""
    return withdrawn_images(before, per_split=1)


@pytest.fixture(scope="module")
def after(before: Path, chosen: list[Withdrawn], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same dataset after these were withdrawn."""
    out = tmp_path_factory.mktemp("after") / "out"
    shutil.copytree(before, out)
    table = out.parent / "ids.csv"
    table.write_text("Treeoflife ID,remark\n" + "".join(f"{one.id.upper()},x\n" for one in chosen))
    done = cli("withdraw", table, "--config", out, "--why", "the owner, asked")
    assert done.returncode == 0, done.stderr
    assert f"{len(chosen)} images withdrawn" in done.stdout
    return out


def test_nothing_of_them_is_left(after: Path, chosen: list[Withdrawn]) -> None:
    """No byte of the picture, neither as it was found nor as it was encoded, and no name but in table and ledger."""
    assert traces(after, chosen) == []


def test_only_the_shards_that_held_them_change(before: Path, after: Path, chosen: list[Withdrawn]) -> None:
    """All other samples are where they were, with the bytes that they had."""
    held = {path.relative_to(before) for path in shards(before) if {*samples([path])} & {one.id for one in chosen}}
    changed = {
        path.relative_to(before)
        for path in shards(before)
        if path.read_bytes() != (after / path.relative_to(before)).read_bytes()
    }
    assert changed == held
    for path in held:
        left = samples([before / path])
        assert samples([after / path]) == {key: left[key] for key in left if key not in {one.id for one in chosen}}
    for split in ("train", "val"):
        sizes = json.loads((after / "224x224" / split / "sizes.json").read_text())
        assert sizes == {path.name: len(samples([path])) for path in shards(after, split)}


def test_the_dataset_verifies(after: Path) -> None:
    """Every sample is followed to its source, and nothing is to do."""
    done = cli("verify", after)
    assert done.returncode == 0, done.stdout + done.stderr
    status = json.loads(cli("status", "--config", after, "--json").stdout)
    assert all(state["fresh"] for state in status.values()), status


def test_the_ledger_says_why(after: Path, chosen: list[Withdrawn]) -> None:
    ledger = pl.read_parquet(after / "ledger/ledger.parquet").filter(reason="withdrawn")
    assert set(ledger["treeoflife_id"]) == {one.id for one in chosen}
    assert all(detail.endswith("the owner, asked") for detail in ledger["detail"])


def test_a_build_of_raw_data_gives_the_same(
    after: Path, drawn_world: World, chosen: list[Withdrawn], tmp_path: Path
) -> None:
    """With the table of withdrawn images alone, everything else deleted."""
    out = tmp_path / "again"
    configured(out, "published", drawn_world.root, max_samples=SHARDS_OF_TEN)
    shutil.copy(after / "withdrawn.csv", out / "withdrawn.csv")
    built(out / "dataset.toml")
    assert traces(out, chosen) == []
    assert digests(out) == digests(after)


def test_a_run_that_was_killed_is_finished_by_the_next_build(
    before: Path, after: Path, chosen: list[Withdrawn], tmp_path: Path
) -> None:
    """The table is written first; with it alone, a build does all the rest."""
    out = tmp_path / "out"
    shutil.copytree(before, out)
    shutil.copy(after / "withdrawn.csv", out / "withdrawn.csv")
    built(out / "dataset.toml")
    assert traces(out, chosen) == []
    assert digests(out) == digests(after)


def test_an_image_that_is_not_withdrawn_any_more_comes_back(before: Path, after: Path, tmp_path: Path) -> None:
    """People may edit the table; without it, the dataset is the former one."""
    out = tmp_path / "out"
    shutil.copytree(after, out)
    (out / "withdrawn.csv").unlink()
    built(out / "dataset.toml")
    assert digests(out) == digests(before)


def test_what_names_no_image_is_said(after: Path, chosen: list[Withdrawn], tmp_path: Path) -> None:
    """What is not known, and what was withdrawn before; and nothing is changed by looking."""
    before = digests(after)
    done = cli("withdraw", "--config", after, "--id", "no-such-image", "--id", chosen[0].id, "--dry-run")
    assert done.returncode == 0
    assert "0 images would be withdrawn" in done.stdout
    assert "1 were withdrawn already" in done.stdout
    assert "no-such-image" in done.stdout
    sentence(cli("withdraw", "--config", after, "--id", "no-such-image"), "none of these is an image")
    sentence(cli("withdraw", "--config", after), "nothing says which images")
    wrong = tmp_path / "wrong.csv"
    wrong.write_text("colour,shape\nred,round\n")
    sentence(cli("withdraw", wrong, "--config", after), "colour, shape", "treeoflife_id")
    assert digests(after) == before


def test_a_table_that_is_malformed_stops_every_build(after: Path, tmp_path: Path) -> None:
    """No withdrawn image is forgotten in silence."""
    out = tmp_path / "out"
    shutil.copytree(after, out)
    (out / "withdrawn.csv").write_text("treeoflife_id\n0b5c4c1e-8c2a-4f6e-9d1b-3a7e5f60718a\n")
    sentence(cli("build", "--config", out), "withdrawn.csv", "source")
