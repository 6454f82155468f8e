"""Where a redirect may lead, so that a stranger's server sends nobody where it must not.

An address that the user's own configuration or table names is asked as it stands. A server on the internet may then
redirect to others on the internet, but not to this computer or into the user's network; and a server in a closed
network may redirect out of it, but not into another closed one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .addresses import PUBLIC, networks_of

MAX_REDIRECTS = 10  # as many as curl and wget follow is 50 and 20; a file behind more than ten is a mistake


class RedirectError(Exception):
    """A server redirects to where it must not, or without end."""


class Place(NamedTuple):
    """One end of a redirect: an address, and the parts of it that the rules are about."""

    scheme: str
    host: str
    url: str


@dataclass(frozen=True, slots=True)
class Way:
    """How a chain of redirects came to a request.

    Attributes:
        networks: where the server that answers may be; empty if that does not matter.
        redirects: how many redirects led here.
        downgraded: whether one of them led from https to http.
    """

    networks: frozenset[str] = frozenset()
    redirects: int = 0
    downgraded: bool = False


def follow_redirect(way: Way, origin: Place, peer: str, target: Place) -> Way:
    """The way to the target of a redirect.

    Args:
        peer: the network of the server that redirects; empty if only a proxy is known.

    Raises:
        RedirectError: it must not be followed.
    """
    if way.redirects == MAX_REDIRECTS:
        raise RedirectError(f"more than {MAX_REDIRECTS} redirects")
    if target.scheme not in ("http", "https") or not target.host:
        raise RedirectError(f"a redirect leads to {target.url!r:.200}, which is no address of the web")
    networks, allowed = networks_of(target.host), frozenset({PUBLIC})
    if closed := networks - allowed:
        # By its name and by its connection, since a name may lead anywhere later.
        origins = networks_of(origin.host) | ({peer} if peer else set())
        if PUBLIC in origins or not closed <= origins:
            raise RedirectError(f"{origin.host} redirects to {target.host}, which is a {min(closed)} address")
        allowed |= origins
    downgraded = way.downgraded or (origin.scheme, target.scheme) == ("https", "http")
    return Way(allowed, way.redirects + 1, downgraded)


def check_arrival(way: Way, host: str, peer: str) -> None:
    """Check that a redirect has led to a server where it may be.

    Args:
        peer: the network of the server; empty if only a proxy is known.

    Raises:
        RedirectError: it has not: its name led elsewhere when it was asked.
    """
    if way.networks and peer and peer not in way.networks:
        raise RedirectError(f"a redirect leads to {host}, which is a {peer} address")
