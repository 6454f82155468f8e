"""checksums: every file of the dataset -> SHA256SUMS.

While the list stands, nothing of this program has written to the dataset since: every stage takes it away before it
works. So a file that is not as the list says was changed by something else, and is made again.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...core import checksums as sums
from ...core.values import SPLITS
from ...taxonomy.lookups import lookup_file
from ..run import Run
from ..stage import State, state


def look(run: Run) -> State:
    """Whether the list names every file, each as it is."""
    listed = sums.read(run.dataset.paths.sums)
    if listed is None:
        return State(0, 1, ("not written yet",))
    if not listed.whole:
        return State(0, 1, ("SHA256SUMS is not the one that was written",))
    there = {name_of(run, path): path for path in outputs(run)}
    return state(
        [_why(run, name, there.get(name), listed.digests.get(name)) for name in sorted({*there, *listed.digests})]
    )


def _why(run: Run, name: str, path: Path | None, digest: str | None) -> str | None:
    if path is None:
        return f"{name} is gone"
    if digest is None:
        return f"{name} is new"
    return None if run.known.sha256(path) == digest else f"{name} is not the one that was written"


def work(run: Run) -> str:
    """Write the list."""
    files = list(outputs(run))
    run.listener.start("checksums", len(files), "files")
    sums.write(run.dataset.paths.sums, {name_of(run, path): run.known.sha256(path) for path in files})
    summary = f"{len(files)} files"
    run.listener.finish(summary)
    return summary


def begin(run: Run) -> None:
    """Take the list away, since the dataset is about to change."""
    run.dataset.paths.sums.unlink(missing_ok=True)


def mend(run: Run) -> list[str]:
    """Remove what is not as the list says, so that the stages make it again; returns the names."""
    listed = sums.read(run.dataset.paths.sums)
    if listed is None or not listed.whole:
        return []
    changed = [
        path
        for path in outputs(run)
        if (digest := listed.digests.get(name_of(run, path))) and run.known.sha256(path) != digest
    ]
    for path in changed:
        run.listener.note(f"{name_of(run, path)} is not the one that was written; it is made again")
        path.unlink()
    return [name_of(run, path) for path in changed]


def outputs(run: Run) -> Iterator[Path]:
    """Every file of the dataset that the stages have made: no inputs, no logs, no reports."""
    paths, config = run.dataset.paths, run.dataset.config
    inputs = {config.mapping.published and config.mapping.published.resolve()}
    if config.names.lookups:
        inputs |= {lookup_file(config.names.lookups, one.name).resolve() for one in run.dataset.sources}
    every = (*_metadata(run), paths.ledger, *_images(run), *_shards(run), paths.catalog_csv, paths.catalog)
    yield from (path for path in every if path.is_file() and path.resolve() not in inputs)


def _metadata(run: Run) -> Iterator[Path]:
    paths = run.dataset.paths
    yield from (run.dataset.mapping, paths.names, paths.name_findings, paths.name_findings_csv)
    yield from (paths.scientific_to_common, paths.predicted_catalog)
    yield from (paths.duplicates_csv, paths.duplicates, paths.conflicts_csv, paths.conflicts)
    yield from (paths.findings("duplicates"), paths.findings("quality"))
    yield from (lookup_file(paths.naming, source.name) for source in run.dataset.sources)


def _images(run: Run) -> Iterator[Path]:
    for source, one in run.containers():
        yield run.dataset.paths.encoded(source.name, one.name)
        yield run.dataset.paths.encoded_index(source.name, one.name)


def _shards(run: Run) -> Iterator[Path]:
    paths = run.dataset.paths
    for split in SPLITS:
        yield from (paths.split_plan(split), paths.sizes(split), paths.wids(split))
        yield from sorted(paths.split(split).glob("shard-*.tar"))
        yield from sorted(paths.shard_index(split, 0).parent.glob("shard-*.parquet"))


def name_of(run: Run, path: Path) -> str:
    """What the list calls a file."""
    return path.relative_to(run.dataset.paths.root).as_posix()
