"""DuckDB's errors: which of them are the computer's, and say nothing of what is in the files or the query."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

_OF_SCRATCH = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""Only the scratch folder is written."""
_OF_ANY_FILE = (errno.EACCES, errno.EPERM, errno.EIO, errno.ENOENT, errno.ESTALE, errno.EMFILE, errno.ENFILE)
_PATH = re.compile(r'\\?"(/.*?)\\?"')


def system_error(error: duckdb.Error, scratch: Path) -> OSError | None:
    """What the computer said, if that is the cause of an error of DuckDB, which words it in many ways; otherwise None.

    Args:
        scratch: the folder that DuckDB writes to.
    """
    import duckdb

    text = str(error)
    if isinstance(error, duckdb.OutOfMemoryException) and "max_temp_directory_size" in text:
        # By default DuckDB fills nine tenths of what is free when it starts.
        return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(scratch))
    if not isinstance(error, duckdb.IOException):
        return None
    cause = next((one for one in (*_OF_SCRATCH, *_OF_ANY_FILE) if os.strerror(one) in text), None)
    if cause is None:
        return None
    named = _PATH.search(text)
    path = str(scratch) if cause in _OF_SCRATCH or not named else named[1]
    return OSError(cause, os.strerror(cause), path)


def out_of_memory(reason: str, scratch: Path) -> str:
    """The message on tables that do not fit into memory.

    Args:
        reason: what DuckDB says.
        scratch: the folder that it writes to.
    """
    return (
        "the tables of the dataset do not fit into the memory for them: raise [engine] driver_memory_gb, and see that "
        f"{scratch.parent} has room for what does not fit ({reason})"
    )
