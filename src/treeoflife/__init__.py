"""treeoflife: image-text datasets of living things. ARCHITECTURE.md describes the way from images to shards."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .core.versions import __version__ as __version__

if TYPE_CHECKING:
    from . import errors
    from .core.values import Taxon
    from .pipeline.api import build, status, verify
    from .pipeline.match_names import match_names
    from .shards.reader import Dataset
    from .shards.reader import open_dataset as open  # noqa: A004
    from .shards.sample import Sample

__all__ = ["Dataset", "Sample", "Taxon", "build", "errors", "match_names", "open", "status", "verify"]

_MODULES = {
    "Dataset": "shards.reader",
    "Sample": "shards.sample",
    "Taxon": "core.values",
    "build": "pipeline.api",
    "match_names": "pipeline.match_names",
    "open": "shards.reader",
    "status": "pipeline.api",
    "verify": "pipeline.api",
}


def __getattr__(name: str) -> Any:
    """Import a name of the API when it is first used: polars alone takes longer than ``treeoflife --help`` may."""
    if name == "errors":
        return import_module(f"{__name__}.errors")
    if name not in _MODULES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    module = import_module(f"{__name__}.{_MODULES[name]}")
    return getattr(module, "open_dataset" if name == "open" else name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
