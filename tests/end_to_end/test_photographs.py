"""A folder of photographs from init to shards: the table is read at once, what is repaired is said, OUT is left out."""

from __future__ import annotations

import os
import random
import sys
from pathlib import Path

import polars as pl
import pytest
from PIL import Image

from helpers import built, cli, sentence
from treeoflife.errors import InputError, MissingExtra
from treeoflife.pipeline.discover import discover
from treeoflife.sources.containers.image_folders import image_files, subfolders
from treeoflife.testing.world import draw_picture

HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """Four photographs, one of them deeper, and no table."""
    rng = random.Random(1)
    for name in ("a.jpg", "b.jpg", "c.JPG", "field/d.jpg"):
        path = tmp_path / "raw" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draw_picture(rng).save(path, "JPEG")
    return tmp_path / "raw"


TABLE = "file,scientific_name,common_name\na.jpg,Parus major,Kohlmeise\nb.jpg,Pica pica,Elster\nc.JPG,Apus apus,\n"


def init(raw: Path, *words: str | Path, out: Path | None = None) -> Path:
    """Run init, which must succeed; returns the dataset.toml."""
    out = out or raw.parent / "out"
    done = cli("init", "folder", "--raw", raw, "--out", out, *words)
    assert done.returncode == 0, done.stderr
    return out / "dataset.toml"


def samples(out: Path) -> dict[str, str]:
    """The common name of each sample, by the file that it is from."""
    return dict(pl.read_parquet(out / "224x224/catalog.parquet").select("photos_filename", "common").iter_rows())


def _is_done(config: Path) -> bool:
    lines = cli("status", "--config", config).stdout.splitlines()
    return all(line.startswith("names: ") or line.split()[1] == "done" for line in lines)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", ["is empty"]),
        (b"file\tgenus", ["a header and no row"]),
        (b"PK\x03\x04 cut off", ["spreadsheet"]),
        (b"\x1f\x8b\x08 packed", ["gzip"]),
        (b"<html>", ["web page"]),
        (b"file,genus\na.jpg,Pi\0ca\n", ["line 2", "NUL"]),
        (b"name,genus\na.jpg,Pica\n", ["'name', 'genus'", "--file-column"]),
        (b"file,colour\na.jpg,red\n", ["'colour'"]),
        (b"file,filename,genus\na.jpg,b.jpg,Pica\n", ["line 2", "'file' and 'filename'"]),
        (b"file,genus\nx.png,Pica\n", ["'x.png'", "'a.jpg'"]),
        (None, ["there is no table"]),
    ],
)
def test_init_reads_the_table(raw: Path, data: bytes | None, words: list[str]) -> None:
    if data is not None:
        (raw / "birds.csv").write_bytes(data)
    with pytest.raises((InputError, MissingExtra)) as error:
        discover("folder", raw, raw / "birds.csv")
    for word in ("birds.csv", *words):
        assert word in str(error.value)


def test_init_writes_nothing_where_the_table_cannot_be_read(raw: Path) -> None:
    (raw / "birds.csv").write_text("name,genus\na.jpg,Pica\n")
    done = cli("init", "folder", "--raw", raw, "--out", raw.parent / "out")
    sentence(done, "birds.csv", "'name', 'genus'", "--file-column")
    assert not (raw.parent / "out").exists()


def test_init_says_which_columns_it_uses_and_how_many_rows_have_a_file(raw: Path) -> None:
    (raw / "Birds.CSV").write_bytes(
        "Datei;Scientific Name;vernacularName;notes\r\na.jpg;Larus canus;Sturmmöwe;x\r\nz.jpg;Apus apus;;\r\n".encode(
            "cp1252"
        )
    )
    done = cli("init", "folder", "--raw", raw, "--out", raw.parent / "out", "--file-column", "Datei")
    for words in (
        "'Datei' as file", "'Scientific Name' as scientific_name", "'vernacularName' as common_name",
        "not used: 'notes'", "1 of 2, such as 'a.jpg'", "Windows-1252",
        "not in the folder: 1 of 2 files in the table, such as 'z.jpg'",
        "named by no row, and therefore no samples: 3 of 4",
    ):  # fmt: skip
        assert words in done.stdout
    said = built(raw.parent / "out/dataset.toml").stderr
    assert "photos: Birds.CSV: it is not UTF-8 and was read as Windows-1252" in said
    assert samples(raw.parent / "out") == {"a.jpg": "Sturmmöwe"}


def test_names_that_are_written_otherwise_become_samples_and_are_said(raw: Path) -> None:
    rows = ("photos/a.jpeg,Parus major", "B.JPG,Pica pica", "C:\\pictures\\c.JPG,Apus apus", "d,Turdus merula")
    (raw / "birds.csv").write_text("\n".join(["file,scientific_name", *rows]))
    said = built(init(raw)).stderr
    assert samples(raw.parent / "out").keys() == {"a.jpg", "b.jpg", "c.JPG", "field/d.jpg"}
    assert said.count("than in the folder: 1 of 4") == 2
    assert said.count("than in the folder: 2 of 4") == 1


