"""What runs on a cluster, read from the journals and, where there is one, from Slurm's queue; and ending it."""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..core.lock import BEAT_SECONDS, ask_to_stop, holder
from . import journal
from .journal import Run
from .slurm import queue as slurm_queue


@dataclass
class Job:
    """A job of a run.

    Attributes:
        job: its Slurm id.
        state: pending, running, done, or how it ended.
        tasks: how many tasks it has.
        label: the first of them.
        log: what it printed.
        where: its node, or why it waits.
    """

    job: str
    state: str
    tasks: int
    label: str
    log: str
    where: str = ""


@dataclass
class Overview:
    """A run of an engine.

    Attributes:
        refused: why Slurm does not take the jobs that are left to submit; empty where it does.
    """

    name: str
    engine: str
    runs: str
    since: str
    driver: str
    state: str
    tasks: int
    jobs: list[Job] = field(default_factory=list)
    failures: list[dict[str, str]] = field(default_factory=list)
    refused: str = ""

    def to_json(self) -> dict[str, Any]:
        """All of it."""
        return asdict(self)

    def lines(self, shown: int) -> Iterator[str]:
        """For people: the run, a count of its jobs, those that run or went wrong, and the failed tasks."""
        count = ", ".join(f"{number} {state}" for state, number in Counter(job.state for job in self.jobs).items())
        what = f"{self.tasks} tasks" if self.tasks else "the driver of a detached run"
        yield f"{self.name}: {self.runs}, {what}, {self.state}; begun by {self.driver}, since {self.since}"
        if count:
            yield f"  jobs: {count}"
        if self.refused:
            yield f"  Slurm takes no more jobs for now: {self.refused}"
        told = [job for job in self.jobs if job.state not in ("done", "pending")]
        for job in told[:shown]:
            yield f"  {job.job:<12} {job.state:<10} {job.where:<12} {job.tasks:>5} tasks  {job.label}  {job.log}"
        if len(told) > shown:
            yield f"  and {len(told) - shown} more; --json has all"
        for failure in self.failures[:shown]:
            yield f"  failed: {failure['label']}: {failure['error'].splitlines()[0]}"


def overview(folder: Path, lock: Path, *, everything: bool = False) -> list[Overview]:
    """The runs below ``folder``: those that go on and the last that ended, or all of them.

    Args:
        folder: the dataset's folder of runs.
        lock: the dataset's lock, whose holder drives what goes on.
        everything: those that ended long ago as well.
    """
    runs = journal.runs(folder)
    if not everything:
        over = [run for run in runs if run.ended()]
        runs = [run for run in runs if run not in over[:-1]]
    found = holder(lock)
    driver = (found.host, found.pid) if found and (found.alive_here() or not found.here()) else None
    return [_overview(run, driver) for run in runs]


def _overview(run: Run, driver: tuple[str, int] | None) -> Overview:
    about, events = run.about, list(run.events())
    ended = next((str(event["how"]) for event in events if event["event"] == "ended"), "")
    jobs = _jobs(run, events, ended)
    failures = [{key: str(event[key]) for key in ("label", "error")} for event in events if event["event"] == "failed"]
    handed = [event for event in events if event["event"] in ("submitted", "refused")]
    return Overview(
        name=run.name,
        engine=about.get("engine", ""),
        runs=about.get("runs", ""),
        since=about.get("since", ""),
        driver=_driver(about),
        state=ended or _state(about, jobs, driver),
        tasks=about.get("tasks", 0),
        jobs=jobs,
        failures=failures,
        refused=str(handed[-1].get("error", "")) if handed and not ended else "",
    )


def _jobs(run: Run, events: list[dict[str, Any]], ended: str) -> list[Job]:
    """The jobs as the journal has them and, for those that it does not know to be over, as the queue has them."""
    jobs = {event["job"]: _job(event) for event in events if event["event"] == "submitted"}
    for event in events:
        if event["event"] == "began":
            jobs[event["job"]].state, jobs[event["job"]].where = "running", event["host"]
        if event["event"] == "over":
            jobs[event["job"]].state = event["how"]
    seen = {} if ended or not shutil.which("squeue") else slurm_queue.states(run.name) or {}
    for job in jobs.values():
        _see(job, seen.get(job.job), ended)
    return list(jobs.values())


def _driver(about: dict[str, Any]) -> str:
    job = f" (Slurm job {about['job']})" if about.get("job") else ""
    return f"process {about.get('pid')} on {about.get('host')}{job}"


def _job(event: dict[str, Any]) -> Job:
    labels = event.get("labels") or [""]
    return Job(event["job"], "pending", len(event.get("tasks", ())), labels[0], event.get("log", ""))


def _see(job: Job, state: slurm_queue.State | None, ended: str) -> None:
    """What the queue says is newer than the journal, for a job that the journal does not know to be over."""
    if job.state not in ("pending", "running"):
        return
    if state:
        job.state = state.state.lower()
        job.where = state.node or state.reason
    elif ended:
        job.state = "done" if ended == "complete" else ended


def _state(about: dict[str, Any], jobs: list[Job], driver: tuple[str, int] | None) -> str:
    """Of a run whose journal has no end. That of a driver's own job never has one: the queue tells."""
    if about.get("engine") == "driver" and jobs:
        return jobs[0].state if jobs[0].state in ("pending", "running", "completing") else "over"
    if driver == (about.get("host"), about.get("pid")):
        return "running"
    return "left by a driver that is gone, the next build takes it over"


def end_orphans(folder: Path) -> None:
    """End what is left of runs whose driver was killed: their tasks are those of whoever has the dataset now.

    Tasks on Ray end with their driver; jobs of Slurm do not.
    """
    for run in journal.runs(folder):
        engine = run.about.get("engine")
        if not run.ended() and (engine == "ray" or (engine == "slurm" and slurm_queue.cancel(run.name))):
            run.note("ended", how="its driver was killed; a later run took over")
            run.tidy()


def cancel_all(folder: Path, lock: Path) -> list[str]:
    """End what goes on below ``folder`` and the process that drives it; returns what was ended, in words.

    A process of another computer stops when it sees that it is asked to.
    """
    told = []
    for run in journal.runs(folder):
        if run.ended():
            continue
        run.cancelled.touch()
        if shutil.which("scancel") and slurm_queue.live(run.name) and slurm_queue.cancel(run.name):
            told.append(f"the jobs of {run.name}")
        if run.about.get("engine") == "driver":
            run.note("ended", how="cancelled")
    found = holder(lock)
    if found and found.alive_here():
        os.kill(found.pid, signal.SIGTERM)
        told.append(str(found))
    elif found and not found.here():
        ask_to_stop(lock, found)
        told.append(f"asked {found} to stop; if it lives, it does within {2 * BEAT_SECONDS:.0f} seconds")
    return told
