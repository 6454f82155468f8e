"""The differences that were planted between two worlds are found, and no others."""

from __future__ import annotations

from pathlib import Path

import polars as pl

import treeoflife
from gbif_archives import bird, picture, write_download
from helpers import cli, sentence


def changes(before: Path, after: Path) -> set[tuple[str, ...]]:
    """The changes, by natural key."""
    found = treeoflife.diff(before, after)
    return set(found.select("natural_key", "change", "column", "before", "after").rows())


def test_what_was_planted_in_a_download_of_gbif_is_found(tmp_path: Path) -> None:
    """An image that came and one that went, another address, another name, another licence; the rest is the same."""
    kept = picture(1, "https://e.org/1.jpg")
    media = [
        kept,
        picture(2, "https://e.org/2.jpg"),
        picture(3, "https://e.org/3.jpg"),
        picture(5, "https://e.org/5.jpg"),
    ]
    later = [
        kept,
        picture(2, "https://e.org/2b.jpg"),
        picture(4, "https://e.org/4.jpg"),
        picture(5, "https://e.org/5.jpg"),
    ]
    write_download(tmp_path / "a.zip", [bird(1), bird(2), bird(3), bird(5)], media)
    write_download(
        tmp_path / "b.zip", [bird(5), bird(4), bird(2), bird(1, species="Parus minor", license="CC0_1_0")], later[::-1]
    )
    assert changes(tmp_path / "a.zip", tmp_path / "a.zip") == set()
    assert changes(tmp_path / "a.zip", tmp_path / "b.zip") == {
        ("10000000001/https://e.org/1.jpg", "name", "species", "Parus major", "Parus minor"),
        ("10000000001/https://e.org/1.jpg", "licence", "license_name", "CC_BY_4_0", "CC0_1_0"),
        ("10000000002/https://e.org/2b.jpg", "url", "url", "https://e.org/2.jpg", "https://e.org/2b.jpg"),
        ("10000000003/https://e.org/3.jpg", "removed", "url", "https://e.org/3.jpg", ""),
        ("10000000004/https://e.org/4.jpg", "added", "url", "", "https://e.org/4.jpg"),
    }


def test_a_build_differs_from_itself_and_its_catalog_in_nothing(drawn_build: Path) -> None:
    for name in ("", "224x224/catalog.csv", "224x224/catalog.parquet"):
        assert treeoflife.diff(drawn_build, drawn_build / name).height == 0
    done = cli("diff", drawn_build, drawn_build / "224x224/catalog.csv")
    assert done.returncode == 0, done.stderr
    assert "no difference" in done.stdout


def test_what_was_withdrawn_from_a_build_is_found(drawn_build: Path, build_copy: Path, tmp_path: Path) -> None:
    """One sample is withdrawn."""
    catalog = pl.read_parquet(drawn_build / "224x224/catalog.parquet").filter(split="train")
    small = pl.read_parquet(drawn_build / "224x224/catalog.parquet").filter(split="train_small")["treeoflife_id"]
    one = catalog.filter(~pl.col("treeoflife_id").is_in(small.implode()))["treeoflife_id"].min()
    config = build_copy / "dataset.toml"
    done = cli("withdraw", "--config", config, "--id", one, "--why", "asked")
    assert done.returncode == 0, done.stderr
    done = cli("diff", drawn_build, build_copy, "--out", tmp_path / "changes.csv")
    assert done.returncode == 0, done.stderr
    found = pl.read_csv(tmp_path / "changes.csv")
    assert found.select("treeoflife_id", "change", "before", "after").rows() == [(one, "removed", "train", "withdrawn")]
    assert "train -> withdrawn 1" in done.stdout


def test_what_was_planted_in_the_tables_of_a_build_is_found(drawn_build: Path, build_copy: Path) -> None:
    """Another name, picture and licence, each of one sample, and one that moved from train to val."""
    train = build_copy / "index/224x224/train/shard-000000.parquet"
    rows, val = pl.read_parquet(train), next((build_copy / "index/224x224/val").glob("*.parquet"))
    small = pl.concat(pl.read_parquet(path) for path in (build_copy / "index/224x224/train_small").glob("*.parquet"))
    ids = rows.filter(~pl.col("treeoflife_id").is_in(small["treeoflife_id"].implode()))["treeoflife_id"].to_list()[:4]
    is_one = [pl.col("treeoflife_id") == one for one in ids]
    named = pl.when(is_one[0]).then(pl.lit("planted")).otherwise(pl.col("species")).alias("species")
    pictured = pl.when(is_one[1]).then(pl.lit(bytes(32))).otherwise(pl.col("sha256")).alias("sha256")
    _write_as(train, rows.with_columns(named, pictured).filter(~is_one[3]))
    _write_as(val, pl.concat([pl.read_parquet(val), rows.filter(is_one[3])]))
    provenance = build_copy / "metadata/provenance.parquet"
    licensed = pl.when(is_one[2]).then(pl.lit("cc-0-1.0")).otherwise(pl.col("license_name")).alias("license_name")
    _write_as(provenance, pl.read_parquet(provenance).with_columns(licensed))
    found = treeoflife.diff(drawn_build, build_copy).select("treeoflife_id", "change", "column", "after").rows()
    assert sorted(found) == sorted([
        (ids[0], "name", "species", "planted"), (ids[1], "picture", "sha256", "00" * 32),
        (ids[2], "licence", "license_name", "cc-0-1.0"), (ids[3], "split", "split", "val"),
    ])  # fmt: skip


def _write_as(path: Path, rows: pl.DataFrame) -> None:
    """Write a table in place of another, with the metadata of that."""
    rows.write_parquet(path, metadata={"treeoflife": pl.read_parquet_metadata(path)["treeoflife"]})


def test_what_cannot_be_compared_is_refused(drawn_build: Path, tmp_path: Path) -> None:
    write_download(tmp_path / "a.zip", [bird(1)], [picture(1, "https://e.org/1.jpg")])
    sentence(cli("diff", drawn_build, tmp_path / "a.zip"), "read as build", "as gbif", "--kind")
    sentence(cli("diff", drawn_build, tmp_path / "none"), "there is no file or folder")
