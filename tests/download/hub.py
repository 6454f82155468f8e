"""A server that is enough of a Hub for huggingface_hub: metadata by HEAD, bytes by a redirect to another host."""

from __future__ import annotations

import hashlib
import re

from .server import Handler, Resource, Server

COMMIT = "0123456789abcdef0123456789abcdef01234567"
_RESOLVE = re.compile(r"/datasets/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<file>.+)")


def publish(server: Server, repo: str, files: dict[str, bytes], token: str = "", lfs: bool = True) -> None:
    """Make ``server`` a Hub with one dataset; with a token, its files need that token."""
    for data in files.values():
        server.put(f"/cdn/{hashlib.sha256(data).hexdigest()}", Resource(data))

    def answer(handler: Handler) -> bool:
        match = _RESOLVE.fullmatch(handler.path)
        if not match:
            return False
        data = files.get(match["file"])
        if token and handler.headers.get("Authorization") != f"Bearer {token}":
            _send(handler, 401, {"X-Error-Code": "GatedRepo", "X-Error-Message": "Access is restricted"})
        elif match["repo"] != repo or match["revision"] not in ("main", COMMIT) or data is None:
            _send(handler, 404, {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
        else:
            digest = hashlib.sha256(data).hexdigest()
            tag = digest if lfs else hashlib.sha1(data).hexdigest()
            headers = {
                "X-Repo-Commit": COMMIT,
                "X-Linked-Etag": f'"{tag}"',
                "X-Linked-Size": str(len(data)),
                "ETag": f'"{tag}"',
                "Location": f"{server.url.replace('127.0.0.1', 'localhost')}/cdn/{digest}",
            }
            _send(handler, 302, headers)
        return True

    server.answer = answer


def _send(handler: Handler, status: int, headers: dict[str, str]) -> None:
    handler.send_response(status)
    for key, value in {"Content-Length": "0", **headers}.items():
        handler.send_header(key, value)
    handler.end_headers()
