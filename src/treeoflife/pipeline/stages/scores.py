"""scores: tables of scores -> the scores of images, by their ids.

It has no items unless the configuration names tables of scores. Rules are none of its settings: the plan applies them,
so that a change of a rule reads no table again, and decodes nothing.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...core.files import exists
from ...core.text import counted
from ...mapping.images import open_images
from ...selection.scores import configured_rules, read_table
from ...selection.scores.read_table import ScoreTable
from ...selection.scores.rule_sql import check_columns
from ...selection.scores.rule_text import RuleText
from ...selection.scores.score_file import ScoreFile
from ...sources.lists.text_columns import table_files
from ..stage import Evidence, Item, Job, Stage
from ..workspace import Workspace

_BY_PROVENANCE = ("auto", "url", "source_id")


def declare(workspace: Workspace) -> Stage:
    """The stage: an item for each table of scores."""
    return Stage(
        name="scores",
        needs=("mapping", "provenance"),
        version=read_table.STEP_VERSION,
        settings={},
        items=lambda: _items(workspace),
        run=lambda job: _write(workspace, job),
    )


def _items(workspace: Workspace) -> list[Item]:
    paths, items = workspace.paths, []
    for name, table in workspace.score_tables().items():
        needed = {"images": workspace.ids}
        if workspace.config.scores[name].by in _BY_PROVENANCE:
            needed["provenance"] = paths.provenance
        inputs = {"score": _describe(workspace, name, table), "table": _digests(table), **needed}
        items.append(Item(name, inputs, (paths.score(name),), requires=tuple(needed.values())))
    expected = {path for item in items for path in item.outputs}
    former = sorted(set(paths.score("any").parent.glob("*.parquet")) - expected)
    return [*items, Item("scores that are not configured", unwanted=tuple(former))] if former else items


def _describe(workspace: Workspace, name: str, table: Path) -> dict[str, Any]:
    """The settings that the scores depend on; of the table, what it is called, and not where it lies."""
    score = workspace.config.scores[name]
    own = {"format", "by", "key_column", "columns", "repeated", "allow_unmatched"}
    return score.model_dump(mode="json", include=own, exclude_defaults=True) | {"table": table.name}


def _digests(table: Path) -> Callable[[Evidence], Any]:
    def digests(evidence: Evidence) -> Any:
        if table.is_dir():
            return {path.relative_to(table).as_posix(): evidence.sha256(path) for path in table_files(table)}
        return evidence.sha256(table)

    return digests


def _write(workspace: Workspace, job: Job) -> str:
    listener, said, tables = job.runner.listener, [], workspace.score_tables()
    listener.start("scores", len(job.stale), "tables")
    for item in job.stale:
        if item in tables:
            meta = _read(workspace, item, tables[item])
            said.append(f"{item} of {counted(meta['images'], 'image')}")
            job.finish(item)
        else:
            for path in (path for one in _items(workspace) for path in one.unwanted):
                path.unlink(missing_ok=True)
        listener.advance(1)
    summary = ", ".join(said) or "scores that are not configured removed"
    listener.finish(summary)
    return summary


def _read(workspace: Workspace, name: str, table: Path) -> dict[str, Any]:
    config, paths = workspace.config, workspace.paths
    opened = ScoreTable.open(name, config.scores[name], table)
    with workspace.database() as database:
        open_images(database, workspace.ids, workspace.sources)
        if opened.kind in _BY_PROVENANCE:
            database.view("provenance", [paths.provenance])
        return opened.write(database, workspace.sources, paths.score(name))


def check_tables(workspace: Workspace) -> None:
    """Check the tables of scores, and the columns that rules and the catalog name.

    Raises:
        ConfigError: a column is not there.
        InputError: a table is missing, or cannot be read.
    """
    scores = workspace.config.scores
    for name, path in workspace.score_tables().items():
        columns = list(ScoreTable.open(name, scores[name], path).columns)
        own = [rule for one, rule in configured_rules.drop_rules(scores) if one == name]
        own += [rule for one, _, rule in configured_rules.find_rules(scores) if one == name]
        for rule in own:
            check_columns(rule, name, columns)
        for one in scores[name].catalog:
            if one not in columns:
                RuleText(f"[scores.{name}] catalog", one).fail(0, f"there is no column {one!r} in {path}")


def remarks(workspace: Workspace) -> list[str]:
    """What is doubtful about tables that were read, in sentences."""
    files = [
        ScoreFile.open(name, path) for name, path in _read_tables(workspace, list(workspace.config.scores)).items()
    ]
    return [remark for one in files for remark in read_table.remarks(one.name, one.meta)]


def _read_tables(workspace: Workspace, names: list[str]) -> dict[str, Path]:
    return {name: workspace.paths.score(name) for name in names if exists(workspace.paths.score(name))}
