"""The page's server: what it is asked comes from outside, so rows are numbers, nodes are checked, and nothing is a path."""  # noqa: E501

from __future__ import annotations

import secrets
from dataclasses import dataclass
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ..core.values import RANKS
from ..errors import InputError, TreeoflifeError
from ..selection import marks
from ..shards.reader import Reader
from .view import Filter, View

_FILES = {
    "": ("index.html", "text/html"), "app.css": ("app.css", "text/css"), "icon.svg": ("icon.svg", "image/svg+xml"),
    **{f"{name}.js": (f"{name}.js", "text/javascript") for name in ("app", "dom", "grid", "image", "search")},
}  # fmt: skip
_CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"  # noqa: E501
_HEADERS = {"Content-Security-Policy": _CSP, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
_MOST_CHILDREN, _MOST_ROWS, _MOST_BODY, _MOST_OTHERS = 3000, 500, 100_000, 8
_COOKIE = "treeoflife_token"


@dataclass(frozen=True)
class Guard:
    """Lets in who is on this computer and asks this server by its name; from elsewhere, who has the token."""

    app: ASGIApp
    token: str | None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or refuse."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        answer = self._refusal(request)
        await (answer or self.app)(scope, receive, send)

    def _refusal(self, request: Request) -> Response | None:
        host = request.url.hostname or ""
        if self.token is None and host not in ("127.0.0.1", "localhost", "::1"):
            return PlainTextResponse("this page is for this computer alone", 403, _HEADERS)
        origin = request.headers.get("origin")
        if origin and origin.partition("://")[2] != request.headers.get("host"):
            return PlainTextResponse("asked by another page", 403, _HEADERS)
        return self._token(request) if self.token else None

    def _token(self, request: Request) -> Response | None:
        token = self.token or ""
        if secrets.compare_digest(request.query_params.get("token", "").encode(), token.encode()):
            answer = RedirectResponse(request.url.path, 303, _HEADERS)
            answer.set_cookie(_COOKIE, token, httponly=True, samesite="strict")
            return answer
        if secrets.compare_digest(request.cookies.get(_COOKIE, "").encode(), token.encode()):
            return None
        return PlainTextResponse("the address with its token is printed where the server was started", 403, _HEADERS)


def make_app(reader: Reader, view: View, token: str | None = None) -> Starlette:
    """The page of a dataset.

    Args:
        reader: the dataset.
        view: its view.
        token: what the address must hold; None for a page that is bound to this computer alone.
    """
    page = _Page(reader, view)
    routes = [
        Route("/", page.file), Route("/{name:str}", page.file), Route("/api/facets", page.facets), Route("/api/node", page.node),  # noqa: E501
        Route("/api/rows", page.rows), Route("/api/search", page.search), Route("/api/row/{row:int}", page.row),
        Route("/api/id/{treeoflife_id:str}", page.by_id), Route("/image/{row:int}", page.image),
        Route("/api/marks", page.mark, methods=["POST"]),
    ]  # fmt: skip
    guard = Middleware(Guard, token=token)
    errors = {TreeoflifeError: _told, ValueError: _wrong, IndexError: _wrong}
    return Starlette(routes=routes, middleware=[guard, Middleware(GZipMiddleware)], exception_handlers=errors)


async def _told(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400 if isinstance(error, InputError) else 500, _HEADERS)


async def _wrong(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": "there is nothing of that kind"}, 404, _HEADERS)


class _Page:
    """The answers."""

    def __init__(self, reader: Reader, view: View) -> None:
        self._reader = reader
        self._view = view

    async def file(self, request: Request) -> Response:
        name, kind = _FILES.get(request.path_params.get("name", ""), (None, ""))
        if name is None:
            return PlainTextResponse("there is no such page", 404, _HEADERS)
        text = resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")
        return Response(text, headers=_HEADERS, media_type=kind)

    async def facets(self, _: Request) -> Response:
        view, title = self._view, self._reader.paths.root.name
        told = {"values": view.values, "counts": view.counts, "meanings": view.meanings}
        return _json({"title": title, "images": len(view), "ranks": RANKS} | told)

    async def node(self, request: Request) -> Response:
        return _json(await run_in_threadpool(self._node, request.query_params.get("node", ""), _filter(request)))

    def _node(self, node: str, wanted: Filter) -> dict[str, Any]:
        view = self._view
        first, last = view.span(node)
        starts, sums = view.starts, view.sums(wanted)
        children = self._children(node, first, last, sums)
        return {
            "node": node,
            "path": self._path(node, first),
            "images": view.count(int(starts[first]), int(starts[last]), sums),
            "children": children[:_MOST_CHILDREN],
            "more": max(0, len(children) - _MOST_CHILDREN),
        }

    def _children(self, node: str, first: int, last: int, sums: Any) -> list[dict[str, Any]]:
        level = int(node.split(".")[0]) + 1 if node else 0
        if level >= len(RANKS):
            return []
        view, starts = self._view, self._view.starts
        begins = view.levels[level]
        low, high = begins.searchsorted(first), begins.searchsorted(last)
        ends = [*begins[low + 1 : high], last]
        found = [
            {
                "node": f"{level}.{low + at}",
                "name": view.taxa[RANKS[level]][int(begin)],
                "rank": RANKS[level],
                "images": count,
            }
            for at, (begin, end) in enumerate(zip(begins[low:high], ends, strict=True))
            if (count := view.count(int(starts[begin]), int(starts[end]), sums))
        ]
        if len(found) == 1 and not found[0]["name"]:
            return self._children(str(found[0]["node"]), first, last, sums)
        return sorted(found, key=lambda one: (not one["name"], -one["images"], one["name"]))

    def _path(self, node: str, first: int) -> list[dict[str, str]]:
        if not node:
            return []
        row, view = self._view.taxa.row(first, named=True), self._view
        path = []
        for level in range(int(node.split(".")[0]) + 1):
            place = int(view.levels[level].searchsorted(first, "right")) - 1
            path.append({"node": f"{level}.{place}", "name": row[RANKS[level]], "rank": RANKS[level]})
        return [one for one in path if one["name"] or one["node"] == node]

    async def rows(self, request: Request) -> Response:
        asked = request.query_params
        offset, limit = max(0, int(asked.get("offset", 0))), min(_MOST_ROWS, max(1, int(asked.get("limit", 100))))
        return _json(await run_in_threadpool(self._rows, asked.get("node", ""), _filter(request), offset, limit))

    def _rows(self, node: str, wanted: Filter, offset: int, limit: int) -> dict[str, Any]:
        first, last = self._view.span(node)
        starts = self._view.starts
        rows = self._view.rows(int(starts[first]), int(starts[last]), wanted, offset, limit)
        return {"offset": offset, "rows": [[row, _label(self._view.taxon_of(row))] for row in rows]}

    async def search(self, request: Request) -> Response:
        found = await run_in_threadpool(self._view.names.search, request.query_params.get("q", ""))
        return _json({"found": found})

    async def row(self, request: Request) -> Response:
        return _json(await run_in_threadpool(self._row, request.path_params["row"]))

    async def by_id(self, request: Request) -> Response:
        try:
            number = self._reader[request.path_params["treeoflife_id"]].number
        except KeyError:
            raise ValueError from None
        row = await run_in_threadpool(self._view.row_of, number)
        if row is None:
            raise ValueError
        return _json(await run_in_threadpool(self._row, row))

    def _row(self, row: int) -> dict[str, Any]:
        sample = self._reader.at(int(self._view.number[row]))
        names = {key: value for key, value in sample.names.items() if key not in ("source", "name_key")}
        codes = {name: self._view.values[name][int(self._view.codes[name][row])] for name in ("licence", "depth")}
        told = {key: value for key, value in sample.row.items() if value not in (None, "")}
        shard = sample.shard.relative_to(self._reader.paths.root).as_posix()
        return {
            "row": row, "id": sample.id, "catalog": told, "texts": sample.texts, "names": names, "shard": shard,
            "position": sample.position, "mark": marks.read(self._reader.paths.marks).get(sample.id),
            "link": _link(sample.row), "findings": self._findings(row, sample.id),
            "in_train_small": bool(self._view.codes["small"][row]), **codes,
        }  # fmt: skip

    def _findings(self, row: int, treeoflife_id: str) -> list[dict[str, Any]]:
        """What was found about a sample, with the names of the other images that a finding concerns."""
        view, told = self._view, [one for file in self._view.findings for one in file.of(treeoflife_id)]
        said = {one["kind"] for one in told}
        told += [{"kind": kind, "detail": "", "others": []} for kind in view.kinds_of(row) if kind not in said]
        return [
            one | {"what": view.meanings.get(one["kind"], ""), "more": max(0, len(one["others"]) - _MOST_OTHERS),
                   "others": [self._other(other) for other in one["others"][:_MOST_OTHERS]]}
            for one in told
        ]  # fmt: skip

    def _other(self, treeoflife_id: str) -> dict[str, Any]:
        """An image beside another: its row and names; the id alone of one that is not in the dataset."""
        try:
            sample = self._reader[treeoflife_id]
        except KeyError:
            return {"id": treeoflife_id}
        names = {rank: sample.row.get(rank) or "" for rank in (*RANKS, "common")}
        return {"id": sample.id, "row": self._view.row_of(sample.number), "names": names}

    async def image(self, request: Request) -> Response:
        number = int(self._view.number[request.path_params["row"]])
        _, jpeg = await run_in_threadpool(self._reader.jpeg, number)
        return Response(jpeg, headers=_HEADERS | {"Cache-Control": "private, max-age=3600"}, media_type="image/jpeg")

    async def mark(self, request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return JSONResponse({"error": "a mark is sent as JSON"}, 415, _HEADERS)
        body = await request.body()
        asked = await request.json() if len(body) <= _MOST_BODY else None
        if not isinstance(asked, dict) or asked.get("treeoflife_id") not in self._reader:
            raise ValueError
        mark = {key: str(asked.get(key) or "") for key in marks.COLUMNS}
        path = self._reader.paths.marks
        if mark["verdict"]:
            marks.put(path, mark)
        else:
            marks.take(path, mark["treeoflife_id"])
        return _json({"mark": marks.read(path).get(mark["treeoflife_id"])})


def _json(value: Any) -> Response:
    return JSONResponse(value, headers=_HEADERS)


def _filter(request: Request) -> Filter:
    """The filter that an address asks for: numbers with commas between them."""
    asked = {name: request.query_params.get(name, "") for name in ("split", "source", "licence", "depth", "finding")}
    return Filter(**{name: frozenset(int(one) for one in text.split(",") if one) for name, text in asked.items()})


def _label(taxon: dict[str, str]) -> str:
    lineage = [taxon[rank] for rank in RANKS if taxon[rank]]
    return f"{taxon['genus']} {taxon['species']}".strip() or (lineage[-1] if lineage else "no name")


def _link(row: dict[str, Any]) -> str:
    """Where an image came from, for those of EOL."""
    content = row.get("eol_content_id")
    return f"https://eol.org/media/{int(content)}" if content not in (None, "") else ""
