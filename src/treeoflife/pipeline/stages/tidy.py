"""tidy: where the store is not to be kept, its images are removed once the shards are checked; its indexes stay."""

from pathlib import Path

from ...core.files import exists
from ..stage import Item, Job, Stage
from ..workspace import Workspace


def declare(workspace: Workspace) -> Stage:
    """The stage. A later change that needs a removed image encodes its container again."""
    return Stage(
        name="tidy",
        needs=("check-wds",),
        version=1,
        settings={},
        items=lambda: [Item(name, unwanted=(tar,)) for name, tar in _unwanted(workspace).items()],
        run=lambda job: _remove(_unwanted(workspace), job),
    )


def _unwanted(workspace: Workspace) -> dict[str, Path]:
    """The tars of the store that are not to be kept, by container."""
    if workspace.config.wds.keep_store:
        return {}
    tars = {one.label: workspace.paths.encoded(one.source, one.name) for _, one in workspace.containers()}
    return {name: tar for name, tar in tars.items() if exists(tar)}


def _remove(tars: dict[str, Path], job: Job) -> str:
    job.runner.listener.start("tidy", len(tars), "files")
    for tar in tars.values():
        tar.unlink(missing_ok=True)
        job.runner.listener.advance(1)
    summary = f"{len(tars)} containers removed from the encoded store"
    job.runner.listener.finish(summary)
    return summary
