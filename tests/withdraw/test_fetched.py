"""Withdrawn images go from what was fetched too; nothing is fetched again, and nobody else loses a picture."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from fetch.hosts import Host, serving
from helpers import built, cli, samples, shards
from treeoflife.download.lists.archive_journal import digest, first_line
from treeoflife.testing.world import draw_picture, encode_image

from .traces import Withdrawn, traces

IMAGES, PER_ARCHIVE = 40, 8
BOXED = (IMAGES, IMAGES + 1)
SHARED, ALONE, GONE, ARCHIVE = "/5.jpg", "/7.jpg", "/gone.jpg", 2


def picture(path: str) -> bytes:
    return encode_image(draw_picture(random.Random(path), (96, 72)))


@dataclass(frozen=True)
class Dataset:
    """A dataset of a list of addresses, its host, and the ids of its images by their labels in the list."""

    out: Path
    host: Host
    ids: dict[str, str]

    def withdrawn(self, label: str, path: str) -> Withdrawn:
        found = picture(path)
        return Withdrawn(self.ids[label], (label, self.host.url + path), (found, self.jpeg(label)))

    def jpeg(self, label: str) -> bytes:
        return samples(shards(self.out))[self.ids[label]]["jpg"]


def write_list(out: Path, host: Host) -> None:
    rows = [(f"key-{number:03d}", host.url + f"/{number}.jpg") for number in range(IMAGES)]
    rows += [("shares-its-picture", host.url + SHARED), ("is-gone", host.url + GONE)]
    lines = [f"{key},{url},Parus,major" for key, url in rows]
    (out.parent / "list.csv").write_text("\n".join(["id,url,genus,species", *lines, ""]))
    boxes = [f"{host.url}/{number}.jpg,{x},8,40,40,Parus,minor" for number in BOXED for x in (0, 48)]
    (out.parent / "boxes.csv").write_text("\n".join(["url,x,y,width,height,genus,species", *boxes, ""]))


def ids_of(out: Path) -> dict[str, str]:
    """The ids of images by the id in the list, or by address and box."""
    rows = pl.read_parquet(out / "metadata/mapping.parquet")
    label = pl.coalesce("mine_image_id", pl.concat_str("boxes_image_url", "boxes_box", separator=" "))
    return dict(rows.select(label, "treeoflife_id").iter_rows())


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dataset]:
    out = tmp_path_factory.mktemp("lists") / "out"
    out.mkdir()
    with serving("127.0.0.11") as (host,):
        for number in (*range(IMAGES), *BOXED):
            host.put(f"/{number}.jpg", picture(f"/{number}.jpg"))
        write_list(out, host)
        (out / "dataset.toml").write_text(
            f"[sources.mine]\nkind = 'urls'\npath = '{out.parent}/list.csv'\ncolumns = {{ id = 'id' }}\n"
            f"[sources.boxes]\nkind = 'urls'\npath = '{out.parent}/boxes.csv'\nboxes = true\n"
            f"[fetch]\nper_second = 0\ntries = 1\nper_archive = {PER_ARCHIVE}\n[wds]\nmax_samples = 10\n"
            "[splits]\nval_percent = 20\n"
        )
        built(out / "dataset.toml")
        host.taken()
        yield Dataset(out, host, ids_of(out))


def copied(before: Dataset, folder: Path) -> Dataset:
    shutil.copytree(before.out, folder / "out")
    return Dataset(folder / "out", before.host, before.ids)


def withdraw(dataset: Dataset, *labels: str) -> subprocess.CompletedProcess[str]:
    words = [word for label in labels for word in ("--id", dataset.ids[label])]
    done = cli("withdraw", "--config", dataset.out, "--why", "asked", *words)
    assert done.returncode == 0, done.stderr
    return done


def verified(out: Path) -> None:
    done = cli("verify", out)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_left_of_what_was_fetched_and_nothing_is_asked_again(before: Dataset, tmp_path: Path) -> None:
    dataset = copied(before, tmp_path)
    gone = dataset.withdrawn("key-007", ALONE)
    assert any("fetched/" in one for one in traces(dataset.out, [gone]))
    done = withdraw(dataset, "key-007", "is-gone")
    assert "still hold them" not in done.stdout
    assert traces(dataset.out, [gone]) == []
    built(dataset.out / "dataset.toml")
    assert dataset.host.taken() == []
    left, former = samples(shards(dataset.out)), samples(shards(before.out))
    assert left == {key: former[key] for key in former if key != gone.id}
    verified(dataset.out)


def test_who_shares_a_picture_keeps_it(before: Dataset, tmp_path: Path) -> None:
    """An image with the same address, and another box of the same picture, are the samples that they were."""
    dataset = copied(before, tmp_path)
    box, *others = sorted(label for label in dataset.ids if label.startswith(dataset.host.url))
    withdraw(dataset, "key-005", box)
    left, former = samples(shards(dataset.out)), samples(shards(before.out))
    assert left == {key: former[key] for key in former if key not in {dataset.ids["key-005"], dataset.ids[box]}}
    assert {dataset.ids["shares-its-picture"], *(dataset.ids[one] for one in others)} <= left.keys()
    withdraw(dataset, "key-005", "shares-its-picture")
    found = picture(SHARED)
    tars = (dataset.out / "fetched").rglob("*.tar")
    assert not any(found[-200:-20] in tar.read_bytes() for tar in tars)
    assert dataset.host.taken() == []
    verified(dataset.out)


def test_a_whole_archive_and_a_kill_before_anything_was_done(before: Dataset, tmp_path: Path) -> None:
    """Of an archive whose images all go, the places stay. The table alone is enough for the next build."""
    dataset = copied(before, tmp_path)
    table = pl.read_parquet(dataset.out / f"fetched/mine/{ARCHIVE:06d}.images.parquet")
    labels = table["image_id"].to_list()
    gone = [dataset.withdrawn(label, f"/{int(label[4:])}.jpg") for label in labels if label.startswith("key-")]
    withdraw(dataset, *labels)
    assert traces(dataset.out, gone) == []
    killed = copied(before, tmp_path / "killed")
    shutil.copy(dataset.out / "withdrawn.csv", killed.out / "withdrawn.csv")
    built(killed.out / "dataset.toml")
    assert traces(killed.out, gone) == []
    assert [path.read_bytes() for path in shards(killed.out)] == [path.read_bytes() for path in shards(dataset.out)]
    assert dataset.host.taken() == []
    verified(dataset.out)


def test_an_archive_that_is_not_finished_goes_on_without_them(before: Dataset, tmp_path: Path) -> None:
    """Of an archive that was killed, nothing of a withdrawn image stays, and nothing that is there is asked again."""
    dataset = copied(before, tmp_path)
    folder, number = dataset.out / "fetched/mine", f"{ARCHIVE:06d}"
    index = pl.read_parquet(folder / f"{number}.parquet")
    asked = index[:-1]
    urls = pl.read_parquet(folder / f"{number}.urls.parquet")["url"].to_list()
    lines = [first_line(digest(urls))]
    for row in asked.iter_rows(named=True):
        hashes = (row["sha256"].hex(), row["md5"].hex()) if row["sha256"] else (None, None)
        place = (row["url"], row["offset"], row["size"], *hashes, row["content_type"], row["fetched_at"])
        line = [urls.index(row["url"]), row["final_url"] or "", row["status"], row["reason"], row["detail"], *place]
        lines.append(json.dumps(line).encode() + b"\n")
    (folder / f"{number}.tar").rename(folder / f".{number}.tar.part")
    (folder / f".{number}.tar.journal").write_bytes(b"".join(lines))
    (folder / f"{number}.parquet").unlink()
    paths = [url.removeprefix(dataset.host.url) for url in asked["url"]]
    first = next(path for path in paths if path not in (SHARED, GONE))
    label = f"key-{int(first[1:-4]):03d}"
    gone = dataset.withdrawn(label, first)
    dataset.host.taken()
    withdraw(dataset, label)
    built(dataset.out / "dataset.toml")
    assert traces(dataset.out, [gone]) == []
    assert dataset.host.taken() == [index["url"][-1].removeprefix(dataset.host.url)]
    left, former = samples(shards(dataset.out)), samples(shards(before.out))
    assert left == {key: former[key] for key in former if key != gone.id}
    verified(dataset.out)
