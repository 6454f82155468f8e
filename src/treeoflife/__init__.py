"""treeoflife: image-text datasets of living things. ARCHITECTURE.md describes the way from images to shards."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .core.versions import __version__ as __version__

if TYPE_CHECKING:
    from . import errors
    from .core.values import Taxon
    from .pipeline.api import build, leaks, status, verify
    from .pipeline.diff import diff
    from .pipeline.match_names import match_names
    from .pipeline.taxa import taxa
    from .shards.reader import Dataset
    from .shards.reader import open_dataset as open  # noqa: A004
    from .shards.sample import Sample

__all__ = [
    "Dataset", "Sample", "Taxon", "build", "diff", "errors", "leaks", "match_names", "open", "status", "taxa", "verify",
]  # fmt: skip

_MODULES = {
    "Dataset": "shards.reader",
    "Sample": "shards.sample",
    "Taxon": "core.values",
    "build": "pipeline.api",
    "diff": "pipeline.diff",
    "leaks": "pipeline.api",
    "match_names": "pipeline.match_names",
    "open": "shards.reader",
    "status": "pipeline.api",
    "taxa": "pipeline.taxa",
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
