"""The built-in sources keep the contract of sources."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from treeoflife.errors import ContainerError, InputError
from treeoflife.sources.base import Source
from treeoflife.sources.registry import load_source
from treeoflife.testing.sources import MAX_BYTES, SourceContract, read_all_images
from treeoflife.testing.world import World, draw_world


@pytest.fixture(scope="module")
def natural(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn world whose archives name images by content and page."""
    return draw_world(tmp_path_factory.mktemp("natural"), 60, natural=True).root


class TestEolWithNaturalNames(SourceContract):
    @pytest.fixture
    def source(self, natural: Path) -> Source:
        return load_source("eol", {"path": str(natural / "dataset/eol")}, natural)


class TestEolWithIds(SourceContract):
    @pytest.fixture
    def source(self, drawn_world: World) -> Source:
        return load_source("eol", {"path": "dataset/eol"}, drawn_world.root)


class TestEolInPlainTars(SourceContract):
    @pytest.fixture
    def source(self, natural: Path, tmp_path: Path) -> Source:
        for path in (natural / "dataset/eol").iterdir():
            (tmp_path / path.name.removesuffix(".gz")).write_bytes(gzip.decompress(path.read_bytes()))
        return load_source("eol", {"path": str(tmp_path)}, tmp_path)


class TestEolOfOneArchive(SourceContract):
    @pytest.fixture
    def source(self, natural: Path) -> Source:
        return load_source("eol", {"path": str(natural / "dataset/eol/image_set_01.tar.gz")}, natural)


class TestINat21(SourceContract):
    @pytest.fixture
    def source(self, natural: Path) -> Source:
        return load_source("inat21", {"path": str(natural / "dataset/inat21/train")}, natural)


class TestBioscan(SourceContract):
    @pytest.fixture
    def source(self, natural: Path, tmp_path: Path) -> Source:
        records = [
            {"image_file": path.name, "chunk_number": int(path.parent.name[4:]), "order": "Diptera"}
            for path in sorted((natural / "dataset/bioscan").rglob("*.jpg"))
        ]
        (tmp_path / "records.jsonld").write_text(json.dumps(records))
        table = {"path": str(natural / "dataset/bioscan"), "metadata": str(tmp_path / "records.jsonld")}
        return load_source("bioscan", table, natural)


class TestFolder(SourceContract):
    @pytest.fixture
    def source(self, natural: Path, tmp_path: Path) -> Source:
        shutil.copytree(natural / "dataset/bioscan", tmp_path / "mine")
        files = sorted(path.relative_to(tmp_path / "mine").as_posix() for path in (tmp_path / "mine").rglob("*.jpg"))
        lines = ["file,genus,species,common_name", *(f"{file},Apis,mellifera,Honey bee" for file in files)]
        (tmp_path / "mine/names.csv").write_text("\n".join([*lines, "gone.jpg,Apis,cerana,"]))
        table = {"kind": "folder", "path": str(tmp_path / "mine"), "table": str(tmp_path / "mine/names.csv")}
        return load_source("photos", table, tmp_path)


class TestFolderWithoutTable(SourceContract):
    @pytest.fixture
    def source(self, natural: Path, tmp_path: Path) -> Source:
        for number, path in enumerate(sorted((natural / "dataset/bioscan").rglob("*.jpg"))):
            folder = tmp_path / "mine" / ("Apis_mellifera", "Aves/Turdus merula", "photos")[number % 3]
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, folder)
        return load_source("photos", {"kind": "folder", "path": str(tmp_path / "mine")}, tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse such names")
class TestFoldersWhoseNamesAreNotUtf8(SourceContract):
    @pytest.fixture(params=["folder", "inat21"])
    def source(self, request: pytest.FixtureRequest, tmp_path: Path) -> Source:
        folder = tmp_path / os.fsdecode(b"00003_Plantae__Liliopsida_Poales_Poaceae_Poa_\xe9")
        folder.mkdir()
        for name in (b"plain.jpg", b"caf\xe9.jpg"):
            (folder / os.fsdecode(name)).write_bytes(name)
        (tmp_path / "names.csv").write_text("file,species\nplain.jpg,annua\n")
        table = {"path": ".", "table": "names.csv"} if request.param == "folder" else {"path": "."}
        return load_source(request.param, table, tmp_path)


def test_eol_reads_the_same_images_from_either_kind_of_archive(natural: Path, tmp_path: Path) -> None:
    """Gzip is recognised by its first bytes, not by the name."""
    for path in (natural / "dataset/eol").iterdir():
        (tmp_path / path.name).write_bytes(gzip.decompress(path.read_bytes()))
    packed = load_source("eol", {"path": str(natural / "dataset/eol")}, natural)
    plain = load_source("eol", {"path": str(tmp_path)}, tmp_path)
    assert [image for _, image in read_all_images(packed)] == [image for _, image in read_all_images(plain)]


@pytest.mark.parametrize("cut", [0.0, 0.1, 0.5, 0.99])
def test_a_truncated_archive_is_an_error_not_an_end(natural: Path, tmp_path: Path, cut: float) -> None:
    """Wherever it stops, and although images were read before."""
    data = (natural / "dataset/eol/image_set_01.tar.gz").read_bytes()
    (tmp_path / "x.tar.gz").write_bytes(data[: int(len(data) * cut)])
    source = load_source("eol", {"path": str(tmp_path)}, tmp_path)
    with pytest.raises(ContainerError, match=r"x\.tar\.gz"):
        list(source.read(source.containers()[0], MAX_BYTES))


@pytest.mark.parametrize("kind", ["eol", "inat21", "bioscan"])
def test_a_missing_or_empty_folder_is_named(tmp_path: Path, kind: str) -> None:
    with pytest.raises(InputError, match="nowhere"):
        load_source(kind, {"path": "nowhere"}, tmp_path).containers()
    with pytest.raises(InputError, match=kind):
        load_source(kind, {"path": "."}, tmp_path).containers()


def test_an_inat21_class_may_lack_ranks_and_have_hyphens(tmp_path: Path) -> None:
    """The empty rank stays empty, and the hyphen stays in the name."""
    folder = tmp_path / "00003_Plantae__Liliopsida_Poales_Poaceae_Poa_uva-ursi"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"x")
    source = load_source("inat21", {"path": "."}, tmp_path)
    (label,) = source.labels()
    assert label.taxon == ("Plantae", "", "Liliopsida", "Poales", "Poaceae", "Poa", "uva-ursi")
    assert read_all_images(source)[0][1].key == ("a.jpg", folder.name[6:], 3)
