"""Archives and tables by people who mean harm: no file outside, no word to the terminal, nothing lost, bounded work."""

from __future__ import annotations

import csv
import gzip
import io
import os
import random
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest

from helpers import built, cli, configured, digests, samples, sentence, shards, tar_of
from treeoflife.core.tables import escape_formulas
from treeoflife.core.tar_reader import TarError, read_members
from treeoflife.errors import ContainerError
from treeoflife.images import encode, store
from treeoflife.sources import registry as sources
from treeoflife.sources.bioscan import Bioscan
from treeoflife.sources.bioscan import Settings as BioscanSettings
from treeoflife.sources.containers.tar_archives import is_decompression_bomb
from treeoflife.sources.eol import Eol, Settings
from treeoflife.sources.inat21 import INat21
from treeoflife.sources.inat21 import Settings as INat21Settings
from treeoflife.testing.world import World, draw_picture, draw_world, encode_image

ESCAPE = "\x1b]0;owned\x07\x1b[2J"
CSI = "\x9b2J"
NAMES = (
    "../../outside.jpg", "/tmp/outside.jpg", "a/../../outside.jpg", "..\\outside.jpg", "C:\\outside.jpg",
    "new\nline: error: all is lost.jpg", f"{ESCAPE}.jpg", f"{CSI}.jpg", "\u202egpj.exe", "x" * 4096 + ".jpg",
    "=cmd()|' /C calc'!A1.jpg", "-1+1.jpg", "@sum.jpg", "'; DROP TABLE eol; --.jpg", "<script>alert(1)</script>.jpg",
    "$(touch outside).jpg", "`touch outside`.jpg", "{evil[0]}.jpg", "%s%n.jpg", " .jpg", ".jpg", "..", "~root.jpg",
)  # fmt: skip
JPEG = encode_image(draw_picture(random.Random(1)))


def hostile_tar() -> bytes:
    """A tar with every hostile name, links, devices, a sparse file, a member twice, PAX headers, and one good image."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"comment": ESCAPE}) as tar:
        for name, data in (
            *((name, JPEG) for name in NAMES),
            ("1_2_eol.jpg", JPEG),
            ("1_2_eol.jpg", JPEG[:-9]),
        ):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        for number, kind in enumerate(
            (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE)
        ):
            info = tarfile.TarInfo(f"{number}_7_eol.jpg")
            info.type, info.linkname, info.mode = kind, "/etc/passwd", 0o4777
            tar.addfile(info)
        info = tarfile.TarInfo("8_8_eol.jpg")
        info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": "1" + "0" * 15}
        tar.addfile(info)
    return out.getvalue()


def test_every_member_of_a_hostile_tar_is_an_image_or_a_skip(tmp_path: Path) -> None:
    """As many as there are, each by its name; links, devices and sparse files have no data."""
    (tmp_path / "a.tar.gz").write_bytes(gzip.compress(hostile_tar()))
    source = Eol("eol", Settings(path=tmp_path))
    images = list(source.read(source.containers()[0], 1 << 20))
    assert len(images) == len(NAMES) + 2 + 6
    assert [image.skip.reason for image in images[-6:] if image.skip] == ["not-a-file"] * 6
    assert sum(bool(image.data) and image.skip is None for image in images) == 2
    assert not any(image.data for image in images if image.skip and image.skip.reason == "not-a-file")


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_name_with_nul_ends_nowhere_else(form: int) -> None:
    """A name is what the archive says, or what is before the NUL; never an error of Python's."""
    data = tar_of([("1_2_eol.jpg" + "x" * 200, b"x")], form).replace(b"eol.jpgxxx", b"eol.jpg\0xx")
    with suppress(TarError):
        assert all("1_2_eol.jpg" in member.name for member in read_members(io.BytesIO(data), 10))


@pytest.mark.parametrize(
    "record", [b"9" * 5000 + b" path=x\n", b"99999999 path=x\n", b"-5 a=b\n", b"\xd9\xa3 a=b\n", b"5 a=b", b"3 a\n"]
)
def test_a_damaged_pax_record_is_an_error_of_the_archive(record: bytes) -> None:
    """Lengths of thousands of digits, in other scripts, below zero."""
    with pytest.raises(TarError):
        list(read_members(io.BytesIO(with_pax(record)), 10))


def with_pax(record: bytes, times: int = 1) -> bytes:
    """A tar of one file, with PAX headers of its own making before it."""
    info = tarfile.TarInfo("./PaxHeaders")
    info.type, info.size = tarfile.XHDTYPE, len(record)
    block = info.tobuf(tarfile.USTAR_FORMAT) + record + bytes(-len(record) % 512)
    return block * times + tar_of([("1_2_eol.jpg", b"x")])


