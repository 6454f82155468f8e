"""treeoflife: image-text datasets of living things. See ARCHITECTURE.md for the way of the data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .shards.reader import Reader, Sample
    from .shards.reader import open_dataset as open  # noqa: A004

__version__ = "0.1.0"
__all__ = ["Reader", "Sample", "__version__", "open"]


def __getattr__(name: str) -> Any:
    """The reader, imported when it is asked for: the command line must be there at once."""
    if name not in __all__:
        raise AttributeError(f"module 'treeoflife' has no attribute '{name}'")
    from .shards import reader

    return reader.open_dataset if name == "open" else getattr(reader, name)
