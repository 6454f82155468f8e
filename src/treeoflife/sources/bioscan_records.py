"""The records of BIOSCAN's metadata: a JSON-LD list of them, or the same as text in columns."""

import codecs
import json
import re
from collections.abc import Collection, Iterator, Sequence
from decimal import Decimal
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

import ijson

from ..core.json_reader import JsonStream, RepeatedKeys, begin_json
from ..core.text import reason
from ..core.text_tables import find_columns, match_names, read_text_header, read_text_pieces
from ..core.values import RANKS
from ..errors import InputError

IMAGE = ("chunk_number", "image_file")
"""By which BIOSCAN-1M knows an image."""
SPECIMEN = ("processid", "sampleid")
"""By which BOLD knows a specimen. BIOSCAN-5M knows an image by the former, and has nothing of :data:`IMAGE`."""
# The key "@graph" as JSON may write it, each character as itself or as an escape.
_GRAPH = re.compile(
    b'"' + b"".join(rb"(?:%c|\\u00%02x)" % (character, character) for character in b"@graph") + b'"', re.IGNORECASE
)
_FIRST_RECORDS = 1000


def records(path: Path, further: Sequence[str] = ()) -> Iterator[dict[str, Any]]:
    """The records of BIOSCAN's metadata, as a stream: the files hold 1.1 and 5.1 million.

    Of each record by what its image is known, its specimen and its ranks, as far as it has them; their values are not
    checked yet.

    Args:
        further: columns or keys, as they are written, whose values are given too.

    Raises:
        InputError: it is missing, is neither a JSON list nor text in columns with a header, or has no rank at all.
    """
    if path.exists() and not path.is_file():  # opening a named pipe would block
        raise InputError(f"BIOSCAN's metadata {path} is neither a file nor a link to one")
    try:
        yield from _json_records(path, further) if is_json(path) else _text_records(path, further)
    except (OSError, ValueError, ijson.JSONError) as error:
        raise InputError(f"BIOSCAN's metadata {path} cannot be read: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    # yajl's messages are bytes; a further line shows the place with an arrow.
    message = error.args[0] if error.args else ""
    return reason(ValueError(message.decode(errors="replace")) if isinstance(message, bytes) else error)


def is_json(path: Path) -> bool:
    """Whether metadata are JSON, by their first character."""
    return _beginning(path)[1] in ("[", "{")


def _beginning(path: Path) -> tuple[str, str]:
    """The encoding of the metadata, if they are JSON, and their first character."""
    with path.open("rb") as fd:
        return begin_json(fd.read(4096))


def _json_records(path: Path, further: Sequence[str]) -> Iterator[dict[str, Any]]:
    encoding, first_character = _beginning(path)
    if not encoding.startswith("utf-8"):
        raise InputError(f"BIOSCAN's metadata {path} is JSON in {encoding.upper()}; save it as UTF-8")
    if first_character == "{":
        _check_one_graph(path)
    first_keys, has_rank, repeated = None, False, RepeatedKeys()
    with path.open("rb") as fd:
        fd.seek(len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0)
        where = "item" if first_character == "[" else "@graph.item"
        for record in ijson.items(JsonStream(fd), where, map_type=repeated.new_object):
            repeated.check()
            if not isinstance(record, dict):
                raise InputError(f"BIOSCAN's metadata {path} has a record that is no object: {record!r:.200}")
            keys = tuple(record)
            first_keys = first_keys or keys
            fields = {name: _plain(record.get(own)) for name, own in _own_keys(path, keys, first_keys).items()}
            has_rank = has_rank or any(map(fields.get, RANKS))
            yield fields | {name: _plain(record.get(name)) for name in further}
    if first_keys is None:
        raise InputError(f'BIOSCAN\'s metadata {path} has no record: a list of them, or {{"@graph": list}}')
    if not has_rank:
        raise _no_rank(path, first_keys)


@lru_cache(maxsize=64)  # nearly all records have the same keys in the same order
def _own_keys(path: Path, keys: tuple[str, ...], first_keys: tuple[str, ...]) -> dict[str, str]:
    several = f"a record of BIOSCAN's metadata {path} has several keys"
    ids = _id_columns(match_names(several, first_keys, (*IMAGE, *SPECIMEN)))
    return dict.fromkeys(ids, "") | match_names(several, keys, (*ids, *SPECIMEN, *RANKS))


def _id_columns(names: Collection[str]) -> tuple[str, ...]:
    """By what the metadata that have these columns know an image."""
    is_5m = SPECIMEN[0] in names and not any(name in names for name in IMAGE)
    return SPECIMEN[:1] if is_5m else IMAGE


def _plain(value: Any) -> Any:
    """The value that a JSON-LD value object holds; any other value as it is."""
    return value["@value"] if isinstance(value, dict) and "@value" in value else value


def _check_one_graph(path: Path) -> None:
    """Check that the document has one list of records: the parser would join several."""
    with path.open("rb") as fd:
        if sum(1 for _ in islice(_graph_keys(fd), 2)) < 2:
            return
        # The second may be within a record or a context. Only events tell, which are slower to read.
        fd.seek(len(codecs.BOM_UTF8) if _beginning(path)[0] == "utf-8-sig" else 0)
        lists = (event for event in ijson.parse(JsonStream(fd)) if event == ("", "map_key", "@graph"))
        if sum(1 for _ in islice(lists, 2)) > 1:
            raise InputError(f"BIOSCAN's metadata {path} has '@graph' twice; join the two lists of records")


def _graph_keys(file: IO[bytes]) -> Iterator[bytes]:
    """Each text in a JSON file that is the key of the list of records, wherever it is."""
    rest = b""
    while piece := file.read(1 << 20):
        text, end = rest + piece, 0
        for match in _GRAPH.finditer(text):
            end = match.end()
            yield match[0]
        rest = text[max(end, len(text) - 64) :]  # longer than the key, which may go on in the next piece


def _text_records(path: Path, further: Sequence[str]) -> Iterator[dict[str, Any]]:
    names = (*IMAGE, *SPECIMEN, *RANKS)
    pieces = read_text_pieces(path, (*names, *further), quoted=None)
    header = next(pieces)
    columns = find_columns(path, header, names)
    ids = _id_columns(columns)
    if missing := [name for name in ids if name not in columns]:
        raise InputError(f"BIOSCAN's metadata {path} lacks the column {missing[0]}")
    own = {name: columns[name] for name in (*ids, *SPECIMEN, *RANKS) if name in columns}
    own |= {name: name for name in further}
    rows, has_rank = 0, False
    for piece in pieces:
        table = piece.rows.select(**own)
        rows, has_rank = (
            rows + table.height,
            has_rank or any((table[rank] != "").any() for rank in RANKS if rank in own),
        )
        yield from table.iter_rows(named=True)
    if rows and not has_rank:
        raise _no_rank(path, header.columns)


def _no_rank(path: Path, names: Sequence[str]) -> InputError:
    return InputError(
        f"no record of BIOSCAN's metadata {path} has a rank ({', '.join(RANKS)}); it has {', '.join(names)[:400]}"
    )


def columns_of(path: Path) -> list[str]:
    """The columns of the metadata, or the keys of its first thousand records.

    Raises:
        InputError: as :func:`records`.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"BIOSCAN's metadata {path} is neither a file nor a link to one")
    try:
        if not is_json(path):
            return list(read_text_header(path))
        encoding, first_character = _beginning(path)
        with path.open("rb") as fd:
            fd.seek(len(codecs.BOM_UTF8) if encoding == "utf-8-sig" else 0)
            found = ijson.items(JsonStream(fd), "item" if first_character == "[" else "@graph.item")
            first = [record for record in islice(found, _FIRST_RECORDS) if isinstance(record, dict)]
    except (OSError, ValueError, ijson.JSONError) as error:
        raise InputError(f"BIOSCAN's metadata {path} cannot be read: {_reason(error)}") from None
    return list(dict.fromkeys(chain.from_iterable(first)))


def as_text(value: Any) -> str:
    """A value of a record as text: JSON for what is neither text nor number.

    >>> as_text("male"), as_text(None), as_text(Decimal("2.50")), as_text(True), as_text(["a"])
    ('male', '', '2.50', 'true', '["a"]')
    """
    if value is None:
        return ""
    return str(value) if isinstance(value, str | int | Decimal) and not isinstance(value, bool) else _json(value)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
