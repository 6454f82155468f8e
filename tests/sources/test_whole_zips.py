"""BIOSCAN's zip: what its directory does not name is an error, and what cannot be read is a row of the ledger."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from treeoflife.config.tables import Names
from treeoflife.download.components import UnpackRule
from treeoflife.download.files.unpack import unpack_archive
from treeoflife.errors import ContainerError, InputError
from treeoflife.sources.registry import load_source
from treeoflife.taxonomy.parsing.simple import SimpleParser
from treeoflife.taxonomy.providers import authorities


def zip_of(first: int, method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for number in range(first, first + 5):
            archive.writestr(f"cropped_256/part1/{number:03d}.jpg", b"image" * 30)
    return out.getvalue()


def list_containers(path: Path) -> object:
    return load_source("bioscan", {"path": str(path)}, path.parent).containers()


def unpack(path: Path) -> object:
    return unpack_archive(path, path.parent, UnpackRule(into="out"), "digest")


@pytest.mark.parametrize("read", [list_containers, unpack], ids=lambda one: one.__name__)
@pytest.mark.parametrize("data", [zip_of(0) + zip_of(5), zip_of(0) + b"garbage", b"stub" + zip_of(0)])
def test_a_zip_that_holds_more_than_is_read_is_named(
    read: Callable[[Path], object], data: bytes, tmp_path: Path
) -> None:
    """Two archives of the same layout too: the directory of the second fits the first."""
    path = tmp_path / "cropped_256.zip"
    path.write_bytes(data)
    with pytest.raises(ContainerError, match=r"cropped_256\.zip"):
        read(path)
    assert not list(tmp_path.rglob("*.jpg"))


@pytest.mark.parametrize("change", ["encrypted", "bzip2", "checksum", "name"])
def test_members_that_cannot_be_read_are_rows_of_the_ledger(change: str, tmp_path: Path) -> None:
    """The others of its part are read."""
    data = bytearray(zip_of(0, zipfile.ZIP_BZIP2 if change == "bzip2" else zipfile.ZIP_STORED))
    local, entry = data.index(b"PK\x03\x04"), data.index(b"PK\x01\x02")
    if change == "encrypted":
        data[local + 6] |= 1
        data[entry + 8] |= 1
    elif change == "checksum":
        data[entry + 16] ^= 1
    elif change == "name":
        data[local + 30] ^= 1
    path = tmp_path / "cropped_256.zip"
    path.write_bytes(data)
    source = load_source("bioscan", {"path": str(path)}, tmp_path)
    images = list(source.read(source.containers()[0], 1 << 20))
    skipped = [image for image in images if image.skip and image.skip.reason == "damaged-in-archive"]
    assert len(images) == 5
    assert len(skipped) == (5 if change == "bzip2" else 1)
    assert all(image.data == b"image" * 30 for image in images if not image.skip)
    with pytest.raises(ContainerError, match=r"cropped_256\.zip"):
        unpack(path)


def test_inaturalists_archive_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    """A second archive joined to it, and a second table of the same name in another folder, are named."""
    tables = {"taxa.csv": b"id,scientificName\n1,Corvus corax\n"}
    for label, names in (("joined", ["taxa.csv"]), ("two tables", ["taxa.csv", "old/taxa.csv"])):
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w") as archive:
            for name in names:
                archive.writestr(name, tables["taxa.csv"])
        (tmp_path / "inat.zip").write_bytes(out.getvalue() * (2 if label == "joined" else 1))
        with pytest.raises(InputError, match=r"inat\.zip .*(joined to another|two tables taxa\.csv)"):
            authorities.load(Names(inaturalist=tmp_path / "inat.zip"), SimpleParser())
