"""What a source says about its images reaches splits, provenance.parquet, the ledger, the credits and the reader."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import treeoflife
from helpers import cli, sentence
from telling import configure, install, tell, write_photographs

LICENCES = (
    "http://creativecommons.org/licenses/by/4.0/legalcode", "CC_BY_NC_4_0", "© all rights reserved", "UNSPECIFIED", "",
    "CC0",
)  # fmt: skip


def rows(count: int = 60) -> list[dict[str, Any]]:
    """Photographs of which two each are of one observation, three each of one observer, under various licences."""
    return [
        {
            "observation": f"o{number // 2}", "observer": f"p{number // 3}", "source_id": f"occurrence {number // 2}",
            "data_source": "gbif", "source_url": f"https://example.org/{number}.jpg", "title": "=1+1",
            "license_name": LICENCES[number % len(LICENCES)], "copyright_owner": f"<b>Owner {number % 7}</b>",
        }
        for number in range(count)
    ]  # fmt: skip


@pytest.fixture(scope="module")
def telling(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, str]]:
    """A dataset of two sources of 60 photographs; the second says nothing of its last ten, nor of any observer."""
    root = tmp_path_factory.mktemp("telling")
    variables = install(root / "plug-in")
    write_photographs(root / "first", rows())
    write_photographs(root / "second", [{"observation": f"o{number}"} for number in range(3)])
    config = configure(root / "out", root / "first", root / "second", text="[splits]\nval_percent = 20")
    done = cli("build", "--config", config, **variables)
    assert done.returncode == 0, done.stderr
    return root, config, variables


def test_every_image_of_the_mapping_has_a_row_of_provenance(telling: tuple[Path, Path, dict[str, str]]) -> None:
    """In the order of ids, with the normalised licence; what is not known as TreeOfLife-200M has it."""
    out = telling[1].parent
    found, mapping = (pl.read_parquet(out / f"metadata/{name}.parquet") for name in ("provenance", "mapping"))
    assert found.columns == [
        "treeoflife_id", "source_id", "data_source", "source_url", "license_name", "license_link", "copyright_owner",
        "title",
    ]  # fmt: skip
    assert found["treeoflife_id"].to_list() == sorted(mapping["treeoflife_id"])
    first = mapping.join(found, on="treeoflife_id").filter(source="telling0").sort("telling0_number")
    slugs = ["cc-by-4.0", "cc-by-nc-4.0", "all-rights-reserved", None, None, "cc-0-1.0"]
    assert first["license_name"].to_list() == slugs * 10
    assert first.row(0, named=True)["license_link"] == "https://creativecommons.org/licenses/by/4.0/"
    assert first["source_id"].to_list() == [f"occurrence {number // 2}" for number in range(60)]
    second = mapping.join(found, on="treeoflife_id").filter(source="telling1").sort("telling1_number")
    assert second.select(found.columns[1:]).rows() == [
        (f"{number}.jpg", "telling1", None, None, None, "not provided", "not provided") for number in range(3)
    ]


def test_no_observation_is_in_train_and_in_val(telling: tuple[Path, Path, dict[str, str]]) -> None:
    """Observations of another source that are called alike are others."""
    mapping = pl.read_parquet(telling[1].parent / "metadata/mapping.parquet")
    first = mapping.filter(source="telling0").with_columns(observation=pl.col("telling0_number") // 2)
    sides = first.group_by("observation").agg(pl.col("is_val").n_unique())
    assert set(sides["is_val"]) == {1}
    assert first["is_val"].sum() == 12
    assert mapping.filter(source="telling1")["is_val"].sum() == 0


def test_a_sample_knows_its_provenance(telling: tuple[Path, Path, dict[str, str]]) -> None:
    dataset = treeoflife.open(telling[1].parent)
    known = {row["treeoflife_id"]: row for row in pl.read_parquet(dataset.paths.provenance).iter_rows(named=True)}
    assert len(dataset)
    assert all(sample.provenance == known[sample.id] for sample in dataset)


def test_credits_name_title_owner_licence_and_source_of_every_sample(
    telling: tuple[Path, Path, dict[str, str]],
) -> None:
    """Texts of others are no formulas in the table, and no markup in the page."""
    _, config, variables = telling
    out = config.parent
    done = cli("card", "--config", config, **variables)
    assert done.returncode == 0, done.stderr
    with (out / "credits.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    catalog = pl.read_parquet(out / "224x224/catalog.parquet")
    assert [row["treeoflife_id"] for row in found] == sorted(set(catalog["treeoflife_id"]))
    told = [row for row in found if row["title"] != "not provided"]
    assert {row["title"] for row in told} == {"'=1+1"}
    assert {row["source_url"] for row in told} == {f"https://example.org/{number}.jpg" for number in range(60)}
    page = (out / "credits.html").read_text(encoding="utf-8")
    assert "&lt;b&gt;Owner 3&lt;/b&gt;" in page
    assert "<b>" not in page
    assert "All images were changed: both sides resized to 224x224 pixels" in page
    assert '<a href="https://creativecommons.org/licenses/by/4.0/">cc-by-4.0</a>' in page
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "| cc-by-4.0 | 10 |" in card
    assert "[credits.csv](credits.csv)" in card
    licences = {row["treeoflife_id"]: row["license_name"] for row in found}
    shown = [path.read_bytes() for path in sorted((out / "card").glob("*.jpg"))]
    jpegs = {sample.jpeg: licences[sample.id] for sample in treeoflife.open(out)}
    assert shown
    assert {jpegs[one] for one in shown} <= {"cc-by-4.0", "cc-0-1.0"}  # no NC, no reserved rights, none unknown
    assert card.count("](card/sample-") == len(shown)


def test_other_observations_make_the_splits_again(telling: tuple[Path, Path, dict[str, str]], tmp_path: Path) -> None:
    _, _, variables = telling
    write_photographs(tmp_path / "photographs", rows(20))
    config = configure(tmp_path / "out", tmp_path / "photographs", text="[splits]\nval_percent = 40")

    def run(stage: str) -> str:
        done = cli(stage, "--config", config, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("mapping")
    assert "splits: 12 in train, 8 in val" in run("splits")
    assert "splits: up to date" in run("splits")
    tell(tmp_path / "photographs", [{"observation": f"o{number % 5}"} for number in range(20)])
    assert "splits: 12 in train, 8 in val" in run("splits")
    mapping = pl.read_parquet(tmp_path / "out/metadata/mapping.parquet")
    sides = mapping.group_by(pl.col("telling0_number") % 5).agg(pl.col("is_val").n_unique())
    assert set(sides["is_val"]) == {1}


def test_images_of_other_licences_are_left_out_and_a_source_without_any_stays(
    telling: tuple[Path, Path, dict[str, str]], tmp_path: Path
) -> None:
    root, _, variables = telling
    text = '[licences]\nallow = ["cc-by", "CC0"]'
    config = configure(tmp_path / "out", root / "first", root / "second", text=text)
    done = cli("build", "--config", config, **variables)
    assert done.returncode == 0, done.stderr
    assert "images of telling1 stay, since nothing is said of their licences" in done.stdout + done.stderr
    ledger = pl.read_parquet(tmp_path / "out/ledger/ledger.parquet").filter(reason="licence")
    assert dict(ledger.group_by("detail").len().iter_rows()) == {
        "its licence is CC_BY_NC_4_0": 10, "its licence is © all rights reserved": 10,
        "its licence is not provided": 20,
    }  # fmt: skip
    catalog = pl.read_parquet(tmp_path / "out/224x224/catalog.parquet").unique("treeoflife_id")
    assert catalog.height == 23


def test_a_source_that_says_two_things_about_an_image_is_an_error(
    telling: tuple[Path, Path, dict[str, str]], tmp_path: Path
) -> None:
    _, _, variables = telling
    write_photographs(tmp_path / "photographs", rows(4))
    table = pl.read_parquet(tmp_path / "photographs/photographs.parquet")
    pl.concat([table, table[:1]]).write_parquet(tmp_path / "photographs/photographs.parquet")
    config = configure(tmp_path / "out", tmp_path / "photographs")
    sentence(cli("build", "--config", config, **variables), "[sources.telling0] says two things about the image")
