"""A server to download from."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

pytest.importorskip("httpx")

from .server import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running
