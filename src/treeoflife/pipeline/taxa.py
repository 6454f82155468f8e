"""``treeoflife taxa`` and ``treeoflife.taxa``: the taxa of a dataset, of a catalog, or of shards, with their counts."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from ..config.config import FILE_NAME, config_file, load
from ..config.paths import Paths
from ..core.database import Database, open_database
from ..core.files import replacing
from ..core.progress import Listener, SilentListener
from ..core.tables import escape_formulas
from ..core.values import RANKS
from ..errors import ConfigError, InputError
from ..shards import foreign
from ..taxonomy.seen_taxa import open_taxa, taxa_in_order

_CATALOGS = ("catalog.parquet", "catalog.csv")


def taxa(where: str | os.PathLike[str], *, rank: str | None = None) -> pl.DataFrame:
    """The taxa of a dataset, with the number of their images: what a model that was trained on it has seen.

    Args:
        where: the folder of a dataset or its dataset.toml; a catalog of anybody, as CSV, Parquet or a spreadsheet; or
            a folder or pattern of shards.
        rank: the one rank to list, such as ``species``; all seven, if not given.

    Returns:
        A row per taxon, the highest rank first: see :mod:`treeoflife.taxonomy.seen_taxa`.

    Raises:
        InputError: there is no catalog, or it has no names.
        ConfigError: ``rank`` is none of the seven.
    """
    with opened_taxa([os.fspath(where)], SilentListener()) as database:
        return database.frame(taxa_in_order(_ranks(rank)))


@contextmanager
def opened_taxa(where: Sequence[str], listener: Listener) -> Iterator[Database]:
    """A database with the table ``taxon`` of :mod:`treeoflife.taxonomy.seen_taxa`.

    Args:
        where: see :func:`taxa`; several words are patterns or folders of shards.
        listener: hears what had to be guessed.

    Raises:
        InputError: there is no catalog, or it has no names.
        TasksFailed: a shard cannot be read.
    """
    with TemporaryDirectory(prefix="treeoflife-") as folder, open_database(Path(folder, "tables")) as database:
        catalog = _catalog(where, Path(folder), listener)
        for remark in open_taxa(database, catalog):
            listener.note(f"{catalog}: {remark}")
        yield database


def config_of(where: Sequence[str]) -> Path | None:
    """The dataset.toml of a dataset, whose ``[names]`` its names are by; None for anything else."""
    path = config_file(Path(where[0]))
    return path if len(where) == 1 and path.name == FILE_NAME and path.is_file() else None


def counts_by_rank(database: Database, rank: str | None = None) -> dict[str, int]:
    """The number of taxa of each rank, the highest first."""
    found = dict(database.rows("SELECT rank, count(*) FROM taxon GROUP BY rank"))
    return {one: found.get(one, 0) for one in _ranks(rank)}


def _catalog(where: Sequence[str], folder: Path, listener: Listener) -> Path:
    """The catalog of a dataset, a catalog itself, or one that is made of shards."""
    path = Path(where[0]) if len(where) == 1 else None
    if path and (path.name == FILE_NAME or config_of(where)):
        return _own_catalog(path)
    if path and path.is_dir():
        if found := next((path / name for name in _CATALOGS if (path / name).is_file()), None):
            return found
    elif path and path.suffix.lower() != ".tar" and path.exists():
        return path
    made = folder / "catalog.parquet"
    foreign.catalog_shards(where, None, None, listener).write_parquet(made)
    return made


def _own_catalog(path: Path) -> Path:
    file = config_file(path)
    paths = Paths(file.parent, load(file).images)
    if not (found := next((one for one in (paths.catalog, paths.catalog_csv) if one.is_file()), None)):
        raise InputError(f"there is no {paths.catalog}: 'treeoflife build --config {file}' makes it")
    return found


def _ranks(rank: str | None) -> Sequence[str]:
    if rank is None:
        return RANKS
    if rank not in RANKS:
        raise ConfigError(f"{rank!r} is none of the ranks {', '.join(RANKS)}")
    return (rank,)


def write_query(database: Database, out: Path, sql: str) -> int:
    """Write the rows of a query as CSV for people, or as Parquet if the name of the file ends so; returns how many.

    Raises:
        ConfigError: the name of the file ends otherwise.
    """
    if out.suffix.lower() in (".parquet", ".pq"):
        return database.write(out, sql)
    if out.suffix.lower() != ".csv":
        raise ConfigError(f"--out {out}: the table is written as .csv or .parquet")
    made = database.pieces(sql)
    rows = 0
    with replacing(out) as temporary, temporary.open("w", encoding="utf-8") as fd:
        for number, piece in enumerate(made):
            rows += piece.height
            # Null, because an empty text is written as a pair of quotation marks.
            texts = escape_formulas(piece).with_columns(pl.col(pl.String).replace("", None))
            fd.write(texts.write_csv(include_header=number == 0))
    return rows


def write_taxa(database: Database, out: Path, rank: str | None = None) -> int:
    """Write the taxa as CSV, or as Parquet if the name of the file ends so; returns how many there are.

    Raises:
        ConfigError: ``rank`` is none of the seven.
    """
    return write_query(database, out, taxa_in_order(_ranks(rank)))
