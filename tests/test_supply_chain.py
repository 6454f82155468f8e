"""The supply chain: locks, bills of materials, a core that needs no extra; and the promises, each with its tests."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import tomllib
import venv
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from helpers import ROOT, built, configured
from treeoflife.testing.world import draw_world

LOCKS = ("core", "dev", "docs", "image", "trainers", "open_clip", "dist", "uv")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
CORE = {Requirement(one).name for one in PROJECT["project"]["dependencies"]}
EXTRAS = {Requirement(one).name for some in PROJECT["project"]["optional-dependencies"].values() for one in some} - CORE
"""What extras bring."""


def lock(name: str) -> dict[str, list[str]]:
    """The packages of a lock, with all versions of each."""
    found: dict[str, list[str]] = {}
    for package, version in re.findall(r"(?m)^([a-z0-9][a-z0-9._-]*)==([^ ;]+)", text(name)):
        found.setdefault(package, []).append(version)
    return found


def text(name: str) -> str:
    return (ROOT / f"requirements/{name}.txt").read_text()


def bill_writer() -> ModuleType:
    spec = importlib.util.spec_from_file_location("bill", ROOT / "requirements/bill.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", LOCKS)
def test_every_package_of_a_lock_has_a_hash_and_stands_in_its_bill(name: str) -> None:
    """And neither says where files come from."""
    entries = re.split(r"(?m)^(?=[a-z0-9])", text(name))[1:]
    assert len(entries) > (0 if name in {"open_clip", "uv"} else 20)
    assert all("--hash=sha256:" in one for one in entries)
    written = (ROOT / f"requirements/{name}.cdx.json").read_text()
    assert written == bill_writer().rendered(ROOT / f"requirements/{name}.txt")
    bill = json.loads(written)
    told = [f"{one['name']}=={one['version']}" for one in bill["components"]]
    assert told == [f"{package}=={one}" for package, versions in lock(name).items() for one in versions]
    assert "://" not in written + text(name)


def test_the_locks_hold_what_the_project_asks_for() -> None:
    """Every dependency, extra and group, within its range; the versions of the core are those of the tests."""
    core, every, docs, image, trainers = map(lock, ("core", "dev", "docs", "image", "trainers"))
    extras = [one for some in PROJECT["project"]["optional-dependencies"].values() for one in some]
    groups = PROJECT["dependency-groups"]
    asked = (PROJECT["project"]["dependencies"], [*extras, *groups["dev"], *groups["see"]], groups["docs"])
    for wanted, there in zip(asked, (core, every, docs), strict=True):
        for one in map(Requirement, wanted):
            assert all(one.specifier.contains(version) for version in there[canonicalize_name(one.name)]), one
    assert core.items() <= image.items() <= every.items()
    assert core.items() <= trainers.items()
    assert not {canonicalize_name(one) for one in EXTRAS} & core.keys()


def test_the_main_job_imports_nothing_of_the_extras(tmp_path: Path) -> None:
    """A build in which importing any package beyond the core is an error, in the driver and its workers."""
    beyond = {
        "httpx",
        "huggingface_hub",
        "indexed_gzip",
        "matplotlib",
        "plotly",
        "ray",
        "squarify",
        "starlette",
    }
    beyond |= {"submitit", "uvicorn", "scipy", "pandas", "requests"}
    (tmp_path / "sitecustomize.py").write_text(
        f"import sys\nsys.modules.update(dict.fromkeys({sorted(beyond)!r}))\n"  # None: importing it is an error
    )
    draw_world(tmp_path / "world", 30, natural=True)
    config = configured(tmp_path / "out", "original", tmp_path / "world")
    probe = subprocess.run([sys.executable, "-c", "import ray"], env={"PYTHONPATH": str(tmp_path)}, capture_output=True)
    assert probe.returncode == 1
    built(config, PYTHONPATH=str(tmp_path))


@pytest.mark.slow
def test_the_core_installs_by_its_lock_and_builds(tmp_path: Path) -> None:
    """A fresh environment, the core's lock and nothing else: the demonstration is built and verified."""
    venv.create(tmp_path / "venv", with_pip=True)
    run = tmp_path / "venv/bin"
    for words in (["--require-hashes", "-r", "requirements/core.txt"], ["--no-deps", "--no-build-isolation", "."]):
        subprocess.run([run / "python", "-m", "pip", "install", "-q", *words], cwd=ROOT, check=True)
    subprocess.run([run / "treeoflife", "demo", tmp_path / "demo"], check=True, capture_output=True)
    done = subprocess.run([run / "treeoflife", "verify", tmp_path / "demo/dataset"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_every_promise_names_tests_that_exist() -> None:
    """And every row of the table has one."""
    promised = (ROOT / "docs/guarantees.md").read_text().partition("## Not promised")[0]
    lines = promised.splitlines()
    headers = {number + offset for number, line in enumerate(lines) if line.startswith("|---") for offset in (-1, 0)}
    rows = [line for number, line in enumerate(lines) if line.startswith("|") and number not in headers]
    for row in rows:
        named = re.findall(r"`(tests/[^`]+\.py)::(test_\w+)`", row)
        assert named, row
        for path, name in named:
            assert re.search(rf"(?m)^def {name}\(", (ROOT / path).read_text()), f"{path} has no {name}"
