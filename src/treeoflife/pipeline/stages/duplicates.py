"""duplicates: encoded store -> groups of images that are the same picture. One task per few hundred pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from ...core.difference import difference
from ...core.files import fingerprint
from ...core.tables import Array, write_for_both
from ...errors import InputError
from ...images.store import read_meta
from ...selection.duplicates import compare, find, groups
from ...selection.duplicates.compare import Place
from ...selection.duplicates.near import Pairs
from ..run import Run
from ..stage import State, for_both, state
from . import encode


def look(run: Run) -> State:
    """Whether the groups are of the images that are in the store, and as they were written."""
    inputs, paths = _inputs(run), run.dataset.paths
    if inputs is None:
        return State(0, 1, ("not all containers are encoded yet",))
    return state(
        [for_both(run, paths.duplicates) or difference((read_meta(paths.duplicates) or {}).get("from"), inputs)]
    )


def work(run: Run) -> str:
    """Find the groups, and write them.

    Raises:
        InputError: not all containers are encoded.
    """
    inputs = _inputs(run)
    if inputs is None:
        raise InputError("not all containers are encoded yet: 'treeoflife duplicates' encodes them first")
    pictures = find.read(containers(run))
    links = find.exact_links(pictures)
    if run.dataset.config.duplicates.near:
        pairs = find.candidates(pictures, run.dataset.config.duplicates.distance)
        bring(run, pictures, np.concatenate([pairs.first, pairs.second]))
        links += find.near_links(pairs, compared(run, "duplicates", pairs, pictures.places))
    found = groups.group(len(pictures), links)
    table = pl.concat([found, pictures.told(found["row"].to_numpy())], how="horizontal").select(list(groups.COLUMNS))
    write_for_both(run.dataset.paths.duplicates, table, {"from": inputs})
    return f"{found.height} images in {found['group'].n_unique()} groups"


def containers(run: Run) -> list[find.Kept]:
    """The containers of the store."""
    paths = run.dataset.paths
    names = [(source.name, one.name) for source, one in run.containers()]
    return [find.Kept(*name, paths.encoded(*name), paths.encoded_index(*name)) for name in names]


def digest(run: Run) -> str | None:
    """What the groups are known again by; None where there are none."""
    path = run.dataset.paths.duplicates
    return run.known.sha256(path) if path.exists() else None


def bring(run: Run, pictures: find.Pictures, rows: Array) -> None:
    """See that the encoded images of these rows are there; where they were not kept, they are encoded again."""
    needed = pictures.numbers["container"].gather(rows).unique()
    encode.ensure(run, {(one.source, one.container) for one in (pictures.containers[number] for number in needed)})


def compared(run: Run, name: str, pairs: Pairs, places: Callable[[Array], tuple[Place, ...]]) -> Array:
    """Lay pictures over each other; returns of each pair whether the two are the same."""
    tasks = list(find.compare_tasks(pairs, places))
    verdicts: dict[int, tuple[bool, ...]] = {}
    numbers = {id(task): number for number, task in enumerate(tasks)}
    run.listener.start(name, len(pairs), "pairs")
    for task, verdict in run.tasks(compare.compare, tasks, lambda task: task.label):
        verdicts[numbers[id(task)]] = verdict
    run.listener.finish(f"{len(pairs)} pairs laid over each other, {sum(map(sum, verdicts.values()))} the same picture")
    return np.array([one for number in range(len(tasks)) for one in verdicts[number]], dtype=bool)


def _inputs(run: Run) -> dict[str, Any] | None:
    """What groups are made from; None where a part of it is not there."""
    indexes = {f"{one.source}/{one.container}": one.index for one in containers(run)}
    if not all(index.exists() for index in indexes.values()):
        return None
    return {
        "step": [groups.STEP_VERSION, compare.STEP_VERSION],
        "settings": run.dataset.config.duplicates.model_dump(include={"near", "distance"}),
        "images": fingerprint({name: run.known.sha256(index) for name, index in indexes.items()}),
    }
