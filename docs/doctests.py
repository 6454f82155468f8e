"""For mkdocstrings: show the examples in docstrings as code."""

from __future__ import annotations

import re
from typing import Any

from griffe import Extension, Object

_EXAMPLE = re.compile(r"(?m)^>>> .*(?:\n.+)*")
"""An example of doctest, up to the next empty line."""


class Doctests(Extension):
    """Fences every example. Left as it is, ``>>>`` is three quotations in Markdown, and a list a link."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        if obj.docstring:
            obj.docstring.value = _EXAMPLE.sub(lambda found: f"```pycon\n{found[0]}\n```", obj.docstring.value)