def test_headers_without_end_are_refused_before_they_fill_the_memory() -> None:
    """What is kept of the headers of one member has a limit, however many headers there are."""
    record = b"".join(b"%d k%07d=%s\n" % (1013, number, b"v" * 998) for number in range(200))
    assert [member.name for member in read_members(io.BytesIO(with_pax(record)), 10)] == ["1_2_eol.jpg"]
    with pytest.raises(TarError, match="at most"):
        list(read_members(io.BytesIO(with_pax(record, 20)), 10))


def test_a_header_of_many_short_records_takes_no_minutes() -> None:
    """Its cost grows as its length does: a quarter of a million records are read in one go."""
    many = b"6 a=b\n" * 170_000
    assert [member.name for member in read_members(io.BytesIO(with_pax(many)), 10)] == ["1_2_eol.jpg"]


def test_a_gzip_that_unpacks_to_far_more_than_it_is_worth_is_named(tmp_path: Path) -> None:
    """Of zeros within a member, and of zeros behind the end marker."""
    info = tarfile.TarInfo("1_2_eol.jpg")
    info.size = 8 << 30
    zeros = gzip.compress(bytes(64 << 20), 9)
    for number, begins in enumerate((info.tobuf(tarfile.GNU_FORMAT), tar_of([("1_2_eol.jpg", JPEG)]))):
        path = tmp_path / f"{number}.tar.gz"
        path.write_bytes(gzip.compress(begins) + zeros * 20)
        source = Eol("eol", Settings(path=path))
        with pytest.raises(ContainerError, match=rf"{number}\.tar\.gz .*200 times"):
            list(source.read(source.containers()[0], 1000))


def test_a_zip_that_says_it_unpacks_to_far_more_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cropped_256.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for number in range(20):
            out.writestr(f"bioscan/part1/{number}.jpg", bytes(64 << 20))
    with pytest.raises(ContainerError, match="200 times"):
        Bioscan("bioscan", BioscanSettings(path=path)).containers()
    assert is_decompression_bomb(path.stat().st_size, 20 * (64 << 20))


