"""iNat21 and BIOSCAN are read from their archives as from folders."""

from __future__ import annotations

import hashlib
import random
import tarfile
import zipfile
from pathlib import Path

import pytest

from treeoflife.core.files import stamp
from treeoflife.core.values import RawImage
from treeoflife.errors import ContainerError, InputError
from treeoflife.sources.base import Source, container_size, signature
from treeoflife.sources.registry import load_source

CHANCE = random.Random(5)
CLASSES = [f"{n:05d}_Animalia_Chordata_Aves_Passeriformes_Corvidae_Corvus_sp{n}" for n in range(6)]


def folders(root: Path, names: list[str]) -> Path:
    for name in names:
        (root / name).mkdir(parents=True)
        for n in range(8):
            (root / name / f"{name[:5]}-{n}.jpg").write_bytes(CHANCE.randbytes(CHANCE.randrange(1, 90_000)))
        (root / name / "notes.txt").write_text("not an image")
    return root


def everything(source: Source, *, max_bytes: int = 80_000) -> dict[str, list[RawImage]]:
    by_container = {}
    for container in source.containers():
        images = sorted(source.read(container, max_bytes), key=lambda image: image.file)
        names = sorted(source.names(container), key=lambda image: image.file)
        assert [(image.file, image.key) for image in images] == [(image.file, image.key) for image in names]
        assert not any(image.data or image.skip for image in names)
        assert container_size(source, container) > 0
        assert signature(source, container)
        by_container[container.name] = images
    return by_container


@pytest.mark.parametrize("kind", [".tar.gz", ".tar"])
def test_inat21_reads_the_same_from_its_archive_as_from_its_folders(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers, keys, bytes, skips and labels are the same; a second listing does not read the archive."""
    pytest.importorskip("indexed_gzip")
    monkeypatch.setattr("treeoflife.sources.containers.archived_folders._SPACING", 1 << 20)
    train = folders(tmp_path / "train", CLASSES)
    (tmp_path / "raw").mkdir()
    with tarfile.open(tmp_path / f"raw/train{kind}", "w:gz" if kind == ".tar.gz" else "w") as out:
        out.add(train, "train")
    unpacked = load_source("inat21", {"path": str(train)}, tmp_path)
    packed = load_source("inat21", {"path": str(tmp_path / "raw")}, tmp_path)
    assert everything(packed) == everything(unpacked)
    assert list(packed.labels()) == list(unpacked.labels())
    monkeypatch.setattr("treeoflife.sources.containers.archived_folders._scan", lambda _: 1 / 0)
    assert packed.containers()[3].folder == CLASSES[3]


def test_the_signature_of_an_archived_folder_is_what_records_on_disk_hold(tmp_path: Path) -> None:
    train = folders(tmp_path / "train", CLASSES[:1])
    archive = tmp_path / "train.tar"
    with tarfile.open(archive, "w") as out:
        out.add(train, "train")
    source = load_source("inat21", {"path": str(archive)}, tmp_path)
    (container,) = source.containers()
    start, stop, size = container.span or (0, 0, 0)
    text = f"{CLASSES[0]}({start}, {stop}, {size})train.tar\0{stamp(archive)}\0"
    assert signature(source, container) == hashlib.sha256(text.encode()).hexdigest()


def test_an_index_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    pytest.importorskip("indexed_gzip")
    train = folders(tmp_path / "train", CLASSES[:1])
    with tarfile.open(tmp_path / "train.tar.gz", "w:gz") as out:
        out.add(train, "train")
    (tmp_path / ".train.tar.gz.gzidx").mkdir()
    source = load_source("inat21", {"path": str(tmp_path / "train.tar.gz")}, tmp_path)
    with pytest.raises(InputError, match=r"the index of .*cannot be written"):
        source.containers()


def test_bioscan_reads_the_same_from_its_archive_as_from_its_folders(tmp_path: Path) -> None:
    parts = folders(tmp_path / "cropped_256", ["part1", "part2", "part113"])
    (tmp_path / "raw").mkdir()
    with zipfile.ZipFile(tmp_path / "raw/cropped_256.zip", "w", zipfile.ZIP_DEFLATED) as out:
        for path in CHANCE.sample(files := sorted(parts.rglob("*.*")), len(files)):  # in any order
            out.write(path, f"bioscan/images/cropped_256/{path.relative_to(parts)}")
    unpacked = load_source("bioscan", {"path": str(parts)}, tmp_path)
    packed = load_source("bioscan", {"path": str(tmp_path / "raw")}, tmp_path)
    assert everything(packed) == everything(unpacked)
    assert [container.name for container in packed.containers()] == ["part1", "part113", "part2"]


def test_a_damaged_image_in_a_zip_is_a_row_of_the_ledger(tmp_path: Path) -> None:
    """The others of its part are read."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("part1/a.jpg", bytes(1000))
        out.writestr("part1/b.jpg", b"whole")
    path.write_bytes(path.read_bytes().replace(bytes(1000), bytes(999) + b"x"))
    source = load_source("bioscan", {"path": str(path)}, tmp_path)
    first, second = source.read(source.containers()[0], 10_000)
    assert first.skip
    assert first.skip.reason == "damaged-in-archive"
    assert second.data == b"whole"


def test_a_zip_that_is_cut_off_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("part1/a.jpg", bytes(1000))
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ContainerError, match=str(path)):
        load_source("bioscan", {"path": str(path)}, tmp_path).containers()
