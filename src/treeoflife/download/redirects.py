"""Following redirects step by step, and refusing those that lead where a stranger's server must not send anybody.

An address that the user's own configuration or table names is asked as it stands. A server on the internet may then
redirect to others on the internet, but not to this computer or into the user's network; and a server in a closed
network may redirect out of it, but not into another closed one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from .addresses import PUBLIC, network_of, networks_of
from .transport import proxy_of

MAX_REDIRECTS = 10  # as many as curl and wget follow is 50 and 20; a file behind more than ten is a mistake


class RedirectError(Exception):
    """A server redirects to where it must not, or without end."""


@dataclass(frozen=True)
class Step:
    """One request of a chain of redirects.

    Attributes:
        networks: where the server that answers may be; empty if that does not matter.
        redirects: how many redirects led here.
        downgraded: whether one of them led from https to http.
    """

    request: httpx.Request
    networks: frozenset[str] = frozenset()
    redirects: int = 0
    downgraded: bool = False


@contextmanager
def send(client: httpx.Client, step: Step) -> Iterator[httpx.Response]:
    """The response to the request of a step, not yet read; a redirect is not followed.

    Raises:
        RedirectError: the server is not where it may be: its name led elsewhere when it was asked.
        httpx.HTTPError: there is no response.
    """
    response = client.send(step.request, stream=True, follow_redirects=False)
    try:
        peer = _peer_network(response)
        if step.networks and peer and peer not in step.networks:
            raise RedirectError(f"a redirect leads to {response.url.host}, which is a {peer} address")
        yield response
    finally:
        response.close()


def next_step(response: httpx.Response, step: Step) -> Step | None:
    """The request that a response redirects to; None if it is no redirect.

    Raises:
        RedirectError: it must not be followed.
    """
    if (request := response.next_request) is None:
        return None
    if step.redirects == MAX_REDIRECTS:
        raise RedirectError(f"more than {MAX_REDIRECTS} redirects")
    target = request.url
    if target.scheme not in ("http", "https") or not target.host:
        raise RedirectError(f"a redirect leads to {str(target)!r:.200}, which is no address of the web")
    networks, allowed = networks_of(target.host), frozenset({PUBLIC})
    if closed := networks - allowed:
        origin = _origin_networks(response)
        if PUBLIC in origin or not closed <= origin:
            raise RedirectError(f"{response.url.host} redirects to {target.host}, which is a {min(closed)} address")
        allowed |= origin
    downgraded = step.downgraded or (response.url.scheme, target.scheme) == ("https", "http")
    return Step(request, allowed, step.redirects + 1, downgraded)


def _origin_networks(response: httpx.Response) -> frozenset[str]:
    """Where the server of a response is, by its name and by its connection, since a name may lead anywhere later."""
    peer = _peer_network(response)
    return networks_of(response.url.host) | ({peer} if peer else set())


def _peer_network(response: httpx.Response) -> str:
    """The network of the server that a connection leads to; empty if only a proxy is known."""
    stream = response.extensions.get("network_stream")
    address = stream.get_extra_info("server_addr") if stream else None
    return network_of(str(address[0])) if address and not proxy_of(response.url) else ""


@contextmanager
def follow(
    client: httpx.Client, url: str, headers: Mapping[str, str], note: Callable[[str], None] = lambda _: None
) -> Iterator[httpx.Response]:
    """The response to a request at the end of its redirects, not yet read.

    Args:
        note: receives a sentence if the way leads from https to http.

    Raises:
        RedirectError: the redirects do not end, or lead where they must not.
        httpx.HTTPError: there is no response.
    """
    step: Step | None = Step(client.build_request("GET", url, headers=headers))
    while step:
        with send(client, step) as response:
            following = next_step(response, step)
            if following is None:
                if step.downgraded:
                    note(f"{url} is redirected from https to {response.url}, which anybody on the way can change")
                yield response
        step = following
