"""check-wds: shards -> findings and logs/bad-shards.txt; repair packs the bad ones again. One task per shard."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from ...config.paths import Paths
from ...core.database import Database
from ...core.files import exists, is_temporary, write_json, write_text
from ...core.values import SPLITS
from ...engines.tasks import TaskRunner
from ...errors import TreeoflifeError
from ...mapping.images import open_images
from ...selection import holdout
from ...shards.check import STEP_VERSION, CheckedShard, CheckTask, Finding, check_shard, found_as_indexed
from ...shards.check_as_indexed import CheckSection, DigestCheck, is_right
from ...shards.check_keys import join_findings
from ...shards.pack import planned_shards
from ...shards.sections import sections_of
from ...taxonomy.species_key import column_keys
from ..stage import Item, Job, Stage, digest_of
from ..workspace import Workspace

# The record and the report hold this many findings: a disk that failed may leave one for each of ten million samples.
_FINDINGS_KEPT = 10_000


class ShardsAreBad(TreeoflifeError):
    """The check found something wrong with shards."""


def declare(workspace: Workspace) -> Stage:
    """The stage. Its item has no output; its result says what was found."""
    paths = workspace.paths

    def items() -> list[Item]:
        tasks = planned_shards(paths)
        files = {one.label: one.shard for one in tasks} | {f"index of {one.label}": one.index for one in tasks}
        inputs = {
            "shards": digest_of(files),
            "files": _tars(paths),
            "mapping": paths.mapping_parquet,
            "holdout": lambda evidence: {str(one.path): evidence.sha256(one.path) for one in workspace.config.holdout},
        }
        return [Item("check-wds", inputs, requires=(paths.split_plan("train"),))]

    return Stage(
        name="check-wds",
        needs=("pack",),
        version=STEP_VERSION,
        settings={},
        items=items,
        run=lambda job: _run(workspace, job),
        complaint=_complaint,
    )


def _complaint(result: Mapping[str, Any]) -> str | None:
    return f"the last check found {result['found']} things wrong" if result["found"] else None


def _tars(paths: Paths) -> list[str]:
    """The tars in the folders of the shards, where a trainer's glob would take in any that does not belong there.

    Trainers keep indexes of their own beside the shards, which make no check stale.
    """
    folders = [paths.split_folder(split) for split in SPLITS if paths.split_folder(split).is_dir()]
    names = (path.name for folder in folders for path in folder.iterdir())
    # A worker that died leaves a temporary file until the run ends.
    return sorted(name for name in names if name.endswith(".tar") and not is_temporary(name))


def _run(workspace: Workspace, job: Job) -> str:
    findings = check(workspace, job)
    if findings:
        bad = len({one.shard for one in findings})
        raise ShardsAreBad(
            f"check-wds found {len(findings)} things wrong in {bad} shards, such as: {findings[0].shard}: "
            f"{findings[0].kind} {findings[0].detail}; 'treeoflife check-wds --repair' packs them again"
        )
    return "all shards are good"


def check(workspace: Workspace, job: Job) -> list[Finding]:
    """Check the shards of the plan; the findings are recorded, and written to logs/ for people."""
    paths, tasks = workspace.paths, planned_shards(workspace.paths)
    checks = [CheckTask(one.shard, one.shard.parent.name, workspace.config.images.size, one.index) for one in tasks]
    job.runner.listener.start("check-wds", sum(one.samples for one in tasks), "samples")
    checked = check_all(checks, [one.samples for one in tasks], job.runner)
    with workspace.database() as database:
        has_mapping = exists(paths.mapping_parquet)
        if has_mapping:
            open_images(database, paths.mapping_parquet, workspace.sources)
        ids = "SELECT treeoflife_id AS key FROM image" if has_mapping else None
        held_out = partial(_find_held_out, workspace, database) if has_mapping and exists(paths.names) else None
        findings = join_findings(database, checked, checks, ids, held_out)
    findings += _unexpected(paths, {one.shard for one in tasks})
    result = _result(findings, len(tasks))
    write_text(paths.bad_shards, "".join(f"{shard}\n" for shard in result["bad"]))
    write_json(paths.log_file("check-wds"), result)
    job.finish("check-wds", result)
    job.runner.listener.finish(f"{len(tasks)} shards, {len(findings)} findings")
    if findings:
        job.runner.listener.note(f"the bad shards are named in {paths.bad_shards}")
    return findings


def check_all(checks: Sequence[CheckTask], samples: Sequence[int], runner: TaskRunner) -> Iterator[CheckedShard]:
    """Check each shard by one worker; in sections, where there are few and large ones.

    A section only says whether it is as the index says. If it is not, its shard is read from the start to find out why.
    """
    sections: list[CheckSection | DigestCheck] = []
    for task, count in zip(checks, samples, strict=True):
        parts = sections_of(count, len(checks), runner.engine.width)
        if task.index and parts > 1:
            sections += [DigestCheck(task.shard, task.index)]
            sections += [CheckSection(task.shard, task.index, number, parts) for number in range(parts)]
    divided = {section.shard for section in sections}
    answers = runner.run(is_right, sections, _label) if sections else ()
    differing = {section.shard for section, right in answers if not right}
    for task in checks:
        if task.shard in divided - differing:
            yield found_as_indexed(task)
    whole = [task for task in checks if task.shard not in divided - differing]
    yield from (result for _, result in runner.run(check_shard, whole, lambda task: str(task.shard)))


def _label(section: CheckSection | DigestCheck) -> str:
    return section.label


def _result(findings: Sequence[Finding], shards: int) -> dict[str, Any]:
    return {
        "shards": shards,
        "found": len(findings),
        "kinds": dict(Counter(one.kind for one in findings).most_common()),
        "bad": list(dict.fromkeys(one.shard for one in findings)),
        "findings": [asdict(one) for one in findings[:_FINDINGS_KEPT]],
    }


def _unexpected(paths: Paths, expected: set[Path]) -> list[Finding]:
    """Tars in the folders of the shards that are not in the plan, and that a trainer's glob would take in."""
    tars = (path for split in SPLITS for path in sorted(paths.split_folder(split).glob("*.tar")))
    return [
        Finding("unexpected-file", str(path), detail="it is not in the plan") for path in tars if path not in expected
    ]


def _find_held_out(workspace: Workspace, database: Database) -> str:
    """SQL for the ids that the hold-out lists name, worked out once more from the mapping and the names.

    in:  image
    """
    lists = holdout.read_lists(workspace.config.holdout)
    if not lists:
        return "SELECT treeoflife_id AS key FROM image WHERE false"
    database.view("names", [workspace.paths.names])
    species = database.frame("SELECT DISTINCT genus, species FROM names ORDER BY genus, species").with_row_index("name")
    database.load("name", species.with_columns(column_keys(species).alias("species_key")))
    database.make("named", "SELECT source, name_key, name FROM names JOIN name USING (genus, species)")
    database.load("renamed", pl.DataFrame(schema={"treeoflife_id": pl.String, "name": pl.Int64}))
    holdout.find_held_out(database, lists, workspace.sources)
    return "SELECT treeoflife_id AS key FROM held_out JOIN image USING (image_row)"
