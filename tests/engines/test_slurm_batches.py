"""Batches that wait for a job of Slurm, after Slurm refused some for now: each is submitted once, and none is lost."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast

from treeoflife.config.engines import SlurmTable
from treeoflife.engines.run_folder import create_run_folder
from treeoflife.engines.slurm.batches import Batch
from treeoflife.engines.slurm.engine import _Run
from treeoflife.engines.slurm.submit import ClusterFull, Submitter
from treeoflife.engines.task_tracker import TaskTracker


class BusySlurm:
    """Takes what is submitted, but for the first time, when there are too many jobs."""

    def __init__(self) -> None:
        self.refused = 0
        self.submitted: list[tuple[int, tuple[int, ...]]] = []

    def submit(self, batches: Sequence[Batch], parallel: int, *, alone: bool) -> None:
        """As sbatch does."""
        if not self.refused:
            self.refused = len(batches)
            raise ClusterFull("AssocMaxSubmitJobLimit")
        for batch in batches:
            batch.job = f"7_{batch.number}"
            self.submitted.append((batch.number, batch.tasks))

    def memory_gb(self, memory_failures: int) -> float:
        """Twice as much after each failure."""
        return 4.0 * 2**memory_failures


def test_a_batch_whose_number_went_to_another_after_a_refusal_still_waits(tmp_path: Path) -> None:
    """The refused ones had numbers; a batch with more memory, which is submitted before the rest, gets one of them."""
    slurm = BusySlurm()
    tracker = TaskTracker(create_run_folder(tmp_path, "slurm", "encode", 3), ["a", "b", "c"], 3)
    run = _Run(
        SlurmTable(parallel=8), cast("Submitter", slurm), tracker, lambda _: None, max_array_size=10, array_size=10
    )
    # The second ran out of memory, and the third was tried again after that.
    for task, memory_failures in enumerate((0, 1, 0)):
        run._enqueue(Batch((task,), memory_failures))
    for _ in range(4):
        assert not list(run._submit())
    assert slurm.refused == 2
    assert slurm.submitted == [(0, (0,)), (1, (1,)), (2, (2,))]
    assert not run.waiting
    assert sorted(run.active) == [0, 1, 2]
    assert [event["event"] for event in tracker.folder.events()] == ["refused", "submitted", "submitted", "submitted"]
