"""A finished dataset for the programs that train."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from helpers import cli


@pytest.fixture(scope="session")
def training_folder(drawn_build: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a dataset ``OUT``, with its card; programs may put files of their own into it."""
    folder = tmp_path_factory.mktemp("training")
    shutil.copytree(drawn_build, folder / "OUT")
    done = cli("card", "--config", folder / "OUT/dataset.toml")
    assert done.returncode == 0, done.stderr
    return folder
