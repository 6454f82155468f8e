"""Builds in processes of their own, things that go wrong with them, and what must hold afterwards."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from helpers import built, cli, command, configured, digests, samples, shards
from tally import Tally
from treeoflife.core.files import is_temporary
from treeoflife.core.json_reader import read_json
from treeoflife.pipeline import build as pipeline
from treeoflife.pipeline.opening import inspecting
from treeoflife.pipeline.workspace import open_workspace
from treeoflife.testing.world import draw_world

PATIENCE_SECONDS = 60
STAGES = (
    "encode", "duplicates", "mapping", "provenance", "splits", "metadata", "plan", "pack",
    "check-wds", "catalog", "check-taxa", "credits", "card", "checksums",
)  # fmt: skip
OUTPUTS = {
    "encode": ("encoded",),
    "duplicates": ("duplicates/g*",),
    "mapping": (".tables/ids.parquet",),
    "provenance": (".tables/facts.parquet", "metadata/provenance.parquet"),
    "splits": ("metadata/mapping.*",),
    "metadata": ("metadata/n*", "metadata/s*", "metadata/pred*", "logs/metadata.json"),
    "plan": ("plan", "ledger", "duplicates/c*", "findings"),
    "pack": ("index", "224x224/train*", "224x224/val"),
    "check-wds": ("logs/check-wds.json", "logs/bad-shards.txt"),
    "catalog": ("224x224/catalog.*", "logs/catalog.json"),
    "check-taxa": ("logs/check-taxa.json",),
    "credits": ("credits.*", "licences.csv"),
    "card": ("README.md", "croissant.json", "card"),
    "checksums": ("SHA256SUMS",),
}
"""What each stage leaves, as patterns below OUT."""
OF_PUBLISHED = {"mapping": ("metadata/mapping.*",), "splits": ()}
"""The same where the mapping is a copy of a published one."""


@dataclass(frozen=True)
class Reference:
    """An undisturbed build, and what any file of a disturbed one may be.

    Attributes:
        out: its folder.
        files: the digest of each file in the end.
        allowed: the digests that each file has at some time during the build.
        seconds: how long each stage took.
    """

    out: Path
    files: dict[str, str]
    allowed: dict[str, set[str]]
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def config(self) -> Path:
        """Its configuration."""
        return self.out / "dataset.toml"


def outputs(ref: Reference, stage: str) -> tuple[str, ...]:
    """What a stage leaves in this dataset, as patterns below OUT."""
    is_copy = ".tables/ids.parquet" not in ref.files
    return OF_PUBLISHED[stage] if is_copy and stage in OF_PUBLISHED else OUTPUTS[stage]


def reference(folder: Path, *, natural: bool, images: int = 80, **changes: object) -> Reference:
    """Draw a world in ``folder`` and build it without disturbance."""
    world = draw_world(folder / "world", images, natural=natural).root
    config = configured(folder / "whole", "original" if natural else "published", world, max_samples=15, **changes)
    return undisturbed(config)


def undisturbed(config: Path) -> Reference:
    """Build a dataset stage by stage, to see all that its files may be, and then the rest."""
    allowed: dict[str, set[str]] = {}
    for stage in ("mapping", "splits"):
        done = cli(stage, "--config", config)
        assert done.returncode == 0, done.stderr
        _collect(allowed, config.parent)
    seconds = _timed(config)
    _collect(allowed, config.parent)
    return Reference(config.parent, digests(config.parent), allowed, seconds)


def _collect(allowed: dict[str, set[str]], out: Path) -> None:
    for name, digest in digests(out).items():
        allowed.setdefault(name, set()).add(digest)


def _timed(config: Path) -> dict[str, float]:
    """Build, and measure how long after each stage's first line its next line came."""
    process = start(config)
    assert process.stderr
    seconds, stage, begun = dict.fromkeys(STAGES, 0.05), "", time.monotonic()
    for line in process.stderr:
        now = time.monotonic()
        if stage in seconds:
            seconds[stage] = max(seconds[stage], now - begun)
        if line.partition(":")[0].strip() != stage:
            stage, begun = line.partition(":")[0].strip(), now
    assert process.wait() == 0
    return seconds


def before(ref: Reference, stage: str, out: Path) -> Path:
    """A copy of the build as it is before ``stage``; returns its configuration."""
    shutil.copytree(ref.out, out)
    for later in STAGES[STAGES.index(stage) :]:
        for pattern in outputs(ref, later):
            for path in out.glob(pattern):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    return out / "dataset.toml"


