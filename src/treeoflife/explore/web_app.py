"""The web application behind the page: JSON endpoints, images, and the saving of marks.

Requests are untrusted: rows are integers, nodes are checked, and no text from a request is used as a path.
"""

import errno
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ..core.values import RANKS
from ..errors import BusyError, InputError, TreeoflifeError
from ..mapping.ids import id_key
from ..selection import marks
from ..shards.reader import Dataset
from .index_builder import FACETS
from .lineage_index import Filter, LineageIndex
from .request_body import read_body, read_mark

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_STATIC = {
    "": ("index.html", "text/html"), "app.css": ("app.css", "text/css"), "icon.svg": ("icon.svg", "image/svg+xml"),
    **{f"{name}.js": (f"{name}.js", "text/javascript") for name in ("app", "dom", "grid", "image", "search")},
}  # fmt: skip
# Scripts and images come from this server only: a name in a dataset that looks like markup can load and send nothing.
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {"Content-Security-Policy": _CSP, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
# Limits of one answer, so that a taxon with very many children or a finding about very many images stays readable and
# fast; the page says how many more there are.
_MAX_CHILDREN, _MAX_ROWS, _MAX_OTHERS = 3000, 500, 8
_COOKIE = "treeoflife_token"
_HOST = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")


@dataclass(frozen=True)
class AccessGuard:
    """Middleware that admits browsers on this computer, or, if there is a token, whoever presents it.

    Without a token the Host header must be a loopback name: otherwise any web site could reach the page by resolving
    its own name to 127.0.0.1 (DNS rebinding). The Origin check keeps other sites from sending marks.
    """

    app: ASGIApp
    token: str | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        refusal = self._refusal(Request(scope, receive)) if scope["type"] == "http" else None
        await (refusal or self.app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        if self.token is None and _host_name(request) not in LOOPBACK:
            return PlainTextResponse("this page can be opened only on the computer that serves it", 403, _HEADERS)
        origin = request.headers.get("origin")
        if origin and origin.partition("://")[2] != request.headers.get("host"):
            return PlainTextResponse("requests from other web sites are refused", 403, _HEADERS)
        return self._check_token(request, self.token) if self.token else None

    def _check_token(self, request: Request, token: str) -> Response | None:
        if secrets.compare_digest(request.query_params.get("token", "").encode(), token.encode()):
            # The redirect takes the token out of the address bar and the browser's history; the cookie replaces it.
            redirect = RedirectResponse(request.url.path, 303, _HEADERS)
            redirect.set_cookie(_COOKIE, token, httponly=True, samesite="strict")
            return redirect
        if secrets.compare_digest(request.cookies.get(_COOKIE, "").encode(), token.encode()):
            return None
        message = "the token is missing or wrong: open the full address that treeoflife explore printed"
        return PlainTextResponse(message, 403, _HEADERS)


def _host_name(request: Request) -> str:
    """The host in a request's Host header; empty if it is none. Starlette would take the server's own address then."""
    hosts = request.headers.getlist("host")
    host = _HOST.fullmatch(hosts[0].lower()) if len(hosts) == 1 else None
    return host[1].strip("[]") if host else ""


def create_app(dataset: Dataset, index: LineageIndex, token: str | None = None) -> Starlette:
    """Create the web application of a dataset. Requests must present the token; None admits only this computer."""
    endpoints = _Endpoints(dataset, index)
    routes = [
        Route("/", endpoints.static), Route("/{name:str}", endpoints.static), Route("/api/facets", endpoints.facets),
        Route("/api/node", endpoints.node), Route("/api/rows", endpoints.rows), Route("/api/search", endpoints.search),
        Route("/api/row/{row:int}", endpoints.row), Route("/api/id/{treeoflife_id:str}", endpoints.by_id),
        Route("/image/{row:int}", endpoints.image), Route("/api/marks", endpoints.mark, methods=["POST"]),
    ]  # fmt: skip
    middleware = [Middleware(AccessGuard, token=token), Middleware(GZipMiddleware)]
    # int() and indexing raise these for rows and nodes that do not exist, NumPy the last for numbers beyond 64 bits.
    missing = (ValueError, IndexError, OverflowError)
    answered = (*missing, TreeoflifeError, OSError, HTTPException, ClientDisconnect)
    return Starlette(routes=routes, middleware=middleware, exception_handlers=dict.fromkeys(answered, _error))


async def _error(_: Request, error: Exception) -> Response:
    """The answer to a request that failed: a sentence as JSON."""
    if isinstance(error, HTTPException):
        return _json({"error": error.detail}, error.status_code, error.headers)
    if isinstance(error, ClientDisconnect):
        return _json({"error": "the request ended early"}, 400)  # nobody reads it
    if isinstance(error, OSError):
        reason = f"a file of the dataset cannot be read ({error.strerror}); is it being built?"
        return _json({"error": reason}, 503)
    if isinstance(error, TreeoflifeError):
        statuses = {InputError: 400, BusyError: 409}
        return _json({"error": str(error)}, next((s for kind, s in statuses.items() if isinstance(error, kind)), 500))
    return _json({"error": "not found in this dataset"}, 404)


class _Endpoints:
    """The endpoints. Starlette runs those that are not async in threads, so reading files holds up no other request."""

    def __init__(self, dataset: Dataset, index: LineageIndex) -> None:
        self._dataset, self._index = dataset, index

    def static(self, request: Request) -> Response:
        name, media_type = _STATIC.get(request.path_params.get("name", ""), (None, ""))
        if name is None:
            return PlainTextResponse("there is no such page", 404, _HEADERS)
        text = resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")
        return Response(text, headers=_HEADERS, media_type=media_type)

    def facets(self, _: Request) -> Response:
        index = self._index
        facets = {"values": index.values, "counts": index.counts, "meanings": index.meanings}
        return _json({"title": self._dataset.paths.root.name, "images": len(index), "ranks": RANKS} | facets)

    def node(self, request: Request) -> Response:
        node, image_filter, index = (
            request.query_params.get("node", ""),
            _read_filter(request, self._index.values),
            self._index,
        )
        children = index.children(node, image_filter)
        shown = {"children": children[:_MAX_CHILDREN], "more": max(0, len(children) - _MAX_CHILDREN)}
        images = index.count(*index.row_range(node), image_filter)
        return _json({"node": node, "path": index.path(node), "images": images} | shown)

    def rows(self, request: Request) -> Response:
        query, image_filter = request.query_params, _read_filter(request, self._index.values)
        offset = min(len(self._index), max(0, int(query.get("offset", 0))))
        limit = min(_MAX_ROWS, max(1, int(query.get("limit", 100))))
        rows = self._index.rows(query.get("node", ""), image_filter, offset, limit)
        return _json({"offset": offset, "rows": [[row, _label(self._index.taxon_of(row))] for row in rows]})

    def search(self, request: Request) -> Response:
        return _json({"found": self._index.names.search(request.query_params.get("q", ""))})

    def row(self, request: Request) -> Response:
        return self._image_details(request.path_params["row"])

    def by_id(self, request: Request) -> Response:
        try:
            row = self._index.row_of(self._dataset[self._own_id(request.path_params["treeoflife_id"])].number)
        except KeyError:
            row = None
        if row is None:
            raise ValueError
        return self._image_details(row)

    def _image_details(self, row: int) -> Response:
        """All that the page shows of one image."""
        paths, index = self._dataset.paths, self._index
        sample = self._dataset[int(index.number[row])]
        details = {
            "row": row,
            "id": sample.id,
            "catalog": {name: value for name, value in sample.row.items() if value not in (None, "")},
            "texts": sample.texts,
            "names": {name: value for name, value in sample.names.items() if name not in ("source", "name_key")},
            "shard": paths.name(sample.shard),
            "shard_offset": sample.shard_offset,
            "mark": marks.read(paths.marks).of(sample.id),
            "link": _eol_link(sample.row),
            "findings": self._findings(row, sample.id),
            "in_train_small": bool(index.codes["small"][row]),
            **{facet: index.values[facet][int(index.codes[facet][row])] for facet in ("licence", "depth")},
        }
        return _json(details)

    def _findings(self, row: int, treeoflife_id: str) -> list[dict[str, Any]]:
        """The findings about an image, each with its meaning and the names of the other images that it concerns."""
        index = self._index
        findings = [finding for file in index.findings for finding in file.of(treeoflife_id)]
        kinds = {finding["kind"] for finding in findings}
        # Findings about a label are in no file of findings: the index has them as bits only.
        of_label = [kind for kind in index.finding_kinds(row) if kind not in kinds]
        findings += [{"kind": kind, "detail": "", "others": []} for kind in of_label]
        for finding in findings:
            others = finding["others"]
            finding["what"] = index.meanings.get(finding["kind"], "")
            finding["more"] = max(0, len(others) - _MAX_OTHERS)
            finding["others"] = [self._other(other) for other in others[:_MAX_OTHERS]]
        return findings

    def _other(self, treeoflife_id: str) -> dict[str, Any]:
        """The id, row and names of another image that a finding concerns; only its id if it is not in the dataset."""
        try:
            sample = self._dataset[treeoflife_id]
        except KeyError:
            return {"id": treeoflife_id}
        names = {rank: sample.row.get(rank) or "" for rank in (*RANKS, "common")}
        return {"id": sample.id, "row": self._index.row_of(sample.number), "names": names}

    def image(self, request: Request) -> Response:
        jpeg = self._dataset.read_jpeg(int(self._index.number[request.path_params["row"]]))
        return Response(jpeg, headers=_HEADERS | {"Cache-Control": "private, max-age=3600"}, media_type="image/jpeg")

    async def mark(self, request: Request) -> Response:
        # A form on another site cannot send this type without a CORS preflight request, which this server refuses.
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            return _json({"error": "send a mark as application/json"}, 415)
        mark = read_mark(await read_body(request))
        return await run_in_threadpool(self._save_mark, mark)

    def _save_mark(self, mark: marks.Mark) -> Response:
        paths, treeoflife_id = self._dataset.paths, self._own_id(mark["treeoflife_id"])
        if treeoflife_id not in self._dataset:
            return _json({"error": "not found in this dataset"}, 404)
        try:
            marks.save(paths.marks, paths.marks_lock, {**mark, "treeoflife_id": treeoflife_id})
        except OSError as error:
            status = 507 if error.errno in (errno.ENOSPC, errno.EDQUOT) else 403
            return _json({"error": f"the mark was not saved in {paths.marks}: {error.strerror or error}"}, status)
        return _json({"mark": marks.read(paths.marks).of(treeoflife_id)})

    def _own_id(self, written: str) -> str:
        """The id as the dataset has it, of an id as people write it, who may use capitals or braces."""
        return written if written in self._dataset else id_key(written)


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(value, status, _HEADERS | dict(headers or {}))


def _read_filter(request: Request, values: Mapping[str, Sequence[str]]) -> Filter:
    """The filter in an address: for each facet, codes with commas between them; IndexError if there is no such code."""
    texts = {facet: request.query_params.get(facet, "") for facet in FACETS}
    codes = {facet: frozenset(int(code) for code in text.split(",") if code) for facet, text in texts.items()}
    for facet, accepted in codes.items():
        if not accepted <= set(range(len(values[facet]))):
            raise IndexError(facet)
    return Filter(**codes)


def _label(taxon: dict[str, str]) -> str:
    """The species of a lineage, else its lowest rank that is not empty."""
    lineage = [taxon[rank] for rank in RANKS if taxon[rank]]
    return f"{taxon['genus']} {taxon['species']}".strip() or (lineage[-1] if lineage else "no name")


def _eol_link(row: dict[str, Any]) -> str:
    """The address of an image's page at EOL; empty for images of other sources."""
    content = row.get("eol_content_id")
    return f"https://eol.org/media/{int(content)}" if content not in (None, "") else ""
