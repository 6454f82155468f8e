"""The table of findings: what is written is read back, sample by sample, and what is no such table is said so."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from treeoflife.errors import InputError
from treeoflife.selection import findings

KINDS = {"blank": "hardly anything is on it", "twin": "the same picture under another name"}


def test_what_is_written_is_read_back_by_sample_and_by_kind(tmp_path: Path) -> None:
    rows = pl.DataFrame(
        {"treeoflife_id": ["b", "a", "b"], "kind": ["twin", "blank", "blank"], "others": [["a", "gone"], [], []]}
    )
    findings.write(tmp_path / "some.parquet", rows, KINDS)
    (found,) = findings.read(tmp_path)
    assert found.kinds == KINDS
    assert found.counts() == {"blank": 2, "twin": 1}
    assert found.of("b") == [
        {"kind": "blank", "detail": "", "others": []},
        {"kind": "twin", "detail": "", "others": ["a", "gone"]},
    ]
    assert found.of("nobody") == []


def test_no_findings_are_a_table_too_and_its_kinds_are_known(tmp_path: Path) -> None:
    none = pl.DataFrame(schema={"treeoflife_id": pl.String, "kind": pl.String})
    findings.write(tmp_path / "none.parquet", none, KINDS)
    assert [(one.kinds, one.counts()) for one in findings.read(tmp_path)] == [(KINDS, {})]
    assert findings.read(tmp_path / "nowhere") == []


def test_a_kind_without_a_meaning_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="'bad'"):
        findings.write(tmp_path / "x.parquet", pl.DataFrame({"treeoflife_id": ["a"], "kind": ["bad"]}), KINDS)
    assert not list(tmp_path.iterdir())


def test_another_table_is_said_to_be_none(tmp_path: Path) -> None:
    pl.DataFrame({"treeoflife_id": ["a"]}).write_parquet(tmp_path / "odd.parquet")
    with pytest.raises(InputError, match=r"odd\.parquet is not a table of findings: it has no column kind"):
        findings.read(tmp_path)
    (tmp_path / "odd.parquet").write_bytes(b"not parquet")
    with pytest.raises(InputError, match="cannot be read"):
        findings.read(tmp_path)
