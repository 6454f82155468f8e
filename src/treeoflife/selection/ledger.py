"""The ledger: every image that did not become a sample, every file that belongs to no image, and why."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..core.database import Database
from ..errors import BalanceError
from ..mapping.images import in_split, name_key, source_order
from ..sources.base import Source
from .rules import WITHDRAWN_DETAIL, Rule

COLUMNS = ("treeoflife_id", "source", "container", "file", "reason", "detail")
"""The columns of the ledger."""


def write_ledger(
    database: Database, path: Path, sources: Sequence[Source], rules: Sequence[Rule], meta: Mapping[str, Any]
) -> dict[str, int]:
    """Write the ledger, source by source: images in the order of their ids, then files in that of the store.

    in:  decision, unused, and the tables from which the reasons of rules are made; see :func:`.decide.decide`

    Returns:
        The number of rows of each reason.
    """
    reasons = " ".join(f"WHEN {number} THEN {rule.reason}" for number, rule in enumerate(rules))
    details = " ".join(f"WHEN {number} THEN {rule.detail}" for number, rule in enumerate(rules))
    ledger = f"""
        SELECT image_row, fact.treeoflife_id, fact.source, container, file, CASE rule {reasons} END AS reason,
            CASE rule {details} END AS detail, NULL::BIGINT AS unused_row
        FROM (SELECT *, {name_key(sources)} AS name_key FROM decision WHERE rule IS NOT NULL) AS fact
        LEFT JOIN (
            SELECT file_row, container, file, reason AS file_reason, detail AS file_detail
            FROM file
            SEMI JOIN (SELECT file_row FROM decision WHERE rule IS NOT NULL) USING (file_row)
        ) USING (file_row)
        LEFT JOIN held_out USING (image_row)
        LEFT JOIN (SELECT image_row, {WITHDRAWN_DETAIL} AS withdrawn FROM withdrawn_image) USING (image_row)
        LEFT JOIN mark ON mark.treeoflife_id = fact.treeoflife_id
        LEFT JOIN unlicensed ON unlicensed.treeoflife_id = fact.treeoflife_id
        LEFT JOIN (
            SELECT image_row AS cause, treeoflife_id AS cause_id
            FROM fact
            SEMI JOIN (SELECT DISTINCT cause AS image_row FROM excluded) USING (image_row)
        ) USING (cause)
        UNION ALL
        -- A bad file of no image has its own reason.
        SELECT NULL, NULL, file.source, file.container, file.file,
            CASE WHEN chosen_row IS NOT NULL THEN 'duplicate-file' ELSE coalesce(file.reason, 'not-in-mapping') END,
            CASE WHEN chosen_row IS NOT NULL THEN 'the image is taken from ' || used.file || ' in ' || used.container
                ELSE coalesce(file.detail, 'the mapping has no such image') END,
            file.file_row
        FROM file
        JOIN unused USING (file_row)
        LEFT JOIN (
            SELECT file_row AS chosen_row, file, container
            FROM file
            SEMI JOIN (SELECT DISTINCT chosen_row AS file_row FROM unused) USING (file_row)
        ) AS used USING (chosen_row)
        -- The file of a withdrawn image says no more whose it is; the image has a row of its own.
        WHERE file.reason IS DISTINCT FROM 'withdrawn'
    """
    # Of a source, images are numbered in the order of their ids; numbers are sorted in half the time.
    order = f"{source_order(sources)}, unused_row NULLS FIRST, image_row"
    database.write(path, f"SELECT {', '.join(COLUMNS)} FROM ({ledger}) ORDER BY {order}", meta)
    database.view("ledger", [path])
    return dict(database.rows("SELECT reason, count(*) FROM ledger GROUP BY reason ORDER BY reason"))


def check_balance(database: Database, plans: Mapping[str, Path], ledger: Path) -> None:
    """Check that every image of the mapping is either a sample or in the ledger, once, in every split.

    The files are read as they were written, and compared with nothing but the mapping.

    in:  image
    Args:
        plans: the plan of each split.

    Raises:
        BalanceError: the numbers do not add up; the message says for which source or split.
    """
    places = {**plans, "ledger": ledger}
    for place, path in places.items():
        database.view(f"in_{place}", [path])
    found = " UNION ALL ".join(
        f"SELECT treeoflife_id, '{one}' AS place FROM in_{one} WHERE treeoflife_id IS NOT NULL" for one in places
    )
    times = ", ".join(f"(count(*) FILTER (WHERE place = '{one}'))::INTEGER AS {one}" for one in places)
    database.make("place", f"SELECT treeoflife_id, {times} FROM ({found}) GROUP BY treeoflife_id")
    known = ", ".join(f"coalesce({one}, 0) AS {one}" for one in places)
    database.make("account", f"""
        SELECT source, is_val, is_train_small, {known}
        FROM image
        FULL JOIN place USING (treeoflife_id)
    """)  # fmt: skip
    if unknown := database.value("SELECT count(*) FROM account WHERE source IS NULL"):
        raise BalanceError(f"{unknown} images are in the plans or the ledger, and not in the mapping")
    _check_account(database, "all splits", "true", "train + val")
    for split in plans:
        _check_account(database, split, f"coalesce({in_split(split)}, false)", split)


def _check_account(database: Database, where: str, inside: str, samples: str) -> None:
    """Check that each image that is to be somewhere is there once, and that no other image is.

    in:  account   source, is_val, is_train_small, and how often the image is in each plan and in the ledger

    Args:
        inside: SQL for whether an image is to be there.
        samples: SQL for how often it is there.
    """
    excluded = f"CASE WHEN {inside} THEN ledger ELSE 0 END"
    for source, images, planned, left_out in database.rows(f"""
        SELECT source, count(*) FILTER (WHERE {inside}), sum({samples})::BIGINT, sum({excluded})::BIGINT
        FROM account
        GROUP BY source
        HAVING bool_or({samples} + {excluded} <> ({inside})::INTEGER)
        ORDER BY source
    """):
        raise BalanceError(
            f"{source}, {where}: {images} images in the mapping, but {planned} samples and {left_out} ledger rows"
        )
