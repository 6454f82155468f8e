"""The card, the Croissant description and the credits that a build ends with, read by the programs that use them."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from helpers import built, cli, digests, sentence
from treeoflife.core.tables import parquet_schema
from treeoflife.publish import credits as credit_files
from treeoflife.publish import own_files
from treeoflife.publish.own_files import CARD_MARK
from treeoflife.selection import eol_manifest
from treeoflife.testing.world import World


def run_python(code: str, *words: str | Path) -> str:
    """The last line that a program in a process of its own prints."""
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1]


def test_load_dataset_reads_the_folder_right_after_the_build(drawn_build: Path, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    code = (
        "import sys, json, datasets; "
        "splits = datasets.load_dataset(sys.argv[1], cache_dir=sys.argv[2]); "
        "print(json.dumps({name: [row['__key__'] for row in rows] for name, rows in splits.items()}))"
    )
    with (drawn_build / "224x224/catalog.csv").open(newline="", encoding="utf-8") as file:
        rows = {(row["split"], row["treeoflife_id"]) for row in csv.DictReader(file)}
    loaded = json.loads(run_python(code, drawn_build, tmp_path))
    assert {(split, key) for split, keys in loaded.items() for key in keys} == rows


def test_every_program_that_the_card_shows_runs_in_the_folder(drawn_build: Path, tmp_path: Path) -> None:
    for name in ("datasets", "webdataset"):
        pytest.importorskip(name)
    text = (drawn_build / "README.md").read_text(encoding="utf-8").partition("## Load it")[2].partition("\n## ")[0]
    programs = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(programs) == 2
    assert 'load_dataset("PATH"' in programs[0]
    for program in [one.replace('"PATH"', repr(str(drawn_build))) for one in programs]:
        variables = os.environ | {"HF_HOME": str(tmp_path), "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=drawn_build, env=variables, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


def test_mlcroissant_accepts_the_description_and_reads_the_records(drawn_build: Path) -> None:
    pytest.importorskip("mlcroissant")
    code = (
        "import sys, mlcroissant; dataset = mlcroissant.Dataset(sys.argv[1]); errors = dataset.metadata.issues.errors; "
        "assert not errors, errors; print(len(list(dataset.records('samples'))))"
    )
    read = int(run_python(code, drawn_build / "croissant.json"))
    assert read == pl.read_parquet(drawn_build / "224x224/catalog.parquet").height


def test_the_hub_can_read_the_head_of_the_card(drawn_build: Path) -> None:
    """By its own reader; the splits that it names are those that there are."""
    hub = pytest.importorskip("huggingface_hub")
    data = hub.DatasetCard.load(drawn_build / "README.md").data.to_dict()
    assert data["size_categories"] == ["n<1K"]
    files = data["configs"][0]["data_files"]
    assert {one["split"] for one in files} == {"train", "val", "train_small"}
    assert all(list(drawn_build.glob(one["path"])) for one in files)


def test_no_generated_file_names_a_folder_of_the_computer(drawn_build: Path, drawn_world: World) -> None:
    """Neither OUT nor the folder of the raw data: in texts, in tables of Parquet and their metadata, and in shards."""
    folders = [str(folder).encode() for folder in (drawn_build, drawn_world.root)]
    published = [path for path in drawn_build.rglob("*") if path.is_file() and path.name != "dataset.toml"]
    published = [path for path in published if not path.relative_to(drawn_build).parts[0].startswith((".", "logs"))]
    assert {"README.md", "croissant.json", "SHA256SUMS"} <= {path.name for path in published}
    for path in published:
        texts = [path.read_bytes()]
        if path.suffix == ".parquet" and parquet_schema(path):
            texts.append(repr(pl.read_parquet(path, glob=False).rows()).encode())
        assert not [path for text in texts for folder in folders if folder in text], path


def test_the_card_shows_the_configuration_without_its_folders(drawn_build: Path, drawn_world: World) -> None:
    text = (drawn_build / "README.md").read_text(encoding="utf-8")
    assert f'path = "{drawn_world.root}' in (drawn_build / "dataset.toml").read_text(encoding="utf-8")
    assert '[sources.eol]\npath = "<raw>/eol"' in text
    assert "max_samples = 25" in text
    assert "[engine]" not in text


def test_nothing_in_the_card_is_empty(drawn_build: Path) -> None:
    """Every section has a text, and every table rows."""
    lines = (drawn_build / "README.md").read_text(encoding="utf-8").splitlines()
    blocks = "\n".join(lines).split("\n## ")[1:]
    assert all(len(block.strip().splitlines()) > 2 for block in blocks)
    rules = [number for number, line in enumerate(lines) if set(line) <= set("|-: ") and "---" in line and "|" in line]
    assert rules
    assert all(lines[number + 1].startswith("|") for number in rules)


@pytest.fixture
def carded(build_copy: Path) -> Path:
    """A build with a downloaded file on record, and its card written again."""
    line = {"component": "c", "file": "a|b.zip", "url": "https://a/<b>", "time": "2026-01-02T03:04:05+00:00",
            "size": 1234, "sha256": "5" * 64, "licence": "CC BY 3.0", "stamp": ""}  # fmt: skip
    (build_copy / "downloads.jsonl").write_text(json.dumps(line) + '\n{"file": "torn"}\n{"fi')
    done = cli("card", "--config", build_copy / "dataset.toml", "--url", "https://example.org/birds")
    assert done.returncode == 0, done.stderr
    return build_copy


def test_the_card_lists_the_downloaded_files(carded: Path) -> None:
    """With address, date, checksum and licence, escaped whatever they contain."""
    text = (carded / "README.md").read_text(encoding="utf-8")
    assert f"| a\\|b.zip | https://a/&lt;b&gt; | 2026-01-02 | 1,234 | `{'5' * 64}` | CC BY 3.0 |" in text
    assert "torn" not in text


def test_the_address_stays_in_the_card_and_the_dataset_is_finished(carded: Path) -> None:
    """The next build has nothing to do; a new card after a change of the configuration has the address too."""
    config = carded / "dataset.toml"
    before = digests(carded)
    assert "SHA256SUMS" in before
    assert "to do" not in cli("status", "--config", config).stdout
    built(config)
    assert digests(carded) == before
    config.write_text(config.read_text().replace("# title = ", 'title = "Birds & <bees>"'))
    built(config)
    text = (carded / "README.md").read_text(encoding="utf-8")
    assert "# Birds &amp; &lt;bees&gt;" in text
    assert "https://example.org/birds" in text
    assert json.loads((carded / "croissant.json").read_text())["url"] == "https://example.org/birds"


def test_a_card_that_is_gone_or_emptied_is_written_again(build_copy: Path) -> None:
    before = digests(build_copy)
    (build_copy / "README.md").write_text("")
    (build_copy / "croissant.json").unlink()
    built(build_copy / "dataset.toml")
    assert digests(build_copy) == before


@pytest.mark.parametrize("name", ["README.md", "croissant.json"])
def test_what_the_user_wrote_stays_and_the_build_says_so(build_copy: Path, name: str) -> None:
    """A build does not fail because of it; SHA256SUMS lists it no longer, so that verify takes it for no damage."""
    config, theirs = build_copy / "dataset.toml", build_copy / name
    theirs.write_text("# My project\n")
    done = built(config)
    assert f"{theirs} was not written by treeoflife, and stays as it is" in done.stdout
    assert theirs.read_text() == "# My project\n"
    assert name not in (build_copy / "SHA256SUMS").read_text()
    assert cli("verify", build_copy).returncode == 0
    assert str(theirs) in cli("status", "--config", config).stdout
    sentence(cli("card", "--config", config), str(theirs), "move it away")
    theirs.unlink()
    built(config)
    assert theirs.stat().st_size > 1000


def test_a_card_without_its_mark_is_the_users(build_copy: Path) -> None:
    """Its first line says so: work by hand is not lost to the next build once that line is deleted."""
    card, config = build_copy / "README.md", build_copy / "dataset.toml"
    head, mark, rest = card.read_text().partition(f"{CARD_MARK}\n")
    assert mark
    edited = head + rest.replace("## Splits", "## My own words\n\nHello.\n\n## Splits")
    card.write_text(edited)
    config.write_text(config.read_text().replace("# contact = ", 'contact = "me@example.org"'))
    assert f"{card} was not written by treeoflife" in built(config).stdout
    assert card.read_text() == edited


def test_tables_of_credits_are_known_by_their_headers() -> None:
    assert ",".join(credit_files.COLUMNS).startswith(own_files.CREDITS)
    assert ",".join(eol_manifest.COLUMNS).startswith(own_files.LICENCES)
