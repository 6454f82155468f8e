"""The address of a request, taken apart: in the form in which it is sent, whatever a table has in it."""

import re
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import quote, urljoin, urlsplit

_SAFE = "%/:=&?~#+!$,;'@()*[]"  # quoted already, or of a meaning of its own
_PORTS = {"http": 80, "https": 443}
_HOST = re.compile(r"[a-z0-9._~%!$&'()*+,;=-]{1,253}|\[[0-9a-f:.]+\]", re.ASCII)


@dataclass(frozen=True, slots=True)
class Address:
    """Where a request goes: ``target`` is the path with its query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def site(self) -> tuple[str, str, int]:
        """What one server, with one robots.txt, is known by."""
        return self.scheme, self.host, self.port

    @property
    def name(self) -> str:
        """The server's address, without a path."""
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """Host and port as they are written in an address and in the header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return self.name + self.target

    def at(self, target: str) -> "Address":
        """Another path of the same server."""
        return Address(self.scheme, self.host, self.port, target)


def parse_address(url: str) -> Address:
    """The address in a URL of the web. What may not stand in a request is percent-encoded; a fragment is left out.

    Raises:
        ValueError: it is none.

    >>> parse_address("http://Museum.example/a b/\\u00e4?x=%20#top").target
    '/a%20b/%C3%A4?x=%20'
    >>> str(parse_address("https://[::1]:443"))
    'https://[::1]/'
    """
    parts = urlsplit(url.strip())
    scheme = parts.scheme.lower()
    if scheme not in _PORTS:
        raise ValueError(f"{url!r:.200} is no address of the web")
    host = _host_of(parts.hostname or "")
    port = parts.port if parts.port is not None else _PORTS[scheme]  # raises for one that is out of range
    target = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    return Address(scheme, host, port, target if target.startswith("/") else f"/{target}")


def join_address(base: Address, location: str) -> str:
    """The URL that the header Location of a response of ``base`` names.

    Raises:
        ValueError: it names none.

    >>> join_address(parse_address("http://a.example/b/c"), "../d")
    'http://a.example/d'
    """
    with suppress(UnicodeError):
        location = location.encode("latin-1").decode("utf-8")  # headers are read as Latin-1, and many send UTF-8
    return urljoin(str(base), location)


def _host_of(host: str) -> str:
    """A host's name in ASCII, as it is looked up.

    Raises:
        ValueError: it is none.
    """
    name = host.lower()
    if not name.isascii():
        name = name.encode("idna").decode("ascii")  # UnicodeError is a ValueError
    if not _HOST.fullmatch(f"[{name}]" if ":" in name else name):
        raise ValueError(f"{host!r:.200} is no name of a host")
    return name
