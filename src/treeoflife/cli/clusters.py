"""The commands for clusters: what runs, ending it, and plain sbatch scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..errors import ConfigError, TreeoflifeError
from .common import DEFAULT_CONFIG, ConfigOption, JsonOption, WorkersOption, say, show

if TYPE_CHECKING:
    from ..pipeline.workspace import Workspace

_JOBS_SHOWN = 20
_JOBS_SHOWN_BY_STATUS = 3


def detach_driver(config: Path, engine: str | None, *arguments: str) -> None:
    """Submit a small Slurm job that runs ``treeoflife ARGUMENTS --config CONFIG --engine slurm``."""
    from ..core.lock import exclusive_lock
    from ..engines.slurm.driver import submit_driver
    from ..pipeline.opening import prepare
    from ..pipeline.workspace import open_workspace

    workspace = open_workspace(config, engine=engine)
    if workspace.config.engine.name != "slurm":
        raise ConfigError(f"--detach works with the engine slurm only, not with {workspace.config.engine.name}")
    prepare(workspace)
    with exclusive_lock(workspace.paths.lock):
        words = [*arguments, "--config", str(config.resolve()), "--engine", "slurm"]
        job, log = submit_driver(workspace.config.engine.driver_slurm, workspace.paths.jobs, words)
    print(f"Slurm job {job} drives the build; its log is {log}\nsee it with: treeoflife jobs --config {config}")
    print(f"end it with: treeoflife cancel --config {config}")


def jobs(
    config: ConfigOption = DEFAULT_CONFIG,
    *,
    everything: Annotated[bool, typer.Option("--all", help="Show runs that ended long ago as well.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Say what runs on the cluster, and what failed."""
    from ..engines.run_status import read_run_statuses
    from ..pipeline.workspace import open_workspace

    paths = open_workspace(config).paths
    runs = read_run_statuses(paths.jobs, paths.lock, include_ended=everything)
    if as_json:
        show([asdict(run) for run in runs])
        return
    for run in runs:
        for line in run.lines(_JOBS_SHOWN):
            say(line)
    if not runs:
        print("no runs on a cluster so far")


def running_jobs(workspace: Workspace) -> Iterator[str]:
    """A few lines for each run on a cluster that has not ended."""
    from ..engines.run_status import read_run_statuses

    for run in read_run_statuses(workspace.paths.jobs, workspace.paths.lock):
        if run.state in ("pending", "running"):
            yield from run.lines(_JOBS_SHOWN_BY_STATUS)


def cancel(config: ConfigOption = DEFAULT_CONFIG) -> None:
    """End the build that works on the dataset, and its jobs."""
    from ..engines.run_control import cancel_runs
    from ..pipeline.workspace import open_workspace

    paths = open_workspace(config).paths
    for line in cancel_runs(paths.jobs, paths.lock) or ["nothing runs"]:
        print(line)


def export_slurm(
    folder: Annotated[Path, typer.Argument(help="Where the scripts go.")],
    config: ConfigOption = DEFAULT_CONFIG,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="Nodes of the script that uses Ray.")] = 2,
    cpus: Annotated[
        int, typer.Option("--cpus", min=1, help="Cores per node of the scripts that use whole nodes.")
    ] = 32,
) -> None:
    """Write sbatch scripts to submit by hand."""
    from ..core.files import write_text
    from ..engines.slurm.scripts import Scripts
    from ..pipeline.shares import costs
    from ..pipeline.workspace import open_workspace

    workspace = open_workspace(config)
    logs = workspace.paths.logs.absolute()
    logs.mkdir(parents=True, exist_ok=True)
    scripts = Scripts(workspace.config.engine.driver_slurm, config.resolve(), logs, cpus, nodes).texts(costs(workspace))
    if existing := [name for name in scripts if (folder / name).exists()]:
        raise TreeoflifeError(f"{folder / existing[0]} exists already; remove it, or name another folder")
    for name, text in scripts.items():
        write_text(folder / name, text)
        print(f"wrote {folder / name}")
    (folder / "submit.sh").chmod(0o755)
    print(
        f"\n{folder / 'submit.sh'} submits the numbered scripts, each to start after the one before it. Or submit one "
        "of the others with sbatch: driver (submits array jobs itself), one-node, ray-nodes (one allocation)"
    )


def share(
    stage: Annotated[str, typer.Argument(help="encode or pack.")],
    which: Annotated[str, typer.Argument(metavar="NUMBER/OF", help="0/100 is the first share of a hundred.")],
    config: ConfigOption = DEFAULT_CONFIG,
    workers: WorkersOption = None,
) -> None:
    """Make a share of a stage, as the scripts of export-slurm do.

    'build' makes what is left.
    """
    from ..core.terminal import listening
    from ..pipeline.shares import Share, make_share
    from ..pipeline.workspace import open_workspace

    workspace = open_workspace(config, workers, "local")
    with listening() as listener:
        print(f"{stage} {which}: {make_share(workspace, stage, Share.parse(which), listener)}")
