"""Ids, splits, plans, ledger and findings have the same bytes with any number of threads and however little memory."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from planned import stored
from treeoflife.core import database as databases
from treeoflife.core.files import sha256
from treeoflife.selection import findings, plan_findings, quality
from treeoflife.selection.conflicts import find_conflicts
from treeoflife.selection.policies import cap, duplicates


def made(folder: Path, groups: Path) -> dict[str, str]:
    """The digests of all tables of 40,000 images."""
    folder.mkdir()
    store = stored(folder, eol=30_000, inat21=10_000, taxa=400)
    with store.decided(*duplicates("best", one_side=True), *cap(60, 17), groups=groups) as decided:
        paths = decided.plans(max_samples=700)
        decided.ledger()
        find_conflicts(decided.database)
        for name, sql, kinds in (
            ("quality", plan_findings.of_quality(), quality.MEANING),
            ("duplicates", plan_findings.duplicates(), plan_findings.DUPLICATES),
        ):
            paths[name] = folder / f"{name}.parquet"
            findings.write_query(decided.database, paths[name], sql, kinds)
    files = [*paths.values(), folder / "ids.parquet", store.mapping, folder / "ledger.parquet"]
    return {path.name: sha256(path) for path in files}


@pytest.fixture
def groups(tmp_path: Path) -> Path:
    """Groups of two to four images of both sources."""
    rows = [(one // 3, source, f"{source}-1", one * 7) for source in ("eol", "inat21") for one in range(1_200)]
    schema = {"group": pl.UInt32, "source": pl.String, "container": pl.String, "position": pl.UInt32}
    path = tmp_path / "groups.parquet"
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(path)
    return path


def test_threads_and_memory_change_no_byte(tmp_path: Path, groups: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for threads, megabytes in ((1, 1024), (2, 1024), (8, 2048), (2, 160)):
        monkeypatch.setattr(databases, "cores", lambda count=threads: count)
        monkeypatch.setattr(databases, "_memory_limit", lambda *_, size=megabytes: size << 20)
        found.append(made(tmp_path / f"{threads}-{megabytes}", groups))
    assert all(one == found[0] for one in found)
    ledger = pl.read_parquet(tmp_path / "1-1024/ledger.parquet")
    assert set(ledger["reason"]) == {"duplicate", "over-cap"}
