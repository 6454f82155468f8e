"""Every number of the report is compared with a second count in plain Python."""

from __future__ import annotations

import csv
import json
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

pytest.importorskip("squarify", reason="pip install 'treeoflife[reports]'")

import treeoflife
from treeoflife.core.database import Database, open_database
from treeoflife.core.values import RANKS, Taxon
from treeoflife.errors import InputError
from treeoflife.reports import treemap
from treeoflife.reports.report import ReportInputs, report_files, write_report
from treeoflife.reports.statistics import count_skipped, count_taxa, distinct_images, open_catalog, original_sizes
from treeoflife.selection import findings

Rows = list[dict[str, str]]
HOSTILE = ("<script>alert(1)</script>", "../../etc", "x" * 10_000, "\u202egnp.exe", "a & b \"c\" 'd'")


@pytest.fixture(scope="module")
def report(drawn_build: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Rows, Path]:
    out = tmp_path_factory.mktemp("report")
    catalog = drawn_build / "224x224/catalog.csv"
    indexes = [path for split in ("train", "val") for path in (drawn_build / "index/224x224" / split).iterdir()]
    inputs = ReportInputs("drawn", catalog, drawn_build / "ledger/ledger.parquet", indexes)
    with open_database(tmp_path_factory.mktemp("database") / "tables") as database:
        numbers = write_report(database, out, inputs)
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


def test_names_are_counted_beside_lineages(report: tuple[dict[str, Any], Rows, Path]) -> None:
    """Two genera of one name, or one genus of which a rank above is not known everywhere, are several taxa."""
    numbers, rows, _ = report
    images = [row for row in rows if row["split"] != "train_small"]
    for rank in RANKS[:-1]:
        assert numbers["names"][rank] == len({row[rank] for row in images if row[rank]})
    assert numbers["names"]["species"] == len({(row["genus"], row["species"]) for row in images if row["species"]})


def test_common_names_are_counted_where_the_catalog_has_them(
    report: tuple[dict[str, Any], Rows, Path], tmp_path: Path, database: Database
) -> None:
    numbers, rows, out = report
    images = [row for row in rows if row["split"] != "train_small"]
    lineage = [Taxon(*(row[rank] for rank in RANKS)) for row in images]
    # Where no common name is known, the catalog has another in its place.
    named = [row for row, taxon in zip(images, lineage, strict=True) if row["common"] != taxon.common_or_scientific("")]
    assert named
    assert numbers["common"] == {"images": len(named), "species": lineages(named, "species")}
    assert "with a common name" in (out / "index.html").read_text(encoding="utf-8")
    bare = {"split": ["train"], "treeoflife_id": ["a"], **{rank: [rank] for rank in RANKS}}
    pl.DataFrame(bare).write_parquet(tmp_path / "catalog.parquet")
    assert write_report(database, tmp_path, ReportInputs("bare", tmp_path / "catalog.parquet", tmp_path / "none"))[
        "common"
    ] is None  # fmt: skip


@pytest.mark.parametrize(("name", "rank"), [("classes", "class"), ("families", "family"), ("species", "species")])
def test_tables_of_taxa_have_all_images_of_each(
    report: tuple[dict[str, Any], Rows, Path], name: str, rank: str
) -> None:
    _, rows, out = report
    with (out / f"{name}.csv").open(newline="", encoding="utf-8") as fd:
        table = list(csv.DictReader(fd))
    depth = RANKS.index(rank) + 1
    of_taxon = Counter((*(row[one] for one in RANKS[:depth]), row["split"]) for row in rows if row[rank])
    read = {
        (*(row[one] for one in RANKS[:depth]), split): int(row[split])
        for row in table
        for split in ("train", "val", "train_small")
    }
    assert {key: count for key, count in read.items() if count} == dict(of_taxon)
    assert all(int(row["images"]) == int(row["train"]) + int(row["val"]) for row in table)
    if rank == "class":
        of_genus = {tuple(row[one] for one in RANKS[:6]) for row in rows if row["genus"]}
        assert [int(row["genus_taxa"]) for row in table] == [
            sum(one[:3] == tuple(row[rank] for rank in RANKS[:3]) for one in of_genus) for row in table
        ]


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


