"""The difference between two records, in words."""

from typing import Any


def describe_difference(recorded: Any, current: Any, name: str = "") -> str | None:
    """The first difference between the recorded inputs of an output and its current ones; None if they are equal.

    Both are JSON values; ``name`` is what they are, such as ``images.quality``, and begins the sentence.

    >>> describe_difference({"images": {"quality": 90}}, {"images": {"quality": 100}})
    'images.quality changed from 90 to 100'
    """
    if recorded == current:
        return None
    if isinstance(recorded, dict) and isinstance(current, dict):
        for key in sorted({*recorded, *current}):
            if text := describe_difference(recorded.get(key), current.get(key), f"{name}.{key}" if name else str(key)):
                return text
    if recorded is None:
        return f"{name} is new" if name else "not made yet"
    # Digests are 64 hex digits, which tell nobody anything.
    if any(isinstance(value, str) and len(value) == 64 for value in (recorded, current)):
        return f"{name} changed"
    return f"{name} changed from {_shorten(recorded)} to {_shorten(current)}"


def _shorten(value: Any) -> str:
    text = str(value)
    return text if len(text) < 60 else text[:57] + "…"
