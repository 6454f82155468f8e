"""Running the programs that train, each in a process of its own."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

OLD_WEBDATASET = Path(sys.prefix, "open_clip")
"""Where ``make test-trainers`` installs the webdataset that open_clip works with."""


def require(*modules: str) -> None:
    """Skip the test unless all of these can be imported; where all must be installed, it fails."""
    for module in modules:
        if find_spec(module.partition(".")[0]):
            continue
        if OLD_WEBDATASET.is_dir() or "CI" in os.environ:
            pytest.fail(f"{module} is not installed")
        pytest.skip(f"{module} is not installed: 'make test-trainers' installs it")


def imported_by(code: str) -> set[str]:
    """The packages that a program imports, but for those of Python itself."""
    names = set[str]()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
    return {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}


def run_in(folder: Path, *command: str | Path, **variables: str) -> str:
    """Run a command in a folder, offline and with the programs of this environment; returns what it prints."""
    env = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HF_HOME": str(folder / ".hf"),
        "HF_HUB_OFFLINE": "1",
        "HOME": str(folder),
        "CUDA_VISIBLE_DEVICES": "",
    }
    done = subprocess.run(command, cwd=folder, env=env | variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def run_python(folder: Path, code: str, **variables: str) -> str:
    """Run a program in a folder if what it imports is installed; returns what it prints."""
    modules = imported_by(code)
    require(*sorted(modules))
    if any(name.partition(".")[0] == "open_clip_train" for name in modules):
        variables |= old_webdataset()
    return run_in(folder, sys.executable, "-c", code, **variables)


def old_webdataset() -> dict[str, str]:
    """The variables with which Python imports the webdataset that open_clip works with."""
    return {"PYTHONPATH": os.pathsep.join([str(OLD_WEBDATASET), *filter(None, [os.environ.get("PYTHONPATH")])])}
