"""licences.csv, and images whose licence is not allowed."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

from treeoflife.testing.builds import run_treeoflife

LICENCES = ("cc-by-4.0", "cc-by-nc-4.0", "cc0-1.0", "")


@pytest.fixture
def manifested(build_copy: Path) -> tuple[Path, dict[int, str]]:
    """A build whose images of EOL have licences; the manifest is in two files, the second without a header, as EOL's is."""  # noqa: E501
    catalog = pl.read_parquet(build_copy / "224x224/catalog.parquet").drop_nulls("eol_content_id")
    content = sorted(set(catalog["eol_content_id"].to_list()))
    licence = {one: LICENCES[at % len(LICENCES)] for at, one in enumerate(content)}
    rows = [(one, 1, "http://a", "http://b", licence[one], "Örebro, <i>") for one in content]
    head = (
        "EOL content ID",
        "EOL page ID",
        "Medium Source URL",
        "EOL Full-Size Copy URL",
        "License Name",
        "Copyright Owner",
    )
    for number, part in enumerate(([head, *rows[::2]], rows[1::2]), 1):
        with (build_copy / f"manifest_{number}.csv").open("w", newline="", encoding="utf-8") as fd:
            csv.writer(fd).writerows(part)
    return build_copy, licence


def allow(out: Path, text: str) -> Path:
    config = out / "dataset.toml"
    lines = config.read_text(encoding="utf-8").replace(
        "manifest = []", 'manifest = ["manifest_1.csv", "manifest_2.csv"]'
    )
    config.write_text(lines.replace("allow = []", f"allow = {text}"), encoding="utf-8")
    return config


def test_images_of_other_licences_are_in_the_ledger(manifested: tuple[Path, dict[int, str]]) -> None:
    out, licence = manifested
    before = pl.read_parquet(out / "224x224/catalog.parquet")
    built = run_treeoflife("build", "--config", str(allow(out, '["cc0", "CC-BY"]')))
    assert built.returncode == 0, built.stderr
    after = pl.read_parquet(out / "224x224/catalog.parquet")
    good = [one for one, name in licence.items() if name in ("cc-by-4.0", "cc0-1.0")]
    expected = before.filter(pl.col("eol_content_id").is_null() | pl.col("eol_content_id").is_in(good))
    assert sorted(after["treeoflife_id"]) == sorted(expected["treeoflife_id"])
    ledger = pl.read_parquet(out / "ledger/ledger.parquet").filter(reason="licence")
    assert set(ledger["treeoflife_id"]) == set(before["treeoflife_id"]) - set(after["treeoflife_id"])
    assert set(ledger["detail"]) <= {"its licence is cc-by-nc-4.0", "its licence is not provided"}


def test_licences_csv_says_what_is_known(manifested: tuple[Path, dict[int, str]]) -> None:
    out, licence = manifested
    done = run_treeoflife("card", "--config", str(allow(out, "[]")))
    assert done.returncode == 0, done.stderr
    with (out / "licences.csv").open(newline="", encoding="utf-8") as fd:
        rows = list(csv.DictReader(fd))
    assert {int(row["eol_content_id"]): row["license_name"] for row in rows} == {
        one: name or "not provided" for one, name in licence.items()
    }
    assert {row["license_link"] for row in rows if row["license_name"] == "cc-by-nc-4.0"} == {
        "https://creativecommons.org/licenses/by-nc/4.0/"
    }
    assert all(row["md5"] == row["title"] == "not provided" for row in rows)
