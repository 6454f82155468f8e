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

from ..core.json_reader import parse_json
from ..core.unknown_words import is_unknown
from ..errors import ConfigError
from .parsing import ParsedName, capitalised, split_placeholder, split_special, split_virus

_LIBRARY = {"linux": "libgnparser.so", "darwin": "libgnparser.dylib", "windows": "libgnparser.dll"}


class GNParser:
    """Parses with gnparser. The pickled form is empty: another process loads the library itself."""

    name = "gnparser"

    def __init__(self) -> None:
        self._library = _load()

    def __reduce__(self) -> tuple[type[GNParser], tuple[()]]:
        return GNParser, ()

    def parse(self, name: str) -> ParsedName:
        """Split one name that is already free of markup."""
        return split_special(name) or _parts(self._call(name), name)

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


def _parts(answer: dict[str, Any], name: str) -> ParsedName:
    if answer.get("virus"):
        return split_virus(name)
    if not answer.get("parsed"):
        return ParsedName()
    # gnparser calls names such as 'Aedes sp. BOLD:AAA1234' surrogates, and leaves out their marks and numbers.
    if answer.get("surrogate"):
        return split_placeholder(name) or ParsedName()
    full = str(answer["canonical"]["full"])
    author = str(answer.get("authorship", {}).get("verbatim", ""))
    quality = int(answer.get("quality", 0))
    if answer.get("hybrid"):
        return _hybrid(full, author, quality)
    prefix = "Candidatus " if answer.get("candidatus") else ""
    genus, *epithets = full.removeprefix("Candidatus ").split()
    # To gnparser, "Unknown" and "Unassigned" are genera.
    if is_unknown(genus):
        return ParsedName()
    if epithets and epithets[0].endswith("."):  # a rank mark right after the genus, such as subgen. or sect.
        epithets = []
    kind = "candidatus" if prefix else "species" if epithets else "uninomial"
    return ParsedName(prefix + capitalised(genus), (epithets or [""])[0], " ".join(epithets[1:]), author, quality, kind)


def _hybrid(full: str, author: str, quality: int) -> ParsedName:
    """A named hybrid or a hybrid formula: everything after the genus is the species."""
    words = full.split()
    genus = " ".join(words[:2]) if words[0] == "×" else words[0]
    rest = words[2:] if words[0] == "×" else words[1:]
    return ParsedName(genus, " ".join(word for word in rest if word != genus), "", author, quality, "hybrid")


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
