"""Images that were withdrawn, ``withdrawn.csv`` beside dataset.toml: their owners do not want them in the dataset.

``treeoflife withdraw`` writes the table, people may edit it, and every build reads it: what is in it becomes a row of
the ledger, and no sample. The columns after ``date`` say which place an image had among the samples. It stays empty,
so that no other image moves to another shard.
"""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import polars as pl

from ..core.files import fingerprint, replacing, stamp
from ..core.text_tables import TextTable, read_text_table, simple_name
from ..core.values import GONE, SPLITS, WITHDRAWN_COLUMNS, RawImage, joined
from ..errors import InputError
from .base import Source

WITHDRAWN = GONE.reason
"""The reason in the ledger, and in the store's indexes."""
_REQUIRED = WITHDRAWN_COLUMNS[:3]


def read_withdrawn(path: Path) -> pl.DataFrame:
    """The table: :data:`~treeoflife.core.values.WITHDRAWN_COLUMNS` as texts, an image once, in the order of source and
    id; no rows if there is no file.

    Of several rows of an image, the last one counts.

    Raises:
        InputError: it is no such table, or a row lacks what an image is known by. The message names the line.
    """
    empty = pl.DataFrame(schema=dict.fromkeys(WITHDRAWN_COLUMNS, pl.String))
    if not path.exists() or not path.read_bytes().strip(b"\xef\xbb\xbf\r\n\t "):
        return empty
    table = read_text_table(path)
    names = _find_columns(table, path)
    rows = table.rows.select(
        (pl.col(names[one]) if one in names else pl.lit("")).alias(one) for one in WITHDRAWN_COLUMNS
    ).with_columns(pl.col("treeoflife_id", "together_with").str.to_lowercase())
    _check_rows(rows, table.lines, path)
    unique = rows.unique(["source", "treeoflife_id"], keep="last", maintain_order=True)
    return pl.concat([empty, unique.sort("source", "treeoflife_id")])


def _find_columns(table: TextTable, path: Path) -> dict[str, str]:
    by_name = {simple_name(header): header for header in table.columns}
    names = {one: by_name[simple_name(one)] for one in WITHDRAWN_COLUMNS if simple_name(one) in by_name}
    if missing := [one for one in _REQUIRED if one not in names]:
        raise InputError(f"{path} has no column {missing[0]}, but {', '.join(table.columns[:12])}. {_remedy(path)}")
    return names


def _remedy(path: Path) -> str:
    return (
        f"To withdraw images by their ids alone, keep the list elsewhere and give it to 'treeoflife withdraw --config "
        f"{path.parent / 'dataset.toml'} LIST'"
    )


def _check_rows(rows: pl.DataFrame, lines: Sequence[int], path: Path) -> None:
    """Check that each row says which image is meant, and that its place can be read.

    Raises:
        InputError: the message names the line.
    """
    is_number = pl.col("bytes", "position").str.contains(r"^[0-9]{0,15}$")
    wrong = {
        "lacks the treeoflife_id, the source or the natural_key of the image": pl.any_horizontal(
            pl.col(_REQUIRED) == ""
        ),
        f"has a split other than {', '.join(SPLITS)}": ~pl.col("split").is_in(["", *SPLITS]),
        "has bytes or a position that are no numbers": ~pl.all_horizontal(is_number),
    }
    for what, condition in wrong.items():
        if len(found := rows.select(condition.arg_true()).to_series()):
            raise InputError(f"{path}, line {lines[found[0]]}: the row {what}. {_remedy(path)}")


def add_withdrawn(path: Path, rows: pl.DataFrame) -> None:
    """Add rows to the table, whole or not at all, in the order of source and id. Further columns of people stay.

    Raises:
        InputError: the table is malformed; it stays as it is.
    """
    former = read_withdrawn(path)
    if former.height:
        table = read_text_table(path)
        names = _find_columns(table, path)
        former = table.rows.rename({header: name for name, header in names.items()})
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    ordered = pl.concat([rows.clear(), former, rows], how="diagonal").fill_null("").sort("source", "treeoflife_id")
    writer.writerow(ordered.columns)
    writer.writerows(ordered.iter_rows())
    with replacing(path) as temporary:
        temporary.write_text(out.getvalue(), encoding="utf-8")


@dataclass(frozen=True)
class WithdrawnImages:
    """The withdrawn images of one source, by their natural keys, and by their ids where files are named by these."""

    keys: frozenset[str] = frozenset()
    ids: frozenset[str] = frozenset()

    def __bool__(self) -> bool:
        return bool(self.keys)

    def has(self, source: Source, image: RawImage) -> bool:
        """Whether an image of the source is withdrawn."""
        if image.treeoflife_id is not None and image.treeoflife_id in self.ids:
            return True
        return image.key is not None and natural_key(source, image.key) in self.keys

    def digest(self) -> str:
        """What the store's indexes of the source depend on."""
        return fingerprint(sorted(self.keys))


def withdrawn_of(path: Path, source: str) -> WithdrawnImages:
    """The withdrawn images of a source; the table is read once for each of its states."""
    try:
        return _by_source(path, stamp(path)).get(source, WithdrawnImages())
    except FileNotFoundError:
        return WithdrawnImages()


@lru_cache(maxsize=2)
def _by_source(path: Path, _stamp: str) -> Mapping[str, WithdrawnImages]:
    rows = read_withdrawn(path)
    return {
        str(name): WithdrawnImages(frozenset(own["natural_key"]), frozenset(own["treeoflife_id"]))
        for (name,), own in rows.group_by("source")
    }


def natural_key(source: Source, values: Sequence[int | str]) -> str:
    """The natural key of an image as one text, given the values of all columns of its source."""
    by_name = dict(zip(source.columns, values, strict=True))
    return joined(by_name[name] for name in source.key)


def key_digest(key: str) -> str:
    """What stands for a withdrawn image in the store's index: it shows whether the image still is withdrawn."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]
