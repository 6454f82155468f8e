"""The part of the plan that is about texts beside the ten: what it depends on, and what is to be said of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl

from ...core.database import Database
from ...core.text import counted
from ...core.values import SPLITS
from ...errors import InputError
from ...selection import findings
from ...shards.made_from import describe_caption
from ...shards.planned_texts import load_further_texts, unplanned_captions
from ..workspace import Workspace

_KINDS = {"caption-of-no-sample": "a caption of an id that is no sample"}


def tables(workspace: Workspace) -> dict[str, Path]:
    """The tables that the stage ``texts`` makes, by what the plan calls them as inputs."""
    columns = {"columns": workspace.paths.source_columns} if workspace.further.columns else {}
    return columns | {f"captions.{name}": path for name, path in workspace.caption_tables().items()}


def settings(workspace: Workspace) -> dict[str, Any]:
    """The settings of captions; none where there are none."""
    captions = {name: describe_caption(one) for name, one in workspace.config.captions.items()}
    return {"captions": captions} if captions else {}


def load(workspace: Workspace, database: Database) -> None:
    """Make the decisions with their texts known, if there are any texts beside the ten."""
    if workspace.further:
        load_further_texts(
            database,
            workspace.sources,
            workspace.further,
            workspace.config.captions,
            workspace.paths.source_columns,
            workspace.caption_tables(),
        )


def report(workspace: Workspace, database: Database, note: Callable[[str], None]) -> None:
    """Write findings about captions of ids that are no sample, and say how many there are.

    in:  sample, image, and those of :func:`load`

    Raises:
        InputError: a table has no caption of any sample.
    """
    path, captions = workspace.paths.findings("captions"), workspace.caption_tables()
    for number, name in enumerate(workspace.further.captions):
        if name in captions:
            _check_used(database, name, number, workspace)
    unplanned = unplanned_captions(workspace.further, captions)
    if unplanned and (count := findings.write_query(database, path, unplanned, _KINDS)):
        note(f"{counted(count, 'caption')} of tables of captions of no sample: see {path}")
    else:
        path.unlink(missing_ok=True)


def _check_used(database: Database, name: str, number: int, workspace: Workspace) -> None:
    if not database.value(f"SELECT count(*) FROM further_caption_{number} SEMI JOIN sample USING (treeoflife_id)"):
        example = database.value(f"SELECT min(treeoflife_id) FROM further_caption_{number}")
        raise InputError(
            f"[captions.{name}]: {workspace.config.captions[name].table} has no caption of any sample; it has one of "
            f"{example!r}. key_column and by say which column is the id of the image, and what kind of id"
        )


def remarks(workspace: Workspace) -> list[str]:
    """How many samples have each text, in sentences."""
    further = workspace.further
    if not further:
        return []
    plans = [workspace.paths.split_plan(split) for split in SPLITS[:2]]
    counts = pl.concat([pl.scan_parquet(path, glob=False).select(pl.count(*further.planned)) for path in plans])
    samples = pl.concat([pl.scan_parquet(path, glob=False).select(pl.len()) for path in plans]).sum().collect().item()
    rows = counts.sum().collect().row(0)
    each = ", ".join(
        f"{name.removesuffix('.txt')} {count:,}" for name, count in zip(further.planned, rows, strict=True)
    )
    return [f"texts beside the ten, of {counted(samples, 'sample')} in train and val: {each}"]
