"""Making the report of a dataset, or of any catalog: numbers, treemaps, and last the page that shows them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ..core.files import read_json, write_json, write_text
from ..core.progress import Listener, Silence
from ..core.values import RANKS
from ..selection import findings
from ..shards.reader import Reader
from . import page, statistics, treemap

TREEMAPS = {
    "treemap-from-kingdom": ("kingdom", "Images from kingdom down"),
    "treemap-from-phylum": ("phylum", "Images from phylum down"),
}
_PICTURES = 8


@dataclass(frozen=True)
class Sources:
    """What a report is made from.

    Attributes:
        title: what the dataset is called.
        catalog: its catalog, CSV or Parquet.
        ledger: the ledger; it may be missing.
        indexes: the indexes of shards, for the sizes of originals.
        checks: the reports of checks, such as logs/check-taxa.json; any may be missing.
        licences: licences.csv; it may be missing.
        findings: the folder of what was found about single samples; it may be missing.
        further: more files to link to; those that are missing are left out.
        reader: gives sample images; None shows none.
    """

    title: str
    catalog: Path
    ledger: Path
    indexes: Sequence[Path] = ()
    checks: Sequence[Path] = ()
    licences: Path = Path("licences.csv")
    findings: Path = Path("findings")
    further: Sequence[Path] = ()
    reader: Reader | None = None


def files(folder: Path) -> list[Path]:
    """The files of a report; index.html is written last."""
    maps = [folder / f"{name}.{kind}" for name in TREEMAPS for kind in ("html", "pdf", "png")]
    return [folder / "statistics.json", *maps, folder / "index.html"]


def make(
    folder: Path, sources: Sources, made_from: Mapping[str, Any], listener: Listener | None = None
) -> dict[str, Any]:
    """Write a report; returns its numbers.

    Raises:
        InputError: the catalog cannot be read.
        MissingExtra: a package of the extra ``reports`` is not installed.
    """
    for module in ("squarify", "plotly", "matplotlib"):
        treemap.needed(module)
    listener = listener or Silence()
    listener.start("report", 2 + len(TREEMAPS), "parts")
    (folder / "index.html").unlink(missing_ok=True)
    rows = statistics.count_taxa(statistics.scan(sources.catalog))
    numbers = statistics.statistics(rows) | {
        "originals": statistics.originals(sources.indexes),
        "skipped": statistics.skipped(sources.ledger),
    }
    listener.advance(1)
    images = statistics.once(rows)
    for name, (top, title) in TREEMAPS.items():
        treemap.write_html(folder / f"{name}.html", treemap.tree(images, top, "genus"), title)
        treemap.write_static(
            [folder / f"{name}.pdf", folder / f"{name}.png"], treemap.tree(images, top, "family"), title
        )
        listener.advance(1)
    write_json(folder / "statistics.json", {"from": made_from} | numbers)
    write_text(folder / "index.html", page.render(_content(sources, images, numbers)))
    listener.finish(f"{numbers['images']:,} images, {numbers['taxa']['species']:,} species: {folder / 'index.html'}")
    return numbers


def _content(sources: Sources, images: pl.DataFrame, numbers: Mapping[str, Any]) -> page.Content:
    trees = {
        title: treemap.tree(images, top, "order" if top == "phylum" else "class") for top, title in TREEMAPS.values()
    }
    links = [
        (f"{title} ({kind})", f"{name}.{kind}")
        for name, (_, title) in TREEMAPS.items()
        for kind in ("html", "pdf", "png")
    ]
    links.append(("all numbers", "statistics.json"))
    told = [*sources.checks, *(one.path for one in findings.read(sources.findings)), *sources.further]
    links += [(path.name, f"../{path.parent.name}/{path.name}") for path in told if path.exists()]
    return page.Content(
        sources.title,
        numbers,
        trees,
        _pictures(sources.reader),
        _findings(sources.checks, sources.findings),
        _licences(sources.licences),
        links,
    )


def _pictures(reader: Reader | None) -> dict[str, list[page.Picture]]:
    """A few images of each kingdom, of as many families as there are, by the order of ids: the same every time."""
    if reader is None:
        return {}
    few = (
        reader.scan()
        .select("treeoflife_id", *(pl.col(rank).cast(pl.String).fill_null("") for rank in RANKS))
        .group_by("kingdom", "family").agg(pl.all().sort_by("treeoflife_id").first())
        .sort("kingdom", "treeoflife_id").group_by("kingdom", maintain_order=True).head(_PICTURES).collect()
    )  # fmt: skip
    found: dict[str, list[page.Picture]] = {}
    for row in few.iter_rows(named=True):
        lineage = [row[rank] for rank in RANKS if row[rank]]
        title = f"{row['genus']} {row['species']}".strip() or (lineage[-1] if lineage else "no name")
        found.setdefault(row["kingdom"], []).append(page.Picture(reader[row["treeoflife_id"]].jpeg, title))
    return found


def _findings(checks: Sequence[Path], folder: Path) -> list[tuple[str, str, int]]:
    """What the checks' reports found, counted by kind, and what was found about single samples."""
    found: dict[tuple[str, str], int] = {}
    for path in checks:
        for one in (read_json(path) or {}).get("findings", []):
            key = (str(one.get("kind", "")), str(one.get("what") or path.stem))
            found[key] = found.get(key, 0) + int(one.get("images", 1))
    for file in findings.read(folder):
        found |= {(kind, file.kinds.get(kind, "")): count for kind, count in file.counts().items()}
    return [(kind, what, count) for (kind, what), count in sorted(found.items(), key=lambda item: -item[1])]


def _licences(path: Path) -> dict[str, int]:
    if not path.exists():
        return {}
    counts = (
        pl.scan_csv(path, infer_schema=False)
        .group_by("license_name")
        .len()
        .sort("len", "license_name", descending=[True, False])
    )
    return dict(counts.collect().iter_rows())


def made_from(folder: Path) -> Any:
    """What the report that is there was made from; None where it is not whole."""
    if not all(path.exists() for path in files(folder)):
        return None
    return json.loads((folder / "statistics.json").read_text(encoding="utf-8")).get("from")
