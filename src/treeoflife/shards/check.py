"""Checking shards, this program's and others': complete tars, complete samples, sound images and texts."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import polars as pl
from PIL import Image, UnidentifiedImageError

from ..core.parquet_meta import read_meta
from ..core.tar_reader import Member, TarError, read_members
from ..core.text import describe_error
from ..core.values import NAME_COLUMNS, RANKS, Taxon
from ..engines.base import Tick
from ..images.convert import load_whole
from .captions import (
    COMMON_NAME,
    TAGGED,
    TAXONOMIC,
    TEXTS,
    as_sentence,
    compose_texts,
    end_marks,
    fill_published_templates,
    fill_templates,
)
from .check_as_indexed import is_as_indexed
from .members import group_samples, split_name, suffix_of
from .texts import FurtherTexts

STEP_VERSION = 2
_TAGGED_COMMON = "taxonTag_com.txt"
# Members are held in memory, and their sizes are the shard's own claim. An image of the default size has 40 kB.
_LARGEST_MEMBER = 100_000_000
# A shard that belongs to another index lacks ten thousand keys; a few of them are enough to see that.
_KEYS_SHOWN = 20
_SUFFIXES = {"jpg", *TEXTS}
KEY_SCHEMA = pl.Schema({"key": pl.String, "shard": pl.String, "split": pl.String, "name": pl.String})
"""The columns of :attr:`CheckedShard.keys`."""


@dataclass(frozen=True, slots=True)
class Finding:
    """A fault of a shard, or of the sample ``key`` in it. ``kind`` is a word to count, such as ``missing-member``."""

    kind: str
    shard: str
    key: str = ""
    detail: str = ""


@dataclass(frozen=True)
class CheckTask:
    """A shard to check: images must have the ``size``, if given, and all of it must match the ``index``, if given."""

    shard: Path
    split: str
    size: tuple[int, int] | None
    index: Path | None = None

    @property
    def label(self) -> str:
        """What messages call it, such as ``train/shard-000000.tar``."""
        return f"{self.split}/{self.shard.name}"

    @property
    def cost(self) -> float:
        """A rough estimate of its duration in seconds, at 100 MB a second."""
        return self.shard.stat().st_size / 100e6 if self.shard.exists() else 0.0


@dataclass(frozen=True)
class CheckedShard:
    """The findings about one shard, and a row per sample: ``key``, ``shard``, ``split`` and scientific ``name``."""

    findings: tuple[Finding, ...]
    keys: pl.DataFrame


def check_shard(task: CheckTask, tick: Tick) -> CheckedShard:
    """Read one shard completely, and check everything in it. Never raises because of what the shard contains."""
    if task.index and is_as_indexed(task.shard, task.index, tick):
        return found_as_indexed(task)
    return _ShardCheck(task).run(tick)


def found_as_indexed(task: CheckTask) -> CheckedShard:
    """The result for a shard that has what its index says: the keys are those of the index."""
    assert task.index
    index = pl.read_parquet(task.index, columns=["treeoflife_id", *RANKS], glob=False)
    shard, split = str(task.shard), task.split
    rows = [(key, shard, split, Taxon(*names).scientific_name) for key, *names in index.iter_rows()]
    return CheckedShard((), pl.DataFrame(rows, schema=KEY_SCHEMA, orient="row"))


class _Expected(NamedTuple):
    """What an index says about a sample: its names, the SHA-256 of its image, and its texts beside the ten."""

    taxon: Taxon
    common: str
    sha256: bytes
    further: dict[str, str]


class _HashingReader:
    """A file whose bytes are hashed as they are read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()

    def read(self, size: int, /) -> bytes:
        data = self._file.read(size)
        self.digest.update(data)
        return data


