"""Captions and scores of withdrawn images go from the dataset's copies of tables; the user's own tables stay."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from helpers import built, cli

from .traces import Withdrawn, traces

TABLES = """
[captions.wiki]
table = "{folder}/by-id.csv"

[captions.page]
table = "{folder}/by-file.csv"
by = "file"
key_column = "file"

[scores.sharp]
catalog = ["value"]
"""


def test_captions_and_scores_of_withdrawn_images_go(build_copy: Path, tmp_path: Path) -> None:
    """From the copies of tables by whatever key, findings, samples and OUT/scores; and no table of the user changes."""
    rows = pl.read_parquet(build_copy / "224x224/catalog.parquet").filter(split="train").sort("treeoflife_id")
    of_eol = rows.filter(pl.col("eol_content_id").is_not_null()).head(3)
    of_eol = of_eol.with_columns(file=pl.format("{}_{}", "eol_content_id", "eol_page_id"))
    of_inat21 = rows.filter(pl.col("inat21_filename").is_not_null()).head(3)
    of_inat21 = of_inat21.with_columns(file=pl.col("inat21_filename"))
    listed = pl.concat([one.select("treeoflife_id", "file") for one in (of_eol, of_inat21)])
    captioned = listed.with_columns(caption=pl.format("caption of {}", "treeoflife_id"))
    captioned.select("treeoflife_id", "caption").write_csv(tmp_path / "by-id.csv")
    captioned.select("file", "caption").write_csv(tmp_path / "by-file.csv")
    (build_copy / "scores").mkdir()
    listed.select("treeoflife_id", value=0.5).write_parquet(build_copy / "scores/sharp.parquet")
    config = build_copy / "dataset.toml"
    config.write_text(config.read_text() + TABLES.format(folder=tmp_path))
    built(config)
    before = {path: path.read_bytes() for path in tmp_path.glob("*.csv")}
    gone = [Withdrawn(image, (file,), ()) for image, file in listed.gather_every(3).iter_rows()]
    assert any(".tables/captions" in trace for trace in traces(build_copy, gone))
    words = [word for one in gone for word in ("--id", one.id)]
    done = cli("withdraw", "--config", config, *words)
    assert done.returncode == 0, done.stderr
    assert "these tables of yours may name them" in done.stdout
    assert all(str(path) in done.stdout for path in before)
    assert traces(build_copy, gone) == []
    assert {path: path.read_bytes() for path in before} == before
    for name in ("wiki", "page"):
        kept = pl.read_parquet(build_copy / f".tables/captions/{name}.parquet")["treeoflife_id"]
        assert set(kept) == set(listed["treeoflife_id"]) - {one.id for one in gone}
    assert cli("verify", build_copy).returncode == 0
