"""Readers of archives, tables, names and configurations, on damaged input: an answer, or a sentence."""

from __future__ import annotations

import io
import random
import shutil
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from helpers import configured, tar_of
from tally import Tally
from treeoflife.config.config import load
from treeoflife.core.files import sha256
from treeoflife.core.parquet_meta import read_meta
from treeoflife.core.tar_reader import TarError, read_members
from treeoflife.errors import ConfigError, TreeoflifeError
from treeoflife.pipeline.opening import inspecting
from treeoflife.pipeline.workspace import open_workspace
from treeoflife.shards.check import CheckTask, check_shard
from treeoflife.sources.eol import Eol, Settings, parse_name
from treeoflife.sources.file_names import safe_file_name
from treeoflife.sources.inat21 import parse_class
from treeoflife.taxonomy.parsing.simple import SimpleParser
from treeoflife.taxonomy.providers import authorities
from treeoflife.testing.world import draw_world, write_archive

from .mutate import mutated

long_form = pytest.mark.faults


@pytest.mark.parametrize("count", [3000, pytest.param(200_000, marks=long_form)])
def test_any_bytes_are_a_tar_or_an_error(tally: Tally, count: int) -> None:
    """Data that is yielded lies where the member says, within the bytes that were given."""
    chance = random.Random(count)
    whole = [tar_of([("k.jpg", b"x" * 900), ("é/" * 70, b"y")], form) for form in (0, 1, 2)]
    for _ in range(count):
        data = mutated(chance.choice(whole), chance.choice(whole), chance)
        with suppress(TarError):
            for one in read_members(io.BytesIO(data), 1 << 20):
                assert one.data is None or data[one.data_offset : one.data_offset + one.size] == one.data
        tally.trials += 1


@pytest.mark.parametrize("count", [200, pytest.param(20_000, marks=long_form)])
def test_any_shard_is_checked_to_its_end(drawn_build: Path, tmp_path: Path, tally: Tally, count: int) -> None:
    """check-wds finds what was changed, whatever was, and raises nothing."""
    chance, shard = random.Random(count), min(drawn_build.glob("224x224/*/*.tar"), key=lambda path: path.stat().st_size)
    index = drawn_build / "index" / shard.relative_to(drawn_build).with_suffix(".parquet")
    data, victim = shard.read_bytes(), tmp_path / shard.name
    assert read_meta(index)
    for _ in range(count):
        victim.write_bytes(mutated(data, data, chance))
        found = check_shard(CheckTask(victim, shard.parent.name, (224, 224), index), lambda _: None).findings
        assert found or sha256(victim) == sha256(shard)
        check_shard(CheckTask(victim, "train", (224, 224)), lambda _: None)
        tally.trials += 1


@given(st.text())
@example("00001_a_b\0c_d_e_f_g_h")
@example("9" * 400 + "_a")
@example("00001_" + "_" * 5000)
@settings(max_examples=300, deadline=None)
def test_any_folder_name_is_a_class_or_is_not(name: str) -> None:
    """And what a container is called for it is a file name."""
    if parsed := parse_class(name):
        assert parsed.number < 2**63
        assert len(parsed.taxon) == 7
    safe = safe_file_name(name or "x")
    assert "/" not in safe
    assert "\0" not in safe
    assert len(safe) < 250
    assert not safe.startswith(".")


@given(st.text())
@example("1_2_eol.jpg")
@example("9" * 19 + "_1_eol.jpg")
@settings(max_examples=300, deadline=None)
def test_any_member_name_is_a_key_or_is_not(name: str) -> None:
    """Numbers fit SQLite's; ids are UUIDs as they are written."""
    key, found = parse_name(name)
    assert key is None or all(isinstance(part, int) and 0 <= part < 2**63 for part in key)
    assert found is None or len(found) == 36


@pytest.mark.parametrize("count", [300, pytest.param(20_000, marks=long_form)])
def test_any_configuration_is_right_or_named_wrong(drawn_build: Path, tmp_path: Path, tally: Tally, count: int) -> None:
    """A ConfigError, never another exception."""
    chance, data = random.Random(count), (drawn_build / "dataset.toml").read_bytes()
    path = tmp_path / "dataset.toml"
    for _ in range(count):
        path.write_bytes(mutated(data, data, chance))
        with suppress(ConfigError):
            load(path)
            open_workspace(path)
        tally.trials += 1


@pytest.mark.parametrize("count", [40, pytest.param(2000, marks=long_form)])
def test_any_archive_of_a_provider_is_read_or_named(tmp_path: Path, tally: Tally, count: int) -> None:
    """EOL's archives: images and skips, or an error that names the archive."""
    chance, path = random.Random(count), tmp_path / "image_set_01.tar.gz"
    write_archive(path, [(f"{n}_{n + 1}_eol-full-size-copy.jpg", chance.randbytes(900)) for n in range(1, 12)])
    whole = path.read_bytes()
    source = Eol("eol", Settings(path=tmp_path))
    for _ in range(count):
        path.write_bytes(mutated(whole, whole, chance))
        with suppress(TreeoflifeError):
            for one in source.read(source.containers()[0], 1 << 20):
                assert one.skip is None or not one.data
                assert one.skip or one.key
        tally.trials += 1


@pytest.mark.parametrize("count", [40, pytest.param(3000, marks=long_form)])
def test_any_table_of_a_provider_is_read_or_named(tmp_path: Path, tally: Tally, count: int) -> None:
    """EOL's and ITIS's tables, and the others that names come from: records, or an InputError."""
    chance = random.Random(count)
    config = open_workspace(
        configured(tmp_path / "out", "original", draw_world(tmp_path / "world", 30, natural=True).root)
    )
    tables = [path for path in sorted((tmp_path / "world/metadata").rglob("*")) if path.is_file()]
    for _ in range(count):
        victim = chance.choice(tables)
        whole = victim.read_bytes()
        victim.write_bytes(mutated(whole, chance.choice(tables).read_bytes(), chance))
        with suppress(TreeoflifeError):
            authorities.load(config.config.names, SimpleParser())
        victim.write_bytes(whole)
        tally.trials += 1


@pytest.mark.parametrize("count", [6, pytest.param(300, marks=long_form)])
def test_names_are_made_of_any_table(tmp_path: Path, tally: Tally, count: int) -> None:
    """The whole stage, to the lookups: it ends, or says which table it cannot read."""
    chance = random.Random(count)
    config = configured(tmp_path / "out", "original", draw_world(tmp_path / "world", 30, natural=True).root)
    tables = [path for path in sorted((tmp_path / "world/metadata").rglob("*")) if path.is_file()]
    with inspecting(open_workspace(config)) as session:
        session.make("mapping")
        session.make("provenance")
        session.make("splits")
        for _ in range(count):
            victim = chance.choice(tables)
            shutil.copy(victim, tmp_path / "whole")
            victim.write_bytes(mutated(victim.read_bytes(), victim.read_bytes(), chance))
            with suppress(TreeoflifeError):
                session.remake("metadata", ["metadata"])
            shutil.copy(tmp_path / "whole", victim)
            tally.trials += 1