class _ShardCheck:
    """The check of one shard: collects findings while the shard is read."""

    def __init__(self, task: CheckTask) -> None:
        self._task = task
        self._meta = read_meta(task.index) if task.index else None
        self._findings: list[Finding] = []
        self._names: dict[str, str] = {}

    def run(self, tick: Tick) -> CheckedShard:
        expected = self._read_index()
        try:
            with self._task.shard.open("rb") as file:
                reader = _HashingReader(file)
                for key, members in group_samples(self._sound_members(reader)):
                    self._check_sample(key, members, expected.get(key))
                    tick(1)
                self._check_digest(reader)
        except TarError as error:
            self._add("broken-tar", detail=str(error))
        except OSError as error:
            self._add("unreadable", detail=str(error.strerror or error))
        self._compare_keys(expected)
        rows = [(key, str(self._task.shard), self._task.split, name) for key, name in self._names.items()]
        return CheckedShard(tuple(self._findings), pl.DataFrame(rows, schema=KEY_SCHEMA, orient="row"))

    def _add(self, kind: str, key: str = "", detail: str = "") -> None:
        self._findings.append(Finding(kind, str(self._task.shard), key, detail))

    def _read_index(self) -> dict[str, _Expected]:
        """What the index says about each sample; empty if there is no sound index."""
        if not self._task.index:
            return {}
        if self._meta is None:
            self._add("no-index", detail=f"its index {self._task.index} is missing or damaged")
            return {}
        further = FurtherTexts.from_json(self._meta.get("texts"))
        columns = ["treeoflife_id", "sha256", *NAME_COLUMNS, *further.planned]
        rows = pl.read_parquet(self._task.index, columns=columns, glob=False).iter_rows(named=True)
        return {
            row["treeoflife_id"]: _Expected(
                Taxon(*(row[rank] for rank in RANKS)), row["common"], row["sha256"], further.members(row)
            )
            for row in rows
        }

    def _sound_members(self, reader: _HashingReader) -> Iterator[Member]:
        """The members that can be a part of a sample; the others become findings."""
        for member in read_members(reader, _LARGEST_MEMBER):
            key, suffix = split_name(member.name)
            if not member.regular:
                self._add("not-a-file", key, f"the member {member.name!r:.100} is a link, folder or device")
            elif not key or not suffix or "/" in member.name or member.name != member.name.strip():
                self._add("bad-name", key, f"the member {member.name!r:.100} is not named <key>.<suffix>")
            elif member.data is None:
                self._add("too-large", key, f"the member {member.name!r:.100} has {member.size} bytes")
            else:
                yield member

    def _check_sample(self, key: str, members: list[Member], expected: _Expected | None) -> None:
        parts: dict[str, bytes] = {}
        for member in members:
            if (suffix := suffix_of(member)) in parts:
                self._add("duplicate-member", key, f"two members .{suffix}")
            parts[suffix] = member.data or b""
        suffixes = _SUFFIXES | expected.further.keys() if expected else _SUFFIXES
        for suffix in sorted(suffixes - parts.keys()):
            self._add("missing-member", key, f"no .{suffix}")
        for suffix in sorted(parts.keys() - suffixes):
            self._add("unknown-member", key, f".{suffix} is not a member of a sample")
        if "jpg" in parts and (fault := _find_image_fault(parts["jpg"], self._task.size, expected)):
            self._add("bad-image", key, fault)
        self._check_texts(key, parts, expected)
        if key in self._names:
            self._add("duplicate-key", key, "the key occurs twice in this shard")
        self._names[key] = parts.get("scientific_name.txt", b"").decode(errors="replace")

    def _check_texts(self, key: str, parts: dict[str, bytes], expected: _Expected | None) -> None:
        texts: dict[str, str] = {}
        for suffix in TEXTS:
            try:
                texts[suffix] = parts.get(suffix, b"").decode()
            except UnicodeDecodeError:
                self._add("bad-text", key, f".{suffix} is not UTF-8")
        for suffix, text in expected.further.items() if expected else ():
            if (own := parts.get(suffix, text.encode())) != text.encode():
                self._add("bad-text", key, f".{suffix} is {own!r:.80}, not {text!r:.80}")
        # Texts are compared with each other, which takes all of them.
        if parts.keys() >= _SUFFIXES and len(texts) == len(TEXTS):
            for fault in _find_text_faults(texts, expected):
                self._add("bad-text", key, fault)

    def _check_digest(self, reader: _HashingReader) -> None:
        """Compare the checksum with that of the index: the reader of members has read all of the file."""
        if self._meta and reader.digest.hexdigest() != self._meta["sha256"]:
            self._add("checksum", detail="its SHA-256 is not the one in its index")

    def _compare_keys(self, expected: dict[str, _Expected]) -> None:
        # A shard whose samples were all withdrawn stays, so that no other gets its number: its index has no row.
        is_vacant = self._meta is not None and not expected
        if not self._names and not is_vacant:
            self._add("empty", detail="there is no sample in it")
        for key in sorted(expected.keys() - self._names.keys())[:_KEYS_SHOWN]:
            self._add("missing-key", key, "the key is in the index, but not in the shard")
        for key in sorted(self._names.keys() - expected.keys())[: _KEYS_SHOWN if expected else 0]:
            self._add("unexpected-key", key, "the key is not in the index")


