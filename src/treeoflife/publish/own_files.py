"""Which files beside the shards this program wrote, so that it may replace them, and which are the user's.

The card is text that people like to edit: it ends in a seal, the digest of all that stands before it. One that was
changed has a seal that does not fit, and is the user's from then on. The others are data: each has words, or a header,
that every such file of this program has.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

from ..config.paths import Paths
from ..core.files import exists, is_no_file
from ..selection.eol_manifest import COLUMNS as LICENCES
from .credits import COLUMNS as CREDITS

BUILT_BY = "built by treeoflife"
_SEAL = "<!-- Written by treeoflife. A card that was changed by hand is left as it is. {} -->\n"
_SEALED = re.compile(re.escape(_SEAL).replace(r"\{\}", "([0-9a-f]{64})") + r"\Z")
_LONGEST_HEADER = 100_000


def seal(text: str) -> str:
    """The text of a card with its seal.

    >>> is_sealed(seal("# Birds\\n")), is_sealed("More." + seal("# Birds\\n"))
    (True, False)
    """
    return text + _SEAL.format(_digest(text))


def is_sealed(text: str) -> bool:
    """Whether a text is a card as it was written."""
    match = _SEALED.search(text)
    return bool(match) and _digest(text[: match.start()]) == match[1] if match else False


def users_files(paths: Paths) -> Mapping[Path, str]:
    """The files that the user has under names of the card and what belongs to it, each with why it is taken for theirs.

    An empty file is nobody's.
    """
    why = {path: "was not written by treeoflife" for path in _signs(paths) if not _is_ours(path, _signs(paths)[path])}
    if paths.card in why and BUILT_BY in _text(paths.card).lower():
        why[paths.card] = "was changed since treeoflife wrote it"
    return why


def _signs(paths: Paths) -> dict[Path, str]:
    return {
        paths.card: "",
        paths.croissant: BUILT_BY,
        paths.credits: ",".join(CREDITS),
        paths.credits_page: BUILT_BY,
        paths.licences: ",".join(LICENCES),
    }


def _is_ours(path: Path, sign: str) -> bool:
    if not exists(path):
        return True
    if is_no_file(path):
        return False
    text = _text(path) if path.suffix != ".csv" else _header(path)
    return not text or (sign.lower() in text.lower() if sign else is_sealed(text))


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def _header(path: Path) -> str:
    """The beginning of a table, which may have hundreds of millions of rows."""
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.readline(_LONGEST_HEADER)


def _digest(text: str) -> str:
    return sha256(text.encode(errors="replace")).hexdigest()
