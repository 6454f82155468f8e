"""What is told of runs on a cluster."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from treeoflife.core.lock import locked
from treeoflife.engines import journal
from treeoflife.engines.overview import end_orphans, overview

LEFT = """
import os, sys
from pathlib import Path
from treeoflife.engines import journal
from treeoflife.lock import locked
out = Path(sys.argv[1])
with locked(out / ".lock"):
    journal.begin(out / "jobs", "ray", "encode", 3)
    os.kill(os.getpid(), 9)
"""


def states(out: Path) -> list[str]:
    return [run.state for run in overview(out / "jobs", out / ".lock")]


def test_a_run_goes_on_while_its_driver_holds_the_lock(tmp_path: Path) -> None:
    """And has ended once the driver says so."""
    with locked(tmp_path / ".lock"):
        run = journal.begin(tmp_path / "jobs", "ray", "encode", 3)
        assert states(tmp_path) == ["running"]
    run.note("ended", how="complete")
    assert states(tmp_path) == ["complete"]


def test_a_run_of_a_killed_driver_is_not_called_running(tmp_path: Path) -> None:
    """Its record stands in the lock, and its journal has no end."""
    subprocess.run([sys.executable, "-c", LEFT, str(tmp_path)], env=os.environ, check=False)
    assert states(tmp_path) == ["left by a driver that is gone, the next build takes it over"]
    end_orphans(tmp_path / "jobs")
    assert states(tmp_path) == ["its driver was killed; a later run took over"]


def test_what_keeps_jobs_out_is_told(tmp_path: Path) -> None:
    """Until Slurm takes more of them."""
    with locked(tmp_path / ".lock"):
        run = journal.begin(tmp_path / "jobs", "slurm", "encode", 3)
        run.note("refused", error="AssocMaxSubmitJobLimit")
        (shown,) = overview(tmp_path / "jobs", tmp_path / ".lock")
        assert "  Slurm takes no more jobs for now: AssocMaxSubmitJobLimit" in shown.lines(1)
        run.note("submitted", job="7", tasks=[0])
        (shown,) = overview(tmp_path / "jobs", tmp_path / ".lock")
        assert shown.refused == ""
