"""The commands for clusters: what runs, ending it, and plain sbatch scripts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError, TreeoflifeError
from .common import DEFAULT_CONFIG, ConfigOption, JsonOption, WorkersOption, dataset_of, say, show

if TYPE_CHECKING:
    from ..pipeline.run import Dataset

DetachOption = Annotated[
    bool, typer.Option("--detach", help="With the engine slurm: let a small job drive the rest, and return at once.")
]
_SHOWN = 20
_SHOWN_BY_STATUS = 3


def detach(config: Path, engine: str | None, *arguments: str) -> None:
    """Let a small Slurm job run ``treeoflife ARGUMENTS --config CONFIG --engine slurm``."""
    from ..core.lock import locked
    from ..engines.slurm.scripts import submit_driver

    dataset = dataset_of(config, engine=engine)
    if dataset.config.engine.name != "slurm":
        raise ConfigError(f"--detach goes with the engine slurm, not with {dataset.config.engine.name}")
    with locked(dataset.paths.lock):
        words = [*arguments, "--config", str(config.resolve()), "--engine", "slurm"]
        job, log = submit_driver(dataset.config.engine.slurm, dataset.paths.jobs, words)
    print(f"Slurm job {job} drives the build; it writes {log}\nsee it with: treeoflife jobs --config {config}")
    print(f"end it with: treeoflife cancel --config {config}")


def jobs(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Runs that ended long ago as well.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what runs on the cluster, what failed, and where the logs are."""
    from ..engines.overview import overview

    dataset = dataset_of(config)
    runs = overview(dataset.paths.jobs, dataset.paths.lock, everything=everything)
    if as_json:
        show([run.to_json() for run in runs])
        return
    for run in runs:
        for line in run.lines(_SHOWN):
            say(line)
    if not runs:
        print("no runs on a cluster so far")


def going_on(dataset: Dataset) -> Iterator[str]:
    """A few lines for each run on a cluster that goes on."""
    from ..engines.overview import overview

    for run in overview(dataset.paths.jobs, dataset.paths.lock):
        if run.state in ("pending", "running"):
            yield from run.lines(_SHOWN_BY_STATUS)


def cancel(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """End the build that works on the dataset, and its jobs."""
    from ..engines.overview import cancel_all

    dataset = dataset_of(config)
    ended = cancel_all(dataset.paths.jobs, dataset.paths.lock)
    for line in ended or ["nothing runs"]:
        print(line)


def export_slurm(
    folder: Annotated[Path, typer.Argument(help="Where the scripts go.")],
    config: ConfigOption = DEFAULT_CONFIG,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="Nodes of the script that uses Ray.")] = 2,
    cpus: Annotated[
        int, typer.Option("--cpus", min=1, help="Cores per node of the scripts that use whole nodes.")
    ] = 32,
) -> None:
    """Write plain sbatch scripts, to read, edit and submit by hand."""
    from ..core.files import write_text
    from ..engines.slurm.scripts import Scripts
    from ..pipeline.shares import costs

    dataset = dataset_of(config)
    logs = dataset.paths.logs.absolute()
    logs.mkdir(parents=True, exist_ok=True)
    texts = Scripts(dataset.config.engine.slurm, config.resolve(), logs, cpus, nodes).texts(costs(dataset))
    if there := [name for name in texts if (folder / name).exists()]:
        raise TreeoflifeError(f"{folder / there[0]} is there already")
    for name, text in texts.items():
        write_text(folder / name, text)
        print(f"wrote {folder / name}")
    (folder / "submit.sh").chmod(0o755)
    print(
        f"\n{folder / 'submit.sh'} submits the numbered ones, each after the one before it. Or submit one of the "
        "others with sbatch: driver (submits array jobs itself), one-node, ray-nodes (one allocation)"
    )


def share(
    stage: Annotated[str, typer.Argument(help="encode or pack.")],
    which: Annotated[str, typer.Argument(metavar="NUMBER/OF", help="0/100 is the first share of a hundred.")],
    config: ConfigOption = DEFAULT_CONFIG,
    workers: WorkersOption = None,
) -> None:
    """Do a share of a stage, on this computer: what the scripts of export-slurm run. 'build' does what is left."""
    from ..core.terminal import listener
    from ..pipeline import shares

    dataset = dataset_of(config, workers, "local")
    print(f"{stage} {which}: {shares.work(dataset, stage, shares.Share.parse(which), listener())}")
