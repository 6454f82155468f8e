"""The commands for clusters: what runs, ending it, and plain sbatch scripts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError, TreeoflifeError
from .common import DEFAULT_CONFIG, ConfigOption, JsonOption, dataset_of, show

if TYPE_CHECKING:
    from ..dataset import Dataset

DetachOption = Annotated[
    bool, typer.Option("--detach", help="With the engine slurm: let a small job drive the rest, and return at once.")
]
_SHOWN = 20


def detach(config: Path, engine: str | None, *arguments: str) -> None:
    """Let a small Slurm job run ``treeoflife ARGUMENTS --config CONFIG --engine slurm``."""
    from ..engines.slurm_scripts import submit_driver
    from ..lock import locked

    dataset = dataset_of(config, engine=engine)
    if dataset.config.engine.name != "slurm":
        raise ConfigError(f"--detach goes with the engine slurm, not with {dataset.config.engine.name}")
    with locked(dataset.paths.lock):
        words = [*arguments, "--config", str(config.resolve()), "--engine", "slurm"]
        job, log = submit_driver(dataset.config.engine.slurm, dataset.paths.logs / "jobs", words)
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
    from ..terminal import printable

    runs = overview(_jobs_folder(dataset_of(config)), everything=everything)
    if as_json:
        show([run.to_json() for run in runs])
        return
    for run in runs:
        for line in run.lines(_SHOWN):
            print(printable(line))
    if not runs:
        print("no runs on a cluster so far")


def cancel(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """End the build that works on the dataset, and its jobs."""
    from ..engines.overview import cancel_all

    dataset = dataset_of(config)
    ended = cancel_all(_jobs_folder(dataset), dataset.paths.lock)
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
    from ..engines import slurm_scripts as scripts
    from ..files import write_text

    dataset = dataset_of(config)
    table, path, logs = dataset.config.engine.slurm, config.resolve(), dataset.paths.logs.absolute()
    logs.mkdir(parents=True, exist_ok=True)
    arguments = ["build", "--config", str(path), "--engine", "slurm"]
    texts = {
        "driver.sbatch": scripts.driver_script(table, "treeoflife-driver", arguments, logs / "driver.log"),
        "one-node.sbatch": scripts.node_script(table, path, logs / "one-node.log", cpus),
        "ray-nodes.sbatch": scripts.ray_script(table, path, logs / "ray-nodes.log", nodes, cpus),
    }
    for name in texts:
        if (folder / name).exists():
            raise TreeoflifeError(f"{folder / name} is there already")
    for name, text in texts.items():
        write_text(folder / name, text)
        print(f"wrote {folder / name}")
    print(
        "submit one of them with sbatch: driver (array jobs), one-node (no cluster engine), ray-nodes (one allocation)"
    )


def _jobs_folder(dataset: Dataset) -> Path:
    return dataset.paths.logs / "jobs"
