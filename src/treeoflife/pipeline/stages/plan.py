"""plan: store + mapping + names -> which sample goes into which shard, the ledger, and findings."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ...config.paths import Paths
from ...config.tables import Holdout
from ...core.database import Database, column, columns
from ...core.files import exists, sha256, write_json
from ...core.parquet_meta import read_meta
from ...core.tables import write_csv_and_parquet
from ...core.text import counted
from ...core.values import NAME_COLUMNS, SPLITS
from ...errors import InputError, StoreError
from ...mapping.images import open_images
from ...mapping.published import is_catalog
from ...selection import findings, holdout, licences, marks, plan_findings, policies, quality
from ...selection.conflicts import find_conflicts
from ...selection.decide import decide
from ...selection.ledger import check_balance, write_ledger
from ...selection.rules import Rule
from ...shards import made_from, plan
from ...shards.pack import planned_shards
from ...sources.base import Source
from ..stage import Input, Item, Job, Stage, digest_of
from ..workspace import Workspace
from . import further_texts


def declare(workspace: Workspace) -> Stage:
    """The stage: everything that decides on images meets here."""
    config, paths = workspace.config, workspace.paths
    outputs = [paths.ledger, *(paths.split_plan(split) for split in SPLITS)]
    outputs += [paths.findings("quality"), paths.findings("duplicates"), paths.conflicts, paths.conflicts_csv]
    item = Item(
        "plan",
        inputs=_inputs(workspace),
        outputs=tuple(outputs),
        optional=(paths.findings("marks"), paths.findings("lists"), paths.findings("captions")),
        requires=(
            *workspace.indexes().values(),
            workspace.paths.mapping_parquet,
            paths.duplicates,
            paths.names,
            paths.facts,
            *further_texts.tables(workspace).values(),
        ),
    )
    return Stage(
        name="plan",
        needs=("encode", "duplicates", "mapping", "provenance", "texts", "splits", "metadata"),
        version=[plan.STEP_VERSION, quality.STEP_VERSION],
        settings={
            "seed": config.seed,
            "wds": made_from.describe_layout(config.wds),
            "duplicates": [config.duplicates.keep, config.one_split_per_group],
            "quality": list(config.quality.drop),
            "sources": [source.name for source in workspace.sources],
            "licences": list(config.licences.allow),
            **further_texts.settings(workspace),
        },
        items=lambda: [item],
        run=lambda job: _write(workspace, job),
    )


def _inputs(workspace: Workspace) -> dict[str, Input]:
    config, paths = workspace.config, workspace.paths
    return {
        "groups": paths.duplicates,
        "holdouts": lambda evidence: [[one.path.name, evidence.sha256(one.path), one.by] for one in config.holdout],
        "marks": paths.marks,
        **workspace.withdrawn_input(),
        **({"facts": paths.facts} if config.licences.allow else {}),
        "mapping": workspace.paths.mapping_parquet,
        **({"published": config.mapping.published} if config.mapping.published else {}),
        **{f"list of {one.name}": paths.fetched_files(one.name).images for one in workspace.listed_sources()},
        "names": paths.names,
        **further_texts.tables(workspace),
        "images": digest_of(workspace.indexes()),
    }


def changed_inputs(workspace: Workspace, recorded: Mapping[str, Any]) -> list[Path]:
    """Hold-out lists, and a published mapping, that are not those that the plan was made from; hashed anew."""
    holdouts = zip(workspace.config.holdout, recorded.get("holdouts", []), strict=False)
    digests = {one.path: digest for one, (_, digest, _) in holdouts}
    if (published := workspace.config.mapping.published) and "published" in recorded:
        digests[published] = recorded["published"]
    return [path for path, digest in digests.items() if not exists(path) or sha256(path) != digest]


def _write(workspace: Workspace, job: Job) -> str:
    """Write the plan of each split, the findings and the ledger."""
    paths, sources, listener = workspace.paths, workspace.sources, job.runner.listener
    listener.start("plan", 2 + len(SPLITS), "tables")
    meta = {"made": _made_from(workspace)}
    with workspace.database() as database:
        has_plans = _keep_names(database, paths)
        rules = _decide(workspace, database, job)
        _require_samples(database, paths, sources, rules)
        further_texts.load(workspace, database)
        samples = plan.Samples(database, sources, workspace.config, workspace.further)
        counts: dict[str, list[int]] = {}
        for split in SPLITS:
            counts[split] = samples.write_split(paths.split_plan(split), split, meta)
            listener.advance(1)
        if len(planned_shards(paths)) != sum(map(len, counts.values())):
            # It takes a plan that it cannot read for one that is not made yet.
            folder = paths.split_plan(SPLITS[0]).parent
            raise StoreError(f"the plans in {folder} cannot be read back: run the build again")
        _write_findings(database, paths, sources, job)
        further_texts.report(workspace, database, listener.note)
        reasons = write_ledger(database, paths.ledger, sources, rules, meta)
        check_balance(database, {split: paths.split_plan(split) for split in SPLITS}, paths.ledger)
        listener.advance(1)
        if has_plans and (renamed := _count_renamed(database)):
            listener.note(f"{renamed} samples have another name or caption than before")
    planned, left_out = sum(counts["train"]) + sum(counts["val"]), sum(reasons.values())
    summary = f"{counted(planned, 'sample')}, {counted(left_out, 'ledger row')}"
    listener.finish(summary)
    return summary


def _require_samples(database: Database, paths: Paths, sources: Sequence[Source], rules: Sequence[Rule]) -> None:
    """Check that there is something to plan.

    Raises:
        InputError: no image becomes a sample; the message says why, and the ledger is written.
    """
    images, left_out = database.rows("SELECT count(*), count(rule) FROM decision")[0]
    if left_out < images:
        return
    reasons = write_ledger(database, paths.ledger, sources, rules, {})
    found = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items()) or "there is no image at all"
    raise InputError(
        f"no image becomes a sample: of {images:,} images in the mapping and what else the sources hold, all are left "
        f"out ({found}); {paths.ledger} has each with its reason"
    )


def decide_with(workspace: Workspace, database: Database, holdouts: Sequence[Holdout]) -> None:
    """Decide on all images as the plan would with these hold-outs alone; duplicates are grouped, none left out."""
    _decide_on(workspace, database, holdout.read_lists(holdouts), [])


def _decide(workspace: Workspace, database: Database, job: Job) -> Sequence[Rule]:
    """Decide as configured; what is doubtful about hold-out lists and marks is said."""
    settings, note = workspace.config.holdout, job.runner.listener.note
    lists = holdout.read_lists(settings)
    rules = _decide_on(workspace, database, lists, _policies(workspace), note)
    if (published := workspace.config.mapping.published) and is_catalog(published):
        # What was held out when the shards of a catalog were made is not in it.
        settings = tuple(one.model_copy(update={"allow_unmatched": True}) for one in settings)
    matches = holdout.count_matches(database, lists, settings)
    write_json(workspace.paths.log_file("holdout"), [one.to_json() for one in matches])
    for entries in lists:
        _report_list(entries, note)
    for one in matches:
        unmatched = f"; {len(one.unmatched)} match nothing, such as '{one.unmatched[0]}'" if one.unmatched else ""
        note(f"{one.name}: {one.entries} entries hold out {one.images} images{unmatched}")
    job.runner.listener.advance(1)
    return rules


def _decide_on(
    workspace: Workspace,
    database: Database,
    lists: Sequence[holdout.HoldoutList],
    further: Sequence[Rule],
    note: Callable[[str], None] | None = None,
) -> Sequence[Rule]:
    paths, sources = workspace.paths, workspace.sources
    open_images(database, paths.mapping_parquet, sources, workspace.withdrawn())
    found = marks.read(paths.marks)
    unknown = marks.load_marks(database, found)
    if note:
        _report_marks(paths, found, unknown, note)
    allow = workspace.config.licences.allow
    unknown_licences = licences.refuse(database, sources, paths.facts if allow else None, allow)
    if note and unknown_licences:
        note(f"[licences] allow: images of {', '.join(unknown_licences)} stay, since nothing is said of their licences")
    return decide(database, sources, workspace.stored(), paths.names, lists, paths.duplicates, further)


def _report_list(entries: holdout.HoldoutList, note: Callable[[str], None]) -> None:
    """Say what is doubtful about a hold-out list."""
    for remark in entries.remarks:
        note(remark)
    if nothing := entries.meaningless:
        note(f"{entries.name}: {len(nothing)} entries name neither a species nor an image, such as '{nothing[0]:.60}'")


def _report_marks(paths: Paths, found: marks.Marks, unknown: Sequence[str], note: Callable[[str], None]) -> None:
    """Say what is doubtful about the marks; those of no image become findings."""
    path, file = paths.marks, paths.findings("marks")
    for remark in found.remarks:
        note(remark)
    if not unknown:
        file.unlink(missing_ok=True)
        return
    rows = pl.DataFrame({"treeoflife_id": unknown, "kind": "unknown-mark", "detail": f"no image has this id of {path}"})
    findings.write(file, rows, {"unknown-mark": "a mark of an id that no image has"})
    many = f"{len(unknown):,} of the {len(found.by_key):,} marks do nothing"
    note(f"{path}: {many}, since no image has their id, such as '{unknown[0]}'")


def _policies(workspace: Workspace) -> list[Rule]:
    """What the configuration leaves out beyond the rules that always hold."""
    config = workspace.config
    cap = policies.cap(config.wds.max_per_species, config.seed) if config.wds.max_per_species else []
    repeated = policies.duplicates(config.duplicates.keep, one_side=config.one_split_per_group)
    return [*policies.doubtful(config.quality.drop), *repeated, *cap]


def _write_findings(database: Database, paths: Paths, sources: Sequence[Source], job: Job) -> None:
    """Write what was found about single images: duplicates, several names of one picture, doubtful quality or names."""
    note = job.runner.listener.note
    find_conflicts(database)
    rows = database.frame('FROM conflict ORDER BY "group", treeoflife_id')
    write_csv_and_parquet(paths.conflicts, rows, {})
    findings.write_query(database, paths.findings("quality"), plan_findings.of_quality(), quality.MEANING)
    duplicates = plan_findings.duplicates()
    findings.write_query(database, paths.findings("duplicates"), duplicates, plan_findings.DUPLICATES)
    if lists := plan_findings.of_lists(database, sources):
        findings.write_query(database, paths.findings("lists"), lists, plan_findings.LISTED)
    else:
        paths.findings("lists").unlink(missing_ok=True)
    if rows.height:
        groups = rows["group"].n_unique()
        note(f"{groups} groups of the same picture have different names: see {paths.conflicts_csv}")
    if straddling := plan_findings.count_straddling(database):
        remedy = '[duplicates] straddling = "one-side" leaves their images of train out'
        note(f"{straddling} groups of the same picture are in train and in val; {remedy}")


def _keep_names(database: Database, paths: Paths) -> bool:
    """Keep the names of the samples in the plans as they stand, as the table ``former``; False without plans."""
    files = [paths.split_plan(split) for split in ("train", "val")]
    if not all(read_meta(path) for path in files):
        return False
    database.view("former_plan", files)
    database.make("former", f"SELECT treeoflife_id, {columns(NAME_COLUMNS)} FROM former_plan")
    return True


def _count_renamed(database: Database) -> int:
    """How many samples that were planned before have other names now.

    in:  former, sample, name
    """
    differ = " OR ".join(f"{column(name, 'former')} <> {column(name, 'name')}" for name in NAME_COLUMNS)
    return int(database.value(f"""
        SELECT count(*)
        FROM former
        JOIN sample USING (treeoflife_id)
        JOIN name USING (name)
        WHERE {differ}
    """))  # fmt: skip


def _made_from(workspace: Workspace) -> dict[str, Any]:
    """What the shards are made from and how, for the shards' indexes."""
    index = workspace.paths.encoded_index
    inputs = made_from.describe_inputs(
        workspace.containers(), lambda source, one: read_meta(index(source.name, one.name)) or {}
    )
    return {"inputs": inputs, "settings": made_from.describe_settings(workspace.config)}
