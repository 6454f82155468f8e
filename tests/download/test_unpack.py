"""Unpacking real archives: sound, damaged and hostile ones."""

from __future__ import annotations

import io
import os
import resource
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from treeoflife.core import zip_reader
from treeoflife.core.files import write_json
from treeoflife.download.components import UnpackRule
from treeoflife.download.files.unpack import unpack_archive
from treeoflife.errors import ContainerError, InputError
from treeoflife.pipeline.discover import discover
from treeoflife.sources.containers.archived_folders import UNPACKING, unpack_marker
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
    monkeypatch.setattr("treeoflife.download.files.unpack._ALWAYS_ALLOWED", 1_000_000)
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


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_a_second_run_compares_what_is_there_with_the_archive(
    make: Callable[..., Path], name: str, tmp_path: Path
) -> None:
    """A file of the right length may be one that a power failure filled with zeros, long ones too."""
    archive, rule = make(tmp_path / name, FILES), UnpackRule(into="out")
    unpack_archive(archive, tmp_path, rule, "d")
    write_json(unpack_marker(tmp_path / "out", archive), UNPACKING)
    (tmp_path / "out/top/part0/9.jpg").write_bytes(bytes(9000))
    (tmp_path / "out/top/part0/big").write_bytes(b"x" * 6_000_000)
    unpack_archive(archive, tmp_path, rule, "d")
    assert tree(tmp_path / "out") == FILES


