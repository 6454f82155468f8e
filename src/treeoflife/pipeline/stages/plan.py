"""plan: store + mapping + names -> which sample goes into which shard, the ledger, and findings."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ...config.paths import Paths
from ...config.tables import Holdout
from ...core.files import exists, sha256, write_json
from ...core.tables import write_csv_and_parquet
from ...core.values import NAME_COLUMNS, SPLITS
from ...errors import InputError, StoreError
from ...images.store import read_meta
from ...mapping.store import read_all_ids
from ...selection import findings, holdout, marks, plan_findings, policies, quality
from ...selection.conflicts import conflicts
from ...selection.decide import decide
from ...selection.decisions import Decisions, Index
from ...selection.ledger import check_balance, ledger, write_ledger
from ...shards import made_from, plan
from ...shards.pack import planned_shards
from ..stage import Input, Item, Job, Stage, digest_of
from ..workspace import Workspace


def declare(workspace: Workspace) -> Stage:
    """The stage: everything that decides on images meets here."""
    config, paths = workspace.config, workspace.paths
    outputs = [paths.ledger, *(paths.split_plan(split) for split in SPLITS)]
    outputs += [paths.findings("quality"), paths.findings("duplicates"), paths.conflicts, paths.conflicts_csv]
    item = Item(
        "plan",
        inputs=_inputs(workspace),
        outputs=tuple(outputs),
        optional=(paths.findings("marks"),),
        requires=(*workspace.indexes().values(), workspace.mapping, paths.duplicates, paths.names),
    )
    return Stage(
        name="plan",
        needs=("encode", "duplicates", "mapping", "splits", "metadata"),
        version=[plan.STEP_VERSION, quality.STEP_VERSION],
        settings={
            "seed": config.seed,
            "wds": config.wds.model_dump(mode="json", exclude={"keep_store"}),
            "duplicates": [config.duplicates.keep, config.one_split_per_group],
            "quality": list(config.quality.drop),
            "sources": [source.name for source in workspace.sources],
            "licences": list(config.licences.allow),
        },
        items=lambda: [item],
        run=lambda job: _write(workspace, job),
    )


def _inputs(workspace: Workspace) -> dict[str, Input]:
    config, paths = workspace.config, workspace.paths
    manifests: Sequence[Any] = config.licences.manifest if config.licences.allow else ()
    return {
        "groups": paths.duplicates,
        "holdouts": lambda evidence: [[one.path.name, evidence.sha256(one.path), one.by] for one in config.holdout],
        "marks": paths.marks,
        "manifests": lambda evidence: [evidence.sha256(path) for path in manifests],
        "mapping": workspace.mapping,
        "names": paths.names,
        "images": digest_of(workspace.indexes()),
    }


def changed_inputs(workspace: Workspace, recorded: Mapping[str, Any]) -> list[Path]:
    """Hold-out lists, and a published mapping, that are not those that the plan was made from; hashed anew."""
    holdouts = zip(workspace.config.holdout, recorded.get("holdouts", []), strict=False)
    digests = {one.path: digest for one, (_, digest, _) in holdouts}
    if workspace.config.mapping.published and "mapping" in recorded:
        digests[workspace.mapping] = recorded["mapping"]
    return [path for path, digest in digests.items() if not exists(path) or sha256(path) != digest]


def _write(workspace: Workspace, job: Job) -> str:
    """Write the plan of each split, the findings and the ledger."""
    paths, listener = workspace.paths, job.runner.listener
    listener.start("plan", 2 + len(SPLITS), "tables")
    before = _text_hashes(workspace)
    decisions = _decide(workspace, job)
    samples, rows = {split: decisions.samples(split) for split in SPLITS}, ledger(decisions)
    check_balance(workspace.mapping, decisions, samples, rows)
    _check_samples(paths, decisions, samples, rows)
    meta = {"made": _made_from(workspace)}
    shards = 0
    for split in SPLITS:
        shards += plan.write_split(paths.split_plan(split), split, decisions, samples[split], workspace.config, meta)
        listener.advance(1)
    if len(planned_shards(paths)) != shards:  # it takes a plan that it cannot read for one that is not made yet
        raise StoreError(f"the plans in {paths.split_plan(SPLITS[0]).parent} cannot be read back: run the build again")
    _write_findings(workspace, decisions, job)
    reasons = write_ledger(paths.ledger, rows, meta)
    listener.advance(1)
    if renamed := _count_renamed(before, _text_hashes(workspace)):
        listener.note(f"{renamed} samples have another name or caption than before")
    summary = f"{len(samples['train']) + len(samples['val'])} samples, {sum(reasons.values())} ledger rows"
    listener.finish(summary)
    return summary


def _check_samples(paths: Paths, decisions: Decisions, samples: Mapping[str, Any], rows: pl.DataFrame) -> None:
    """Check that there is something to plan.

    Raises:
        InputError: no image becomes a sample; the message says why, and the ledger is written.
    """
    if any(len(samples[split]) for split in SPLITS):
        return
    reasons = write_ledger(paths.ledger, rows, {})
    found = ", ".join(f"{reason} {count:,}" for reason, count in reasons.items()) or "there is no image at all"
    raise InputError(
        f"no image becomes a sample: of {decisions.images.height:,} images in the mapping and what else the sources "
        f"hold, all are left out ({found}); {paths.ledger} has each with its reason"
    )


def decide_with(workspace: Workspace, holdouts: Sequence[Holdout]) -> Decisions:
    """Decide on all images as the plan would with these hold-outs alone; duplicates are grouped, none left out."""
    lists = holdout.read_lists(holdouts)
    return _decisions(workspace, lists, [policies.duplicates(_groups(workspace))])


def _decide(workspace: Workspace, job: Job) -> Decisions:
    settings = workspace.config.holdout
    lists = holdout.read_lists(settings)
    decisions = _decisions(workspace, lists, _policies(workspace))
    matches = holdout.count_matches(lists, settings, decisions.held_out, decisions.matched_entries)
    write_json(workspace.paths.log_file("holdout"), [one.to_json() for one in matches])
    for entries in lists:
        _report_list(entries, job.runner.listener.note)
    _report_marks(workspace, decisions.images["treeoflife_id"], job.runner.listener.note)
    for one in matches:
        unmatched = f"; {len(one.unmatched)} match nothing, such as '{one.unmatched[0]}'" if one.unmatched else ""
        job.runner.listener.note(f"{one.name}: {one.entries} entries hold out {one.images} images{unmatched}")
    job.runner.listener.advance(1)
    return decisions


def _decisions(workspace: Workspace, lists: list[holdout.HoldoutList], further: list[policies.Policy]) -> Decisions:
    indexes = [Index(source, one.name, workspace.indexes()[one.label]) for source, one in workspace.containers()]
    names = pl.read_parquet(workspace.paths.names, columns=["source", "name_key", *NAME_COLUMNS], glob=False)
    marking = marks.of_images(workspace.paths.marks, lambda: read_all_ids(workspace.mapping))
    licences = workspace.config.licences
    return decide(workspace.sources, indexes, workspace.mapping, names, lists, marking, licences, policies=further)


def _report_list(entries: holdout.HoldoutList, note: Callable[[str], None]) -> None:
    """Say what is doubtful about a hold-out list."""
    for remark in entries.remarks:
        note(remark)
    if nothing := entries.meaningless:
        note(f"{entries.name}: {len(nothing)} entries name neither a species nor an image, such as '{nothing[0]:.60}'")


def _report_marks(workspace: Workspace, ids: pl.Series, note: Callable[[str], None]) -> None:
    """Say what is doubtful about the marks; those of no image become findings."""
    path, found = workspace.paths.marks, marks.read(workspace.paths.marks)
    for remark in found.remarks:
        note(remark)
    unknown, file = found.of_dataset(ids)[1], workspace.paths.findings("marks")
    if not unknown:
        file.unlink(missing_ok=True)
        return
    rows = pl.DataFrame({"treeoflife_id": unknown, "kind": "unknown-mark", "detail": f"no image has this id of {path}"})
    findings.write(file, rows, {"unknown-mark": "a mark of an id that no image has"})
    many = f"{len(unknown):,} of the {len(found.by_key):,} marks do nothing"
    note(f"{path}: {many}, since no image has their id, such as '{unknown[0]}'")


def _policies(workspace: Workspace) -> list[policies.Policy]:
    """What the configuration leaves out beyond the rules that always hold."""
    config = workspace.config
    chosen = [
        policies.doubtful(config.quality.drop),
        policies.duplicates(_groups(workspace), config.duplicates.keep, one_side=config.one_split_per_group),
    ]
    if config.wds.max_per_species:
        chosen.append(policies.cap(config.wds.max_per_species, config.seed))
    return chosen


def _groups(workspace: Workspace) -> pl.DataFrame:
    return pl.read_parquet(workspace.paths.duplicates, columns=["source", "container", "position", "group"], glob=False)


def _write_findings(workspace: Workspace, decisions: Decisions, job: Job) -> None:
    """Write what was found about single images: duplicates, different names of one picture, doubtful quality."""
    rows, paths, note = conflicts(decisions), workspace.paths, job.runner.listener.note
    write_csv_and_parquet(paths.conflicts, rows, {})
    findings.write(paths.findings("quality"), plan_findings.of_quality(decisions), quality.MEANING)
    duplicates = plan_findings.duplicates(decisions, rows)
    findings.write(paths.findings("duplicates"), duplicates, plan_findings.DUPLICATES)
    if rows.height:
        groups = rows["group"].n_unique()
        note(f"{groups} groups of the same picture have different names: see {paths.conflicts_csv}")
    if straddling := plan_findings.straddling(decisions):
        remedy = '[duplicates] straddling = "one-side" leaves their images of train out'
        note(f"{straddling} groups of the same picture are in train and in val; {remedy}")


def _text_hashes(workspace: Workspace) -> pl.DataFrame | None:
    """Two hashes for every sample in the plans as they stand: of its id, and of its names. None without plans."""
    files = [workspace.paths.split_plan(split) for split in ("train", "val")]
    if not all(read_meta(path) for path in files):
        return None
    hashes = {"id": pl.col("treeoflife_id").hash(), "texts": pl.struct(NAME_COLUMNS).hash()}
    return pl.concat([pl.scan_parquet(path, glob=False).select(**hashes).collect(engine="streaming") for path in files])


def _count_renamed(before: pl.DataFrame | None, after: pl.DataFrame | None) -> int:
    """How many samples that were planned before have other names now."""
    if before is None or after is None:
        return 0
    return before.join(after, on="id").filter(pl.col("texts") != pl.col("texts_right")).height


def _made_from(workspace: Workspace) -> dict[str, Any]:
    """What the shards are made from and how, for the shards' indexes."""
    index = workspace.paths.encoded_index
    inputs = made_from.describe_inputs(
        workspace.containers(), lambda source, one: read_meta(index(source.name, one.name)) or {}
    )
    return {"inputs": inputs, "settings": made_from.describe_settings(workspace.config)}
