"""From ``download`` to shards: archives that are read directly give the same bytes as unpacked folders."""

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
from treeoflife.download.components import load_components, select_components
from treeoflife.testing.world import draw_world

from .server import Resource, Server


def make_world(folder: Path, *, natural: bool) -> Path:
    """A drawn world, with broken images also in iNat21 and BIOSCAN."""
    root = draw_world(folder, 80, natural=natural).root
    for path in (*root.glob("dataset/inat21/train/00000_*"), root / "dataset/bioscan/part2"):
        (path / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 broken")
        (path / "notes.txt").write_text("not an image")
    return root


def pack(root: Path, folder: Path) -> dict[str, Path]:
    """The archives as providers have them, with members in random order, by the path where ``download`` saves them."""
    chance = random.Random(1)
    train, images = root / "dataset/inat21", root / "dataset/bioscan"
    with tarfile.open(folder / "train.tar.gz", "w:gz") as out:
        for class_folder in chance.sample(folders := sorted((train / "train").iterdir()), len(folders)):
            for path in chance.sample(files := sorted(class_folder.iterdir()), len(files)):
                out.add(path, path.relative_to(train))
    with zipfile.ZipFile(folder / "cropped_256.zip", "w") as zipped:
        for path in chance.sample(files := sorted(images.rglob("*.*")), len(files)):
            zipped.write(path, Path("bioscan/images/cropped_256") / path.relative_to(images))
    eol = {f"eol/{path.name}": path for path in (root / "dataset").rglob("image_set_*.tar.gz")}
    metadata = {path.relative_to(root).as_posix(): path for path in (root / "metadata").rglob("*") if path.is_file()}
    archives = {"inat21/train.tar.gz": folder / "train.tar.gz", "bioscan/cropped_256.zip": folder / "cropped_256.zip"}
    return eol | metadata | archives


def serve_components(kind: str, files: dict[str, Path], server: Server) -> tuple[list[str], str]:
    """Serve the files of a group's components; returns their names, and a dataset.toml with their addresses."""
    names, text = [], "[sources]\n"
    for component in select_components([kind], load_components()):
        available = [file.to for file in component.files() if file.to in files]
        for to in available:
            server.put(f"/{to}", Resource(files[to].read_bytes()))
        if available:
            names.append(component.name)
            text += f'[download.components.{component.name}]\nsize = 1000000\nurl = "{server.url}/{component.to}"\n'
            text += f"numbers = [1, {len(available)}]\n" if component.numbers else ""
    return names, text


def published_files(out: Path) -> dict[str, object]:
    """The published files, by digest; tables by their rows, whose metadata is not compared."""
    all_digests = digests(out)
    names = [name for name in all_digests if name.startswith(("224x224/", "ledger/", "metadata/"))]
    tables = (".parquet", ".sqlite")
    return {name: _rows(out / name) if name.endswith(tables) else all_digests[name] for name in names}


def _rows(table: Path) -> list[object]:
    """Sorted, because the mapping has its rows in the order of the archive."""
    if table.suffix == ".parquet":
        return sorted(pl.read_parquet(table).rows(), key=str)
    with closing(sqlite3.connect(table)) as db:
        return sorted(line for line in db.iterdump() if "made_from" not in line)


@pytest.mark.parametrize("kind", ["published", pytest.param("original", marks=pytest.mark.slow)])
def test_downloaded_archives_build_the_same_bytes_as_unpacked_folders(
    kind: str, server: Server, tmp_path: Path
) -> None:
    """Shards, ledger, ids, names and catalogs are the same; init finds the folders that download laid out."""
    pytest.importorskip("indexed_gzip")
    root = make_world(tmp_path / "world", natural=kind == "original")
    names, text = serve_components(kind, pack(root, tmp_path), server)
    (tmp_path / "download.toml").write_text(text)
    raw = tmp_path / "raw"
    done = cli("download", *names, "--to", raw, "--config", tmp_path / "download.toml")
    assert done.returncode == 0, done.stderr
    # Original EOL images are fetched one by one, and the drawn taxonomies have other names than the components.
    if kind == "original":
        shutil.copytree(root / "dataset/eol", raw / "eol")
        shutil.copytree(root / "metadata", raw / "metadata", dirs_exist_ok=True)
    outs = {}
    for name, where in (("folders", root), ("archives", raw)):
        config = configured(tmp_path / name, kind, where, max_samples=20)
        built(config)
        outs[name] = published_files(config.parent)
    assert f'path = "{raw / "inat21"}"' in (tmp_path / "archives/dataset.toml").read_text()
    assert outs["archives"] == outs["folders"]
    assert any(file.endswith("shard-000000.tar") for file in outs["folders"])
