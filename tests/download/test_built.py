"""From ``download`` to shards: what is read straight from archives gives the bytes that unpacked folders give."""

from __future__ import annotations

import random
import shutil
import sqlite3
import tarfile
import zipfile
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest

from helpers import built, cli, configured, digests
from treeoflife.download.components import chosen, components
from treeoflife.testing.world import draw

from .server import Resource, Server


def world(folder: Path, *, natural: bool) -> Path:
    """A drawn world with broken images among iNat21's and BIOSCAN's too."""
    root = draw(folder, 80, natural=natural).root
    for path in (*root.glob("dataset/inat21/train/00000_*"), root / "dataset/bioscan/part2"):
        (path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
        (path / "notes.txt").write_text("not an image")
    return root


def packed(root: Path, folder: Path) -> dict[str, Path]:
    """The archives that the providers would have, by where ``download`` puts them; members in no order."""
    chance = random.Random(1)
    train, images = root / "dataset/inat21", root / "dataset/bioscan"
    with tarfile.open(folder / "train.tar.gz", "w:gz") as out:
        for one in chance.sample(found := sorted((train / "train").iterdir()), len(found)):
            for path in chance.sample(inner := sorted(one.iterdir()), len(inner)):
                out.add(path, path.relative_to(train))
    with zipfile.ZipFile(folder / "cropped_256.zip", "w") as zipped:
        for path in chance.sample(found := sorted(images.rglob("*.*")), len(found)):
            zipped.write(path, Path("bioscan/images/cropped_256") / path.relative_to(images))
    eol = {f"eol/{path.name}": path for path in (root / "dataset").rglob("image_set_*.tar.gz")}
    metadata = {path.relative_to(root).as_posix(): path for path in (root / "metadata").rglob("*") if path.is_file()}
    archives = {"inat21/train.tar.gz": folder / "train.tar.gz", "bioscan/cropped_256.zip": folder / "cropped_256.zip"}
    return eol | metadata | archives


def offered(kind: str, files: dict[str, Path], server: Server) -> tuple[list[str], str]:
    """Those components of a kind that the server has, and a dataset.toml that says where."""
    names, text = [], "[sources]\n"
    for one in chosen([kind], components()):
        there = [file.to for file in one.files() if file.to in files]
        for to in there:
            server.put(f"/{to}", Resource(files[to].read_bytes()))
        if there:
            names.append(one.name)
            text += f'[download.components.{one.name}]\nsize = 1000000\nurl = "{server.url}/{one.to}"\n'
            text += f"numbers = [1, {len(there)}]\n" if one.numbers else ""
    return names, text


def made(out: Path) -> dict[str, object]:
    """The files that people use, by digest; tables by their rows, since they also say what they were made from."""
    found = {
        file: digest for file, digest in digests(out).items() if file.startswith(("224x224/", "ledger/", "metadata/"))
    }
    return {file: _rows(out / file) if file.endswith((".parquet", ".sqlite")) else found[file] for file in found}


def _rows(table: Path) -> list[object]:
    """In one order: rows of the mapping stand in that of the archive."""
    if table.suffix == ".parquet":
        return sorted(pl.read_parquet(table).rows(), key=str)
    with closing(sqlite3.connect(table)) as db:
        return sorted(line for line in db.iterdump() if "made_from" not in line)


@pytest.mark.parametrize("kind", ["published", pytest.param("original", marks=pytest.mark.slow)])
def test_archives_that_were_downloaded_build_the_bytes_that_folders_do(
    kind: str, server: Server, tmp_path: Path
) -> None:
    """Shards, the ledger, ids, names and catalogs; init finds what download laid out."""
    pytest.importorskip("indexed_gzip")
    root = world(tmp_path / "world", natural=kind == "original")
    names, text = offered(kind, packed(root, tmp_path), server)
    (tmp_path / "download.toml").write_text(text)
    raw = tmp_path / "raw"
    done = cli("download", *names, "--to", raw, "--config", tmp_path / "download.toml")
    assert done.returncode == 0, done.stderr
    if kind == "original":  # whose images of EOL come one by one; the drawn world's taxonomies have other names
        shutil.copytree(root / "dataset/eol", raw / "eol")
        shutil.copytree(root / "metadata", raw / "metadata", dirs_exist_ok=True)
    outs = {}
    for name, where in (("folders", root), ("archives", raw)):
        config = configured(tmp_path / name, kind, where, max_samples=20)
        built(config)
        outs[name] = made(config.parent)
    assert f'path = "{raw / "inat21"}"' in (tmp_path / "archives/dataset.toml").read_text()
    assert outs["archives"] == outs["folders"]
    assert any(file.endswith("shard-000000.tar") for file in outs["folders"])
