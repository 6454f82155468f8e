"""Reading many indexes in batches gives the same rows as reading them one by one."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from treeoflife.images import store


@pytest.mark.parametrize(("files", "size"), [(3, 1 << 30), (512, 1), (512, 1 << 30)])
def test_batches_hold_every_row_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: int, size: int
) -> None:
    """Whatever limits a batch, and whatever the files are called. Folders differ in columns; some indexes are empty."""
    monkeypatch.setattr(store, "_FILES_AT_ONCE", files)
    monkeypatch.setattr(store, "_BYTES_AT_ONCE", size)
    paths, expected = [], []
    for number in range(20):
        path = tmp_path / f"source{number // 8}" / f"[{number}] a*b? %20 é.parquet"
        path.parent.mkdir(exist_ok=True)
        rows = [10 * number + row for row in range(number % 4)]
        table = pl.DataFrame({"position": rows, f"own{number // 8}": rows}, schema_overrides={"position": pl.UInt32})
        table.write_parquet(path)
        paths.append(path)
        expected += [(row, number) for row in rows]
    batches = list(store.read_indexes(paths, ["position"]))
    assert pl.concat(batches).rows() == expected
    assert pl.concat(batches).columns == ["position", "container"]
    assert list(store.read_indexes([], ["position"])) == []
