"""tidy: where the store is not to be kept, its images go once the shards are checked; its indexes stay."""

from __future__ import annotations

from pathlib import Path

from ..run import Run
from ..stage import State, state


def look(run: Run) -> State:
    """Whether there are encoded images that are not to be kept."""
    return state("the configuration does not keep them" for _ in _unwanted(run))


def work(run: Run) -> str:
    """Remove the encoded images. A later change that needs one encodes its container again."""
    unwanted = _unwanted(run)
    run.listener.start("tidy", len(unwanted), "files")
    for tar in unwanted:
        tar.unlink(missing_ok=True)
        run.listener.advance(1)
    summary = f"{len(unwanted)} containers removed from the encoded store"
    run.listener.finish(summary)
    return summary


def _unwanted(run: Run) -> list[Path]:
    paths = run.dataset.paths
    if run.dataset.config.wds.keep_store:
        return []
    tars = (paths.encoded(source.name, one.name) for source, one in run.containers())
    return [tar for tar in tars if tar.exists()]
