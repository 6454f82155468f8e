"""A catalog in place of mapping.sqlite and the lookups: the same samples with the same texts."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest

from helpers import SMALL_SHARDS, built, cli, configured, digests, sentence
from treeoflife.testing.world import World


@pytest.fixture(scope="module")
def raw(drawn_world: World, drawn_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The raw data of a build, with its catalog in place of mapping and lookups."""
    path = tmp_path_factory.mktemp("raw")
    shutil.copytree(drawn_world.root, path, dirs_exist_ok=True)
    (path / "metadata/mapping.sqlite").unlink()
    shutil.rmtree(path / "metadata/naming")
    shutil.copy(drawn_build / "224x224/catalog.csv", path / "metadata/catalog.csv")
    return path


@pytest.fixture(scope="module")
def again(raw: Path, drawn_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build from ids of catalog.csv and names of catalog.parquet."""
    out = tmp_path_factory.mktemp("again")
    config = configured(out, "published", raw, max_samples=SMALL_SHARDS)
    shutil.copy(drawn_build / "224x224/catalog.parquet", raw / "metadata/catalog.parquet")
    text, csv = config.read_text(), str(raw / "metadata/catalog.csv")
    assert text.count(csv) == 2
    before, names = text.split("[names]")
    config.write_text(f"{before}[names]{names.replace(csv, csv.replace('.csv', '.parquet'))}")
    done = built(config)
    assert "entries hold out 0 images" in done.stderr
    return out


def test_the_shards_and_the_catalog_are_the_same_byte_for_byte(again: Path, drawn_build: Path) -> None:
    first, second = (
        {name: digest for name, digest in digests(out).items() if name.endswith((".tar", "catalog.csv"))
         and name.startswith("224x224")}
        for out in (drawn_build, again)
    )  # fmt: skip
    assert len(first) > 4
    assert first == second


def test_images_that_are_not_in_the_catalog_are_in_the_ledger(again: Path, drawn_build: Path) -> None:
    """Those that did not become samples of the first build."""
    first, second = (pl.read_parquet(out / "ledger/ledger.parquet") for out in (drawn_build, again))
    names = ["source", "file"]
    assert (
        second.filter(pl.col("file") != "")
        .select(names)
        .sort(names)
        .equals(first.filter(pl.col("file") != "").select(names).sort(names))
    )
    assert "not-in-mapping" in second["reason"].to_list()


def test_such_a_dataset_is_fresh_and_verified(again: Path) -> None:
    assert "to do" not in built(again / "dataset.toml").stderr
    assert cli("verify", again).returncode == 0


def test_init_says_that_it_took_a_catalog(raw: Path, tmp_path: Path) -> None:
    done = cli("init", "published", "--raw", raw, "--out", tmp_path)
    assert done.stdout.count(f"{raw / 'metadata/catalog.csv'}, in place of") == 2


def test_the_catalog_of_shards_has_the_same_origins_from_either(
    raw: Path, drawn_world: World, drawn_build: Path, tmp_path: Path
) -> None:
    shards, mappings = (
        drawn_build / "224x224",
        (drawn_world.root / "metadata/mapping.sqlite", raw / "metadata/catalog.csv"),
    )
    for number, mapping in enumerate(mappings):
        done = cli("catalog", shards, "--out", tmp_path / f"{number}.csv", "--mapping", mapping)
        assert done.returncode == 0, done.stderr
    assert (tmp_path / "0.csv").read_bytes() == (tmp_path / "1.csv").read_bytes()
    assert pl.read_csv(tmp_path / "1.csv")["eol_content_id"].null_count() < 125
    assert cli("check-shards", shards, "--mapping", mappings[1]).returncode == 0


def test_a_catalog_of_others_lacks_the_keys(raw: Path, drawn_build: Path, tmp_path: Path) -> None:
    """check-shards names each; catalog says that it has none of the samples."""
    rows = pl.read_csv(raw / "metadata/catalog.csv", infer_schema=False).filter(pl.col("split") == "val")
    rows.write_csv(path := tmp_path / "val.csv")
    done = cli("check-shards", drawn_build / "224x224/train", "--mapping", path)
    assert "not-in-mapping" in done.stdout
    done = cli("catalog", drawn_build / "224x224/train", "--out", tmp_path / "out.csv", "--mapping", path)
    sentence(done, str(path), "has no sample of the shards")


def test_the_datasets_own_catalog_is_refused(build_copy: Path) -> None:
    config = build_copy / "dataset.toml"
    text = config.read_text()
    lines = [line for line in text.splitlines() if not line.startswith("lookups = ")]
    own = build_copy / "224x224/catalog.csv"
    config.write_text("\n".join(lines).replace("[names]", f'[names]\npublished = "{own}"'))
    sentence(cli("build", "--config", config), "[names] published", str(own))
    config.write_text(text.replace("[names]", f'[names]\npublished = "{own}"'))
    sentence(cli("build", "--config", config), "published", "lookups")


@pytest.mark.parametrize("key", ["mapping", "names"])
def test_a_wrong_file_is_named_with_what_can_be_given(raw: Path, tmp_path: Path, key: str) -> None:
    """Before an image is encoded."""
    config = configured(tmp_path / "out", "published", raw)
    (wrong := tmp_path / "birds.csv").write_text("file,name\n1.jpg,Pica pica\n")
    before, middle, names = config.read_text().partition("[names]")
    part = before if key == "mapping" else names
    changed = part.replace(str(raw / "metadata/catalog.csv"), str(wrong))
    config.write_text(changed + middle + names if key == "mapping" else before + middle + changed)
    sentence(cli("build", "--config", config), f"[{key}] published", str(wrong), "treeoflife_id", "catalog.parquet")
    assert not (tmp_path / "out/encoded").exists()
