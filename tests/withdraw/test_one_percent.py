"""One image in a hundred is withdrawn from a dataset of two sources, one of which is fetched from the web."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest

from fetch.hosts import serving
from helpers import built, cli, samples, seldom, shards
from treeoflife.testing.world import draw_picture, encode_image

from .traces import Withdrawn, traces

SPECIES = ("Parus major", "Pica pica", "Felis catus", "Bubo bubo")


def pictures(count: int) -> list[bytes]:
    return [encode_image(draw_picture(random.Random(number), (64, 64))) for number in range(count)]


@pytest.mark.parametrize(("images", "shard"), [(200, 8), *seldom((5000, 25))])
def test_a_hundredth_goes_and_only_its_shards_change(images: int, shard: int, tmp_path: Path) -> None:
    """No byte of a picture and no id, key or address is left in any file but the table and the ledger."""
    out, found = tmp_path / "out", pictures(images)
    half = images // 2
    out.mkdir()
    for number, data in enumerate(found[:half]):
        file = tmp_path / "photos" / SPECIES[number % len(SPECIES)] / f"photo-{number:06d}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    with serving("127.0.0.12") as (host,):
        rows = [
            (f"listed-{number:06d}", host.put(f"/{number}.jpg", data)) for number, data in enumerate(found[half:], half)
        ]
        lines = [f"{key},{url},{SPECIES[at % len(SPECIES)].replace(' ', ',')}" for at, (key, url) in enumerate(rows)]
        (tmp_path / "list.csv").write_text("\n".join(["id,url,genus,species", *lines, ""]))
        (out / "dataset.toml").write_text(f"""
            [sources.photos]
            kind = "folder"
            path = "../photos"
            [sources.listed]
            kind = "urls"
            path = "../list.csv"
            columns = {{ id = "id" }}
            [fetch]
            per_second = 0
            per_archive = {max(10, images // 20)}
            [wds]
            max_samples = {shard}
        """)
        built(out / "dataset.toml")
        assert cli("report", "--config", out).returncode == 0
        gone = chosen(out, found, images // 100)
        header = "treeoflife_id,verdict,kingdom,phylum,class,order,family,genus,species,common,note\n"
        (out / "marks.csv").write_text(header + f"{gone[0].id},relabel,,,,,,Parus,ater,,\n")
        built(out / "dataset.toml")
        former = {path: path.read_bytes() for path in shards(out)}
        held = {path for path in former if {*samples([path])} & {one.id for one in gone}}
        host.taken()
        (tmp_path / "ids.txt").write_text("".join(f"{one.id}\n" for one in gone))
        done = cli("withdraw", tmp_path / "ids.txt", "--config", out, "--why", "asked")
        assert done.returncode == 0, done.stderr
        assert host.taken() == []
    assert traces(out, gone) == []
    assert {path for path in former if path.read_bytes() != former[path]} == held
    assert len(held) < len(former)
    verified = cli("verify", out)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    status = json.loads(cli("status", "--config", out, "--json").stdout)
    assert all(state["fresh"] for state in status.values()), status


def chosen(out: Path, found: list[bytes], count: int) -> list[Withdrawn]:
    """Samples of both sources, evenly over the plan, with what names them and their bytes."""
    plan = pl.concat(pl.read_parquet(out / f"plan/224x224/{split}.parquet") for split in ("train", "val"))
    plan = plan.sort("treeoflife_id").gather_every(max(1, plan.height // count)).head(count)
    images = []
    for row in plan.iter_rows(named=True):
        store = out / "encoded/224x224-q100" / row["source"] / f"{row['container']}.tar"
        jpeg = store.read_bytes()[row["offset"] : row["offset"] + row["size"]]
        key = row["listed_image_id"] or Path(next(v for n, v in row.items() if n.startswith("photos") and v)).stem
        names = (key, row["listed_image_url"]) if row["listed_image_id"] else (key,)
        images.append(Withdrawn(row["treeoflife_id"], names, (jpeg, found[int(key.split("-")[1])])))
    return images
