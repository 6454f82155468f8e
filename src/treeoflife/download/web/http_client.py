"""The HTTP client of downloads of whole files."""

import httpx

from ...errors import ConfigError
from .transport import Transport
from .web_client import user_agent


def make_client(connections: int, stall_seconds: float, contact: str = "") -> httpx.Client:
    """A client. It follows no redirects: :mod:`.redirects` does, and looks where they lead.

    Args:
        connections: how many requests are open at once.
        stall_seconds: a connection that brings nothing for so long raises a time-out.
        contact: an address or page for the user agent, so that the owner of a server can reach the user.

    Raises:
        ConfigError: a variable of the environment that httpx reads is malformed.
    """
    limits = httpx.Limits(max_connections=connections, max_keepalive_connections=connections)
    # No time-out for the pool: a thread that waits for a free connection has not failed.
    timeout = httpx.Timeout(stall_seconds, pool=None)
    try:
        transport = Transport(limits, stall_seconds)
        return httpx.Client(transport=transport, timeout=timeout, headers={"User-Agent": user_agent(contact)})
    except (ValueError, ImportError, OSError) as error:
        raise ConfigError(
            "one of the variables HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE or SSL_CERT_DIR "
            f"has a value that cannot be used: {error}"
        ) from None