def test_a_folder_that_an_earlier_version_unpacked_is_compared_once(tmp_path: Path) -> None:
    """It took an archive for ended where a second one was joined to it."""
    archive, rule = tar(tmp_path / "a.tar.gz", FILES), UnpackRule(into="out")
    counts = unpack_archive(archive, tmp_path, rule, "d")
    (tmp_path / "out/top/part0/9.jpg").unlink()
    earlier = {"sha256": "d", "rule": rule.model_dump(mode="json"), "counts": counts}
    write_json(unpack_marker(tmp_path / "out", archive), earlier)
    unpack_archive(archive, tmp_path, rule, "d")
    assert tree(tmp_path / "out") == FILES


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_all_files_and_folders_are_on_the_disk_before_the_archive_counts_as_unpacked(
    make: Callable[..., Path], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And each file before it has its name."""
    synced: set[int] = set()
    fsync, replace = os.fsync, Path.replace

    def watch_fsync(fd: int) -> None:
        synced.add(os.fstat(fd).st_ino)
        fsync(fd)

    def watch_replace(path: Path, other: Path) -> Path:
        assert path.stat().st_ino in synced
        if other.name.startswith(".unpacked") and "counts" in path.read_text():
            assert {one.stat().st_ino for one in (tmp_path / "out/top").rglob("*")} <= synced
        return replace(path, other)

    monkeypatch.setattr(os, "fsync", watch_fsync)
    monkeypatch.setattr(Path, "replace", watch_replace)
    unpack_archive(make(tmp_path / name, FILES), tmp_path, UnpackRule(into="out"), "d")
    assert tree(tmp_path / "out") == FILES


TWINS = [("a.jpg", "./a.jpg"), ("a.jpg", "a.jpg"), ("d/a.jpg", "d//a.jpg"), ("d/a.jpg", "d/./a.jpg")]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(("make", "name"), MAKERS)
@pytest.mark.parametrize(("one", "other"), TWINS)
def test_two_members_that_would_become_one_file_are_named(
    make: Callable[..., Path], name: str, one: str, other: str, tmp_path: Path
) -> None:
    path = twice(tmp_path / name, one) if one == other else make(tmp_path / name, {one: b"1", other: b"22"})
    with pytest.raises(ContainerError, match=r"would both become .*a\.jpg"):
        unpack_archive(path, tmp_path, UnpackRule(into="out"), "d")
    assert "begun" in unpack_marker(tmp_path / "out", path).read_text()


def twice(path: Path, name: str) -> Path:
    """An archive with two members of one name."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as out:
            out.writestr(name, b"1")
            out.writestr(name, b"22")
        return path
    with tarfile.open(path, "w:gz") as tape:
        for data in (b"1", b"22"):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tape.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_members_of_several_folders_that_a_flat_rule_makes_one_are_named(
    make: Callable[..., Path], name: str, tmp_path: Path
) -> None:
    with pytest.raises(ContainerError, match=r"would both become .*a\.jpg.*d2/a\.jpg"):
        unpack_archive(
            make(tmp_path / name, {"d1/a.jpg": b"1", "d2/a.jpg": b"2"}),
            tmp_path,
            UnpackRule(into="out", flat=True),
            "d",
        )


@pytest.mark.parametrize(("one", "other"), [("A.jpg", "a.jpg"), ("caf\u00e9.jpg", "cafe\u0301.jpg")])
def test_names_that_this_file_system_takes_for_one_are_named(one: str, other: str, tmp_path: Path) -> None:
    """Where it keeps them apart, as Linux does, both are unpacked."""
    path = zipped(tmp_path / "a.zip", {one: b"1", other: b"2"})
    (tmp_path / one).touch()
    if (tmp_path / other).exists():
        with pytest.raises(ContainerError, match="would both become"):
            unpack_archive(path, tmp_path, UnpackRule(into="out"), "d")
    else:
        unpack_archive(path, tmp_path, UnpackRule(into="out"), "d")
        assert tree(tmp_path / "out") == {one: b"1", other: b"2"}


@pytest.mark.parametrize("files", [{"a": b"1", "a/b.jpg": b"2"}, {"a/b.jpg": b"2", "a": b"1"}])
@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_a_file_where_a_folder_must_be_is_named(
    make: Callable[..., Path], name: str, files: dict[str, bytes], tmp_path: Path
) -> None:
    with pytest.raises(ContainerError, match=r"out/a.* cannot be written: there is a file where a folder must be"):
        unpack_archive(make(tmp_path / name, files), tmp_path, UnpackRule(into="out"), "d")


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_a_full_disk_is_no_error_of_the_archive(make: Callable[..., Path], name: str, tmp_path: Path) -> None:
    """Nothing half-written stays, and the next run goes on."""
    archive, rule = make(tmp_path / name, FILES), UnpackRule(into="out")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, limits[1]))
    try:
        with pytest.raises(InputError, match=r"part0/big cannot be written: File too large") as caught:
            unpack_archive(archive, tmp_path, rule, "d")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert "cannot be read" not in str(caught.value)
    assert tree(tmp_path / "out").items() <= FILES.items()
    unpack_archive(archive, tmp_path, rule, "d")
    assert tree(tmp_path / "out") == FILES


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    """Files without a name, in a folder that is only for them."""
    left = tmp_path / "out/.unpacking-a.tar.gz/0123456789abcdef"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"half")
    unpack_archive(tar(tmp_path / "a.tar.gz", FILES), tmp_path, UnpackRule(into="out"), "d")
    assert tree(tmp_path / "out") == FILES


@pytest.mark.parametrize(("make", "name"), MAKERS)
def test_members_that_the_rule_leaves_out_are_counted(make: Callable[..., Path], name: str, tmp_path: Path) -> None:
    notes: list[str] = []
    unpack_archive(
        make(tmp_path / name, FILES), tmp_path, UnpackRule(into="out", keep="top/part1/*"), "d", notes.append
    )
    assert notes[-1].endswith("13 files in 1 folders; 28 others do not match top/part1/*")


def test_a_tar_with_headers_of_folders_is_unpacked(tmp_path: Path) -> None:
    """As tar writes them; they were taken for links."""
    (tmp_path / "in/part1").mkdir(parents=True)
    (tmp_path / "in/part1/a.jpg").write_bytes(b"1")
    with tarfile.open(tmp_path / "a.tar", "w") as out:
        out.add(tmp_path / "in", ".")
    unpack_archive(tmp_path / "a.tar", tmp_path, UnpackRule(into="out"), "d")
    assert tree(tmp_path / "out") == {"part1/a.jpg": b"1"}
