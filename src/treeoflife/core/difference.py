"""In what two records differ, in words."""

from __future__ import annotations

from typing import Any


def difference(recorded: Any, wanted: Any, name: str = "") -> str | None:
    """In what an output's record of its inputs differs from what it would be made from now; None if in nothing.

    >>> difference({"images": {"quality": 90}}, {"images": {"quality": 100}})
    'images.quality changed from 90 to 100'
    """
    if recorded == wanted:
        return None
    if isinstance(recorded, dict) and isinstance(wanted, dict):
        for key in sorted({*recorded, *wanted}):
            if found := difference(recorded.get(key), wanted.get(key), f"{name}.{key}" if name else str(key)):
                return found
    if recorded is None:
        return f"{name} is new" if name else "not made yet"
    if any(isinstance(value, str) and len(value) == 64 for value in (recorded, wanted)):
        return f"{name} changed"
    return f"{name} changed from {_short(recorded)} to {_short(wanted)}"


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) < 60 else text[:57] + "…"
