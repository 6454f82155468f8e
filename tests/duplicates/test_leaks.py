"""Images of a benchmark are found in a dataset, whatever form the benchmark has, and left out if that is asked for."""

from __future__ import annotations

import hashlib
import io
import os
import random
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from PIL import ImageEnhance
from planted import configure, files_of, picture, plant

from helpers import built, cli, samples, sentence, shards, tar_of
from treeoflife.errors import InputError
from treeoflife.evaluation.benchmark import read_hashes

LEAKED = range(10)
"""Of these originals the benchmark has copies; of the others none."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Planted folders without copies, and a build of them."""
    root = tmp_path_factory.mktemp("leaks")
    plant(root, originals=30, copies=0)
    built(configure(root, root / "out"))
    return root


def _benchmark() -> list[tuple[str, bytes]]:
    """Copies of some images, brighter, smaller, encoded again; and pictures of its own; one file is no image."""
    files = [("classes/nothing.jpg", b"<html>")]
    for number in [*LEAKED, *range(900, 906)]:
        image = ImageEnhance.Brightness(picture(number).resize((400, 300))).enhance(1.05)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=75)
        files.append((f"class{number % 3}/b{number}.jpg", out.getvalue()))
    random.Random(1).shuffle(files)
    return files


def _lay_out(folder: Path, kind: str) -> Path:
    """The benchmark in one of its forms; returns what --against is given."""
    files = _benchmark()
    if kind == "shards":
        (folder / "shards").mkdir()
        for number in (0, 1):
            (folder / f"shards/{number:06d}.tar").write_bytes(tar_of(files[number::2]))
        return folder / "shards"
    if kind == "parquet":
        rows = {"image": [{"bytes": data, "path": name} for name, data in files], "id": [name for name, _ in files]}
        pl.DataFrame(rows).write_parquet(folder / "test.parquet")
        return folder / "test.parquet"
    for name, data in files:
        (folder / "classes" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "classes" / name).write_bytes(data)
    if kind == "pack":
        assert cli("hashes", folder / "classes", "--out", folder / "pack.parquet").returncode == 0
        shutil.rmtree(folder / "classes")
        return folder / "pack.parquet"
    return folder / "classes"


@pytest.mark.parametrize(
    ("kind", "link"), [("folder", "near"), ("shards", "near"), ("parquet", "near"), ("pack", "hash")]
)
def test_leaks_are_found_and_left_out(whole: Path, tmp_path: Path, kind: str, link: str) -> None:
    """All of them, and nothing else; a pack of hashes does as well as the images."""
    against, out = _lay_out(tmp_path, kind), tmp_path / "out"
    shutil.copytree(whole / "out", out)
    found = cli("leaks", "--against", against, "--config", out / "dataset.toml")
    assert found.returncode == 1, "leaks are findings"
    assert "10 images of the dataset" in found.stdout
    rows = pl.read_csv(out / f"leaks/{against.stem}.csv")
    assert set(rows["link"]) == {link}
    leaked = {("one", f"p{number:03d}.jpg") for number in LEAKED}
    assert {(row[0], row[1]) for row in rows.select("source", "file").iter_rows()} == leaked
    assert not (out / ".leaks").exists()
    done = cli("leaks", "--against", against, "--drop", "--config", out / "dataset.toml")
    assert done.returncode == 0, done.stderr
    assert "encode:" not in built(out / "dataset.toml").stderr
    ledger = pl.read_parquet(out / "ledger/ledger.parquet")
    files = files_of(out / "metadata/mapping.sqlite")
    assert {files[key] for key in ledger["treeoflife_id"]} == leaked
    assert set(ledger["reason"]) == {"held-out-image"}
    assert len(samples(shards(out))) == len(files) - len(LEAKED)


def test_the_same_file_is_found_by_its_bytes(whole: Path, tmp_path: Path) -> None:
    """Also from a list of SHA-256 alone, as hex."""
    digest = hashlib.sha256((whole / "one/p003.jpg").read_bytes()).hexdigest()
    (tmp_path / "list.csv").write_text(f"url,sha256\nhttps://example.org/x.jpg,{digest}\n")
    done = cli("leaks", "--against", tmp_path / "list.csv", "--config", whole / "out/dataset.toml")
    assert done.returncode == 1, done.stderr
    rows = pl.read_parquet(whole / "out/leaks/list.parquet")
    assert rows.select("file", "image", "link").rows() == [("p003.jpg", "https://example.org/x.jpg", "bytes")]