def test_a_build_whose_table_names_no_image_any_more_says_so_and_makes_nothing(raw: Path) -> None:
    (raw / "birds.csv").write_text(TABLE)
    config = init(raw)
    (raw / "birds.csv").write_text(TABLE.replace(".jpg", "-1.jpg").replace(".JPG", "-1.jpg"))
    for command in ("build", "wds", "build"):
        sentence(cli(command, "--config", config), "'a-1.jpg'", "'a.jpg'")
    assert not (config.parent / "encoded").exists()


def test_out_inside_raw_is_left_out(raw: Path) -> None:
    """With whatever pictures it holds, under any name that leads to it, and other datasets and hold-out sets too."""
    (raw / "birds.csv").write_text(TABLE)
    out = raw / "field/../made"
    config = init(raw, out=out)
    first = built(config).stdout
    (raw / "link").symlink_to(raw / "made")
    (raw / "another/holdout/a").mkdir(parents=True)
    (raw / "another/dataset.toml").write_text('[sources.eol]\npath = "x"\n')
    (raw / "held/images").mkdir(parents=True)
    (raw / "held/holdout.json").write_text('{"species": [], "per_species": 1}')
    for folder in ("made/reports", "made/holdout/x/images", "made/224x224", "another/holdout/a", "held/images"):
        (raw / folder).mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (50, 50)).save(raw / folder / "picture.png")
    (raw / "deep").mkdir()
    (raw / "deep/link").symlink_to(raw / "made/reports", target_is_directory=True)
    second = built(config).stdout
    assert second == first
    assert _is_done(config)
    assert len(samples(out)) == 3


def test_a_dataset_whose_configuration_has_another_name_is_left_out(raw: Path) -> None:
    (raw / "birds.csv").write_text(TABLE)
    config = init(raw, out=raw / "made").rename(raw / "made/birds.toml")
    first = built(config).stdout
    Image.new("RGB", (50, 50)).save(raw / "made/224x224/picture.png")
    assert built(config).stdout == first


def test_a_source_may_be_what_this_program_made_itself(raw: Path) -> None:
    """A hold-out set, or a folder below a dataset, if its user says so; a stranger's dataset.toml is none."""
    (raw / "holdout.json").write_text('{"per_species": 1}')
    (raw / "field/dataset.toml").write_text('title = "a dataset of mine"\n')
    assert len(image_files(raw, deep=True)) == 4
    (raw / "field/dataset.toml").write_text('[sources.mine]\nkind = "folder"\n')
    assert len(image_files(raw, deep=True)) == 3
    assert len(image_files(raw / "field", deep=True)) == 1
    assert subfolders(raw) == []


def test_a_table_in_out_is_read(raw: Path) -> None:
    (raw / "made").mkdir()
    (raw / "made/birds.csv").write_text(TABLE)
    config = init(raw, "--table", raw / "made/birds.csv", out=raw / "made")
    built(config)
    assert len(samples(raw / "made")) == 3


@pytest.fixture
def without_heic(tmp_path: Path) -> str:
    """A PYTHONPATH with which the extra heic is not installed."""
    (tmp_path / "blocked").mkdir()
    (tmp_path / "blocked/sitecustomize.py").write_text('import sys\nsys.modules["pillow_heif"] = None\n')
    return os.pathsep.join([str(tmp_path / "blocked"), *filter(None, sys.path)])


def test_heic_without_the_extra_is_in_the_ledger_with_the_way_out(raw: Path, without_heic: str) -> None:
    """By its content, whatever its ending."""
    (raw / "e.HEIC").write_bytes(HEIC)
    (raw / "f.jpg").write_bytes(HEIC)
    (raw / "birds.csv").write_text(TABLE + "e.heic,Apus apus,\nf.jpg,Apus apus,\n")
    config = init(raw)
    built(config, PYTHONPATH=without_heic)
    ledger = pl.read_parquet(config.parent / "ledger/ledger.parquet").filter(reason="needs-extra")
    assert sorted(ledger["file"]) == ["e.HEIC", "f.jpg"]
    assert all("pip install 'treeoflife[heic]'" in detail for detail in ledger["detail"])


def test_heic_becomes_a_sample_once_the_extra_is_installed(raw: Path, without_heic: str) -> None:
    """The build that follows knows by itself what to encode again."""
    pillow_heif = pytest.importorskip("pillow_heif")
    with Image.open(raw / "a.jpg") as image:
        pillow_heif.from_pillow(image).save(raw / "e.heic")
    (raw / "birds.csv").write_text(TABLE + "e.heic,Apus apus,\n")
    config = init(raw)
    built(config, PYTHONPATH=without_heic)
    assert "e.heic" not in samples(config.parent)
    assert "images that could not be read can be now" in cli("status", "--config", config).stdout
    built(config)
    assert samples(config.parent).keys() == {"a.jpg", "b.jpg", "c.JPG", "e.heic"}
    assert _is_done(config)
