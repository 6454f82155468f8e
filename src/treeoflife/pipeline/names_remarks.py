"""What names of a dataset lack, and what to do about it, in a few lines for people: after a build, and in status."""

import polars as pl

from ..config.tables import Names
from ..core.files import exists
from ..core.values import RANKS
from ..sources.columns import is_published_kind
from ..taxonomy.coverage import Coverage
from .workspace import Workspace

ADVICE = "'treeoflife download taxonomy' fetches the Catalogue of Life, which knows species and synonyms"
_CHANGES = {"synonym": "synonyms", "classification": "in conflict with the backbone", "ambiguous": "of several taxa"}
"""What findings about names are called where images are counted."""


def has_full_taxonomy(names: Names) -> bool:
    """Whether the names of species are configured, and not only those of genera and above."""
    return bool(names.checklists or names.inaturalist or names.itis or names.eol_tree or names.taxonopy)


def remarks(workspace: Workspace) -> list[str]:
    """Sentences on the names of a finished dataset: how many samples lack ranks, and what to do; none if all is well.

    There are three at most.
    """
    if not exists(workspace.paths.catalog):
        return []
    samples = pl.scan_parquet(workspace.paths.catalog, glob=False).filter(pl.col("split") != "train_small")
    coverage = Coverage.of(samples.select(RANKS))
    lines = []
    if coverage.lacking:
        lacking = coverage.total - coverage.complete
        lines.append(f"names: {lacking:,} of {coverage.total:,} samples lack ranks: {', '.join(coverage.parts)}")
    if changed := _changes(workspace):
        lines.append(f"names: {changed}; {workspace.paths.name_findings_csv} lists them")
    if lines:
        is_original = any(is_published_kind(source) for source in workspace.sources)
        advice = "" if is_original or has_full_taxonomy(workspace.config.names) else f"; {ADVICE}"
        lines.append(f"names: 'treeoflife names why NAME' explains a name{advice}")
    return lines


def _changes(workspace: Workspace) -> str:
    """How many names were changed or are in doubt, by the findings about them."""
    if not exists(workspace.paths.name_findings):
        return ""
    findings = pl.scan_parquet(workspace.paths.name_findings, glob=False).filter(pl.col("kind").is_in(list(_CHANGES)))
    counts = dict(findings.group_by("kind").agg(pl.col("keys").sum()).collect().iter_rows())
    return ", ".join(f"{text} {counts[kind]:,}" for kind, text in _CHANGES.items() if kind in counts)
