"""The status of runs on a cluster, from their folders and, if Slurm is installed, from its queue."""

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..core.lock import read_holder
from .run_folder import RunFolder, list_run_folders
from .slurm import queue

Driver = tuple[str, int]
"""The host and the process id of a driver."""


@dataclass
class JobStatus:
    """The status of a Slurm job.

    Attributes:
        state: pending, running, done, or how it ended.
        label: the first task.
        where: its node, or why it is pending.
    """

    job: str
    state: str
    tasks: int
    label: str
    log: str
    where: str = ""


@dataclass
class RunStatus:
    """The status of a run.

    Attributes:
        name: of its folder and its Slurm jobs.
        engine: slurm, ray, or driver for the job of a detached build.
        runs: the function that it calls on its tasks.
        since: when it started, UTC.
        driver: the process that drives it.
        state: pending, running, or how it ended.
        failures: label and error of each failed task.
        refused: why Slurm takes no more jobs for now; empty if it does.
    """

    name: str
    engine: str
    runs: str
    since: str
    driver: str
    state: str
    tasks: int
    jobs: list[JobStatus] = field(default_factory=list)
    failures: list[dict[str, str]] = field(default_factory=list)
    refused: str = ""

    def lines(self, limit: int) -> Iterator[str]:
        """Text for people: the run, job counts, jobs that run or went wrong, failed tasks; ``limit`` lines of each."""
        count = ", ".join(f"{number} {state}" for state, number in Counter(job.state for job in self.jobs).items())
        size = f"{self.tasks} tasks" if self.tasks else "the driver of a detached run"
        yield f"{self.name}: {self.runs}, {size}, {self.state}; started by {self.driver} at {self.since}"
        if count:
            yield f"  jobs: {count}"
        if self.refused:
            yield f"  Slurm takes no more jobs for now: {self.refused}"
        notable = [job for job in self.jobs if job.state not in ("done", "pending")]
        for job in notable[:limit]:
            yield f"  {job.job:<12} {job.state:<10} {job.where:<12} {job.tasks:>5} tasks  {job.label}  {job.log}"
        if len(notable) > limit:
            yield f"  and {len(notable) - limit} more; --json lists all"
        for failure in self.failures[:limit]:
            yield f"  failed: {failure['label']}: {failure['error'].splitlines()[0]}"


def read_run_statuses(folder: Path, lock: Path, *, include_ended: bool = False) -> list[RunStatus]:
    """The status of the runs that have not ended and of the last one that has.

    Args:
        folder: the parent of the run folders.
        lock: the dataset's lock, which the driver of a running run holds.
        include_ended: return all runs that have ended.
    """
    folders = list_run_folders(folder)
    if not include_ended:
        ended = [run for run in folders if run.has_ended()]
        folders = [run for run in folders if run not in ended[:-1]]
    holder = read_holder(lock)
    # Whether a process on another host lives cannot be checked from here.
    driver = (holder.host, holder.pid) if holder and (holder.is_alive_here() or not holder.is_here()) else None
    return [_read_status(run, driver) for run in folders]


def _read_status(run: RunFolder, driver: Driver | None) -> RunStatus:
    info, events = run.info, list(run.events())
    end = next((str(event["how"]) for event in events if event["event"] == "ended"), "")
    jobs = _job_statuses(run, events, end)
    submissions = [event for event in events if event["event"] in ("submitted", "refused")]
    return RunStatus(
        name=run.name,
        engine=info.get("engine", ""),
        runs=info.get("runs", ""),
        since=info.get("since", ""),
        driver=_describe_driver(info),
        state=end or _state_without_end(info, jobs, driver),
        tasks=info.get("tasks", 0),
        jobs=jobs,
        failures=[
            {key: str(event[key]) for key in ("label", "error")} for event in events if event["event"] == "failed"
        ],
        refused=str(submissions[-1].get("error", "")) if submissions and not end else "",
    )


def _job_statuses(run: RunFolder, events: list[dict[str, Any]], end: str) -> list[JobStatus]:
    """The jobs according to the events of a run and, for jobs whose end is not among these, to the queue."""
    jobs: dict[str, JobStatus] = {}
    for event in events:
        if event["event"] == "submitted":
            size, label = len(event.get("tasks", ())), (event.get("labels") or [""])[0]
            jobs[event["job"]] = JobStatus(event["job"], "pending", size, label, event.get("log", ""))
        if event["event"] == "began":
            jobs[event["job"]].state, jobs[event["job"]].where = "running", event["host"]
        if event["event"] == "over":
            jobs[event["job"]].state = event["how"]
    states = {} if end or not shutil.which("squeue") else queue.read_states(run.name) or {}
    for job in jobs.values():
        _update_from_queue(job, states.get(job.job), end)
    return list(jobs.values())


def _update_from_queue(job: JobStatus, state: queue.State | None, end: str) -> None:
    if job.state not in ("pending", "running"):
        return
    if state:
        job.state = state.state.lower()
        job.where = state.node or state.reason
    elif end:
        job.state = "done" if end == "complete" else end


def _describe_driver(info: dict[str, Any]) -> str:
    job = f" (Slurm job {info['job']})" if info.get("job") else ""
    return f"process {info.get('pid')} on {info.get('host')}{job}"


def _state_without_end(info: dict[str, Any], jobs: list[JobStatus], driver: Driver | None) -> str:
    """The state of a run whose end is not recorded."""
    # The job of a detached build never records an end, so its state is that of the queue.
    if info.get("engine") == "driver" and jobs:
        return jobs[0].state if jobs[0].state in ("pending", "running", "completing") else "over"
    if driver == (info.get("host"), info.get("pid")):
        return "running"
    return "left by a driver that is gone, the next build takes it over"
