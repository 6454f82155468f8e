"""checksums: every file of the dataset -> SHA256SUMS.

While the list exists, this program has not written to the dataset since: the list is removed before any stage works. So
a file that is not as the list says was changed by something else, and is made again.
"""

from collections.abc import Sequence
from pathlib import Path

from ...config.paths import Paths
from ...core import checksums
from ...core.files import exists
from ...core.progress import Listener
from ..stage import Evidence, Item, Job, Stage
from ..workspace import Workspace


def declare(workspace: Workspace, stages: Sequence[Stage]) -> Stage:
    """The stage; its inputs are the outputs of all the others."""
    paths = workspace.paths

    def digests(evidence: Evidence) -> dict[str, str | None]:
        return {evidence.name(path): evidence.sha256(path) for path in outputs(paths, stages)}

    return Stage(
        name="checksums",
        needs=tuple(stage.name for stage in stages),
        version=1,
        settings={},
        items=lambda: [Item("checksums", {"files": digests}, (paths.checksums,))],
        run=lambda job: _write(paths, stages, job),
    )


def outputs(paths: Paths, stages: Sequence[Stage]) -> list[Path]:
    """Every file that the stages have made: no inputs, logs or reports. Shards of other plans count too."""
    declared = (path for stage in stages for item in stage.items() for path in (*item.outputs, *item.optional))
    return [path for path in dict.fromkeys((*declared, *paths.shard_files())) if exists(path)]


def _write(paths: Paths, stages: Sequence[Stage], job: Job) -> str:
    files = outputs(paths, stages)
    job.runner.listener.start("checksums", len(files), "files")
    names = [paths.name(path) for path in files]
    checksums.write(paths.checksums, {name: job.hashes.sha256(path) for name, path in zip(names, files, strict=True)})
    summary = f"{len(files)} files"
    job.runner.listener.finish(summary)
    return summary


def remove_changed(paths: Paths, stages: Sequence[Stage], evidence: Evidence, listener: Listener) -> None:
    """Remove the files that are not as the list says, so that the stages make them again."""
    listed = checksums.read(paths.checksums)
    if listed is None or not listed.intact:
        return
    for path in outputs(paths, stages):
        name = evidence.name(path)
        if name in listed.digests and evidence.sha256(path) != listed.digests[name]:
            listener.note(f"{name} is not the one that was written; it is made again")
            path.unlink()
