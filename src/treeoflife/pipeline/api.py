"""``treeoflife.build``, ``status`` and ``verify``: the pipeline for Python programs and notebooks."""

import os
from pathlib import Path

from ..core.progress import Listener, SilentListener
from . import build as stages
from . import verify as verification
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
