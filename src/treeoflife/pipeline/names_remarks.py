"""What names of a dataset lack, and what to do about it, in a few lines for people: after a build, and in status."""

import polars as pl

from ..core.files import exists
from ..core.values import RANKS
from ..sources.columns import is_published_kind
from ..taxonomy.coverage import Coverage
from .names_advice import ADVICE, HOMONYM_ADVICE, has_full_taxonomy
from .workspace import Workspace

_FINDINGS = {
    "ambiguous": "names of several taxa",
    "synonym": "synonyms",
    "classification": "classified in several ways",
}
"""What findings about names are called where images are counted."""


def remarks(workspace: Workspace) -> list[str]:
    """Sentences on the names of a finished dataset: how many samples lack ranks, and what to do; none if all is well.

    There are three at most.
    """
    if not exists(workspace.paths.catalog):
        return []
    samples = pl.scan_parquet(workspace.paths.catalog, glob=False).filter(pl.col("split") != "train_small")
    coverage = Coverage.of(samples.select(RANKS))
    findings = _findings(workspace)
    lines, advice = [], ["'treeoflife names why NAME' explains a name"]
    if coverage.lacking:
        lacking = coverage.total - coverage.complete
        lines.append(f"names: {lacking:,} of {coverage.total:,} samples lack ranks: {', '.join(coverage.parts)}")
    if counts := ", ".join(f"{findings[kind]:,} {text}" for kind, text in _FINDINGS.items() if kind in findings):
        lines.append(f"names: {counts}: see {workspace.paths.name_findings_csv}")
    if not lines or any(is_published_kind(source) for source in workspace.sources):
        return lines
    if "ambiguous" in findings:
        advice.append(HOMONYM_ADVICE)
    if not has_full_taxonomy(workspace.config.names):
        advice.append(ADVICE)
    return [*lines, f"names: {'; '.join(advice)}"]


def _findings(workspace: Workspace) -> dict[str, int]:
    """Of how many names something was found that people should know of, by its kind."""
    if not exists(workspace.paths.name_findings):
        return {}
    found = pl.scan_parquet(workspace.paths.name_findings, glob=False).filter(pl.col("kind").is_in(list(_FINDINGS)))
    return dict(found.group_by("kind").agg(pl.col("keys").sum()).collect().iter_rows())
