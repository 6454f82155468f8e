"""Every number of the report is compared with a second count in plain Python."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

pytest.importorskip("squarify", reason="pip install 'treeoflife[reports]'")

from treeoflife.core.values import RANKS
from treeoflife.reports import treemap
from treeoflife.reports.report import ReportInputs, report_files, write_report
from treeoflife.reports.statistics import count_taxa, distinct_images, scan_catalog
from treeoflife.selection import findings

Rows = list[dict[str, str]]
HOSTILE = ("<script>alert(1)</script>", "../../etc", "x" * 10_000, "\u202egnp.exe", "a & b \"c\" 'd'")


@pytest.fixture(scope="module")
def report(drawn_build: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Rows, Path]:
    out = tmp_path_factory.mktemp("report")
    catalog = drawn_build / "224x224/catalog.csv"
    indexes = [path for split in ("train", "val") for path in (drawn_build / "index/224x224" / split).iterdir()]
    numbers = write_report(out, ReportInputs("drawn", catalog, drawn_build / "ledger/ledger.parquet", indexes))
    with catalog.open(newline="", encoding="utf-8") as fd:
        return numbers, list(csv.DictReader(fd)), out


def lineages(rows: Rows, rank: str) -> int:
    depth = RANKS.index(rank) + 1
    return len({tuple(row[one] for one in RANKS[:depth]) for row in rows if row[rank]})


def source(row: dict[str, str]) -> str:
    return "eol" if row["eol_content_id"] else "inat21" if row["inat21_filename"] else "bioscan"


def test_images_and_taxa_by_source_split_kingdom_and_rank(report: tuple[dict[str, Any], Rows, Path]) -> None:
    numbers, rows, _ = report
    images = [row for row in rows if row["split"] != "train_small"]
    assert (numbers["samples"], numbers["images"]) == (len(rows), len({row["treeoflife_id"] for row in rows}))
    assert numbers["taxa"] == {rank: lineages(images, rank) for rank in RANKS}
    assert numbers["named"] == {rank: sum(bool(row[rank]) for row in images) for rank in RANKS}
    for name, of, among in (("source", source, images), ("split", lambda row: row["split"], rows), ("kingdom", lambda row: row["kingdom"], images)):  # fmt: skip  # noqa: E501
        parts: dict[str, Rows] = {}
        for row in among:
            parts.setdefault(of(row), []).append(row)
        expected = {
            key: {"images": len(some)} | {rank: lineages(some, rank) for rank in RANKS} for key, some in parts.items()
        }
        assert numbers[name] == expected


def test_depth_of_labels(report: tuple[dict[str, Any], Rows, Path]) -> None:
    numbers, rows, _ = report
    deepest = Counter(
        next((rank for rank in reversed(RANKS) if row[rank]), "none") for row in rows if row["split"] != "train_small"
    )
    assert {rank: count for rank, count in numbers["depth"].items() if count} == dict(deepest)


def test_the_long_tail(report: tuple[dict[str, Any], Rows, Path]) -> None:
    numbers, rows, _ = report
    named = (row for row in rows if row["species"] and row["split"] != "train_small")
    species = Counter(tuple(row[rank] for rank in RANKS) for row in named)
    counts = sorted(species.values(), reverse=True)
    tail = numbers["tail"]
    assert tail["species"] == len(counts)
    assert tail["once"] == counts.count(1)
    assert tail["at_most_10"] == sum(one <= 10 for one in counts)
    assert tail["median"] == counts[len(counts) // 2]
    assert sum(counts[: tail["half"] - 1]) < sum(counts) / 2 <= sum(counts[: tail["half"]])
    assert all(counts[place - 1] == count for place, count in tail["points"])
    assert [row[-1] for row in tail["top"]] == counts[:12]


def test_sizes_of_originals_and_reasons_for_leaving_out(
    report: tuple[dict[str, Any], Rows, Path], drawn_build: Path
) -> None:
    numbers, _, _ = report
    stored = [path for path in drawn_build.glob("index/224x224/*/*.parquet") if path.parent.name != "train_small"]
    sides = [pair for path in stored for pair in pl.read_parquet(path, columns=["width", "height"]).rows()]
    longer = Counter("below 64" if max(p) < 64 else "64 to 128" if max(p) < 128 else "256 to 512" for p in sides)
    assert {name: count for name, count in numbers["originals"]["longer_side"].items() if count} == dict(longer)
    assert sum(numbers["originals"]["width_to_height"].values()) == len(sides)
    ledger = Counter(pl.read_parquet(drawn_build / "ledger/ledger.parquet")["reason"].to_list())
    assert {reason: sum(by.values()) for reason, by in numbers["skipped"].items()} == dict(ledger)


def test_a_treemap_holds_every_image_once(report: tuple[dict[str, Any], Rows, Path], drawn_build: Path) -> None:
    _, rows, _ = report
    taxa = distinct_images(count_taxa(scan_catalog(drawn_build / "224x224/catalog.csv")))
    root = treemap.build_tree(taxa, "kingdom", "genus")
    images = [row for row in rows if row["split"] != "train_small"]
    assert root.images == sum(one.images for one in root.children) == len(images)
    for kingdom in root.children:
        assert kingdom.images == sum((row["kingdom"] or treemap.UNKNOWN) == kingdom.name for row in images)


def test_findings_about_samples_are_counted_and_linked(drawn_build: Path, tmp_path: Path) -> None:
    rows = pl.DataFrame({"treeoflife_id": ["a", "a", "b"], "kind": ["<odd>", "<odd>", "<odd>"]})
    findings.write(tmp_path / "findings/some.parquet", rows, {"<odd>": "is <b>odd</b>"})
    catalog, ledger = drawn_build / "224x224/catalog.csv", drawn_build / "ledger/ledger.parquet"
    write_report(tmp_path / "reports", ReportInputs("drawn", catalog, ledger, findings=tmp_path / "findings"))
    page = (tmp_path / "reports/index.html").read_text(encoding="utf-8")
    assert re.search(r"is &lt;b&gt;odd&lt;/b&gt;</bdi>.*?<td class=n>2</td>", page)
    assert '"../findings/some.parquet"' in page


def test_the_page_needs_no_script_and_no_network(report: tuple[dict[str, Any], Rows, Path]) -> None:
    numbers, _, out = report
    assert all(path.stat().st_size > 1000 for path in report_files(out))
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert json.loads((out / "statistics.json").read_text())["images"] == numbers["images"]


def test_the_same_catalog_gives_the_same_bytes(report: tuple[dict[str, Any], Rows, Path], drawn_build: Path, tmp_path: Path) -> None:  # fmt: skip  # noqa: E501
    _, _, out = report
    indexes = [path for split in ("train", "val") for path in (drawn_build / "index/224x224" / split).iterdir()]
    catalog, ledger = drawn_build / "224x224/catalog.csv", drawn_build / "ledger/ledger.parquet"
    write_report(tmp_path, ReportInputs("drawn", catalog, ledger, indexes))
    for first, second in zip(report_files(out), report_files(tmp_path), strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name


def test_hostile_names_are_shown_as_text(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog.csv"
    with catalog.open("w", newline="", encoding="utf-8") as fd:
        out = csv.writer(fd)
        out.writerow(["split", "treeoflife_id", "eol_content_id", *RANKS, "common"])
        for number, name in enumerate(HOSTILE):
            out.writerow(["train", f"id-{number}", number + 1, *[name] * 7, name])
    write_report(tmp_path / "reports", ReportInputs(HOSTILE[0], catalog, tmp_path / "none"))
    for page in ("index.html", "treemap-from-kingdom.html"):
        text = (tmp_path / "reports" / page).read_text(encoding="utf-8")
        assert "alert(1)</script>" not in text
        assert "x" * 500 not in text
        assert "\u202egnp" not in text
