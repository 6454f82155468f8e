"""What an engine on far computers leaves on disk of each run: enough to say later what ran, what failed and why.

logs/jobs/<run>/run.json        what runs, since when, who drives it
logs/jobs/<run>/events.jsonl    jobs submitted and ended, tasks failed, the end of the run
logs/jobs/<run>/streams/        what the workers have to say, while they run (see stream.py)
logs/jobs/<run>/slurm/          sbatch scripts and the log of each job
logs/jobs/<run>/cancelled       put there by ``treeoflife cancel``; the driver stops when it sees it
"""

from __future__ import annotations

import json
import os
import secrets
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..core.files import write_json

TAIL_BYTES = 2000


@dataclass(frozen=True)
class Run:
    """The folder of one run of an engine."""

    folder: Path

    @property
    def name(self) -> str:
        """Also the name of its Slurm jobs."""
        return self.folder.name

    @property
    def streams(self) -> Path:
        """What the workers write for the driver."""
        return self.folder / "streams"

    @property
    def slurm(self) -> Path:
        """Scripts, tasks and logs of the jobs."""
        return self.folder / "slurm"

    @property
    def cancelled(self) -> Path:
        """Exists once somebody wants the run to end."""
        return self.folder / "cancelled"

    @property
    def about(self) -> dict[str, Any]:
        """The run in a few words; empty if it cannot be read."""
        try:
            about: dict[str, Any] = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return about

    def note(self, event: str, **more: Any) -> None:
        """Add an event."""
        line = json.dumps({"event": event, "at": now(), **more}, ensure_ascii=False)
        with (self.folder / "events.jsonl").open("a", encoding="utf-8") as fd:
            fd.write(line + "\n")

    def events(self) -> Iterator[dict[str, Any]]:
        """The events in their order; a line that a killed driver left unfinished is passed over."""
        try:
            lines = (self.folder / "events.jsonl").read_text(encoding="utf-8").splitlines()
        except OSError:
            return
        for line in lines:
            try:
                yield json.loads(line)
            except ValueError:
                continue

    def tidy(self) -> None:
        """Keep of a run that is over what people may want to read."""
        for pattern in ("slurm/*.pkl", "streams/*"):
            for path in self.folder.glob(pattern):
                path.unlink(missing_ok=True)

    def ended(self) -> bool:
        """Whether its driver saw it end."""
        return any(event["event"] == "ended" for event in self.events())


def begin(folder: Path, engine: str, function: str, tasks: int) -> Run:
    """A new run below ``folder``."""
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    run = Run(folder / f"treeoflife-{stamp}-{function.strip('_')}-{secrets.token_hex(2)}")
    run.streams.mkdir(parents=True)
    run.slurm.mkdir()
    driver = {"host": socket.gethostname(), "pid": os.getpid(), "job": os.environ.get("SLURM_JOB_ID", "")}
    write_json(run.folder / "run.json", {"engine": engine, "runs": function, "tasks": tasks, "since": now(), **driver})
    return run


def runs(folder: Path) -> list[Run]:
    """The runs below ``folder``, oldest first."""
    return [Run(path.parent) for path in sorted(folder.glob("treeoflife-*/run.json"))]


def now() -> str:
    """This moment, UTC."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def label(task: object) -> str:
    """A task in one line for people."""
    return str(getattr(task, "label", None) or task)[:100]


def tail(log: Path) -> str:
    """The path of a log and its last lines, to follow an error."""
    try:
        with log.open("rb") as fd:
            fd.seek(max(0, log.stat().st_size - TAIL_BYTES))
            text = fd.read().decode(errors="replace").strip()
    except OSError:
        return f"it left no log at {log}"
    return f"{log} ends:\n{text}" if text else f"its log {log} is empty"
