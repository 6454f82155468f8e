"""Conformance tests for those who add a source or an engine: subclass one in a pytest module.

    from treeoflife.testing import SourceContract

Needs pytest, which the package itself does not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engines import EngineContract
    from .sources import SourceContract

__all__ = ["EngineContract", "SourceContract"]


def __getattr__(name: str) -> Any:
    """Import a contract when it is asked for: the drawn world of the demo is here too, and goes without pytest."""
    if name == "EngineContract":
        from .engines import EngineContract

        return EngineContract
    if name == "SourceContract":
        from .sources import SourceContract

        return SourceContract
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
