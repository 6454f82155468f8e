"""One rule for links in all sources: they are followed, no folder is read twice, and what leads nowhere is a row."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
import pytest

from helpers import built, cli, sentence, tar_of
from treeoflife.errors import ConfigError, ContainerError, InputError
from treeoflife.pipeline.workspace import open_workspace
from treeoflife.sources.base import Source, signature
from treeoflife.sources.containers.image_folders import image_files
from treeoflife.sources.registry import load_source
from treeoflife.testing.sources import read_all_images
from treeoflife.testing.world import draw_picture, encode_image

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems have other links")
JPEG = encode_image(draw_picture(random.Random(8)))
CROW = "00001_Animalia_Chordata_Aves_Passeriformes_Corvidae_Corvus_corax"
FOLDERS = {"folder": "", "inat21": f"{CROW}/", "bioscan": "part1/"}


def write(path: Path, data: bytes = JPEG) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def source_of(kind: str, root: Path) -> Source:
    table = {"table": str(root.parent / "names.csv")} if kind == "folder" else {}
    (root.parent / "names.csv").write_text("file,species\na.jpg,annua\n")
    return load_source(kind, {"path": str(root)} | table, root.parent)


def reasons(source: Source) -> dict[str, str]:
    """The reason for each file that is not read; an empty text for those that are."""
    return {image.file: image.skip.reason if image.skip else "" for _, image in read_all_images(source)}


@pytest.mark.parametrize("kind", FOLDERS)
def test_a_linked_folder_and_a_linked_file_are_followed(tmp_path: Path, kind: str) -> None:
    """The folder of a class, or one with photographs."""
    write(tmp_path / "elsewhere/a.jpg")
    write(tmp_path / "b.jpg")
    root = tmp_path / "raw"
    root.mkdir()
    (root / (FOLDERS[kind] or "sub").strip("/")).symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/b.jpg").symlink_to(tmp_path / "b.jpg")
    prefix = "sub/" if kind == "folder" else ""
    images = {file: why for file, why in reasons(source_of(kind, root)).items() if why != "no-file"}
    assert images == {f"{prefix}a.jpg": "", f"{prefix}b.jpg": ""}


def test_a_loop_of_folders_is_walked_once_and_said(tmp_path: Path) -> None:
    """A link to its own folder, to one above, and two that lead into each other."""
    root = tmp_path / "photos"
    write(root / "a.jpg")
    write(root / "one/b.jpg")
    write(root / "two/c.jpg")
    for link, target in (("self", "."), ("one/up", ".."), ("one/other", "../two"), ("two/other", "../one")):
        (root / link).symlink_to(target)
    assert reasons(source_of("folder", root)) == {
        "a.jpg": "", "one/b.jpg": "", "two/c.jpg": "",
        "self": "not-taken", "one/up": "not-taken", "one/other": "not-taken", "two/other": "not-taken",
    }  # fmt: skip


def test_an_image_is_listed_where_it_lies_and_not_by_a_link(tmp_path: Path) -> None:
    """Also if the link comes first in the alphabet; of two links to a folder elsewhere, the first has the images."""
    root = tmp_path / "photos"
    write(root / "z/a.jpg")
    write(tmp_path / "elsewhere/deep/b.jpg")
    for link, target in (("a", "z"), ("k", "../elsewhere"), ("l", "../elsewhere/deep")):
        (root / link).symlink_to(target)
    assert reasons(source_of("folder", root)) == {
        "z/a.jpg": "", "k/deep/b.jpg": "", "a": "not-taken", "l": "not-taken"
    }  # fmt: skip


@pytest.mark.parametrize("kind", FOLDERS)
def test_what_is_no_file_is_a_row_of_the_ledger_and_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    """A pipe, a socket, a device, a link to one, a link to nothing, and one that leads back to itself."""
    folder = tmp_path / "raw" / FOLDERS[kind]
    write(folder / "a.jpg")
    os.mkfifo(folder / "pipe.jpg")
    server = socket.socket(socket.AF_UNIX)
    with TemporaryDirectory(dir="/tmp") as short:  # the path of a socket has 107 bytes at most
        server.bind(f"{short}/socket")
        Path(short, "socket").rename(folder / "socket.jpg")
    (folder / "device.jpg").symlink_to("/dev/zero")
    (folder / "linked.jpg").symlink_to("pipe.jpg")
    (folder / "nothing.jpg").symlink_to("nowhere")
    (folder / "loop.jpg").symlink_to("loop.jpg")
    (folder / "through.jpg").symlink_to("a.jpg/more")
    source = source_of(kind, tmp_path / "raw")
    (folder / "long.jpg").symlink_to("x" * 300)
    names = ("pipe.jpg", "socket.jpg", "device.jpg", "linked.jpg", "nothing.jpg", "loop.jpg", "through.jpg",
             "long.jpg")  # fmt: skip
    assert reasons(source) == {"a.jpg": ""} | dict.fromkeys(names, "not-a-file")
    assert all(signature(source, container) for container in source.containers())
    server.close()


@pytest.mark.parametrize("kind", ["eol", "inat21", "bioscan"])
def test_a_pipe_in_the_place_of_an_archive_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ("all.zip" if kind == "bioscan" else "all.tar")
    os.mkfifo(path)
    for named in (tmp_path, path):
        with pytest.raises(InputError, match=r"all\.(tar|zip)"):
            load_source(kind, {"path": str(named)}, tmp_path).containers()


def test_a_pipe_in_the_place_of_labels_is_named(tmp_path: Path) -> None:
    write(tmp_path / "part1/a.jpg")
    os.mkfifo(tmp_path / "labels.tsv")
    with pytest.raises(InputError, match=r"labels\.tsv"):
        list(load_source("bioscan", {"path": ".", "metadata": "labels.tsv"}, tmp_path).labels())


def test_an_image_that_the_disk_does_not_give_is_named(tmp_path: Path) -> None:
    """An error that is not the image's own ends the task with a sentence; /proc has a file that cannot be read."""
    write(tmp_path / "part1/a.jpg")
    (tmp_path / "part1/b.jpg").symlink_to("/proc/self/mem")
    source = load_source("bioscan", {"path": "."}, tmp_path)
    with pytest.raises(ContainerError, match=r"b\.jpg cannot be read: Input/output error"):
        read_all_images(source)


