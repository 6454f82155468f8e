"""The four sources keep the contract."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import pytest

from treeoflife.errors import ContainerError, InputError
from treeoflife.sources.base import Source
from treeoflife.sources.registry import load
from treeoflife.testing.sources import MAX_BYTES, SourceContract, everything
from treeoflife.testing.world import World, draw


@pytest.fixture(scope="module")
def natural(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn world whose archives name images by content and page."""
    return draw(tmp_path_factory.mktemp("natural"), 60, natural=True).root


class TestEolWithNaturalNames(SourceContract):
    @pytest.fixture
    def source(self, natural: Path) -> Source:
        return load("eol", {"path": str(natural / "dataset/eol")}, natural)


class TestEolWithIds(SourceContract):
    @pytest.fixture
    def source(self, drawn_world: World) -> Source:
        return load("eol", {"path": "dataset/eol"}, drawn_world.root)


class TestEolInPlainTars(SourceContract):
    @pytest.fixture
    def source(self, natural: Path, tmp_path: Path) -> Source:
        for path in (natural / "dataset/eol").iterdir():
            (tmp_path / path.name.removesuffix(".gz")).write_bytes(gzip.decompress(path.read_bytes()))
        return load("eol", {"path": str(tmp_path)}, tmp_path)


class TestEolOfOneArchive(SourceContract):
    @pytest.fixture
    def source(self, natural: Path) -> Source:
        return load("eol", {"path": str(natural / "dataset/eol/image_set_01.tar.gz")}, natural)


class TestINat21(SourceContract):
    @pytest.fixture
    def source(self, natural: Path) -> Source:
        return load("inat21", {"path": str(natural / "dataset/inat21/train")}, natural)


class TestBioscan(SourceContract):
    @pytest.fixture
    def source(self, natural: Path, tmp_path: Path) -> Source:
        records = [
            {"image_file": path.name, "chunk_number": int(path.parent.name[4:]), "order": "Diptera"}
            for path in sorted((natural / "dataset/bioscan").rglob("*.jpg"))
        ]
        (tmp_path / "records.jsonld").write_text(json.dumps(records))
        table = {"path": str(natural / "dataset/bioscan"), "metadata": str(tmp_path / "records.jsonld")}
        return load("bioscan", table, natural)


class TestFolder(SourceContract):
    @pytest.fixture
    def source(self, natural: Path, tmp_path: Path) -> Source:
        shutil.copytree(natural / "dataset/bioscan", tmp_path / "mine")
        files = sorted(path.relative_to(tmp_path / "mine").as_posix() for path in (tmp_path / "mine").rglob("*.jpg"))
        lines = ["file,genus,species,common_name", *(f"{file},Apis,mellifera,Honey bee" for file in files)]
        (tmp_path / "mine/names.csv").write_text("\n".join([*lines, "gone.jpg,Apis,cerana,"]))
        table = {"kind": "folder", "path": str(tmp_path / "mine"), "table": str(tmp_path / "mine/names.csv")}
        return load("photos", table, tmp_path)


def test_eol_reads_the_same_images_from_either_kind_of_archive(natural: Path, tmp_path: Path) -> None:
    """Gzip is told by its first bytes, not by the name."""
    for path in (natural / "dataset/eol").iterdir():
        (tmp_path / path.name).write_bytes(gzip.decompress(path.read_bytes()))
    packed = load("eol", {"path": str(natural / "dataset/eol")}, natural)
    plain = load("eol", {"path": str(tmp_path)}, tmp_path)
    assert [image for _, image in everything(packed)] == [image for _, image in everything(plain)]


@pytest.mark.parametrize("cut", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_archive_is_an_error_not_an_end(natural: Path, tmp_path: Path, cut: float) -> None:
    """Wherever it stops, and though images came before."""
    data = (natural / "dataset/eol/image_set_01.tar.gz").read_bytes()
    (tmp_path / "x.tar.gz").write_bytes(data[: int(len(data) * cut)])
    source = load("eol", {"path": str(tmp_path)}, tmp_path)
    with pytest.raises(ContainerError, match=r"x\.tar\.gz"):
        list(source.read(source.containers()[0], MAX_BYTES))


@pytest.mark.parametrize("kind", ["eol", "inat21", "bioscan"])
def test_a_folder_that_is_not_there_is_named(tmp_path: Path, kind: str) -> None:
    """Or one with nothing in it."""
    with pytest.raises(InputError, match="nowhere"):
        load(kind, {"path": "nowhere"}, tmp_path).containers()
    with pytest.raises(InputError, match=kind):
        load(kind, {"path": "."}, tmp_path).containers()


def test_an_inat21_class_may_lack_ranks_and_have_hyphens(tmp_path: Path) -> None:
    """The empty rank stays empty, and the hyphen in the name."""
    folder = tmp_path / "00003_Plantae__Liliopsida_Poales_Poaceae_Poa_uva-ursi"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"x")
    source = load("inat21", {"path": "."}, tmp_path)
    (label,) = source.labels()
    assert label.taxon == ("Plantae", "", "Liliopsida", "Poales", "Poaceae", "Poa", "uva-ursi")
    assert everything(source)[0][1].key == ("a.jpg", folder.name[6:], 3)
