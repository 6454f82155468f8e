"""The stages in order, what is stale, and running them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import ConfigError, InputError
from ..images.resample import resampler
from ..mapping import store
from ..selection import holdout
from .run import Run
from .stage import State
from .stages import catalog, check_taxa, checksums, duplicates, encode, mapping, metadata, pack, plan, splits, tidy
from .stages import check_shards as check_wds


@dataclass(frozen=True)
class Stage:
    """A stage of the pipeline.

    Attributes:
        name: what it is called in status.
        look: how far it is.
        work: does what is left; returns what was done, in a few words.
    """

    name: str
    look: Callable[[Run], State]
    work: Callable[[Run], str]


STAGES = (
    Stage("encode", encode.look, encode.work),
    Stage("duplicates", duplicates.look, duplicates.work),
    Stage("mapping", mapping.look, mapping.work),
    Stage("splits", splits.look, splits.work),
    Stage("metadata", metadata.look, metadata.work),
    Stage("plan", plan.look, plan.work),
    Stage("pack", pack.look, pack.work),
    Stage("check-wds", check_wds.look, check_wds.work),
    Stage("tidy", tidy.look, tidy.work),
    Stage("catalog", catalog.look, catalog.work),
    Stage("check-taxa", check_taxa.look, check_taxa.work),
    Stage("checksums", checksums.look, checksums.work),
)
"""Encoding comes first, since it needs nothing but the sources: its index spares the mapping a second reading."""

WDS = ("encode", "duplicates", "splits", "metadata", "plan", "pack")
"""The stages of the command ``wds``: a plan needs names, and where they are published nobody asks for them by hand;
splits that were made before the images were compared are made again."""


def build(run: Run, only: Iterable[str] | None = None) -> dict[str, str]:
    """Run the stages that are not up to date, in order.

    Args:
        run: the run.
        only: the names of the stages to consider; all, if not given.

    Returns:
        What each stage that ran has done.

    Raises:
        TreeoflifeError: a stage failed; those before it are done.
    """
    wanted = set(only) if only is not None else {stage.name for stage in STAGES}
    if unknown := wanted - {stage.name for stage in STAGES}:
        raise ConfigError(f"there is no stage {sorted(unknown)}; there are {[stage.name for stage in STAGES]}")
    _check_inputs(run)
    if wanted.issuperset(WDS):
        checksums.mend(run)
    done: dict[str, str] = {}
    for stage in STAGES:
        if stage.name in wanted and not stage.look(run).fresh:
            checksums.begin(run)
            done[stage.name] = stage.work(run)
    return done


def up_to(last: str) -> list[str]:
    """The names of the stages up to and with ``last``.

    Raises:
        ConfigError: there is no such stage.

    >>> up_to("splits")
    ['encode', 'duplicates', 'mapping', 'splits']
    """
    names = [stage.name for stage in STAGES]
    if last not in names:
        raise ConfigError(f"there is no stage '{last}'; there are: {', '.join(names)}")
    return names[: names.index(last) + 1]


def _check_inputs(run: Run) -> None:
    """See that all that the configuration names is there and can be read, before hours of work rest on it.

    Raises:
        InputError: something is missing or malformed; the message names it.
        MissingExtra: a package that the configuration asks for is not installed.
    """
    config = run.dataset.config
    resampler(config.images.resampler, config.images.filter)
    run.containers()
    for table, model in {"mapping": config.mapping, "names": config.names}.items():
        for key, value in model:
            if isinstance(value, Path) and not value.exists():
                raise InputError(f"[{table}] {key}: there is no {value}")
    for one in config.holdout:
        holdout.read(one)
    if config.mapping.published:
        store.check(run.dataset.mapping, run.dataset.sources)


def status(run: Run) -> dict[str, State]:
    """How far every stage is."""
    return {stage.name: stage.look(run) for stage in STAGES}
