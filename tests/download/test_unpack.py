"""Unpacking real archives, honest, damaged and hostile."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from treeoflife.core import zip_reader as zipread
from treeoflife.core.files import write_json
from treeoflife.download.components import Unpack
from treeoflife.download.unpack import unpack
from treeoflife.errors import ContainerError, InputError
from treeoflife.pipeline.discover import discover
from treeoflife.sources.archived import BEGUN, marker
from treeoflife.sources.registry import load

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
    rule = Unpack(into="out", strip=1, files=41, folders=3)
    counts = unpack(make(tmp_path / name, FILES), tmp_path, rule, "d")
    assert tree(tmp_path / "out") == {key.removeprefix("top/"): data for key, data in FILES.items()}
    assert counts == {"files": 41, "folders": 3, "bytes": sum(map(len, FILES.values()))}


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_only_what_is_wanted_comes(make: Callable[..., Path], name: str, tmp_path: Path) -> None:
    unpack(make(tmp_path / name, FILES), tmp_path, Unpack(into="out", keep="*/7.jpg", flat=True), "d")
    assert list(tree(tmp_path / "out")) == ["7.jpg"]


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_a_second_run_writes_what_is_missing_or_too_short_and_nothing_else(
    make: Callable[..., Path], name: str, tmp_path: Path
) -> None:
    archive, rule = make(tmp_path / name, FILES), Unpack(into="out")
    unpack(archive, tmp_path, rule, "d")
    (tmp_path / f"out/.unpacked-{name}.json").unlink()
    (tmp_path / "out/top/part1/1.jpg").unlink()
    (tmp_path / "out/top/part2/2.jpg").write_bytes(b"short")
    kept = (tmp_path / "out/top/part0/3.jpg").stat().st_ino
    unpack(archive, tmp_path, rule, "d")
    assert tree(tmp_path / "out") == FILES
    assert (tmp_path / "out/top/part0/3.jpg").stat().st_ino == kept


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_another_count_than_the_lists_is_named(make: Callable[..., Path], name: str, tmp_path: Path) -> None:
    with pytest.raises(ContainerError, match="holds 41 files, the list of components says 42"):
        unpack(make(tmp_path / name, FILES), tmp_path, Unpack(into="out", files=42), "d")


@pytest.mark.parametrize("hostile", ["../evil", "a/../../evil", "/tmp/evil-treeoflife", "..\\evil", "C:/evil", "a/.."])
@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_a_member_that_would_go_outside_ends_it(
    make: Callable[..., Path], name: str, hostile: str, tmp_path: Path
) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    with pytest.raises(ContainerError, match="would go outside"):
        unpack(make(inner / name, {"good": b"1", hostile: b"2"}), inner, Unpack(into="out"), "d")
    assert not Path("/tmp/evil-treeoflife").exists()
    assert {path.name for path in tmp_path.rglob("*")} <= {"inner", name, "out", "good", f".unpacked-{name}.json"}


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_a_link_or_device_in_a_tar_ends_it(kind: bytes, tmp_path: Path) -> None:
    odd = tarfile.TarInfo("link")
    odd.type, odd.linkname = kind, "/etc/passwd"
    with pytest.raises(ContainerError, match="link, device"):
        unpack(tar(tmp_path / "a.tar.gz", {"good": b"1"}, odd), tmp_path, Unpack(into="out"), "d")
    assert not (tmp_path / "out/link").exists()


def test_a_link_in_a_zip_ends_it(tmp_path: Path) -> None:
    odd = zipfile.ZipInfo("link")
    odd.create_system, odd.external_attr = 3, 0o120777 << 16
    with pytest.raises(ContainerError, match="link, device"):
        unpack(zipped(tmp_path / "a.zip", {"good": b"1"}, odd), tmp_path, Unpack(into="out"), "d")
    assert not tree(tmp_path / "out")


def test_a_link_in_the_target_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out/top").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ContainerError, match="leads outside"):
        unpack(tar(tmp_path / "a.tar.gz", FILES), tmp_path, Unpack(into="out"), "d")
    assert not list((tmp_path / "elsewhere").rglob("*.jpg"))


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_a_bomb_ends_before_it_fills_the_disk(
    make: Callable[..., Path], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("treeoflife.download.unpack._FREE", 1_000_000)
    with pytest.raises(ContainerError, match="unpacks to"):
        unpack(make(tmp_path / name, {"zeros": bytes(50_000_000)}), tmp_path, Unpack(into="out"), "d")
    assert sum(path.stat().st_size for path in (tmp_path / "out").rglob("*")) < 30_000_000


def test_a_zip_that_lies_about_a_length_is_named(tmp_path: Path) -> None:
    path = zipped(tmp_path / "a.zip", {"a": bytes(1_000_000)})
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")
    data[at + 24 : at + 28] = (10).to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(ContainerError, match="length or checksum"):
        unpack(path, tmp_path, Unpack(into="out"), "d")
    assert not (tmp_path / "out/a").exists()


@pytest.mark.parametrize("cut", [10, 1000, 20_000])
@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_an_archive_that_is_cut_off_is_named(make: Callable[..., Path], name: str, cut: int, tmp_path: Path) -> None:
    path = make(tmp_path / name, {str(n): bytes(range(256)) * n for n in range(100)})
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(ContainerError, match=str(path)):
        unpack(path, tmp_path, Unpack(into="out"), "d")


def test_the_zip_reader_reads_what_zipfile_does(tmp_path: Path) -> None:
    """Also with the fields for more than 65,535 members, and with names that are not ASCII."""
    files = {f"part{n % 7}/{n}-é.jpg": str(n).encode() for n in range(66_000)}
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_STORED) as out:
        for name, data in files.items():
            out.writestr(name, data)
    with zipread.opened(tmp_path / "a.zip") as fd:
        found = list(zipread.members(fd))
        assert [one.name for one in found] == list(files)
        assert zipread.read(fd, found[65_999]) == b"65999"
        part = list(zipread.members(fd, found[10].entry, found[20].after))
        assert part == found[10:21]


def test_an_archive_that_breaks_off_in_a_long_member_leaves_no_part_of_it(tmp_path: Path) -> None:
    """Neither under its name nor under a temporary one."""
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as out:
        member = tarfile.TarInfo("a/long.jpg")
        member.size = 6 << 20
        out.addfile(member, io.BytesIO(bytes(member.size)))
    path.write_bytes(path.read_bytes()[: 5 << 20])
    with pytest.raises(ContainerError):
        unpack(path, tmp_path, Unpack(into="to"), "x")
    assert not tree(tmp_path / "to")


def test_half_unpacked_folders_are_not_taken_for_the_dataset(tmp_path: Path) -> None:
    """Killed in the middle: init and the sources read the archive, until another run has unpacked it to its end."""
    names = [f"train/{n:05d}_Animalia_Chordata_Aves_Passeriformes_Corvidae_Corvus_sp{n}/a.jpg" for n in range(3)]
    archive = tar(tmp_path / "inat21/train.tar.gz", dict.fromkeys(names, b"x"))
    rule = Unpack(into="inat21", keep="train/*/*")
    unpack(archive, tmp_path, rule, "d")
    (tmp_path / names[0].replace("train/", "inat21/train/")).unlink()
    (tmp_path / names[0].replace("train/", "inat21/train/")).parent.rmdir()
    write_json(marker(tmp_path / "inat21", archive), BEGUN)
    assert discover("original", tmp_path).config.sources["inat21"]["path"] == str(tmp_path / "inat21")
    assert len(load("inat21", {"path": str(tmp_path / "inat21")}, tmp_path).containers()) == 3
    with pytest.raises(InputError, match="not unpacked to its end"):
        load("inat21", {"path": str(tmp_path / "inat21/train")}, tmp_path).containers()
    unpack(archive, tmp_path, rule, "d")
    assert discover("original", tmp_path).config.sources["inat21"]["path"] == str(tmp_path / "inat21/train")
    assert len(load("inat21", {"path": str(tmp_path / "inat21/train")}, tmp_path).containers()) == 3
