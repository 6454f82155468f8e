"""The folder of what is recorded of a dataset for quick reading: the locations of its samples, and indexes for search.

It lies in the dataset; for a dataset that may not be written to, in the user's own cache. Other processes may read it
at any time, and nobody locks it: what is in it is written aside and then takes the place of what was there.
"""

import atexit
import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from ..config.paths import Paths
from ..core.files import fingerprint
from ..core.user_folders import user_cache

_NOT_WRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM)


def cache_folder(paths: Paths) -> Path:
    """The folder for a dataset, which may not exist yet.

    Raises:
        OSError: the disk fails.
    """
    try:
        paths.sample_index.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        if error.errno not in _NOT_WRITABLE:
            raise
    if os.access(paths.sample_index, os.W_OK):
        return paths.sample_index
    return (
        (user_cache() or _temporary_folder())
        / f"view-{fingerprint(str(paths.root.resolve()))[:16]}"
        / paths.sample_index.name
    )


@cache
def _temporary_folder() -> Path:
    """A folder with a name that nobody can foresee, until this process ends."""
    folder = Path(mkdtemp(prefix="treeoflife-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextmanager
def replacing_folder(folder: Path) -> Iterator[Path]:
    """An empty folder beside ``folder``, which takes its place at the end; whoever has files of the old one open keeps
    them. If another process replaces it at the same moment, that of one of them stays.

    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp(), "places")
    >>> with replacing_folder(folder) as new:
    ...     _ = (new / "a").write_text("1")
    >>> [path.name for path in folder.parent.iterdir()], (folder / "a").read_text()
    (['places'], '1')
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    new, old = scratch / "new", scratch / "old"
    new.mkdir()
    try:
        yield new
        with suppress(FileNotFoundError):
            folder.rename(old)
        try:
            new.rename(folder)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # another process was faster
                raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
