"""Duplicates: what is found of planted copies, what is taken for a copy and is none, at what cost, and how it scales.

    python benchmarks/duplicates.py planted PHOTOS [--lookalikes 2000]
    python benchmarks/duplicates.py hashes [COUNT]           # 10000000, with 1 % of planted neighbours
    python benchmarks/duplicates.py encode PHOTOS            # encoding with and without measuring, pair by pair

PHOTOS is a folder of photographs; of those that are the same picture already, by their thumbnails, one is taken.
``planted`` makes copies of each in the ways of planted_copies.py, and look-alikes: frames of one scene in which
something else stands somewhere else. Each is encoded as a build does it, and pairs are found and laid over each other
as the stage ``duplicates`` does. Each kind is looked for by itself, among the originals and the look-alikes. *Recall*:
the copy is in one group with its original. *Precision*: of the pairs that were tied and have such a copy in them,
those that are of one original.
"""

from __future__ import annotations

import argparse
import multiprocessing
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter
from planted_copies import COPIES, saved

from treeoflife.config.tables import Images
from treeoflife.core import tar_writer
from treeoflife.core.system import cores
from treeoflife.core.values import RawImage
from treeoflife.engines.base import Done
from treeoflife.engines.local import LocalEngine
from treeoflife.images.convert import Encoded, convert
from treeoflife.images.perceptual_hash import mirror_hashes
from treeoflife.images.store import IndexRows, write_index
from treeoflife.selection.duplicates import compare, find, groups
from treeoflife.selection.duplicates.near import find_near_pairs
from treeoflife.sources.registry import load_source

LIMIT = 31
PER_SCENE = 20
ALIKE = 0.97


def lookalike(scene: Image.Image, others: list[Image.Image], chance: random.Random) -> bytes:
    """A frame of a scene: another thing at another place, an eighth to a third of each side; other light and noise."""
    frame, thing = scene.copy(), chance.choice(others)
    width, height = (int(side * chance.uniform(0.125, 0.33)) for side in frame.size)
    left, top = chance.randrange(frame.width - width), chance.randrange(frame.height - height)
    mask = Image.new("L", (width, height))
    ImageDraw.Draw(mask).ellipse((0, 0, width, height), fill=255)
    frame.paste(thing.resize((width, height)), (left, top), mask.filter(ImageFilter.GaussianBlur(2)))
    noise = Image.effect_noise(frame.size, 12).convert("RGB")
    return saved(ImageEnhance.Brightness(Image.blend(frame, noise, 0.04)).enhance(chance.uniform(0.9, 1.1)), 85)


@dataclass(frozen=True)
class Planted:
    """An image of the world: its kind, and what it is a picture of; look-alikes are each of their own."""

    kind: str
    subject: str


@dataclass(frozen=True)
class Job:
    """A photograph, what to make of it, and the folder that takes what was encoded."""

    number: int
    photo: Path
    others: tuple[Path, ...]
    frames: int
    folder: Path


def plant(job: Job, _tick: object) -> list[Planted]:
    """Encode a photograph, its copies and its look-alikes into a container of their own."""
    chance = random.Random(job.number)
    image = Image.open(job.photo).convert("RGB")
    others = [Image.open(path).convert("RGB") for path in job.others]
    files = [(Planted("original", job.photo.name), job.photo.read_bytes())]
    files += [(Planted(kind, job.photo.name), make(image, chance)) for kind, make in COPIES.items()]
    for number in range(job.frames):
        files.append((Planted("look-alike", f"{job.photo.name}#{number}"), lookalike(image, others, chance)))
    source = load_source("folder", {"path": ".", "table": "t.csv"}, job.folder)
    rows, size = IndexRows(source), 0
    with (job.folder / f"{job.number:04d}.tar").open("wb") as out:
        for position, (planted, data) in enumerate(files):
            made = convert(data, Images())
            assert isinstance(made, Encoded), (planted, made)
            rows.add(position, RawImage(planted.kind, ("x",), data=data), made, size + tar_writer.BLOCK)
            size += out.write(tar_writer.encode_member(f"{position:08d}.jpg", made.data))
    write_index(job.folder / f"{job.number:04d}.parquet", rows.frame(), {})
    return [planted for planted, _ in files]


def distinct(paths: list[Path]) -> list[Path]:
    """Photographs of which no two have nearly the same thumbnail of 32 by 32 pixels, by correlation alone."""
    small = [np.asarray(Image.open(path).convert("L").resize((32, 32), Image.Resampling.BOX), float) for path in paths]
    rows = np.array([(one - one.mean()).ravel() / max(1.0, float(np.linalg.norm(one - one.mean()))) for one in small])
    alike = np.maximum(rows @ rows.T, rows @ rows.reshape(-1, 32, 32)[:, :, ::-1].reshape(len(rows), -1).T) > ALIKE
    kept: list[int] = []
    for number in range(len(paths)):
        if not alike[number, kept].any():
            kept.append(number)
    print(f"{len(kept)} of {len(paths)} photographs are pictures of their own")
    return [paths[number] for number in kept]


