"""The structure of the code in numbers: entries, import depth, function lengths, parameters, comments, docstrings.

python benchmarks/structure.py [FOLDER]     # the folder of the package, by default src/treeoflife
"""

from __future__ import annotations

import ast
import io
import re
import statistics
import sys
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

Function = ast.FunctionDef | ast.AsyncFunctionDef
PRAGMA = re.compile(r"#\s*(?:noqa|type:|fmt:|pragma|mypy:)")


def entries(package: Path) -> list[str]:
    """The modules and packages at the top, without ``__init__``, ``__main__`` and ``py.typed``."""
    names = [path.name for path in package.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()]
    return sorted(name for name in names if not name.startswith("__"))


def modules(package: Path) -> dict[str, Path]:
    """Every module of a package by its dotted name."""
    names = {}
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        names[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return names


def imports(name: str, path: Path, known: set[str]) -> set[str]:
    """The modules of the package that a module imports when it is imported itself."""
    imported: set[str] = set()
    parent = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = parent[: len(parent) - node.level + 1] if node.level else []
            module = ".".join([*base, *(node.module.split(".") if node.module else [])])
            members = {f"{module}.{alias.name}" for alias in node.names}
            # What is no module is a name in one.
            imported |= {member if member in known else module for member in members}
    return (imported & known) - {name}


def longest_chain(package: Path) -> list[str]:
    """The longest chain of modules of which each imports the next at its top."""
    files = modules(package)
    graph = {name: imports(name, path, set(files)) for name, path in files.items()}

    @cache
    def chain(name: str) -> tuple[str, ...]:
        return (name, *max((chain(other) for other in graph[name]), key=len, default=()))

    return list(max(map(chain, graph), key=len))


def functions(package: Path) -> Iterator[tuple[Path, Function]]:
    """Every function and method."""
    for path in modules(package).values():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                yield path, node


def body_lines(function: Function, source: list[str]) -> int:
    """The lines of a function without its docstring, blank lines and comments."""
    first = function.body[0]
    has_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    skipped = range(first.lineno, (first.end_lineno or 0) + 1) if has_docstring else range(0)
    lines = range(function.lineno, (function.end_lineno or 0) + 1)
    return sum(1 for line in lines if line not in skipped and source[line - 1].strip(" ")[:1] not in ("", "#"))


def parameters(function: Function) -> int:
    """How many parameters a function has, without ``self`` and ``cls``."""
    given = function.args
    names = [one.arg for one in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return sum(name not in ("self", "cls") for name in names) + bool(given.vararg) + bool(given.kwarg)


def comment_lines(source: str) -> int:
    """The comments that say something to people: no pragmas."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return sum(token.type == tokenize.COMMENT and not PRAGMA.match(token.string) for token in tokens)


def code_lines(source: str) -> int:
    """Lines that are neither blank, nor comments, nor within docstrings."""
    lines = source.split("\n")
    texts: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            texts |= set(range(node.lineno, (node.end_lineno or 0) + 1))
    return sum(1 for number, line in enumerate(lines, 1) if number not in texts and line.strip()[:1] not in ("", "#"))


def public_docstrings(package: Path) -> tuple[int, int]:
    """How many public modules, classes, functions and methods have a docstring, and how many there are."""
    documented = total = 0
    for path in modules(package).values():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and not node.name.startswith("_")]
        nodes: list[ast.AST] = [tree, *classes]
        for scope in (tree, *classes):
            nodes += [node for node in scope.body if isinstance(node, Function) and not node.name.startswith("_")]
        total += len(nodes)
        documented += sum(ast.get_docstring(node) is not None for node in nodes)  # type: ignore[arg-type]
    return documented, total


def measure(package: Path) -> dict[str, str]:
    """The numbers, ready to print."""
    sources = {path: path.read_text(encoding="utf-8") for path in modules(package).values()}
    every = [(function, sources[path].split("\n")) for path, function in functions(package)]
    lengths = sorted(body_lines(*one) for one in every)
    counts = sorted(parameters(function) for function, _ in every)
    comments, code = sum(map(comment_lines, sources.values())), sum(map(code_lines, sources.values()))
    documented, public = public_docstrings(package)
    return {
        "entries": str(len(entries(package))),
        "modules in the longest chain of imports": str(len(longest_chain(package))),
        "lines of Python": f"{sum(source.count(chr(10)) for source in sources.values()):,}",
        "lines of code": f"{code:,}",
        "function lines, median and 90 %": f"{statistics.median(lengths):g}, {lengths[len(lengths) * 9 // 10]}",
        "functions over 50 lines": str(sum(length > 50 for length in lengths)),
        "parameters, 90 % and most": f"{counts[len(counts) * 9 // 10]}, {counts[-1]}",
        "comments that are no pragmas": f"{comments}, one in {code / max(1, comments):.0f} lines of code",
        "public docstrings": f"{documented} of {public}",
    }


def main() -> None:
    """Print the numbers."""
    package = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[1] / "src" / "treeoflife"
    for name, value in measure(package).items():
        print(f"{name:<42} {value}")


if __name__ == "__main__":
    main()
