"""Searching a dataset for what is left of withdrawn images."""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from treeoflife.config.config import load
from treeoflife.sources.registry import load_sources

WINDOW = 64
_AT_ONCE = 1 << 24
_MAY_NAME_THEM = ("withdrawn.csv", "ledger/ledger.parquet")


@dataclass(frozen=True)
class Withdrawn:
    """An image that is withdrawn: its id, what else names it, and its bytes as they were found and encoded."""

    id: str
    names: tuple[str, ...]
    pictures: tuple[bytes, ...]

    def windows(self) -> Iterator[bytes]:
        """Pieces of its pictures such that any 127 bytes of one in a row hold one of them."""
        for picture in self.pictures:
            # Neither headers, which all pictures of an encoder share, nor areas of one colour.
            pieces = (picture[at : at + WINDOW] for at in range(_end_of_headers(picture), len(picture), WINDOW))
            yield from (piece for piece in pieces if len(piece) == WINDOW and len(set(piece)) > WINDOW // 3)


def _end_of_headers(picture: bytes) -> int:
    """Where the compressed data of a JPEG begins; of other files, their second kilobyte."""
    scan = picture.find(b"\xff\xda")
    return scan + 14 if picture[:2] == b"\xff\xd8" and scan > 0 else min(1024, len(picture))


def withdrawn_images(out: Path, per_split: int) -> list[Withdrawn]:
    """Some samples of each split, with their bytes in the store and in the source."""
    found: dict[str, Withdrawn] = {}
    config = load(out / "dataset.toml")
    sources = {source.name: source for source in load_sources(config, out)}
    for split in ("train", "val", "train_small"):
        plan = pl.read_parquet(out / f"plan/224x224/{split}.parquet").filter(
            ~pl.col("treeoflife_id").is_in(list(found))
        )
        for row in plan.gather_every(max(1, plan.height // per_split)).head(per_split).iter_rows(named=True):
            store = out / "encoded/224x224-q100" / row["source"] / f"{row['container']}.tar"
            jpeg = store.read_bytes()[row["offset"] : row["offset"] + row["size"]]
            source = sources[row["source"]]
            container = next(one for one in source.containers() if one.name == row["container"])
            raw = next(image.data for at, image in enumerate(source.read(container, 1 << 30)) if at == row["position"])
            found[row["treeoflife_id"]] = Withdrawn(row["treeoflife_id"], (), (jpeg, raw))
    return list(found.values())


def traces(out: Path, withdrawn: list[Withdrawn]) -> list[str]:
    """The files below a dataset that hold bytes or names of withdrawn images, each with what it holds."""
    pieces = {piece: one.id for one in withdrawn for piece in one.windows()}
    names = re.compile(b"|".join(re.escape(name.encode()) for one in withdrawn for name in (one.id, *one.names)))
    found = []
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        name = path.relative_to(out).as_posix()
        data = path.read_bytes()
        if bytes_of := _owners(pieces, data):
            found.append(f"{name}: bytes of {', '.join(sorted(bytes_of))}")
        if name in _MAY_NAME_THEM:
            continue
        texts = b"\n".join((name.encode(), data, *_unpacked(path, data)))
        if named := names.search(texts):
            found.append(f"{name}: {named[0].decode()}")
    return found


def _owners(pieces: dict[bytes, str], data: bytes) -> set[str]:
    """Whose pieces are in the data, at whichever place; pieces are looked up by their first three bytes."""
    begins = np.zeros(1 << 24, bool)
    begins[[int.from_bytes(piece[:3], "little") for piece in pieces]] = True
    found = set[str]()
    for start in range(0, len(data), _AT_ONCE):
        some = np.frombuffer(data[start : start + _AT_ONCE + 2], np.uint8).astype(np.uint32)
        likely = np.flatnonzero(begins[some[:-2] | some[1:-1] << 8 | some[2:] << 16]) + start
        found |= {pieces[piece] for at in likely if (piece := data[at : at + WINDOW]) in pieces}
    return found


def _unpacked(path: Path, data: bytes) -> Iterator[bytes]:
    """What is in a file that compresses."""
    if data[:4] == b"PAR1":
        yield pl.read_parquet(path).with_columns(pl.selectors.binary().bin.encode("hex")).write_json().encode()
        yield repr(pl.read_parquet_metadata(path)).encode()
    elif data[:2] == b"\x1f\x8b":
        yield gzip.decompress(data)
