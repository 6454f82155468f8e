"""The authorities: what ITIS, resolved.jsonl, TaxonoPy, iNaturalist and EOL's tree know, each as a table of records."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from polars.exceptions import PolarsError

from ..core.values import RANKS
from ..errors import InputError
from .parsing import Parser
from .tables import UPPER, clean_ranks, parse_names, read_table, record_columns, with_species
from .tree import Tree

_ITIS_RANKS = tuple(rank.capitalize() for rank in RANKS)
_ITIS_OTHERS = ("terminal_tsn", "terminal_scientific_name", "terminal_vernacular", "terminal_vernacular_lang")
_INAT = ("id", *UPPER, "specificEpithet", "scientificName", "taxonRank")
_INAT_NAMES = ("id", "vernacularName", "language", "locality", "lexicon", "created")


def read_itis(path: Path, parser: Parser) -> pl.DataFrame:
    """ITIS' chains: the seven ranks, ``tsn``, and the vernaculars with their languages as ITIS joins them.

    Raises:
        InputError: the file is missing or lacks a column.
    """
    rows = read_table(path, _ITIS_RANKS, optional=_ITIS_OTHERS).rename(dict(zip(_ITIS_RANKS, RANKS, strict=True)))
    cleaned = with_species(clean_ranks(rows, parser), rows["species"], parser)
    number = pl.col("terminal_tsn").cast(pl.Int64, strict=False).alias("tsn")
    return cleaned.with_columns(number).sort("tsn", *RANKS, nulls_last=True)


def read_resolved(path: Path, parser: Parser) -> pl.DataFrame:
    """resolved.jsonl; of several authorities behind a name, all are records.

    Raises:
        InputError: the file is missing, or a line is not {name: {authority: {rank: value}}}.
    """
    rows = list(_resolved_lines(path))
    frame = (
        pl.DataFrame(rows, schema=dict.fromkeys(("name", *RANKS), pl.String), orient="row")
        .unique()
        .sort("name", *RANKS)
    )
    species = pl.select(pl.when(frame["species"] == "").then(frame["name"]).otherwise(frame["species"])).to_series()
    return with_species(clean_ranks(frame, parser), species, parser)


def _resolved_lines(path: Path) -> Iterator[tuple[str, ...]]:
    number, line = 0, ""
    try:
        with path.open(encoding="utf-8") as fd:
            for number, line in enumerate(fd, 1):  # noqa: B007 - the error names the line
                if line.strip():
                    yield from _resolved_rows(json.loads(line))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, AttributeError):
        expected = "{name: {authority: {rank: value}}}"
        raise InputError(f"{path}, line {number}: expected {expected}, got {line[:120]!r}") from None


def _resolved_rows(answer: dict[str, dict[str, dict[str, str]]]) -> Iterator[tuple[str, ...]]:
    for name, answers in answer.items():
        for ranks in answers.values():
            yield (name, *(str(ranks.get(rank) or "") for rank in RANKS))


def read_taxonopy(path: Path, parser: Parser) -> pl.DataFrame:
    """TaxonoPy's resolved names: the seven ranks and ``common_name``.

    Raises:
        InputError: the file is missing or lacks a rank's column.
    """
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise InputError(f"[names] taxonopy: no Parquet file in {path}")
    try:
        parts = [_taxonopy_part(file) for file in files]
    except (OSError, PolarsError) as error:
        raise InputError(f"[names] taxonopy: {path} cannot be read: {error}".splitlines()[0]) from None
    frame = pl.concat(parts).unique().sort(*RANKS, "scientific_name", "common_name")
    return with_species(clean_ranks(frame, parser), frame["species"], parser)


def _taxonopy_part(file: Path) -> pl.DataFrame:
    scan = pl.scan_parquet(file)
    there = scan.collect_schema().names()
    missing = [rank for rank in RANKS if rank not in there]
    if missing:
        raise InputError(f"[names] taxonopy: {file} lacks the column {missing[0]}")
    wanted = [
        (pl.col(name).cast(pl.String).fill_null("") if name in there else pl.lit("").alias(name))
        for name in (*RANKS, "scientific_name", "common_name")
    ]
    return scan.select(wanted).unique().collect()


@contextmanager
def inaturalist_folder(path: Path) -> Iterator[Path]:
    """The folder of an iNaturalist archive: itself, or where its two tables were unpacked to for the while.

    Raises:
        InputError: it is neither a folder nor a zip with taxa.csv.
    """
    if path.is_dir():
        yield path
        return
    with TemporaryDirectory(prefix="treeoflife-") as folder:
        try:
            with zipfile.ZipFile(path) as archive:
                _unpack(archive, Path(folder))
        except (OSError, zipfile.BadZipFile) as error:
            raise InputError(f"[names] inaturalist: {path} is neither a folder nor a zip: {error}") from None
        yield Path(folder)


def _unpack(archive: zipfile.ZipFile, folder: Path) -> None:
    """Member names are not used as paths: only the two tables are taken, under names of our own."""
    for wanted in ("taxa.csv", "VernacularNames-english.csv"):
        for member in archive.namelist():
            if member.rsplit("/", 1)[-1] == wanted:
                with archive.open(member) as source, (folder / wanted).open("wb") as target:
                    while chunk := source.read(1 << 20):
                        target.write(chunk)
                break


def read_inaturalist(folder: Path, parser: Parser) -> pl.DataFrame:
    """iNaturalist's taxa: the seven ranks, ``id`` and ``rank``. At ranks below genus the epithet is the species.

    Raises:
        InputError: taxa.csv is missing or lacks a column.
    """
    rows = read_table(folder / "taxa.csv", _INAT)
    own = pl.col("taxonRank").str.to_lowercase()
    fills = [
        pl.when((own == rank) & (pl.col(rank) == "")).then("scientificName").otherwise(rank).alias(rank)
        for rank in UPPER
    ]
    species = (
        pl.when((own == "species") & (pl.col("specificEpithet") == ""))
        .then("scientificName")
        .otherwise("specificEpithet")
    )
    rows = rows.with_columns(*fills, species.alias("species"), own.alias("rank"))
    return with_species(clean_ranks(rows, parser), rows["species"], parser).sort("id", *RANKS)


def read_inaturalist_names(folder: Path) -> pl.DataFrame | None:
    """iNaturalist's English names: ``id``, ``name``, ``locality``, ``created``; None where the archive has none."""
    path = folder / "VernacularNames-english.csv"
    if not path.exists():
        return None
    rows = read_table(path, ("id", "vernacularName"), optional=_INAT_NAMES[2:])
    return rows.filter(pl.col("language").str.to_lowercase().is_in(["en", "eng", "english", ""])).rename(
        {"vernacularName": "name"}
    )


