"""Making what the page needs, once for a dataset: every row's lineage and codes, sorted by lineage, and the names."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ..config.config import load
from ..config.tables import Checks
from ..core.files import fingerprint, stamp
from ..core.values import RANKS, SPLITS
from ..errors import InputError
from ..selection import findings
from ..selection.findings import Findings
from ..shards.locations import Array, Places, id_hashes, known_shards, write_arrays
from ..shards.reader import Reader
from ..taxonomy.check_taxa import Look, looks
from .names import build_names

STEP_VERSION = 3
NAMED = [*RANKS, "common"]
DEPTHS = ("none", *RANKS)
CODES = ("split", "source", "licence", "depth", "finding", "small")
"""What each row has a number for: a value of a filter, a bit for each kind of finding, whether it is in train_small."""
_MOST_KINDS = 64


def prepare(reader: Reader) -> tuple[Path, Sequence[Findings]]:
    """The folder with all that the page needs, made first if need be, and the files of findings.

    Raises:
        InputError: a file of findings is none, or there are more kinds than the page can tell apart.
    """
    folder, found = reader.paths.view / "tree", findings.read(reader.paths.all_findings)
    read = [one for one in (reader.paths.licences, *(file.path for file in found)) if one.exists()]
    kingdoms = (load(reader.paths.config).checks if reader.paths.config.exists() else Checks()).kingdoms
    made = [STEP_VERSION, known_shards(reader.places.shards), [[one.name, stamp(one)] for one in read], kingdoms]
    if _known(folder) != fingerprint(made):
        shutil.rmtree(folder, ignore_errors=True)
        _build(folder, reader, looks(kingdoms), found, fingerprint(made))
    return folder, found


def _known(folder: Path) -> str | None:
    marker = folder / "known.json"
    return str(json.loads(marker.read_text(encoding="utf-8"))["known"]) if marker.exists() else None


def levels(taxa: pl.DataFrame) -> list[Array]:
    """Where taxa of each rank begin."""
    levels, changed = [], pl.Series([True] * min(1, taxa.height) + [False] * (taxa.height - 1))
    for rank in RANKS:
        column = taxa[rank]
        changed = changed | (column != column.shift(1)).fill_null(value=True)
        levels.append(np.flatnonzero(changed.to_numpy()))
    return levels


def _frames(reader: Reader) -> Any:
    """The names of each shard's samples, one shard at a time."""
    for shard in reader.places.shards:
        there = pl.read_parquet_schema(shard.index)
        frame = pl.read_parquet(shard.index, columns=[*NAMED, *(["source"] if "source" in there else [])])
        yield shard, frame.with_columns(pl.col(NAMED).fill_null(""))


