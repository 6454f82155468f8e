"""A dataset that may not be written to can be looked at, read and verified, by any user, and no file of it changes."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from helpers import command, sentence
from treeoflife.config.paths import Paths
from treeoflife.config.tables import Images
from treeoflife.shards import locations
from treeoflife.shards.view_folder import cache_folder, replacing_folder
from treeoflife.testing.world import World

NOBODY = 65534
READ = """
import sys, treeoflife
dataset = treeoflife.open(sys.argv[1])
ids = list(dataset.catalog["treeoflife_id"])
print(len(dataset), dataset[ids[0]].id == ids[0], len(dataset.read_jpeg(0)) > 100)
"""

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become a user without rights")


@pytest.fixture
def dataset(drawn_build: Path, drawn_world: World, tmp_path: Path) -> Iterator[Path]:
    """A finished dataset, without a view, that a user without rights may read and not write."""
    out = Path(shutil.copytree(drawn_build, tmp_path / "out", ignore=shutil.ignore_patterns(".view")))
    for path in (out, *out.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    # The way to the dataset, to its world and to Python itself, which may lie in root's home, is opened for the test.
    ways = (
        out,
        drawn_world.root / "any",
        Path(sys.executable),
        Path(sys.executable).resolve(),
        Path(sys.prefix) / "any",
    )
    above = [folder for way in ways for folder in way.parents]
    closed = [one for one in dict.fromkeys(above) if not one.stat().st_mode & stat.S_IXOTH]
    for folder in closed:
        folder.chmod(folder.stat().st_mode | stat.S_IXOTH)
    yield out
    for folder in closed:
        folder.chmod(folder.stat().st_mode & ~stat.S_IXOTH)


def as_nobody(home: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a user without rights."""
    env = os.environ | {"HOME": str(home), "TMPDIR": str(home), "PYTHONDONTWRITEBYTECODE": "1"}
    env.pop("XDG_CACHE_HOME", None)
    return subprocess.run(
        list(map(str, words)), capture_output=True, text=True, check=False, env=env, user=NOBODY, group=NOBODY
    )


def state(out: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder, with its time."""
    return {str(path): (path.stat().st_mtime_ns, path.stat().st_ino) for path in (out, *out.rglob("*"))}


def test_it_can_be_looked_at_read_and_verified(dataset: Path, tmp_path: Path) -> None:
    """Also without any records; only the user's own cache is written."""
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, NOBODY, NOBODY)
    for records in ("with", "without"):
        if records == "without":
            shutil.rmtree(dataset / ".state")
            for name in (".known.sqlite", ".lock"):
                (dataset / name).unlink()
        before = state(dataset)
        done = as_nobody(home, *command("status", "--config", dataset / "dataset.toml"))
        assert done.returncode == 0, done.stderr
        assert ("to do" in done.stdout) == (records == "without")
        done = as_nobody(home, *command("verify", dataset, "--workers", "2"))
        assert done.returncode == 0, done.stdout + done.stderr
        done = as_nobody(home, *command("report", "--config", dataset))
        assert "writes the report elsewhere" in sentence(done, str(dataset))
        done = as_nobody(home, sys.executable, "-c", READ, dataset)
        assert done.returncode == 0, done.stderr
        assert done.stdout.endswith("True True\n")
        assert state(dataset) == before
    cache = home / ".cache" / "treeoflife"
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert list(cache.glob("view-*/224x224/places/known.json"))


def test_without_a_home_the_cache_goes_with_the_process(dataset: Path, tmp_path: Path) -> None:
    """Its name cannot be foreseen by another user, who could put something there."""
    temporary = tmp_path / "tmp"
    temporary.mkdir(mode=0o777)
    temporary.chmod(0o1777)
    env = os.environ | {"HOME": "/proc/nowhere", "TMPDIR": str(temporary)}
    words = [sys.executable, "-c", READ, str(dataset)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=env, user=NOBODY, group=NOBODY)
    assert done.returncode == 0, done.stderr
    assert not list(temporary.iterdir())


def test_a_cache_of_somebody_else_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as one that was put there beforehand."""
    theirs = tmp_path / "cache" / "treeoflife"
    theirs.mkdir(parents=True)
    os.chown(theirs, NOBODY, NOBODY)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda path, _: "out" not in str(path))
    paths = Paths(tmp_path / "out", Images())
    assert not cache_folder(paths).is_relative_to(theirs)
    os.chown(theirs, os.getuid(), os.getgid())
    assert cache_folder(paths).is_relative_to(theirs)


def test_two_datasets_of_one_name_have_two_caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And one has the same by every path that leads to it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(os, "access", lambda path, _: "out" not in str(path))
    for name in ("a", "b"):
        (tmp_path / name / "out").mkdir(parents=True)
    (tmp_path / "c").symlink_to(tmp_path / "a")
    a, b, c = (cache_folder(Paths(tmp_path / name / "out", Images())) for name in "abc")
    assert a == c != b


def test_a_reader_never_sees_half_of_a_view(build_copy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is made anew, what was there stays; whoever has it open keeps it."""
    paths = Paths(build_copy, Images())
    opened = locations.load_locations(paths)
    folder, before = cache_folder(paths) / "places", len(opened)
    with pytest.raises(ZeroDivisionError), replacing_folder(folder) as new:
        (new / "known.json").write_text("half" * (1 // 0))
    assert len(locations.load_locations(paths)) == before
    with replacing_folder(folder) as new, replacing_folder(folder) as other:
        (new / "known.json").write_text('{"known": "new"}')
        (other / "known.json").write_text('{"known": "other"}')
    assert locations.recorded_fingerprint(folder) == "new"
    assert {path.name for path in folder.parent.iterdir()} <= {
        "places",
        "tree",
    }  # the tree's, where a test looked at it
    assert int(opened.offset[0]) > 0
    assert len(locations.load_locations(paths)) == before
