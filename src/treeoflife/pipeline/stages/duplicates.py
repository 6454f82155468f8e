"""duplicates: encoded store -> groups of images that are the same picture. One task per few hundred pairs."""

import numpy as np
import polars as pl

from ...config.tables import Duplicates
from ...core.files import exists
from ...core.tables import Array, write_csv_and_parquet
from ...selection.duplicates import compare, find, groups
from ..stage import Item, Job, Stage, digest_of
from ..workspace import Workspace


def declare(workspace: Workspace) -> Stage:
    """The stage. Groups depend on the images in the store alone: not on ids, names or splits."""
    paths, settings = workspace.paths, workspace.config.duplicates
    item = Item(
        "duplicates",
        inputs={"images": digest_of(workspace.indexes())},
        outputs=(paths.duplicates_csv, paths.duplicates),
        requires=tuple(workspace.indexes().values()),
    )
    return Stage(
        name="duplicates",
        needs=("encode",),
        version=[groups.STEP_VERSION, compare.STEP_VERSION],
        settings={"settings": settings.model_dump(include={"near", "distance"})},
        items=lambda: [item],
        run=lambda job: _find(stored_containers(workspace), settings, workspace, job),
    )


def stored_containers(workspace: Workspace) -> list[find.StoredContainer]:
    """The containers of the store."""
    paths = workspace.paths
    names = [(source.name, container.name) for source, container in workspace.containers()]
    return [find.StoredContainer(*name, paths.encoded(*name), paths.encoded_index(*name)) for name in names]


def _find(containers: list[find.StoredContainer], settings: Duplicates, workspace: Workspace, job: Job) -> str:
    """Find the groups, and write them."""
    images = find.read_store(containers)
    links = find.link_identical(images)
    if settings.near:
        pairs = find.find_candidates(images, settings.distance, links)
        job.remake("encode", missing_tars(images, np.concatenate([pairs.first, pairs.second])))
        links += find.link_near(pairs, find.compare_pairs(pairs, images.locations, job.runner, "duplicates"))
    members = groups.group_rows(len(images), links)
    files = images.describe(members["row"].to_numpy())
    table = pl.concat([members, files], how="horizontal").select(list(groups.COLUMNS))
    write_csv_and_parquet(workspace.paths.duplicates, table, {})
    return f"{members.height} images in {members['group'].n_unique()} groups"


def missing_tars(images: find.StoredImages, rows: Array) -> set[str]:
    """The containers, as items of encode, that hold these rows and whose encoded images were not kept."""
    numbers = images.numbers["container"].gather(rows).unique()
    containers = (images.containers[number] for number in numbers)
    return {f"{one.source}/{one.container}" for one in containers if not exists(one.tar)}
