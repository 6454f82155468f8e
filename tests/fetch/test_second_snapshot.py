"""A later download of GBIF in place of the former one: what stayed is neither asked for, encoded nor renamed again."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl

import treeoflife
from gbif_archives import bird, picture, write_download
from helpers import built, cli, samples, shards
from treeoflife.testing.world import draw_picture, encode_image

from .hosts import serving


def test_a_second_download_adds_and_removes_and_leaves_what_stayed(tmp_path: Path) -> None:
    archive, out = tmp_path / "birds.zip", tmp_path / "out"
    with serving("127.0.0.6") as (host,):
        urls = [
            host.put(f"/{number}.jpg", encode_image(draw_picture(random.Random(number)))) for number in range(12)
        ]  # fmt: skip
        media = [picture(number, url) for number, url in enumerate(urls)]
        write_download(archive, [bird(number) for number in range(10)], media[:10])
        assert cli("init", "gbif", "--table", archive, "--out", out).returncode == 0
        built(out / "dataset.toml")
        before, stored = samples(shards(out)), _stored(out)
        names = _names(out)
        assert len(host.taken()) == 10
        write_download(tmp_path / "later.zip", [bird(number) for number in range(1, 12)], media[1:])
        kept = archive.rename(tmp_path / "former.zip")
        (tmp_path / "later.zip").rename(archive)
        built(out / "dataset.toml")
        assert host.taken() == ["/10.jpg", "/11.jpg"]
    after = samples(shards(out))
    assert len(before.keys() - after.keys()) == 1
    assert len(after.keys() - before.keys()) == 2
    assert all(before[key] == after[key] for key in before.keys() & after.keys())
    assert all(_stored(out)[path] == stamp for path, stamp in stored.items())
    assert {key: name for key, name in _names(out).items() if key in names} == {
        key: name for key, name in names.items() if key in after
    }
    found = treeoflife.diff(kept, archive)
    assert sorted(found["change"]) == ["added", "added", "removed"]
    assert set(found.filter(change="added")["treeoflife_id"]) == after.keys() - before.keys()
    assert set(found.filter(change="removed")["treeoflife_id"]) == before.keys() - after.keys()


def _stored(out: Path) -> dict[Path, int]:
    """The tars of encoded images, each with the time when it was written."""
    return {path: path.stat().st_mtime_ns for path in sorted((out / "encoded").rglob("*.tar"))}


def _names(out: Path) -> dict[str, tuple[str, ...]]:
    rows = pl.read_parquet(out / "224x224/catalog.parquet").select("treeoflife_id", "genus", "species", "common").rows()
    return {row[0]: row[1:] for row in rows}
