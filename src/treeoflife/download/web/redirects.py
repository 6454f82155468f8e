"""Following the redirects of a request for a whole file, step by step, by the rules of :mod:`.redirect_rules`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import httpx

from .addresses import network_of
from .redirect_rules import Place, Way, check_arrival, follow_redirect
from .transport import proxy_of


@dataclass(frozen=True)
class Step:
    """One request of a chain of redirects."""

    request: httpx.Request
    way: Way = Way()


@contextmanager
def send(client: httpx.Client, step: Step) -> Iterator[httpx.Response]:
    """The response to the request of a step, not yet read; a redirect is not followed.

    Raises:
        RedirectError: the server is not where it may be: its name led elsewhere when it was asked.
        httpx.HTTPError: there is no response.
    """
    response = client.send(step.request, stream=True, follow_redirects=False)
    try:
        check_arrival(step.way, response.url.host, _peer_network(response))
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
    target = Place(request.url.scheme, request.url.host, str(request.url))
    origin = Place(response.url.scheme, response.url.host, str(response.url))
    return Step(request, follow_redirect(step.way, origin, _peer_network(response), target))


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
                if step.way.downgraded:
                    note(f"{url} is redirected from https to {response.url}, which anybody on the way can change")
                yield response
        step = following