def test_a_benchmark_without_a_leak_is_status_0(whole: Path, tmp_path: Path) -> None:
    """And registers nothing, even if that is asked for."""
    for number in (700, 701):
        picture(number).save(tmp_path / f"{number}.png")
    text = (whole / "out/dataset.toml").read_text()
    done = cli("leaks", "--against", tmp_path, "--drop", "--config", whole / "out/dataset.toml")
    assert done.returncode == 0, done.stderr
    assert (whole / "out/dataset.toml").read_text() == text


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("absent", None, ("there is no benchmark at",)),
        ("bad.csv", "pdq\nzz\n", ("256 bits",)),
        ("bad.csv", "a,b\n1,2\n", ("neither a column pdq nor",)),
        ("bad.tar", "no tar", ("cannot be read to its end",)),
        ("bad.parquet", "no parquet", ("cannot be read",)),
    ],
)
def test_what_is_no_benchmark_gets_a_sentence(
    whole: Path, tmp_path: Path, name: str, content: str | None, words: tuple[str, ...]
) -> None:
    """It names the file, and what would do."""
    if content is not None:
        (tmp_path / name).write_text(content)
    done = cli("leaks", "--against", tmp_path / name, "--config", whole / "out/dataset.toml")
    sentence(done, name, *words)


def test_what_could_not_be_read_is_counted_and_named(whole: Path, tmp_path: Path) -> None:
    """Files that do not decode, in folders and in shards, and files of other kinds."""
    folder = tmp_path / "bench"
    folder.mkdir()
    picture(700).save(folder / "good.png")
    (folder / "junk.jpg").write_bytes(b"<html>")
    (folder / "empty.JPG").write_bytes(b"")
    (folder / "shard.TAR").write_bytes(tar_of([("a.jpg", b"no picture"), ("a.txt", b"x"), ("b.png", b"")]))
    (folder / "more.zip").write_bytes(b"PK")
    done = cli("leaks", "--against", folder, "--config", whole / "out/dataset.toml")
    assert done.returncode == 0, done.stderr
    said = " ".join((done.stdout + done.stderr).split())
    assert "4 of the 5 images" in said
    assert "junk.jpg" in said
    assert "1 files" in said
    assert "more.zip" in said


def test_a_benchmark_of_which_nothing_can_be_read_is_an_error(whole: Path, tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("junk", "others", "empty", "zipped")}
    for folder in folders.values():
        folder.mkdir()
    for number in range(3):
        (folders["junk"] / f"{number}.jpg").write_bytes(b"no picture")
    (folders["others"] / "notes.md").write_text("x")
    (folders["zipped"] / "images.zip").write_bytes(b"PK")
    (tmp_path / "texts.tar").write_bytes(tar_of([("a.txt", b"x")]))
    pl.DataFrame({"image": [b"no picture", None]}).write_parquet(tmp_path / "junk.parquet")
    expected = {
        folders["junk"]: "none of its 3 files of images can be decoded", folders["others"]: "1 other files",
        folders["empty"]: "empty", folders["zipped"]: "unpack it", folders["zipped"] / "images.zip": "unpack it",
        tmp_path / "texts.tar": "it has none", tmp_path / "junk.parquet": "none of its 2",
    }  # fmt: skip
    for against, words in expected.items():
        sentence(cli("leaks", "--against", against, "--config", whole / "out/dataset.toml"), against.name, words)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("hashes.txt", "ab" * 32 + "\nPanthera\n", "1 of 2 are not, such as 'Panthera'"),
        ("hashes.csv", "sha256\n" + "ab" * 32 + "\n" + "zz" * 32 + "\n", "1 of 2 are not"),
        ("hashes.csv", "sha256,pdq\n" + "ab" * 32 + ",abc\n", "the column pdq"),
        ("hashes.txt", "", "empty"),
    ],
)
def test_a_list_with_something_that_is_no_hash_is_an_error(
    whole: Path, tmp_path: Path, name: str, content: str, words: str
) -> None:
    (tmp_path / name).write_text(content)
    sentence(cli("leaks", "--against", tmp_path / name, "--config", whole / "out/dataset.toml"), name, words)


