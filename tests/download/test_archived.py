"""iNat21 and BIOSCAN read from their archives as from folders."""

from __future__ import annotations

import random
import tarfile
import zipfile
from pathlib import Path

import pytest

from treeoflife.core.values import RawImage
from treeoflife.errors import ContainerError
from treeoflife.sources.base import Source, signature, size
from treeoflife.sources.registry import load

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
    found = {}
    for one in source.containers():
        images = sorted(source.read(one, max_bytes), key=lambda image: image.file)
        names = sorted(source.names(one), key=lambda image: image.file)
        assert [(image.file, image.key) for image in images] == [(image.file, image.key) for image in names]
        assert not any(image.data or image.skip for image in names)
        assert size(source, one) > 0
        assert signature(source, one)
        found[one.name] = images
    return found


@pytest.mark.parametrize("kind", [".tar.gz", ".tar"])
def test_inat21_reads_the_same_from_its_archive_as_from_its_folders(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Containers, keys, bytes, skips and labels are the same; a second listing does not read the archive."""
    pytest.importorskip("indexed_gzip")
    monkeypatch.setattr("treeoflife.sources.archived._SPACING", 1 << 20)
    train = folders(tmp_path / "train", CLASSES)
    (tmp_path / "raw").mkdir()
    with tarfile.open(tmp_path / f"raw/train{kind}", "w:gz" if kind == ".tar.gz" else "w") as out:
        out.add(train, "train")
    unpacked = load("inat21", {"path": str(train)}, tmp_path)
    packed = load("inat21", {"path": str(tmp_path / "raw")}, tmp_path)
    assert everything(packed) == everything(unpacked)
    assert list(packed.labels()) == list(unpacked.labels())
    monkeypatch.setattr("treeoflife.sources.archived._scan", lambda _: 1 / 0)
    assert packed.containers()[3].members == (CLASSES[3],)


def test_bioscan_reads_the_same_from_its_archive_as_from_its_folders(tmp_path: Path) -> None:
    parts = folders(tmp_path / "cropped_256", ["part1", "part2", "part113"])
    (tmp_path / "raw").mkdir()
    with zipfile.ZipFile(tmp_path / "raw/cropped_256.zip", "w", zipfile.ZIP_DEFLATED) as out:
        for path in CHANCE.sample(files := sorted(parts.rglob("*.*")), len(files)):  # in any order
            out.write(path, f"bioscan/images/cropped_256/{path.relative_to(parts)}")
    unpacked = load("bioscan", {"path": str(parts)}, tmp_path)
    packed = load("bioscan", {"path": str(tmp_path / "raw")}, tmp_path)
    assert everything(packed) == everything(unpacked)
    assert [one.name for one in packed.containers()] == ["part1", "part113", "part2"]


def test_a_damaged_image_in_a_zip_is_a_row_of_the_ledger(tmp_path: Path) -> None:
    """The others of its part are read."""
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as out:
        out.writestr("part1/a.jpg", bytes(1000))
        out.writestr("part1/b.jpg", b"whole")
    path.write_bytes(path.read_bytes().replace(bytes(1000), bytes(999) + b"x"))
    source = load("bioscan", {"path": str(path)}, tmp_path)
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
        load("bioscan", {"path": str(path)}, tmp_path).containers()
