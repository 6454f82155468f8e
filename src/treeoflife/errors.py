"""All exceptions of treeoflife, as one tree.

    TreeoflifeError
    ├── ConfigError         dataset.toml, an option or a plug-in is wrong         exit status 2
    │   └── MissingExtra    a package that is needed cannot be imported           exit status 2
    ├── InputError          an input file is missing, unreadable or malformed
    │   └── ContainerError  an archive or image folder cannot be read to its end
    ├── StoreError          a file that this program wrote is missing or damaged
    ├── ObjectStoreError    an object store cannot be used; it is an OSError too
    ├── HoldoutError        no entry of a hold-out list matches the dataset
    ├── BalanceError        images of the mapping are neither samples nor in the ledger
    ├── TasksFailed         one or more tasks of a stage failed, or a worker died
    └── BusyError           another run works on the same dataset

All but ConfigError end the command with exit status 1. A message names the bad value, where it was found, and what to
do about it.
"""

import errno


class TreeoflifeError(Exception):
    """Any error that this library raises on purpose."""


class ConfigError(TreeoflifeError):
    """The configuration, an option or a plug-in is wrong."""


class MissingExtra(ConfigError):
    """A package of an extra is needed and cannot be imported."""


class InputError(TreeoflifeError):
    """An input file is missing, unreadable or malformed."""


class ContainerError(InputError):
    """An archive or image folder cannot be read to its end."""


class StoreError(TreeoflifeError):
    """A file that this program wrote is missing or damaged."""


class ObjectStoreError(TreeoflifeError, OSError):
    """An object store cannot be used. Code that reads files takes it for what it is to them: an error of reading."""

    def __init__(self, message: str) -> None:
        super().__init__(errno.EIO, message)

    def __str__(self) -> str:
        return str(self.strerror)

    def __reduce__(self) -> tuple[type["ObjectStoreError"], tuple[str]]:
        return type(self), (str(self),)


class HoldoutError(TreeoflifeError):
    """No entry of a hold-out list matches an image of the dataset."""


class BalanceError(TreeoflifeError):
    """Images of the mapping are neither samples nor in the ledger."""


class TasksFailed(TreeoflifeError):
    """One or more tasks of a stage failed; the others finished."""


class BusyError(TreeoflifeError):
    """Another run works on the same dataset."""


KEPT = "what is done is kept, and the same command goes on from there"
"""A note on an error that ended work of which a part is done (``BaseException.add_note``)."""