def test_a_tree_deeper_than_the_stack_is_listed(tmp_path: Path) -> None:
    """As deep as a path may be long."""
    here = os.open(".", os.O_RDONLY)
    try:
        os.chdir(tmp_path)
        for _ in range(1500):
            Path("d").mkdir()
            os.chdir("d")
        Path("a.jpg").write_bytes(JPEG)
        assert len(image_files(tmp_path, deep=True)) == 1
        assert image_files(tmp_path) == []
    finally:
        os.fchdir(here)
        os.close(here)
        subprocess.run(["rm", "-r", tmp_path / "d"], check=True)  # pytest itself cannot remove so deep a tree


@pytest.mark.parametrize("what", ["loop", "nowhere", "file"])
@pytest.mark.parametrize("kind", ["original", "published", "folder"])
def test_raw_that_leads_nowhere_is_named(tmp_path: Path, kind: str, what: str) -> None:
    """A link to itself, a link to nothing, and a file."""
    raw = tmp_path / "raw"
    raw.write_bytes(b"x") if what == "file" else raw.symlink_to("raw" if what == "loop" else "nothing")
    done = cli("init", kind, "--raw", raw, "--out", tmp_path / "out")
    assert done.returncode == 2
    sentence(done, "no folder", "--raw names")


@pytest.mark.parametrize("path", ["loop", "nothing", "~nobody-has-this-name/x", "a\\u0000b"])
@pytest.mark.parametrize("kind", ["eol", "inat21", "bioscan", "folder"])
def test_a_path_of_a_source_that_leads_nowhere_is_named(tmp_path: Path, kind: str, path: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nothing").symlink_to("nowhere")
    (tmp_path / "names.csv").write_text("file,species\na.jpg,annua\n")
    table = "table = 'names.csv'\n" if kind == "folder" else ""
    (tmp_path / "dataset.toml").write_text(f'[sources.{kind}]\npath = "{path}"\n{table}')
    sentence(cli("status", "--config", tmp_path / "dataset.toml"), "path", path.replace("\\u0000", "\\x00"))


def two_sources(tmp_path: Path, one: str, other: str) -> Path:
    (tmp_path / "names.csv").write_text("file,genus,species\na.jpg,Parus,major\n")
    (tmp_path / "dataset.toml").write_text(f"[sources.one]\n{one}\n[sources.other]\n{other}\n")
    return tmp_path / "dataset.toml"


PHOTOS = "kind = 'folder'\ntable = 'names.csv'\npath = '{}'"


@pytest.mark.parametrize("other", ["photos", "photos/", "./photos/../photos", "link", "photos/sub", "sublink", "deep"])
def test_two_sources_over_one_folder_are_named(tmp_path: Path, other: str) -> None:
    """The same folder, one inside the other, or by way of a link; also from one source's folder into the other's."""
    write(tmp_path / "photos/a.jpg")
    write(tmp_path / "photos/sub/b.jpg")
    (tmp_path / "link").symlink_to("photos")
    (tmp_path / "sublink").symlink_to("photos/sub")
    write(tmp_path / "deep/c.jpg")
    (tmp_path / "deep/link").symlink_to("../photos/sub")
    config = two_sources(tmp_path, PHOTOS.format("photos"), PHOTOS.format(other))
    (tmp_path / "names.csv").write_text("file,genus,species\na.jpg,Parus,major\nb.jpg,Parus,major\nc.jpg,Parus,major\n")
    done = cli("build", "--config", config)
    sentence(done, "[sources.one] and [sources.other]", "twice")


@pytest.mark.parametrize("one", ["raw", "links"])
def test_a_link_to_an_image_of_another_source_is_named(tmp_path: Path, one: str) -> None:
    """Or to one that another source comes to by a link, wherever it lies; a link to an image of nobody is none."""
    write(tmp_path / "raw/a.jpg")
    write(tmp_path / "elsewhere/b.jpg")
    for folder in ("links", "other"):
        (tmp_path / folder).mkdir()
    (tmp_path / "links/c.jpg").symlink_to("../raw/a.jpg")
    (tmp_path / "other/a.jpg").symlink_to("../elsewhere/b.jpg")
    config = two_sources(tmp_path, PHOTOS.format(one), PHOTOS.format("other"))
    (tmp_path / "names.csv").write_text("file,genus,species\na.jpg,Parus,major\nc.jpg,Parus,major\n")
    assert open_workspace(config).containers()
    (tmp_path / "other/a.jpg").unlink()
    (tmp_path / "other/a.jpg").symlink_to("../raw/a.jpg")
    with pytest.raises(ConfigError, match=r"\[sources\.one\] and \[sources\.other\].*a\.jpg.*twice"):
        open_workspace(config).containers()


@pytest.mark.parametrize("path", ["raw/train", "raw", f"raw/train/{CROW}"])
def test_two_sources_of_two_kinds_over_one_folder_are_named(tmp_path: Path, path: str) -> None:
    write(tmp_path / "raw/train" / CROW / "a.jpg")
    config = two_sources(tmp_path, "kind = 'inat21'\npath = 'raw/train'", PHOTOS.format(path))
    with pytest.raises(ConfigError, match=r"\[sources\.one\] and \[sources\.other\]"):
        open_workspace(config).containers()


@pytest.mark.parametrize("other", ["eol", "eol/set.tar", "link.tar", "hard"])
def test_two_sources_over_one_archive_are_named(tmp_path: Path, other: str) -> None:
    write(tmp_path / "eol/set.tar", tar_of([("1_2_eol.jpg", JPEG)]))
    (tmp_path / "link.tar").symlink_to("eol/set.tar")
    (tmp_path / "hard").mkdir()
    os.link(tmp_path / "eol/set.tar", tmp_path / "hard/other.tar")
    config = two_sources(tmp_path, "kind = 'eol'\npath = 'eol'", f"kind = 'eol'\npath = '{other}'")
    with pytest.raises(ConfigError, match=r"\[sources\.one\] and \[sources\.other\]"):
        open_workspace(config).containers()


@pytest.mark.parametrize("kind", ["eol", "inat21", "bioscan"])
def test_one_source_that_comes_to_its_images_by_two_links_is_named(tmp_path: Path, kind: str) -> None:
    names = {"eol": ("one.tar", "two.tar"), "inat21": (CROW, CROW.replace("1", "2")), "bioscan": ("part1", "part2")}
    one, two = names[kind]
    if kind == "eol":
        write(tmp_path / "raw" / one, tar_of([("1_2_eol.jpg", JPEG)]))
    else:
        write(tmp_path / "raw" / one / "a.jpg")
    (tmp_path / "raw" / two).symlink_to(one)
    (tmp_path / "dataset.toml").write_text(f"[sources.{kind}]\npath = 'raw'\n")
    with pytest.raises(ConfigError, match=f"{one}.*{two}"):
        open_workspace(tmp_path / "dataset.toml").containers()


def test_sources_beside_each_other_are_no_fault(tmp_path: Path) -> None:
    """One folder each, and tables and archives in the folder of photographs."""
    for name in ("raw/one/a.jpg", "raw/other/a.jpg"):
        write(tmp_path / name)
    write(tmp_path / "raw/one/set.tar", tar_of([("1_2_eol.jpg", JPEG)]))
    config = two_sources(tmp_path, PHOTOS.format("raw/one"), PHOTOS.format("raw/other"))
    built(config)
    rows = pl.read_parquet(tmp_path / "224x224/catalog.parquet", glob=False)
    assert rows.select("one_filename", "other_filename").null_count().row(0) == (1, 1)
    config = two_sources(tmp_path, PHOTOS.format("raw/one"), "kind = 'eol'\npath = 'raw/one/set.tar'")
    assert len(open_workspace(config).containers()) == 3
