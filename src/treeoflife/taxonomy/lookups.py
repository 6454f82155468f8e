"""The published name lookups, ``{eol,inat21,bioscan}_name_lookup.json``, as one table of names."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import ijson
import polars as pl

from ..core.json_reader import JsonStream
from ..core.values import RANKS
from ..core.written_numbers import whole_numbers
from ..errors import InputError
from .providers.records import names_something

_SCHEMA: dict[str, Any] = dict.fromkeys(("source", "name_key", *RANKS, "common", "names_from"), pl.String)
# EOL's lookup has hundreds of thousands of keys, which take much more memory as Python objects than as columns.
_ROWS_AT_ONCE = 50_000


def lookup_file(folder: Path, source: str) -> Path:
    """The path of a source's lookup."""
    return folder / f"{source}_name_lookup.json"


def read_lookup(path: Path, source: str, *, is_numbered: bool = False) -> pl.DataFrame:
    """A published lookup, as a table of names: a row per name key. It is read as a stream.

    Args:
        is_numbered: whether the keys are whole numbers, such as EOL's pages.

    Raises:
        InputError: it is missing, names nothing, is not of the form {key: [[seven ranks], common name, …]}, gives a
            key two names, or has a key that is no whole number where all should be.
    """
    rows, frames = _rows(path, source), [pl.DataFrame(schema=_SCHEMA)]
    while batch := list(islice(rows, _ROWS_AT_ONCE)):
        frames.append(pl.DataFrame(batch, schema=_SCHEMA, orient="row"))
    table = pl.concat(frames)
    keys = whole_numbers(table["name_key"]) if is_numbered else table["name_key"]
    for wrong in table.filter(keys.fill_null("") == "")["name_key"].head(1):
        raise InputError(f"the name lookup {path}, key {wrong!r:.60}: is no whole number with all its digits")
    table = table.with_columns(keys.alias("name_key")).unique(maintain_order=True)
    for twice in table.filter(pl.col("name_key").is_duplicated())["name_key"].head(1):
        raise InputError(f"the name lookup {path} names the key {twice!r:.60} twice, and differently; keep one")
    if table.filter(names_something()).is_empty():
        raise InputError(f"the name lookup {path} names nothing: it has {table.height} keys, all of them without ranks")
    return table


def _rows(path: Path, source: str) -> Iterator[tuple[str, ...]]:
    where, keys = f"the name lookup {path}", set[str]()
    try:
        with path.open("rb") as fd:
            for key, value in ijson.kvitems(JsonStream(fd), ""):
                if key in keys:
                    raise InputError(f"{where}: the key {key!r:.60} occurs twice")
                keys.add(key)
                yield (source, key, *_names(value, f"{where}, key {key!r:.60}"), path.name)
    except OSError as error:
        raise InputError(f"{where} cannot be read: {error.strerror}") from None
    except (ValueError, ijson.JSONError) as error:
        raise InputError(f"{where} is not JSON: {error}") from None


def _names(value: Any, where: str) -> Iterable[str]:
    ranks = value[0] if isinstance(value, list) and value else None
    if not isinstance(ranks, list) or len(ranks) != len(RANKS) or len(value) < 2:
        raise InputError(f"{where}: not [[{len(RANKS)} ranks], common name, class numbers]")
    texts = [*ranks, value[1]]
    if not all(text is None or isinstance(text, str) for text in texts):
        raise InputError(f"{where}: its ranks and common name are not all text")
    return tuple((text or "").strip() for text in texts)
