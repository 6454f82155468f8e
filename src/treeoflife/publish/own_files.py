"""Which files beside the shards this program wrote, so that it may replace them, and which are the user's."""

from pathlib import Path

from ..config.paths import Paths
from ..core.files import exists, is_no_file

BUILT_BY = "built by treeoflife"
"""What croissant.json and credits.html say somewhere, in whatever capitals."""
_MARK = "<!-- Written by treeoflife"
CARD_MARK = f"{_MARK}, which writes it again: delete this line to keep a card of your own. -->"
"""The line by which a card is known. Whoever edits a card sees it first; without it, the card is theirs."""
CREDITS, LICENCES = "treeoflife_id,title,copyright_owner,", "treeoflife_id,eol_content_id,eol_page_id,md5,"
"""How the headers of credits.csv and licences.csv begin."""
_LONGEST_HEADER = 100_000


def users_files(paths: Paths) -> list[Path]:
    """The files that the user has under names of the card and what belongs to it. An empty file is nobody's."""
    signs = {
        paths.card: _MARK,
        paths.croissant: BUILT_BY,
        paths.credits: CREDITS,
        paths.credits_page: BUILT_BY,
        paths.licences: LICENCES,
    }
    return [path for path, sign in signs.items() if exists(path) and not _is_ours(path, sign)]


def _is_ours(path: Path, sign: str) -> bool:
    """Whether a file has the words that every such file of this program has."""
    if is_no_file(path):
        return False
    with path.open(encoding="utf-8", errors="replace") as file:
        # A table may have hundreds of millions of rows.
        text = file.readline(_LONGEST_HEADER) if path.suffix == ".csv" else file.read()
    return not text or sign.lower() in text.lower()
