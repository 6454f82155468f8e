"""A damaged or truncated tar is an error, never a shorter archive."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import tar_of
from treeoflife.core.tar_reader import TarError, parse_plain_header, read_members

FILES = [("a.jpg", b"first" * 300), ("b.jpg", b""), ("c.jpg", b"x" * 512)]
BIG = 10**9


def read(data: bytes, limit: int = BIG) -> list[tuple[str, bytes | None]]:
    return [(member.name, member.data) for member in read_members(io.BytesIO(data), limit)]


@pytest.mark.parametrize("kind", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("name", ["short.jpg", "long/" * 18 + "a.jpg", "ü" * 40 + ".jpg"])
def test_names_are_read_in_every_form(kind: int, name: str) -> None:
    """Also long ones, and those that are not ASCII."""
    files = [(name, b"1"), *FILES]
    assert read(tar_of(files, kind)) == files


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_names_longer_than_any_header(kind: int) -> None:
    """In GNU's form and in PAX's."""
    files = [("d/" * 400 + "a.jpg", b"1"), *FILES]
    assert read(tar_of(files, kind)) == files


def test_offsets_locate_the_data() -> None:
    """Counted from the first byte."""
    data = tar_of(FILES, tarfile.PAX_FORMAT)
    for member in read_members(io.BytesIO(data), BIG):
        assert data[member.data_offset : member.data_offset + member.size] == member.data


@pytest.mark.parametrize("index", [0, 100, 124, 148, 300])
def test_a_damaged_header_in_the_middle_is_an_error(index: int) -> None:
    """Python's own reader takes it for the end."""
    data = bytearray(tar_of(FILES))
    start = 512 + 1536
    data[start + index] ^= 0xFF
    with pytest.raises(TarError, match=f"byte {start}"):
        read(bytes(data))


@pytest.mark.parametrize("length", [0, 1, 511, 512, 513, 1000, 2048, 2560, 3584])
def test_a_truncated_archive_is_an_error(length: int) -> None:
    """Also where a member ends."""
    data = tar_of(FILES)
    end = 512 + 1536 + 512 + 512 + 512
    assert length <= end
    with pytest.raises(TarError, match="end marker"):
        read(data[:length])


def test_a_size_beyond_the_end_is_an_error() -> None:
    """More data is promised than there is."""
    info = tarfile.TarInfo("a.jpg")
    info.size = 10**6
    with pytest.raises(TarError):
        read(info.tobuf() + bytes(5000))


def test_a_negative_size_is_an_error() -> None:
    """It would lead backwards."""
    info = tarfile.TarInfo("a.jpg")
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = b"\xff" * 12
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:]))
    with pytest.raises(TarError):
        read(bytes(header) + bytes(1024))


def test_a_huge_extended_header_is_an_error() -> None:
    """It would be read into memory."""
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 10**10
    with pytest.raises(TarError, match="extended header"):
        read(info.tobuf(tarfile.GNU_FORMAT))


@pytest.mark.parametrize("body", [b"5 x\n", b"99 path=x\n", b"path=x\n", b"11 size=-9\n", b"0 path=x\n"])
def test_a_damaged_pax_header_is_an_error(body: bytes) -> None:
    """Whatever is wrong with it."""
    info = tarfile.TarInfo("PaxHeaders/a")
    info.type, info.size = tarfile.XHDTYPE, len(body)
    data = info.tobuf() + body.ljust(512, b"\0") + tar_of(FILES)
    with pytest.raises(TarError, match="PAX"):
        read(data)


