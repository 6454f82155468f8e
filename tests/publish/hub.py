"""A server that is enough of a Hub for huggingface_hub to upload to: repositories, large files, commits."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


class Hub(ThreadingHTTPServer):
    """A Hub: ``repos`` holds files by repository and path, ``large`` holds large files by SHA-256.

    Attributes:
        sent: the SHA-256 of every large file that was received, in order.
        breaks_after: the number of large files after which it responds with errors; None never does.
    """

    daemon_threads = True

    def __init__(self, token: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.token = token
        self.repos: dict[str, dict[str, bytes]] = {}
        self.large: dict[str, bytes] = {}
        self.sent: list[str] = []
        self.commits: list[list[str]] = []
        self.breaks_after: int | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


@contextmanager
def hub(token: str = "secret") -> Iterator[Hub]:
    """A Hub on a free port."""
    server = Hub(token)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_GET(self) -> None:
        if self.refused():
            return
        path = urlsplit(self.path).path
        repo = "/".join(path.split("/")[3:5])
        if repo not in self.server.repos:
            self.reply(404, {"error": "Repository not found"}, {"X-Error-Code": "RepoNotFound"})
        elif "/tree/" in path:
            self.reply(200, [_listed(name, data) for name, data in sorted(self.server.repos[repo].items())])
        else:
            self.reply(200, {"id": repo, "sha": COMMIT, "siblings": [], "private": False})

    def do_POST(self) -> None:
        body = (
            self.rfile.read(int(self.headers["Content-Length"])) if "Content-Length" in self.headers else self.chunks()
        )
        if self.refused():
            return
        path = urlsplit(self.path).path
        repo = "/".join(path.split("/")[3:5])
        if path == "/api/repos/create":
            entry = json.loads(body)
            name = f"{entry['organization']}/{entry['name']}" if entry.get("organization") else f"me/{entry['name']}"
            self.server.repos.setdefault(name, {})
            self.reply(200, {"url": f"{self.server.url}/datasets/{name}", "name": name, "id": name})
        elif path == "/api/validate-yaml":
            self.reply(200, {"errors": [], "warnings": []})
        elif "/preupload/" in path:
            self.reply(200, {"files": [self.mode(repo, entry) for entry in json.loads(body)["files"]]})
        elif path.endswith("/info/lfs/objects/batch"):
            self.reply(
                200, {"transfer": "basic", "objects": [self.lfs_object(entry) for entry in json.loads(body)["objects"]]}
            )
        elif "/commit/" in path:
            self.commit(repo, body)
        else:
            self.reply(404, {"error": path})

    def do_PUT(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        digest = hashlib.sha256(data).hexdigest()
        full = self.server.breaks_after is not None and len(self.server.sent) >= self.server.breaks_after
        if full or digest != self.path.rpartition("/")[2]:
            self.reply(400, {"error": "the storage is out of order"})
            return
        self.server.large[digest] = data
        self.server.sent.append(digest)
        self.reply(200, {})

    def refused(self) -> bool:
        if self.headers.get("Authorization") == f"Bearer {self.server.token}":
            return False
        self.reply(401, {"error": "Invalid username or password."})
        return True

    def mode(self, repo: str, entry: dict[str, Any]) -> dict[str, Any]:
        large = entry["path"].endswith((".tar", ".parquet", ".sqlite", ".png", ".pdf"))
        data = self.server.repos[repo].get(entry["path"])
        oid = None if data is None or large else _git(data)
        return {"path": entry["path"], "uploadMode": "lfs" if large else "regular", "shouldIgnore": False, "oid": oid}

    def lfs_object(self, entry: dict[str, Any]) -> dict[str, Any]:
        known = {"oid": entry["oid"], "size": entry["size"]}
        if entry["oid"] in self.server.large:
            return known
        return known | {"actions": {"upload": {"href": f"{self.server.url}/storage/{entry['oid']}"}}}

    def commit(self, repo: str, body: bytes) -> None:
        lines = [json.loads(line) for line in body.splitlines()]
        added = {}
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                added[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                added[value["path"]] = self.server.large[value["oid"]]
            elif line["key"] == "deletedFile":
                del self.server.repos[repo][value["path"]]
        self.server.repos[repo] |= added
        self.server.commits.append(sorted(added))
        url = f"{self.server.url}/datasets/{repo}/commit/{COMMIT}"
        self.reply(200, {"success": True, "commitOid": COMMIT, "commitUrl": url, "hookOutput": ""})

    def chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def reply(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(value).encode()
        self.send_response(status)
        for key, text in {
            "Content-Type": "application/json",
            "Content-Length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(key, text)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


def _git(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def _listed(name: str, data: bytes) -> dict[str, Any]:
    entry = {"type": "file", "path": name, "size": len(data), "oid": _git(data)}
    if name.endswith((".tar", ".parquet", ".sqlite", ".png", ".pdf")):
        entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
    return entry
