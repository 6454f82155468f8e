"""The explore page and the report over millions of synthetic rows: first page, search, filters, sorting, memory.

python benchmarks/explore.py [--rows 10000000] [--taxa 450000] [--keep FOLDER] [--only explore|report|browser]

``--only browser`` opens the page in Chromium, with Playwright, at three widths.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import numpy as np
import polars as pl

from treeoflife.core.values import RANKS

PER_SHARD = 10_000
SYLLABLES = (
    "ar bo cal den eu fil gra hi io ju kal lu mor no oph pla qui ros sal ter ur ven xan yp zos ba cre dro".split()
)
FANS = (12, 8, 7, 8, 12, 7)


def word(rng: random.Random, ending: str) -> str:
    return "".join(rng.choice(SYLLABLES) for _ in range(rng.randint(2, 4))).capitalize() + ending


def lineages(count: int, rng: random.Random) -> pl.DataFrame:
    """Lineages with about as many children per taxon as life has."""
    rows: list[list[str]] = [[]]
    for fan, ending in zip((5, *FANS[1:]), ("ia", "a", "ida", "ales", "idae", "us"), strict=True):
        rows = [[*row, word(rng, ending)] for row in rows for _ in range(rng.randint(1, 2 * fan - 1))]
    genera = rows[:]
    full = [[*genera[at % len(genera)], word(rng, "is").lower()] for at in range(count)]
    common = [
        " ".join(word(rng, "").lower() for _ in range(2)) if rng.random() < 0.4 else f"{row[5]} {row[6]}"
        for row in full
    ]
    return pl.DataFrame(full, schema=list(RANKS), orient="row").with_columns(common=pl.Series(common))


def draw(out: Path, rows: int, taxa: int) -> None:
    """A dataset of indexes, whose shards are holes."""
    rng, dice = random.Random(3), np.random.default_rng(3)
    table = lineages(taxa, rng)
    catalogs = []
    for number in range(-(-rows // PER_SHARD)):
        picks = np.minimum((dice.pareto(0.6, PER_SHARD) * 20).astype(np.int64), 10**12) % taxa
        ids = [
            f"{a:016x}{b:016x}"
            for a, b in zip(dice.integers(0, 2**63, PER_SHARD), dice.integers(0, 2**63, PER_SHARD), strict=True)
        ]
        source = pl.Series(["eol", "inat21", "bioscan"])[dice.choice(3, PER_SHARD, p=[0.66, 0.25, 0.09])]
        frame = table[picks].with_columns(
            treeoflife_id=pl.Series([f"{i[:8]}-{i[8:12]}-{i[12:16]}-{i[16:20]}-{i[20:]}" for i in ids]), source=source,
            offset=pl.Series(np.arange(PER_SHARD) * 60_000 + 512), size=pl.Series(np.full(PER_SHARD, 40_000), dtype=pl.UInt32),  # noqa: E501
        )  # fmt: skip
        split = "val" if number % 20 == 0 else "train"
        index = out / f"index/224x224/{split}/shard-{number:06d}.parquet"
        shard = out / f"224x224/{split}/shard-{number:06d}.tar"
        for path in (index, shard):
            path.parent.mkdir(parents=True, exist_ok=True)
        frame.write_parquet(index)
        with shard.open("wb") as fd:
            fd.truncate(PER_SHARD * 60_000)
        key = pl.Series(np.arange(PER_SHARD) + number * PER_SHARD)
        catalogs.append(frame.drop("offset", "size", "source").with_columns(split=pl.lit(split), eol_content_id=key))
    for split in ("train", "val"):  # numbered as list_shards counts them
        for kind, folder in (("parquet", out / "index/224x224"), ("tar", out / "224x224")):
            for number, path in enumerate(sorted((folder / split).glob(f"*.{kind}"))):
                path.rename(path.with_name(f"shard-{number:06d}.{kind}"))
    catalog = pl.concat(catalogs)
    catalog.write_parquet(out / "catalog.parquet")
    scores = catalog.select("treeoflife_id", doubt=pl.Series(dice.random(catalog.height, dtype=np.float32)))
    (out / "scores").mkdir()
    scores.sort("treeoflife_id").write_parquet(out / "scores/model.parquet")


def ask(port: int, path: str) -> tuple[float, dict[str, object]]:
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", path)
    value = json.loads(connection.getresponse().read())
    return time.perf_counter() - began, value


def memory(process: int) -> dict[str, int]:
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return {
        line.split()[0]: int(line.split()[1]) // 1000
        for line in lines
        if line.startswith(("VmRSS", "RssAnon", "VmHWM"))
    }


def serve(out: Path) -> tuple[subprocess.Popen[str], int, float]:
    began = time.perf_counter()
    command = [sys.executable, "-c", "from treeoflife.cli import main; main()", "explore", str(out), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout
    port = int(server.stdout.readline().rstrip("/\n").rpartition(":")[2])
    ask(port, "/api/facets")
    ask(port, "/api/node")
    ask(port, "/api/rows?limit=120")
    return server, port, time.perf_counter() - began


def explore(out: Path) -> None:
    server, _, took = serve(out)
    print(f"prepared and first page  {took:8.1f} s   {memory(server.pid)} MB")
    server.terminate()
    server, port, took = serve(out)
    print(f"started and first page   {took:8.2f} s   {memory(server.pid)} MB")
    again = sum(ask(port, path)[0] for path in ("/api/facets", "/api/node", "/api/rows?limit=120"))
    print(f"first page, when running {again:8.3f} s   (budget 1)")
    rng = random.Random(5)
    names = pl.read_parquet(out / ".view/224x224/tree/names.parquet")["text"].sample(200, seed=1).to_list()
    typos = [mistyped(name, rng) for name in names]
    answers = [ask(port, f"/api/search?q={quote(typo)}") for typo in typos]
    times = sorted(took for took, _ in answers)
    right = sum(
        name in [one["text"] for one in found["found"]] for name, (_, found) in zip(names, answers, strict=True)
    )  # type: ignore[attr-defined]
    print(
        f"search, median           {statistics.median(times):8.3f} s   (budget 0.3; slowest {times[-1]:.3f}; {right} of 200 typos found what was meant)"  # noqa: E501
    )
    chosen = "split=val&source=eol&source=inat21"
    first, _ = ask(port, f"/api/node?{chosen}")
    then, _ = ask(port, f"/api/rows?{chosen}&offset=10000&limit=120")
    print(f"a new filter             {first:8.3f} s   then rows from the 10,000th on {then:.3f} s")
    times = [ask(port, f"/api/rows?{one}&limit=120")[0] for one in sorted_selections()]
    print(f"a sorted selection       {statistics.median(times):8.3f} s   (budget 0.3; slowest {max(times):.3f})")
    print(f"memory after all         {memory(server.pid)} MB (budget 1500)")
    server.terminate()


def sorted_selections() -> list[str]:
    """Selections that no cache has: of all, of a filter, of a range, each by a score, both ways."""
    return [
        f"sort={way}model.doubt{more}"
        for more in ("", "&split=val", "&source=eol", "&range=model.doubt:0.25:0.5", "&split=train&source=inat21")
        for way in ("", "-")
    ]


def browse(out: Path) -> None:
    """The time in Chromium from opening the page, and from choosing an order, until images are there."""
    from playwright.sync_api import sync_playwright

    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    server, port, _ = serve(out)
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=shutil.which("chromium"), args=options)
        for width in (390, 700, 1440):
            page = chromium.new_page(viewport={"width": width, "height": 900})
            began = time.perf_counter()
            page.goto(f"http://127.0.0.1:{port}/")
            page.locator(".cell").first.wait_for()
            opened, began = time.perf_counter() - began, time.perf_counter()
            page.select_option("#sort", "-model.doubt")
            page.locator(".cell span", has_text=" · ").first.wait_for()
            took = time.perf_counter() - began
            print(f"{width:4} px: first page {opened:6.2f} s (budget 1), sorted {took:6.2f} s (budget 0.3)")
            page.close()
    server.terminate()


def mistyped(name: str, rng: random.Random) -> str:
    at = rng.randrange(1, max(2, len(name) - 1))
    return rng.choice(
        (
            name[:at] + name[at + 1 :],
            name[:at] + rng.choice("aeiou") + name[at + 1 :],
            name[: at - 1] + name[at : at + 1] + name[at - 1 : at] + name[at + 1 :],
        )
    )


def report(out: Path) -> None:
    began = time.perf_counter()
    command = [
        sys.executable,
        "-c",
        "from treeoflife.cli import main; main()",
        "report",
        str(out / "catalog.parquet"),
        "--out",
        str(out / "reports"),
    ]
    subprocess.run(command, check=True, capture_output=True)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1000
    print(
        f"report                   {time.perf_counter() - began:8.1f} s   (budget 120), peak of all so far {peak} MB (budget 4000)"  # noqa: E501
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--taxa", type=int, default=450_000)
    parser.add_argument("--keep", type=Path)
    parser.add_argument("--only", choices=("explore", "report", "browser"))
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        out = asked.keep or Path(folder)
        if not (out / "catalog.parquet").exists():
            draw(out, asked.rows, asked.taxa)
        print(f"{asked.rows:,} rows, {asked.taxa:,} lineages")
        for kind, measure in {"report": report, "explore": explore, "browser": browse}.items():
            if asked.only in (kind, None):
                measure(out)


if __name__ == "__main__":
    main()