def run_planted(photos: Path, lookalikes: int) -> None:
    """Plant, find, and print the table."""
    paths = distinct(sorted(path for path in photos.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png")))
    chance = random.Random(17)
    with tempfile.TemporaryDirectory() as folder:
        scenes = set(chance.sample(range(len(paths)), min(len(paths), -(-lookalikes // PER_SCENE))))
        jobs = [
            Job(number, path, tuple(chance.sample(paths, 8)), PER_SCENE if number in scenes else 0, Path(folder))
            for number, path in enumerate(paths)
        ]
        world = [one for part in _all(plant, jobs) for one in part]
        stores = [Path(folder) / f"{job.number:04d}" for job in jobs]
        kept = [
            find.StoredContainer("s", one.name, one.with_suffix(".tar"), one.with_suffix(".parquet")) for one in stores
        ]
        report(world, find.read_store(kept))


def _all(function: Callable[..., object], tasks: list[object]) -> Iterator[object]:
    """What a function returns of every task, in their order."""
    outcomes = {}
    for outcome in LocalEngine(cores()).run(function, tasks):
        assert isinstance(outcome, Done), outcome
        outcomes[outcome.task] = outcome.value
    return (outcomes[number] for number in range(len(tasks)))


@dataclass(frozen=True)
class Searched:
    """What a search over some of the images came to: pairs whose hashes are near, and those surely the same."""

    pairs: find.Pairs
    exact: list[groups.Links]

    def links(self, same: dict[tuple[int, int], bool]) -> tuple[np.ndarray, np.ndarray]:
        """The pairs that are tied."""
        verdict = np.array([same[pair] for pair in _pairs(self.pairs)], dtype=bool)
        links = [*self.exact, *find.link_near(self.pairs, verdict)]
        return np.concatenate([one.first for one in links]), np.concatenate([one.second for one in links])

    def hashed(self) -> tuple[np.ndarray, np.ndarray]:
        """The pairs that would be tied by their hashes alone."""
        pixels = self.exact[1]
        return np.concatenate([self.pairs.first, pixels.first]), np.concatenate([self.pairs.second, pixels.second])


def search(pictures: find.StoredImages, rows: np.ndarray) -> Searched:
    """Look among some of the images alone, so that no copy is found by way of a copy of another kind."""
    hashed = np.cumsum(pictures.numbers["hashed"].to_numpy()) - 1
    own = rows[pictures.numbers["hashed"].to_numpy()[rows]]
    part = find.StoredImages(pictures.containers, pictures.numbers[rows], pictures.hashes[hashed[own]])
    identical = find.link_identical(part)
    pairs = find.find_candidates(part, LIMIT, identical)
    moved = find.Pairs(rows[pairs.first], rows[pairs.second], pairs.distance, pairs.mirrored)
    links = [groups.Links(one.kind, rows[one.first], rows[one.second]) for one in identical]
    return Searched(moved, links)


def _pairs(pairs: find.Pairs) -> list[tuple[int, int]]:
    return list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))


def report(world: list[Planted], pictures: find.StoredImages) -> None:
    """Find what is the same picture, each kind of copy by itself and all together, and print what was right."""
    assert len(world) == len(pictures)
    kinds = np.array([one.kind for one in world])
    searches = {
        kind: search(pictures, np.flatnonzero(np.isin(kinds, ["original", "look-alike", kind]))) for kind in COPIES
    }
    searches |= {"all of these": search(pictures, np.arange(len(world)))}
    asked = {pair: turned for one in searches.values()
             for pair, turned in zip(_pairs(one.pairs), one.pairs.mirrored.tolist(), strict=True)}  # fmt: skip
    first, second = np.array(list(asked)).T
    every = find.Pairs(first, second, np.zeros(len(first), np.int64), np.array(list(asked.values())))
    begun = time.perf_counter()
    verdicts = [
        one for part in _all(compare.compare, list(find.compare_tasks(every, pictures.locations))) for one in part
    ]
    taken = time.perf_counter() - begun
    same = dict(zip(asked, verdicts, strict=True))
    print(f"{len(world):,} images; {len(asked):,} pairs with near hashes, {sum(verdicts):,} the same picture; "
          f"{taken / max(1, len(asked)) * 1e3:.1f} ms a pair on {cores()} cores\n")  # fmt: skip
    print(f"{'':<20}{'images':>7}  {'recall':>8}{'precision':>11}   {'hash alone: recall':>18}{'precision':>11}")
    for kind, one in searches.items():
        copies = np.flatnonzero(np.isin(kinds, list(COPIES)) if kind == "all of these" else kinds == kind)
        figures = [figure for links in (one.links(same), one.hashed()) for figure in _figures(world, copies, *links)]
        recall, precision, hashed, precision_hashed = (f"{one:.2%}" for one in figures)
        print(f"{kind:<20}{len(copies):>7}  {recall:>8}{precision:>11}   {hashed:>18}{precision_hashed:>11}")
    alike = kinds == "look-alike"
    subject = np.unique([one.subject for one in world], return_inverse=True)[1]
    wrong = [int((subject[a] != subject[b])[alike[a] | alike[b]].sum())
             for a, b in (searches["all of these"].links(same), searches["all of these"].hashed())]  # fmt: skip
    print(f"{'look-alikes':<20}{int(alike.sum()):>7}  {wrong[0]:>13} wrong   {wrong[1]:>23} wrong")


def _figures(world: list[Planted], copies: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[float, float]:
    """The share of copies in one group with their originals; of pairs with a copy in them, the share that is right."""
    subject = np.unique([one.subject for one in world], return_inverse=True)[1]
    originals = np.flatnonzero([one.kind == "original" for one in world])
    original = np.zeros(subject.max() + 1, np.int64)
    original[subject[originals]] = originals
    label = groups.connected_components(len(world), first, second)
    asked = np.isin(first, copies) | np.isin(second, copies)
    right = (subject[first] == subject[second])[asked]
    return float((label[copies] == label[original[subject[copies]]]).mean()), float(right.mean()) if len(right) else 1.0


def run_hashes(count: int) -> None:
    """Random hashes with 1 % of planted neighbours, half of them mirrored: what is found, in which time and memory."""
    rng = np.random.default_rng(17)
    hashes = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    copies = count // 100
    bits = np.unpackbits(hashes[:copies], axis=1)
    order = rng.random(bits.shape).argsort(axis=1)
    bits[order < rng.integers(0, LIMIT + 1, copies)[:, None]] ^= 1
    near_ones = np.packbits(bits, axis=1)
    near_ones[1::2] = mirror_hashes(near_ones[1::2])
    places = count - 1 - rng.permutation(count - copies)[:copies]
    hashes[places] = near_ones
    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    begun = time.perf_counter()
    pairs = find_near_pairs(hashes, LIMIT, workers=cores())
    link = groups.Links("near", pairs.first, pairs.second, pairs.distance)
    found = groups.group_rows(count, [link])
    taken = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    wanted = set(zip(range(copies), places.tolist(), strict=True))
    got = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    print(f"{count:,} hashes, {copies:,} planted neighbours: {len(wanted & got) / copies:.2%} found, "
          f"{len(got - wanted)} others; {found['group'].n_unique():,} groups; {taken:.0f} s on {cores()} cores; "
          f"peak {peak:,.0f} MB, of which making the hashes {base:,.0f} MB")  # fmt: skip


def run_encode(photos: Path, pairs: int) -> None:
    """Seconds of CPU of encoding with measuring, as ratios to encoding without, each pair back to back."""
    kinds: dict[str, list[bytes]] = {}
    for path in sorted(path for path in photos.rglob("*") if path.is_file()):
        kinds.setdefault(path.name.split("_")[0], []).append(path.read_bytes())
    settings = {"with": Images(), "without": Images(measure=False)}
    ratios: dict[str, list[float]] = {kind: [] for kind in (*kinds, "all")}
    for _ in range(pairs):
        totals = dict.fromkeys(settings, 0.0)
        for kind, files in kinds.items():
            taken = {name: _cpu(files, images) for name, images in settings.items()}
            ratios[kind].append(taken["with"] / taken["without"])
            totals = {name: totals[name] + taken[name] for name in settings}
        ratios["all"].append(totals["with"] / totals["without"])
    for kind, found in ratios.items():
        print(f"{kind:<14}{statistics.median(found):>6.3f}  ({', '.join(f'{one:.3f}' for one in found)})")


def _cpu(files: list[bytes], images: Images) -> float:
    """Seconds of CPU that encoding takes; the less of two turns, image by image."""
    total = 0.0
    for data in files:
        turns = []
        for _ in range(2):
            begun = time.process_time()
            convert(data, images)
            turns.append(time.process_time() - begun)
        total += min(turns)
    return total


def main() -> None:
    """Measure what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="what", required=True)
    planted = kinds.add_parser("planted")
    planted.add_argument("photos", type=Path)
    planted.add_argument("--lookalikes", type=int, default=2000)
    kinds.add_parser("hashes").add_argument("count", type=int, nargs="?", default=10_000_000)
    encode = kinds.add_parser("encode")
    encode.add_argument("photos", type=Path)
    encode.add_argument("--pairs", type=int, default=5)
    given = parser.parse_args()
    if given.what == "planted":
        run_planted(given.photos, given.lookalikes)
    elif given.what == "hashes":
        run_hashes(given.count)
    else:
        run_encode(given.photos, given.pairs)


if __name__ == "__main__":
    multiprocessing.freeze_support()
    sys.exit(main())
