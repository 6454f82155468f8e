"""Reading JSON and TOML from outside this process: no file or answer can take memory or time out of proportion.

Parsers recurse once per bracket and hold all that they read, so 40 kB of opening brackets can end a process. Here the
bytes are bounded, and a scan counts their brackets, before anything is parsed. What JSON libraries let pass and no one
means is refused as well: a key twice in an object, ``NaN``, numbers that are too large, halves of surrogate pairs, NUL.
No other module calls ``json.load``, ``json.loads`` or ``tomllib``; ``tests/test_structure.py`` holds that.
"""

import json
import math
import re
import tomllib
from pathlib import Path
from typing import IO, Any

from ..errors import InputError
from .files import require_file

MAX_DEPTH = 64
"""Brackets within brackets. The deepest file that this program reads has eight."""
MAX_BYTES = 256 << 20
"""Bytes of a file that is parsed as a whole; larger ones are read as streams."""
MAX_ANSWER_BYTES = 64 << 20
"""Bytes of an answer of a server."""
_MAX_TOML_BYTES = 4 << 20
_MAX_DIGITS = 400  # the digits of the largest float are 309
# In streams, before the parser has it: yajl crashes at a number that Python's int() refuses, and a number such as
# 1e999999999 fills the memory once it is made a whole one.
_LONG_NUMBER = re.compile(rb"[0-9]{401}|[0-9.][eE][+-]?0*[1-9][0-9]{3}")
_NUMBER_PART = re.compile(rb"[0-9.eE+-]{0,410}\Z")
# Of a stream: bytes of one record, which is held as a whole.
_MAX_RECORD_BYTES = 16 << 20
_RECORD_DEPTH = 2
_CHUNK_BYTES = 1 << 16

# The quantifiers are possessive and the closing mark is optional, so that every byte is looked at once.
_JSON_STRING = re.compile(rb'"(?>[^"\\]+|\\.)*+("?)', re.DOTALL)
_TOML_TEXT = re.compile(
    r'"""(?>[^"\\]+|\\.|"(?!""))*+(?:"{3,5})?'  # a basic text of several lines may end with two marks of its own
    r"|'''(?>[^']+|'(?!''))*+(?:'{3,5})?"
    r'|"(?>[^"\\\n]+|\\[^\n])*+"?'
    r"|'[^'\n]*+'?"
    r"|#[^\n]*+",
    re.DOTALL,
)
_TWICE = "the key {!r} occurs twice in an object"
_NO_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))
_ESCAPE = re.compile(rb"\\(?:u([0-9a-fA-F]{0,4})|.)?", re.DOTALL)
_HIGH, _LOW = range(0xD800, 0xDC00), range(0xDC00, 0xE000)  # the halves of surrogate pairs


class UnreadableError(InputError, ValueError):
    """A text is no JSON or TOML, or none that anyone would write: too deep, too long, ambiguous."""


