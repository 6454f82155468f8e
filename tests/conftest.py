"""Worlds and builds that many tests look at; who changes one copies it first."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

import tally as tallies
from helpers import SMALL_SHARDS, built, configured, shared_world
from treeoflife.core.database import Database, open_database
from treeoflife.testing.world import World, draw_world

# A shell that starts the tests in the background has Ctrl-C ignored, and programs that they start would inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Print the table of suites that count; and let no example of Hypothesis fail for the time that it takes."""
    hypothesis.settings.register_profile("untimed", deadline=None)
    hypothesis.settings.load_profile("untimed")
    config.pluginmanager.register(tallies.Table(config))


@pytest.fixture(scope="session", autouse=True)
def _folders_of_nobody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The user's cache and kept taxonomies are those of nobody: tests neither see nor change them."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("XDG_CACHE_HOME", "XDG_DATA_HOME"):
            patch.setenv(name, str(tmp_path_factory.mktemp("user")))
        yield


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[tallies.Tally]:
    """What the test counts; it becomes a row of the table."""
    one = tallies.Tally(f"{Path(request.node.path).stem.removeprefix('test_')}: {request.node.name}")
    begun = time.monotonic()
    yield one
    one.seconds = time.monotonic() - begun
    tallies.record(one, request.node)


@pytest.fixture
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database without tables."""
    with open_database(tmp_path_factory.mktemp("database") / "tables") as database:
        yield database


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of the shared world; tests that need it are skipped where it is absent."""
    path = shared_world()
    if path is None:
        pytest.skip("there is no shared world beside the checkout; TREEOFLIFE_WORLD names one")
    return path


@pytest.fixture(scope="session")
def make_world(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a world of real photographs with these arguments; returns its folder."""

    def make(*words: str) -> Path:
        out = tmp_path_factory.mktemp("world")
        subprocess.run([sys.executable, shared / "make_world.py", out, *words], check=True, capture_output=True)
        return out

    return make


@pytest.fixture(scope="session")
def golden_world(shared: Path, make_world: Callable[..., Path]) -> Path:
    """The world that the original scripts' output was made of."""
    return make_world("--images", "300", "--seed", "1", "--published", str(shared / "golden/seed1"))


@pytest.fixture(scope="session")
def golden_build(golden_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """That world's published layout, built; a folder to look at and not to change."""
    out = tmp_path_factory.mktemp("golden")
    built(configured(out, "published", golden_world / "published", max_samples=60))
    return out


@pytest.fixture(scope="session")
def drawn_world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A small drawn world with awkward and broken files and hold-outs."""
    return draw_world(tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="session")
def drawn_build(drawn_world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The drawn world, built into small shards; a folder to look at and not to change."""
    out = tmp_path_factory.mktemp("built")
    built(configured(out, "published", drawn_world.root, max_samples=SMALL_SHARDS))
    return out


@pytest.fixture
def build_copy(drawn_build: Path, tmp_path: Path) -> Path:
    """A copy of the drawn build, to be changed."""
    out = tmp_path / "copy"
    shutil.copytree(drawn_build, out)
    return out
