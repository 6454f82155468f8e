"""Which images the rows of a table mean, by what the table calls them.

file   a row's path may have folders before what its source calls the image, and other slashes; where sources call
       images without a suffix, such as EOL's ``12345_678``, that of the path does not count
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from ...config.scores import Score
from ...core.database import Database, column, quoted
from ...errors import InputError
from ...mapping.images import catalog_names, listed_name
from ...sources.base import Source
from ...sources.lists.listed_columns import ADDRESSES, find_column, shown
from ...sources.lists.same_address import address_ids
from ...sources.spellings import plain_header

Key = Literal["treeoflife_id", "file", "url", "source_id"]
_USUAL: dict[Key, tuple[str, ...]] = {
    "treeoflife_id": ("treeoflifeid", "uuid", "evobio10mid"),
    "file": ("file", "filename", "filepath", "path", "imagefile", "imagename", "imagepath", "image"),
    "url": ("url", "imageurl", "sourceurl", "uri", "accessuri", "identifier"),
    "source_id": ("sourceid", "id", "imageid", "photoid", "key"),
}
"""What columns of keys may be called, written small and without what is between words; the likeliest first."""
_DEEPEST = 30  # folders within each other, in the names of images


def key_column(name: str, score: Score, path: Path, columns: Sequence[str]) -> tuple[str, Key]:
    """The column of a table that says which image a row is of, and what kind of key it holds.

    Raises:
        InputError: there is none, or it does not say which kind it is.
    """
    kinds = list(_USUAL) if score.by == "auto" else [score.by]
    if score.key_column:
        own = find_column(path, columns, score.key_column, f"which [scores.{name}] names")
        known = [kind for kind in kinds if score.by != "auto" or plain_header(own) in _USUAL[kind]]
        if known:
            return own, known[0]
        raise InputError(
            f"[scores.{name}]: set by, which says what the key_column {own!r} of {path} holds: {', '.join(_USUAL)}"
        )
    for kind in kinds:
        for usual in _USUAL[kind]:
            if own := next((one for one in columns if plain_header(one) == usual), ""):
                return own, kind
    raise InputError(
        f"[scores.{name}]: the table {path} has no column that says which image a row is of, such as "
        f"{'treeoflife_id, file, url or source_id' if score.by == 'auto' else score.by}; it has {shown(columns)}: name "
        "one in key_column, and what it holds in by"
    )


def match_images(database: Database, sources: Sequence[Source], kind: Key) -> None:
    """Find the images of rows by their keys.

    in:  image; provenance, for ``url`` and ``source_id``; score_key: row_number, key, ids as the dataset writes them
    out: score_image   row_number, treeoflife_id; an image may be there several times
    """
    if kind == "file":
        _match_files(database, sources)
    elif kind == "url":
        _match_addresses(database, sources)
    else:
        known = "image" if kind == "treeoflife_id" else "provenance"
        database.make("score_image", f"""
            SELECT row_number, known.treeoflife_id
            FROM score_key
            JOIN (SELECT treeoflife_id, {kind} AS known_key FROM {known}) AS known ON score_key.key = known.known_key
        """)  # fmt: skip


def _match_addresses(database: Database, sources: Sequence[Source]) -> None:
    stated = ["SELECT treeoflife_id, source_url AS text FROM provenance WHERE source_url <> ''"]
    for source in sources:
        names = catalog_names(source)
        stated += [
            f"SELECT treeoflife_id, {column(names[one])} AS text FROM image WHERE source = {quoted(source.name)}"
            for one, type_ in source.columns.items()
            if type_ is str and any(plain_header(one) in alike for alike in ADDRESSES)
        ]
    known = address_ids(" UNION ALL ".join(stated), "treeoflife_id")
    asked = address_ids("SELECT row_number, key AS text FROM score_key", "row_number")
    database.make("score_image", f"""
        SELECT DISTINCT row_number, treeoflife_id
        FROM ({asked}) AS asked
        JOIN ({known}) AS known USING (kind, value)
    """)  # fmt: skip


def _match_files(database: Database, sources: Sequence[Source]) -> None:
    """Match whole names first; then, for images that have no row yet, the ends of the rows' paths, longest first."""
    names = " UNION ALL ".join(
        f"SELECT treeoflife_id, {_plain(listed_name(source))} AS name FROM image WHERE source = {quoted(source.name)}"
        for source in sources
    )
    database.make("named_image", f"SELECT *, {_depth('name')} AS depth FROM ({names}) WHERE name <> ''")
    database.make("score_path", f"SELECT row_number, {_plain('key')} AS path FROM score_key")
    database.make("score_image", """
        SELECT row_number, treeoflife_id
        FROM score_path
        JOIN named_image ON path = name
    """)  # fmt: skip
    depths = database.rows(f"SELECT DISTINCT depth FROM named_image WHERE depth < {_DEEPEST} ORDER BY depth DESC")
    for (depth,) in depths:
        tail = f"array_to_string(list_slice(string_split(path, '/'), -{depth + 1}, -1), '/')"
        for name in (tail, f"regexp_replace({tail}, '\\.[A-Za-z0-9]{{1,5}}$', '')"):
            database.make("score_image", f"""
                FROM score_image
                UNION ALL
                SELECT row_number, treeoflife_id
                FROM (SELECT row_number, {name} AS tail FROM score_path ANTI JOIN score_image USING (row_number))
                JOIN (
                    SELECT treeoflife_id, name
                    FROM named_image
                    ANTI JOIN score_image USING (treeoflife_id)
                    WHERE depth = {depth}
                ) AS named ON tail = name
            """)  # fmt: skip


def _plain(text: str) -> str:
    """SQL for the name of a file with one kind of slashes, and accents as one character each."""
    return f"nfc_normalize(regexp_replace(replace({text}::VARCHAR, '\\', '/'), '^(\\./)+', ''))"


def _depth(text: str) -> str:
    return f"length({text}) - length(replace({text}, '/', ''))"