def _find_image_fault(data: bytes, size: tuple[int, int] | None, expected: _Expected | None) -> str:
    """What is wrong with an image; empty if nothing. An image that is still as it was encoded is not decoded."""
    if expected and hashlib.sha256(data).digest() == expected.sha256:
        return ""
    try:
        # The shard may be hostile: no other decoder is tried, and the size is checked before pixels take memory.
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            if size and image.size != size:
                return f"{image.width}x{image.height} pixels, not {size[0]}x{size[1]}"
            if image.mode != "RGB":
                return f"mode {image.mode}, not RGB"
            fault = load_whole(image)
    except UnidentifiedImageError:
        return f"it is no JPEG: it begins with {data[:16]!r}"
    except Exception as error:  # noqa: BLE001 - a decoder may raise anything over damaged bytes
        return f"cannot be decoded: {describe_error(error)}"
    return fault.detail if fault else ""


def _find_text_faults(texts: dict[str, str], expected: _Expected | None) -> Iterator[str]:
    """What is wrong with the ten texts: not those of the index; or without one, malformed or not consistent."""
    if expected:
        forms = [compose_texts(expected.taxon, expected.common)]
    else:
        for suffix, text in texts.items():
            if any(ord(letter) < 32 for letter in text):
                yield f".{suffix} has control characters or several lines"
        if not texts[TAXONOMIC]:
            yield f".{TAXONOMIC} is empty"
        forms = _consistent_texts(texts)
    for suffix in TEXTS:
        if all(texts[suffix] != form[suffix] for form in forms):
            yield f".{suffix} is {texts[suffix]!r:.80}, not {forms[0][suffix]!r:.80}"


def _consistent_texts(texts: dict[str, str]) -> list[dict[str, str]]:
    """The ten texts by the names that some of them give: as they are written now, and as they are published.

    Without an index, names are only known from the texts themselves, and those of the ranks in any form.
    """
    scientific, taxonomic, common = texts["scientific_name.txt"], texts[TAXONOMIC], texts[COMMON_NAME]
    end, tagged = end_marks(taxonomic), texts[TAGGED].removesuffix(".")
    lowest = scientific or _lowest_name(texts["sci.txt"], taxonomic)
    now = fill_templates(scientific, taxonomic, common, "", lowest)
    published = fill_published_templates(scientific, taxonomic, common, "")
    return [
        now | {TAGGED: texts[TAGGED], _TAGGED_COMMON: as_sentence(f"{tagged}{end} with common name {common}")},
        published | {TAGGED: texts[TAGGED], _TAGGED_COMMON: f"{tagged} with common name {common}."},
    ]


def _lowest_name(caption: str, taxonomic: str) -> str:
    """The name in a caption of a sample without a scientific name, such as a family, which ends its taxonomic name.

    If the caption has no such name, it is the last word of the taxonomic name.
    """
    end = end_marks(taxonomic)
    name = caption.removeprefix("a photo of ").removesuffix(".")
    if name and f" {taxonomic.removesuffix(end)}".endswith(f" {name}"):
        return name + end
    return taxonomic.rpartition(" ")[2]
