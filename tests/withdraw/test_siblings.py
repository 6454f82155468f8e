"""Withdrawing much at once, and the same twice."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from helpers import cli, samples, shards

SPLITS = ("train", "val")


def withdraw(out: Path, ids: list[str], folder: Path) -> str:
    (folder / "ids.txt").write_text("\n".join([*ids, "no-such-id", ""]))
    done = cli("withdraw", folder / "ids.txt", "--config", out)
    assert done.returncode == 0, done.stderr
    assert "no-such-id" in done.stdout
    return done.stdout


def verified(out: Path) -> None:
    done = cli("verify", out)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("split", SPLITS)
def test_all_images_of_a_shard_or_split(split: str, drawn_build: Path, tmp_path: Path) -> None:
    """The first shard of train, and all of val; what is not withdrawn stays where it was. Once more changes nothing."""
    out = tmp_path / "out"
    shutil.copytree(drawn_build, out)
    paths = shards(out, split)[:1] if split == "train" else shards(out, split)
    ids = sorted(samples(paths))
    said = withdraw(out, ids, tmp_path)
    assert "images withdrawn" in said
    left, former = samples(shards(out)), samples(shards(drawn_build))
    assert not left.keys() & set(ids)
    rows = set(pl.read_csv(out / "withdrawn.csv", infer_schema=False)["treeoflife_id"])
    assert left == {key: former[key] for key in former if key not in rows}
    verified(out)
    table = (out / "withdrawn.csv").read_bytes()
    assert "0 images withdrawn" in withdraw(out, ids, tmp_path)
    assert (out / "withdrawn.csv").read_bytes() == table
    status = json.loads(cli("status", "--config", out, "--json").stdout)
    assert all(state["fresh"] for state in status.values()), status