@pytest.mark.parametrize("count", [1, 2, 3, 4, 101])
def test_the_median_size_is_the_lower_one_of_two(count: int, database: Database, tmp_path: Path) -> None:
    """Of images whose width and height are both known, over all indexes; an index of long ago has no sizes."""
    rng = random.Random(count)
    sides = [(rng.choice([10, 200, 5000, rng.randrange(1, 9000)]), rng.randrange(1, 9000)) for _ in range(count)]
    table = pl.DataFrame([*sides, (None, 1), (1, None)], schema={"width": pl.UInt32, "height": pl.UInt32}, orient="row")
    table[: len(table) // 2].write_parquet(tmp_path / "shard[1].parquet")
    table[len(table) // 2 :].write_parquet(tmp_path / "shard[2].parquet")
    pl.DataFrame({"treeoflife_id": ["a"]}).write_parquet(tmp_path / "shard[3].parquet")
    numbers = original_sizes(database, sorted(tmp_path.iterdir()))
    middle = (count - 1) // 2
    assert numbers["median"] == {"width": sorted(w for w, _ in sides)[middle], "height": sorted(h for _, h in sides)[middle]}  # fmt: skip  # noqa: E501
    assert sum(numbers["longer_side"].values()) == sum(numbers["width_to_height"].values()) == count
    assert numbers["longer_side"]["below 64"] == sum(max(pair) < 64 for pair in sides)
    assert numbers["width_to_height"]["0.95 to 1.05"] == sum(0.95 <= w / h < 1.05 for w, h in sides)


def test_a_bound_belongs_to_the_bin_above_it(database: Database, tmp_path: Path) -> None:
    table = pl.DataFrame({"width": [64, 67, 128], "height": [64, 100, 64]})
    table.write_parquet(tmp_path / "shard.parquet")
    numbers = original_sizes(database, [tmp_path / "shard.parquet"])
    assert {name: count for name, count in numbers["longer_side"].items() if count} == {"64 to 128": 2, "128 to 256": 1}
    expected = {"0.67 to 0.75": 1, "0.95 to 1.05": 1, "2 or more": 1}
    assert {name: count for name, count in numbers["width_to_height"].items() if count} == expected


def test_without_indexes_and_ledger_nothing_is_counted(database: Database, tmp_path: Path) -> None:
    assert original_sizes(database, []) == count_skipped(database, tmp_path / "none") == {}


def test_reasons_are_in_the_order_of_their_counts(database: Database, tmp_path: Path) -> None:
    rows = [("b", "eol"), ("b", None), ("a", "eol"), ("a", "bioscan"), ("c", "eol"), ("c", "eol"), ("c", "eol")]
    pl.DataFrame(rows, schema=["reason", "source"], orient="row").write_parquet(tmp_path / "ledger.parquet")
    skipped = count_skipped(database, tmp_path / "ledger.parquet")
    assert [(reason, list(counts.items())) for reason, counts in skipped.items()] == [
        ("c", [("eol", 3)]), ("a", [("bioscan", 1), ("eol", 1)]), ("b", [(None, 1), ("eol", 1)]),
    ]  # fmt: skip


def test_a_catalog_is_counted_alike_as_csv_and_as_parquet(drawn_build: Path, database: Database) -> None:
    open_catalog(database, drawn_build / "224x224/catalog.csv")
    from_csv = count_taxa(database)
    open_catalog(database, drawn_build / "224x224/catalog.parquet")
    assert count_taxa(database).equals(from_csv)


def test_the_source_of_a_row_is_that_whose_column_is_filled(database: Database, tmp_path: Path) -> None:
    columns = [
        "split",
        "treeoflife_id",
        "eol_content_id",
        "bioscan_part",
        "bioscan_filename",
        'it\'s "mine"_file',
        *RANKS,
    ]
    rows = [
        (7, None, None, None),
        (None, 1, "b", None),
        (None, None, None, "m"),
        (None, 2, None, ""),
        (8, None, "b", ""),
    ]
    table = [("train", f"id-{number}", *row, *[None] * 7) for number, row in enumerate(rows)]
    pl.DataFrame(table, schema=columns, orient="row").write_parquet(tmp_path / "catalog.parquet")
    open_catalog(database, tmp_path / "catalog.parquet")
    counts = dict(count_taxa(database).select("source", "images").rows())
    assert counts == {"eol": 2, "bioscan": 1, 'it\'s "mine"': 1, "unknown": 1}
    pl.read_parquet(tmp_path / "catalog.parquet").drop(columns[2:6]).write_parquet(tmp_path / "bare.parquet")
    open_catalog(database, tmp_path / "bare.parquet")
    assert count_taxa(database).select("source", "images").rows() == [("unknown", 5)]


def test_what_is_no_catalog_is_named(database: Database, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"catalog .*none\.parquet cannot be read"):
        open_catalog(database, tmp_path / "none.parquet")
    pl.DataFrame({"split": ["train"]}).write_parquet(tmp_path / "catalog.parquet")
    with pytest.raises(InputError, match="is not a catalog: it has no column treeoflife_id"):
        open_catalog(database, tmp_path / "catalog.parquet")


class ReadIds:
    """A dataset that keeps the ids that are read."""

    def __init__(self, dataset: treeoflife.Dataset) -> None:
        self.dataset, self.ids = dataset, list[str]()

    def __getitem__(self, treeoflife_id: str) -> treeoflife.Sample:
        self.ids.append(treeoflife_id)
        return self.dataset[treeoflife_id]


def test_the_page_shows_the_first_image_of_each_family(drawn_build: Path, database: Database, tmp_path: Path) -> None:
    dataset: Any = ReadIds(treeoflife.open(drawn_build))
    catalog = drawn_build / "224x224/catalog.parquet"
    write_report(database, tmp_path, ReportInputs("drawn", catalog, tmp_path / "none", dataset=dataset))
    first: dict[tuple[str, str], str] = {}
    for row in pl.read_parquet(catalog).fill_null("").iter_rows(named=True):
        family = (row["kingdom"], row["family"])
        first[family] = min(row["treeoflife_id"], first.get(family, "~"))
    kingdoms = sorted({kingdom for kingdom, _ in first})
    of_kingdom = [sorted(one for (other, _), one in first.items() if other == kingdom) for kingdom in kingdoms]
    assert dataset.ids == [one for ids in of_kingdom for one in ids[:8]]


def test_a_treemap_holds_every_image_once(
    report: tuple[dict[str, Any], Rows, Path], drawn_build: Path, database: Database
) -> None:
    _, rows, _ = report
    open_catalog(database, drawn_build / "224x224/catalog.csv")
    taxa = distinct_images(count_taxa(database))
    root = treemap.build_tree(taxa, "kingdom", "genus")
    images = [row for row in rows if row["split"] != "train_small"]
    assert root.images == sum(one.images for one in root.children) == len(images)
    pending = [root]
    for node in pending:
        pending += node.children
        assert not node.children or node.images == sum(child.images for child in node.children), node.name
    for kingdom in root.children:
        assert kingdom.images == sum((row["kingdom"] or treemap.UNKNOWN) == kingdom.name for row in images)


def test_images_that_are_named_no_further_are_a_box_of_their_own() -> None:
    rows = {"kingdom": ["Animalia"] * 3, "phylum": ["Chordata", "Chordata", ""], "class": ["Aves", "", ""]}
    rows |= dict.fromkeys(RANKS[3:], [""] * 3)
    root = treemap.build_tree(pl.DataFrame(rows | {"images": [5, 2, 9]}), "kingdom", "class")
    (animals,) = root.children
    assert [(one.name, one.images) for one in animals.children] == [(treemap.NO_LOWER_RANK, 9), ("Chordata", 7)]
    assert [(one.name, one.images) for one in animals.children[1].children] == [
        ("Aves", 5), (treemap.NO_LOWER_RANK, 2),
    ]  # fmt: skip
    boxes = {(node.name, depth): box for node, box, depth, _ in treemap.layout(root, 100, 100, pad=0)}
    _, _, width, height = boxes["Chordata", 1]
    assert width * height == pytest.approx(100 * 100 * 7 / 16)


def test_findings_about_samples_are_counted_and_linked(drawn_build: Path, tmp_path: Path, database: Database) -> None:
    rows = pl.DataFrame({"treeoflife_id": ["a", "a", "b"], "kind": ["<odd>", "<odd>", "<odd>"]})
    findings.write(tmp_path / "findings/some.parquet", rows, {"<odd>": "is <b>odd</b>"})
    catalog, ledger = drawn_build / "224x224/catalog.csv", drawn_build / "ledger/ledger.parquet"
    write_report(database, tmp_path / "reports", ReportInputs("drawn", catalog, ledger, findings=tmp_path / "findings"))
    page = (tmp_path / "reports/index.html").read_text(encoding="utf-8")
    assert re.search(r"is &lt;b&gt;odd&lt;/b&gt;</bdi>.*?<td class=n>2</td>", page)
    assert '"../findings/some.parquet"' in page


def test_the_page_needs_no_script_and_no_network(report: tuple[dict[str, Any], Rows, Path]) -> None:
    numbers, _, out = report
    assert all(path.stat().st_size > 1000 for path in report_files(out) if path.suffix != ".csv")
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    assert json.loads((out / "statistics.json").read_text())["images"] == numbers["images"]


def test_the_same_catalog_gives_the_same_bytes(
    report: tuple[dict[str, Any], Rows, Path], drawn_build: Path, tmp_path: Path, database: Database
) -> None:
    _, _, out = report
    indexes = [path for split in ("train", "val") for path in (drawn_build / "index/224x224" / split).iterdir()]
    catalog, ledger = drawn_build / "224x224/catalog.csv", drawn_build / "ledger/ledger.parquet"
    write_report(database, tmp_path, ReportInputs("drawn", catalog, ledger, indexes))
    for first, second in zip(report_files(out), report_files(tmp_path), strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name


def test_hostile_names_are_shown_as_text(tmp_path: Path, database: Database) -> None:
    catalog = tmp_path / "catalog.csv"
    with catalog.open("w", newline="", encoding="utf-8") as fd:
        out = csv.writer(fd)
        out.writerow(["split", "treeoflife_id", "eol_content_id", *RANKS, "common"])
        for number, name in enumerate(HOSTILE):
            out.writerow(["train", f"id-{number}", number + 1, *[name] * 7, name])
    write_report(database, tmp_path / "reports", ReportInputs(HOSTILE[0], catalog, tmp_path / "none"))
    for page in ("index.html", "treemap-from-kingdom.html"):
        text = (tmp_path / "reports" / page).read_text(encoding="utf-8")
        assert "alert(1)</script>" not in text
        assert "x" * 500 not in text
        assert "\u202egnp" not in text


def test_columns_that_differ_in_capitals_alone_are_told_apart(tmp_path: Path, database: Database) -> None:
    """As another program may write them; SQL takes them for one."""
    rows = {"Kingdom": ["z"], "split": ["train"], "treeoflife_id": ["a"], **{rank: [rank] for rank in RANKS}}
    pl.DataFrame(rows).write_parquet(tmp_path / "catalog.parquet")
    open_catalog(database, tmp_path / "catalog.parquet")
    assert database.value("SELECT kingdom FROM catalog") == "kingdom"
