"""What can go wrong, as one tree.

    TreeoflifeError
    ├── ConfigError         dataset.toml, an option or a plug-in is wrong        exit status 2
    │   └── MissingExtra    an optional package is needed and not installed      exit status 2
    ├── InputError          a file that was named is missing, unreadable or malformed
    │   └── ContainerError  an archive or image folder cannot be read to its end
    ├── StoreError          a file that this program wrote is gone or damaged
    ├── HoldoutError        a hold-out list of which nothing matches
    ├── BalanceError        images of the mapping are neither samples nor in the ledger
    ├── TasksFailed         one or more tasks of a stage failed, or a worker died
    └── BusyError           another run works on the same dataset

All but ConfigError end the command with exit status 1. A message names the bad value, where it was
found, and what would be right.
"""

from __future__ import annotations


class TreeoflifeError(Exception):
    """Anything this library raises on purpose."""


class ConfigError(TreeoflifeError):
    """The configuration, an option or a plug-in is wrong."""


class MissingExtra(ConfigError):
    """An optional package is needed and not installed."""


class InputError(TreeoflifeError):
    """A file that was named is missing, unreadable or malformed."""


class ContainerError(InputError):
    """An archive or image folder cannot be read to its end."""


class StoreError(TreeoflifeError):
    """A file that this program wrote is gone or damaged."""


class HoldoutError(TreeoflifeError):
    """A hold-out list of which nothing matches."""


class BalanceError(TreeoflifeError):
    """Images of the mapping are neither samples nor in the ledger."""


class TasksFailed(TreeoflifeError):
    """One or more tasks of a stage failed; the others finished."""


class BusyError(TreeoflifeError):
    """Another run works on the same dataset."""
