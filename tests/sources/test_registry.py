"""Sources and plug-ins that the mapping or the catalog cannot hold are refused when the configuration is read."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import treeoflife
from helpers import built, cli, sentence
from treeoflife.config.config import parse
from treeoflife.core.values import Key, joined
from treeoflife.errors import ConfigError
from treeoflife.evaluation.holdout_set import _INDEX_COLUMNS
from treeoflife.images.store import LOCATION_COLUMNS, SCHEMA
from treeoflife.mapping.ids import treeoflife_id
from treeoflife.mapping.published import id_batches
from treeoflife.sources.base import Source
from treeoflife.sources.columns import RESERVED_COLUMNS, catalog_columns
from treeoflife.sources.inat21 import INat21
from treeoflife.sources.registry import load_source, load_sources, source_class
from treeoflife.testing.world import draw_picture, encode_image

JPEG = encode_image(draw_picture(random.Random(6)))
PLUG_IN = '''
from pathlib import Path
from treeoflife.config.base import Model
from treeoflife.core.values import Label, RawImage
from treeoflife.sources.base import Container, Source

class Settings(Model):
    """Settings."""
    path: Path
    """Where."""

class Boxes(Source):
    Settings = Settings
    columns = {"box": str, "leaf": str}
    key = ("box", "leaf")
    listed_as = "{box}/{leaf}"
    name_key = "treeoflife_id"
    catalog = ("box", "leaf")

    def __init__(self, name, settings):
        self.name, self.path = name, settings.path

    def containers(self):
        return [Container(self.name, "all", self.path)]

    def files(self, container):
        return [self.path]

    def read(self, container, max_bytes):
        for number, key in enumerate(KEYS):
            yield RawImage(f"{number}.jpg", key, data=self.path.read_bytes())

    def names(self, container):
        for number, key in enumerate(KEYS):
            yield RawImage(f"{number}.jpg", key)

    def labels(self):
        yield from LABELS
'''


def plug_in(folder: Path, keys: str, labels: str = "()") -> dict[str, str]:
    """Install a plug-in of the kind ``boxes`` whose images have these natural keys; returns the environment for it."""
    (folder / "boxes.py").write_text(PLUG_IN.replace("KEYS", keys).replace("LABELS", labels))
    info = folder / "boxes-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: boxes\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[treeoflife.sources]\nboxes = boxes:Boxes\n")
    (folder / "one.jpg").write_bytes(JPEG)
    (folder / "out").mkdir()
    (folder / "out/dataset.toml").write_text("[sources.boxes]\npath = '../one.jpg'\n")
    return {"PYTHONPATH": f"{folder}:{Path(treeoflife.__file__).parents[1]}"}


@pytest.mark.parametrize(
    "name",
    ["split", "Split", "SPLIT", "meta", "sqlite_x", "sqlite_master", "Photos", "", "a-b", "a.b", 'a"b', "a'b", "a b",
     "é", "_a", "1a", "x" * 42, "a\nb"],
)  # fmt: skip
def test_names_that_no_table_of_the_mapping_can_have_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be called"):
        load_source(name, {"kind": "eol", "path": "."}, tmp_path)


def test_words_of_sql_and_of_this_program_are_names_like_others(tmp_path: Path) -> None:
    """One dataset with all of them; the contract tries more, in both formats."""
    tables = []
    for number, name in enumerate(("made_from", "select", "order", "rowid", "treeoflife_id", "index")):
        folder = tmp_path / f"raw{number}"
        (folder / "part1").mkdir(parents=True)
        (folder / "part1/a.jpg").write_bytes(encode_image(draw_picture(random.Random(number))))
        (folder / "labels.tsv").write_text("chunk_number\timage_file\torder\n1\ta.jpg\tDiptera\n")
        tables.append(
            f"[sources.{name}]\nkind = 'bioscan'\npath = 'raw{number}'\nmetadata = 'raw{number}/labels.tsv'\n"
        )
    (tmp_path / "dataset.toml").write_text("".join(tables))
    built(tmp_path / "dataset.toml")
    rows = pl.read_parquet(tmp_path / "224x224/catalog.parquet", glob=False)
    assert rows["bioscan_filename"].to_list() == ["a.jpg"] * 6
    assert rows["treeoflife_id"].n_unique() == 6


def test_a_name_that_would_be_that_of_an_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "dataset.toml").write_text("[sources.eol]\npath = '.'\n[sources.eol_key]\nkind = 'eol'\npath = '.'\n")
    done = cli("status", "--config", tmp_path / "dataset.toml")
    assert done.returncode == 2
    sentence(done, "'eol_key' beside 'eol'")


def test_a_column_of_numbers_in_one_source_and_of_texts_in_another_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Numbers(INat21):
        catalog = ("other_filename", "other_name", "photos_filename")

    def class_of(name: str, kind: str) -> type[Source]:
        return Numbers if name == "numbers" else source_class(name, kind)

    monkeypatch.setattr("treeoflife.sources.registry.source_class", class_of)
    tables = {"photos": {"kind": "folder", "path": ".", "table": "x.csv"}, "numbers": {"path": "."}}
    with pytest.raises(ConfigError, match=r"sources\.photos.*sources\.numbers.*'photos_filename'"):
        load_sources(parse({"sources": tables}, tmp_path), tmp_path)


@pytest.mark.parametrize(
    ("columns", "catalog"),
    [
        (("rowid",), None), (("split",), None), (("evobio10m_id",), None), (("file",), None), (("sha256",), None),
        (("Box",), None), (("box", "Box"), None), (('a"b',), None), (("",), None), (("x" * 62,), None), ((), None),
        (("box",), ("genus",)), (("box",), ("common",)), (("box", "leaf"), ("box", "box")), (("box",), ()),
    ],
)  # fmt: skip
def test_columns_of_a_plug_in_that_tables_cannot_hold_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, columns: tuple[str, ...], catalog: tuple[str, ...] | None
) -> None:
    """Whether they are taken, written in another way, or there twice."""
    attributes: dict[str, Any] = {
        "columns": dict.fromkeys(columns, str), "key": columns[:1], "catalog": columns if catalog is None else catalog
    }  # fmt: skip
    monkeypatch.setattr("treeoflife.sources.registry.source_class", lambda *_: type("Odd", (INat21,), attributes))
    with pytest.raises(ConfigError, match=r"sources\.odd.*Odd"):
        load_source("odd", {"path": "."}, tmp_path)


def test_every_column_of_the_programs_own_tables_is_reserved(tmp_path: Path) -> None:
    sources = [load_source(kind, {"path": "."}, tmp_path) for kind in ("eol", "inat21", "bioscan")]
    own = {name for source in sources for name in (*source.columns, *source.catalog)}
    assert {*SCHEMA, *LOCATION_COLUMNS, *_INDEX_COLUMNS, *catalog_columns(sources)} - own <= RESERVED_COLUMNS
    assert not own & RESERVED_COLUMNS


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (("a/b", "c"), ("a", "b/c")),
        (("a/b", "c"), ("a%2Fb", "c")),
        (("", "/"), ("/", "")),
        (("a/b", 1, "c"), ("a", 1, "b/c")),
    ],
)
def test_keys_with_slashes_have_ids_of_their_own(one: Key, other: Key) -> None:
    assert joined(one) != joined(other)
    assert treeoflife_id("boxes", one) != treeoflife_id("boxes", other)


@pytest.mark.parametrize("form", ["sqlite", "parquet"])
def test_images_with_slashes_in_their_keys_are_samples_each_with_its_label(tmp_path: Path, form: str) -> None:
    """In a build, by way of a plug-in that is installed as others are."""
    keys = [("a/b", "c"), ("a", "b/c"), ("007", "x"), ("7", "x"), ("a\0b", "x"), ("a\0c", "x")]
    species = ("major", "minor", "alba", "nigra", "rubra", "viridis")
    labels = [
        f"Label({joined(key)!r}, scientific_name='Parus {epithet}')" for key, epithet in zip(keys, species, strict=True)
    ]
    variables = plug_in(tmp_path, repr(keys), f"[{', '.join(labels)}]")
    with (tmp_path / "out/dataset.toml").open("a") as config:
        config.write(f"[mapping]\nformat = '{form}'\n")
    built(tmp_path / "out/dataset.toml", **variables)
    rows = pl.read_parquet(tmp_path / "out/224x224/catalog.parquet", glob=False).select("box", "leaf", "species").rows()
    assert sorted(rows) == sorted((*key, epithet) for key, epithet in zip(keys, species, strict=True))


@pytest.mark.parametrize(
    "key", ["(2**63, 'x')", "('a', 2)", "('a',)", "('a', '')", "('a', None)", "('a', chr(0xd83d))", "(True, 'x')"]
)
def test_a_key_that_no_table_holds_is_named_with_its_file(tmp_path: Path, key: str) -> None:
    """Numbers beyond 64 bits, another type, too few parts, no text, half a character."""
    done = cli("build", "--config", tmp_path / "out/dataset.toml", **plug_in(tmp_path, f"[('a', 'b'), {key}]"))
    sentence(done, "sources.boxes", "1.jpg", "the mapping")


@pytest.mark.parametrize("label", ["Label(chr(0xd83d))", "Label('a/b', scientific_name=chr(0xd83d))"])
def test_a_label_that_no_table_holds_is_named(tmp_path: Path, label: str) -> None:
    done = cli("build", "--config", tmp_path / "out/dataset.toml", **plug_in(tmp_path, "[('a', 'b')]", f"[{label}]"))
    sentence(done, "sources.boxes", "a label")


def test_a_published_mapping_may_have_tables_of_any_name(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "m.sqlite")) as db, db:
        db.execute('CREATE TABLE "a""b; --" (evobio10m_id TEXT)')
        db.execute('INSERT INTO "a""b; --" VALUES (\'x\')')
    assert pl.concat(id_batches(tmp_path / "m.sqlite")).to_list() == ["x"]
