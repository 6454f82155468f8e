"""The public API: its names, and the examples of docs/reference/python.md."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from pathlib import Path

import pytest

import treeoflife
from helpers import ROOT, configured
from treeoflife.testing.world import draw_world

NAMES = [
    "Dataset", "Sample", "Taxon", "build", "diff", "errors", "leaks", "match_names", "open", "status", "taxa", "verify",
]  # fmt: skip


def test_the_public_api_is_these_names_and_no_others() -> None:
    assert sorted(treeoflife.__all__) == NAMES
    assert dir(treeoflife) == sorted([*NAMES, "__version__"])
    for name in NAMES:
        assert getattr(treeoflife, name).__doc__
    with pytest.raises(AttributeError, match="reader"):
        treeoflife.reader  # noqa: B018


def test_importing_the_package_imports_no_other_package() -> None:
    code = "import sys; before = {*sys.modules}; import treeoflife; print(*({*sys.modules} - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    packages = {name.partition(".")[0] for name in done.stdout.split()}
    assert packages - sys.stdlib_module_names == {"treeoflife"}


def test_the_examples_of_the_python_page_are_right(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw_world(tmp_path / "demo/world", natural=True)
    configured(tmp_path / "demo/dataset", "original", tmp_path / "demo/world")
    monkeypatch.chdir(tmp_path)
    page = ROOT / "docs/reference/python.md"
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    assert {language for language, _ in blocks} == {"pycon"}
    examples = doctest.DocTestParser().get_doctest("".join(code for _, code in blocks), {}, page.name, str(page), 0)
    results: list[str] = []
    doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(examples, out=results.append)
    assert not results, "".join(results)
    assert len(examples.examples) > 20
