"""licences.csv, and images whose licence is not allowed."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from treeoflife.core.database import Database
from treeoflife.selection import eol_manifest, licences
from treeoflife.selection.provenance import write_provenance
from treeoflife.sources import eol, folder
from treeoflife.sources.eol import Eol
from treeoflife.sources.folder import Folder
from treeoflife.testing.builds import run_treeoflife

EOL = Eol("eol", eol.Settings(path=Path("eol")))


class Silent(Folder):
    """A folder whose table says nothing beside names."""

    def about(self, database: Database) -> bool:
        return False


FOLDER = Silent("folder", folder.Settings(path=Path("folder"), table=Path("folder.csv")))
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


def refused(database: Database, folder: Path, manifest: Sequence[Path], *allow: str) -> dict[str, str]:
    facts = folder / "facts.parquet"
    write_provenance(database, [EOL, FOLDER], manifest, folder / "provenance.parquet", facts)
    licences.refuse(database, [EOL, FOLDER], facts, allow)
    return dict(database.rows("SELECT treeoflife_id, unlicensed FROM unlicensed ORDER BY ALL"))


@pytest.fixture
def small(database: Database, tmp_path: Path) -> list[Path]:
    """The table of six images, five of them EOL's, and a manifest of three of these, one without a licence."""
    images = [
        ("a", "eol", 1, None),
        ("b", "eol", 2, None),
        ("c", "eol", 3, None),
        ("d", "eol", 4, None),
        ("e", "eol", None, None),
        ("f", "folder", None, "f.jpg"),
    ]
    schema = ["treeoflife_id", "source", "eol_content_id", "folder_filename"]
    rows = pl.DataFrame(images, schema=schema, orient="row").with_columns(eol_page_id=pl.col("eol_content_id") * 10)
    database.load("image", rows)
    first, second = tmp_path / "manifest_1.csv", tmp_path / "manifest_2.csv"
    first.write_text("EOL content ID,b,c,d,e,f\n1,,,,CC-BY-4.0,\n9,,,,cc0,\n", encoding="utf-8")
    second.write_text("2,,http://a,http://b,cc-by-nc-3.0,Jo\n3,,,,,\n1,,,,cc-by-4.0,\n", encoding="utf-8")
    return [first, second]


UNKNOWN = dict.fromkeys("cde", "its licence is not provided")


def test_an_image_of_eol_is_refused_unless_its_licence_is_allowed(
    database: Database, small: list[Path], tmp_path: Path
) -> None:
    other = {"b": "its licence is cc-by-nc-3.0"}
    assert refused(database, tmp_path, small, "CC-BY") == other | UNKNOWN
    assert refused(database, tmp_path, small, "cc-by-4.0") == other | UNKNOWN
    assert refused(database, tmp_path, small, "cc-by-3.0") == {"a": "its licence is CC-BY-4.0"} | other | UNKNOWN
    assert refused(database, tmp_path, small, "cc-by", "cc-by-nc") == UNKNOWN
    assert refused(database, tmp_path, small, "cc-by", "cc-by-nc", "not provided") == {}


def test_a_licence_may_be_allowed_in_any_spelling(database: Database, small: list[Path], tmp_path: Path) -> None:
    other = {"b": "its licence is cc-by-nc-3.0"}
    assert refused(database, tmp_path, small, "https://creativecommons.org/licenses/by/4.0/") == other | UNKNOWN
    assert refused(database, tmp_path, small, "CC BY-NC") == {"a": "its licence is CC-BY-4.0"} | UNKNOWN


def test_without_allowed_licences_every_image_is(database: Database, small: list[Path], tmp_path: Path) -> None:
    assert refused(database, tmp_path, small) == {}


def test_without_a_manifest_no_licence_is_known(database: Database, small: list[Path], tmp_path: Path) -> None:
    assert small
    assert sorted(refused(database, tmp_path, [], "cc-by")) == list("abcde")


def test_provenance_of_eol_is_that_of_the_manifest(database: Database, small: list[Path], tmp_path: Path) -> None:
    """A licence without a version gets none; of several rows of an image, the first that names a licence counts."""
    refused(database, tmp_path, small)
    rows = pl.read_parquet(tmp_path / "provenance.parquet").rows_by_key("treeoflife_id", unique=True)
    no = "not provided"
    by, by_nc = (f"https://creativecommons.org/licenses/{one}/" for one in ("by/4.0", "by-nc/3.0"))
    assert rows["a"] == ("1_10", "eol", None, "cc-by-4.0", by, no, no)
    assert rows["b"] == ("2_20", "eol", "http://a", "cc-by-nc-3.0", by_nc, "Jo", no)
    assert rows["d"] == ("4_40", "eol", None, None, None, no, no)
    assert rows["f"] == ("f.jpg", "folder", None, None, None, no, no)


def test_licences_csv_has_a_row_for_each_image_of_eol(database: Database, tmp_path: Path) -> None:
    """An image of train_small is in the catalog twice; the page is the catalog's, and the titles are unknown."""
    rows = [("train", "b", 2, 20), ("train_small", "b", 2, 20), ("val", "a", 1, 10), ("train", "c", None, None)]
    schema = ["split", "treeoflife_id", "eol_content_id", "eol_page_id"]
    pl.DataFrame(rows, schema=schema, orient="row").write_parquet(tmp_path / "catalog[1].parquet")
    (tmp_path / "manifest.csv").write_text('2,7,u,v,CC-BY-NC-3.0,"Jo, ""Ann"""\n', encoding="utf-8")
    eol_manifest.write_licences(
        database, tmp_path / "licences.csv", tmp_path / "catalog[1].parquet", [tmp_path / "manifest.csv"]
    )
    address, no = "https://creativecommons.org/licenses/by-nc/3.0/", "not provided"
    assert (tmp_path / "licences.csv").read_text(encoding="utf-8") == (
        ",".join(eol_manifest.COLUMNS)
        + f"\na,1,10,{no},{no},{no},{no},{no},{no},{no}"
        + f'\nb,2,20,{no},u,v,CC-BY-NC-3.0,"Jo, ""Ann""",{address},{no}\n'
    )


def test_images_with_one_text_are_judged_by_their_own_addresses(database: Database, tmp_path: Path) -> None:
    text = "Some rights reserved"
    rows = [("a", "folder", text, "cc-by-4.0"), ("b", "folder", text, "cc-by-nc-4.0")]
    schema = ["treeoflife_id", "source", "licence", "license_name"]
    facts = pl.DataFrame(rows, schema=schema, orient="row")
    facts.write_parquet(tmp_path / "facts.parquet")
    database.load("image", facts.select("treeoflife_id", "source"))
    licences.refuse(database, [FOLDER], tmp_path / "facts.parquet", ["cc-by"])
    assert database.rows("FROM unlicensed") == [("b", f"its licence is {text}")]
