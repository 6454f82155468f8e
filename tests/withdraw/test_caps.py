"""Withdrawing where a species has a largest number of images, and all images of one picture, of what was fetched."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from fetch.hosts import serving
from helpers import built, cli, samples, shards

from .test_fetched import picture
from .traces import Withdrawn, traces

IMAGES, CAP = 12, 5
CONFIG = """
[sources.mine]
kind = "urls"
path = "{folder}/list.csv"
columns = {{ id = "id" }}

[fetch]
per_second = 0
tries = 1
per_archive = 5

[wds]
max_samples = 4
max_per_species = {cap}

[duplicates]
keep = "all"
"""


def withdraw(out: Path, *words: str) -> str:
    done = cli("withdraw", "--config", out, *words)
    assert done.returncode == 0, done.stderr
    return done.stdout


def shown_of(out: Path, ids: dict[str, str]) -> set[str]:
    """The labels of images of the capped species that are samples."""
    present = samples(shards(out))
    return {label for label, one in ids.items() if label.startswith("capped") and one in present}


def test_another_image_of_the_species_comes_in_and_all_of_one_picture_can_go(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with serving("127.0.0.12") as (host,):
        listed = [("first-copy", 0, "minor"), ("second-copy", 0, "minor")]
        listed += [(f"capped-{number:02d}", number, "major") for number in range(1, IMAGES)]
        lines = ["id,url,genus,species"]
        for label, shown, species in listed:
            lines.append(f"{label},{host.put(f'/{label}.jpg', picture(f'/{shown}.jpg'))},Parus,{species}")
        (tmp_path / "list.csv").write_text("\n".join([*lines, ""]))
        (out / "dataset.toml").write_text(CONFIG.format(folder=tmp_path, cap=CAP))
        built(out / "dataset.toml")
        host.taken()
        mapping = pl.read_parquet(out / "metadata/mapping.parquet")
        ids = dict(mapping.select("mine_image_id", "treeoflife_id").iter_rows())
        capped = shown_of(out, ids)
        assert len(capped) == CAP
        one = min(capped)
        withdraw(out, "--id", ids[one])
        now = shown_of(out, ids)
        assert len(now) == CAP
        assert now > capped - {one}
        assert "1 other images show the same pictures and stay" in withdraw(out, "--id", ids["first-copy"], "--dry-run")
        withdraw(out, "--id", ids["first-copy"], "--same-picture")
        gone = [Withdrawn(ids[label], (label,), (picture("/0.jpg"),)) for label in ("first-copy", "second-copy")]
        assert traces(out, [*gone, Withdrawn(ids[one], (one,), (picture(f"/{int(one[-2:])}.jpg"),))]) == []
        assert host.taken() == []
    checked = cli("verify", out)
    assert checked.returncode == 0, checked.stdout + checked.stderr
