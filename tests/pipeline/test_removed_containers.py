"""What no source has any more goes from the store and from the names, and is counted nowhere."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from helpers import built, cli, configured, digests
from treeoflife.testing.world import World, draw_picture, encode_image


@pytest.fixture
def world(drawn_world: World, tmp_path: Path) -> Path:
    """A copy of the drawn world, of which something is removed."""
    return Path(shutil.copytree(drawn_world.root, tmp_path / "world"))


def _archive(world: Path, config: Path) -> str:
    (world / "dataset/eol/image_set_02.tar.gz").unlink()
    return "eol/image_set_02"


def _class(world: Path, config: Path) -> str:
    folder = min(path for path in (world / "dataset/inat21/train").iterdir() if path.is_dir())
    shutil.rmtree(folder)
    return f"inat21/{folder.name}"


def _source(world: Path, config: Path) -> str:
    text = config.read_text()
    before, table = text.split("[sources.bioscan]")
    config.write_text(before + table[table.index("\n[") + 1 :])
    return "bioscan/"


@pytest.mark.parametrize("remove", [_archive, _class, _source])
def test_a_container_that_was_removed_goes_from_the_store(
    world: Path, tmp_path: Path, remove: Callable[[Path, Path], str]
) -> None:
    """It is named; what else lies there stays; and the dataset is that of a build that never had it."""
    config = configured(tmp_path / "out", "published", world)
    built(config)
    store = config.parent / "encoded" / "224x224-q100"
    theirs = [store / "eol" / "notes.txt", store / "eol" / "notes.parquet", store / "eol" / "notes.tar"]
    for path in theirs:
        path.write_text("mine")
    label = remove(world, config)
    assert list(store.glob(f"{label}*"))
    done = built(config)
    assert f"such as {label}" in done.stderr
    assert not list(store.glob(f"{label}*.*"))
    for path in theirs:
        assert path.read_text() == "mine"
        path.unlink()
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(config, other)
    again = built(other / "dataset.toml")
    assert done.stdout.replace(str(config.parent), "") == again.stdout.replace(str(other), "")
    assert digests(config.parent) == digests(other)
    status = json.loads(cli("status", "--config", config, "--json").stdout)
    assert all(one["fresh"] for one in status.values())


@pytest.fixture
def renamed(tmp_path: Path) -> Path:
    """The configuration of a dataset of two photographs, whose source has got another name since it was built."""
    photos = tmp_path / "photos"
    photos.mkdir()
    rows = "".join(f"{name}.jpg,Quercus {name}\n" for name in ("robur", "rubra"))
    for number, name in enumerate(("robur", "rubra")):
        (photos / f"{name}.jpg").write_bytes(encode_image(draw_picture(random.Random(number))))
    (photos / "names.csv").write_text(f"file,scientific_name\n{rows}")
    config = configured(tmp_path / "out", "folder", photos)
    built(config)
    assert (config.parent / FORMER).exists()
    config.write_text(config.read_text().replace("[sources.photos]", "[sources.birds]"))
    return config


FORMER = "metadata/naming/photos_name_lookup.json"


def test_the_lookup_of_a_renamed_source_goes(renamed: Path) -> None:
    """It is no file of the dataset any more, and would be published; files of others beside it stay."""
    lookups = (renamed.parent / FORMER).parent
    (lookups / "notes_name_lookup.json").write_text("{}")
    assert f"{FORMER} is removed" in built(renamed).stderr
    assert {path.name for path in lookups.iterdir()} == {"birds_name_lookup.json", "notes_name_lookup.json"}
    assert "photos" not in (renamed.parent / "SHA256SUMS").read_text()


def test_the_lookup_of_a_renamed_source_stays_where_somebody_changed_it(renamed: Path) -> None:
    lookup = renamed.parent / FORMER
    lookup.write_text('{"mine": 1}')
    assert "has been changed since" in built(renamed).stderr
    assert lookup.read_text() == '{"mine": 1}'


def test_lookups_that_names_are_taken_from_stay(renamed: Path) -> None:
    """Also where they are those that were written: with them as its input, the dataset makes none."""
    text = renamed.read_text().replace("[sources.birds]", "[sources.photos]")
    renamed.write_text(text.replace("[names]", '[names]\nlookups = "metadata/naming"'))
    before = (renamed.parent / FORMER).read_bytes()
    built(renamed)
    assert (renamed.parent / FORMER).read_bytes() == before
