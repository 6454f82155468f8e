"""Opening a dataset: its stages are declared, it is locked for those that change it, and what is known is loaded."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from ..core.files import exists, remove_leftovers
from ..core.hash_cache import HashCache
from ..core.lock import exclusive_lock
from ..core.progress import Listener, SilentListener
from ..engines.base import Engine
from ..engines.registry import make_engine
from ..engines.run_control import end_orphaned_runs
from ..engines.serial import SerialEngine
from ..engines.tasks import TaskRunner
from .boundaries import check_nothing_in_the_way
from .session import Session
from .stage import Evidence, Snapshot, Stage
from .stage_records import StageRecords
from .storage import end_uploads, take_over
from .workspace import Workspace


def declare(workspace: Workspace) -> tuple[Stage, ...]:
    """Every stage of a dataset, in the order of the build; last the report, which only its own command makes.

    Images on the web are fetched first. Encoding needs nothing but the sources, and its indexes spare the mapping a
    second reading.
    """
    # Imported here, so that a worker can start at the same time.
    from .stages import (
        card,
        catalog,
        check_shards,
        check_taxa,
        checksums,
        duplicates,
        encode,
        fetch,
        mapping,
        metadata,
        pack,
        plan,
        provenance,
        report,
        scores,
        splits,
        texts,
        tidy,
        withdrawn,
    )
    from .stages import credits as credits_stage

    modules = (
        withdrawn, fetch, encode, duplicates, mapping, provenance, texts, scores, splits, metadata, plan, pack,
        check_shards, tidy, catalog, check_taxa, credits_stage, card,
    )  # fmt: skip
    stages = [module.declare(workspace) for module in modules]
    return (*stages, checksums.declare(workspace, stages), report.declare(workspace))


def stages_of(workspace: Workspace) -> dict[str, Stage]:
    """The same by name."""
    return {stage.name: stage for stage in declare(workspace)}


def prepare(workspace: Workspace) -> None:
    """Make the folder of a dataset ready for a run; for the first one, see that it holds nothing of others.

    Raises:
        ConfigError: a file is in the way of the dataset's own.
    """
    from .stages import checksums

    check_nothing_in_the_way(workspace.paths, checksums.outputs(workspace.paths, declare(workspace)))
    workspace.paths.root.mkdir(parents=True, exist_ok=True)


@contextmanager
def working(workspace: Workspace, listener: Listener | None = None) -> Iterator[Session]:
    """Work on a dataset, alone. What killed runs left behind is removed first.

    Raises:
        BusyError: another run works on it.
        ConfigError: before the first run, a file of others is in the way.
    """
    with closing(make_engine(workspace.config.engine, workspace.paths.logs)) as engine:
        _prepare_first_build(workspace, engine)
        prepare(workspace)
        with _locked(workspace, engine, listener or SilentListener()) as session:
            yield session


def _prepare_first_build(workspace: Workspace, engine: Engine) -> None:
    """Start a worker where everything is to be made: it takes as long to start as this process to open the dataset."""
    if not exists(workspace.paths.stage_records):
        engine.prepare(["treeoflife.images.encode", *sorted({type(one).__module__ for one in workspace.sources})])


@contextmanager
def _locked(workspace: Workspace, engine: Engine, listener: Listener) -> Iterator[Session]:
    paths = workspace.paths
    with exclusive_lock(paths.lock) as hold:
        end_orphaned_runs(paths.jobs)
        remove_leftovers(paths.written_folders(), paths.written_files())
        workspace.remove_left_tables()
        take_over(paths, listener or SilentListener())
        try:
            # Workers end before what they leave is removed.
            with closing(engine), _opened(workspace, TaskRunner(engine, listener, paths.failures)) as session:
                for path in sorted(paths.share_records.glob("*.sqlite")):
                    session.evidence.hashes.merge(path)
                    session.evidence.records.merge(path)
                    path.unlink()
                session.check_lock = hold.check
                yield session
        finally:
            if not hold.is_lost():
                remove_leftovers(paths.written_folders(), paths.written_files())
                end_uploads(paths, SilentListener())


@contextmanager
def inspecting(workspace: Workspace) -> Iterator[Session]:
    """Look at a dataset without changing it; others may work on it meanwhile."""
    with _opened(workspace, TaskRunner(SerialEngine(), SilentListener()), Snapshot, writable=False) as session:
        yield session


@contextmanager
def verifying(workspace: Workspace, listener: Listener) -> Iterator[Session]:
    """Run tasks that change nothing: a dataset that cannot be written to is not locked, and logs go elsewhere."""
    root, lock = workspace.paths.root, workspace.paths.lock
    if os.access(root, os.W_OK) and (os.access(lock, os.W_OK) or not exists(lock)):
        with working(workspace, listener) as session:
            yield session
        return
    with (
        TemporaryDirectory() as logs,
        closing(make_engine(workspace.config.engine, Path(logs))) as engine,
        _opened(workspace, TaskRunner(engine, listener, Path(logs, "failures.log")), writable=False) as session,
    ):
        yield session


@contextmanager
def _opened(
    workspace: Workspace, runner: TaskRunner, evidence: type[Evidence] = Evidence, *, writable: bool = True
) -> Iterator[Session]:
    paths = workspace.paths
    with (
        closing(HashCache(paths.hash_cache, create=writable)) as hashes,
        closing(StageRecords(paths.stage_records, writable=writable)) as records,
    ):
        yield session_over(workspace, evidence(paths, hashes, records), runner)


def session_over(workspace: Workspace, evidence: Evidence, runner: TaskRunner) -> Session:
    """A session with all stages declared."""
    return Session(workspace, evidence, runner, stages_of(workspace), partial(stages_of, workspace))
