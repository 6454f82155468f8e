"""Scores from outside: from a table to the ledger, findings, the catalog and the report, without decoding an image."""

from __future__ import annotations

from pathlib import Path

import polars as pl

import treeoflife
from helpers import built


def with_scores(out: Path, text: str) -> Path:
    """The dataset.toml of a build, with further tables; what an earlier call added is replaced."""
    toml = out / "dataset.toml"
    toml.write_text(toml.read_text().partition("\n# scores of the test")[0] + f"\n# scores of the test\n{text}")
    return toml


def test_a_rule_leaves_images_out_and_its_change_decodes_nothing(build_copy: Path) -> None:
    ids = treeoflife.open(build_copy).catalog.filter(pl.col("split") != "train_small")["treeoflife_id"].sort().to_list()
    values = [number / len(ids) for number in range(len(ids))]
    pl.DataFrame({"treeoflife_id": [*ids[:-1], "nobody"], "animal": values}).write_csv(build_copy / "detector.csv")
    toml = with_scores(build_copy, '[scores.detector]\npath = "detector.csv"\ndrop = "animal < 0.25"\n')
    done = built(toml)
    assert "1 of 108 rows are of no image, such as 'nobody' in line 109" in done.stdout
    low = {one for one, value in zip(ids[:-1], values, strict=False) if value < 0.25}
    ledger = pl.read_parquet(build_copy / "ledger/ledger.parquet").filter(pl.col("reason") == "score")
    assert set(ledger["treeoflife_id"]) == low
    assert ledger["detail"][0].startswith("[scores.detector] drop animal < 0.25 (animal is 0.")
    assert set(treeoflife.open(build_copy).catalog["treeoflife_id"]) == set(ids) - low
    toml = with_scores(
        build_copy,
        '[scores.detector]\npath = "detector.csv"\ndrop = "animal < 0.1"\nfind = { far = "animal is missing" }\n'
        'catalog = ["animal"]\n',
    )
    done = built(toml)
    for stage in ("encode", "scores", "mapping"):
        assert f"\n{stage} " not in f"\n{done.stderr}\n{done.stdout}"
    kept = treeoflife.open(build_copy).catalog
    assert set(kept["treeoflife_id"]) == {
        one for one, value in zip(ids, [*values[:-1], 1], strict=True) if value >= 0.1
    }
    assert kept.columns[-1] == "scores.detector.animal"
    assert dict(kept.select("treeoflife_id", "scores.detector.animal").iter_rows()) == {
        one: (None if one == ids[-1] else values[ids.index(one)]) for one in kept["treeoflife_id"]
    }
    found = pl.read_parquet(build_copy / "findings/scores.parquet").select("treeoflife_id", "kind", "detail")
    assert found.rows() == [(ids[-1], "scores.detector.far", "animal is missing")]
    assert treeoflife.open(build_copy).scores("detector").collect().height == len(ids) - 1
