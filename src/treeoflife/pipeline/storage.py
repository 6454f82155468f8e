"""The folders of a dataset that are in an object store: whose they are, and uploads that killed runs left there.

The lock of a dataset is in OUT and keeps out runs of this dataset alone. So each folder has a mark, an object that is
written where there is none: of two datasets with the same address, the second is refused.
"""

import secrets
from pathlib import Path

from ..config.paths import Paths
from ..core.files import write_text
from ..core.multipart_uploads import end_left_uploads
from ..core.objects import ObjectPath
from ..core.progress import Listener
from ..errors import ConfigError, ObjectStoreError


def take_over(paths: Paths, listener: Listener) -> None:
    """Make the folders in an object store ready for a run, which has the lock of the dataset.

    Raises:
        ConfigError: one belongs to another dataset.
        ObjectStoreError: there is no such bucket, or it cannot be written to.
    """
    folders = paths.moved_folders()
    if folders:
        owner = _owner(paths.owner)
        for folder in folders:
            _claim(paths.owner_mark(folder), owner)
        end_uploads(paths, listener)


def end_uploads(paths: Paths, listener: Listener) -> None:
    """End the uploads that no process of this dataset makes any more; say so where that cannot be done."""
    for folder in paths.moved_folders():
        try:
            end_left_uploads(folder)
        except ObjectStoreError as error:
            listener.note(
                f"uploads of runs that were killed cannot be looked for ({error}); give the bucket a rule that ends "
                "unfinished uploads, as docs/object-stores.md shows"
            )


def _owner(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        owner = secrets.token_hex(16)
        write_text(path, f"{owner}\n")
        return owner


def _claim(mark: Path, owner: str) -> None:
    assert isinstance(mark, ObjectPath)
    try:
        mark.create(f"{owner}\n".encode())
    except FileExistsError:
        if mark.read_bytes().decode().strip() != owner:
            raise ConfigError(
                f"{mark.parent} belongs to another dataset, by the mark {mark}: choose another address in [storage], "
                "or remove the mark if that dataset is gone, and what lies there is overwritten"
            ) from None
