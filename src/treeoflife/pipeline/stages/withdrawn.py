"""withdrawn: what nobody else makes anew and still names withdrawn images, or shows them, goes.

All other files follow from their inputs, of which the table of withdrawn images is one. What is removed here are
copies: caches, reports, credits, logs, tables of leaks, and images in hold-out sets. The commands that wrote them write
them again.
"""

import re
import shutil
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import polars as pl

from ...config.paths import Paths
from ...core.files import exists, replacing, write_json
from ...core.folders import walk_folder
from ...core.json_reader import read_json
from ...core.tables import PARQUET_ERRORS, parquet_schema
from ...core.text import counted
from ...errors import InputError
from ...reports.report import report_files
from ...selection import marks
from ...shards.view_folder import cache_folder
from ..stage import Item, Job, Stage
from ..workspace import Workspace

STEP_VERSION = 2
_TOKEN = re.compile(r"https?://[^\s\"'<>\\]+|[A-Za-z0-9_-]{8,80}")
_TABLES, _LISTS = (".csv", ".txt"), (".json",)
_LOGS = (".json", ".log", ".txt", ".out", ".err", ".jsonl")


def declare(workspace: Workspace) -> Stage:
    """The stage: an item where there is a table of withdrawn images."""
    inputs = workspace.withdrawn_input()
    return Stage(
        name="withdrawn",
        needs=(),
        version=STEP_VERSION,
        settings={},
        items=lambda: [Item("withdrawn", inputs)] if inputs else [],
        run=lambda job: _run(workspace, job),
    )


def _run(workspace: Workspace, job: Job) -> str:
    rows = workspace.withdrawn()
    job.runner.listener.start("withdrawn", 1, "tables")
    removed = _Traces(workspace.paths, rows).remove()
    summary = f"{counted(rows.height, 'image')}, {counted(removed, 'file')} that named or showed them"
    job.runner.listener.finish(summary)
    return summary


class _Traces:
    """The files of a dataset beside those of stages, and the withdrawn images that they must not name."""

    def __init__(self, paths: Paths, rows: pl.DataFrame) -> None:
        self._paths, self._ids = paths, frozenset(rows["treeoflife_id"])
        self._names = self._ids | frozenset(rows["url"]) - {""}

    def remove(self) -> int:
        """Remove what names or shows withdrawn images; returns how many files were removed or written anew."""
        paths = self._paths
        self._remove_marks()
        for folder in (paths.sample_index.parent, cache_folder(paths)):
            shutil.rmtree(folder, ignore_errors=True)
        shown = [path for path in report_files(paths.reports) if exists(path)]
        pages = (paths.card, paths.croissant, paths.credits, paths.credits_page, paths.licences)
        logs = [path for path in _files(paths.logs) if path.suffix in _LOGS]
        named = [path for path in (*pages, *logs) if exists(path) and self._is_named_in(path)]
        for path in (*shown, *named):
            path.unlink()
        return len(shown) + len(named) + sum(self._clean(path) for path in self._copies())

    def _remove_marks(self) -> None:
        """Remove the marks of withdrawn images: there is nothing left to mark."""
        for mark in marks.read(self._paths.marks).by_key.values():
            if mark["treeoflife_id"].lower() in self._ids:
                marks.save(self._paths.marks, self._paths.marks_lock, {**mark, "verdict": ""})

    def _copies(self) -> Iterator[Path]:
        """Files that commands beside the build have made: leaks, hold-out sets, scores, vectors, findings."""
        paths = self._paths
        folders = (paths.leak_folder, paths.holdout_sets, paths.own_scores, paths.embeddings, paths.findings_folder)
        for folder in folders:
            yield from _files(folder)

    def _clean(self, path: Path) -> bool:
        """Remove withdrawn images from a file; whether it had some."""
        if path.stem in self._ids:
            path.unlink()
            return True
        if path.suffix == ".parquet":
            return self._clean_parquet(path)
        if path.suffix not in (*_TABLES, *_LISTS) or not self._is_named_in(path):
            return False
        if path.suffix in _LISTS:
            return self._clean_json(path)
        with path.open(encoding="utf-8", newline="") as lines, replacing(path) as temporary:
            kept = (line for line in lines if not self._names_any(line))
            with temporary.open("w", encoding="utf-8", newline="") as out:
                out.writelines(kept)
        return True

    def _clean_parquet(self, path: Path) -> bool:
        try:
            if "treeoflife_id" not in parquet_schema(path):
                return False
        except PARQUET_ERRORS:
            return False  # whoever reads it will say that it is damaged
        ids = pl.col("treeoflife_id").is_in(self._ids)
        table = pl.scan_parquet(path, glob=False)
        if not table.select(ids.any()).collect().item():
            return False
        metadata = {name: text for name, text in pl.read_parquet_metadata(path).items() if name == "treeoflife"}
        with replacing(path) as temporary:
            table.filter(~ids).collect().write_parquet(temporary, metadata=metadata)
        return True

    def _clean_json(self, path: Path) -> bool:
        try:
            value = read_json(path)
        except InputError:
            return False
        write_json(path, _without(value, self._names_any))
        return True

    def _is_named_in(self, path: Path) -> bool:
        with path.open(encoding="utf-8", errors="replace") as lines:
            return any(self._names_any(line) for line in lines)

    def _names_any(self, text: str) -> bool:
        return any(token in self._names for token in _TOKEN.findall(unescape(text)))


def _files(folder: Path) -> list[Path]:
    return sorted(walk_folder(folder).files) if folder.is_dir() else []


def _without(value: Any, names_any: Callable[[str], bool]) -> Any:
    """A JSON value without the texts that name withdrawn images."""
    if isinstance(value, dict):
        return {key: _without(one, names_any) for key, one in value.items()}
    if isinstance(value, list):
        return [_without(one, names_any) for one in value if not (isinstance(one, str) and names_any(one))]
    return value
