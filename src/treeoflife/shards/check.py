"""Checking shards, our own and anybody's: whole tars, whole samples, sound images and texts, keys in one place."""

from __future__ import annotations

import glob
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl
from PIL import Image

from ..core.tar_reader import Member, TarError, members
from ..core.values import Taxon
from ..engines.base import Tick
from ..images.convert import is_whole_jpeg
from ..images.store import read_meta
from ..selection.decide import NAME_COLUMNS
from .captions import TEXTS, captions

STEP_VERSION = 1
_LARGEST_MEMBER = 100_000_000
_SHOWN = 20
IMAGE = "jpg"

Names = tuple[Taxon, str]
"""Seven ranks and a common name."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong with a shard.

    Attributes:
        kind: a word that can be counted, such as ``missing-member``.
        shard: the shard's path.
        key: the sample's key, or nothing where it is about the whole shard.
        detail: a sentence for people.
    """

    kind: str
    shard: str
    key: str = ""
    detail: str = ""

    def to_json(self) -> dict[str, str]:
        """For reports."""
        return asdict(self)


@dataclass(frozen=True)
class CheckTask:
    """A shard to check.

    Attributes:
        shard: the tar.
        split: the split that it belongs to: the name of its folder, for shards of others.
        size: width and height that its images must have; None takes any.
        index: its index, if it has one: checksum, keys and texts must be those that it says.
    """

    shard: Path
    split: str
    size: tuple[int, int] | None
    index: Path | None = None

    @property
    def label(self) -> str:
        """What people call it."""
        return f"{self.split}/{self.shard.name}"

    @property
    def cost(self) -> float:
        """About how many seconds it takes: 100 MB a second."""
        return self.shard.stat().st_size / 100e6 if self.shard.exists() else 0.0


@dataclass(frozen=True)
class CheckedShard:
    """What was found in one shard: findings, and the keys of its samples with their scientific names."""

    findings: tuple[Finding, ...]
    keys: pl.DataFrame


KEYS = {"key": pl.String, "shard": pl.String, "split": pl.String, "name": pl.String}


def check_shard(task: CheckTask, tick: Tick) -> CheckedShard:
    """Read one shard, whole, and look at everything in it. Never raises for what is in the shard."""
    findings: list[Finding] = []
    expected = _expected(task, findings)
    seen: dict[str, str] = {}
    try:
        with task.shard.open("rb") as fd:
            reader = _Hashed(fd)
            for key, parts in _samples(reader, task, findings):
                findings += _check_sample(task, key, parts, expected)
                if key in seen:
                    findings.append(
                        Finding("duplicate-key", str(task.shard), key, "the key occurs twice in this shard")
                    )
                seen[key] = parts.get("scientific_name.txt", b"").decode(errors="replace")
                tick(1)
            _check_whole(task, reader, findings)
    except TarError as error:
        findings.append(Finding("broken-tar", str(task.shard), detail=str(error)))
    except OSError as error:
        findings.append(Finding("unreadable", str(task.shard), detail=str(error.strerror or error)))
    findings += _compare_keys(task, seen, expected)
    rows = [(key, str(task.shard), task.split, name) for key, name in seen.items()]
    return CheckedShard(tuple(findings), pl.DataFrame(rows, schema=KEYS, orient="row"))


class _Hashed:
    """A file that is hashed as it is read."""

    def __init__(self, fd: io.BufferedReader) -> None:
        self._fd = fd
        self.digest = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        data = self._fd.read(size)
        self.digest.update(data)
        return data


class _Known(NamedTuple):
    """What the index says of a sample: its names, the common name last, and the SHA-256 of its image."""

    names: Names
    sha256: bytes


def _expected(task: CheckTask, findings: list[Finding]) -> dict[str, _Known]:
    """What the index says is in the shard."""
    if not task.index:
        return {}
    if read_meta(task.index) is None:
        findings.append(Finding("no-index", str(task.shard), detail=f"its index {task.index} is missing or broken"))
        return {}
    rows = pl.read_parquet(task.index, columns=["treeoflife_id", "sha256", *NAME_COLUMNS]).iter_rows()
    return {key: _Known((Taxon(*names[:-1]), names[-1]), sha256) for key, sha256, *names in rows}


def _samples(reader: _Hashed, task: CheckTask, findings: list[Finding]) -> Iterator[tuple[str, dict[str, bytes]]]:
    """The samples of a shard, as WebDataset reads them: members in a row whose names agree up to the first dot."""
    current, parts = "", dict[str, bytes]()
    for member in members(reader, _LARGEST_MEMBER):
        key, _, suffix = member.name.partition(".")
        if trouble := _check_member(task, member, key, suffix):
            findings.append(trouble)
            continue
        if key != current and parts:
            yield current, parts
            parts = {}
        if suffix in parts:
            findings.append(Finding("duplicate-member", str(task.shard), key, f"two members .{suffix}"))
        current = key
        parts[suffix] = member.data or b""
    if parts:
        yield current, parts


