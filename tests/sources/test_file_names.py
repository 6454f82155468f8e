"""Names of files that are not UTF-8 are names like any others: their images become samples, and no two become one."""

from __future__ import annotations

import gzip
import io
import os
import random
import re
import sys
import tarfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from helpers import built, cli, sentence
from treeoflife.cli import app
from treeoflife.core.values import Taxon
from treeoflife.errors import ConfigError
from treeoflife.sources.containers import archived_folders
from treeoflife.sources.file_names import escape_invalid_utf8, name_bytes
from treeoflife.sources.registry import load_source
from treeoflife.testing import taxonomies
from treeoflife.testing.sources import read_all_images
from treeoflife.testing.world import draw_picture, encode_image

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
GREEN = os.fsdecode(b"Gr\xfcn.jpg")
CROW = "00001_Animalia_Chordata_Aves_Passeriformes_Corvidae_Corvus_corax"


def picture(number: int) -> bytes:
    return encode_image(draw_picture(random.Random(number)))


def pack(path: Path, *files: tuple[str, bytes], format_: int = tarfile.GNU_FORMAT) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w", format=format_, errors="surrogateescape") as tar:
        for name, data in files:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


@given(st.lists(st.text("\\x5cfe\xfc" + os.fsdecode(b"\xfc\xc3"), max_size=12), min_size=2, max_size=2, unique=True))
def test_no_two_names_become_one(names: list[str]) -> None:
    """An escape, and a name that is written like one."""
    if name_bytes(names[0]) != name_bytes(names[1]):
        assert escape_invalid_utf8(names[0]) != escape_invalid_utf8(names[1])


def test_ordinary_names_are_not_changed() -> None:
    for name in ("Grün.jpg", r"C:\photos\a.jpg", r"\x", "a b.jpg", "\u202e.jpg"):
        assert escape_invalid_utf8(name) == name


