"""A mapping in either format is read alike; a published one is copied, and a dataset may be given either."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from mapped import database, ids_of, mapping_of

from helpers import built, cli, configured, digests, sentence
from treeoflife.core.values import NAME_COLUMNS
from treeoflife.errors import InputError
from treeoflife.mapping import published, sqlite
from treeoflife.mapping.images import open_images
from treeoflife.sources.base import Source
from treeoflife.sources.columns import catalog_columns
from treeoflife.sources.registry import load_source
from treeoflife.testing.world import draw_world

FILES = ("mapping.sqlite", "mapping.parquet", "catalog.csv", "catalog.parquet")


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


def made(folder: Path, tables: list[tuple[Source, pl.DataFrame]], name: str) -> Path:
    """A mapping with splits, of the format that the file's name says."""
    path, mapping, sources = folder / name, folder / "mapping.parquet", [source for source, _ in tables]
    mapping_of(mapping, tables)
    if name == "mapping.sqlite":
        with database(folder) as opened:
            open_images(opened, mapping, sources)
            sqlite.export(opened, path, sources)
    elif name.startswith("catalog"):
        rows = catalog_of(pl.read_parquet(mapping), sources)
        rows.write_csv(path) if path.suffix == ".csv" else rows.write_parquet(path)
    return path


def catalog_of(mapping: pl.DataFrame, sources: list[Source]) -> pl.DataFrame:
    """A row per image and split, those of train_small after all others; the columns of these sources alone."""
    split = pl.when("is_val").then(pl.lit("val")).otherwise(pl.lit("train"))
    small = mapping.filter("is_train_small").with_columns(split=pl.lit("train_small"))
    rows = pl.concat([mapping.with_columns(split=split), small])
    names = [pl.lit("x").alias(name) for name in NAME_COLUMNS]
    rows = rows.with_columns(names)
    return rows.select(name for name in catalog_columns(sources) if name in rows.columns)


def loaded(folder: Path, path: Path, sources: list[Source]) -> pl.DataFrame:
    """The images in a published mapping."""
    with database(folder) as opened:
        published.load_images(opened, path, sources)
        return opened.frame("FROM published ORDER BY source, treeoflife_id")


@pytest.mark.parametrize("name", FILES)
def test_a_published_mapping_is_copied_as_it_is(
    tmp_path: Path, tables: list[tuple[Source, pl.DataFrame]], name: str
) -> None:
    """Images, ids and splits, whatever its format."""
    path, copy, sources = made(tmp_path, tables, name), tmp_path / "copy.parquet", [one for one, _ in tables]
    published.check(path, sources)
    with database(tmp_path) as opened:
        assert published.copy_mapping(opened, path, sources, copy) == 900
    assert pl.read_parquet(copy).equals(pl.read_parquet(tmp_path / "mapping.parquet"))
    ids = pl.concat(published.id_batches(path))
    assert set(ids) == set(pl.read_parquet(copy)["treeoflife_id"])


def test_images_without_a_split_have_none_in_the_copy(
    tmp_path: Path, tables: list[tuple[Source, pl.DataFrame]]
) -> None:
    """The plan says so of each."""
    path, sources = made(tmp_path, tables, "mapping.sqlite"), [one for one, _ in tables]
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("DELETE FROM split WHERE evobio10m_id IN (SELECT evobio10m_id FROM eol LIMIT 7)")
    with database(tmp_path) as opened:
        published.copy_mapping(opened, path, sources, tmp_path / "copy.parquet")
    assert pl.read_parquet(tmp_path / "copy.parquet")["is_val"].null_count() == 7


def test_an_id_of_two_images_is_an_error(tmp_path: Path, tables: list[tuple[Source, pl.DataFrame]]) -> None:
    """A mapping that gives it to images of two sources; each table by itself cannot."""
    path, sources = made(tmp_path, tables, "mapping.sqlite"), [one for one, _ in tables]
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE inat21 SET evobio10m_id = (SELECT min(evobio10m_id) FROM eol) WHERE cls_num = 7")
    with database(tmp_path) as opened, pytest.raises(InputError, match="to two images"):
        published.copy_mapping(opened, path, sources, tmp_path / "copy.parquet")
    assert not (tmp_path / "copy.parquet").exists()


@pytest.mark.parametrize("name", FILES)
def test_a_source_that_the_mapping_lacks_has_no_images(
    tmp_path: Path, tables: list[tuple[Source, pl.DataFrame]], name: str
) -> None:
    """And :func:`check` names it."""
    path, absent = made(tmp_path, tables[:1], name), tables[1][0]
    assert loaded(tmp_path, path, [tables[0][0], absent])["source"].unique().to_list() == ["eol"]
    with pytest.raises(InputError, match="inat21"):
        published.check(path, [absent])


def test_a_mapping_without_splits_and_files_that_are_none_are_told(
    tmp_path: Path, tables: list[tuple[Source, pl.DataFrame]]
) -> None:
    path, sources = tmp_path / "mapping.parquet", [source for source, _ in tables]
    with pytest.raises(InputError, match="no mapping at"):
        published.check(path, sources)
    ids_of(path, tables)
    with pytest.raises(InputError, match="is_val"):
        published.check(path, sources)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match="cannot be read as a mapping"):
        loaded(tmp_path, path, sources)
    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.raises(InputError, match="it needs the columns"):
        list(published.id_batches(path))


def test_a_dataset_changes_its_mapping_from_one_format_to_the_other_and_packs_nothing(tmp_path: Path) -> None:
    """The shards and the catalog are the same, and so is the mapping in Parquet."""
    draw_world(tmp_path / "raw", 40, natural=True)
    config = configured(tmp_path / "out", "original", tmp_path / "raw")
    built(config)
    first = {name: one for name, one in digests(tmp_path / "out").items() if "224x224" in name and "plan" not in name}
    mappings = {name: one for name, one in digests(tmp_path / "out").items() if name.startswith("metadata/mapping")}
    assert len(mappings) == 2
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
    third = digests(tmp_path / "out")
    assert {name: one for name, one in third.items() if name.startswith("metadata/mapping")} == mappings


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
    text, count = re.subn(r'(?m)^#? ?format = "(sqlite|parquet)"', f'format = "{form}"', config.read_text())
    assert count == 1
    config.write_text(text)


def test_a_dataset_does_not_take_its_own_mapping_for_a_published_one(tmp_path: Path) -> None:
    """It would be copied over itself."""
    draw_world(tmp_path / "raw", 40, natural=True)
    config = configured(tmp_path / "out", "original", tmp_path / "raw")
    built(config)
    own, text = tmp_path / "out/metadata/mapping.parquet", config.read_text()
    config.write_text(re.sub(r"(?m)^\[mapping\]$", f'[mapping]\npublished = "{own}"', text, count=1))
    sentence(cli("build", "--config", config), str(own))
