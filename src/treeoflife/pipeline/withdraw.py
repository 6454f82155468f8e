"""Withdrawing images: they are written down first, and from then on every build keeps them out.

What is written down decides; the rest follows from it as from any other input. So a run that was killed is finished by
the next build.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..core.database import Database
from ..core.files import exists
from ..core.values import SPLITS
from ..errors import InputError
from ..mapping.groups import group_withdrawn, join_groups
from ..mapping.images import open_images
from ..mapping.stored_files import open_files
from ..selection.match import pair_files
from ..selection.withdrawal.find import (
    add_copies,
    count_withdrawn_before,
    describe_meant,
    find_meant,
    unknown_values,
)
from ..sources.lists.listed import ListedImages
from ..sources.withdrawn import add_withdrawn
from .build import ORDER, build
from .session import Session
from .stages.splits import load_split_groups
from .workspace import Workspace


@dataclass(frozen=True)
class Withdrawal:
    """What is withdrawn, or would be.

    Attributes:
        rows: what is written down of each image; see :mod:`treeoflife.sources.withdrawn`.
        unknown: what was given and names no image.
        before: how many values name images that were withdrawn already.
        copies: images that were added, since they show the same picture and would have taken its place.
        staying: how many other images show the same picture, and stay.
        shards: the shards that held them.
        raw: the files of sources that still hold them, which are never written to, and the names of the images in each.
    """

    rows: pl.DataFrame
    unknown: tuple[str, ...]
    before: int
    copies: int
    staying: int
    shards: tuple[str, ...]
    raw: dict[Path, list[str]]


def find_withdrawal(
    workspace: Workspace, wanted: pl.DataFrame, why: str, date: str, *, all_copies: bool = False
) -> Withdrawal:
    """What withdrawing these images would mean; nothing is changed.

    Args:
        wanted: what was given; see :mod:`treeoflife.selection.withdrawal.wanted`.
        all_copies: whether other images of the same picture are withdrawn too.

    Raises:
        InputError: the dataset has not been built yet.
    """
    paths = workspace.paths
    plans = {split: paths.split_plan(split) for split in SPLITS}
    for path in (paths.mapping_parquet, paths.ledger, *plans.values()):
        if not exists(path):
            raise InputError(f"there is no {path}: 'treeoflife build' makes it, and then images can be withdrawn")
    with workspace.database() as database:
        open_images(database, paths.mapping_parquet, workspace.sources, workspace.withdrawn())
        find_meant(database, workspace.sources, wanted, paths.provenance)
        load_split_groups(workspace, database)
        added, staying = add_copies(database, paths.ledger, [plans["train"], plans["val"]], all_copies=all_copies)
        _join_split_groups(workspace, database)
        rows = describe_meant(database, plans, why, date)
        return Withdrawal(
            rows, tuple(unknown_values(database)), count_withdrawn_before(database), added, staying,
            _shards(database, workspace), _raw_files(database, workspace),
        )  # fmt: skip


def _join_split_groups(workspace: Workspace, database: Database) -> None:
    """The groups that decide on splits; none where splits are published."""
    config = workspace.config
    if config.mapping.published or not config.one_split_per_group:
        database.make("grouped", "FROM grouped LIMIT 0")
    group_withdrawn(database)
    join_groups(database, workspace.paths.facts, () if config.mapping.published else config.splits.group_by)


def _shards(database: Database, workspace: Workspace) -> tuple[str, ...]:
    found = [
        workspace.paths.shard(split, number)
        for split in SPLITS
        for (number,) in database.rows(f"""
            SELECT DISTINCT shard
            FROM plan_{split}
            SEMI JOIN (SELECT treeoflife_id FROM named SEMI JOIN meant USING (image_row)) USING (treeoflife_id)
            ORDER BY shard
        """)
    ]
    return tuple(workspace.paths.name(path) for path in found)


def _raw_files(database: Database, workspace: Workspace) -> dict[Path, list[str]]:
    """The files that are never written to and that hold images that are meant, by the archive or folder."""
    # What was fetched is the dataset's own: they are removed from it.
    raw = [one for source, one in workspace.containers() if not isinstance(source, ListedImages)]
    places = {one.label: one.path for one in raw}
    stored = [one for one in workspace.stored(places) if exists(one.path)]
    open_files(database, workspace.sources, stored, ["file"])
    pair_files(database, workspace.sources)
    rows = database.rows("""
        SELECT DISTINCT source || '/' || container AS label, file
        FROM file
        JOIN match USING (file_row)
        SEMI JOIN meant USING (image_row)
        ORDER BY label, file
    """)
    found: dict[Path, list[str]] = {}
    for label, file in rows:
        found.setdefault(places[label], []).append(file)
    return found


def withdraw(session: Session, withdrawal: Withdrawal) -> dict[str, str]:
    """Write down what is withdrawn, and bring the dataset up to date; returns a summary of each stage that ran.

    Raises:
        TreeoflifeError: a stage failed. The images count as withdrawn all the same, and the next build goes on.
    """
    paths = session.workspace.paths
    if withdrawal.rows.height:
        add_withdrawn(paths.withdrawn, withdrawal.rows)
    had_report = exists(paths.reports / "index.html")
    session.forget_containers()
    summaries = build(session, ORDER, ask=False)
    if had_report and not exists(paths.reports / "index.html"):
        session.make("report")
        session.make("checksums")  # the report is one of the files that it lists
    return summaries
