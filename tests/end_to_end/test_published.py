"""From the published layout: the same texts and pictures as the original scripts made, less what is held out."""

from __future__ import annotations

import csv
import io
import json
import math
import sqlite3
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from helpers import MEMBERS, samples, shards, without_known_wrongs

DECIBELS = 50.0


@pytest.fixture(scope="module")
def expected(shared: Path) -> list[tuple[str, str, dict[str, str]]]:
    """(split, key, texts) of every sample that the original scripts wrote."""
    lines = (shared / "golden/seed1/samples.jsonl").read_text().splitlines()
    return [(row["split"], row["key"], row["text"]) for row in map(json.loads, lines)]


@pytest.fixture(scope="module")
def held_out(golden_world: Path, shared: Path) -> set[str]:
    """The keys that must be absent: those of the images on the lists, and of the species on the list."""
    truth = json.loads((golden_world / "truth.json").read_text())
    db = sqlite3.connect(shared / "golden/seed1/mapping.sqlite")
    rows = list(db.execute("SELECT content_id, page_id, evobio10m_id FROM eol"))
    db.close()
    names = {f"{content}_{page}_eol-full-size-copy.jpg": key for content, page, key in rows}
    keys = {names[name] for name in truth["held_out_images"]}
    species = set(truth["held_out_species"])
    lines = (shared / "golden/seed1/samples.jsonl").read_text().splitlines()
    return keys | {row["key"] for row in map(json.loads, lines) if row["text"]["scientific_name.txt"] in species}


def test_the_ten_texts_equal_those_of_the_original_scripts_but_for_known_wrongs(
    golden_build: Path, expected: list[tuple[str, str, dict[str, str]]], held_out: set[str]
) -> None:
    """For every key that is not held out, in the same split; there is no other sample."""
    for split in ("train", "val", "train_small"):
        ours = samples(shards(golden_build, split))
        theirs = {key: texts for where, key, texts in expected if where == split and key not in held_out}
        assert ours.keys() == theirs.keys()
        for key, texts in theirs.items():
            assert ours[key].keys() == MEMBERS
            assert {name: ours[key][name].decode() for name in texts} == without_known_wrongs(texts)


def test_what_is_held_out_is_absent_and_in_the_ledger(golden_build: Path, held_out: set[str]) -> None:
    """By species and by image, though the archives call the images by their ids."""
    assert held_out
    assert not held_out & samples(shards(golden_build)).keys()
    ledger = pl.read_parquet(golden_build / "ledger/ledger.parquet")
    assert set(ledger.filter(pl.col("reason").str.starts_with("held-out"))["treeoflife_id"]) == held_out


def test_the_pictures_equal_those_of_the_original_scripts(golden_build: Path, shared: Path, held_out: set[str]) -> None:
    """At 50 dB or more, for each of the pictures at hand."""
    ours = samples(shards(golden_build))
    golden = [path for path in (shared / "golden/seed1/jpg").glob("*.jpg") if path.stem not in held_out]
    assert len(golden) > 20
    for path in golden:
        assert _decibels(ours[path.stem]["jpg"], path.read_bytes()) >= DECIBELS, path.name


def test_the_catalog_says_where_each_sample_came_from(golden_build: Path, shared: Path) -> None:
    """Same rows as the predicted catalog of the original scripts, for every sample."""
    with (shared / "golden/seed1/predicted-catalog.csv").open(newline="") as fd:
        theirs = {row["treeoflife_id"]: row for row in csv.DictReader(fd)}
    with (golden_build / "224x224/catalog.csv").open(newline="") as fd:
        ours = list(csv.DictReader(fd))
    assert len(ours) == sum(len(samples(shards(golden_build, split))) for split in ("train", "val", "train_small"))
    for row in ours:
        original = theirs[row["treeoflife_id"]]
        told = [name for name in row if name not in ("split", "common")]
        assert {name: row[name] for name in told} == {name: original[name] for name in told}
        assert (row["split"] == "val") == (original["split"] == "val")


def _decibels(one: bytes, other: bytes) -> float:
    """The peak signal-to-noise ratio between two images."""
    first, second = (np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), float) for data in (one, other))
    error = float(((first - second) ** 2).mean())
    return math.inf if not error else 10 * math.log10(255**2 / error)
