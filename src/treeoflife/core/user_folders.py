"""The folders of a user, outside any dataset: a cache, which may be deleted at any time, and data that is kept."""

import os
from contextlib import suppress
from pathlib import Path

import platformdirs

_NAME = "treeoflife"


def user_cache() -> Path | None:
    """This user's folder for caches, which no other user may read or write; None if there is none that can be used.

    It is that of the system: on Linux ``$XDG_CACHE_HOME/treeoflife``, or ``~/.cache/treeoflife``.
    """
    with suppress(OSError, RuntimeError):  # there may be no home, or one that cannot be written to
        folder = platformdirs.user_cache_path(_NAME, appauthor=False)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if folder.stat().st_uid == os.getuid() and os.access(folder, os.W_OK):
            folder.chmod(0o700)
            return folder
    return None


def user_data() -> Path:
    """This user's folder for data that is kept; it may not exist yet.

    It is that of the system: on Linux ``$XDG_DATA_HOME/treeoflife``, or ``~/.local/share/treeoflife``.
    """
    return platformdirs.user_data_path(_NAME, appauthor=False)
