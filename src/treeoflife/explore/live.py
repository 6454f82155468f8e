"""The dataset that the page shows: opened, watched for rebuilds, with its marks."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from polars.exceptions import PolarsError

from ..config.paths import Paths
from ..core.files import fingerprint
from ..core.lock import read_holder
from ..core.progress import Listener
from ..core.tables import Array
from ..core.text import reason
from ..errors import TreeoflifeError
from ..selection.mark_history import MarkHistory
from ..selection.marks import MarkFile, Marks
from ..shards.locations import load_locations
from ..shards.reader import Dataset
from .index_builder import open_index
from .lineage_index import MARKED, LineageIndex

_WATCH_SECONDS = 2.0


@dataclass(frozen=True)
class View:
    """A state of the dataset: all of it as it was when it was opened.

    Attributes:
        version: another text for each state. Rows are those of one version.
    """

    dataset: Dataset
    index: LineageIndex
    version: str

    def ids(self, rows: Sequence[int] | Array) -> list[str]:
        """The id of each row; the indexes of shards have them."""
        locations = self.dataset.locations
        numbers = self.index.number[np.asarray(rows, dtype=np.int64)]
        shards, places = locations.shard[numbers], locations.row[numbers]
        ids = np.empty(len(numbers), dtype=object)
        for shard in np.unique(shards):
            here = shards == shard
            column = pl.read_parquet(locations.shards[int(shard)].index, columns=["treeoflife_id"], glob=False)
            ids[here] = column["treeoflife_id"].gather(places[here]).to_numpy()
        return ids.tolist()

    def rows_of(self, keys: Sequence[str]) -> Array:
        """The row of each id; -1 for ids of other datasets."""
        numbers = self.dataset.locations.find(keys, range(len(self.dataset)))
        rows = np.full(len(numbers), -1, np.int64)
        known = numbers >= 0
        rows[known] = self.index.row[numbers[known]]
        rows[rows >= len(self.index)] = -1
        return rows


class LiveDataset:
    """A dataset that may be built again while the page shows it."""

    def __init__(self, paths: Paths, listener: Listener) -> None:
        """Open a dataset.

        Raises:
            InputError: there are no shards, or a file is damaged.
        """
        self.paths = paths
        self.marks_file = MarkFile(paths.marks, paths.marks_lock)
        self.history = MarkHistory(paths.mark_history, self.marks_file)
        self.problem = ""
        self._marks_version = 0
        self._shown: tuple[Marks, str] | None = None
        self._changing = threading.Lock()
        self._seen = _stamps(paths)
        self._view = _open(paths, listener)

    def view(self) -> View:
        """The dataset as it is shown now."""
        return self._view

    def marked(self) -> tuple[View, Marks, int]:
        """The dataset, the marks of the file as it is now, and a number that changes with them.

        Raises:
            InputError: the file of marks is malformed.
        """
        marks = self.marks_file.marks()
        with self._changing:
            view = self._view
            if self._shown is None or self._shown[0] is not marks or self._shown[1] != view.version:
                rows = view.rows_of([mark["treeoflife_id"] for mark in marks.by_key.values()])
                missing = np.flatnonzero(rows < 0)
                if len(missing):  # people may write ids in capitals
                    keys = list(marks.by_key)
                    rows[missing] = view.rows_of([keys[one] for one in missing])
                codes = np.array([MARKED.index(mark["verdict"]) for mark in marks.by_key.values()], np.uint8)
                view.index.set_marks(rows[rows >= 0], codes[rows >= 0])
                self._shown = (marks, view.version)
                self._marks_version += 1
            return view, marks, self._marks_version

    def holder(self) -> str:
        """Who works on the dataset right now; empty if nobody does."""
        holder = read_holder(self.paths.lock)
        return "" if holder is None or (holder.is_here() and not holder.is_alive_here()) else str(holder)

    def watch(self) -> None:
        """Begin to look for rebuilds; what is shown changes once the run that works on the dataset has ended."""
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        pause = threading.Event()
        while not pause.wait(_WATCH_SECONDS):
            self.reload()

    def reload(self) -> None:
        """Open the dataset again if it has changed; one that cannot be opened stays as it was shown."""
        try:
            stamps = _stamps(self.paths)
            if stamps == self._seen or self.holder():
                return
            self._view = _open(self.paths, None)
            self._seen, self.problem = stamps, ""
        except (TreeoflifeError, OSError, PolarsError, ValueError) as error:
            self.problem = f"the dataset has changed and cannot be opened again yet: {reason(error)}"


def _open(paths: Paths, listener: Listener | None) -> View:
    dataset = Dataset(paths, load_locations(paths, listener))
    index = open_index(dataset)
    return View(dataset, index, fingerprint([dataset.locations.made_from, index.made_from])[:12])


def _stamps(paths: Paths) -> list[str]:
    """What changes when the dataset is built again: few files, so that looking at them costs nothing."""
    files = [paths.checksums, paths.catalog, paths.catalog_csv, *sorted(paths.findings_folder.glob("*.parquet"))]
    files += sorted(paths.own_scores.glob("*.parquet"))
    folders = sorted(one for one in paths.shards.glob("*") if one.is_dir())
    return [f"{path.name} {_stamp(path)}" for path in (*files, *folders)]


def _stamp(path: Path) -> str:
    try:
        status = path.stat()
    except FileNotFoundError:
        return ""
    return f"{status.st_size}:{status.st_mtime_ns}"
