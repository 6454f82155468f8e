"""What keeps the code easy to find one's way in: few things at the top, short chains of imports, few parameters.

The layers themselves are held by import-linter (``make lint``).
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from pathlib import Path

import pytest

from helpers import ROOT

DOCUMENTED = {"_exit", "_replace"}
"""Names of the standard library that begin with an underscore and are public all the same."""
PACKAGE = ROOT / "src" / "treeoflife"
_spec = importlib.util.spec_from_file_location("structure", ROOT / "benchmarks" / "structure.py")
assert _spec
assert _spec.loader
structure = importlib.util.module_from_spec(_spec)
sys.modules["structure"] = structure
_spec.loader.exec_module(structure)


def test_at_most_eighteen_things_are_at_the_top() -> None:
    assert len(structure.entries(PACKAGE)) <= 18


def test_no_chain_of_imports_is_longer_than_ten_modules() -> None:
    chain = structure.longest_chain(PACKAGE)
    assert len(chain) <= 10, chain


def test_no_function_has_more_than_eight_parameters() -> None:
    crowded = {
        f"{path.relative_to(PACKAGE)}:{function.name}": count
        for path, function in structure.functions(PACKAGE)
        if (count := structure.parameters(function)) > 8
    }
    assert not crowded


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_private_attributes_stay_in_their_module(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = [*ast.walk(tree)]
    own = {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    own |= {node.id for node in nodes if isinstance(node, ast.Name)}
    used = [node for node in nodes if isinstance(node, ast.Attribute) and node.attr.startswith("_")]
    own |= {node.attr for node in used if isinstance(node.ctx, ast.Store)}
    foreign = [f"{node.lineno}: {ast.unparse(node)}" for node in used if not node.attr.startswith("__")
               and node.attr not in own | DOCUMENTED]  # fmt: skip
    imported = [node for node in nodes if isinstance(node, ast.ImportFrom)]
    foreign += [
        f"{node.lineno}: {one.name}"
        for node in imported
        for one in node.names
        if one.name.startswith("_")
        and not one.name.startswith("__")
        and (node.level or (node.module or "").startswith("treeoflife"))
    ]
    assert not foreign


OWN_TABLES = {"explore/index_builder.py", "reports/statistics.py", "shards/reader.py"}
"""Modules that read CSV which this program wrote: licences.csv and the catalog of a dataset."""
TEXT_READERS = {
    "core/delimited_stream.py", "core/text_tables.py", "core/text_records.py", "download/eol_manifest.py",
    "selection/holdout.py",
}  # fmt: skip
"""Modules that check every row of a text that somebody else wrote; a hold-out list is read line by line."""


def test_texts_of_others_are_read_by_the_modules_that_lose_no_row() -> None:
    """Polars' readers and Python's csv drop rows without a word, each in its own way."""
    lenient = {"read_csv", "scan_csv", "read_csv_batched", "reader", "DictReader"}
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in lenient
        and isinstance(node.value, ast.Name) and node.value.id in {"csv", "pl", "polars"}
    }  # fmt: skip
    assert users <= OWN_TABLES | TEXT_READERS


def test_no_table_is_opened_by_a_pattern() -> None:
    """Polars takes brackets, stars and question marks in a path for a pattern, unless it is told not to."""
    readers = {"read_parquet", "scan_parquet", "read_csv", "scan_csv", "read_parquet_schema"}
    bare = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in readers
        and not any(keyword.arg == "glob" for keyword in node.keywords)
    ]  # fmt: skip
    assert not bare


def test_json_and_toml_are_read_by_one_module() -> None:
    """Python's own readers recurse once per bracket, and take a key twice, ``NaN`` and halves of surrogate pairs."""
    readers = {f"{module}.{name}" for module in ("json", "tomllib") for name in ("load", "loads")}
    readers |= {f"pl.{name}" for name in ("read_json", "read_ndjson", "scan_ndjson")}
    bare = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
            imported = isinstance(node, ast.ImportFrom) and node.module in ("json", "tomllib")
            if (called in readers or called.endswith(".json_decode") or imported) and path.name != "json_reader.py":
                bare.append(f"{path.relative_to(PACKAGE)}:{node.lineno}")
    assert not bare


def _is_text_without_encoding(call: ast.Call) -> bool:
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if "encoding" in given:
        return False
    if isinstance(given.get("text"), ast.Constant):  # of a process
        return given["text"].value is True
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ""
    modes = [one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    as_text = name == "open" and bool(modes) and set(modes[0]) <= set("rwaxt+")
    return as_text or name in ("read_text", "write_text")


def test_text_is_read_and_written_in_a_named_encoding() -> None:
    """Not in that of the locale: ruff's PLW1514 sees only files whose type it can tell, and no processes."""
    found = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and _is_text_without_encoding(node)
    ]
    assert not found
