"""A build finds what is the same picture, keeps it on one side, and does what the configuration asks about it."""

from __future__ import annotations

import csv
import shutil
from collections import defaultdict
from pathlib import Path

import polars as pl
import pytest
from planted import configure, files_of, plant, sides

from helpers import built, cli, digests

ORIGINALS, COPIES = 60, 24


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders."""
    root = tmp_path_factory.mktemp("planted")
    plant(root, ORIGINALS, COPIES)
    return root


@pytest.fixture(scope="module")
def whole(planted: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of them; to look at and not to change."""
    out = tmp_path_factory.mktemp("whole")
    built(configure(planted, out))
    return out


@pytest.fixture
def changed(whole: Path, tmp_path: Path) -> Path:
    """A copy of that build."""
    shutil.copytree(whole, tmp_path / "out")
    return tmp_path / "out"


def _groups(out: Path) -> set[frozenset[tuple[str, str]]]:
    groups = defaultdict(set)
    with (out / "duplicates/groups.csv").open() as fd:
        for row in csv.DictReader(fd):
            groups[row["group"]].add((row["source"], row["file"]))
    return {frozenset(one) for one in groups.values()}


def test_groups_are_the_planted_ones(whole: Path) -> None:
    """Copies that were encoded again, resized and mirrored, across sources; nothing else."""
    wanted = {frozenset({("one", f"p{n:03d}.jpg"), ("two", f"p{n:03d}.jpg")}) for n in range(COPIES)}
    assert _groups(whole) == wanted
    table = pl.read_parquet(whole / "duplicates/groups.parquet")
    assert set(table["link"].drop_nulls()) == {"near", "mirrored"}
    assert table["distance"].drop_nulls().max() <= 31


def test_no_group_is_in_train_and_val_and_sizes_are_exact(whole: Path) -> None:
    """Counted by file names in the tars, not by what the build says of groups."""
    where = sides(whole)
    torn = [n for n in range(COPIES) if len({where[source, f"p{n:03d}.jpg"] for source in ("one", "two")}) > 1]
    assert not torn
    for source, count in (("one", ORIGINALS), ("two", COPIES + 20)):
        assert sum(split == "val" for (name, _), split in where.items() if name == source) == count * 20 // 100


def test_without_it_groups_would_be_torn(planted: Path, tmp_path: Path) -> None:
    """Else the test above would say nothing."""
    built(configure(planted, tmp_path, duplicates='straddling = "report"'))
    where = sides(tmp_path)
    assert any(len({where[source, f"p{n:03d}.jpg"] for source in ("one", "two")}) > 1 for n in range(COPIES))


def test_different_names_of_one_picture_are_told(whole: Path) -> None:
    """With both names, and the deepest rank that they share."""
    rows = list(csv.DictReader((whole / "duplicates/conflicts.csv").open()))
    files = files_of(whole / "metadata/mapping.sqlite")
    assert {files[row["treeoflife_id"]] for row in rows} == {
        (source, f"p{n:03d}.jpg") for n in range(0, COPIES, 8) for source in ("one", "two")
    }
    assert {(row["species"], row["shared"]) for row in rows} == {("merula", "genus"), ("pilaris", "genus")}


@pytest.mark.parametrize("engine", ["serial", "local"])
def test_engines_and_workers_change_no_byte(planted: Path, whole: Path, tmp_path: Path, engine: str) -> None:
    """Of groups, splits, shards and all."""
    config = configure(planted, tmp_path)
    words = ("--engine", "serial") if engine == "serial" else ("--workers", "1")
    assert cli("build", "--config", config, *words, PYTHONHASHSEED="7").returncode == 0
    assert digests(tmp_path) == digests(whole)


def _again(planted: Path, out: Path, **tables: str) -> tuple[str, pl.DataFrame]:
    """What a build with another configuration says, and the ledger; nothing may be encoded or compared again."""
    store = {path: path.stat().st_mtime_ns for path in (out / "encoded").rglob("*.*")}
    done = built(configure(planted, out, **tables))
    assert store == {path: path.stat().st_mtime_ns for path in (out / "encoded").rglob("*.*")}
    assert "encode:" not in done.stderr
    assert "duplicates:" not in done.stderr
    return done.stderr, pl.read_parquet(out / "ledger/ledger.parquet")


def test_keeping_the_best_decodes_nothing_and_is_in_the_ledger(planted: Path, changed: Path) -> None:
    """Of each pair one stays: the larger picture, since both have as many ranks."""
    _, ledger = _again(planted, changed, duplicates='keep = "best"')
    assert ledger["reason"].to_list() == ["duplicate"] * COPIES
    where, files = sides(changed), files_of(changed / "metadata/mapping.sqlite")
    assert len(where) == ORIGINALS + 20
    assert all(("two", f"p{n:03d}.jpg") not in where for n in range(1, COPIES, 3)), "these are smaller"
    for row in ledger.iter_rows(named=True):
        kept = row["detail"].split()[4].rstrip(",")
        assert files[kept][1] == row["file"]
        assert files[kept] in where


def test_a_cap_leaves_out_what_is_beyond_it(planted: Path, changed: Path) -> None:
    """Per species and in train alone; the choice is the seed's; the ledger says how many there were."""
    _, ledger = _again(planted, changed, wds="max_per_species = 10")
    catalog = pl.read_parquet(changed / "224x224/catalog.parquet").filter(split="train")
    counts = dict(catalog.group_by("species").len().iter_rows())
    assert set(counts.values()) == {10}
    assert set(ledger["reason"]) == {"over-cap"}
    assert ledger["detail"].str.contains(r"^the species has \d+ images in train, of which 10 are kept$").all()
    before = set(catalog["treeoflife_id"])
    built(configure(planted, changed, wds="max_per_species = 10"))
    assert set(pl.read_parquet(changed / "224x224/catalog.parquet").filter(split="train")["treeoflife_id"]) == before


def test_of_a_published_mapping_train_gives_way_to_val(planted: Path, tmp_path: Path) -> None:
    """Where that is asked for: its splits are fixed, and what is in val stays there. Else it is built as it is."""
    out, torn = tmp_path / "out", tmp_path / "torn"
    built(configure(planted, torn, duplicates='straddling = "report"'))
    published = f'published = "{torn}/metadata/mapping.sqlite"'
    as_it_is = built(configure(planted, tmp_path / "as it is", mapping=published))
    assert "groups of the same picture are in train and in val" in as_it_is.stderr
    assert sides(torn) == sides(tmp_path / "as it is", torn)
    built(configure(planted, out, mapping=published, duplicates='straddling = "one-side"'))
    before, ledger = sides(torn), pl.read_parquet(out / "ledger/ledger.parquet")
    files, after = files_of(torn / "metadata/mapping.sqlite"), sides(out, torn)
    assert {one for one, split in before.items() if split == "val"} == {
        one for one, split in after.items() if split == "val"
    }
    assert set(ledger["reason"]) == {"duplicate"}
    assert {one: before[one] for one in before.keys() - after.keys()} == dict.fromkeys(
        (files[key] for key in ledger["treeoflife_id"]), "train"
    )
    assert not [n for n in range(COPIES) if len({after.get((s, f"p{n:03d}.jpg")) for s in ("one", "two")} - {None}) > 1]
