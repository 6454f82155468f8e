"""``treeoflife names why``: a name of a dataset, or any other, with the whole reasoning behind it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from ..config.config import config_file, load
from ..config.paths import Paths
from ..config.tables import Names
from ..core.database import open_database
from ..core.files import exists
from ..taxonomy.explain import evidence_of, explain, find_names, read_names
from ..taxonomy.findings import empty as findings_of_none
from ..taxonomy.parsing.parsers import make_parser
from ..taxonomy.providers import authorities
from .match_names import matching, names_for


def why(name: str, config_path: Path | None, limit: int) -> Iterator[str]:
    """Lines on where each rank of a name comes from.

    Args:
        name: a scientific name, an EOL page, a class number, a treeoflife id, or ``source:key``; or any label.
        config_path: the dataset.toml whose names are meant; None where there is no dataset.
        limit: the most names of the dataset to explain.

    Raises:
        ConfigError: the configuration is wrong.
        InputError: the dataset has no names yet, or a taxonomy cannot be read.
    """
    if config_path is None:
        yield from _of_label(name, None)
        return
    config = load(config_path)
    paths = Paths(config_file(config_path).parent, config.images, config.storage)
    found = find_names(read_names(paths.names), name)
    if found.is_empty():
        yield f"no name key, scientific name or rank of the dataset is '{name}'; an image that is labelled so would be:"
        yield from _of_label(name, config_path)
        return
    names, _ = names_for(config_path, ())
    findings = pl.read_parquet(paths.name_findings, glob=False) if exists(paths.name_findings) else findings_of_none()
    yield from _explained(list(found.head(limit).iter_rows(named=True)), names, paths.checklists, findings)
    if found.height > limit:
        yield f"and {found.height - limit:,} more; --limit shows them"


def _of_label(name: str, config_path: Path | None) -> Iterator[str]:
    names, cache = names_for(config_path, ())
    with matching([name], "", names, cache) as (matches, _):
        row = matches.rows.row(0, named=True)
    yield from _explained([row | {"name_key": name}], names)
    if row["reason"] in ("unknown-name", "no-name", "hole"):  # of other reasons there is a line above
        yield f"  why: {row['why']}"


def _explained(
    rows: Sequence[dict[str, object]], names: Names, kept: Path | None = None, found: pl.DataFrame | None = None
) -> Iterator[str]:
    """Lines on some names, by the taxonomies that are configured now."""
    parser = make_parser(names.parser)
    taxonomies = authorities.load(names, parser)
    evidence = pl.concat([evidence_of(row, names, taxonomies) for row in rows])
    with TemporaryDirectory(prefix="treeoflife-") as scratch, open_database(Path(scratch)) as database:
        checklists = authorities.open_checklists(names, kept or Path(scratch), database, parser)
        taxonomies = authorities.consult(taxonomies, checklists, evidence, names, database)
    for row in rows:
        yield from explain(row, names, taxonomies, found)
