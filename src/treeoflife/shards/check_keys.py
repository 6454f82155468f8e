"""Checks of keys across shards: none twice, none in train and val, each of them in the mapping, none held out.

sample    key, shard, split        every sample of every shard, as the workers found them
suspect   shard                    the shards that have findings of their own
"""

from collections.abc import Callable, Iterable, Iterator

import polars as pl

from ..core.database import Database
from .check import KEY_SCHEMA, CheckedShard, CheckTask, Finding

# The keys of train_small are in train too, so they are compared with each other only. Of the shards that share a key,
# the suspects alone are to blame, if there are any.
_REPEATED = """
    -- Few keys, if any, are there twice: only of those are the shards compared.
    WITH repeated AS MATERIALIZED (
        SELECT key, split = 'train_small' AS is_small
        FROM sample
        GROUP BY key, is_small
        HAVING count(*) > 1
    ),
    place AS (
        SELECT DISTINCT key, is_small, shard, shard IN (FROM suspect) AS is_suspect
        FROM (SELECT key, split = 'train_small' AS is_small, shard FROM sample)
        SEMI JOIN repeated USING (key, is_small)
    )
    SELECT key, shard
    FROM place
    WINDOW same AS (PARTITION BY key, is_small)
    QUALIFY count(*) OVER same > 1 AND (is_suspect OR NOT bool_or(is_suspect) OVER same)
"""
# Val must not be in train_small either, although an image of train_small is in train as well.
_SMALL_IN_VAL = """
    SELECT key, shard
    FROM sample
    SEMI JOIN (SELECT key FROM sample WHERE split = 'val') USING (key)
    WHERE split = 'train_small'
"""


def join_findings(
    database: Database,
    checked: Iterable[CheckedShard],
    tasks: Iterable[CheckTask],
    ids: str | None,
    held_out: Callable[[], str] | None,
) -> list[Finding]:
    """All findings about shards that were checked one by one, and about keys across them, in the order of ``tasks``.

    Args:
        database: for the keys, of which no more than a million are in memory at once.
        checked: the results, in any order.
        ids: SQL for the column ``key`` of a table that must have every key.
        held_out: gives SQL for the column ``key`` of a table that may have none of them; called once all results are
            there.
    """
    findings: list[Finding] = []
    database.spool("sample", _keys(checked, findings), KEY_SCHEMA)
    suspects = sorted({finding.shard for finding in findings})
    database.load("suspect", pl.DataFrame({"shard": suspects}, schema={"shard": pl.String}))
    checks = [
        ("duplicate-key", _REPEATED, "the key is in another shard too, of this split or of the other of train and val"),
        ("duplicate-key", _SMALL_IN_VAL, "the key is in val too"),
    ]
    if ids is not None:
        unknown = f"SELECT key, shard FROM sample ANTI JOIN ({ids}) USING (key)"
        checks.append(("not-in-mapping", unknown, "the mapping has no such id"))
    if held_out is not None:
        forbidden = f"SELECT key, shard FROM sample SEMI JOIN ({held_out()}) USING (key)"
        checks.append(("held-out", forbidden, "a hold-out list names it, or its species"))
    for kind, sql, detail in checks:
        findings += (Finding(kind, shard, key, detail) for key, shard in database.rows(sql))
    order = {str(task.shard): position for position, task in enumerate(tasks)}
    return sorted(findings, key=lambda one: (order.get(one.shard, -1), one.key, one.kind, one.detail))


def _keys(checked: Iterable[CheckedShard], findings: list[Finding]) -> Iterator[pl.DataFrame]:
    for shard in checked:
        findings += shard.findings
        yield shard.keys
