"""All measurements, written to RESULTS.md with the machine and the commit, and drawn in results.svg: ``make bench``.

    make bench                               # about 20 minutes on two quiet cores
    make bench ROWS="1000000 10000000"       # the tables at ten million rows too: 3 minutes more
    make bench RAW=WORLD/raw                 # images of your own, in the providers' layouts, in place of drawn ones
    make bench PARTS="startup rows"          # some of it; the other tables stay as they are

img2dataset is measured where nginx is there, in an environment of its own.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import world
from table import KEPT, shown

HERE = Path(__file__).parent
RESULTS, KEPT_HERE, CHART = HERE / "RESULTS.md", HERE / "results.json", HERE / "results.svg"
IMAGES = int(os.environ.get("IMAGES", "4000"))


PARTS: dict[str, Callable[[], list[str]]] = {
    "startup": lambda: ["startup.py"],
    "images": lambda: ["images.py", str(raw()), *given("IMAGES_OPTIONS"), *img2dataset()],
    "scaling": lambda: ["scaling.py", str(raw()), *(given("WORKERS") or widths())],
    "parts": lambda: ["parts.py"],
    "memory": lambda: ["memory.py"],
    "causes": lambda: ["causes.py", *given("CAUSES")],
    "rows": lambda: ["rows.py", *given("ROWS")],
}
"""The measurements by name, each as the words of its command."""


def given(name: str) -> list[str]:
    """The words of a variable."""
    return os.environ.get(name, "").split()


def widths() -> list[str]:
    """1, 2, 4, … workers, up to two for each core."""
    return [str(1 << power) for power in range((2 * (os.cpu_count() or 1)).bit_length())]


def raw() -> Path:
    """The raw images: those that are given, or drawn ones."""
    if os.environ.get("RAW"):
        return Path(os.environ["RAW"])
    folder = Path(tempfile.gettempdir()) / f"treeoflife-bench-{IMAGES}"
    if not (folder / "done").exists():
        world.draw_real(folder, IMAGES)
        (folder / "done").touch()
    return folder


def img2dataset() -> list[str]:
    """The words that have img2dataset measured, where ``make bench`` could install it."""
    python = os.environ.get("IMG2DATASET", "")
    if not python or not Path(python).exists():
        return []
    there = "import importlib.util, sys; sys.exit(importlib.util.find_spec('img2dataset') is None)"
    return [] if subprocess.run([python, "-c", there], check=False).returncode else ["--img2dataset", python]


def measure(names: list[str]) -> list[dict[str, Any]]:
    """Run measurements; returns their tables, each with its part and command."""
    found = []
    for name in names:
        words = PARTS[name]()
        print(f"\n== {name}", flush=True)
        with tempfile.NamedTemporaryFile("r", suffix=".jsonl") as kept:
            env = os.environ | {KEPT: kept.name}
            subprocess.run([sys.executable, HERE / words[0], *words[1:]], env=env, check=True)
            tables = [json.loads(line) for line in Path(kept.name).read_text().splitlines()]
        about = {"part": name, "commit": commit(), "load": os.getloadavg()[1]}
        found += [about | table for table in tables]
    return found


def commit() -> str:
    """What was measured."""
    said = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return said.stdout.strip()


def machine() -> dict[str, str]:
    """What it was measured on."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    names = [line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")] if Path("/proc/cpuinfo").exists() else []  # fmt: skip
    return {
        "cores": str(os.cpu_count()),
        "processor": (names or [platform.machine()])[0],
        "memory": f"{memory:.0f} GB",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
    }


def beside(load: float | None) -> str:
    """How busy the machine was, where it was noted."""
    return "on a busy machine" if load is None else f"with a load of {load:.1f} in the end"


def markdown(on: dict[str, str], tables: list[dict[str, Any]]) -> str:
    """The page of results."""
    lines = [
        "# Results",
        "",
        "Written by `make bench` (`benchmarks/run.py`); `benchmarks/results.json` has the figures.",
        "",
    ]
    lines += [
        "![cost by size](results.svg)",
        "",
        "| | |",
        "|---|---|",
        *(f"| {key} | {value} |" for key, value in on.items()),
    ]
    for table in tables:
        head = list(table["rows"][0])
        lines += [
            "",
            f"## {table['title']}",
            "",
            f"`{table['part']}` at {table['commit']}, {beside(table['load'])}.",
            "",
        ]
        lines += ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
        lines += ["| " + " | ".join(shown(row[name]) for name in head) + " |" for row in table["rows"]]
    return "\n".join(lines) + "\n"


def chart(path: Path, tables: list[dict[str, Any]]) -> None:
    """Cost of an image beside the limit, and of a row by size."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "treeoflife"
    from matplotlib import pyplot as plt

    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    for table in tables:
        rows = table["rows"]
        if table["title"].startswith("Raw images"):
            left.barh([row[""] for row in rows][::-1], [row["to the loop"] for row in rows][::-1], color="teal")
            left.axvline(1.25, color="black", linewidth=0.8, linestyle=":")
        if table["title"].startswith("Memory"):
            sizes = [row["images"] for row in rows]
            for column in (name for name in rows[0] if name.endswith(", MB")):
                right.plot(sizes, [row[column] for row in rows], marker="o", label=column.removesuffix(", MB"))
    staged = [table for table in tables if table["title"].startswith("Tables of")]
    for stage in [row["stage"] for row in staged[0]["rows"]] if staged else []:
        points = [(int(table["title"].split()[2].replace(",", "")), row["CPU, µs a row"])
                  for table in staged for row in table["rows"] if row["stage"] == stage]  # fmt: skip
        middle.plot(*zip(*points, strict=True), marker="o", label=stage)
    told = ((left, "time, as a multiple of the bare loop", ""), (middle, "CPU of a row, µs", "rows"),
            (right, "memory of a worker, MB", "images"))  # fmt: skip
    for axes, title, below in told:
        axes.set_title(title, fontsize=10)
        axes.set_xlabel(below)
        axes.spines[["top", "right"]].set_visible(False)
    for axes in (middle, right):
        axes.set_xscale("log")
        axes.set_ylim(bottom=0)
        axes.legend(frameon=False, fontsize=8) if axes.lines else None
    for axes in (left, middle, right):
        axes.set_visible(axes.has_data())
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    """Measure, and write the page."""
    names = given("PARTS") or list(PARTS)
    before = json.loads(KEPT_HERE.read_text())["tables"] if KEPT_HERE.exists() else []
    tables = [table for table in before if table["part"] not in names] + measure(names)
    on = machine()
    KEPT_HERE.write_text(json.dumps({"machine": on, "tables": tables}, indent=1) + "\n")
    chart(CHART, tables)
    RESULTS.write_text(markdown(on, tables))
    print(f"\n{RESULTS} written")


if __name__ == "__main__":
    main()
