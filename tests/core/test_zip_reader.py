"""A zip that holds more, or less, than its directory says is an error, never a smaller archive."""

from __future__ import annotations

import io
import random
import shutil
import struct
import subprocess
import zipfile
from pathlib import Path

import pytest

from treeoflife.core.zip_reader import ZipError, read_entries, read_member

CHANCE = random.Random(4)
FILES = {f"part1/{number:03d}.jpg": CHANCE.randbytes(400) for number in range(8)}
MORE = {f"part1/{number:03d}.jpg": CHANCE.randbytes(400) for number in range(10, 18)}


def zip_of(files: dict[str, bytes], comment: bytes = b"") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)
        archive.comment = comment
    return out.getvalue()


def read(data: bytes) -> dict[str, bytes]:
    fd = io.BytesIO(data)
    return {member.name: read_member(fd, member) for member in list(read_entries(fd))}


def without_entry(data: bytes, name: str) -> bytes:
    """The archive with a member that its directory does not name; all counts and offsets fit."""
    fd = io.BytesIO(data)
    entry = next(one for one in read_entries(fd) if one.name == name)
    cut = data[: entry.entry_start] + data[entry.entry_end :]
    end = bytearray(cut[-22:])
    _, _, _, here, count, length, start, _ = struct.unpack("<4s4H2LH", end)
    end[8:20] = struct.pack("<2H2L", here - 1, count - 1, length - (entry.entry_end - entry.entry_start), start)
    return cut[:-22] + bytes(end)


WHOLE = zip_of(FILES)
DAMAGES = {
    "two archives, joined": WHOLE + zip_of(MORE),
    "an archive twice": WHOLE + WHOLE,
    "an archive and a smaller one": WHOLE + zip_of({"part1/a.jpg": b"1"}),
    "bytes before it": b"#!/bin/sh\n" + WHOLE,
    "bytes behind it": WHOLE + b"garbage",
    "a comment that was cut off": zip_of(FILES, b"a comment")[:-3],
    "a member that its directory does not name": without_entry(WHOLE, "part1/004.jpg"),
    "a first member that its directory does not name": without_entry(WHOLE, "part1/000.jpg"),
    "a last member that its directory does not name": without_entry(WHOLE, "part1/007.jpg"),
    "a tiny member that its directory does not name": without_entry(zip_of({"a": b"", "b": b"", "c": b""}), "b"),
    "another count in its end record": WHOLE[:-14] + struct.pack("<2H", 7, 7) + WHOLE[-10:],
    "one part of several": WHOLE[:-18] + struct.pack("<H", 3) + WHOLE[-16:],
    "a part in the middle is missing": WHOLE[:1000] + WHOLE[1300:],
}


@pytest.mark.parametrize("data", DAMAGES.values(), ids=DAMAGES)
def test_a_zip_that_is_not_what_its_directory_says_is_an_error(data: bytes) -> None:
    with pytest.raises(ZipError):
        read(data)


def test_a_directory_that_names_a_member_twice_is_an_error() -> None:
    """Two entries for the same bytes: the archive would unpack to more than it holds."""
    fd = io.BytesIO(WHOLE)
    first, second = list(read_entries(fd))[:2]
    data = bytearray(WHOLE)
    data[second.entry_start : second.entry_end] = data[first.entry_start : first.entry_end]
    with pytest.raises(ZipError, match="claim the same bytes"):
        read(bytes(data))


def test_another_name_in_a_members_own_header_is_an_error_of_that_member() -> None:
    """What it is called cannot be known."""
    with pytest.raises(ZipError, match="another name in its own header"):
        read(WHOLE.replace(b"part1/004.jpg", b"part1/999.jpg", 1))


@pytest.mark.parametrize("end", [b"", bytes(1), bytes(20_000)])
@pytest.mark.parametrize("comment", [b"", b"a comment", bytes(30)])
def test_a_comment_and_zeros_may_follow_the_end_record(comment: bytes, end: bytes) -> None:
    assert read(zip_of(FILES, comment) + end) == FILES


def test_a_zip_of_no_members_is_read() -> None:
    assert read(zip_of({})) == {}


def test_zips_of_many_kinds_are_read(tmp_path: Path) -> None:
    """ZIP64, lengths behind the data, extra fields and aligned members: nothing of that is a hidden member."""
    streamed, forced, extra, aligned = (io.BytesIO() for _ in range(4))

    class Unseekable(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, data: object, /) -> int:
            return streamed.write(data)  # type: ignore[call-overload, no-any-return]

    with zipfile.ZipFile(Unseekable(), "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        for name, data in FILES.items():
            archive.writestr(name, data)
    with zipfile.ZipFile(forced, "w") as archive:
        for name, data in FILES.items():
            with archive.open(name, "w", force_zip64=True) as out:
                out.write(data)
    with zipfile.ZipFile(extra, "w") as archive:
        for name, data in FILES.items():
            info = zipfile.ZipInfo(name)
            info.extra = struct.pack("<HH", 0x7777, 300) + bytes(300)
            archive.writestr(info, data)
    with zipfile.ZipFile(aligned, "w") as archive:
        for name, data in FILES.items():
            aligned.write(bytes(-aligned.tell() % 4096))
            archive.start_dir = aligned.tell()
            archive.writestr(name, data)
    for made in (streamed, forced, extra, aligned):
        assert read(made.getvalue()) == FILES
    if shutil.which("zip"):
        for name, data in FILES.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(data)
        subprocess.run(["zip", "-qr", "a.zip", "part1"], cwd=tmp_path, check=True)
        made_by_zip = read((tmp_path / "a.zip").read_bytes())
        assert {name: data for name, data in made_by_zip.items() if not name.endswith("/")} == FILES


def test_the_mark_of_an_end_record_in_a_comment_is_no_end_record() -> None:
    assert read(zip_of(FILES, b"PK\x05\x06 in a comment, which is longer than an end record")) == FILES
