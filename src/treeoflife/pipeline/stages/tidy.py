"""tidy: what is no longer needed goes from the store, once the shards are checked.

That is the images, where the configuration does not keep them; their indexes stay. And it is all of the containers that
no source has any more, such as an archive that was removed: nobody would ever look at them again, or count them.
"""

from collections.abc import Iterator
from pathlib import Path

from ...core.files import exists
from ...core.parquet_meta import read_meta
from ..stage import Item, Job, Stage
from ..workspace import Workspace


def declare(workspace: Workspace) -> Stage:
    """The stage. A later change that needs a removed image encodes its container again."""
    return Stage(
        name="tidy",
        needs=("check-wds",),
        version=1,
        settings={},
        items=lambda: [Item(name, unwanted=files) for name, files in _unwanted(workspace).items()],
        run=lambda job: _remove(workspace, job),
    )


def _unwanted(workspace: Workspace) -> dict[str, tuple[Path, ...]]:
    """The files of the store that are not to be kept, by container."""
    return {**_former_containers(workspace), **_images_not_kept(workspace)}


def _images_not_kept(workspace: Workspace) -> dict[str, tuple[Path, ...]]:
    if workspace.config.wds.keep_store:
        return {}
    tars = {one.label: workspace.paths.encoded(one.source, one.name) for _, one in workspace.containers()}
    return {name: (tar,) for name, tar in tars.items() if exists(tar)}


def _former_containers(workspace: Workspace) -> dict[str, tuple[Path, ...]]:
    """The files of containers that no source has any more."""
    current = set(workspace.indexes().values())
    former = (index for index in _indexes(workspace.paths.store) if index not in current and _is_ours(index))
    # The index goes last: without it, nothing would say whose the tar is.
    files: dict[str, tuple[Path, ...]] = {}
    for index in former:
        source, name = index.parent.name, index.stem
        files[f"{source}/{name}"] = (workspace.paths.encoded(source, name), index)
    for path, (source, name) in workspace.paths.unfinished_files().items():
        if workspace.paths.encoded_index(source, name) not in current:
            files[f"{source}/{name}"] = (path, *files.get(f"{source}/{name}", ()))
    return files


def _indexes(store: Path) -> Iterator[Path]:
    folders = (folder for folder in sorted(store.iterdir()) if folder.is_dir()) if store.is_dir() else ()
    return (path for folder in folders for path in sorted(folder.iterdir()) if _may_be_index(path))


def _may_be_index(path: Path) -> bool:
    return path.suffix == ".parquet" and not path.name.startswith(".")


def _is_ours(index: Path) -> bool:
    return "content" in (read_meta(index) or {})


def _remove(workspace: Workspace, job: Job) -> str:
    former, unwanted = _former_containers(workspace), _unwanted(workspace)
    job.runner.listener.start("tidy", len(unwanted), "containers")
    for files in unwanted.values():
        for path in files:
            path.unlink(missing_ok=True)
        job.runner.listener.advance(1)
    if former:
        job.runner.listener.note(f"no source has {len(former)} containers any more, such as {next(iter(former))}")
    summary = f"{len(unwanted)} containers removed from the encoded store"
    job.runner.listener.finish(summary)
    return summary