def _check_member(task: CheckTask, member: Member, key: str, suffix: str) -> Finding | None:
    if not member.regular:
        return Finding(
            "not-a-file", str(task.shard), key, f"the member {member.name!r:.100} is a link, folder or device"
        )
    if not key or not suffix or "/" in member.name or member.name != member.name.strip():
        return Finding("bad-name", str(task.shard), key, f"the member {member.name!r:.100} is not <key>.<name>")
    if member.data is None:
        return Finding("too-large", str(task.shard), key, f"the member {member.name!r:.100} has {member.size} bytes")
    return None


def _check_sample(task: CheckTask, key: str, parts: dict[str, bytes], expected: dict[str, _Known]) -> list[Finding]:
    shard, known = str(task.shard), expected.get(key)
    wanted = [IMAGE, *TEXTS]
    found = [Finding("missing-member", shard, key, f"no .{name}") for name in wanted if name not in parts]
    found += [
        Finding("unknown-member", shard, key, f".{name} is no member of a sample")
        for name in parts
        if name not in wanted
    ]
    if IMAGE in parts and (trouble := _image_trouble(parts[IMAGE], task.size, known)):
        found.append(Finding("bad-image", shard, key, trouble))
    texts: dict[str, str] = {}
    for name in TEXTS:
        try:
            texts[name] = parts.get(name, b"").decode()
        except UnicodeDecodeError:
            found.append(Finding("bad-text", shard, key, f".{name} is not UTF-8"))
    if len(texts) == len(TEXTS) and not any(one.kind == "missing-member" for one in found):
        found += [
            Finding("bad-text", shard, key, trouble)
            for trouble in _text_troubles(texts, known.names if known else None)
        ]
    return found


def _image_trouble(data: bytes, size: tuple[int, int] | None, known: _Known | None) -> str:
    """What is wrong with an image, if anything. One that is still as it was encoded need not be decoded to see it."""
    if known and hashlib.sha256(data).digest() == known.sha256:
        return ""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            if size and image.size != size:
                return f"{image.width}x{image.height} pixels, not {size[0]}x{size[1]}"
            if image.mode != "RGB":
                return f"mode {image.mode}, not RGB"
            image.load()
    except Exception as error:  # noqa: BLE001 - a decoder may raise anything over damaged bytes
        return f"cannot be decoded: {type(error).__name__}: {error}"
    return "" if is_whole_jpeg(data) else "the JPEG stops before its end marker"


def _text_troubles(texts: dict[str, str], known: Names | None) -> Iterator[str]:
    """What is wrong with the texts: empty, over several lines, or saying one thing here and another there."""
    if known:
        right = captions(*known)
        yield from (
            f".{name} is {texts[name]!r:.80}, not {right[name]!r:.80}" for name in TEXTS if texts[name] != right[name]
        )
        return
    for name, text in texts.items():
        if any(ord(letter) < 32 for letter in text):
            yield f".{name} has control characters or several lines"
    if not texts["taxonomic_name.txt"]:
        yield ".taxonomic_name.txt is empty"
    sci, com, taxon = texts["scientific_name.txt"], texts["common_name.txt"], texts["taxonomic_name.txt"]
    right = {
        "sci.txt": f"a photo of {sci}.",
        "com.txt": f"a photo of {com}.",
        "taxon.txt": f"a photo of {taxon}.",
        "sci_com.txt": f"a photo of {sci} with common name {com}.",
        "taxon_com.txt": f"a photo of {taxon} with common name {com}.",
        "taxonTag_com.txt": f"{texts['taxonTag.txt'].removesuffix('.')} with common name {com}.",
    }
    yield from (
        f".{name} is {texts[name]!r:.80}, not {text!r:.80}" for name, text in right.items() if texts[name] != text
    )


def _check_whole(task: CheckTask, reader: _Hashed, findings: list[Finding]) -> None:
    """What follows the end marker must be zeros; the checksum must be that of the index."""
    while tail := reader.read(1 << 20):
        if tail.strip(b"\0"):
            findings.append(
                Finding("broken-tar", str(task.shard), detail="there are bytes behind the archive's end marker")
            )
            break
    while reader.read(1 << 20):
        pass
    meta = read_meta(task.index) if task.index else None
    if meta and reader.digest.hexdigest() != meta["sha256"]:
        findings.append(Finding("checksum", str(task.shard), detail="its SHA-256 is not the one in its index"))


