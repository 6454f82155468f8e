"""The card and the Croissant description of a built world, read by the programs that use them."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

from treeoflife.testing.builds import run_treeoflife


@pytest.fixture
def carded(build_copy: Path) -> Path:
    line = {"component": "c", "file": "a|b.zip", "url": "https://a/<b>", "time": "2026-01-02T03:04:05+00:00",
            "size": 1234, "sha256": "5" * 64, "licence": "CC BY 3.0", "stamp": ""}  # fmt: skip
    (build_copy / "downloads.jsonl").write_text(json.dumps(line) + '\n{"file": "torn"}\n{"fi')
    done = run_treeoflife("card", "--config", str(build_copy / "dataset.toml"))
    assert done.returncode == 0, done.stderr
    return build_copy


def test_the_card_lists_the_downloaded_files(carded: Path) -> None:
    """With address, date, checksum and licence, escaped whatever they contain."""
    text = (carded / "README.md").read_text()
    assert f"| a\\|b.zip | https://a/&lt;b&gt; | 2026-01-02 | 1,234 | `{'5' * 64}` | CC BY 3.0 |" in text
    assert "torn" not in text


def test_load_dataset_reads_the_folder_by_its_card(carded: Path, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    code = (
        "import sys, json, datasets; "
        "print(json.dumps({k: [x['__key__'] for x in v] for k, v in datasets.load_dataset(sys.argv[1], cache_dir=sys.argv[2]).items()}))"  # noqa: E501
    )
    done = subprocess.run([sys.executable, "-c", code, carded, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with (carded / "224x224/catalog.csv").open(newline="", encoding="utf-8") as fd:
        rows = [(row["split"], row["treeoflife_id"]) for row in csv.DictReader(fd)]
    loaded = json.loads(done.stdout.splitlines()[-1])
    assert {(split, key) for split, keys in loaded.items() for key in keys} == set(rows)


def test_mlcroissant_accepts_the_description_and_reads_the_records(carded: Path) -> None:
    pytest.importorskip("mlcroissant")
    code = (
        "import sys, mlcroissant as c; d = c.Dataset(sys.argv[1]); assert not d.metadata.issues.errors, d.metadata.issues.errors; "  # noqa: E501
        "print(len(list(d.records('samples'))))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, carded / "croissant.json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    with (carded / "224x224/catalog.csv").open(encoding="utf-8") as fd:
        assert int(done.stdout.splitlines()[-1]) == sum(1 for _ in fd) - 1


def test_the_card_has_the_exact_configuration_and_is_the_same_when_written_again(carded: Path) -> None:
    text = (carded / "README.md").read_text(encoding="utf-8")
    assert (carded / "dataset.toml").read_text(encoding="utf-8").rstrip() in text
    assert run_treeoflife("card", "--config", str(carded / "dataset.toml")).returncode == 0
    assert (carded / "README.md").read_text(encoding="utf-8") == text
