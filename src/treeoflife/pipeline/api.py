"""``treeoflife.build``, ``status``, ``verify`` and ``leaks``: the pipeline for Python programs and notebooks."""

import os
from collections.abc import Sequence
from pathlib import Path

from ..core.progress import Listener, SilentListener
from ..evaluation.leak_table import Leaks
from ..evaluation.leaks import hold_out
from ..sources.lists.id_columns import parse_named
from . import build as stages
from . import verify as verification
from .evaluate import encode_and_find_leaks
from .opening import inspecting, verifying, working
from .stage import State
from .verify import Verdict
from .workspace import open_workspace


def build(
    config_path: str | os.PathLike[str],
    *,
    workers: int | None = None,
    engine: str | None = None,
    until: str | None = None,
    listener: Listener | None = None,
) -> dict[str, str]:
    """Build a dataset: run every stage that is not up to date.

    Args:
        config_path: the dataset.toml, or the folder with it.
        workers: the number of processes, instead of the configured one.
        engine: where tasks run (``local``, ``serial``, ``slurm``, ``ray``), instead of the configured engine.
        until: the last stage to run; all of them, if not given.

    Returns:
        A summary of each stage that ran, by its name; empty if all are up to date.

    Raises:
        ConfigError: the configuration, the engine or the name of the stage is wrong.
        BusyError: another run works on the dataset.
        TreeoflifeError: a stage failed; the stages before it are done.
    """
    with working(open_workspace(Path(config_path), workers, engine), listener) as session:
        return stages.build(session, stages.up_to(until) if until else stages.ORDER)


def status(config_path: str | os.PathLike[str]) -> dict[str, State]:
    """How far every stage of a build is, by its name; ``State.fresh`` says whether a stage is up to date.

    Raises:
        ConfigError: the configuration is wrong.
    """
    with inspecting(open_workspace(Path(config_path))) as session:
        return stages.status(session)


def verify(
    out_path: str | os.PathLike[str],
    *,
    workers: int | None = None,
    engine: str | None = None,
    sample: int | None = None,
    sources: bool = True,
    seed: int | None = None,
    listener: Listener | None = None,
) -> Verdict:
    """Verify a finished dataset: hash every file again, and follow samples back to the store and the source.

    Args:
        out_path: the folder of the dataset, or its dataset.toml.
        workers: the number of processes, instead of the configured one.
        engine: where tasks run, instead of the configured engine.
        sample: how many samples to draw at random and follow; all, if not given.
        sources: whether the files of the sources are read again too.
        seed: the seed of the draw; without it, every draw differs.

    Returns:
        What was read, and in ``Verdict.damage`` everything that is not as it was written.

    Raises:
        InputError: the dataset is not finished.
        BusyError: another run works on the dataset.
    """
    with verifying(open_workspace(Path(out_path), workers, engine), listener or SilentListener()) as session:
        return verification.verify(session, sample, sources=sources, seed=seed)


def leaks(
    config_path: str | os.PathLike[str],
    against: str | os.PathLike[str],
    *,
    columns: Sequence[str] = (),
    drop: bool = False,
    workers: int | None = None,
    engine: str | None = None,
    listener: Listener | None = None,
) -> Leaks:
    """The images of a dataset that are in a benchmark: by their ids and addresses, their bytes, and what they show.

    Args:
        config_path: the dataset.toml, or the folder with it.
        against: a folder of images, WebDataset shards, Parquet, or hashes; or a list of ids or addresses, or the
            catalog of another dataset.
        columns: what columns of a list hold, as ``gbif_id=NAME``; ``gbif_id`` alone for a list without a header. See
            :mod:`treeoflife.sources.lists.id_columns` for the kinds of ids.
        drop: whether the next build leaves out what is found.
        workers: the number of processes, instead of the configured one.
        engine: where tasks run, instead of the configured engine.

    Returns:
        The counts by way and split, and the table of all pairs: ``Leaks.scan()``.

    Raises:
        ConfigError: the configuration is wrong, or images are compared and were encoded without hashes.
        InputError: the benchmark cannot be read, or no column of it identifies images.
        BusyError: another run works on the dataset.
    """
    named = parse_named(columns)
    with working(open_workspace(Path(config_path), workers, engine), listener) as session:
        (found,) = encode_and_find_leaks(session, [Path(against)], named)
        if drop and found.images:
            hold_out(session.workspace.paths, found)
        return found
