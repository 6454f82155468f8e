"""A machine that fails: full and read-only disks, reads that fail, clocks that jump back, sources that change."""

from __future__ import annotations

import gzip
import os
import random
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from helpers import built, cli, digests, sentence, small_disk
from tally import Tally
from treeoflife.pipeline.opening import inspecting
from treeoflife.pipeline.verify import verify
from treeoflife.pipeline.workspace import open_workspace

from .harness import (
    STAGES,
    Reference,
    await_true,
    before,
    check_files,
    check_same,
    check_status,
    finish,
    fresh,
    held_open,
    outputs,
    recover,
    start,
    trial,
    workers,
)

long_form = pytest.mark.faults
root = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="only root may mount a small disk")
BLOCK = 4096


def remount(folder: Path, options: str) -> None:
    """Give a mounted file system other options."""
    subprocess.run(["mount", "-o", f"remount,{options}", folder], check=True)


def used(folder: Path) -> int:
    """The bytes that are taken on a file system."""
    stat = os.statvfs(folder)
    return (stat.f_blocks - stat.f_bfree) * stat.f_frsize


def needed(ref: Reference, stage: str) -> int:
    """The bytes that a stage writes, in blocks of the file system."""
    tops = [path for pattern in outputs(ref, stage) for path in ref.out.glob(pattern)]
    files = [path for top in tops for path in (top.rglob("*") if top.is_dir() else [top]) if path.is_file()]
    return sum(-(-path.stat().st_size // BLOCK) * BLOCK for path in files)


@root
@pytest.mark.parametrize(
    ("stages", "times"),
    [(("encode", "mapping", "splits", "metadata", "pack"), 1), pytest.param(STAGES, 6, marks=long_form)],
)
def test_a_full_disk(original: Reference, folder: Path, tally: Tally, stages: tuple[str, ...], times: int) -> None:
    """At any byte of a stage: a sentence, nothing half-written, and the next run goes on when there is room."""
    chance = random.Random(times)
    for stage in stages * times:
        with small_disk(folder / f"disk-{stage}-{chance.random()}") as disk:
            config = before(original, stage, disk / "out")
            room = used(disk) + int(needed(original, stage) * chance.uniform(0, 0.9))
            remount(disk, f"size={max(BLOCK, room)}")
            done = cli("build", "--config", config, "--workers", "2")
            if done.returncode:
                assert "full" in sentence(done) or "No space left" in done.stderr, done.stderr
            remount(disk, "size=1g")
            check_files(original, disk / "out")
            check_status(original, disk / "out")
            recover(original, config, tally)


@root
def test_a_read_only_dataset(original: Reference, folder: Path, tally: Tally) -> None:
    """It can be looked at and verified; a build that has something to do says what is in its way."""
    with small_disk(folder / "disk") as disk:
        config = before(original, "catalog", disk / "unfinished")
        whole = fresh(original, disk / "whole")
        shutil.copytree(original.out, disk / "whole", dirs_exist_ok=True)
        remount(disk, "ro")
        sentence(cli("build", "--config", config), "read-only")
        assert "to do" in cli("status", "--config", config).stdout
        done = cli("verify", whole.parent)
        assert done.returncode == 0, done.stderr
        assert {name: digests(disk / "whole")[name] for name in original.files} == original.files
        remount(disk, "rw")
        recover(original, config, tally)


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The library that makes reads fail and clocks jump, compiled."""
    if not (compiler := shutil.which("cc")):
        pytest.skip("there is no C compiler")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    source = Path(__file__).with_name("shim.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True)
    return str(library)


def archives(ref: Reference) -> list[Path]:
    """The EOL archives of its world."""
    return sorted(ref.out.parent.glob("world/dataset/eol/*.tar.gz"))


@pytest.mark.parametrize("times", [1, pytest.param(25, marks=long_form)])
def test_reads_that_fail(published: Reference, folder: Path, tally: Tally, shim: str, times: int) -> None:
    """EIO in the middle of an archive: it is named, the others are done, and the next run does it."""
    chance = random.Random(times)
    for _ in range(times):
        with trial(folder) as out:
            config, victim = fresh(published, out), chance.choice(archives(published))
            place = str(chance.randrange(victim.stat().st_size))
            done = cli("build", "--config", config, LD_PRELOAD=shim, FAULT_FILE=str(victim.resolve()), FAULT_BYTE=place)
            sentence(done, victim.name, "nput/output error")
            assert list(out.glob("encoded/*/bioscan/*.tar"))
            check_files(published, out)
            check_status(published, out)
            recover(published, config, tally)


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=long_form)])
def test_a_clock_that_jumps_back(original: Reference, folder: Path, tally: Tally, shim: str, times: int) -> None:
    """By an hour, whenever somebody looks at it."""
    for _ in range(times):
        with trial(folder) as out:
            config = fresh(original, out)
            built(config, LD_PRELOAD=shim, CLOCK_BACK="3600")
            check_same(original, out, tally)


@pytest.fixture
def own_world(published: Reference, folder: Path) -> Reference:
    """A build whose sources may be changed: the world and the dataset are copies."""
    home = folder / "home"
    shutil.copytree(published.out.parent, home)
    config = home / published.out.name / "dataset.toml"
    config.write_text(config.read_text().replace(str(published.out.parent), str(home)))
    built(config)
    allowed = {name: set(some) for name, some in published.allowed.items()}
    for name, digest in (files := digests(config.parent)).items():
        allowed.setdefault(name, set()).add(digest)
    return Reference(config.parent, files, allowed, published.seconds)


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=long_form)])
@pytest.mark.parametrize("how", ["grows", "changes"])
def test_an_archive_that_is_written_to_while_it_is_read(
    own_world: Reference, folder: Path, tally: Tally, how: str, times: int
) -> None:
    """No mixture is kept: a run tells of it or sees one of the two; and the way back from every sample holds."""
    victim = max(archives(own_world), key=lambda path: path.stat().st_size)
    whole = victim.read_bytes()
    longer = gzip.compress(gzip.decompress(whole)[: -20 * 512] + bytes(40 * 512), 6)
    for _ in range(times):
        with trial(folder) as out:
            config = fresh(own_world, out)
            process = start(config)
            assert await_true(
                lambda p=process: any(held_open(w, victim) for w in workers(p.pid)) or p.poll() is not None
            )  # type: ignore[misc]
            halted = [one for one in workers(process.pid) if held_open(one, victim)]
            for one in halted:
                os.kill(one, signal.SIGSTOP)
            _write_to(victim, longer if how == "changes" else whole + gzip.compress(bytes(10 * 512)))
            for one in halted:
                os.kill(one, signal.SIGCONT)
            errors = finish(process)
            assert process.returncode == 0 or victim.name in errors, errors
            built(config)
            with inspecting(open_workspace(config)) as session:
                assert not verify(session).damage
            victim.write_bytes(whole)
            recover(own_world, config, tally)


def _write_to(victim: Path, data: bytes) -> None:
    """Put other bytes into the very file that others have open."""
    with victim.open("r+b") as fd:
        fd.write(data)
        fd.truncate()
