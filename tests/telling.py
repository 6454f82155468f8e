"""A plug-in that knows of its images what a table beside them says, and builds with it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import polars as pl

from treeoflife.sources.base import ABOUT_COLUMNS
from treeoflife.testing.world import draw_picture, encode_image

_PLUG_IN = '''
from pathlib import Path

from treeoflife.config.base import Model
from treeoflife.core.values import Label, RawImage
from treeoflife.sources.base import Container
from treeoflife.sources.containers.image_folders import FolderImages, image_files


class Settings(Model):
    """Settings."""
    path: Path
    """Where."""


class Telling(FolderImages):
    """Photographs, and what photographs.parquet beside their folder says about them."""

    Settings = Settings
    columns = {"number": int, "filename": str}
    key = ("number", "filename")
    listed_as = "{filename}"
    name_key = "treeoflife_id"

    def __init__(self, name, settings):
        self.name, self.path = name, settings.path
        self.table = settings.path.parent / "photographs.parquet"
        self.catalog = (f"{name}_number", f"{name}_filename")

    def containers(self):
        return [Container(self.name, "all", self.path)]

    def files(self, container):
        return image_files(container.path)

    def image(self, container, path):
        return RawImage(path.name, (int(path.stem), path.name))

    def label_files(self):
        return [self.table]

    def labels(self):
        for path in image_files(self.path):
            yield Label(f"{int(path.stem)}/{path.name}", scientific_name="Parus major")

    def about(self, database):
        database.view("about", [self.table])
        return True
'''


def install(folder: Path) -> dict[str, str]:
    """Install the plug-in as the kind ``telling``; returns the environment in which it is found."""
    info = folder / "telling-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: telling\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[treeoflife.sources]\ntelling = telling:Telling\n")
    (folder / "telling.py").write_text(_PLUG_IN)
    return {"PYTHONPATH": f"{folder}:{Path(__file__).resolve().parents[1] / 'src'}"}


def write_photographs(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Draw a photograph for each row, called by its number, and write the table of what is said about them."""
    images = folder / "images"
    images.mkdir(parents=True, exist_ok=True)
    for number in range(len(rows)):
        if not (images / f"{number}.jpg").exists():
            (images / f"{number}.jpg").write_bytes(encode_image(draw_picture(random.Random(number))))
    tell(folder, rows)


def tell(folder: Path, rows: list[dict[str, Any]]) -> None:
    """Write the table of what is said about the photographs."""
    keys = [{"number": number, "filename": f"{number}.jpg", **row} for number, row in enumerate(rows)]
    schema = pl.Schema({"number": pl.Int64} | dict.fromkeys(("filename", *ABOUT_COLUMNS), pl.String))
    pl.DataFrame(keys, schema=schema).write_parquet(folder / "photographs.parquet")


def configure(out: Path, *sources: Path, text: str = "") -> Path:
    """Write the dataset.toml of a dataset of photographs in these folders, the sources ``telling0`` and so on."""
    tables = "".join(
        f'[sources.telling{number}]\nkind = "telling"\npath = "{folder}/images"\n'
        for number, folder in enumerate(sources)
    )
    out.mkdir(parents=True, exist_ok=True)
    config = out / "dataset.toml"
    config.write_text(f'{tables}{text}\n[mapping]\nformat = "parquet"\n[names]\nparser = "simple"\n')
    return config
