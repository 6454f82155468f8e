"""Names of whole worlds, compared with the original scripts' output and with the truth."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
import worlds

from treeoflife.core.values import RANKS

pytestmark = pytest.mark.skipif(
    not (worlds.WORLD / "make_world.py").exists(), reason="the script that makes worlds is missing"
)

OVERWRITTEN = "metadata: ranks that the source gave are overwritten"
ONCE = "metadata: NameUpgrader knows a name once: the first authority's empty rank hides what another one knows"
LOST = "metadata: a scraped name of two words loses its genus, so nothing is found for it"
EXPLAINED = {
    ("eol", "7000675"): OVERWRITTEN,  # class Squamata (Catalogue of Life) became Reptilia (ITIS)
    ("eol", "7000988"): OVERWRITTEN,
    ("eol", "7000521"): ONCE,  # Tracheophyta, known to resolved.jsonl for this species
    ("eol", "7000833"): ONCE,
    ("eol", "7000778"): ONCE,  # Arthropoda, by its class
    **{("eol", str(page)): LOST for page in (7001025, 7001036, 7001047, 7001058, 7001069, 7001080)},
}
"""Every EOL page of the world with seed 1 whose names differ from the original's, and the original's error."""


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = worlds.make(tmp_path_factory.mktemp("world"), 1, 300)
    worlds.name(world, world / "out")
    return world


def test_world_one_equals_the_original_except_for_its_known_errors(first: Path) -> None:
    ours = worlds.catalog(first / "out/metadata/predicted-catalog.csv")
    golden = worlds.catalog(worlds.WORLD / "golden/seed1/predicted-catalog.csv")
    assert ours.keys() == golden.keys()
    columns = (*RANKS, "common")
    differing = {key for key in golden if any(ours[key][c] != golden[key][c] for c in columns)}
    pages = {("eol", key[1]) for key in differing}
    assert pages == EXPLAINED.keys()
    commons = {key for key in golden if ours[key]["common"] != golden[key]["common"]}
    assert {EXPLAINED["eol", key[1]] for key in commons} == {LOST}


def test_names_that_differ_from_the_original_never_contradict_the_truth(first: Path) -> None:
    ours = worlds.catalog(first / "out/metadata/predicted-catalog.csv")
    truth = worlds.truth(first)["eol"]
    for key, row in ours.items():
        if ("eol", key[1]) in EXPLAINED:
            assert all(row[rank] in ("", value) for rank, value in zip(RANKS, truth[key[1]], strict=True))


def test_scientific_to_common_equals_the_originals(first: Path) -> None:
    ours = json.loads((first / "out/metadata/scientific_to_common.json").read_text())
    assert ours == json.loads((worlds.WORLD / "golden/seed1/scientific_to_common.json").read_text())


def test_the_order_of_rows_changes_no_byte(first: Path, tmp_path: Path) -> None:
    other = worlds.make(tmp_path / "world", 1, 300)
    worlds.shuffle(other)
    worlds.name(other, other / "out")
    files = sorted(path.relative_to(first / "out") for path in (first / "out/metadata").rglob("*") if path.is_file())
    assert len(files) > 6
    assert [str(p) for p in files if (first / "out" / p).read_bytes() != (other / "out" / p).read_bytes()] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("seed", "built_in"), [*((seed, False) for seed in (3, 5, 11, 17, 42, 2024)), (3, True), (5, True)]
)
def test_homonyms_never_get_another_kingdom_and_unresolved_ones_are_reported(
    seed: int, built_in: bool, tmp_path: Path
) -> None:
    world = worlds.make(tmp_path / "world", seed, 1200, "--homonyms")
    paths, _ = worlds.name(world, world / "out", built_in=built_in)
    rows, truth = pl.read_parquet(paths.names), worlds.truth(world)
    reported = set(pl.read_parquet(paths.name_findings)["value"])
    for row in rows.filter(pl.col("source") == "eol").iter_rows(named=True):
        lineage = truth["eol"].get(row["name_key"])
        if lineage is None:
            continue
        below = {rank: (row[rank], value) for rank, value in zip(RANKS, lineage, strict=True)}
        assert row["kingdom"] in ("", lineage[0])
        assert all(below[rank][0].lower() == below[rank][1].lower() for rank in ("genus", "species"))
        assert below["family"][0] in ("", below["family"][1])
        if not row["kingdom"]:
            assert {row["genus"], f"{row['genus']} {row['species']}"} & reported


def test_every_filled_rank_names_its_authority(first: Path) -> None:
    rows = pl.read_parquet(first / "out/metadata/names.parquet")
    for rank in RANKS:
        assert (rows[rank] != "").to_list() == (rows[f"{rank}_from"] != "").to_list()
