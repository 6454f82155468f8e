"""plan: store + mapping + names -> which sample goes into which shard, and the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from ...config.tables import Holdout
from ...core.difference import difference
from ...core.files import fingerprint, write_json
from ...core.tables import write_for_both
from ...core.values import SPLITS
from ...errors import InputError
from ...images.store import read_meta
from ...selection import findings, holdout, marks, policies, quality
from ...selection import plan_findings as found
from ...selection.conflicts import conflicts
from ...selection.decide import NAME_COLUMNS, Decisions, decide
from ...selection.ledger import balance, ledger, write_ledger
from ...selection.match import Index
from ...shards import plan, provenance
from ..run import Run
from ..stage import State, for_both, state
from . import duplicates


def look(run: Run) -> State:
    """Whether the plans and the ledger are made from what is there now."""
    inputs = _inputs(run)
    if inputs is None:
        return State(0, 1, ("what it is made from is not there yet",))
    paths = run.dataset.paths
    told = [paths.findings(name) for name in _findings(run)]
    outputs = [paths.ledger, *(paths.split_plan(split) for split in SPLITS), *told]
    reasons = [difference((read_meta(path) or {}).get("from"), inputs) for path in outputs]
    return state([*reasons, for_both(run, paths.conflicts)])


def work(run: Run) -> str:
    """Write the ledger and the plan of each split.

    Raises:
        InputError: there are no names yet.
    """
    dataset, paths = run.dataset, run.dataset.paths
    if not paths.names.exists():
        raise InputError(f"there are no names at {paths.names}: 'treeoflife metadata' makes them")
    meta = {"from": _inputs(run), "made": _made(run)}
    run.listener.start("plan", 2 + len(SPLITS), "tables")
    before = _texts(run)
    decided = _decide(run)
    samples, rows = {split: decided.samples(split) for split in SPLITS}, ledger(decided)
    balance(dataset.mapping, decided, samples, rows)
    for split in SPLITS:
        plan.write_split(paths.split_plan(split), split, decided, samples[split], dataset.config, meta)
        run.listener.advance(1)
    _write_findings(run, decided, meta)
    reasons = write_ledger(paths.ledger, rows, meta)
    run.listener.advance(1)
    if changed := _changed(before, _texts(run)):
        run.listener.note(f"{changed} samples have another name or caption than before")
    summary = f"{len(samples['train']) + len(samples['val'])} samples, {sum(reasons.values())} ledger rows"
    run.listener.finish(summary)
    return summary


def decide_on(run: Run, holdouts: Sequence[Holdout]) -> Decisions:
    """Decide on all images as a plan does that knows these hold-outs alone; of duplicates, only groups are told."""
    return _decided(run, [holdout.read(one) for one in holdouts], [policies.duplicates(_groups(run))])


def _decide(run: Run) -> Decisions:
    config = run.dataset.config
    lists = [holdout.read(one) for one in config.holdout]
    decided = _decided(run, lists, _policies(run))
    _tell(run, holdout.judge(lists, config.holdout, [(decided.held, decided.met)]))
    run.listener.advance(1)
    return decided


def _decided(run: Run, lists: list[holdout.HoldoutList], further: list[policies.Policy]) -> Decisions:
    dataset, paths = run.dataset, run.dataset.paths
    indexes = [Index(source, one.name, paths.encoded_index(source.name, one.name)) for source, one in run.containers()]
    names = pl.read_parquet(paths.names, columns=["source", "name_key", *NAME_COLUMNS])
    marked, licences = marks.read(paths.marks), dataset.config.licences
    return decide(dataset.sources, indexes, dataset.mapping, names, lists, marked, licences, policies=further)


def _policies(run: Run) -> list[policies.Policy]:
    """What the configuration asks for beyond the rules that always hold."""
    config, paths = run.dataset.config, run.dataset.paths
    asked = [policies.doubtful(config.quality.drop)]
    if paths.duplicates.exists():
        asked.append(policies.duplicates(_groups(run), config.duplicates.keep, one_side=config.one_side))
    if config.wds.max_per_species:
        asked.append(policies.cap(config.wds.max_per_species, config.seed))
    return asked


def _findings(run: Run) -> list[str]:
    """The tables of findings that a plan makes."""
    return ["quality", "duplicates"] if run.dataset.paths.duplicates.exists() else ["quality"]


def _groups(run: Run) -> pl.DataFrame:
    columns = ["source", "container", "position", "group"]
    return pl.read_parquet(run.dataset.paths.duplicates, columns=columns)


def _write_findings(run: Run, decided: Decisions, meta: dict[str, Any]) -> None:
    """Write what was found about single images: the same picture, different names for it, doubtful quality."""
    rows, paths = conflicts(decided), run.dataset.paths
    write_for_both(paths.conflicts, rows, meta)
    findings.write(paths.findings("quality"), found.of_quality(decided), quality.MEANING, meta)
    if "group" in decided.images.columns:
        findings.write(paths.findings("duplicates"), found.duplicates(decided, rows), found.DUPLICATES, meta)
    if rows.height:
        groups = rows["group"].n_unique()
        run.listener.note(f"{groups} groups of the same picture have different names: see {paths.conflicts_csv}")
    if torn := found.straddling(decided):
        way = '[duplicates] straddling = "one-side" leaves their images of train out'
        run.listener.note(f"{torn} groups of the same picture are in train and in val; {way}")


def _tell(run: Run, verdicts: list[holdout.Matches]) -> None:
    """Report what the hold-out lists came to."""
    write_json(run.dataset.paths.report("holdout"), [one.to_json() for one in verdicts])
    for one in verdicts:
        unmatched = f"; {len(one.unmatched)} match nothing, such as '{one.unmatched[0]}'" if one.unmatched else ""
        run.listener.note(f"{one.path.name}: {one.entries} entries hold out {one.images} images{unmatched}")


def _texts(run: Run) -> pl.DataFrame | None:
    """Two hashes for every sample in the plans as they stand: of its id, and of its names."""
    files = [run.dataset.paths.split_plan(split) for split in ("train", "val")]
    if not all(read_meta(path) for path in files):
        return None
    hashes = {"id": pl.col("treeoflife_id").hash(), "texts": pl.struct(NAME_COLUMNS).hash()}
    return pl.concat([pl.scan_parquet(path).select(**hashes).collect(engine="streaming") for path in files])


def _changed(before: pl.DataFrame | None, after: pl.DataFrame | None) -> int:
    """How many samples that were planned before have other names now."""
    if before is None or after is None:
        return 0
    both = before.join(after, on="id")
    return both.filter(pl.col("texts") != pl.col("texts_right")).height


def _made(run: Run) -> dict[str, Any]:
    """What the shards are made of and how, for their indexes to say."""
    index = run.dataset.paths.encoded_index
    sources = provenance.inputs(run.containers(), lambda source, one: read_meta(index(source.name, one.name)) or {})
    return {"inputs": sources, "settings": provenance.settings(run.dataset.config)}


def _inputs(run: Run) -> dict[str, Any] | None:
    """What plans are made from; None where a part of it is not there."""
    dataset, paths = run.dataset, run.dataset.paths
    indexes = {
        f"{source.name}/{one.path.name}/{one.name}": paths.encoded_index(source.name, one.name)
        for source, one in run.containers()
    }
    if not (all(index.exists() for index in indexes.values()) and dataset.mapping.exists() and paths.names.exists()):
        return None
    config = dataset.config
    settings = config.wds.model_dump(mode="json", exclude={"keep_store"})
    marked: dict[str, Any] = {"marks": run.known.sha256(paths.marks)} if paths.marks.exists() else {}
    allowed = dataset.config.licences
    if allowed.allow:
        files = [run.known.sha256(path) for path in allowed.manifest if path.exists()]
        marked |= {"licences": [list(allowed.allow), files]}
    return marked | {
        "step": plan.STEP_VERSION,
        "duplicates": [duplicates.digest(run), config.duplicates.keep, config.one_side],
        "quality": [quality.STEP_VERSION, list(config.quality.drop)],
        "seed": config.seed,
        "wds": settings,
        "sources": [source.name for source in dataset.sources],
        "holdouts": [
            [one.path.name, run.known.sha256(one.path) if one.path.exists() else None, one.by] for one in config.holdout
        ],
        "mapping": run.known.sha256(dataset.mapping),
        "names": run.known.sha256(paths.names),
        "images": fingerprint({name: run.known.sha256(index) for name, index in indexes.items()}),
    }
