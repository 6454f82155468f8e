"""gnparser, the Global Names parser: its shared library, called so that every returned string is freed.

The package's own wrapper never frees them, which costs a gigabyte per million names.
See https://github.com/gnames/gnparser for the meaning of its fields.
"""

from __future__ import annotations

import ctypes
import importlib.util
import platform
from pathlib import Path
from typing import Any

from ...core.json_reader import parse_json
from ...errors import ConfigError
from .label import LabelParser
from .letters import capitalised
from .parsed_name import EPITHET_MARKS, ParsedName

_LIBRARY = {"linux": "libgnparser.so", "darwin": "libgnparser.dylib", "windows": "libgnparser.dll"}


class GNParser(LabelParser):
    """Parses with gnparser. The pickled form is empty: another process loads the library itself."""

    name = "gnparser"

    def __init__(self) -> None:
        self._library = _load()

    def __reduce__(self) -> tuple[type[GNParser], tuple[()]]:
        return GNParser, ()

    def parse(self, name: str) -> ParsedName:
        """Split one name in Latin words; see :class:`~treeoflife.taxonomy.parsing.parsed_name.Parser`."""
        return _parts(self._call(name))

    def _call(self, name: str) -> dict[str, Any]:
        """The library's answer: for any nomenclatural code, without details, with diaereses kept (Isoëtes)."""
        # A C string ends at its first NUL, so one inside a name would cut it short.
        text = name.replace("\0", " ").encode("utf-8", "replace")
        pointer = self._library.ParseToString(text, b"compact", None, 0, 1)
        if not pointer:
            return {}
        try:
            answer: dict[str, Any] = parse_json(ctypes.string_at(pointer))
        finally:
            self._library.FreeMemory(pointer)
        return answer


def _parts(answer: dict[str, Any]) -> ParsedName:
    if not answer.get("parsed") or answer.get("virus"):
        return ParsedName()
    author = str(answer.get("authorship", {}).get("verbatim", ""))
    # Hybrids are split before they come here; what gnparser takes for the sign of one is none.
    words = [word for word in str(answer["canonical"]["full"]).removeprefix("Candidatus ").split() if word != "×"]
    if not words:
        return ParsedName()
    genus, *epithets = words
    if epithets and epithets[0].endswith("."):  # a rank mark right after the genus, such as subgen. or sect.
        epithets = []
    below = " ".join(EPITHET_MARKS.get(word, word) for word in epithets[1:])
    kind = "species" if epithets else "uninomial"
    return ParsedName(capitalised(genus), (epithets or [""])[0], below, author, int(answer.get("quality", 0)), kind)


def _load() -> ctypes.CDLL:
    spec = importlib.util.find_spec("gnparser")
    name = _LIBRARY.get(platform.system().lower(), "libgnparser.so")
    remedy = 'install it (pip install gnparser), or set parser = "simple" in [names] of dataset.toml'
    if spec is None or spec.origin is None:
        raise ConfigError(f'[names] parser = "gnparser": the package gnparser is not installed; {remedy}')
    path = Path(spec.origin).with_name(name)
    try:
        library = ctypes.CDLL(str(path))
        library.ParseToString.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_int]
        library.ParseToString.restype = ctypes.c_void_p
        library.FreeMemory.argtypes = [ctypes.c_void_p]
        library.FreeMemory.restype = None
    except (OSError, AttributeError) as error:
        raise ConfigError(
            f'[names] parser = "gnparser": its library {path.name} does not load here ({error}); {remedy}'
        ) from None
    return library