def test_benchmarks_of_one_name_have_tables_of_their_own(whole: Path, tmp_path: Path) -> None:
    """And lists of their own, of which the second does not replace the first in what is held out."""
    out = tmp_path / "out"
    shutil.copytree(whole / "out", out)
    for folder, number in (("a", 3), ("b", 5)):
        (tmp_path / folder / "cub").mkdir(parents=True)
        shutil.copy(whole / f"one/p{number:03d}.jpg", tmp_path / folder / "cub")
        done = cli("leaks", "--against", tmp_path / folder / "cub", "--drop", "--config", out / "dataset.toml")
        assert done.returncode == 0, done.stderr
    tables = [pl.read_parquet(path)["file"].to_list() for path in (out / "leaks").glob("cub*.parquet")]
    assert sorted(tables) == [["p003.jpg"], ["p005.jpg"]]
    held_out = [path.read_text().splitlines()[1:] for path in (out / "leaks").glob("cub*.txt")]
    files = files_of(out / "metadata/mapping.sqlite")
    assert sorted(files[one][1] for ids in held_out for one in ids) == ["p003.jpg", "p005.jpg"]
    assert (out / "dataset.toml").read_text().count('[[holdout]]\npath = "leaks/cub') == 2


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_table_of_hashes_is_read_whole_or_the_row_is_named(encoding: str, tmp_path: Path) -> None:
    rows = [f'{number:064x};{number}.jpg;a 5" print' for number in range(3)]
    (path := tmp_path / "hashes.csv").write_bytes("\r\n".join(["PDQ;Image;note", *rows, ""]).encode(encoding))
    hashes = read_hashes(path)
    assert hashes is not None
    assert hashes["image"].to_list() == ["0.jpg", "1.jpg", "2.jpg"]
    path.write_text("\n".join(["pdq", "0" * 64, "no hash", "1" * 64]), encoding="utf-8")
    with pytest.raises(InputError, match=r"the column pdq .*1 of 3 are not, such as 'no hash'"):
        read_hashes(path)


def test_links_in_a_benchmark_are_followed_once(whole: Path, tmp_path: Path) -> None:
    """A linked folder, a link to it, one that leads back, one to nothing, and a hidden folder."""
    bench = tmp_path / "linked"
    (bench / "x").mkdir(parents=True)
    (tmp_path / "else/Turdus").mkdir(parents=True)
    picture(700).save(bench / "x/z.jpg")
    shutil.copy(whole / "one/p003.jpg", tmp_path / "else/Turdus/0.jpg")
    links = {"Turdus": "../else/Turdus", "again": "Turdus", "x/up": "..", "gone.jpg": "nothing", ".else": "../else"}
    for link, target in links.items():
        (bench / link).symlink_to(target)
    done = cli("leaks", "--against", bench, "--config", whole / "out/dataset.toml")
    assert done.returncode == 1, done.stderr
    rows = pl.read_parquet(whole / "out/leaks/linked.parquet")
    assert rows.select("file", "image", "link").rows() == [("p003.jpg", "Turdus/0.jpg", "bytes")]
    said = " ".join((done.stdout + done.stderr).split())
    assert "2 images of" in said
    assert "1 files" in said
    assert "gone.jpg" in said


def test_a_dataset_in_a_benchmark_is_left_out_and_said(whole: Path, tmp_path: Path) -> None:
    """OUT may lie in the folder that it was made from."""
    shutil.copytree(whole, raw := tmp_path / "raw")
    done = cli("hashes", raw, "--out", tmp_path / "hashes.parquet")
    assert done.returncode == 0, done.stderr
    said = " ".join((done.stdout + done.stderr).split())
    assert f"1 datasets of this program in {raw} were left out, such as {raw / 'out'}" in said
    images = pl.read_parquet(tmp_path / "hashes.parquet")["image"]
    assert sorted(images) == sorted(path.relative_to(raw).as_posix() for path in raw.glob("*/[pq]*.jpg"))


def test_names_that_are_not_utf8_are_escaped(whole: Path, tmp_path: Path) -> None:
    """Of images and folders, of members of a shard, of files that are no images, and of the benchmark itself."""
    green = os.fsdecode(b"Gr\xfcn")
    (bench := tmp_path / f"{green}es").mkdir()
    (bench / green).mkdir()
    (bench / f"{green}.md").touch()
    (bench / f"{green}-.jpg").write_bytes(b"no picture")
    image = (whole / "one/p003.jpg").read_bytes()
    for name in (f"{green}.jpg", f"{green}/0.jpg"):
        (bench / name).write_bytes(image)
    (bench / f"{green}.tar").write_bytes(tar_of([(f"in/{green}.jpg", image)]))
    done = cli("hashes", bench, "--out", tmp_path / "hashes.parquet")
    assert done.returncode == 0, done.stderr
    assert r"Gr\xfcn-.jpg" in done.stdout + done.stderr
    images = pl.read_parquet(tmp_path / "hashes.parquet")["image"]
    assert sorted(images) == [r"Gr\xfcn.jpg", r"Gr\xfcn/0.jpg", r"in/Gr\xfcn.jpg"]
    shutil.copytree(whole / "out", out := tmp_path / "out")
    done = cli("leaks", "--against", bench, "--drop", "--config", out / "dataset.toml")
    assert done.returncode == 0, done.stderr
    assert "1 images of the dataset" in done.stdout
    assert (out / r"leaks/Gr\xfcnes.txt").read_text().startswith(r"# images that are in Gr\xfcnes")
    built(out / "dataset.toml")