class _Scan:
    """A look at a JSON text that comes in pieces: how deep its brackets are nested, and what its escapes stand for."""

    def __init__(self, max_record: int = _MAX_RECORD_BYTES, *, own: bool = False) -> None:
        self._max_record, self._own = max_record, own
        self._depth, self._open, self._record, self._escape, self._number = 0, b"", 0, b"", b""

    def check(self, piece: bytes) -> None:
        """Take the next piece.

        Raises:
            UnreadableError: brackets are nested too deep, a record is too long, or an escape is no character.
        """
        outside, strings = _JSON_STRING.subn(rb"\1", self._open + piece)
        is_open = strings > outside.count(b'"')
        # The next piece continues the string, and perhaps an escape, in the middle of which this one ends.
        self._open = (b'"\\' if outside.endswith(b"\\") else b'"') if is_open else b""
        self._check_numbers(outside)
        is_between_records = self._check_depth(outside)
        self._record = 0 if is_between_records else self._record + len(piece)
        if self._record > self._max_record:
            raise UnreadableError(f"a value is longer than {self._max_record >> 20} MiB")
        if not self._own and (self._escape or b"\\" in piece):
            self._check_escapes(self._escape + piece)

    def _check_depth(self, outside: bytes) -> bool:
        """Count the brackets of a text without strings; returns whether a record may begin or end in it."""
        is_between = self._depth <= _RECORD_DEPTH and (b"," in outside or b":" in outside)
        for bracket in outside.translate(None, _NO_BRACKETS):
            self._depth += 1 if bracket in b"[{" else -1
            is_between |= self._depth <= _RECORD_DEPTH
            if self._depth > MAX_DEPTH:
                raise UnreadableError(f"brackets are nested more than {MAX_DEPTH} deep")
        return is_between

    def _check_numbers(self, outside: bytes) -> None:
        numbers = self._number + outside
        if too_long := _LONG_NUMBER.search(numbers):
            raise UnreadableError(f"the number {too_long[0][:20].decode()}… has too many digits")
        # A number may go on in the next piece.
        self._number = next(iter(_NUMBER_PART.findall(numbers)))

    def _check_escapes(self, text: bytes) -> None:
        high_from, self._escape = None, b""
        for escape in _ESCAPE.finditer(text):
            start, end = escape.span()
            if end == len(text) and (end - start < 2 or (escape[1] is not None and len(escape[1]) < 4)):
                self._escape = text[start if high_from is None else high_from :]
                return
            code = int(escape[1], 16) if escape[1] and len(escape[1]) == 4 else None
            follows = high_from is not None and start - high_from == 6
            if (high_from is not None) != (follows and code in _LOW) or (code in _LOW and not follows):
                raise UnreadableError("a text has half of a surrogate pair, which is no character")
            if code == 0:
                raise UnreadableError("a text has a NUL character")
            high_from = start if code in _HIGH else None
        if high_from is not None:
            self._escape = text[high_from:]
            if len(self._escape) > 6:
                raise UnreadableError("a text has half of a surrogate pair, which is no character")