def test_an_escaped_name_and_a_real_one_are_two_images(tmp_path: Path) -> None:
    for number, name in enumerate((GREEN, r"Gr\xfcn.jpg", r"Gr\x5cxfcn.jpg")):
        write(tmp_path / "part1" / name, picture(number))
    source = load_source("bioscan", {"path": "."}, tmp_path)
    assert len({image.key for _, image in read_all_images(source)}) == 3


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of all sources with names in Latin-1, in folders and archives with such names."""
    root = tmp_path_factory.mktemp("raw")
    folder = os.fsdecode(b"for\xeat")
    write(root / "photos" / GREEN, picture(1))
    write(root / "photos" / folder / GREEN, picture(2))
    write(root / "photos" / os.fsdecode(b"broken\xff.jpg"), b"no image")
    (root / "photos.csv").write_text(
        "file,genus,species\nGr\\xfcn.jpg,Parus,major\nfor\\xeat/Gr\\xfcn.jpg,Apis,mellifera\n"
    )
    write(root / "inat" / CROW / GREEN, picture(3))
    write(root / "inat" / os.fsdecode(b"00002_Animalia_A_B_C_D_E_f\xe9") / "a.jpg", picture(4))
    write(root / "inat" / os.fsdecode(b"loose\xff.bin"), b"x")
    folders = (
        (f"t/{CROW}/{GREEN}", picture(5)),
        (os.fsdecode(b"t/00002_Animalia_A_B_C_D_E_f\xe9/x\xfc.jpg"), picture(6)),
    )
    pack(root / "packed" / os.fsdecode(b"train\xfc.tar"), *folders)
    write(root / "bioscan/part1" / GREEN, picture(7))
    (root / "labels.tsv").write_text("chunk_number\timage_file\torder\n1\tGr\\xfcn.jpg\tDiptera\n")
    members = (("1_7_eol.jpg", picture(8)), (os.fsdecode(b"2_7_eol\xfc.jpg"), picture(9)), (GREEN, picture(10)))
    pack(root / "eol" / os.fsdecode(b"set_\xfc.tar"), *members)
    taxonomies.write_eol(root / "tree", {7: (Taxon("Animalia", genus="Corvus", species="corax"), "")}, {})
    tree = next((root / "tree").rglob("taxon.tab"))
    (root / "dataset.toml").write_text(
        f"""
        [sources.photos]
        kind = "folder"
        path = "photos"
        table = "photos.csv"
        [sources.inat21]
        path = "inat"
        [sources.packed]
        kind = "inat21"
        path = "packed"
        [sources.bioscan]
        path = "bioscan"
        metadata = "labels.tsv"
        [sources.eol]
        path = "eol"
        [names]
        eol_tree = "{tree}"
        """
    )
    return root


def test_every_source_makes_samples_of_them(raw: Path, tmp_path: Path) -> None:
    """Under their escaped names, in the catalog and the ledger; and all else of the program bears them."""
    out = tmp_path / "out"
    out.mkdir()
    text = re.sub(r'(?m)^( *(?:path|table|metadata) = ")', rf"\g<1>{raw}/", (raw / "dataset.toml").read_text())
    (out / "dataset.toml").write_text(text)
    built(out / "dataset.toml")
    rows = pl.read_parquet(out / "224x224/catalog.parquet", glob=False)
    assert sorted(rows["photos_filename"].drop_nulls()) == [r"Gr\xfcn.jpg", r"for\xeat/Gr\xfcn.jpg"]
    assert rows["inat21_filename"].drop_nulls().to_list().count(r"Gr\xfcn.jpg") == 2
    assert {r"Animalia_A_B_C_D_E_f\xe9"} < set(rows["inat21_cls_name"])
    assert rows["bioscan_filename"].drop_nulls().to_list() == [r"Gr\xfcn.jpg"]
    assert sorted(rows["eol_content_id"].drop_nulls()) == [1, 2]
    ledger = pl.read_parquet(out / "ledger/ledger.parquet", glob=False)
    assert {r"broken\xff.jpg", r"loose\xff.bin", r"Gr\xfcn.jpg"} == set(ledger["file"])
    for words in (
        ("status", "--json", "--config", out / "dataset.toml"),
        ("verify", out),
        ("report", "--config", out / "dataset.toml"),
    ):
        done = cli(*words, PYTHONUTF8="1")
        assert done.returncode == 0, done.stderr


def test_an_archive_that_cannot_be_read_is_named_with_escapes(tmp_path: Path) -> None:
    """On a terminal in UTF-8 too, which cannot show such bytes."""
    write(tmp_path / "raw" / os.fsdecode(b"set_\xfc.tar"), b"no archive")
    (tmp_path / "dataset.toml").write_text("[sources.eol]\npath = 'raw'\n")
    sentence(cli("build", "--config", tmp_path / "dataset.toml", PYTHONUTF8="1"), r"set_\xfc.tar")


@pytest.mark.parametrize("what", ["--raw", "--table", "--out"])
def test_a_path_that_dataset_toml_cannot_hold_is_named_and_a_link_to_it_serves(tmp_path: Path, what: str) -> None:
    write(tmp_path / "photos/a.jpg", picture(1))
    (tmp_path / "names.csv").write_text("file,genus,species\na.jpg,Parus,major\n")
    paths = {"--raw": tmp_path / "photos", "--table": tmp_path / "names.csv", "--out": tmp_path / "out"}
    paths["--out"].mkdir()
    real = tmp_path / os.fsdecode(b"n\xe4me")
    paths[what].rename(real)
    words = [word for pair in (paths | {what: real}).items() for word in pair]
    done = cli("init", "folder", *words, PYTHONUTF8="1")
    assert done.returncode == 2
    sentence(done, r"n\xe4me is not UTF-8", "a link")
    paths[what].symlink_to(real)
    done = cli("init", "folder", *(word for pair in paths.items() for word in pair), PYTHONUTF8="1")
    assert done.returncode == 0, done.stderr
    built(paths["--out"] / "dataset.toml")


PATHS = (
    ("check-shards", "PATH"),
    ("check-wds", "PATH"),
    ("catalog", "PATH"),
    ("catalog", "shards", "--out", "PATH"),
    ("check-shards", "shards", "--mapping", "PATH"),
    ("check-shards", "shards", "--holdout", "PATH"),
    ("hashes", "images", "--out=PATH"),
    ("names", "diff", "PATH", "PATH"),
    ("names", "why", "PATH"),
    ("holdout", "make", "--species", "PATH"),
    ("check-taxa", "PATH"),
    ("report", "PATH"),
    ("explore", "PATH"),
    ("verify", "PATH"),
    ("build", "-c", "PATH"),
    ("download", "--to", "PATH", "--list"),
    ("demo", "PATH"),
)


@pytest.mark.parametrize("there", [False, True])
def test_a_path_on_the_command_line_that_is_not_utf8_is_named(there: bool, tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"Gr\xfcn.csv")
    if there:
        path.write_text("genus,species\nParus,major\n")
    runner = CliRunner()
    for words in PATHS:
        result = runner.invoke(app, [word.replace("PATH", str(path)) for word in words])
        assert isinstance(result.exception, ConfigError), (words, result.exception)
        assert "is not UTF-8: if it is a path, rename it" in str(result.exception)
    sentence(cli("names", "diff", path, path, PYTHONUTF8="1"), r"Gr\xfcn.csv is not UTF-8", "a link")
    sentence(cli("captioned", path, PYTHONUTF8="1"), r"Gr\xfcn.csv cannot be read")


def test_what_lies_in_a_folder_that_is_named_is_read_or_named(tmp_path: Path) -> None:
    """Images of a benchmark in any file; of shards and Parquet, which others read, only those with a name in UTF-8."""
    name = os.fsdecode(b"Gr\xfcn")
    write(tmp_path / "images" / f"{name}.jpg", picture(1))
    write(tmp_path / "images" / f"{name}.png", b"no image")
    pack(tmp_path / "images" / f"{name}.tar", (f"{name}.jpg", picture(2)))
    hashes = tmp_path / "hashes.parquet"
    done = cli("hashes", tmp_path / "images", "--out", hashes, PYTHONUTF8="1")
    assert done.returncode == 0, done.stderr
    assert pl.read_parquet(hashes)["image"].to_list() == [r"Gr\xfcn.jpg"] * 2
    assert r"such as Gr\xfcn.png" in done.stderr
    sentence(cli("check-shards", tmp_path / "images", PYTHONUTF8="1"), r"Gr\xfcn.tar is not UTF-8")
    pl.DataFrame({"image": [picture(1)]}).write_parquet(hashes)
    hashes.rename(tmp_path / "images" / f"{name}.parquet")
    sentence(
        cli("hashes", tmp_path / "images", "--out", hashes, PYTHONUTF8="1"),
        r"Gr\xfcn.parquet: a Parquet file is read only if its path is UTF-8",
    )


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_a_tar_with_such_a_class_folder_is_scanned_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    """Its index is written with the bytes of the name, and can be read again."""
    folder = CROW[:-1] + os.fsdecode(b"\xfc")
    pack(tmp_path / "train.tar", (f"train/{folder}/a.jpg", picture(1)))
    if suffix == ".tar.gz":
        (tmp_path / "train.tar.gz").write_bytes(gzip.compress((tmp_path / "train.tar").read_bytes()))
        (tmp_path / "train.tar").unlink()
    source = load_source("inat21", {"path": f"train{suffix}"}, tmp_path)
    first = source.containers()
    monkeypatch.setattr(archived_folders, "_scan", lambda *_: pytest.fail("the archive is scanned again"))
    assert source.containers() == first
    assert len(first) == 1
