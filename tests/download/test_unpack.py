"""Unpacking real archives: sound, damaged and hostile ones."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from treeoflife.core import zip_reader
from treeoflife.core.files import write_json
from treeoflife.download.components import UnpackRule
from treeoflife.download.unpack import unpack_archive
from treeoflife.errors import ContainerError, InputError
from treeoflife.pipeline.discover import discover
from treeoflife.sources.archived_folders import UNPACKING, unpack_marker
from treeoflife.sources.registry import load_source

FILES = {f"top/part{n % 3}/{n}.jpg": bytes([n]) * (n * 1000) for n in range(40)} | {"top/part0/big": bytes(6_000_000)}


def tar(path: Path, files: dict[str, bytes], *odd: tarfile.TarInfo) -> Path:
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w:gz") as out:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            out.addfile(info, io.BytesIO(data))
        for info in odd:
            out.addfile(info, io.BytesIO(bytes(info.size)))
    return path


def zipped(path: Path, files: dict[str, bytes], *odd: zipfile.ZipInfo) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in files.items():
            out.writestr(name, data)
        for info in odd:
            out.writestr(info, "/etc/passwd")
    return path


def tree(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".unpacked")
    }


MAKERS: list[tuple[Callable[..., Path], str]] = [(tar, "a.tar.gz"), (zipped, "a.zip")]


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_members_go_below_the_target_without_their_leading_folders(
    make: Callable[..., Path], name: str, tmp_path: Path
) -> None:
    rule = UnpackRule(into="out", strip=1, files=41, folders=3)
    counts = unpack_archive(make(tmp_path / name, FILES), tmp_path, rule, "d")
    assert tree(tmp_path / "out") == {key.removeprefix("top/"): data for key, data in FILES.items()}
    assert counts == {"files": 41, "folders": 3, "bytes": sum(map(len, FILES.values()))}


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_only_members_that_match_the_rule_are_unpacked(make: Callable[..., Path], name: str, tmp_path: Path) -> None:
    unpack_archive(make(tmp_path / name, FILES), tmp_path, UnpackRule(into="out", keep="*/7.jpg", flat=True), "d")
    assert list(tree(tmp_path / "out")) == ["7.jpg"]


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_a_second_run_writes_only_missing_and_short_files(make: Callable[..., Path], name: str, tmp_path: Path) -> None:
    archive, rule = make(tmp_path / name, FILES), UnpackRule(into="out")
    unpack_archive(archive, tmp_path, rule, "d")
    (tmp_path / f"out/.unpacked-{name}.json").unlink()
    (tmp_path / "out/top/part1/1.jpg").unlink()
    (tmp_path / "out/top/part2/2.jpg").write_bytes(b"short")
    kept = (tmp_path / "out/top/part0/3.jpg").stat().st_ino
    unpack_archive(archive, tmp_path, rule, "d")
    assert tree(tmp_path / "out") == FILES
    assert (tmp_path / "out/top/part0/3.jpg").stat().st_ino == kept


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_an_unexpected_number_of_files_is_reported(make: Callable[..., Path], name: str, tmp_path: Path) -> None:
    with pytest.raises(ContainerError, match="holds 41 files, the list of components says 42"):
        unpack_archive(make(tmp_path / name, FILES), tmp_path, UnpackRule(into="out", files=42), "d")


@pytest.mark.parametrize("hostile", ["../evil", "a/../../evil", "/tmp/evil-treeoflife", "..\\evil", "C:/evil", "a/.."])
@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_a_member_that_would_go_outside_ends_it(
    make: Callable[..., Path], name: str, hostile: str, tmp_path: Path
) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(ContainerError, match="would go outside"):
        unpack_archive(make(inner / name, {"good": b"1", hostile: b"2"}), inner, UnpackRule(into="out"), "d")
    assert not Path("/tmp/evil-treeoflife").exists()
    assert {path.name for path in tmp_path.rglob("*")} <= {"inner", name, "out", "good", f".unpacked-{name}.json"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_tar_with_a_link_or_device_is_refused(kind: bytes, tmp_path: Path) -> None:
    odd = tarfile.TarInfo("link")
    odd.type, odd.linkname = kind, "/etc/passwd"
    with pytest.raises(ContainerError, match="link, device"):
        unpack_archive(tar(tmp_path / "a.tar.gz", {"good": b"1"}, odd), tmp_path, UnpackRule(into="out"), "d")
    assert not (tmp_path / "out/link").exists()


def test_a_zip_with_a_link_is_refused(tmp_path: Path) -> None:
    odd = zipfile.ZipInfo("link")
    odd.create_system, odd.external_attr = 3, 0o120777 << 16
    with pytest.raises(ContainerError, match="link, device"):
        unpack_archive(zipped(tmp_path / "a.zip", {"good": b"1"}, odd), tmp_path, UnpackRule(into="out"), "d")
    assert not tree(tmp_path / "out")


def test_a_link_in_the_target_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out/top").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ContainerError, match="leads outside"):
        unpack_archive(tar(tmp_path / "a.tar.gz", FILES), tmp_path, UnpackRule(into="out"), "d")
    assert not list((tmp_path / "elsewhere").rglob("*.jpg"))


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_a_decompression_bomb_is_stopped_before_it_fills_the_disk(
    make: Callable[..., Path], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("treeoflife.download.unpack._ALWAYS_ALLOWED", 1_000_000)
    with pytest.raises(ContainerError, match="unpacks to"):
        unpack_archive(make(tmp_path / name, {"zeros": bytes(50_000_000)}), tmp_path, UnpackRule(into="out"), "d")
    assert sum(path.stat().st_size for path in (tmp_path / "out").rglob("*")) < 30_000_000


def test_a_zip_with_a_false_length_is_refused(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a": bytes(1_000_000)})
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ContainerError, match="length or checksum"):
        unpack_archive(path, tmp_path, UnpackRule(into="out"), "d")
    assert not (tmp_path / "out/a").exists()


@pytest.mark.parametrize("cut", [10, 1000, 20_000])
@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_an_archive_that_was_cut_off_is_refused(make: Callable[..., Path], name: str, cut: int, tmp_path: Path) -> None:
    path = make(tmp_path / name, {str(n): bytes(range(256)) * n for n in range(100)})
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(ContainerError, match=str(path)):
        unpack_archive(path, tmp_path, UnpackRule(into="out"), "d")


def test_the_zip_reader_reads_what_zipfile_does(tmp_path: Path) -> None:
    """Also with the fields for more than 65,535 members, and with names that are not ASCII."""
    files = {f"part{n % 7}/{n}-é.jpg": str(n).encode() for n in range(66_000)}
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_STORED) as out:
        for name, data in files.items():
            out.writestr(name, data)
    with (tmp_path / "a.zip").open("rb") as fd:
        entries = list(zip_reader.read_entries(fd))
        assert [entry.name for entry in entries] == list(files)
        assert zip_reader.read_member(fd, entries[65_999]) == b"65999"
        part = list(zip_reader.read_entries(fd, entries[10].entry_start, entries[20].entry_end))
        assert part == entries[10:21]


def test_an_archive_that_was_cut_off_in_a_long_member_leaves_no_part_of_it(tmp_path: Path) -> None:
    """Neither under its name nor under a temporary one."""
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as out:
        member = tarfile.TarInfo("a/long.jpg")
        member.size = 6 << 20
        out.addfile(member, io.BytesIO(bytes(member.size)))
    path.write_bytes(path.read_bytes()[: 5 << 20])
    with pytest.raises(ContainerError):
        unpack_archive(path, tmp_path, UnpackRule(into="to"), "x")
    assert not tree(tmp_path / "to")


def test_partly_unpacked_folders_are_not_read(tmp_path: Path) -> None:
    """If unpacking was killed, init and the sources read the archive until another run has unpacked it to its end."""
    names = [f"train/{n:05d}_Animalia_Chordata_Aves_Passeriformes_Corvidae_Corvus_sp{n}/a.jpg" for n in range(3)]
    archive = tar(tmp_path / "inat21/train.tar.gz", dict.fromkeys(names, b"x"))
    rule = UnpackRule(into="inat21", keep="train/*/*")
    unpack_archive(archive, tmp_path, rule, "d")
    (tmp_path / names[0].replace("train/", "inat21/train/")).unlink()
    (tmp_path / names[0].replace("train/", "inat21/train/")).parent.rmdir()
    write_json(unpack_marker(tmp_path / "inat21", archive), UNPACKING)
    assert discover("original", tmp_path).config.sources["inat21"]["path"] == str(tmp_path / "inat21")
    assert len(load_source("inat21", {"path": str(tmp_path / "inat21")}, tmp_path).containers()) == 3
    with pytest.raises(InputError, match="not unpacked to its end"):
        load_source("inat21", {"path": str(tmp_path / "inat21/train")}, tmp_path).containers()
    unpack_archive(archive, tmp_path, rule, "d")
    assert discover("original", tmp_path).config.sources["inat21"]["path"] == str(tmp_path / "inat21/train")
    assert len(load_source("inat21", {"path": str(tmp_path / "inat21/train")}, tmp_path).containers()) == 3
