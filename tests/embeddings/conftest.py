"""A real network for tests of embeddings: EfficientNet-Lite0 with its weights of ImageNet."""

from __future__ import annotations

import re
import subprocess
import tomllib
import venv
from pathlib import Path

import pytest

from helpers import ROOT

EXPORT = ROOT / "tools/export_efficientnet.py"


@pytest.fixture(scope="session")
def efficientnet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its ONNX file, exported once in an environment of its own, which takes minutes; pytest's cache keeps it."""
    pytest.importorskip("onnxruntime", reason="pip install 'treeoflife[embed]'")
    assert request.config.cache
    path = request.config.cache.mkdir("efficientnet") / "efficientnet-lite0.onnx"
    if not path.is_file():
        environment = tmp_path_factory.mktemp("torch") / "venv"
        venv.create(environment, with_pip=True)
        python = environment / "bin/python"
        subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements(EXPORT)], check=True)
        subprocess.run([python, EXPORT, path.with_suffix(".new")], check=True)
        path.with_suffix(".new").rename(path)
    return path


def requirements(script: Path) -> list[str]:
    """The packages that a script names in its first lines, as packaging.python.org has inline script metadata."""
    block = re.search(r"(?ms)^# /// script$\n(.*?)^# ///$", script.read_text())
    assert block
    text = "".join(line.removeprefix("#").removeprefix(" ") + "\n" for line in block[1].splitlines())
    return list(tomllib.loads(text)["dependencies"])