def _build(folder: Path, reader: Reader, about_taxa: Sequence[Look], found: Sequence[Findings], known: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    places = reader.places
    taxa = _taxa(reader)
    numbered = taxa.select(RANKS).with_row_index("taxon")
    taxon, split, source, sources = [], [], [], list[str]()
    for shard, frame in _frames(reader):
        number = frame.join(numbered, on=list(RANKS), how="left", maintain_order="left")["taxon"]
        taxon.append(number.to_numpy().astype(np.uint32))
        split.append(np.full(frame.height, SPLITS.index(shard.split), np.uint8))
        source.append(_codes(frame["source"] if "source" in frame.columns else None, frame.height, sources))
    whole = {"taxon": np.concatenate(taxon), "split": np.concatenate(split), "source": np.concatenate(source)}
    kept, small = _once(places, whole["split"])
    order = kept[np.argsort(whole["taxon"][kept], kind="stable")].astype(np.uint32)
    counts = np.bincount(whole["taxon"][order], minlength=taxa.height)
    taxa = taxa.with_columns(
        start=pl.Series(np.concatenate([[0], np.cumsum(counts)[:-1]]), dtype=pl.Int64), images=pl.Series(counts)
    )
    meanings = _meanings(about_taxa, found)
    licence, licences = _licences(reader, order)
    finding = np.repeat(_of_taxa(taxa, about_taxa), counts) | _of_samples(reader, found, list(meanings))[order]
    arrays = {"number": order, "split": whole["split"][order], "source": whole["source"][order], "licence": licence}
    arrays |= {"depth": np.repeat(_depth(taxa), counts), "finding": finding, "small": small[order]}
    taxa.write_parquet(folder / "taxa.parquet")
    build_names(folder, taxa, levels(taxa))
    values = {"split": list(SPLITS), "source": sources, "licence": licences, "depth": list(DEPTHS)}
    values["finding"] = list(meanings)
    told = {"known": known, "values": values, "counts": _counts(arrays, values), "meanings": meanings}
    write_arrays(folder, arrays, told)


def _counts(arrays: dict[str, Array], values: dict[str, list[str]]) -> dict[str, list[int]]:
    """How many rows have each value of each filter."""
    several = ("split", "finding")
    plain = {n: np.bincount(arrays[n], minlength=len(v)).tolist() for n, v in values.items() if n not in several}
    split = [int((arrays["split"] == at).sum()) for at in range(len(SPLITS))]
    split[SPLITS.index("train_small")] += int(arrays["small"].sum())
    bits = [int(np.count_nonzero(arrays["finding"] & np.uint64(1 << at))) for at in range(len(values["finding"]))]
    return plain | {"split": split, "finding": bits}


def _taxa(reader: Reader) -> pl.DataFrame:
    """Every lineage, sorted, with the common name that most of its images have."""
    counted: pl.DataFrame | None = None
    waiting: list[pl.DataFrame] = []
    for _, frame in _frames(reader):
        waiting.append(frame.group_by(NAMED).agg(pl.len().cast(pl.Int64).alias("n")))
        if len(waiting) >= 50:
            counted, waiting = _together(counted, waiting), []
    counted = _together(counted, waiting)
    best = counted.sort("n", "common", descending=[True, False]).unique(list(RANKS), keep="first", maintain_order=True)
    return best.drop("n").sort(RANKS)


def _together(counted: pl.DataFrame | None, more: list[pl.DataFrame]) -> pl.DataFrame:
    every = [*([counted] if counted is not None else []), *more]
    return pl.concat(every).group_by(NAMED).agg(pl.col("n").sum())


def _codes(column: pl.Series | None, count: int, values: list[str]) -> Array:
    """A number for each value of a column; new values are added to ``values``."""
    if column is None:
        column = pl.Series(["unknown"]).extend_constant("unknown", count - 1)
    values += [one for one in column.unique().sort().to_list() if one not in values]
    return column.replace_strict(values, list(range(len(values))), return_dtype=pl.UInt8).to_numpy()


def _once(places: Places, split: Array) -> tuple[Array, Array]:
    """The rows that stand for an image, each image once; and for each row whether its image is in train_small too."""
    hashes, order = np.asarray(places.hashes), np.asarray(places.order)
    again = np.concatenate([[False], hashes[1:] == hashes[:-1]])
    again &= split[order] == SPLITS.index("train_small")
    small = np.zeros(len(order), np.uint8)
    small[order[np.flatnonzero(again) - 1]] = 1
    keep = np.ones(len(order), dtype=bool)
    keep[order[again]] = False
    return np.flatnonzero(keep), small


def _depth(taxa: pl.DataFrame) -> Array:
    depth = np.zeros(taxa.height, np.uint8)
    for at, rank in enumerate(RANKS, 1):
        depth[(taxa[rank] != "").to_numpy()] = at
    return depth


def _meanings(about_taxa: Sequence[Look], found: Sequence[Findings]) -> dict[str, str]:
    """What each kind of finding means: of labels first, then of samples."""
    meanings = {one.kind: one.what for one in about_taxa}
    for one in found:
        meanings |= {str(kind): str(what) for kind, what in one.kinds.items()}
    if len(meanings) > _MOST_KINDS:
        raise InputError(f"{len(meanings)} kinds of findings are more than the page can tell apart: {_MOST_KINDS}")
    return meanings


def _of_taxa(taxa: pl.DataFrame, about_taxa: Sequence[Look]) -> Array:
    """For each lineage a bit for each kind that its label has."""
    table = taxa.select(one.wrong.alias(one.kind) for one in about_taxa)
    bits = np.zeros(taxa.height, np.uint64)
    for at, one in enumerate(about_taxa):
        bits |= table[one.kind].to_numpy().astype(np.uint64) << np.uint64(at)
    return bits


def _of_samples(reader: Reader, found: Sequence[Findings], kinds: list[str]) -> Array:
    """For each sample a bit for each kind that a file of findings says of it; of all that have the image."""
    bits = np.zeros(len(reader.places), np.uint64)
    for one in found:
        rows = one.scan().select("treeoflife_id", "kind").unique().collect()
        for kind, some in rows.partition_by("kind", as_dict=True).items():
            bits[_rows_of(reader.places, some["treeoflife_id"])[1]] |= np.uint64(1 << kinds.index(kind[0]))
    return bits


def _rows_of(places: Places, ids: pl.Series) -> tuple[Array, Array]:
    """Which of these ids are samples, and the row of each: of the first split that has it."""
    hashes, wanted = np.asarray(places.hashes), id_hashes(ids)
    at = np.minimum(np.searchsorted(hashes, wanted), max(0, len(hashes) - 1))
    there = hashes[at] == wanted
    return np.flatnonzero(there), np.asarray(places.order)[at[there]]


def _licences(reader: Reader, order: Array) -> tuple[Array, list[str]]:
    """The licence of each row, as licences.csv has it."""
    path = reader.paths.licences
    if not path.exists():
        return np.zeros(len(order), np.uint8), ["not provided"]
    table = pl.read_csv(path, columns=["treeoflife_id", "license_name"], infer_schema=False)
    values = [
        "not provided",
        *(one for one in table["license_name"].unique().sort().to_list() if one != "not provided"),
    ]
    codes = table["license_name"].replace_strict(values, list(range(len(values))), return_dtype=pl.UInt8, default=0)
    of_row = np.zeros(len(reader.places), np.uint8)
    ours, rows = _rows_of(reader.places, table["treeoflife_id"])
    of_row[rows] = codes.to_numpy()[ours]
    return of_row[order], values