class JsonStream:
    """A file of JSON for a parser that reads it as a stream: reading raises UnreadableError where it is too deep.

    Args:
        file: the file, opened for reading bytes.

    >>> import io
    >>> JsonStream(io.BytesIO(b"[" * 100)).read(1000)
    Traceback (most recent call last):
    treeoflife.core.json_reader.UnreadableError: brackets are nested more than 64 deep
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._scan = file, _Scan()

    def read(self, size: int = -1) -> bytes:
        """The next bytes, checked."""
        data = self._file.read(min(size, _CHUNK_BYTES) if size >= 0 else _CHUNK_BYTES)
        self._scan.check(data)
        return data


class RepeatedKeys:
    """Finds keys that occur twice in an object, for a parser that fills objects key by key.

    They are noted and not raised at once: ijson goes on after an exception that an object raises.

    >>> import io, ijson
    >>> repeated, text = RepeatedKeys(), io.BytesIO(b'[{"genus": "Panthera", "genus": "Puma"}]')
    >>> for _ in ijson.items(text, "item", map_type=repeated.new_object):
    ...     repeated.check()
    Traceback (most recent call last):
    treeoflife.core.json_reader.UnreadableError: the key 'genus' occurs twice in an object: {'genus': 'Puma'}
    """

    def __init__(self) -> None:
        self.notes = list[tuple[str, dict[str, Any]]]()

    def new_object(self) -> dict[str, Any]:
        """An empty object that notes a key which is set twice."""
        return _NotingObject(self.notes)

    def check(self) -> None:
        """Raise UnreadableError if a key occurred twice."""
        for key, where in self.notes:
            raise UnreadableError(f"{_TWICE.format(key[:80])}: {str(where)[:200]}")


class _NotingObject(dict[str, Any]):
    __slots__ = ("_notes",)

    def __init__(self, notes: list[tuple[str, dict[str, Any]]]) -> None:
        self._notes = notes

    def __setitem__(self, key: str, value: Any) -> None:
        if key in self:
            self._notes.append((key, self))
        dict.__setitem__(self, key, value)


def begin_json(start: bytes) -> tuple[str, str]:
    r"""How a file begins that may be JSON: its encoding, and its first character that is no space.

    >>> begin_json(b" [1]"), begin_json(b"\xef\xbb\xbf{}"), begin_json('[{"a": 1}]'.encode("utf-16"))
    (('utf-8', '['), ('utf-8-sig', '{'), ('utf-16', '['))
    """
    encoding = json.detect_encoding(start)
    return encoding, start.decode(encoding, "replace").lstrip()[:1]


def parse_json(data: bytes | str, max_bytes: int = MAX_BYTES, *, own: bool = False) -> Any:
    """The value of a JSON text.

    Args:
        data: the text, or its bytes in UTF-8, with a byte order mark or without.
        max_bytes: how long it may be.
        own: whether this program wrote it. Then texts may be names of files that are not UTF-8, as Python holds them,
            and what others wrote into a table, NUL included.

    Raises:
        UnreadableError: it is too long or too deep, is not JSON, or has a key twice in an object, a number that is none
            or is out of range, or a text that is no Unicode.

    >>> parse_json('{"genus": "Panthera", "genus": "Puma"}')
    Traceback (most recent call last):
    treeoflife.core.json_reader.UnreadableError: the key 'genus' occurs twice in an object
    """
    if len(data) > max_bytes:
        raise UnreadableError(f"it has {len(data):,} bytes; at most {max_bytes:,} are read")
    raw = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    if b"\\" in raw or raw.count(b"[") + raw.count(b"{") > MAX_DEPTH:
        _Scan(max_bytes, own=own).check(raw)
    return _parse(raw)


def _parse(raw: bytes) -> Any:
    try:
        text = raw.decode("utf-8-sig")
        return json.loads(
            text, object_pairs_hook=_object, parse_constant=_no_number, parse_float=_float, parse_int=_int
        )
    except UnicodeDecodeError as error:
        raise UnreadableError(f"byte {error.start:,} is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise UnreadableError(f"{error.msg} (line {error.lineno}, column {error.colno})") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise UnreadableError(_TWICE.format(twice[:80]))
    return values


def _no_number(name: str) -> Any:
    raise UnreadableError(f"{name} is no number in JSON")


def _int(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise UnreadableError(f"a number has {len(digits):,} digits")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits) if len(digits) <= _MAX_DIGITS else math.inf
    if not math.isfinite(value):
        raise UnreadableError(f"the number {digits[:40]} is out of range")
    return value


def read_json_file(path: Path, max_bytes: int = MAX_BYTES, *, own: bool = False) -> Any:
    """The JSON value in a file; see :func:`parse_json`.

    Raises:
        UnreadableError: as :func:`parse_json`; the message begins with the path.
        OSError: the file is not there or cannot be read.
    """
    with path.open("rb") as file:
        data = file.read(max_bytes + 1)
    try:
        return parse_json(data, max_bytes, own=own)
    except UnreadableError as error:
        raise UnreadableError(f"{path} cannot be read as JSON: {error}") from None


def read_json(path: Path) -> Any:
    """The JSON value in a file of this program; None if there is no such file, or it is not JSON.

    Raises:
        OSError: it cannot be read, or is no file.
    """
    require_file(path)
    try:
        return read_json_file(path, own=True)
    except (FileNotFoundError, NotADirectoryError, UnreadableError):
        return None


def parse_toml(text: str) -> dict[str, Any]:
    """The table that a TOML text holds.

    Raises:
        UnreadableError: it is too long or too deep, or is not TOML.

    >>> parse_toml("a = " + "[" * 100)
    Traceback (most recent call last):
    treeoflife.core.json_reader.UnreadableError: brackets or keys are nested more than 64 deep
    """
    if len(text) > _MAX_TOML_BYTES:
        raise UnreadableError(f"it has {len(text):,} characters; at most {_MAX_TOML_BYTES:,} are read")
    _check_toml_depth(_TOML_TEXT.sub("", text))
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UnreadableError(str(error)) from None
    except ValueError:  # int() of more than 4,300 digits, and dates that no calendar has
        raise UnreadableError("a number or date in it is out of range") from None


def _check_toml_depth(outside: str) -> None:
    """Check a text without its strings and comments: brackets are nested in values, names in keys with dots."""
    depth = 0
    for bracket in re.sub(r"[^][{}]", "", outside):
        depth += 1 if bracket in "[{" else -1
        if depth > MAX_DEPTH:
            raise UnreadableError(f"brackets or keys are nested more than {MAX_DEPTH} deep")
    if any(part.count(".") > MAX_DEPTH for part in re.split(r"[\n=,{}\[\]]", outside)):
        raise UnreadableError(f"brackets or keys are nested more than {MAX_DEPTH} deep")