def fresh(ref: Reference, out: Path) -> Path:
    """A dataset of which nothing is made yet; returns its configuration."""
    out.mkdir(parents=True)
    return Path(shutil.copy(ref.config, out))


def start(config: Path, *words: str, **variables: str) -> subprocess.Popen[str]:
    """Begin a build in a session of its own."""
    return subprocess.Popen(
        command("build", "--config", config, "--workers", "2", *words),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
        env=os.environ | variables,
    )


def await_stage(process: subprocess.Popen[str], stage: str) -> bool:
    """Wait until a build says that a stage begins; False if it ends without."""
    assert process.stderr
    return any(line.partition(":")[0].strip() == stage for line in process.stderr)


def finish(process: subprocess.Popen[str]) -> str:
    """Wait for a build to end, with a limit; returns the rest of what it said."""
    try:
        return process.communicate(timeout=PATIENCE_SECONDS)[1]
    finally:
        end(process)


def end(process: subprocess.Popen[str]) -> None:
    """Kill all of a build that is left."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def await_silence(process: subprocess.Popen[str]) -> None:
    """Wait until a build's workers have noticed that their driver is gone, and are gone too."""
    limit = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < limit:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return
        time.sleep(0.01)
    raise AssertionError("workers outlived their driver")


def workers(pid: int) -> list[int]:
    """The worker processes of a driver."""
    with suppress(OSError):
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(one) for one in children if b"spawn_main" in _words(one)]
    return []


def _words(pid: str) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def check_files(ref: Reference, out: Path, *others: Reference) -> None:
    """No file under its final name is one that an undisturbed build would not have there; reports are whole JSON."""
    for name, digest in digests(out).items():
        right = set[str]().union(*(one.allowed.get(name, ()) for one in (ref, *others)))
        passing = any(map(is_temporary, Path(name).parts)) or name.endswith(".tried")
        assert passing or digest in right, f"{name} is none that an undisturbed build makes"
    for report in out.glob("logs/*.json"):
        assert read_json(report) is not None, f"{report} is not whole"


def check_status(ref: Reference, out: Path) -> None:
    """What ``status`` calls done is there, and is what an undisturbed build has."""
    with inspecting(open_workspace(out / "dataset.toml")) as session:
        states = pipeline.status(session)
    there = digests(out)
    for stage in STAGES:
        made = [name for name in ref.files if any(Path(name).match(f"{one}*") or name.startswith(f"{one}/")
                                                  for one in outputs(ref, stage))]  # fmt: skip
        wrong = [name for name in made if there.get(name) not in ref.allowed[name]]
        assert not (states[stage].fresh and wrong), f"{stage} is called done, but {wrong[0]} is not"


def check_same(ref: Reference, out: Path, tally: Tally) -> None:
    """Every file is that of the undisturbed build, there is no other, and ``status`` has nothing left to do."""
    there = {name: digest for name, digest in digests(out).items() if name != "dataset.toml"}
    right = {name: digest for name, digest in ref.files.items() if name != "dataset.toml"}
    if there != right:
        _count(ref, out, tally)
    other = sorted(name for name in there.keys() | right.keys() if there.get(name) != right.get(name))
    assert not other, f"not as in the undisturbed build: {other}"
    with inspecting(open_workspace(out / "dataset.toml")) as session:
        left = {name: one.why for name, one in pipeline.status(session).items() if not one.fresh}
    assert not left
    tally.trials += 1


def _count(ref: Reference, out: Path, tally: Tally) -> None:
    for split in ("train", "val", "train_small"):
        keys = [list(samples([one])) for one in shards(out, split)]
        flat = [key for some in keys for key in some]
        tally.lost += len(set(samples(shards(ref.out, split))) - set(flat))
        tally.doubled += len(flat) - len(set(flat))


def recover(ref: Reference, config: Path, tally: Tally) -> None:
    """The next run finishes, without a word about what happened, with the bytes of an undisturbed one."""
    built(config)
    check_same(ref, config.parent, tally)


@contextmanager
def trial(folder: Path) -> Iterator[Path]:
    """A place for one disturbed build, which goes when it was good."""
    out = folder / f"trial-{random.randrange(1 << 40):x}"
    yield out
    shutil.rmtree(out)


def held_open(pid: int, path: Path) -> bool:
    """Whether a process has a file open."""
    with suppress(OSError):
        return any(one.resolve() == path for one in Path(f"/proc/{pid}/fd").iterdir())
    return False


def await_true(question: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> bool:
    """Ask until the answer is yes, with a limit."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if question():
            return True
        time.sleep(0.001)
    return False
