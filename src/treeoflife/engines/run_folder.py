"""The folder in which a run on a cluster records what ran, what failed and why.

logs/jobs/<run>/run.json        function, number of tasks, start time, driver
logs/jobs/<run>/events.jsonl    jobs submitted and ended, tasks failed, the end of the run
logs/jobs/<run>/streams/        messages from the workers while they run (see message_file.py)
logs/jobs/<run>/slurm/          sbatch scripts, and the log of each job
logs/jobs/<run>/cancelled       written by ``treeoflife cancel``; the driver stops when it exists
"""

import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..core.files import write_json
from ..core.json_reader import UnreadableError, parse_json, read_json_file


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @property
    def name(self) -> str:
        """The name of the run, which is also that of its Slurm jobs."""
        return self.path.name

    @property
    def streams(self) -> Path:
        """The folder of the files through which workers send messages."""
        return self.path / "streams"

    @property
    def slurm(self) -> Path:
        """The folder of the scripts, tasks and logs of Slurm jobs."""
        return self.path / "slurm"

    @property
    def cancelled(self) -> Path:
        """A file that asks the driver to stop."""
        return self.path / "cancelled"

    @property
    def info(self) -> dict[str, Any]:
        """The content of run.json; empty if it is missing or damaged."""
        try:
            info = read_json_file(self.path / "run.json", own=True)
        except (FileNotFoundError, UnreadableError):
            return {}
        return info if isinstance(info, dict) else {}

    def record(self, event: str, **details: Any) -> None:
        """Append an event."""
        line = json.dumps({"event": event, "at": _now(), **details}, ensure_ascii=False)
        with (self.path / "events.jsonl").open("a", encoding="utf-8") as fd:
            fd.write(line + "\n")

    def events(self) -> Iterator[dict[str, Any]]:
        """The events in order, without a line that a killed driver left unfinished."""
        try:
            lines = (self.path / "events.jsonl").read_bytes().splitlines()
        except FileNotFoundError:
            return
        for line in lines:
            with suppress(UnreadableError):
                event = parse_json(line, own=True)
                if isinstance(event, dict) and "event" in event:
                    yield event

    def has_ended(self) -> bool:
        """Whether the end of the run is recorded."""
        return any(event["event"] == "ended" for event in self.events())

    def remove_messages(self) -> None:
        """Remove what only the run itself needed; scripts, logs and events stay."""
        for pattern in ("slurm/*.pkl", "streams/*"):
            for path in self.path.glob(pattern):
                path.unlink(missing_ok=True)


def create_run_folder(parent: Path, engine: str, function: str, tasks: int) -> RunFolder:
    """Create the folder of a new run, which calls ``function`` on so many tasks."""
    time = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    folder = RunFolder(parent / f"treeoflife-{time}-{function.strip('_')}-{secrets.token_hex(2)}")
    folder.streams.mkdir(parents=True)
    folder.slurm.mkdir()
    driver = {"host": socket.gethostname(), "pid": os.getpid(), "job": os.environ.get("SLURM_JOB_ID", "")}
    info = {"engine": engine, "runs": function, "tasks": tasks, "since": _now(), **driver}
    write_json(folder.path / "run.json", info)
    return folder


def list_run_folders(parent: Path) -> list[RunFolder]:
    """The runs below ``parent``, oldest first."""
    return [RunFolder(path.parent) for path in sorted(parent.glob("treeoflife-*/run.json"))]


def function_name(function: object) -> str:
    """The name by which a run records the function that it calls."""
    return str(getattr(function, "__name__", type(function).__name__))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
