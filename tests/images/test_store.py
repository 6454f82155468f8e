"""Reading many indexes at once gives what reading them one by one does."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from treeoflife.images import store


@pytest.mark.parametrize(("files", "size"), [(3, 1 << 30), (512, 1), (512, 1 << 30)])
def test_batches_hold_every_row_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int, size: int
) -> None:
    """However they are cut, and whatever the files are called; folders have columns of their own; some have no row."""
    monkeypatch.setattr(store, "_FILES_AT_ONCE", files)
    monkeypatch.setattr(store, "_BYTES_AT_ONCE", size)
    paths, wanted = [], []
    for number in range(20):
        path = tmp_path / f"source{number // 8}" / f"[{number}] a*b? %20 é.parquet"
        path.parent.mkdir(exist_ok=True)
        rows = [10 * number + row for row in range(number % 4)]
        table = pl.DataFrame({"position": rows, f"own{number // 8}": rows}, schema_overrides={"position": pl.UInt32})
        table.write_parquet(path)
        paths.append(path)
        wanted += [(row, number) for row in rows]
    batches = list(store.read_indexes(paths, ["position"]))
    assert pl.concat(batches).rows() == wanted
    assert pl.concat(batches).columns == ["position", "container"]
    assert store.count_rows(paths) == len(wanted)
    assert list(store.read_indexes([], ["position"])) == []
