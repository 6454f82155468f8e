"""What lies in a source and is not taken is a row of the ledger or an error; what would become one is an error."""

from __future__ import annotations

import random
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from helpers import built, cli, sentence, tar_of
from treeoflife.errors import InputError
from treeoflife.sources.base import Source
from treeoflife.sources.registry import load_source
from treeoflife.testing.sources import MAX_BYTES, read_all_images
from treeoflife.testing.world import draw_picture, encode_image

JPEG = encode_image(draw_picture(random.Random(2)))
CROW = "Animalia_Chordata_Aves_Passeriformes_Corvidae_Corvus_corax"
OAK = "Plantae_Tracheophyta_Magnoliopsida_Fagales_Fagaceae_Quercus_robur"
FORMS = ("folder", ".tar", ".tar.gz", ".zip")


def tree(root: Path, *names: str) -> Path:
    """A folder of files with these names, all of the same picture."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPEG)
    return root


def source_of(kind: str, form: str, tmp_path: Path, *names: str) -> Source:
    """A source over these files, which lie in a folder or in an archive."""
    folder = tree(tmp_path / "train", *names)
    if form == "folder":
        return load_source(kind, {"path": str(folder)}, tmp_path)
    archive = tmp_path / f"packed{form}"
    if form == ".zip":
        with zipfile.ZipFile(archive, "w") as out:
            for name in names:
                out.write(folder / name, f"train/{name}")
    else:
        if form == ".tar.gz":
            pytest.importorskip("indexed_gzip")
        with tarfile.open(archive, "w:gz" if form == ".tar.gz" else "w") as out:
            out.add(folder, "train")
    return load_source(kind, {"path": str(archive)}, tmp_path)


def not_taken(source: Source) -> list[str]:
    """The files that become rows of the ledger with this reason, of all containers."""
    images = [image for _, image in read_all_images(source)]
    return sorted(image.file for image in images if image.skip and image.skip.reason == "not-taken" and not image.key)


@pytest.mark.parametrize("form", ["folder", ".tar", ".tar.gz"])
@pytest.mark.parametrize("other", [f"00012_{OAK}", f"0012_{CROW}", f"12_{CROW}"])
def test_two_class_folders_with_one_number_are_named(tmp_path: Path, form: str, other: str) -> None:
    """Their images would all get the name of the first."""
    source = source_of("inat21", form, tmp_path, f"00012_{CROW}/a.jpg", f"{other}/b.jpg")
    with pytest.raises(InputError) as error:
        source.containers()
    assert f"00012_{CROW}" in str(error.value)
    assert other in str(error.value)


@pytest.mark.parametrize("form", ["folder", ".zip"])
def test_two_parts_with_one_number_are_named(tmp_path: Path, form: str) -> None:
    with pytest.raises(InputError, match=r"part01.*part1'|part1.*part01'"):
        source_of("bioscan", form, tmp_path, "part1/a.jpg", "part01/b.jpg").containers()


def test_one_class_folder_in_two_places_of_an_archive_is_named(tmp_path: Path) -> None:
    """A folder of train and one of val would become one."""
    names = (f"train/00012_{CROW}/a.jpg", f"val/00012_{CROW}/a.jpg")
    (tmp_path / "both.tar").write_bytes(tar_of([(name, JPEG) for name in names]))
    with pytest.raises(InputError, match=rf"'train/00012_{CROW}', 'val/00012_{CROW}'"):
        load_source("inat21", {"path": "both.tar"}, tmp_path).containers()


@pytest.mark.parametrize(("one", "other"), [("a.tar", "a.tar.gz"), ("a.tgz", "A.tar"), ("a.tar.gz", "a.TAR.GZ")])
def test_two_archives_whose_containers_would_be_one_file_are_named(tmp_path: Path, one: str, other: str) -> None:
    """Also on a file system that ignores case."""
    for name in (one, other):
        (tmp_path / name).write_bytes(tar_of([("1_2_eol.jpg", JPEG)]))
    with pytest.raises(InputError) as error:
        load_source("eol", {"path": "."}, tmp_path).containers()
    assert str(tmp_path / one) in str(error.value)
    assert str(tmp_path / other) in str(error.value)


def test_names_that_differ_by_case_or_by_the_form_of_their_accents_are_two_images(tmp_path: Path) -> None:
    names = ["a.jpg", "a.JPG", "A.jpg", "\u00e9.jpg", "e\u0301.jpg"]
    source = source_of("bioscan", "folder", tmp_path, *(f"part1/{name}" for name in names))
    assert sorted(image.key or () for _, image in read_all_images(source)) == sorted((1, name) for name in names)


@pytest.mark.parametrize("form", ["folder", ".tar", ".tar.gz"])
@pytest.mark.parametrize("name", [f"0000000012_{CROW}", f" 00013_{CROW}", CROW, "train", "00014-x"])
def test_a_folder_of_images_that_is_no_class_folder_is_named(tmp_path: Path, form: str, name: str) -> None:
    """Whatever its name is, and with a level more."""
    source = source_of("inat21", form, tmp_path, f"00012_{CROW}/a.jpg", f"{name}/b.jpg")
    with pytest.raises(InputError) as error:
        source.containers()
    assert f"{name}'" in str(error.value)


@pytest.mark.parametrize("form", ["folder", ".tar", ".tar.gz"])
@pytest.mark.parametrize("name", ["001_Black_footed_Albatross", "00003_Panthera leo", "3_", "4_A_B_C_D_E_Genus"])
@pytest.mark.parametrize("others", [[], [f"00012_{CROW}/a.jpg"]])
def test_a_class_folder_without_seven_ranks_is_named(tmp_path: Path, form: str, name: str, others: list[str]) -> None:
    """CUB and others number their classes too."""
    source = source_of("inat21", form, tmp_path, f"{name}/b.jpg", *others)
    with pytest.raises(InputError, match=r"seven ranks, '[^']*';.*_Kingdom_Phylum_Class_Order_Family_") as error:
        source.containers()
    assert f"'{name}'" in str(error.value)


@pytest.mark.parametrize("name", ["1_A_B_C_D_E_Poa_uva-ursi", "1_A_B_C_D_E_Poa_uva_ursi x", "1_______", "1__B____Poa_"])
def test_ranks_of_a_class_folder_may_be_empty_and_its_species_have_underscores(tmp_path: Path, name: str) -> None:
    (container,) = source_of("inat21", "folder", tmp_path, f"{name}/b.jpg").containers()
    assert container.path.name == name


@pytest.mark.parametrize("form", ["folder", ".zip"])
@pytest.mark.parametrize("name", ["PART1", "part1x", "part", "part 2", "part0000000001", "more/part3"])
def test_a_folder_of_images_that_is_no_part_is_named(tmp_path: Path, form: str, name: str) -> None:
    source = source_of("bioscan", form, tmp_path, "part7/a.jpg", f"{name}/b.jpg")
    if name == "more/part3" and form == ".zip":  # an archive has its parts at any depth
        assert [container.name for container in source.containers()] == ["part3", "part7"]
        return
    with pytest.raises(InputError) as error:
        source.containers()
    assert f"{name.split('/')[0]}'" in str(error.value)


def test_a_level_of_folders_too_many_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no class folder .* path may have to name 'train'"):
        source_of("inat21", "folder", tmp_path, f"train/00012_{CROW}/a.jpg").containers()


@pytest.mark.parametrize("form", FORMS)
def test_other_files_in_a_class_folder_are_rows_of_the_ledger(tmp_path: Path, form: str) -> None:
    """Those that are no images, and images in folders below it; the images keep their order before them."""
    kind, folder = ("bioscan", "part1") if form == ".zip" else ("inat21", f"00012_{CROW}")
    names = ("a.jpg", "b.jpg", "IMG_1.CR2", "aa", "new/c.jpg")
    source = source_of(kind, form, tmp_path, *(f"{folder}/{name}" for name in names))
    assert not_taken(source) == ["IMG_1.CR2", "aa", "new/c.jpg"]
    (container,) = source.containers()
    images = list(source.read(container, MAX_BYTES))
    assert sorted(image.file for image in images if image.key) == ["a.jpg", "b.jpg"]
    if form == "folder":
        assert [image.file for image in images][:2] == ["a.jpg", "b.jpg"]


@pytest.mark.parametrize("form", FORMS)
def test_what_is_harmless_is_passed_over(tmp_path: Path, form: str) -> None:
    """Hidden files, texts, tables, checksums, and what systems leave behind; in every place."""
    kind, folder = ("bioscan", "part1") if form == ".zip" else ("inat21", f"00012_{CROW}")
    harmless = (".DS_Store", "._a.jpg", "Thumbs.db", "README", "LICENSE.txt", "SHA256SUMS", "labels.csv.gz",
                "__MACOSX/x.jpg", "@eaDir/a.jpg", ".cache/b.jpg")  # fmt: skip
    places = [f"{place}{name}" for name in harmless for place in ("", f"{folder}/")]
    source = source_of(kind, form, tmp_path, f"{folder}/a.jpg", *places)
    assert [image.file for _, image in read_all_images(source)] == ["a.jpg"]


@pytest.mark.parametrize("kind", ["inat21", "bioscan"])
def test_loose_files_beside_class_folders_are_rows_of_the_ledger(tmp_path: Path, kind: str) -> None:
    folder = "part1" if kind == "bioscan" else f"00012_{CROW}"
    names = (f"{folder}/a.jpg", "loose.jpg", "film.mp4", "old.tar.gz", "documents/deep/scan.xcf")
    source = source_of(kind, "folder", tmp_path, *names)
    if kind == "inat21":  # which might as well be read from it
        assert [one.name for one in source.containers()] == [folder, "not-taken"]
    assert not_taken(source) == ["documents/deep/scan.xcf", "film.mp4", "loose.jpg", "old.tar.gz"]


def test_folders_of_images_beside_an_archive_that_is_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "train.tar").write_bytes(tar_of([(f"00012_{CROW}/a.jpg", JPEG)]))
    tree(tmp_path, "more/b.jpg")
    with pytest.raises(InputError, match=r"'more'.*train\.tar"):
        load_source("inat21", {"path": "."}, tmp_path).containers()


@pytest.mark.parametrize(
    "name", ["image_set_3.zip", "image_set_3.tar.bz2", "sub/image_set_3.tar", "sub/a.jpg", "x.tar/a.jpg"]
)
def test_archives_and_folders_that_eol_does_not_read_are_named(tmp_path: Path, name: str) -> None:
    (tmp_path / "image_set_1.tar").write_bytes(tar_of([("1_2_eol.jpg", JPEG)]))
    tree(tmp_path, name)
    with pytest.raises(InputError) as error:
        load_source("eol", {"path": "."}, tmp_path).containers()
    assert f"'{name.split('/')[0]}'" in str(error.value)


def test_archives_of_eol_are_read_whatever_the_case_of_their_ending(tmp_path: Path) -> None:
    for number, name in enumerate(["image_set_1.tar", "image_set_01.tar", "image_set_2.TAR.GZ", "image_set_3.Tgz"]):
        (tmp_path / name).write_bytes(tar_of([(f"{number}_2_eol.jpg", JPEG)]))
    source = load_source("eol", {"path": "."}, tmp_path)
    assert [one.name for one in source.containers()] == ["image_set_01", "image_set_1", "image_set_2", "image_set_3"]
    assert len(read_all_images(source)) == 4


def test_loose_files_beside_archives_of_eol_are_rows_of_the_ledger(tmp_path: Path) -> None:
    (tmp_path / "image_set_1.tar").write_bytes(tar_of([("1_2_eol.jpg", JPEG), ("notes.xyz", b"x")]))
    tree(tmp_path, "1_3_eol.jpg", "image_set_2.tar.part", "README.md", "media_manifest.csv.gz")
    source = load_source("eol", {"path": "."}, tmp_path)
    assert not_taken(source) == ["1_3_eol.jpg", "image_set_2.tar.part"]


@pytest.fixture
def photographs(tmp_path: Path) -> Callable[..., Path]:
    """Writes a dataset.toml of a folder of photographs with a table; returns its path."""

    def write(*names: str) -> Path:
        tree(tmp_path / "photos", *names)
        rows = [f"{name},Apis,mellifera" for name in names if name.endswith(".jpg")]
        (tmp_path / "photos/names.csv").write_text("\n".join(["file,genus,species", *rows]))
        (tmp_path / "out").mkdir(exist_ok=True)
        config = tmp_path / "out/dataset.toml"
        config.write_text("[sources.photos]\nkind = 'folder'\npath = '../photos'\ntable = '../photos/names.csv'\n")
        return config

    return write


def test_a_file_that_is_no_image_is_in_the_ledger_of_a_build(photographs: Callable[..., Path], tmp_path: Path) -> None:
    """And one that comes later is found by the next build."""
    config = photographs("a.jpg", "IMG_1.CR2", "sub/film.mp4", "more.zip")
    built(config)

    def ledger() -> list[tuple[str, str]]:
        rows = pl.read_parquet(tmp_path / "out/ledger/ledger.parquet", glob=False)
        return sorted(rows.filter(pl.col("treeoflife_id").is_null()).select("reason", "file").rows())

    unread = [("not-readable", "IMG_1.CR2"), ("not-readable", "sub/film.mp4")]
    assert ledger() == [*unread, ("not-taken", "more.zip")]
    shutil.move(tmp_path / "photos/more.zip", tmp_path / "photos/pictures.7z")
    built(config)
    assert ledger() == [*unread, ("not-taken", "pictures.7z")]


@pytest.mark.parametrize("kind", ["eol", "inat21", "bioscan", "folder"])
def test_a_dataset_in_the_folder_of_a_source_is_left_out(tmp_path: Path, kind: str) -> None:
    """Of any name, with its shards and pictures."""
    tree(tmp_path, f"00012_{CROW}/a.jpg" if kind == "inat21" else "part1/a.jpg" if kind == "bioscan" else ".hidden")
    if kind == "eol":
        (tmp_path / "a.tar").write_bytes(tar_of([("1_2_eol.jpg", JPEG)]))
    if kind == "folder":
        tree(tmp_path, "a.jpg")
    (tmp_path / "names.csv").write_text("file,species\na.jpg,annua\n")
    table = {"table": "names.csv"} if kind == "folder" else {}
    source = load_source(kind, {"path": ".", **table}, tmp_path)
    before = source.containers()
    tree(tmp_path / "out", "reports/treemap.png", "224x224/train/shard-000000.tar")
    (tmp_path / "out/dataset.toml").write_text("[sources.photos]\npath = '..'\n")
    tree(tmp_path / "sub/other", ".state/records.sqlite", "holdout/images/b.jpg")
    assert source.containers() == before


def test_a_part_in_capitals_ends_a_build_with_a_sentence(tmp_path: Path) -> None:
    tree(tmp_path / "raw", "part1/a.jpg", "PART2/b.jpg")
    (tmp_path / "dataset.toml").write_text("[sources.bioscan]\npath = 'raw'\n")
    sentence(cli("build", "--config", tmp_path / "dataset.toml"), "sources.bioscan", "'PART2'", "rename")


def test_two_labels_of_one_image_are_named(tmp_path: Path) -> None:
    """The same label twice is no fault."""
    tree(tmp_path / "raw", "part1/a.jpg")
    (tmp_path / "dataset.toml").write_text("[sources.bioscan]\npath = 'raw'\nmetadata = 'labels.tsv'\n")
    rows = ["chunk_number\timage_file\torder\tfamily", "1\ta.jpg\tDiptera\tMuscidae", "1\ta.jpg\tDiptera\tMuscidae"]
    (tmp_path / "labels.tsv").write_text("\n".join(rows))
    built(tmp_path / "dataset.toml")
    (tmp_path / "labels.tsv").write_text("\n".join([*rows, "1\ta.jpg\tDiptera\tCulicidae"]))
    done = cli("build", "--config", tmp_path / "dataset.toml")
    sentence(done, "sources.bioscan", "1/a.jpg twice", "Muscidae", "Culicidae")


@pytest.mark.parametrize("suffix", ["tar", "zip"])
@pytest.mark.parametrize("folder", ["", "train/"])
def test_a_member_with_backslashes_for_slashes_is_named(tmp_path: Path, suffix: str, folder: str) -> None:
    names = (f"{folder}00012_{CROW}\\a.jpg", f"00013_{CROW}/b\\c.jpg")
    if suffix == "tar":
        (tmp_path / "all.tar").write_bytes(tar_of([(name, JPEG) for name in names]))
    else:
        with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
            for name in names:
                archive.writestr(name, JPEG)
    kind, path = ("inat21", "all.tar") if suffix == "tar" else ("bioscan", "all.zip")
    with pytest.raises(InputError, match=r"12_.*\\a\.jpg, whose name has backslashes .* unpack it with a program"):
        load_source(kind, {"path": path}, tmp_path).containers()


@pytest.mark.parametrize("suffix", ["tar", "zip"])
def test_backslashes_in_a_name_that_hides_no_image_are_left_alone(tmp_path: Path, suffix: str) -> None:
    kind, folder = ("inat21", f"00012_{CROW}") if suffix == "tar" else ("bioscan", "part1")
    files = {f"{folder}/a.jpg": JPEG, "docs/a\\b.txt": b"read me"}
    if suffix == "tar":
        (tmp_path / "all.tar").write_bytes(tar_of(list(files.items())))
    else:
        with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
    (container,) = load_source(kind, {"path": f"all.{suffix}"}, tmp_path).containers()
    assert container.name.startswith(folder)


def test_images_at_the_top_of_an_archive_are_named(tmp_path: Path) -> None:
    (tmp_path / "all.tar").write_bytes(tar_of([("loose.jpg", JPEG), (f"00012_{CROW}/a.jpg", JPEG)]))
    with pytest.raises(InputError, match="outside of all folders"):
        load_source("inat21", {"path": "all.tar"}, tmp_path).containers()
