"""Serving the page."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable
from pathlib import Path

from ..core.progress import Listener
from ..errors import ConfigError, MissingExtra

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def explore(out: Path, host: str, port: int, listener: Listener, tell: Callable[[str], None]) -> None:
    """Serve the page of a dataset until it is stopped.

    Args:
        out: the dataset's folder, its dataset.toml, or the folder of its shards.
        host: what to bind to; anything but this computer's own name needs the token in the address that is told.
        port: 0 for any that is free.
        listener: hears of what is made first.
        tell: is told the address.

    Raises:
        MissingExtra: a package of the extra ``explore`` is not installed.
        ConfigError: the port is not free.
        InputError: there are no shards.
    """
    try:
        import uvicorn

        from .app import make_app
    except ImportError as error:
        raise MissingExtra(f"explore needs {error.name}: pip install 'treeoflife[explore]'") from None
    from ..shards.locations import find_paths, open_places
    from ..shards.reader import Reader
    from .view import open_view

    paths = find_paths(out)
    reader = Reader(paths, open_places(paths, listener))
    view = open_view(reader)
    token = None if host in LOOPBACK else secrets.token_urlsafe(24)
    with _bound(host, port) as bound:
        number = bound.getsockname()[1]
        shown = f"[{host}]" if ":" in host else host
        tell(f"http://{shown}:{number}/" + (f"?token={token}" if token else ""))
        settings = uvicorn.Config(make_app(reader, view, token), log_level="error", access_log=False)
        uvicorn.Server(settings).run(sockets=[bound])


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(128)  # who is told the address may come at once
    except OSError as error:
        bound.close()
        raise ConfigError(
            f"{host}:{port} cannot be bound to: {error.strerror}; --port 0 takes any that is free"
        ) from None
    return bound