def _compare_keys(task: CheckTask, seen: dict[str, str], expected: dict[str, _Known]) -> Iterator[Finding]:
    if not seen:
        yield Finding("empty", str(task.shard), detail="there is no sample in it")
    if expected:
        for key in sorted(expected.keys() - seen.keys())[:_SHOWN]:
            yield Finding("missing-key", str(task.shard), key, "its index has the key, the shard lacks it")
        for key in sorted(seen.keys() - expected.keys())[:_SHOWN]:
            yield Finding("unexpected-key", str(task.shard), key, "its index lacks the key")


def check_keys(
    keys: pl.DataFrame, suspects: set[str], ids: pl.Series | None, held: pl.Series | None
) -> Iterator[Finding]:
    """What is wrong with keys across shards.

    Args:
        keys: key, shard, split and scientific name of every sample.
        suspects: shards that are known to be bad: of two shards with the same key, such a one is blamed alone.
        ids: all ids of the mapping, where there is one.
        held: keys that are held out.
    """
    sides = keys.with_columns(
        side=pl.when(pl.col("split") == "train_small").then(pl.lit("small")).otherwise(pl.lit("full"))
    )
    repeated = sides.select("key", "shard", "side").unique().filter(pl.len().over("key", "side") > 1)
    blamed = repeated.with_columns(guilty=pl.col("shard").is_in(list(suspects)))
    blamed = blamed.filter(pl.col("guilty") | ~pl.col("guilty").any().over("key", "side"))
    for key, shard in blamed.select("key", "shard").sort("key", "shard").iter_rows():
        yield Finding(
            "duplicate-key",
            shard,
            key,
            "the key is in another shard too, of this split or of the other of train and val",
        )
    val = keys.filter(pl.col("split") == "val").select("key").unique()
    for key, shard in (
        keys.filter(pl.col("split") == "train_small").join(val, on="key").select("key", "shard").iter_rows()
    ):
        yield Finding("duplicate-key", shard, key, "the key is in val too")
    if ids is not None:
        known = pl.DataFrame({"key": ids})
        for key, shard in keys.join(known, on="key", how="anti").select("key", "shard").iter_rows():
            yield Finding("not-in-mapping", shard, key, "the mapping has no such id")
    if held is not None:
        out = pl.DataFrame({"key": held}, schema={"key": pl.String})
        for key, shard in keys.join(out, on="key", how="semi").select("key", "shard").iter_rows():
            yield Finding("held-out", shard, key, "a hold-out list names it, or its species")


def join(
    checked: Iterable[CheckedShard], tasks: Sequence[CheckTask], ids: pl.Series | None, held: pl.Series | None
) -> list[Finding]:
    """All findings over shards that were checked one by one, in the order of the shards."""
    order = {str(task.shard): place for place, task in enumerate(tasks)}
    findings: list[Finding] = []
    keys = [pl.DataFrame(schema=KEYS)]
    for one in checked:
        findings += one.findings
        keys.append(one.keys)
    findings += check_keys(pl.concat(keys), {one.shard for one in findings}, ids, held)
    return sorted(findings, key=lambda one: (order.get(one.shard, -1), one.key, one.kind, one.detail))


def expand(patterns: Sequence[str]) -> list[Path]:
    """The shards that brace patterns, globs, folders and plain paths name, each once.

    >>> expand(["s-{000..001}.tar"])
    [PosixPath('s-000.tar'), PosixPath('s-001.tar')]
    """
    found: dict[Path, None] = {}
    for pattern in patterns:
        for path in _braces(pattern):
            if Path(path).is_dir():
                found.update(dict.fromkeys(sorted(Path(path).rglob("*.tar"))))
            elif any(mark in path for mark in "*?["):
                found.update(dict.fromkeys(Path(one) for one in sorted(glob.glob(path, recursive=True))))  # noqa: PTH207
            else:
                found[Path(path)] = None
    return list(found)


def _braces(pattern: str) -> Iterator[str]:
    """A pattern without its first braces, once for each of what they stand for."""
    match = re.search(r"\{([^{}]*)\}", pattern)
    if not match:
        yield pattern
        return
    span = re.fullmatch(r"(\d+)\.\.(\d+)", match[1])
    if span:
        numbers = range(int(span[1]), int(span[2]) + 1)
        choices = [str(number).zfill(len(span[1])) for number in numbers]
    else:
        choices = match[1].split(",")
    for choice in choices:
        yield from _braces(pattern[: match.start()] + choice + pattern[match.end() :])
