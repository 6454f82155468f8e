"""The status of runs on a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from treeoflife.core.lock import exclusive_lock
from treeoflife.engines.run_control import end_orphaned_runs
from treeoflife.engines.run_folder import create_run_folder
from treeoflife.engines.run_status import read_run_statuses

KILLED_DRIVER = """
import os, sys
from pathlib import Path
from treeoflife.engines.run_folder import create_run_folder
from treeoflife.core.lock import exclusive_lock
out = Path(sys.argv[1])
with exclusive_lock(out / ".lock"):
    create_run_folder(out / "jobs", "ray", "encode", 3)
    os.kill(os.getpid(), 9)
"""


def states(out: Path) -> list[str]:
    return [run.state for run in read_run_statuses(out / "jobs", out / ".lock")]


def test_a_run_is_running_while_its_driver_holds_the_lock(tmp_path: Path) -> None:
    """Until the driver records its end."""
    with exclusive_lock(tmp_path / ".lock"):
        run = create_run_folder(tmp_path / "jobs", "ray", "encode", 3)
        assert states(tmp_path) == ["running"]
    run.record("ended", how="complete")
    assert states(tmp_path) == ["complete"]


def test_a_run_of_a_killed_driver_is_not_called_running(tmp_path: Path) -> None:
    """Its record is still in the lock, and its run folder has no end."""
    subprocess.run([sys.executable, "-c", KILLED_DRIVER, str(tmp_path)], env=os.environ, check=False)
    assert states(tmp_path) == ["left by a driver that is gone, the next build takes it over"]
    end_orphaned_runs(tmp_path / "jobs")
    assert states(tmp_path) == ["its driver was killed; a later run took over"]


def test_a_refusal_by_slurm_is_status(tmp_path: Path) -> None:
    """Until Slurm accepts jobs again."""
    with exclusive_lock(tmp_path / ".lock"):
        run = create_run_folder(tmp_path / "jobs", "slurm", "encode", 3)
        run.record("refused", error="AssocMaxSubmitJobLimit")
        (status,) = read_run_statuses(tmp_path / "jobs", tmp_path / ".lock")
        assert "  Slurm takes no more jobs for now: AssocMaxSubmitJobLimit" in status.lines(1)
        run.record("submitted", job="7", tasks=[0])
        (status,) = read_run_statuses(tmp_path / "jobs", tmp_path / ".lock")
        assert status.refused == ""
