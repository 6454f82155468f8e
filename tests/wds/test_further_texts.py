"""Texts of samples beside the ten: columns, templates and tables of captions; and that nothing is decoded for them."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import polars as pl
import pytest

import treeoflife
from helpers import built, cli, samples, sentence, shards
from treeoflife.config.config import parse
from treeoflife.errors import ConfigError
from treeoflife.shards.templates import NAME_PLACEHOLDERS, parse_template
from treeoflife.shards.text_settings import further_texts
from treeoflife.testing.world import World

SEXES = ("male", "female", "", 'a "b"\\ c')
GUIDE = """
[captions.guide]
text = ["{rank_name} {lowest}, {sex}.", "{lowest} alone."]
"""


@pytest.fixture(scope="module")
def photographs(drawn_world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of photographs with a table; and a dataset.toml without any further texts, built."""
    folder = tmp_path_factory.mktemp("photographs")
    sources = sorted(path for path in drawn_world.root.rglob("*.jpg") if path.stat().st_size > 2000)[:12]
    (folder / "images").mkdir()
    with (folder / "table.csv").open("w", newline="") as fd:
        table = csv.writer(fd)
        table.writerow(["file", "scientific_name", "Sex", "note"])
        for number, path in enumerate(sources):
            shutil.copy(path, folder / "images" / f"{number}.jpg")
            table.writerow([f"{number}.jpg", "Parus major", SEXES[number % 4], f"line\n{number}"])
    out = folder / "out"
    done = cli("init", "folder", "--out", out, "--raw", folder / "images", "--table", folder / "table.csv")
    assert done.returncode == 0, done.stderr
    return out


def test_every_text_is_in_its_sample_and_nothing_is_decoded_for_a_change(photographs: Path) -> None:
    toml = photographs / "dataset.toml"
    plain = toml.read_text()
    built(toml)
    before = samples(shards(photographs))
    toml.write_text(plain.replace("columns = []", 'columns = ["sex", "note"]', 1) + GUIDE)
    done = built(toml)
    assert "encode" not in done.stderr
    assert "texts beside the ten" in done.stdout
    after = samples(shards(photographs))
    assert after.keys() == before.keys()
    by_id = {sample.id: sample for sample in treeoflife.open(photographs)}
    for key, members in after.items():
        number = int(
            by_id[key]
            .row["images_filename" if "images_filename" in by_id[key].row else _file(by_id[key])]
            .split(".")[0]
        )
        sex, own = SEXES[number % 4], {name: data.decode() for name, data in members.items() if name != "jpg"}
        assert own.get("sex.txt", "") == sex
        assert own["note.txt"] == f"line {number}"
        assert own["guide.txt"] == (f"species Parus major, {sex}." if sex else "Parus major alone.")
        assert by_id[key].columns == {"sex": sex or None, "note": f"line {number}"}
        assert {name: members[name] for name in before[key]} == before[key]
    keys = sorted(after)
    pl.DataFrame({"uuid": [*keys[:3], "nobody"], "caption": ["x"] * 4}).write_parquet(photographs / "captions.parquet")
    as_json = toml.read_text().replace('columns_as = "txt"', 'columns_as = "json"', 1)
    toml.write_text(as_json + '\n[captions.wiki]\ntable = "captions.parquet"\n')
    built(toml)
    again = samples(shards(photographs))
    assert [key for key in keys if "wiki.txt" in again[key]] == keys[:3]
    assert all(json.loads(again[key]["json"]) == by_id[key].columns for key in keys)
    assert pl.read_parquet(photographs / "findings/captions.parquet")["treeoflife_id"].to_list() == ["nobody"]
    assert cli("verify", photographs).returncode == 0
    toml.write_text(plain)
    built(toml)
    assert samples(shards(photographs)) == before


def _file(sample: treeoflife.Sample) -> str:
    return next(name for name in sample.row if name.endswith("_filename") and sample.row[name])


def test_a_column_that_no_table_has_is_an_error_before_any_work(photographs: Path) -> None:
    toml = photographs / "dataset.toml"
    plain = toml.read_text()
    toml.write_text(plain.replace("columns = []", 'columns = ["sexx"]', 1))
    assert "'Sex'?" in sentence(cli("build", "--config", toml), "no source has a table with the column 'sexx'")
    toml.write_text(plain)


@pytest.mark.parametrize(
    "template", ["{0}", "{}", "{sex.__class__}", "{sex[0]}", "{family!r}", "{family:>10}", "{", "", "a\nb"]
)
def test_only_plain_names_are_placeholders(template: str) -> None:
    with pytest.raises(ConfigError):
        parse_template("a template", template, [*NAME_PLACEHOLDERS, "sex"])


@pytest.mark.parametrize(
    "wds",
    [{"columns": [name]} for name in ("genus", "Sci", "json", "offset", "性别")]
    + [{"columns": ["a b", "a_b"]}, {"columns": ["a"], "column_names": {"b": "c"}}],
)
def test_names_that_are_taken_or_cannot_be_are_refused(wds: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ConfigError):
        further_texts(parse({"sources": {}, "wds": wds}, tmp_path), [])
