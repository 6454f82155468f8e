"""Texts of others in Markdown, which must have no meaning there; tables and blocks of code."""

from collections.abc import Iterable, Sequence

from ..core.text import printable

_MEANINGFUL = "\\`*_[]|#"
_LONGEST = 200


def escape(value: object) -> str:
    """``value`` as text that has no meaning in Markdown or HTML, on one line and at most 200 characters long.

    >>> escape("a|b <i>")
    'a\\\\|b &lt;i&gt;'
    """
    escaped = printable(str(value))[:_LONGEST].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return "".join(f"\\{char}" if char in _MEANINGFUL else " " if char == "\n" else char for char in escaped)


def link(text: str, address: str | None) -> str:
    """A link whose text is escaped; the text alone unless the address is one of the web that Markdown reads whole.

    >>> link("cc-by-4.0", "https://creativecommons.org/licenses/by/4.0/")
    '[cc-by-4.0](<https://creativecommons.org/licenses/by/4.0/>)'
    >>> link("here", "javascript:alert(1)")
    'here'
    """
    plain = (address or "").startswith(("https://", "http://")) and not set(address or "") & set("<>\\ \n\r\t")
    return f"[{escape(text)}](<{address}>)" if plain and printable(str(address)) == address else escape(text)


def joined(words: Sequence[str]) -> str:
    """Words as a sentence has them.

    >>> joined(["a", "b", "c"])
    'a, b and c'
    """
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def table(header: Sequence[str], rows: Iterable[Sequence[str]], numbers: Iterable[int] = ()) -> str:
    """A table of cells that are Markdown already; ``numbers`` are the columns that are aligned to the right.

    >>> print(table(("split", "samples"), [("train", "5")], numbers=[1]))
    | split | samples |
    | --- | ---: |
    | train | 5 |
    """
    right = set(numbers)
    rule = ["---:" if place in right else "---" for place in range(len(header))]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (header, rule, *rows))


def fenced(text: str, language: str) -> str:
    """``text`` as a block of code whose fence is longer than any run of backticks in the text, which would end it."""
    longest = run = 0
    for char in text:
        run = run + 1 if char == "`" else 0
        longest = max(longest, run)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{text.rstrip()}\n{fence}"
