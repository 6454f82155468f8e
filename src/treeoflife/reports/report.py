"""Writing the report of a dataset, or of any catalog: statistics, treemaps, and last the page that shows them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ..core.database import Database
from ..core.extras import import_extra
from ..core.files import write_json, write_text
from ..core.progress import Listener, SilentListener
from ..core.tables import write_csv
from ..core.values import RANKS
from ..core.versions import __version__
from ..selection import findings
from ..selection.scores.score_file import ScoreFile
from . import html_page, statistics, treemap
from .score_statistics import count_scores

if TYPE_CHECKING:
    from ..shards.reader import Dataset

TREEMAPS = {
    "treemap-from-kingdom": ("kingdom", "Images from kingdom down"),
    "treemap-from-phylum": ("phylum", "Images from phylum down"),
}
"""The treemaps: file name without extension, outermost rank, title."""
TABLES = {"classes": "class", "families": "family", "species": "species"}
"""The tables of taxa: file name without extension, and rank."""
_FORMATS = ("html", "pdf", "png")
_IMAGES_PER_KINGDOM = 8  # they fit in one row of the page at its full width
# Of each family the image with the first id, and of these the first of each kingdom.
_SAMPLE_IMAGES = """
    WITH first_id AS (
        SELECT kingdom, family, min(treeoflife_id) AS treeoflife_id
        FROM catalog
        GROUP BY kingdom, family
        QUALIFY row_number() OVER (PARTITION BY kingdom ORDER BY min(treeoflife_id)) <= $images
    )
    SELECT DISTINCT treeoflife_id, kingdom, phylum, class, "order", family, genus, species
    FROM catalog
    SEMI JOIN first_id USING (treeoflife_id, kingdom, family)
    ORDER BY kingdom, treeoflife_id
