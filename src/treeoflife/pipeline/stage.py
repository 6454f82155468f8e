"""What a stage is, and how it is known which of its items are stale: one rule for all stages.

A stage declares its version, its settings and its items; an item declares its input files and values, and its output
files. What an item would be made from now is compared with the record of what it was made from
(:mod:`.stage_records`), and its outputs with the digests that were recorded. Nothing else decides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config.paths import Paths
from ..core.difference import describe_difference
from ..core.files import exists, fingerprint, stamp_of
from ..core.folders import walk_folder
from ..core.hash_cache import HashCache
from ..engines.tasks import TaskRunner
from .stage_records import Record, StageRecords

NEEDED_AGAIN = "an output that was removed is needed again"
# `status` names the commonest reasons; a build of ten thousand containers may have as many.
_REASONS_SHOWN = 5
NOT_MADE = "not made yet"


@dataclass(frozen=True)
class Evidence:
    """What is known of files and of earlier stages: digests of files, and the records."""

    paths: Paths
    hashes: HashCache
    records: StageRecords

    def sha256(self, path: Path) -> str | None:
        """The SHA-256 of a file, from the cache if the file has not changed; None where there is no such file."""
        try:
            return self.hashes.sha256(path)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def name(self, path: Path) -> str:
        """What records call a file; see :meth:`.Paths.name`."""
        return self.paths.name(path)

    def list_files(self, folder: Path) -> list[Path]:
        """The files in a folder that is an input, and below it, in order; links are followed."""
        return sorted(path for path in walk_folder(folder).files if path.is_file())


@dataclass(frozen=True)
class Snapshot(Evidence):
    """Evidence that looks at each file once, for a session that changes none."""

    digests: dict[Path, str | None] = field(default_factory=dict)

    def sha256(self, path: Path) -> str | None:
        """As :class:`Evidence` has it."""
        if path not in self.digests:
            self.digests[path] = super().sha256(path)
        return self.digests[path]


@dataclass(frozen=True)
class Watch(Evidence):
    """Evidence that notices a file or folder that changes while a stage reads it, also if it is changed back."""

    seen: dict[Path, tuple[str, str | None]] = field(default_factory=dict)

    def sha256(self, path: Path) -> str | None:
        """As :class:`Evidence` has it."""
        identity = _identity(path)  # taken first: a change while the file is hashed is one too
        digest = super().sha256(path)
        self.seen.setdefault(path, (identity, digest))
        return digest

    def list_files(self, folder: Path) -> list[Path]:
        """As :class:`Evidence` has it."""
        walk = walk_folder(folder)
        for one in (*walk.folders, *walk.repeated):
            self.seen.setdefault(one, (_identity(one), None))
        return super().list_files(folder)

    def changed(self) -> Path | None:
        """A file or folder that is not the one that was looked at first; None if there is none."""
        return next((path for path, before in self.seen.items() if self._has_changed(path, *before)), None)

    def _has_changed(self, path: Path, identity: str, digest: str | None) -> bool:
        if _identity(path) == identity:
            return False
        # What a stage made may be made once more meanwhile, because another needs it again; with the same bytes.
        return not (self.records.has_output(self.name(path)) and super().sha256(path) == digest)


def _identity(path: Path) -> str:
    """What differs once a file was written to, replaced or renamed, even to what it was; empty if it does not exist.

    A program can set the time of modification back, and a rename leaves it; the time of change shows both.
    """
    try:
        status = path.stat()
        return f"{stamp_of(status)}:{status.st_ctime_ns}"
    except (FileNotFoundError, NotADirectoryError):
        return ""


Input = Any
"""A JSON value; a path, for the SHA-256 of the file; or a function from :class:`Evidence` to a JSON value."""


def digest_of(files: Mapping[str, Path]) -> Callable[[Evidence], str]:
    """An input that stands for many files: one fingerprint of their names and contents."""
    return lambda evidence: fingerprint({name: evidence.sha256(path) for name, path in files.items()})


@dataclass(frozen=True)
class Item:
    """What a stage makes at once: a container, a shard, or all of its outputs.

    Attributes:
        name: unique within the stage.
        inputs: what it is made from besides the stage's settings, by name; see :data:`Input`.
        outputs: the files that it makes.
        optional: outputs that may be missing, but not changed.
        unwanted: files that must be gone when it is done.
        requires: files that must be there before it can be made.
    """

    name: str
    inputs: Mapping[str, Input] = field(default_factory=dict)
    outputs: tuple[Path, ...] = ()
    optional: tuple[Path, ...] = ()
    unwanted: tuple[Path, ...] = ()
    requires: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Stage:
    """A stage of the pipeline, declared for one dataset.

    Attributes:
        name: what it is called in status.
        needs: the stages whose outputs it reads.
        version: raised when the same inputs give other outputs.
        settings: the settings that its outputs depend on, as JSON values.
        items: gives its items; they may depend on the outputs of the stages that it needs.
        run: makes the items of a job; returns a summary in a few words.
        complaint: what is wrong with a result that was recorded, if anything: such an item is made again.
    """

    name: str
    needs: tuple[str, ...]
    version: Any
    settings: Mapping[str, Any]
    items: Callable[[], Sequence[Item]]
    run: Callable[[Job], str]
    complaint: Callable[[Mapping[str, Any]], str | None] = lambda _: None


@dataclass(frozen=True)
class State:
    """How far a stage is.

    Attributes:
        done: items that are up to date.
        remaining: items that are not.
        why: the reasons, the commonest first, each with its count.
        waiting: a stage that it needs has work to do first.
    """

    done: int
    remaining: int
    why: tuple[str, ...] = ()
    waiting: bool = False

    @property
    def fresh(self) -> bool:
        """Whether there is nothing to do."""
        return not self.remaining


def state_of(reasons: Iterable[str | None]) -> State:
    """The state of a stage whose items are to be made for these reasons; None stands for one that is up to date."""
    each = list(reasons)
    counts = Counter(reason for reason in each if reason)
    why = tuple(f"{reason} ({count})" if count > 1 else reason for reason, count in counts.most_common(_REASONS_SHOWN))
    return State(each.count(None), len(each) - each.count(None), why)


class Inspector:
    """Says what the items of stages are made from now, and why they are stale."""

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence

    def inputs(self, stage: Stage, item: Item) -> dict[str, Any]:
        """What an item would be made from now, as it is recorded."""
        values = {name: self._value(value) for name, value in item.inputs.items()}
        return {"step": stage.version, **stage.settings, **values}

    def _value(self, value: Input) -> Any:
        if isinstance(value, Path):
            return self._evidence.sha256(value)
        return value(self._evidence) if callable(value) else value

    def reason(self, stage: Stage, item: Item) -> str | None:
        """Why an item is to be made; None if it is up to date."""
        if left := next((path for path in item.unwanted if exists(path)), None):
            return f"{left.name} is to be removed"
        record = self._evidence.records.get(stage.name, item.name)
        if record is None:
            return NOT_MADE
        changed = describe_difference(record.inputs, self.inputs(stage, item))
        return changed or self._damage(item, record) or stage.complaint(record.result)

    def _damage(self, item: Item, record: Record) -> str | None:
        """Which output is gone, or is not as it was written."""
        for path in (*item.outputs, *item.optional):
            name, digest = self._evidence.name(path), self._evidence.sha256(path)
            if digest is None and path in item.outputs:
                return f"{name} is gone"
            if digest not in (None, record.outputs.get(name)):
                return f"{name} is not the one that was written"
        return None

    def stale(self, stage: Stage, names: Collection[str] | None = None) -> dict[str, str]:
        """The items that are to be made, and why, in the order of the stage; of some names alone, if given."""
        items = (item for item in stage.items() if names is None or item.name in names)
        return {item.name: reason for item in items if (reason := self.reason(stage, item))}


@dataclass
class Job:
    """What the function of a stage is given: which items to make, where tasks run, and how to put items on record.

    Attributes:
        stale: the items to make, each with the reason.
        runner: runs tasks on the engine, and passes progress on.
        remake: makes items of an earlier stage again, whose outputs were removed since.
        finish: records an item that is made, with its result. All others are recorded when the function returns.
        hashes: takes the digests of files that workers have hashed already.
        records: what is on record of earlier stages.
    """

    stale: Mapping[str, str]
    runner: TaskRunner
    remake: Callable[[str, Collection[str]], None]
    finish: Callable[..., None]
    hashes: HashCache
    records: StageRecords
