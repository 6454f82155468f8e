"""The table ``[fetch]`` of dataset.toml: how images are fetched from the web. It does not affect their contents."""

from typing import Annotated

from pydantic import Field

from .base import Model


class RequestRules(Model):
    """How images are requested from the hosts that a list of addresses names."""

    connections: Annotated[int, Field(ge=1, le=256)] = 8
    """Number of images that one task fetches at the same time."""
    per_host: Annotated[int, Field(ge=1, le=64)] = 4
    """Maximum number of open requests to one host, over all tasks."""
    per_second: Annotated[float, Field(ge=0, le=100_000)] = 10.0
    """Maximum number of requests per second to one host, over all tasks; 0 sets no limit."""
    contact: str = ""
    """An e-mail address or web page, sent in the User-Agent header, so that the owner of a host can reach you."""
    robots: bool = True
    """Obey the robots.txt of the hosts."""
    noai: tuple[str, ...] = ("noai", "noimageai", "noindex", "noimageindex")
    """Directives in the header X-Robots-Tag with which a host keeps an image out, as img2dataset respects them. Empty:
    the header is not looked at."""
    max_bytes: Annotated[int, Field(ge=1, le=1 << 40)] = 50_000_000
    """Maximum size of an image file in bytes; larger files are not fetched."""
    tries: Annotated[int, Field(ge=1, le=20)] = 4
    """How many times an image is requested if it fails for a temporary reason, such as an overloaded server."""


class FetchTable(RequestRules):
    """How the stage fetch brings the images of sources that list addresses."""

    connections: Annotated[int, Field(ge=1, le=256)] = 32
    """Number of images that one task fetches at the same time, from all hosts together."""
    per_archive: Annotated[int, Field(ge=1, le=1_000_000)] = 10_000
    """Number of addresses per archive: the work of one task."""
    wait_seconds: Annotated[float, Field(ge=0, le=86_400)] = 1.0
    """Seconds to wait after the first failure of an image. The wait doubles with each further failure, up to a minute,
    and varies randomly by half. Other images are fetched meanwhile."""
    stall_seconds: Annotated[float, Field(gt=0, le=86_400)] = 30.0
    """Seconds after which a connection that delivers hardly any data is closed."""