def tree_records(tree: Tree, parser: Parser) -> pl.DataFrame:
    """Every node of EOL's tree as a record, ``node`` and ``page`` beside it.

    A synonym stands under the parents of its accepted name.
    """
    nodes = tree.nodes.filter(pl.col("trouble") != "cycle")
    nodes = with_species(nodes.rename({"species": "species_name"}), nodes["species"], parser).drop("species_name")
    synonyms = nodes.filter(
        (pl.col("status") == "synonym")
        & pl.col("rank").is_in(["species", "genus", "family", "order", "class", "phylum"])
    )
    return pl.concat([nodes.filter(pl.col("status") == "accepted"), _synonyms(synonyms, parser)], how="diagonal")


def _synonyms(synonyms: pl.DataFrame, parser: Parser) -> pl.DataFrame:
    """Synonyms with their own name at their own rank, and nothing below it."""
    own = parse_names(synonyms["name"], parser)
    frame = synonyms.with_columns(
        own["genus"].alias("own_genus"), own["species"].alias("own_species"),
        accepted=pl.concat_str("genus", "species", separator=" ").str.strip_chars(),
    )  # fmt: skip
    below = {rank: RANKS[RANKS.index(rank) :] for rank in RANKS}
    for rank in UPPER[1:]:
        emptied = [pl.when(pl.col("rank") == rank).then(pl.lit("")).otherwise(each).alias(each) for each in below[rank]]
        frame = frame.with_columns(emptied).with_columns(
            pl.when(pl.col("rank") == rank).then("own_genus").otherwise(rank).alias(rank)
        )
    is_species = pl.col("rank") == "species"
    return frame.with_columns(
        genus=pl.when(is_species).then("own_genus").otherwise("genus"),
        species=pl.when(is_species).then("own_species").otherwise("species"),
    ).drop("own_genus", "own_species")


def as_records(frame: pl.DataFrame, authority: str) -> pl.DataFrame:
    """The distinct records of a table, as the resolver takes them."""
    return record_columns(frame, authority).unique()
