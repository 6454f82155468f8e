"""Serving the page of a dataset."""

import secrets
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from polars.exceptions import PolarsError

from ..config.paths import Paths
from ..core.extras import import_extra
from ..core.lock import read_holder
from ..core.progress import Listener
from ..core.text import reason
from ..errors import ConfigError, InputError
from ..shards.locations import find_dataset


def serve(out: Path, host: str, port: int, listener: Listener, announce: Callable[[str], None]) -> None:
    """Serve the page of a dataset until the process is stopped.

    Args:
        out: the dataset's folder, its dataset.toml, or the folder of its shards.
        host: the address to bind to. Unless it is a loopback address, requests need the token in the announced address.
        port: the port to bind to; 0 for any that is free.
        listener: shows the progress of building the index.
        announce: called with the address of the page once requests are accepted.

    Raises:
        MissingExtra: a package of the extra ``explore`` is not installed.
        ConfigError: the address or port cannot be bound to.
        InputError: there are no shards.
    """
    uvicorn = import_extra("uvicorn", "explore", "explore")
    web_app = import_extra("treeoflife.explore.web_app", "explore", "explore")
    from .live import LiveDataset

    paths = find_dataset(out)
    with _explained(paths, listener):
        live = LiveDataset(paths, listener)
    live.watch()
    token = None if host in web_app.LOOPBACK else secrets.token_urlsafe(24)
    with _bind(host, port) as bound:
        name = f"[{host}]" if ":" in host else host
        announce(f"http://{name}:{bound.getsockname()[1]}/" + (f"?token={token}" if token else ""))
        application = web_app.create_app(live, token)
        # h11 bounds the length of headers; uvicorn would take another parser where one happens to be installed.
        settings = uvicorn.Config(application, http="h11", ws="none", log_level="error", access_log=False)
        uvicorn.Server(settings).run(sockets=[bound])


@contextmanager
def _explained(paths: Paths, listener: Listener) -> Iterator[None]:
    """Say that a run works on the dataset, also as the reason of what cannot be read meanwhile."""
    holder = read_holder(paths.lock)
    if holder is None or (holder.is_here() and not holder.is_alive_here()):
        yield
        return
    listener.note(f"{holder} works on this dataset: the page shows its state as of now, and images may be missing")
    try:
        yield
    except (InputError, OSError, PolarsError) as error:
        raise InputError(f"{holder} works on this dataset: try again when it has finished ({reason(error)})") from None


def _bind(host: str, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(128)  # before the address is announced: a browser may connect before uvicorn has started
    except OSError as error:
        bound.close()
        raise ConfigError(f"cannot bind to {host}:{port}: {error.strerror}; --port 0 takes any free port") from None
    return bound
