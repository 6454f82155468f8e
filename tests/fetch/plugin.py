"""A listed source that reads a CSV, installed as a plug-in of the kind ``postcards``, and datasets that use it."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

import treeoflife

PLUG_IN = '''
from pathlib import Path

from treeoflife.config.base import Model
from treeoflife.sources.lists.listed import LISTED_COLUMNS, ListedImages


class Postcards(ListedImages):
    """Pictures in a table with a header."""

    class Settings(Model):
        """A table."""

        table: Path
        """The table."""

    columns = {"series": int, "card": str}
    key = ("series", "card")
    listed_as = "{series}/{card}"
    catalog = ("series", "card")

    def __init__(self, name, settings):
        self.name, self.table = name, settings.table

    def tables(self):
        return [self.table]

    def list_images(self, database):
        database.make("raw", "FROM read_csv($table, header = true, all_varchar = true)", table=self.table)
        given = {name for name, *_ in database.rows("DESCRIBE raw")}
        texts = ", ".join(f'"{name}"' if name in given else f"NULL::VARCHAR AS \\"{name}\\"" for name in LISTED_COLUMNS)
        database.make("listed", f"SELECT series::BIGINT AS series, card, {texts} FROM raw")
'''

Row = dict[str, object]


def plug_in(folder: Path) -> dict[str, str]:
    """Install the plug-in in a folder; returns the environment for it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "postcards.py").write_text(PLUG_IN)
    info = folder / "postcards-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: postcards\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[treeoflife.sources]\npostcards = postcards:Postcards\n")
    return {"PYTHONPATH": f"{folder}:{Path(treeoflife.__file__).parents[1]}"}


def write_table(path: Path, rows: Iterable[Row]) -> None:
    """A table with these rows; values that a row lacks are empty."""
    listed = list(rows)
    names = list(dict.fromkeys(name for row in listed for name in row))
    with path.open("w", newline="") as fd:
        writer = csv.DictWriter(fd, names)
        writer.writeheader()
        writer.writerows(listed)


def dataset(folder: Path, rows: Iterable[Row], fetch: str = "", **tables: str) -> Path:
    """A dataset of one source of postcards; returns its dataset.toml."""
    out = folder / "out"
    out.mkdir(parents=True)
    write_table(folder / "cards.csv", rows)
    further = "".join(f"[{name}]\n{text}\n" for name, text in tables.items())
    (out / "dataset.toml").write_text(
        "[sources.postcards]\ntable = '../cards.csv'\n"
        f"[fetch]\nper_second = 0\nwait_seconds = 0.01\nstall_seconds = 2\ntries = 1\nper_archive = 8\n{fetch}\n"
        f"[splits]\nval_percent = 20\n{further}"
    )
    return out / "dataset.toml"
