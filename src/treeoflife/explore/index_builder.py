"""Building and opening the index that the page reads: lineages, codes and numbers of images, and the names."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from ..config.config import load
from ..config.paths import Paths
from ..config.tables import Checks
from ..core.files import fingerprint, stamp
from ..core.json_reader import read_json_file
from ..core.tables import Array, parquet_schema
from ..core.values import NAME_COLUMNS, RANKS, SPLITS
from ..errors import InputError
from ..reports.statistics import licence_table
from ..selection import findings
from ..selection.findings import Findings
from ..selection.scores.score_file import ScoreFile, score_files
from ..shards import locations
from ..shards.locations import SampleLocations
from ..shards.reader import Dataset
from ..shards.view_folder import cache_folder, replacing_folder
from ..taxonomy.checks.check_taxa import known_genera
from ..taxonomy.checks.taxa_checks import TaxaCheck, make_checks
from .lineage_index import FACETS, LineageIndex
from .name_search import NameSearch, build_name_search
from .numbers import collect_numbers, order_by

STEP_VERSION = 6
CODES = (*FACETS, "small")
"""The arrays of codes. ``small`` is 1 where the image is in train_small too."""
_NO_ROW = 2**32 - 1  # of the copy of an image in train_small
_MAX_KINDS = 64  # the bits of the integer that holds the findings of an image


def open_index(dataset: Dataset) -> LineageIndex:
    """Open the index of a dataset; it is built first if it is missing or out of date."""
    folder, findings, scores = _ensure_index(dataset.paths, dataset.locations)
    meta = read_json_file(folder / "known.json")
    taxa = pl.read_parquet(folder / "taxa.parquet", glob=False)
    codes = {name: np.load(folder / f"{name}.npy", mmap_mode="r") for name in CODES}
    number, row = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("number", "row"))
    numbers, orders = (
        {name: np.load(folder / f"{kind}-{place}.npy", mmap_mode="r") for place, name in enumerate(meta["numbers"])}
        for kind in ("number", "order")
    )
    about = meta["values"], meta["counts"], meta["meanings"]
    starts, names = _taxon_starts(taxa), NameSearch.open(folder)
    return LineageIndex(
        taxa, starts, number, row, numbers, orders, codes, *about, names, findings, scores, meta["known"]
    )


def _ensure_index(paths: Paths, samples: SampleLocations) -> tuple[Path, Sequence[Findings], Sequence[ScoreFile]]:
    """Return the folder of a dataset's index, built first if it is out of date, and the files of findings and scores.

    Raises:
        InputError: a file of findings or scores is malformed, or there are more than 64 kinds of findings.
    """
    folder = cache_folder(paths) / "tree"
    finding_files = findings.read(paths.findings_folder)
    config = load(paths.config) if paths.config.exists() else None
    scores = score_files(paths, list(config.scores) if config else [])
    files = licence_table(paths), *(file.path for file in finding_files), *(file.path for file in scores)
    inputs = [path for path in files if path.exists()]
    kingdoms = (config.checks if config else Checks()).kingdoms
    inputs += [paths.names] if paths.names.exists() else []
    shards = locations.fingerprint_shards(samples.shards)
    made_from = fingerprint([STEP_VERSION, shards, [[path.name, stamp(path)] for path in inputs], kingdoms])
    if locations.recorded_fingerprint(folder) != made_from:
        with replacing_folder(folder) as new:
            genera = known_genera(paths.names, config.sources if config else {})
            _build(new, paths, samples, make_checks(kingdoms, genera), finding_files, scores, made_from)
    return folder, finding_files, scores


def _taxon_starts(taxa: pl.DataFrame) -> list[Array]:
    """For each rank, the rows of ``taxa`` (sorted by lineage) at which a new taxon of that rank begins."""
    starts, changed = [], pl.Series([True] * min(1, taxa.height) + [False] * (taxa.height - 1))
    for rank in RANKS:
        changed = changed | (taxa[rank] != taxa[rank].shift(1)).fill_null(value=True)
        starts.append(np.flatnonzero(changed.to_numpy()))
    return starts


def _build(
    folder: Path,
    paths: Paths,
    samples: SampleLocations,
    taxa_checks: Sequence[TaxaCheck],
    finding_files: Sequence[Findings],
    scores: Sequence[ScoreFile],
    made_from: str,
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    taxa = _count_taxa(samples)
    taxon, split, source, sources = _sample_codes(samples, taxa)
    distinct, small = _distinct_images(samples, split)
    # A stable sort keeps the images of a lineage in the order of the shards: a page of the grid reads few of them.
    order = distinct[np.argsort(taxon[distinct], kind="stable")].astype(np.uint32)
    counts = np.bincount(taxon[order], minlength=taxa.height)
    taxa = taxa.with_columns(start=pl.Series(np.cumsum(counts) - counts, dtype=pl.Int64), images=pl.Series(counts))
    meanings = _kind_meanings(taxa_checks, finding_files)
    licence, licences = _licence_codes(paths, samples)
    finding = np.repeat(_label_findings(taxa, taxa_checks), counts)
    finding |= _sample_findings(samples, finding_files, list(meanings))[order]
    arrays = {"number": order, "split": split[order], "source": source[order], "licence": licence[order]}
    arrays |= {"depth": np.repeat(_depth_codes(taxa), counts), "finding": finding, "small": small[order]}
    rows = np.full(len(samples), _NO_ROW, np.uint32)
    rows[order] = np.arange(len(order), dtype=np.uint32)
    arrays["row"] = rows
    numbers = {"findings": np.bitwise_count(finding).astype(np.float32)}
    numbers |= {name: values[order] for name, values in collect_numbers(paths, samples, scores).items()}
    for place, array in enumerate(numbers.values()):
        arrays |= {f"number-{place}": array, f"order-{place}": order_by(array)}
    taxa.write_parquet(folder / "taxa.parquet")
    build_name_search(folder, taxa, _taxon_starts(taxa))
    values = dict(zip(FACETS, (list(SPLITS), sources, licences, ["none", *RANKS], list(meanings)), strict=True))
    meta = {"known": made_from, "values": values, "counts": _count_codes(arrays, values), "meanings": meanings}
    meta |= {"numbers": list(numbers)}
    locations.write_arrays(folder, arrays, meta)


def _count_taxa(samples: SampleLocations) -> pl.DataFrame:
    """Every lineage, sorted, with the common name that most of its images have."""
    tables = [pl.scan_parquet(shard.index, glob=False).select(NAME_COLUMNS) for shard in samples.shards]
    names = pl.concat(tables).with_columns(pl.all().fill_null(""))
    counts = names.group_by(NAME_COLUMNS).len("images").collect(engine="streaming")
    commonest = counts.sort("images", "common", descending=[True, False])
    return commonest.unique(list(RANKS), keep="first", maintain_order=True).drop("images").sort(RANKS)


def _sample_codes(samples: SampleLocations, taxa: pl.DataFrame) -> tuple[Array, Array, Array, list[str]]:
    """For each sample the number of its lineage and the codes of its split and source; and the sources by code."""
    numbered = taxa.select(RANKS).with_row_index("taxon")
    taxon, split, source, sources = [], [], [], list[str]()
    for shard in samples.shards:
        recorded = {"source"} & parquet_schema(shard.index).keys()
        rows = pl.read_parquet(shard.index, columns=[*RANKS, *recorded], glob=False).with_columns(
            pl.col(RANKS).fill_null("")
        )
        numbers = rows.join(numbered, on=RANKS, how="left", maintain_order="left")["taxon"]
        taxon.append(numbers.to_numpy().astype(np.uint32))
        split.append(np.full(rows.height, SPLITS.index(shard.split), np.uint8))
        source.append(
            _encode(rows.get_column("source", default=pl.repeat("unknown", rows.height, eager=True)), sources)
        )
    return np.concatenate(taxon), np.concatenate(split), np.concatenate(source), sources


def _encode(column: pl.Series, values: list[str]) -> Array:
    """The code of each entry: its position in ``values``, to which new values are appended."""
    values += [value for value in column.unique().sort().to_list() if value not in values]
    return column.replace_strict(values, list(range(len(values))), return_dtype=pl.UInt8).to_numpy()


def _distinct_images(samples: SampleLocations, split: Array) -> tuple[Array, Array]:
    """The numbers of the samples without the copies in train_small of other samples; and which samples have a copy."""
    hashes, order = np.asarray(samples.hashes), np.asarray(samples.order)
    # Samples with equal ids are neighbours in the order of hashes, and train_small comes last among them.
    copies = np.concatenate([[False], hashes[1:] == hashes[:-1]]) & (split[order] == SPLITS.index("train_small"))
    small = np.zeros(len(order), np.uint8)
    small[order[np.flatnonzero(copies) - 1]] = 1
    distinct = np.ones(len(order), dtype=bool)
    distinct[order[copies]] = False
    return np.flatnonzero(distinct), small


def _depth_codes(taxa: pl.DataFrame) -> Array:
    """For each lineage the number of its lowest rank that is not empty, from 1; 0 for a lineage without names."""
    codes = (pl.when(pl.col(rank) != "").then(code).otherwise(0) for code, rank in enumerate(RANKS, 1))
    return taxa.select(depth=pl.max_horizontal(codes).cast(pl.UInt8))["depth"].to_numpy()


def _kind_meanings(taxa_checks: Sequence[TaxaCheck], finding_files: Sequence[Findings]) -> dict[str, str]:
    """What each kind of finding means: the kinds of labels first, then those of single images."""
    meanings = {check.kind: check.meaning for check in taxa_checks}
    for file in finding_files:
        meanings |= {str(kind): str(meaning) for kind, meaning in file.kinds.items()}
    if len(meanings) > _MAX_KINDS:
        count, folder = len(meanings), finding_files[0].path.parent
        raise InputError(f"{folder} has too many kinds of findings: {count} in all; explore can show {_MAX_KINDS}")
    return meanings


def _label_findings(taxa: pl.DataFrame, taxa_checks: Sequence[TaxaCheck]) -> Array:
    """For each lineage one bit per kind of finding that its label has."""
    bits = np.zeros(taxa.height, np.uint64)
    for code, check in enumerate(taxa_checks):
        bits |= check.find(taxa)["found"].to_numpy().astype(np.uint64) << np.uint64(code)
    return bits


def _sample_findings(samples: SampleLocations, finding_files: Sequence[Findings], kinds: list[str]) -> Array:
    """For each sample one bit per kind of finding that a file of findings has for its id."""
    bits = np.zeros(len(samples), np.uint64)
    for file in finding_files:
        rows = file.scan().select("treeoflife_id", "kind").unique().collect()
        for (kind,), group in rows.partition_by("kind", as_dict=True).items():
            bits[_sample_numbers(samples, group["treeoflife_id"])[1]] |= np.uint64(1 << kinds.index(kind))
    return bits


def _sample_numbers(samples: SampleLocations, ids: pl.Series) -> tuple[Array, Array]:
    """Positions in ``ids`` of those that are in the dataset, and the number of the first sample of each."""
    hashes, id_hashes = np.asarray(samples.hashes), locations.hash_ids(ids)
    index = np.minimum(np.searchsorted(hashes, id_hashes), max(0, len(hashes) - 1))
    present = hashes[index] == id_hashes
    return np.flatnonzero(present), np.asarray(samples.order)[index[present]]


def _licence_codes(paths: Paths, samples: SampleLocations) -> tuple[Array, list[str]]:
    """For each sample the code of its licence, from its table; and the licences by code."""
    codes, licences = np.zeros(len(samples), np.uint8), ["not provided"]
    path = licence_table(paths)
    if path.exists():
        table = pl.read_csv(path, columns=["treeoflife_id", "license_name"], infer_schema=False, glob=False)
        positions, numbers = _sample_numbers(samples, table["treeoflife_id"])
        codes[numbers] = _encode(table["license_name"].fill_null("not provided"), licences)[positions]
    return codes, licences


def _count_codes(arrays: dict[str, Array], values: dict[str, list[str]]) -> dict[str, list[int]]:
    """For each facet, how many rows have each code. A row with several findings counts once for each."""
    exclusive = [facet for facet in FACETS if facet != "finding"]
    counts = {facet: np.bincount(arrays[facet], minlength=len(values[facet])).tolist() for facet in exclusive}
    counts["split"][SPLITS.index("train_small")] += int(arrays["small"].sum())
    bits = [np.uint64(1 << code) for code in range(len(values["finding"]))]
    return counts | {"finding": [int(np.count_nonzero(arrays["finding"] & bit)) for bit in bits]}