def test_parquet_without_images_beside_images_is_named(whole: Path, tmp_path: Path) -> None:
    """Its hashes are no images either. Named directly, or alone in a folder, it is an error."""
    (bench := tmp_path / "bench").mkdir()
    pl.DataFrame({"label": ["a"], "sha256": [b"x" * 32]}).write_parquet(bench / "labels.parquet")
    config = ("--config", whole / "out/dataset.toml")
    sentence(cli("leaks", "--against", bench, *config), "it has none", "1 files are no images, such as labels.parquet")
    shutil.copy(whole / "one/p003.jpg", bench)
    done = cli("leaks", "--against", bench, *config)
    assert done.returncode == 1, done.stderr
    said = " ".join((done.stdout + done.stderr).split())
    assert f"1 files of {bench} are no images and were not read, such as labels.parquet" in said
    pl.DataFrame({"label": ["a"]}).write_parquet(named := tmp_path / "labels.parquet")
    sentence(cli("leaks", "--against", named, *config), f"{named} has no column of images")


def test_of_two_columns_of_images_the_one_called_so_is_read(whole: Path, tmp_path: Path) -> None:
    """And the other is named; where neither is called so, that is an error."""
    image, thumb = (whole / "one/p003.jpg").read_bytes(), (whole / "one/p005.jpg").read_bytes()
    pl.DataFrame({"thumb": [thumb], "Img": [{"bytes": image}]}).write_parquet(path := tmp_path / "two.parquet")
    done = cli("leaks", "--against", path, "--config", whole / "out/dataset.toml")
    assert done.returncode == 1, done.stderr
    assert pl.read_parquet(whole / "out/leaks/two.parquet")["file"].to_list() == ["p003.jpg"]
    assert "were not read: thumb" in " ".join((done.stdout + done.stderr).split())
    pl.DataFrame({"thumb": [thumb], "large": [image]}).write_parquet(path)
    sentence(cli("hashes", path, "--out", tmp_path / "hashes.parquet"), "thumb, large", "call the one to be read")


def test_columns_of_bytes_that_are_no_images_are_none(whole: Path, tmp_path: Path) -> None:
    """Embeddings, hashes and binary ids; also beside the images, whose own column is then read, not its hashes."""
    bench, image = tmp_path / "bench", (whole / "one/p003.jpg").read_bytes()
    bench.mkdir()
    (bench / "a.jpg").write_bytes(image)
    columns: dict[str, Any] = {"image": ["a"], "embedding": [b"123"], "hash": [b"4"], "meta": [{"bytes": 7}]}
    pl.DataFrame(columns).write_parquet(bench / "labels.parquet")
    done = cli("hashes", bench, "--out", tmp_path / "hashes.parquet")
    assert done.returncode == 0, done.stderr
    assert "labels.parquet" in done.stdout + done.stderr
    columns = {"id": [b"\xff\xfe"], "photo": [{"bytes": image, "path": "a"}], "sha256": [bytes(32)]}
    pl.DataFrame(columns).write_parquet(path := tmp_path / "hf.parquet")
    done = cli("leaks", "--against", path, "--config", whole / "out/dataset.toml")
    assert done.returncode == 1, done.stderr
    assert pl.read_parquet(whole / "out/leaks/hf.parquet")["file"].to_list() == ["p003.jpg"]


def test_parquet_whose_name_is_not_utf8_is_an_error_that_says_so(whole: Path, tmp_path: Path) -> None:
    pl.DataFrame({"image": [b""]}).write_parquet(tmp_path / "a.parquet")
    (tmp_path / "a.parquet").rename(path := tmp_path / os.fsdecode(b"Gr\xfcn.parquet"))
    for against in (path, tmp_path):
        sentence(cli("hashes", against, "--out", tmp_path / "hashes.parquet"), r"Gr\xfcn.parquet", "rename it")
        done = cli("leaks", "--against", against, "--config", whole / "out/dataset.toml")
        sentence(done, r"Gr\xfcn.parquet", "rename it")
