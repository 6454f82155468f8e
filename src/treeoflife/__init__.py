"""treeoflife: image-text datasets of living things. See ARCHITECTURE.md for the way of the data."""

from __future__ import annotations

__version__ = "0.1.0"
