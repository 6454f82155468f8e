"""The rules of a host for programs: robots.txt, read within limits (RFC 9309), and the header X-Robots-Tag.

Python's own parser takes the first rule that fits instead of the longest, knows no wildcards, and raises errors for
numbers that it cannot read.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

_MAX_BYTES = 500 << 10  # RFC 9309, 2.5: at least 500 kibibytes must be parsed, and the rest may be ignored
MAX_DELAY_SECONDS = 86_400.0
"""A Crawl-delay of more than a day is taken for one of a day: nobody can have meant more."""
_NUMBER = re.compile(r"\d{1,20}(\.\d{1,20})?|\.\d{1,20}", re.ASCII)
_LONG_NUMBER = re.compile(r"\d{21,}(\.\d*)?", re.ASCII)
_AGENT_TOKEN = re.compile(r"[a-z_-]+|\*", re.ASCII)
_DIRECTIVES_WITH_VALUES = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
_ZLIB_WBITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class UnreadableError(Exception):
    """The bytes that a server sends as robots.txt cannot be read."""


@dataclass(frozen=True)
class Rules:
    """What robots.txt says to one program.

    Attributes:
        paths: patterns of paths, and whether each is allowed.
        delay: the seconds that it asks to wait between requests; 0 if it does not.
        problem: why nothing is allowed, if robots.txt itself is not the reason.
    """

    paths: Sequence[tuple[str, bool]] = ()
    delay: float = 0.0
    problem: str = ""

    def allow(self, url: str) -> bool:
        """Whether an address may be fetched: the longest pattern decides, and if two are as long, that which allows."""
        if self.problem or not self.paths:
            return not self.problem
        parts = urlsplit(url)
        path = unquote((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        matches = [(len(pattern), allowed) for pattern, allowed in self.paths if _matches(pattern, path)]
        return max(matches, default=(0, True))[1]


def parse_robots(data: bytes, agent: str) -> Rules:
    """The rules for ``agent``: those of its groups, or else of the groups for all.

    >>> rules = parse_robots(b"User-agent: *\\nDisallow: /a/*.jpg$\\nAllow: /a/b\\nCrawl-delay: 0.5", "treeoflife")
    >>> rules.allow("http://x/a/c.jpg"), rules.allow("http://x/a/c.jpg?1"), rules.delay
    (False, True, 0.5)
    """
    groups: dict[str, tuple[list[tuple[str, bool]], list[float]]] = {}
    current: list[str] = []
    in_rules = True
    for key, value in _lines(data):
        if key == "user-agent":
            current = [] if in_rules else current
            token = _AGENT_TOKEN.match(value.lower())
            current.append(token[0] if token else "")
            groups.setdefault(current[-1], ([], []))
            in_rules = False
        elif key in ("allow", "disallow", "crawl-delay"):
            in_rules = True
            for paths, delays in (groups[name] for name in current):
                if key == "crawl-delay":
                    delays.append(_parse_delay(value))
                elif value:
                    paths.append((unquote(value), key == "allow"))
    paths, delays = groups.get(agent) or groups.get("*") or ([], [])
    return Rules(paths, max(delays, default=0.0))


def forbidden_use(values: Iterable[str], directives: Sequence[str], agent: str) -> str:
    """The directive in the headers X-Robots-Tag that forbids the use of a file; empty if none does.

    A value may begin with the name of the one program that it is meant for, and a colon.

    >>> forbidden_use(["googlebot: noindex", "otherbot: noai"], ["noai", "noindex"], "treeoflife")
    ''
    >>> forbidden_use(["max-snippet: 9, NoAI"], ["noai", "noindex"], "treeoflife")
    'noai'
    """
    for value in values:
        name, colon, rest = value.lower().partition(":")
        is_directive = not colon or name.strip() in _DIRECTIVES_WITH_VALUES or "," in name
        if not is_directive and name.strip() != agent:
            continue
        for directive in (value.lower() if is_directive else rest).split(","):
            if directive.strip() in directives:
                return directive.strip()
    return ""


def _lines(data: bytes) -> Iterator[tuple[str, str]]:
    """The keys, in lower case, and values of the lines, without comments. Bytes that are not UTF-8 do no harm."""
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    text = data.decode(encoding, "replace").replace("\0", "")  # UTF-16 without its mark has zeros between letters
    for line in re.split(r"[\r\n]+", text):
        key, colon, value = line.partition("#")[0].partition(":")
        if colon:
            yield key.strip().lower(), value.strip()


def _parse_delay(text: str) -> float:
    """Seconds; 0 for what is no positive number."""
    if _NUMBER.fullmatch(text):
        return min(float(text), MAX_DELAY_SECONDS)
    return MAX_DELAY_SECONDS if _LONG_NUMBER.fullmatch(text) else 0.0


def _matches(pattern: str, path: str) -> bool:
    """Whether a path begins as a pattern says, in which ``*`` is any text and a last ``$`` the path's end."""
    ends, parts = pattern.endswith("$"), pattern.removesuffix("$").split("*")
    if not path.startswith(parts[0]):
        return False
    if len(parts) == 1:
        return not ends or path == parts[0]
    # Each part is taken where it comes first, so that the time grows only with the length.
    at = len(parts[0])
    for part in parts[1:-1] if ends else parts[1:]:
        if (found := path.find(part, at)) < 0:
            return False
        at = found + len(part)
    return not ends or (path.endswith(parts[-1]) and len(path) - len(parts[-1]) >= at)


def read_robots(pieces: Iterable[bytes], encoding: str) -> bytes:
    """The lines of a robots.txt that is being received, or those in its first 500 kibibytes.

    Args:
        pieces: its body.
        encoding: the header Content-Encoding.

    Raises:
        UnreadableError: it is compressed in a way that this program does not know, or damaged.
    """
    data = b""
    for piece in pieces:
        data += piece
        if len(data) > _MAX_BYTES:
            break
    data = _decode(data, encoding.strip().lower())
    if len(data) <= _MAX_BYTES:
        return data
    # A line that is cut off would say something else: "Disallow: /" instead of "Disallow: /private".
    return data[: max(data.rfind(b"\n", 0, _MAX_BYTES), data.rfind(b"\r", 0, _MAX_BYTES), 0)]


def _decode(data: bytes, encoding: str) -> bytes:
    """At most a byte more than the limit of what a server compressed unasked."""
    if encoding in ("", "identity"):
        return data
    if encoding not in _ZLIB_WBITS:
        raise UnreadableError(f"it is sent as {encoding!r:.50} although the request excludes that")
    unpacker = zlib.decompressobj(_ZLIB_WBITS[encoding])
    try:
        unpacked = unpacker.decompress(data, _MAX_BYTES + 1)
    except zlib.error as error:
        raise UnreadableError(f"it is sent as {encoding}, and damaged: {error}") from error
    if not unpacker.eof and len(data) <= _MAX_BYTES >= len(unpacked):
        raise UnreadableError(f"it is sent as {encoding}, and cut off")
    return unpacked
