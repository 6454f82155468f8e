"""catalog: the shards' indexes -> catalog.csv and catalog.parquet."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl

from ...core.database import Database, column
from ...core.text import counted
from ...core.values import SPLITS
from ...selection.scores import rules
from ...selection.scores.rule_sql import value_of
from ...selection.scores.score_file import ID, SCORES, ScoreFile
from ...shards import catalog
from ...shards.pack import planned_shards
from ...sources.columns import catalog_columns
from ..stage import Item, Job, Stage
from ..workspace import Workspace

STEP_VERSION = 1


def declare(workspace: Workspace) -> Stage:
    """The stage. A shard's fingerprint covers all that the catalog says of its samples."""
    paths = workspace.paths

    scored = {name: list(one.catalog) for name, one in workspace.config.scores.items() if one.catalog}

    def items() -> list[Item]:
        inputs = {"shards": {task.label: task.fingerprint for task in planned_shards(paths)}}
        scores = {name: paths.score(name) for name in scored}
        required = (*(paths.sizes(split) for split in SPLITS), *scores.values())
        return [Item("catalog", inputs | scores, (paths.catalog_csv, paths.catalog), requires=required)]

    columns = [*catalog_columns(workspace.sources), *workspace.further.columns]
    return Stage(
        name="catalog",
        needs=("scores", "pack"),
        version=STEP_VERSION,
        settings={"columns": columns} | ({"scores": scored} if scored else {}),
        items=items,
        run=lambda job: _write(workspace, job),
    )


def _write(workspace: Workspace, job: Job) -> str:
    paths, tasks = workspace.paths, planned_shards(workspace.paths)
    job.runner.listener.start("catalog", len(tasks), "shards")
    indexes = [(task.shard.parent.name, task.index) for task in tasks]
    columns = workspace.further.columns
    if any(one.catalog for one in workspace.config.scores.values()):
        with workspace.database() as database:
            scores = _open_scores(workspace, database, [index for _, index in indexes])
            rows = catalog.write(paths.catalog_csv, paths.catalog, indexes, workspace.sources, columns, scores)
    else:
        rows = catalog.write(paths.catalog_csv, paths.catalog, indexes, workspace.sources, columns)
    summary = counted(rows, "row")
    job.runner.listener.finish(summary)
    return summary


def _open_scores(
    workspace: Workspace, database: Database, indexes: Sequence[Path]
) -> Callable[[int, int], pl.DataFrame]:
    """Join the scores that the catalog is to have to its rows; returns what gives those of some rows."""
    scores = workspace.config.scores
    files = [ScoreFile.open(name, workspace.paths.score(name)) for name, one in scores.items() if one.catalog]
    names = [f"{SCORES}{file.name}.{one}" for file in files for one in scores[file.name].catalog]
    values = ", ".join(
        f"{value_of(file.name, one)} AS {column(f'{SCORES}{file.name}.{one}')}"
        for file in files
        for one in scores[file.name].catalog
    )
    database.spool("catalog_row", _ids(indexes), pl.Schema({ID: pl.String, "row_number": pl.Int64}))
    rules.open_files(database, files)
    database.sort("catalog_score", f"SELECT {values} FROM {rules.joined('catalog_row', files)} ORDER BY row_number")
    return lambda first, count: pl.concat(database.read("catalog_score", names, slice(first, first + count)))


def _ids(indexes: Sequence[Path]) -> Iterator[pl.DataFrame]:
    """The ids of the catalog, with the numbers of their rows."""
    first = 0
    for index in indexes:
        ids = pl.read_parquet(index, columns=[ID], glob=False).with_row_index("row_number", first)
        yield ids.select(ID, pl.col("row_number").cast(pl.Int64))
        first += ids.height
