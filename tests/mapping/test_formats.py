"""A mapping says the same in either format, and a dataset may change from one to the other."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from helpers import built, cli, configured, digests, sentence
from treeoflife.config.tables import Splits
from treeoflife.errors import InputError
from treeoflife.mapping import splits, store
from treeoflife.mapping.build import build_mapping
from treeoflife.sources.base import Source
from treeoflife.sources.registry import load_source
from treeoflife.testing.world import draw_world

ENDINGS = ("sqlite", "parquet")


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    """Sources with numbers and texts in their keys."""
    return [load_source(name, {"path": "."}, tmp_path) for name in ("eol", "inat21", "bioscan")]


@pytest.fixture
def tables(sources: list[Source]) -> list[tuple[Source, pl.DataFrame]]:
    """Some images of each, in no order."""
    count = 300
    number = pl.Series([one * 7 % count for one in range(count)])
    text = "é'\"" + number.cast(pl.String)
    values = {int: number, str: text}
    return [(source, pl.DataFrame({name: values[kind] for name, kind in source.columns.items()})) for source in sources]


def made(path: Path, tables: list[tuple[Source, pl.DataFrame]], former: Path | None = None) -> Path:
    """A mapping with splits."""
    build_mapping(path, tables, former)
    splits.write(path, [source for source, _ in tables], Splits(), 17)
    return path


def test_both_formats_say_the_same(tmp_path: Path, tables: list[tuple[Source, pl.DataFrame]]) -> None:
    """Images in the same order, ids, splits, and counts."""
    old, new = (made(tmp_path / f"mapping.{ending}", tables) for ending in ENDINGS)
    for source, _ in tables:
        assert store.read_source(old, source).equals(store.read_source(new, source))
        assert store.read_ids(old, source).equals(store.read_ids(new, source))
        assert store.count_images(old, source) == store.count_images(new, source) == 300
    assert store.read_splits(old).sort("treeoflife_id").equals(store.read_splits(new).sort("treeoflife_id"))
    assert store.read_all_ids(old).sort().equals(store.read_all_ids(new).sort())
    store.check(new, [source for source, _ in tables])


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_second_run_writes_the_same_bytes(
    tmp_path: Path, tables: list[tuple[Source, pl.DataFrame]], ending: str
) -> None:
    """Whatever the order in which the images come."""
    path = made(tmp_path / f"mapping.{ending}", tables)
    before = path.read_bytes()
    made(path, [(source, frame.reverse()) for source, frame in tables])
    assert path.read_bytes() == before


@pytest.mark.parametrize(("old", "new"), [ENDINGS, ENDINGS[::-1]])
def test_images_that_are_gone_keep_their_ids_from_one_format_to_the_other(
    tmp_path: Path, tables: list[tuple[Source, pl.DataFrame]], old: str, new: str
) -> None:
    former = made(tmp_path / f"mapping.{old}", tables)
    path = made(tmp_path / f"mapping.{new}", [(source, frame.head(10)) for source, frame in tables], former)
    for source, _ in tables:
        assert store.read_source(path, source).equals(store.read_source(former, source))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_source_that_the_mapping_lacks_has_no_images(
    tmp_path: Path, tables: list[tuple[Source, pl.DataFrame]], ending: str
) -> None:
    """And :func:`check` names it."""
    path = made(tmp_path / f"mapping.{ending}", tables[:1])
    absent = tables[1][0]
    assert store.read_source(path, absent).is_empty()
    assert store.count_images(path, absent) == 0
    with pytest.raises(InputError, match="inat21"):
        store.check(path, [absent])


def test_a_mapping_without_splits_and_files_that_are_none_are_told(
    tmp_path: Path, tables: list[tuple[Source, pl.DataFrame]]
) -> None:
    path = tmp_path / "mapping.parquet"
    with pytest.raises(InputError, match="no mapping at"):
        store.check(path, [tables[0][0]])
    build_mapping(path, tables)
    with pytest.raises(InputError, match="is_val"):
        store.check(path, [source for source, _ in tables])
    assert store.read_splits(path).is_empty()
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="cannot be read as a mapping"):
        store.read_source(path, tables[0][0])
    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.raises(InputError, match="it needs the columns"):
        store.read_all_ids(path)


def test_splits_of_other_images_are_refused(tmp_path: Path, tables: list[tuple[Source, pl.DataFrame]]) -> None:
    """They come in the order of the mapping, or not at all."""
    path = made(tmp_path / "mapping.parquet", tables)
    before = path.read_bytes()
    right = store.read_splits(path)
    for wrong in (right.reverse(), right.head(5), pl.concat([right, right.head(5)])):
        with pytest.raises(InputError, match="other images"):
            store.write_splits(path, wrong)
    assert path.read_bytes() == before


def test_a_dataset_changes_its_mapping_from_one_format_to_the_other_and_packs_nothing(tmp_path: Path) -> None:
    """The shards and the catalog are the same, and there is one mapping at a time."""
    draw_world(tmp_path / "raw", 40, natural=True)
    config = configured(tmp_path / "out", "original", tmp_path / "raw")
    built(config)
    first = {name: one for name, one in digests(tmp_path / "out").items() if "224x224" in name and "plan" not in name}
    _form(config, "parquet")
    assert "mapping.sqlite is to be removed" in cli("status", "--config", config).stdout
    done = built(config)
    assert "pack:" not in done.stderr or re.search(r"pack: 0 of \d+ shards packed", done.stderr)
    second = digests(tmp_path / "out")
    assert first.items() <= second.items()
    assert "metadata/mapping.parquet" in (tmp_path / "out/SHA256SUMS").read_text()
    assert not (tmp_path / "out/metadata/mapping.sqlite").exists()
    assert cli("verify", tmp_path / "out").returncode == 0
    _form(config, "sqlite")
    built(config)
    assert not (tmp_path / "out/metadata/mapping.parquet").exists()


def test_a_parquet_mapping_can_be_published(tmp_path: Path) -> None:
    """Another dataset takes its ids and splits from it; a damaged one is named."""
    draw_world(tmp_path / "raw", 40, natural=True)
    config = configured(tmp_path / "out", "original", tmp_path / "raw")
    _form(config, "parquet")
    built(config)
    published = tmp_path / "published.parquet"
    published.write_bytes((tmp_path / "out/metadata/mapping.parquet").read_bytes())
    other = configured(tmp_path / "other", "original", tmp_path / "raw")
    text = other.read_text()
    other.write_text(re.sub(r"(?m)^\[mapping\]$", f'[mapping]\npublished = "{published}"', text, count=1))
    built(other)
    ours, theirs = ((tmp_path / one / "224x224/catalog.csv").read_bytes() for one in ("out", "other"))
    assert ours == theirs
    published.write_bytes(b"PAR1")
    sentence(cli("build", "--config", other), str(published))


def _form(config: Path, form: str) -> None:
    text, count = re.subn(r'(?m)^#? ?format = "\w+"', f'format = "{form}"', config.read_text())
    assert count == 1
    config.write_text(text)