def test_more_files_than_a_container_may_hold_are_named(drawn_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker keeps a row of each: their number is limited, not by its memory."""
    monkeypatch.setattr(store, "MAX_FILES", 3)
    source = Eol("eol", Settings(path=next(drawn_world.root.rglob("*.tar.gz"))))
    task = encode.ScanTask(source, source.containers()[0])
    with pytest.raises(ContainerError, match="more than 3 files"):
        encode.scan_container(task, lambda _: None)


@pytest.mark.parametrize("kind", ["tar", "zip"])
def test_hostile_folders_in_archives_of_folders(tmp_path: Path, kind: str) -> None:
    """Every member below a class or a part is an image of that folder or a row of the ledger, and names no path."""
    folder = "part1" if kind == "zip" else "00001_Animalia_B_C_D_E_Genus_species"
    names = [f"{folder}/{name}" for name in NAMES if "\0" not in name]
    if kind == "tar":
        (tmp_path / "train.tar").write_bytes(tar_of([(name, JPEG) for name in names], tarfile.PAX_FORMAT))
        source: sources.Source = INat21("inat21", INat21Settings(path=tmp_path / "train.tar"))
    else:
        with zipfile.ZipFile(tmp_path / "c.zip", "w") as out:
            for name in names:
                out.writestr(zipfile.ZipInfo(name), JPEG)
        source = Bioscan("bioscan", BioscanSettings(path=tmp_path / "c.zip"))
    images = [image for container in source.containers() for image in source.read(container, 1 << 20)]
    assert {image.file for image in images} >= {"-1+1.jpg", f"{ESCAPE}.jpg", "$(touch outside).jpg"}
    for image in images:
        taken = "/" not in image.file and image.file.endswith(".jpg")
        assert (image.data, image.skip and image.skip.reason) == ((JPEG, None) if taken else (b"", "not-taken"))
    assert all(part.path.parent == tmp_path and "/" not in part.name for part in source.containers())


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build of a world in which everything that has a name has a hostile one; returns OUT."""
    root = tmp_path_factory.mktemp("hostile")
    draw_world(root / "world", 30, natural=True)
    archive = next((root / "world").rglob("*.tar.gz"))
    archive.with_name("evil.tar.gz").write_bytes(gzip.compress(hostile_tar()))
    folder = next(path for path in (root / "world").rglob("0*_*") if path.is_dir())
    for number, name in enumerate(
        name for name in NAMES if "/" not in name and len(name) < 200 and name not in ("..", ".jpg")
    ):
        (folder / name).write_bytes(JPEG if number % 2 else b"no image")
    os.mkfifo(folder / "pipe.jpg")
    (folder / "link.jpg").symlink_to("/etc/passwd")
    photos = root / "photos"
    (photos / f"sub {ESCAPE}").mkdir(parents=True)
    (photos / f"sub {ESCAPE}" / "=1+1.jpg").write_bytes(JPEG)
    with (root / "photos.csv").open("w", newline="") as fd:
        rows = csv.writer(fd)
        rows.writerow(["file", "kingdom", "genus", "species", "common_name"])
        rows.writerow([f"sub {ESCAPE}/=1+1.jpg", "Animalia", "=HYPERLINK(1)", f"evil{CSI}", f"<b>{ESCAPE}</b>"])
        rows.writerow([f"../{ESCAPE}.jpg", "", "@SUM(1)", "x", ""])
    config = configured(root / "out", "original", root / "world", max_samples=15)
    with config.open("a") as fd:
        fd.write(f'\n[sources.mine]\nkind = "folder"\npath = "{photos}"\ntable = "{root}/photos.csv"\n')
    done = built(config)
    (root / "said.txt").write_text(done.stdout + done.stderr)
    return config.parent


def test_hostile_names_write_nothing_outside_and_say_nothing_to_the_terminal(hostile: Path) -> None:
    """Nor to whoever reads the logs; all that is made lies under OUT, under names of this program's own."""
    for path in [hostile.parent / "said.txt", *(path for path in hostile.glob("logs/*") if path.suffix != ".json")]:
        assert "\x1b" not in (text := path.read_text()), path
        assert "\x9b" not in text, path
    assert {path.name for path in hostile.parent.iterdir()} == {"world", "photos", "photos.csv", "out", "said.txt"}
    assert not list(Path("/tmp").glob("outside*"))
    for words in (["status"], ["check-wds"], ["check-taxa"], ["verify", hostile], ["names", "why", "mine"]):
        done = cli(*words, *(["--config", hostile / "dataset.toml"] if words[0] != "verify" else []))
        assert "\x1b" not in done.stdout + done.stderr, words
        assert "\x9b" not in done.stdout + done.stderr, words
        assert "Traceback" not in done.stderr, words


def test_nothing_of_a_hostile_world_vanishes(hostile: Path) -> None:
    """Samples and ledger rows are all there is; what was said of a file stands there as it came."""
    ledger = pl.read_parquet(next(hostile.glob("ledger/*.parquet")))
    taken = set(samples(shards(hostile)))
    store_rows = pl.concat(
        [pl.read_parquet(path, columns=["file", "treeoflife_id"]) for path in hostile.glob("encoded/*/*/*.parquet")]
    )
    assert store_rows.height == len(taken) + ledger.filter(pl.col("file").is_not_null()).height
    assert any(ESCAPE in (file or "") for file in ledger["file"])
    assert {"not-a-file", "not-an-image-name", "no-file"} <= set(ledger["reason"])


def test_a_catalog_holds_what_came_and_says_so_but_csv_for_people_holds_no_formula(hostile: Path) -> None:
    """catalog.csv is for programs, whose format is fixed; findings are looked at in spreadsheets."""
    catalog = pl.read_csv(next(hostile.glob("*/catalog.csv")), infer_schema=False)
    assert {"-1+1.jpg", "@sum.jpg"} & set(catalog["inat21_filename"])
    assert (
        (
            catalog.fill_null("")
            == pl.read_parquet(next(hostile.glob("*/catalog.parquet"))).cast(pl.String).fill_null("")
        )
        .to_numpy()
        .all()
    )
    with (hostile / "metadata/name-findings.csv").open(newline="") as fd:
        cells = [cell for row in csv.reader(fd) for cell in row]
    assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r")) for cell in cells)
    table = pl.DataFrame({"name": ["=cmd()", "@x", "Panthera leo", None], "images": [-1, 2, 3, 4]})
    assert escape_formulas(table).rows() == [("'=cmd()", -1), ("'@x", 2), ("Panthera leo", 3), (None, 4)]


def test_a_hostile_world_gives_the_same_bytes_twice(hostile: Path, tmp_path: Path) -> None:
    config = tmp_path / "dataset.toml"
    config.write_text((hostile / "dataset.toml").read_text())
    built(config)
    assert digests(tmp_path) == digests(hostile)


def test_anybodys_hostile_shards_are_told_of_without_obeying_them(tmp_path: Path) -> None:
    """Findings for names that no dataset has; the shard's own name may hold anything."""
    shard = tmp_path / f"shard {ESCAPE}.tar"
    shard.write_bytes(hostile_tar())
    done = cli("check-wds", shard)
    assert done.returncode == 1
    assert "\x1b" not in done.stdout + done.stderr
    done = cli("catalog", shard, "--out", tmp_path / "catalog.csv")
    assert "\x1b" not in done.stdout + done.stderr
    shard.write_bytes(hostile_tar()[:5000])
    assert "\x1b" not in sentence(cli("catalog", shard, "--out", tmp_path / "catalog.csv"), "shard")
