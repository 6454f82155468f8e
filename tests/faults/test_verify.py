"""A bit that is flipped anywhere is found and named, and the same bytes come back."""

from __future__ import annotations

import math
import os
import random
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from helpers import built, cli, digests, sentence
from tally import Tally
from treeoflife.core import checksums
from treeoflife.errors import TreeoflifeError
from treeoflife.pipeline import build as pipeline
from treeoflife.pipeline.opening import inspecting
from treeoflife.pipeline.verify import Verdict, at_most, verify
from treeoflife.pipeline.workspace import open_workspace

from .harness import Reference, check_same


@pytest.fixture
def copy(original: Reference, folder: Path) -> Path:
    """A copy of a whole build, to be damaged."""
    return Path(shutil.copytree(original.out, folder / "copy"))


def flip(path: Path, *, unseen: bool = True) -> None:
    """Flip one bit somewhere in a file; ``unseen``: without a trace in its times."""
    before, data, chance = path.stat(), bytearray(path.read_bytes()), random.Random(f"{path.parent.name}/{path.name}")
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    with path.open("r+b") as fd:
        fd.write(data)
    if unseen:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def verified(out: Path, sample: int | None = None, *, sources: bool = True, seed: int | None = None) -> Verdict:
    """Verify in this process."""
    with inspecting(open_workspace(out / "dataset.toml")) as session:
        return verify(session, sample, sources=sources, seed=seed)


def made_by_stages(out: Path) -> list[Path]:
    """Every file that belongs to the dataset, and the list of them."""
    listed = checksums.read(out / "SHA256SUMS")
    assert listed
    assert listed.intact
    rest = {name for name in digests(out) if name != "dataset.toml"} - {*listed.digests, "SHA256SUMS"}
    assert not rest, "every file of a dataset is in its list"
    return [out / "SHA256SUMS", *(out / name for name in sorted(listed.digests))]


def test_what_is_whole_is_called_whole(original: Reference, published: Reference, tally: Tally) -> None:
    """All files, all samples, all sources; nothing is found."""
    for one in (original, published):
        verdict = verified(one.out)
        assert not verdict.damage
        assert verdict.samples == verdict.of > 0
        assert verdict.images > verdict.of / 2
        tally.trials += 1


def test_a_flipped_bit_is_named(copy: Path, tally: Tally) -> None:
    """In each file of the dataset in turn: that file, and no other."""
    for path in made_by_stages(copy):
        whole = path.read_bytes()
        flip(path)
        found = {one.file for one in verified(copy, sources=False).damage}
        name = path.relative_to(copy).as_posix()
        assert name in found
        assert found == {name} or name == "SHA256SUMS"
        path.write_bytes(whole)
        tally.trials += 1


def test_repair_restores_every_file(original: Reference, copy: Path, tally: Tally) -> None:
    """All files are damaged, each by a bit that shows in no time and size; afterwards all bytes are as before."""
    for path in made_by_stages(copy)[1:]:
        flip(path)
    done = cli("verify", copy, "--repair")
    assert done.returncode == 0, done.stdout + done.stderr
    check_same(original, copy, tally)
    assert "all is as it was written" in cli("verify", copy / "dataset.toml").stdout


def test_a_build_restores_every_file_that_looks_otherwise(original: Reference, copy: Path, tally: Tally) -> None:
    """Damage that shows in a file's time is mended by the next build, unasked; that of its reports too."""
    reports = sorted((copy / "logs").glob("*.json"))
    for path in [*made_by_stages(copy)[1:], *reports]:
        flip(path, unseen=False)
    built(copy / "dataset.toml")
    check_same(original, copy, tally)


def test_status_bears_any_bit(copy: Path, tally: Tally) -> None:
    """Whatever is flipped in the records that it reads, it answers, or says what it cannot read."""
    records = [path for path in made_by_stages(copy) if path.suffix != ".tar"] + sorted(copy.glob("logs/*.json"))
    for path in records:
        whole = path.read_bytes()
        flip(path, unseen=False)
        with suppress(TreeoflifeError), inspecting(open_workspace(copy / "dataset.toml")) as session:
            pipeline.status(session)
        path.write_bytes(whole)
        tally.trials += 1


def test_a_source_that_changed_is_named_and_left_alone(published: Reference, folder: Path, tally: Tally) -> None:
    """The file is not ours; --repair does not touch it."""
    shutil.copytree(published.out.parent, folder / "moved")
    out = folder / "moved" / published.out.name
    config = out / "dataset.toml"
    config.write_text(config.read_text().replace(str(published.out.parent), str(folder / "moved")))
    built(config)
    victim = next(path for path in sorted((folder / "moved/world").rglob("*.jpg")))
    flip(victim)
    (found,) = verified(out).damage
    assert found.kind == "source"
    assert found.file == str(victim.parent)
    assert victim.name in found.detail
    damaged = victim.read_bytes()
    assert cli("verify", out, "--repair").returncode == 1
    assert victim.read_bytes() == damaged
    assert not verified(out, sources=False).damage
    tally.trials += 1


def test_a_sample_finds_what_it_meets(copy: Path, tally: Tally) -> None:
    """Shards and images that are not hashed as a whole are compared sample by sample, from the shard to the source."""
    everything = verified(copy, 10_000).of
    shard, store = next(copy.glob("224x224/train/*.tar")), max(copy.glob("encoded/*/*/*.tar"), key=os.path.getsize)
    for path in (shard, store):
        data = bytearray(path.read_bytes())
        data[600::2000] = bytes(255 - one for one in data[600::2000])
        path.write_bytes(data)
    found = {(one.kind, one.file) for one in verified(copy, everything).damage}
    assert found == {("shard", f"224x224/train/{shard.name}"), ("store", store.relative_to(copy).as_posix())}
    few = verified(copy, 3, seed=1)
    assert (few.samples, few.of) == (3, everything)
    assert verified(copy, 3, seed=1) == few
    tally.trials += 1


@pytest.mark.parametrize(("population", "drawn"), [(40, 5), (40, 39), (300, 60), (1000, 10)])
def test_how_sure_a_sample_makes(population: int, drawn: int) -> None:
    """The bound is the largest number of bad samples that would go unseen more than one time in twenty."""
    most = at_most(population, drawn)

    def unseen(bad: int) -> float:
        return math.comb(population - bad, drawn) / math.comb(population, drawn)

    assert unseen(most) > 0.05 >= unseen(most + 1)


def test_a_dataset_that_is_not_finished_cannot_be_verified(copy: Path) -> None:
    """There is no list yet; the message says what makes it."""
    (copy / "SHA256SUMS").unlink()
    sentence(cli("verify", copy), "SHA256SUMS", "treeoflife build")
