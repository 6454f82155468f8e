"""A corrected name costs a pack and no decoding; ``names why`` and ``names diff`` tell what happened."""

from __future__ import annotations

import csv
import shutil
import subprocess
from pathlib import Path
from random import Random

import pytest

from treeoflife.core.values import RANKS
from treeoflife.testing.builds import run_treeoflife
from treeoflife.testing.world import draw_picture, draw_world, encode_image

PHOTOS = 6


def table(path: Path, first: str) -> None:
    """Photographs named by a full name with its author, by ranks alone, and with a common name."""
    with path.open("w", newline="") as fd:
        out = csv.writer(fd)
        out.writerow(["file", "scientific_name", "kingdom", "family", "common_name"])
        out.writerow(["0.jpg", first, "", "", ""])
        out.writerow(["1.jpg", "", "Animalia", "Felidae", ""])
        for number in range(2, PHOTOS):
            out.writerow([f"{number}.jpg", "Novus novus Rao", "Animalia", "", "Novelty"])


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of the drawn world and a folder of photographs, built."""
    root = tmp_path_factory.mktemp("relabelling")
    draw_world(root / "raw", 60, natural=True)
    (root / "photos").mkdir()
    for number in range(PHOTOS):
        (root / f"photos/{number}.jpg").write_bytes(encode_image(draw_picture(Random(number))))
    table(root / "photos.csv", "Panthera leo (Linnaeus, 1758)")
    assert run_treeoflife("init", "original", "--raw", str(root / "raw"), "--out", str(root / "out")).returncode == 0
    with (root / "out/dataset.toml").open("a") as fd:
        fd.write(f'\n[sources.mine]\nkind = "folder"\npath = "{root}/photos"\ntable = "{root}/photos.csv"\n')
    done = run(root, "build")
    assert done.returncode == 0, done.stderr
    return root


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command on the dataset."""
    return run_treeoflife(*words, "--config", str(root / "out/dataset.toml"))


def store(root: Path) -> dict[str, tuple[int, bytes]]:
    """The time and the bytes of each file of the encoded store."""
    files = [path for path in (root / "out/encoded").rglob("*") if path.is_file()]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


def test_labels_of_a_table_are_evidence_by_name_by_rank_and_by_common_name(built: Path) -> None:
    said = [
        run(built, "names", "why", name).stdout for name in ("Panthera leo (Linnaeus, 1758)", "Felidae", "Novus novus")
    ]
    assert "family: Felidae (from eol:species)" in said[0]
    assert "order: Carnivora" in said[1]
    assert "common name: Novelty (from label)" in said[2]


def test_a_changed_name_is_packed_again_without_decoding(built: Path) -> None:
    old, before = built / "old.parquet", store(built)
    shutil.copy(built / "out/metadata/names.parquet", old)
    table(built / "photos.csv", "Morus bassanus (Linnaeus, 1758)")
    done = run(built, "build")
    assert done.returncode == 0, done.stderr
    assert "1 samples have another name or caption than before" in done.stdout + done.stderr
    assert before.keys() == store(built).keys()
    assert before == store(built)
    changes = run_treeoflife("names", "diff", str(old), str(built / "out/metadata/names.parquet"))
    assert changes.returncode == 0
    assert "mine: species: 1 changed" in changes.stdout
    assert "species: leo -> bassanus" in changes.stdout


def test_what_is_not_there_is_a_sentence_and_an_exit_status(built: Path) -> None:
    unknown = run(built, "names", "why", "Nonsensia")
    assert "no name key, scientific name or rank of the dataset is 'Nonsensia'" in unknown.stdout
    missing = run_treeoflife("names", "diff", "nothere.parquet", "nothere.parquet")
    assert (missing.returncode, "nothere.parquet cannot be read" in missing.stderr) == (1, True)
    assert run_treeoflife("names", "why").returncode == 2


def rows(path: Path) -> list[dict[str, str]]:
    """The rows of a catalog."""
    with path.open(newline="", encoding="utf-8") as fd:
        return list(csv.DictReader(fd))


def test_the_predicted_catalog_obeys_a_curators_marks_as_the_build_does(built: Path, tmp_path: Path) -> None:
    shutil.copytree(built, tmp_path / "copy")
    out = tmp_path / "copy/out"
    before = rows(out / "metadata/predicted-catalog.csv")
    gone, other = before[0], before[-1]
    head = "treeoflife_id,verdict,kingdom,genus,species,note\n"
    marks = f"{gone['treeoflife_id']},drop,,,,a drawing\n{other['treeoflife_id']},relabel,Animalia,Aaa,nova,\n"
    (out / "marks.csv").write_text(head + marks, encoding="utf-8")
    config = str(out / "dataset.toml")
    assert run_treeoflife("metadata", "--config", config).returncode == 0
    after = rows(out / "metadata/predicted-catalog.csv")
    assert {row["treeoflife_id"] for row in before} - {row["treeoflife_id"] for row in after} == {gone["treeoflife_id"]}
    named = [row for row in after if row["treeoflife_id"] == other["treeoflife_id"]]
    assert {(row["kingdom"], row["family"], row["genus"], row["species"], row["common"]) for row in named} == {
        ("Animalia", "", "Aaa", "nova", "Aaa nova")
    }
    lineages = {tuple(row[rank] for rank in RANKS): row["class_index"] for row in after}
    assert len(set(lineages.values())) == len(lineages)
    assert run_treeoflife("build", "--config", config).returncode == 0
    told = ("split", "treeoflife_id", *RANKS, "common")
    predicted = {tuple(row[name] for name in told) for row in after}
    assert {tuple(row[name] for name in told) for row in rows(out / "224x224/catalog.csv")} <= predicted
