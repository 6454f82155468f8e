"""A dataset whose sources, store and shards are in an object store is the dataset that it would be on one disk."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest

import treeoflife
from helpers import built, cli, command, configured, digests, sentence
from treeoflife.core.files import write_text
from treeoflife.core.folders import walk_folder
from treeoflife.core.objects import ObjectPath
from treeoflife.pipeline.discover import discover
from treeoflife.testing.world import World, draw_world

from .conftest import new_bucket, object_at, upload

KILLS = 10
LARGE_PICTURES = "[1536, 1536]"  # so that shards and store are uploaded in parts


def moved(config: Path, raw: ObjectPath, out: ObjectPath, folder: Path) -> Path:
    """The same configuration with the sources, the store and the shards in an object store, in another folder."""
    text = re.sub(r'(?m)^path = ".*/dataset/(.*)"$', rf'path = "{raw}/\1"', config.read_text())
    text, count = re.subn(r"(?m)^# (store|shards) = .*$", rf'\1 = "{out}"', text)
    assert count == 2
    assert text.count(f'"{raw}/') == 3
    folder.mkdir(parents=True)
    (folder / "dataset.toml").write_text(text)
    return folder / "dataset.toml"


def all_digests(folder: Path, out: ObjectPath) -> dict[str, str]:
    """The SHA-256 of every file of a dataset by its name in a folder, wherever it is."""
    objects = {path.relative_to(out).as_posix(): path for path in walk_folder(out).files}
    names = {name: f"encoded/{name}" if "-q" in name else name for name in objects if "owner" not in name}
    in_store = {names[name]: hashlib.sha256(objects[name].read_bytes()).hexdigest() for name in names}
    assert not in_store.keys() & digests(folder).keys()
    return in_store | digests(folder)


def comparable(folder: Path, out: ObjectPath | None = None) -> dict[str, str]:
    """The SHA-256 of every file of a dataset, in a store or not, apart from what says where the files are.

    dataset.toml is left out. croissant.json names the shards by their addresses, which are taken out; and SHA256SUMS
    has the digest of croissant.json, and a last line with the digest of its own lines.
    """
    names = all_digests(folder, out) if out else digests(folder)
    croissant = (folder / "croissant.json").read_text()
    assert out is None or croissant.count(f'"{out}/') == croissant.count("application/x-tar") > 0
    sums = (folder / "SHA256SUMS").read_text().splitlines()
    texts = {
        "croissant.json": croissant.replace(f'"{out}/', '"'),
        "SHA256SUMS": "\n".join(line for line in sums[:-1] if not line.endswith("  croissant.json")),
    }
    found = names | {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    return {name: digest for name, digest in found.items() if name != "dataset.toml"}


def uploads(s3: str, bucket: ObjectPath) -> list[str]:
    """The keys of the objects whose upload was begun and is neither finished nor ended."""
    with urllib.request.urlopen(f"{s3}/{bucket.name}?uploads") as answer:
        return re.findall(r"<Key>(.*?)</Key>", answer.read().decode())


@pytest.fixture(scope="module")
def remote(
    s3: str, drawn_world: World, drawn_build: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, ObjectPath]:
    """The drawn world built from and to an object store: its folder, and where its large files are."""
    bucket = new_bucket(s3, f"built-{os.getpid()}")
    upload(drawn_world.root / "dataset", object_at(bucket, "raw"))
    config = moved(
        drawn_build / "dataset.toml",
        object_at(bucket, "raw"),
        object_at(bucket, "out"),
        tmp_path_factory.mktemp("cloud") / "dataset",
    )
    built(config)
    return config.parent, object_at(bucket, "out")


@pytest.mark.slow
def test_the_bytes_are_those_of_a_build_on_one_disk(remote: tuple[Path, ObjectPath], drawn_build: Path) -> None:
    folder, out = remote
    assert comparable(folder, out) == comparable(drawn_build)
    assert not list(folder.rglob("*.tar"))


def test_a_small_world_has_the_same_bytes_from_and_to_a_store(s3: str, bucket: ObjectPath, tmp_path: Path) -> None:
    """The contract in short, in this process; the long tests are below."""
    raw, out = object_at(bucket, "raw"), object_at(bucket, "out")
    draw_world(tmp_path / "world", images=14)
    write_text(tmp_path / "disk/dataset.toml", discover("published", tmp_path / "world").text)
    upload(tmp_path / "world/dataset", raw)
    config = moved(tmp_path / "disk/dataset.toml", raw, out, tmp_path / "cloud")
    for folder in (tmp_path / "disk", config.parent):
        treeoflife.build(folder, engine="serial")
    assert comparable(config.parent, out) == comparable(tmp_path / "disk")
    assert uploads(s3, bucket) == []


@pytest.mark.slow
def test_nothing_is_to_be_done_then_and_verify_follows_every_sample(
    remote: tuple[Path, ObjectPath], drawn_build: Path
) -> None:
    folder, _ = remote
    verdict, on_disk = treeoflife.verify(folder, engine="serial"), treeoflife.verify(drawn_build, engine="serial")
    assert verdict == on_disk
    assert not verdict.damage
    assert verdict.samples == verdict.of
    assert all(state.fresh for state in treeoflife.status(folder).values())


@pytest.mark.slow
def test_samples_are_read_from_their_shards(remote: tuple[Path, ObjectPath], drawn_build: Path) -> None:
    ours, on_disk = treeoflife.open(remote[0]), treeoflife.open(drawn_build)
    assert [sample.jpeg for sample in ours.samples("val")] == [sample.jpeg for sample in on_disk.samples("val")]
    assert ours.read_jpeg(7) == on_disk.read_jpeg(7)
    assert ours[on_disk[7].id].texts == on_disk[7].texts


@pytest.fixture
def remote_copy(remote: tuple[Path, ObjectPath], tmp_path: Path) -> tuple[Path, ObjectPath]:
    """A dataset of its own with the same bytes, to be changed: no build, but copies of files and of objects."""
    folder, out = remote
    own = out.with_name(f"out-{tmp_path.name}")
    shutil.copytree(folder, tmp_path / "dataset")
    for path in walk_folder(out).files:
        object_at(own, path.relative_to(out).as_posix()).create(path.read_bytes())  # type: ignore[arg-type]
    config = tmp_path / "dataset/dataset.toml"
    config.write_text(config.read_text().replace(f'"{out}"', f'"{own}"'))
    return tmp_path / "dataset", own  # type: ignore[return-value]


@pytest.mark.slow
def test_no_byte_of_a_withdrawn_image_is_left_in_the_store(remote_copy: tuple[Path, ObjectPath]) -> None:
    folder, out = remote_copy
    sample = next(iter(treeoflife.open(folder).samples("train")))
    before = {path: path.read_bytes() for path in walk_folder(out).files}
    (folder.parent / "ids.csv").write_text(f"treeoflife_id\n{sample.id}\n")
    words = ("withdraw", folder.parent / "ids.csv", "--config", folder, "--why", "the owner asked")
    done = cli(*words)
    assert done.returncode == 0, done.stderr
    assert "  224x224/train/shard-0" in done.stdout
    after = {path: path.read_bytes() for path in walk_folder(out).files}
    assert any(sample.jpeg in data for data in before.values())
    assert not any(sample.jpeg in data or sample.id.encode() in data for data in after.values())
    assert not treeoflife.verify(folder, engine="serial").damage


@pytest.mark.slow
def test_publishing_says_to_copy_the_shards_first(remote: tuple[Path, ObjectPath]) -> None:
    folder, out = remote
    sentence(cli("publish", "me/birds", "--config", folder, "--dry-run"), f"{out}/224x224", "copy that to", "[storage]")


@pytest.mark.slow
def test_objects_that_are_gone_or_changed_are_found_and_made_again(
    remote_copy: tuple[Path, ObjectPath], drawn_build: Path
) -> None:
    folder, out = remote_copy
    shards = sorted((out / "224x224/train").glob("*.tar"))
    shards[0].unlink()
    data = bytearray(shards[1].read_bytes())
    data[2000] ^= 1
    shards[1].unlink()
    shards[1].create(bytes(data))
    wrong = treeoflife.verify(folder, engine="serial").damage
    assert {Path(one.file).name for one in wrong} >= {shards[0].name, shards[1].name}
    built(folder / "dataset.toml")
    assert comparable(folder, out) == comparable(drawn_build)


@pytest.mark.slow
def test_two_datasets_cannot_have_the_same_address(remote: tuple[Path, ObjectPath], tmp_path: Path) -> None:
    folder, out = remote
    shutil.copy(folder / "dataset.toml", tmp_path)
    sentence(cli("build", "--config", tmp_path), f"{out}/224x224", "is there already", "another address in [storage]")
    text = (folder / "dataset.toml").read_text()
    (tmp_path / "dataset.toml").write_text(text.replace(f'"{out}"', f'"{out}-begun"'))
    object_at(out.with_name("out-begun"), "224x224/treeoflife-owner").create(b"another, which has begun")  # type: ignore[arg-type]
    sentence(cli("build", "--config", tmp_path), "belongs to another dataset", "[storage]", "treeoflife-owner")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("store = .*", 'store = "https://example.org/a"', ("storage.store", "s3://, gs://, az://")),
        ("store = .*", 'store = "s3://me:secret@bucket/a"', ("s3://bucket", "environment")),
        ("store = .*", 'store = "s3://no-such-bucket-here/a"', ("no bucket 'no-such-bucket-here'",)),
        ("path = (.*)/raw/eol", "path = \\1/raw/no-such-folder", ("raw/no-such-folder",)),
        ("store = (.*)/out", "store = \\1/raw/eol", ("lie in one another", "[storage]")),
        ("published = .*", 'published = "s3://bucket/mapping.sqlite"', ("no bucket 'bucket'",)),
    ],
)
@pytest.mark.slow
def test_what_is_wrong_with_an_address_is_said(
    remote: tuple[Path, ObjectPath], tmp_path: Path, old: str, new: str, words: tuple[str, ...]
) -> None:
    text = (remote[0] / "dataset.toml").read_text().replace("/out", "/other")
    text, count = re.subn(f"(?m)^{old.replace('/out', '/other')}", new, text)
    assert count
    (tmp_path / "dataset.toml").write_text(text)
    assert "secret" not in sentence(cli("build", "--config", tmp_path), *words)


@pytest.mark.slow
def test_without_the_extra_the_package_to_install_is_named(remote: tuple[Path, ObjectPath], tmp_path: Path) -> None:
    (tmp_path / "obstore.py").write_text("raise ImportError('not here')")
    done = cli("status", "--config", remote[0], PYTHONPATH=f"{tmp_path}:{os.environ.get('PYTHONPATH', '')}")
    sentence(done, "pip install 'treeoflife[cloud]'")


@pytest.mark.slow
def test_ten_kills_at_any_moment_leave_the_same_bytes_and_no_upload(
    s3: str, bucket: ObjectPath, tmp_path: Path
) -> None:
    """Half of them strike while an object is being uploaded in parts."""
    chance = random.Random(26)
    world = draw_world(tmp_path / "world", 100).root
    whole = configured(tmp_path / "whole", "published", world, size=LARGE_PICTURES, max_samples=40)
    begun = time.monotonic()
    built(whole)
    seconds = time.monotonic() - begun
    upload(world / "dataset", object_at(bucket, "raw"))
    config = moved(whole, object_at(bucket, "raw"), object_at(bucket, "out"), tmp_path / "dataset")
    struck = 0
    for number in range(KILLS):
        if number % 3 == 2:  # so that there is something to be killed at each of them
            _forget(config.parent, object_at(bucket, "out"))
        process = subprocess.Popen(
            command("build", "--config", config, "--workers", "2"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        if number % 2:
            time.sleep(chance.uniform(0.5, 2 * seconds))
        else:
            struck += _await_upload(s3, bucket, process)
        with suppress(ProcessLookupError):  # it was done before
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    left = len(uploads(s3, bucket))
    built(config)
    assert uploads(s3, bucket) == []
    assert comparable(config.parent, object_at(bucket, "out")) == comparable(whole.parent)
    assert not [path for path in Path(tempfile.gettempdir()).glob("*.writing-*") if path.stat().st_mtime > begun]
    print(json.dumps({"kills": KILLS, "while uploading": struck, "uploads left by the last": left}))


def _forget(folder: Path, out: ObjectPath) -> None:
    """Remove what was made."""
    for path in walk_folder(out).files if out.is_dir() else ():
        path.unlink()
    for path in folder.iterdir():
        if path.name != "dataset.toml":
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _await_upload(s3: str, bucket: ObjectPath, process: subprocess.Popen[bytes]) -> bool:
    """Wait until an object is being uploaded in parts; False if the build ends without."""
    while process.poll() is None:
        if uploads(s3, bucket):
            return True
        time.sleep(0.005)
    return False
