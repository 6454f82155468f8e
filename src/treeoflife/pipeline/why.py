"""``treeoflife names why``: a name of a dataset, or any other, with the whole reasoning behind it."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from ..config.config import config_file, load
from ..config.paths import Paths
from ..config.tables import Names
from ..taxonomy import authorities
from ..taxonomy.explain import explain, find_names, read_names
from ..taxonomy.parsers import make_parser
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
    found = find_names(read_names(Paths(config_file(config_path).parent, config.images).names), name)
    if found.is_empty():
        yield f"no name key, scientific name or rank of the dataset is '{name}'; an image that is labelled so would be:"
        yield from _of_label(name, config_path)
        return
    names, _ = names_for(config_path, ())
    yield from _explained(islice(found.iter_rows(named=True), limit), names)
    if found.height > limit:
        yield f"and {found.height - limit:,} more; --limit shows them"


def _of_label(name: str, config_path: Path | None) -> Iterator[str]:
    names, cache = names_for(config_path, ())
    with matching([name], "", names, cache) as (matches, _):
        row = matches.rows.row(0, named=True)
    yield from _explained(iter([row | {"name_key": name}]), names)
    if row["why"]:
        yield f"  why: {row['why']}"


def _explained(rows: Iterator[dict[str, object]], names: Names) -> Iterator[str]:
    taxonomies = authorities.load(names, make_parser(names.parser))
    for row in rows:
        yield from explain(row, names, taxonomies)
