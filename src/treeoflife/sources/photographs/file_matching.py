"""Which file of a folder a table means, where the two do not write its name alike.

Tables are written elsewhere, often on another system and by another program. Each way to read a name is tried for all
names before the next one, which is less strict. A name is matched only if it fits one file, and no other does.
"""

import html
import os
import posixpath
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

from ..file_names import IMAGE_SUFFIXES, escape_invalid_utf8, name_bytes
from .unread_formats import UNREAD_SUFFIXES

_AS_PATH = "with other signs, such as backslashes or ./,"
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "<": ">"}
_MAY_NEED_CLEANING = re.compile(r"^[\s./<\"'“‘«]|\s$|[\\:]|/[./]")
_SUFFIXES = IMAGE_SUFFIXES | UNREAD_SUFFIXES.keys()


@dataclass
class Matches:
    """The files that names mean.

    Attributes:
        files: the file of each name that means one.
        repaired: the names that are not written like their file, by the way in which they were matched.
        doubtful: the names that fit several files, or one that another name fits too; each with such a file.
    """

    files: dict[str, str] = field(default_factory=dict)
    repaired: dict[str, list[str]] = field(default_factory=dict)
    doubtful: dict[str, str] = field(default_factory=dict)


def match_names(names: Iterable[str], images: Sequence[str], unread: Sequence[str], folder: Path) -> Matches:
    """Find the file that each name means.

    Args:
        names: as a table has them.
        images: the images in the folder, as paths relative to it.
        unread: the files there in formats that are not read; a name that is not written like one of them means it only
            if it fits no image.
        folder: the folder, for names that are whole paths.

    >>> matches = match_names(["photos/A.JPG", "c.cr2", "b"], ["a.jpg", "b.jpg", "b.png"], ["c.CR2"], Path("birds"))
    >>> matches.files, matches.doubtful
    ({'photos/A.JPG': 'a.jpg', 'c.cr2': 'c.CR2'}, {'b': 'b.jpg'})
    """
    matches, clean = Matches(), _cleaner(folder)
    left = _match_alike(names, [*unread, *images], clean, matches)
    for files in (images, unread):
        left = _match_repaired(left, files, clean, matches)
    return matches


def _match_alike(
    names: Iterable[str], files: Sequence[str], clean: Callable[[str], str], matches: Matches
) -> dict[str, str]:
    """Match what is the same path, however it is written; returns the other names, each cleaned."""
    by_name, left = {escape_invalid_utf8(file): file for file in files}, dict[str, str]()
    for name in dict.fromkeys(names):
        if name in by_name:
            matches.files[name] = by_name[name]
        elif (cleaned := clean(name)) in by_name:
            matches.files[name] = by_name[cleaned]
            matches.repaired.setdefault(_AS_PATH, []).append(name)
        else:
            left[name] = cleaned
    return left


def _match_repaired(
    names: Mapping[str, str], files: Sequence[str], clean: Callable[[str], str], matches: Matches
) -> dict[str, str]:
    """Match names in ways that are less and less strict; returns those that fit no file."""
    forms = {file: clean(_decoded(file)) for file in files} if names else {}
    left, changed = dict(names), dict(names)
    taken = set(matches.files.values())
    for way, change, nested in _WAYS:
        if not left or not forms:
            break
        if change:
            forms = {file: change(form) for file, form in forms.items()}
        changed = {name: change(changed[name]) if change else changed[name] for name in left}
        found = _find(changed, forms, nested=nested)
        counts: dict[str, int] = {}
        for file, _ in found.values():
            counts[file] = counts.get(file, 0) + 1
        for name, (file, is_only_one) in found.items():
            if is_only_one and counts[file] == 1 and file not in taken:
                matches.files[name] = file
                matches.repaired.setdefault(way, []).append(name)
            else:
                matches.doubtful[name] = file
            del left[name]
        taken |= counts.keys()
    return {name: names[name] for name in left}


def _find(names: Mapping[str, str], forms: Mapping[str, str], *, nested: bool) -> dict[str, tuple[str, bool]]:
    """For each name that fits a file, that file and whether it fits no other; both in forms that can be compared.

    Args:
        nested: also where the one is in further folders; of several files, the one with most folders in common.
    """
    whole, ends = _index((form, file) for file, form in forms.items()), dict[str, tuple[str, bool]]()
    if nested:
        ends = _index((end, file) for file, form in forms.items() for end in _ends(form))
    found = {}
    for name, form in names.items():
        match = whole.get(form) or ends.get(form)
        if not match and nested:
            match = next((whole[end] for end in _ends(form) if end in whole), None)
        if match:
            found[name] = match
    return found


def _index(forms: Iterable[tuple[str, str]]) -> dict[str, tuple[str, bool]]:
    index: dict[str, tuple[str, bool]] = {}
    for form, file in forms:
        index[form] = (index[form][0], False) if form in index else (file, True)
    return index


def _ends(path: str) -> Iterable[str]:
    """A path without its first folder, without its first two, and so on.

    >>> list(_ends("a/b/c.jpg"))
    ['b/c.jpg', 'c.jpg']
    """
    start = path.find("/")
    while start >= 0:
        yield path[start + 1 :]
        start = path.find("/", start + 1)


def _cleaner(folder: Path) -> Callable[[str], str]:
    """A function that writes a path in the usual way, relative to the folder."""
    roots = {f"{root.as_posix().rstrip('/')}/" for root in (folder, folder.absolute(), folder.resolve())}

    def clean(name: str) -> str:
        if not _MAY_NEED_CLEANING.search(name):
            return name
        name = name.strip()
        while len(name) > 1 and _QUOTES.get(name[0]) == name[-1]:
            name = name[1:-1].strip()
        if name[:7].casefold() == "file://":
            name = unquote(name[7:])
        name = posixpath.normpath(name.replace("\\", "/"))
        root = next((root for root in roots if name.startswith(root)), "")
        name = name.removeprefix(root).lstrip("/")
        while name.startswith("../"):
            name = name[3:]
        return name

    return clean


def _decoded(file: str) -> str:
    """A file's name; one that is not UTF-8 was most likely written on a system with Windows-1252."""
    try:
        file.encode()
    except UnicodeEncodeError:
        return name_bytes(file).decode("cp1252", "replace")
    return file


def _composed(name: str) -> str:
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _unescaped(name: str) -> str:
    return _composed(html.unescape(unquote(name))).casefold() if "%" in name or "&" in name else name


def _stem(name: str) -> str:
    stem, suffix = os.path.splitext(name)  # noqa: PTH122 - a million names; this is many times as fast as Path
    return stem if suffix in _SUFFIXES else name


_WAYS: tuple[tuple[str, Callable[[str], str] | None, bool], ...] = (
    ("in another Unicode form", _composed, False),
    ("in other case", str.casefold, False),
    ("with other escapes, such as %20,", _unescaped, False),
    ("with other folders before the name", None, True),
    ("with another ending", _stem, False),
    ("with another ending and other folders before the name", None, True),
)
"""The ways to read names, in order: what messages call each, the further change of names, and whether they may be in
further folders."""
