"""The kinds of tables that list images on the web, and the table of dataset.toml by which each is read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..sources.lists.listed_boxes import find_box_columns, has_boxes
from ..sources.lists.text_columns import Table
from ..sources.lists.treeoflife_200m import find_provenance, is_treeoflife_200m
from ..sources.registry import load_source
from ..sources.urls import Urls

Described = tuple[str, dict[str, Any], tuple[str, ...]]
"""The name of a source, its table in dataset.toml, and lines on what was recognised."""


def _gbif(path: Path) -> Described:
    return "gbif", {"kind": "gbif", "path": str(path)}, ()


def _inaturalist(path: Path) -> Described:
    return "inaturalist", {"kind": "inaturalist", "path": str(path)}, ()


def _urls(table: Path) -> Described:
    settings: dict[str, Any] = {"kind": "urls", "path": str(table)}
    columns = list(Table.of(table).columns)
    sides = find_box_columns(columns)
    if is_treeoflife_200m(columns):
        settings["preset"] = "treeoflife-200m"
        if provenance := find_provenance(table):
            settings["provenance"] = str(provenance)
    elif has_boxes(sides):
        settings["boxes"] = True
    source = load_source("urls", settings, table.parent)
    assert isinstance(source, Urls)
    meanings = source.meanings()
    if meanings["id"] and not source.keeps_ids:
        settings["columns"] = {"id": meanings["id"][0]}
    read = ", ".join(f"{meaning} from {' or '.join(map(repr, names))}" for meaning, names in meanings.items() if names)
    used = {name for names in meanings.values() for name in names}
    if source.settings.boxes:
        read += f", boxes in the pictures from {', '.join(map(repr, sides.values()))}"
        used |= {*sides.values()}
    unread = ", ".join(repr(name) for name in columns if name not in used)
    return "urls", settings, (f"columns: {read}", f"columns that are not read: {unread or 'none'}")


LISTED: dict[str, Callable[[Path], Described]] = {"gbif": _gbif, "inaturalist": _inaturalist, "urls": _urls}
"""How each kind of such tables is described."""
