"""What names lack, and what to do about it, in a few lines for people: at init, after a build, of matched labels."""

from collections.abc import Iterator

import polars as pl

from ..config.tables import Names
from ..core.files import exists
from ..core.values import RANKS
from ..sources.columns import is_published_kind
from ..sources.label_list import SOURCE, LabelFile
from ..taxonomy.coverage import LACKS, Coverage, lack
from ..taxonomy.match import Matches
from .workspace import Workspace

ADVICE = "'treeoflife download taxonomy' fetches the Catalogue of Life, which knows species and synonyms"
REASONS = {
    "no-name": "no scientific name",
    "rank-unknown": "used at several ranks",
    "contradiction": "contradict what is known of the name",
    "ambiguous": "the name of several taxa",
    "genus-alone": "a genus that may be another than the known one",
    "unknown-name": "in no taxonomy that is used",
    "classification": "classified in different ways",
    "hole": "known to taxonomies that lack a rank above it",
}
"""What a kind of reason is called where labels are counted."""
_CHANGES = {"synonym": "synonyms", "classification": "in conflict with the backbone", "ambiguous": "of several taxa"}
"""What findings about names are called where images are counted."""


def has_full_taxonomy(names: Names) -> bool:
    """Whether the names of species are configured, and not only those of genera and above."""
    return bool(names.checklists or names.inaturalist or names.itis or names.eol_tree or names.taxonopy)


def match_summary(matches: Matches, file: LabelFile, names: Names) -> Iterator[str]:
    """Lines on labels that were matched: how many have all ranks, what is missing, and what to do."""
    total = matches.coverage.total
    columns = ", ".join(repr(name) for names_of_part in file.columns.values() for name in names_of_part)
    yield f"labels      {total:>9,}, {matches.rows.height:,} different" + f", by {columns}" * bool(columns)
    yield f"all ranks   {matches.coverage.complete:>9,} down to genus or species{givers(matches)}"
    for word, count in matches.coverage.lacking.items():
        yield f"incomplete  {count:>9,} {LACKS[word]}{example(matches, lack() == word, file.place)}"
    for text, count, condition in counted_reasons(matches):
        yield f"why         {count:>9,} {text}{example(matches, condition, file.place)}"
    if not has_full_taxonomy(names):
        yield f"to do       {ADVICE}"


def givers(matches: Matches) -> str:
    """Which taxonomies gave the kingdoms, each with the number of labels, as the end of a line."""
    given = matches.rows.filter(pl.col("kingdom_from") != "", pl.col("kingdom_from") != SOURCE)
    giver = pl.col("kingdom_from").str.strip_prefix("backbone:").str.split(":").list.first()
    counts = given.group_by(giver.alias("giver")).agg(pl.col("labels").sum()).sort("labels", "giver", descending=True)
    texts = (f"{giver} {count:,}" for giver, count in counts.iter_rows())
    return f"; kingdoms from {', '.join(texts)}" if len(counts) else ""


def counted_reasons(matches: Matches) -> Iterator[tuple[str, int, pl.Expr]]:
    """Why labels lack ranks, for people: each reason with the number of labels and the condition that finds them."""
    counts = matches.rows.filter(pl.col("reason") != "").group_by("reason").agg(pl.col("labels").sum())
    for reason, count in counts.sort("labels", "reason", descending=[True, False]).iter_rows():
        yield REASONS.get(reason, reason), count, pl.col("reason") == reason


def example(matches: Matches, condition: pl.Expr, place: str = "") -> str:
    """The first label to which a condition applies, as the end of a line."""
    label, number = matches.example(matches.rows.filter(condition))
    return f", such as '{label}'" + f" ({place} {number})" * bool(place)


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