def test_links_folders_and_devices_come_without_data() -> None:
    """They are told apart from files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE):
            info = tarfile.TarInfo(f"odd-{kind.decode()}")
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
        info = tarfile.TarInfo("a.jpg")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"x"))
    *odd, last = read_members(io.BytesIO(out.getvalue()), BIG)
    assert len(odd) == 5
    assert not any(member.regular or member.data for member in odd)
    assert (last.name, last.data) == ("a.jpg", b"x")


def test_a_file_over_the_limit_comes_without_data() -> None:
    """With its size, without its data; the next is read."""
    first, *_, last = read_members(io.BytesIO(tar_of(FILES)), 1000)
    assert (first.name, first.size, first.data) == ("a.jpg", 1500, None)
    assert last.data == b"x" * 512


@pytest.mark.parametrize("form", ["gnu", "pax"])
def test_sparse_files_of_gnu_tar_are_not_images(tmp_path: Path, form: str) -> None:
    """What follows them is read all the same."""
    with (tmp_path / "sparse.jpg").open("wb") as fd:
        for index in range(12):
            fd.seek(index * 100_000)
            fd.write(b"data")
    (tmp_path / "z.jpg").write_bytes(b"after")
    made = subprocess.run(
        ["tar", "-S", f"--format={form}", "-cf", "-", "sparse.jpg", "z.jpg"],
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip("there is no GNU tar")
    members = {member.name.rsplit("/")[-1]: member for member in read_members(io.BytesIO(made.stdout), BIG)}
    assert members["z.jpg"].data == b"after"
    assert not members["sparse.jpg"].regular or members["sparse.jpg"].size == (tmp_path / "sparse.jpg").stat().st_size


@given(
    name=st.text(min_size=1, max_size=30),
    size=st.integers(0, 2**36),
    index=st.integers(0, 511),
    flip=st.integers(0, 255),
)
@settings(max_examples=300, deadline=None)
def test_plain_headers_are_read_as_tarfile_reads_them(name: str, size: int, index: int, flip: int) -> None:
    """Whole, and with any byte changed: what is not plain, or damaged, is left to tarfile."""
    info = tarfile.TarInfo(name.replace("\0", "0"))
    info.size = size
    for kind in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT):
        try:
            whole = info.tobuf(kind, "utf-8", "surrogateescape")[-512:]
        except ValueError:  # a size or name that this form cannot say
            continue
        header = bytearray(whole)
        header[index] ^= flip
        for block in (whole, bytes(header)):
            if plain := parse_plain_header(block):
                expected = tarfile.TarInfo.frombuf(block, "utf-8", "surrogateescape")
                assert plain == (expected.name, expected.size, expected.type)


ENDS = {
    "a second archive": tar_of(FILES) + tar_of(FILES),
    "a second archive behind the shortest end marker": tar_of(FILES)[:3584] + bytes(1024) + tar_of(FILES),
    "garbage": tar_of(FILES) + b"garbage",
    "one byte after a long padding": tar_of(FILES) + bytes(300_000) + b"x",
    "a header of zeros in the middle": tar_of(FILES)[:2048] + bytes(512) + tar_of(FILES)[2560:],
    "a header of zeros at the beginning": bytes(512) + tar_of(FILES)[512:],
    "two headers of zeros, and what follows": tar_of(FILES)[:2048] + bytes(1024) + tar_of(FILES)[3072:],
}


@pytest.mark.parametrize("data", ENDS.values(), ids=ENDS)
def test_what_follows_the_end_marker_is_an_error_and_never_the_end(data: bytes) -> None:
    with pytest.raises(TarError, match=r"bytes follow its end marker \(byte \d+\), from byte \d+ on"):
        read(data)


@pytest.mark.parametrize("zeros", [0, 512, 10_240, 100_000, 1 << 20])
def test_any_padding_of_a_record_may_follow_the_end_marker(zeros: int) -> None:
    """Records are 10 kB, and up to 1 MiB on tapes."""
    assert read(tar_of(FILES)[:3584] + bytes(1024 + zeros)) == FILES


def test_a_hole_that_a_download_left_is_no_end() -> None:
    """Space that was reserved and not filled is zeros, and begins where a member ends by chance."""
    with pytest.raises(TarError, match="bytes of zeros end it, from byte 2048"):
        read(tar_of(FILES)[:2048] + bytes(2 << 20))


@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_a_long_name_without_its_member_is_an_error(kind: int) -> None:
    """The last member's own header was overwritten with zeros, and it has no data."""
    data = tar_of([*FILES, ("d/" * 100 + "last.jpg", b"")], kind)
    end = len(data.rstrip(b"\0")) // 512 * 512
    with pytest.raises(TarError, match="overwritten with zeros"):
        read(data[:end] + bytes(len(data) - end))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_what_a_compressed_archive_is_packed_with_is_named(pack: Callable[[bytes], bytes]) -> None:
    with pytest.raises(TarError, match=r"packed with (gzip|bzip2|xz); unpack that first"):
        read(pack(tar_of([("a.jpg", random.Random(1).randbytes(2000))])))
