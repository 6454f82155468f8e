"""What users install: the wheel and the source distribution, the environment of conda, the container, the citation."""

from __future__ import annotations

import importlib
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement

import treeoflife
from helpers import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CONDA_NAMES = {"duckdb": "python-duckdb", "isal": "python-isal"}
"""The names that conda-forge gives packages, where they are not those of PyPI."""


def distributions(checkout: Path, folder: Path) -> tuple[Path, Path]:
    """The source distribution and the wheel of a checkout."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-t", "wheel", "-d", folder]
    subprocess.run(command, cwd=checkout, check=True, capture_output=True)
    return next(folder.glob("*.tar.gz")), next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return distributions(ROOT, tmp_path_factory.mktemp("dist"))


def test_the_wheel_holds_every_file_of_the_package_and_nothing_else(built: tuple[Path, Path]) -> None:
    package = ROOT / "src/treeoflife"
    files = {f"treeoflife/{path.relative_to(package).as_posix()}" for path in package.rglob("*") if path.is_file()}
    with zipfile.ZipFile(built[1]) as wheel:
        names = wheel.namelist()
        for name in names:
            if name.startswith("treeoflife/"):
                assert wheel.read(name) == (ROOT / "src" / name).read_bytes(), name
    about = f"treeoflife-{treeoflife.__version__}.dist-info/"
    assert len(names) == len(set(names))
    assert {name for name in names if not name.startswith(about)} == {
        name for name in files if "__pycache__" not in name
    }
    assert {name.removeprefix(about) for name in names if name.startswith(about)} == {
        "METADATA", "RECORD", "WHEEL", "entry_points.txt", "licenses/LICENSE",
    }  # fmt: skip


def test_the_source_distribution_builds_the_same_wheel_whatever_the_times_of_its_files(
    built: tuple[Path, Path], tmp_path: Path
) -> None:
    with tarfile.open(built[0]) as archive:
        archive.extractall(tmp_path, filter="data")
    checkout = next(tmp_path.iterdir())
    for path in checkout.rglob("*"):
        path.touch()
    (checkout / "notes.txt").write_text("of the user")
    shutil.rmtree(checkout / "src/treeoflife/__pycache__", ignore_errors=True)
    again = distributions(checkout, tmp_path / "again")
    assert again[1].read_bytes() == built[1].read_bytes()
    assert again[0].read_bytes() == built[0].read_bytes()


def test_the_entry_points_of_the_package_lead_to_what_is_there() -> None:
    points = {**PROJECT["project"]["scripts"], **PROJECT["project"]["entry-points"]["treeoflife.sources"]}
    for point in points.values():
        module, _, name = point.partition(":")
        assert hasattr(importlib.import_module(module), name)
    assert PROJECT["project"]["version"] == treeoflife.__version__


def test_the_environment_of_conda_asks_for_what_the_package_asks_for() -> None:
    """The same ranges, and the packages that conda-forge lacks from pip."""
    text = (ROOT / "environment.yml").read_text(encoding="utf-8")
    *lines, last = yaml.safe_load(text)["dependencies"]
    assert last["pip"][-1] == "."
    wanted = {str(Requirement(one)) for one in PROJECT["project"]["dependencies"]}
    wanted |= {f"python{PROJECT['project']['requires-python']}", "pip"}
    pypi_names = {conda: name for name, conda in CONDA_NAMES.items()}
    stated = {re.sub(r"^[\w-]+", lambda found: pypi_names.get(found[0], found[0]), line) for line in lines}
    assert {str(Requirement(one)) for one in (*stated, *last["pip"][:-1])} == wanted


def test_the_container_is_built_from_files_that_its_context_holds() -> None:
    """.dockerignore leaves out all that it does not name."""
    recipe = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    context = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    copied = [word for line in re.findall(r"(?m)^COPY (?!--from)(.+) \S+$", recipe) for word in line.split()]
    assert copied
    assert context[0] == "*"
    assert sorted(f"!{name}" for name in copied) == sorted(line for line in context if line.startswith("!"))
    assert all((ROOT / name).exists() for name in copied)
    default = re.search(r"(?m)^ARG PYTHON=(.+)$", recipe)
    assert default
    assert f"Programming Language :: Python :: {default[1]}" in PROJECT["project"]["classifiers"]


def test_the_citation_says_what_the_package_says() -> None:
    citation: dict[str, Any] = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()
    assert (citation["version"], citation["license"]) == (treeoflife.__version__, PROJECT["project"]["license"])
    assert citation["keywords"] == PROJECT["project"]["keywords"]
    assert all(one["authors"] and one["title"] and one["type"] for one in citation["references"])
