"""Writing tars that depend on names and contents alone, and that other programs read."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from treeoflife.core import tar_writer

NAMES = st.text("abcXYZ0189-_.", min_size=1, max_size=100).filter(lambda name: name.strip("."))


def archive(files: list[tuple[str, bytes]]) -> bytes:
    body = b"".join(tar_writer.encode_member(name, data) for name, data in files)
    return body + tar_writer.end_marker(len(body))


@given(st.lists(st.tuples(NAMES, st.binary(max_size=1200)), max_size=5))
@settings(deadline=None)
def test_python_reads_what_is_written(files: list[tuple[str, bytes]]) -> None:
    """Names, contents, and headers without a trace of when or by whom."""
    data = archive(files)
    assert len(data) % 10240 == 0
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = tar.getmembers()
        assert [(member.name, tar.extractfile(member).read()) for member in members] == files  # type: ignore[union-attr]
    assert {(member.mode, member.uid, member.gid, member.mtime, member.uname, member.gname) for member in members} <= {
        (0o644, 0, 0, 0, "", "")
    }


@given(NAMES, st.integers(0, 8**11 - 1))
@settings(deadline=None)
def test_headers_mean_what_those_of_python_mean(name: str, size: int) -> None:
    """Checksum and all."""
    ours = tarfile.TarInfo.frombuf(tar_writer.encode_header(name, size), "utf-8", "strict")
    assert (ours.name, ours.size, ours.type) == (name, size, tarfile.REGTYPE)


def test_gnu_tar_reads_what_is_written(tmp_path: Path) -> None:
    """Without a warning."""
    (tmp_path / "x.tar").write_bytes(archive([("a.jpg", b"1" * 700), ("a.sci.txt", "×".encode())]))
    read = subprocess.run(["tar", "-xvf", "x.tar"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert (read.stdout.split(), read.stderr) == (["a.jpg", "a.sci.txt"], "")
    assert (tmp_path / "a.sci.txt").read_text() == "×"


@pytest.mark.parametrize(("name", "size"), [("", 1), ("x" * 101, 1), ("ü" * 51, 1), ("a", 8**11)])
def test_a_member_that_does_not_fit_is_refused(name: str, size: int) -> None:
    """Rather than cut."""
    with pytest.raises(ValueError, match="does not fit"):
        tar_writer.encode_header(name, size)