"""


@dataclass(frozen=True)
class ReportInputs:
    """What a report is made from. Files other than the catalog may be missing.

    Attributes:
        indexes: the indexes of its shards, which have the sizes of the original images.
        checks: for each check, such as ``check-taxa``, its findings: ``kind``, ``what`` and ``images`` of each.
        findings: the folder of the findings about single images.
        scores: the files of scores.
        further: more files to link to.
        dataset: the dataset of the catalog, from which sample images are taken; None shows none.
    """

    title: str
    catalog: Path
    ledger: Path
    indexes: Sequence[Path] = ()
    checks: Mapping[str, Sequence[Mapping[str, Any]]] = field(default_factory=dict)
    licences: Path = Path("licences.csv")
    findings: Path = Path("findings")
    scores: Sequence[ScoreFile] = ()
    further: Sequence[Path] = ()
    dataset: Dataset | None = None


def report_files(folder: Path) -> list[Path]:
    """The files of a report, in the order in which they are written."""
    maps = [folder / f"{name}.{extension}" for name in TREEMAPS for extension in _FORMATS]
    tables = [folder / f"{name}.csv" for name in TABLES]
    return [*maps, *tables, folder / "statistics.json", folder / "index.html"]


def write_report(
    database: Database, folder: Path, inputs: ReportInputs, listener: Listener | None = None
) -> dict[str, Any]:
    """Write a report into ``folder``; return its statistics.

    Args:
        database: for the tables that are counted.

    Raises:
        InputError: the catalog cannot be read.
        MissingExtra: a package of the extra ``reports`` is not installed.
    """
    for module in ("squarify", "plotly", "matplotlib"):
        import_extra(module, "reports", "report")
    listener = listener or SilentListener()
    listener.start("report", 2 + len(TREEMAPS), "parts")
    # The page vouches for the files that it links to, so it goes first and comes back last.
    (folder / "index.html").unlink(missing_ok=True)
    statistics.open_catalog(database, inputs.catalog)
    rows = statistics.count_taxa(database)
    numbers = statistics.compute_statistics(rows)
    numbers |= {"originals": statistics.original_sizes(database, inputs.indexes)}
    numbers |= {"skipped": statistics.count_skipped(database, inputs.ledger)}
    numbers |= {"scores": count_scores(database, inputs.scores)}
    listener.advance(1)
    images = statistics.distinct_images(rows)
    for name, (top, title) in TREEMAPS.items():
        # An interactive map can be zoomed, so it goes one rank deeper than those on paper.
        treemap.write_html(folder / f"{name}.html", treemap.build_tree(images, top, "genus"), title)
        paths = [folder / f"{name}.pdf", folder / f"{name}.png"]
        treemap.write_static(paths, treemap.build_tree(images, top, "family"), title)
        listener.advance(1)
    for name, rank in TABLES.items():
        write_csv(folder / f"{name}.csv", statistics.taxa_table(rows, rank))
    write_json(folder / "statistics.json", numbers)
    write_text(folder / "index.html", _render_page(database, inputs, images, numbers))
    listener.finish(f"{numbers['images']:,} images, {numbers['taxa']['species']:,} species: {folder / 'index.html'}")
    return numbers


def _render_page(database: Database, inputs: ReportInputs, images: pl.DataFrame, numbers: Mapping[str, Any]) -> str:
    # On the page a treemap has room for three ranks.
    trees = {
        title: treemap.build_tree(images, top, "order" if top == "phylum" else "class")
        for top, title in TREEMAPS.values()
    }
    links = [(f"{title} ({kind})", f"{name}.{kind}") for name, (_, title) in TREEMAPS.items() for kind in _FORMATS]
    links += [(f"{name} (csv)", f"{name}.csv") for name in TABLES]
    links.append(("all numbers", "statistics.json"))
    files = [*(file.path for file in findings.read(inputs.findings)), *inputs.further]
    links += [(path.name, f"../{path.parent.name}/{path.name}") for path in files if path.exists()]
    return html_page.render_page(
        inputs.title, _made(inputs.catalog), numbers, trees=trees, images=_sample_images(database, inputs.dataset),
        links=links,
        findings=_count_findings(inputs.checks, inputs.findings), licences=statistics.count_licences(inputs.licences),
    )  # fmt: skip


def _made(catalog: Path) -> str:
    """The version, and the day of the catalog: that of the page says nothing of the dataset."""
    day = datetime.fromtimestamp(catalog.stat().st_mtime, tz=UTC).date()
    return f"treeoflife {__version__}; the catalog is of {day.isoformat()}"


def _sample_images(database: Database, dataset: Dataset | None) -> dict[str, list[tuple[bytes, str]]]:
    """A few images of each kingdom, each of another family, chosen by the order of ids: the same every time."""
    if dataset is None:
        return {}
    images: dict[str, list[tuple[bytes, str]]] = {}
    for row in database.frame(_SAMPLE_IMAGES, images=_IMAGES_PER_KINGDOM).iter_rows(named=True):
        lineage = [row[rank] for rank in RANKS if row[rank]]
        title = f"{row['genus']} {row['species']}".strip() or (lineage[-1] if lineage else "no name")
        images.setdefault(row["kingdom"], []).append((dataset[row["treeoflife_id"]].jpeg, title))
    return images


def _count_findings(checks: Mapping[str, Sequence[Mapping[str, Any]]], folder: Path) -> list[tuple[str, int]]:
    """Meaning and number of images of each kind of finding, of checks and about single images; the largest first."""
    counts: dict[tuple[str, str], int] = {}
    for check, check_findings in checks.items():
        for finding in check_findings:
            key = (str(finding.get("kind", "")), str(finding.get("what") or check))
            counts[key] = counts.get(key, 0) + int(finding.get("images", 1))
    for file in findings.read(folder):
        counts |= {(kind, file.kinds.get(kind, "")): count for kind, count in file.counts().items()}
    return [(what or kind, count) for (kind, what), count in sorted(counts.items(), key=lambda item: -item[1])]
