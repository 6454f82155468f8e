"""Conformance tests for authors of sources and engines: inherit one in a pytest module.

    from treeoflife.testing import SourceContract

They need pytest, which treeoflife itself does not.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engines import EngineContract
    from .sources import SourceContract

__all__ = ["EngineContract", "SourceContract"]


def __getattr__(name: str) -> Any:
    """Import a contract when it is used: 'treeoflife demo' imports this package too, and must work without pytest."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = import_module(".engines" if name == "EngineContract" else ".sources", __name__)
    return getattr(module, name)
