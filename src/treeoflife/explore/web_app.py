"""The web application behind the page: JSON endpoints, images, and the saving of marks.

Requests are untrusted: rows are integers, taxa and values are looked up, and no text from a request is used as a path.
"""

from collections.abc import Callable, Mapping
from importlib import resources
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ..core.values import RANKS
from ..errors import BusyError, InputError, TreeoflifeError
from ..mapping.ids import id_key
from . import export
from .access import HEADERS, LOOPBACK, AccessGuard
from .curation import Curation, NotSaved, clean_name, own_name, read_only
from .image_details import describe_image
from .lineage_index import MARKED, Filter
from .live import LiveDataset, View
from .numbers import ends, shown_number
from .queries import Selection, read_selection
from .request_body import MAX_BULK_BYTES, read_body, read_mark, read_object
from .taxon_picker import find_taxa

__all__ = ["LOOPBACK", "create_app"]

_SCRIPTS = (
    "address", "app", "compare", "connection", "dom", "filters", "grid", "image", "marks", "picker", "search",
    "selecting", "verdicts",
)  # fmt: skip
_STATIC = {
    "": ("index.html", "text/html"), "app.css": ("app.css", "text/css"), "icon.svg": ("icon.svg", "image/svg+xml"),
    **{f"{name}.js": (f"{name}.js", "text/javascript") for name in _SCRIPTS},
}  # fmt: skip
# Limits of one answer, so that a taxon with very many children stays readable and fast; the page says how many more
# there are.
_MAX_CHILDREN, _MAX_ROWS = 3000, 500


class _Outdated(Exception):
    """A request about rows of an earlier state of the dataset."""


def create_app(live: LiveDataset, token: str | None = None) -> Starlette:
    """Create the web application of a dataset. Requests must present the token; None admits only this computer."""
    one = _Endpoints(live)
    routes = [
        Route("/", one.static), Route("/{name:str}", one.static), Route("/api/facets", one.facets),
        Route("/api/state", one.state), Route("/api/node", one.node), Route("/api/counts", one.counts),
        Route("/api/rows", one.rows), Route("/api/search", one.search), Route("/api/taxa", one.taxa),
        Route("/api/row/{row:int}", one.row), Route("/api/id/{treeoflife_id:str}", one.by_id),
        Route("/api/place/{treeoflife_id:str}", one.place), Route("/api/export", one.export),
        Route("/image/{row:int}", one.image), Route("/api/marks", one.marks),
        Route("/api/marks", one.mark, methods=["POST"]), Route("/api/verdicts", one.verdicts, methods=["POST"]),
        Route("/api/undo", one.undo, methods=["POST"]), Route("/api/redo", one.redo, methods=["POST"]),
    ]  # fmt: skip
    middleware = [Middleware(AccessGuard, token=token), Middleware(GZipMiddleware)]
    # int() and indexing raise these for rows and nodes that do not exist, NumPy the last for numbers beyond 64 bits.
    missing = (ValueError, IndexError, OverflowError, KeyError)
    answered = (*missing, TreeoflifeError, OSError, HTTPException, ClientDisconnect, NotSaved, _Outdated)
    return Starlette(routes=routes, middleware=middleware, exception_handlers=dict.fromkeys(answered, _error))


async def _error(_: Request, error: Exception) -> Response:
    """The answer to a request that failed: a sentence as JSON."""
    if isinstance(error, HTTPException):
        return _json({"error": error.detail}, error.status_code, error.headers)
    if isinstance(error, ClientDisconnect):
        return _json({"error": "the request ended early"}, 400)  # nobody reads it
    if isinstance(error, NotSaved):
        return _json({"error": str(error)}, error.status)
    if isinstance(error, _Outdated):
        return _json({"error": "the dataset was built again: the page shows it anew", "outdated": True}, 409)
    if isinstance(error, OSError):
        reason = f"a file of the dataset cannot be read ({error.strerror}); is it being built?"
        return _json({"error": reason}, 503)
    if isinstance(error, TreeoflifeError):
        statuses = {InputError: 400, BusyError: 409}
        return _json({"error": str(error)}, next((s for kind, s in statuses.items() if isinstance(error, kind)), 500))
    return _json({"error": "not found in this dataset"}, 404)


class _Endpoints:
    """The endpoints. Starlette runs those that are not async in threads, so reading files holds up no other request."""

    def __init__(self, live: LiveDataset) -> None:
        self._live, self._curation = live, Curation(live)

    def static(self, request: Request) -> Response:
        name, media_type = _STATIC.get(request.path_params.get("name", ""), (None, ""))
        if name is None:
            return PlainTextResponse("there is no such page", 404, HEADERS)
        text = resources.files(__package__).joinpath("static", name).read_text(encoding="utf-8")
        return Response(text, headers=HEADERS | {"Cache-Control": "no-cache"}, media_type=media_type)

    def facets(self, _: Request) -> Response:
        view = self._live.marked()[0]
        index = view.index
        values, counts = {**index.values, "marked": MARKED}, index.facet_counts("", Filter())
        facets = {"values": values, "counts": counts, "meanings": index.meanings, "numbers": [*index.numbers]}
        facets |= {"ends": {name: ends(values) for name, values in index.numbers.items()}}
        about = {"who": own_name(), "read_only": read_only(self._live), "version": view.version}
        title = view.dataset.paths.root.name
        return _json({"title": title, "images": len(index), "ranks": RANKS} | facets | about)

    def state(self, _: Request) -> Response:
        live = self._live
        return _json({"version": live.view().version, "holder": live.holder(), "problem": live.problem})

    def node(self, request: Request) -> Response:
        selection = self._selection(request)
        index = selection.index
        children = index.children(selection.node, selection.filter)
        shown = {"children": children[:_MAX_CHILDREN], "more": max(0, len(children) - _MAX_CHILDREN)}
        about = {"taxon": index.taxon_path(selection.node), "is_exact": selection.is_exact}
        node, images = selection.node, selection.count()
        return _json({"node": node, "path": index.path(node), "images": images} | shown | about)

    def counts(self, request: Request) -> Response:
        selection = self._selection(request)
        return _json({"counts": selection.index.facet_counts(selection.node, selection.filter)})

    def rows(self, request: Request) -> Response:
        query = request.query_params
        view, selection = self._view_and_selection(request)
        index = selection.index
        offset = min(len(index), max(0, int(query.get("offset", 0))))
        limit = min(_MAX_ROWS, max(1, int(query.get("limit", 100))))
        rows = index.rows(selection.node, selection.filter, offset, limit, selection.sort)
        number = index.numbers.get(selection.sort.removeprefix("-"))
        new_names = self._new_names(view, rows)
        shown = [
            [row, _label(index.taxon_of(row)), MARKED[int(index.codes["marked"][row])] if index.codes["marked"][row]
             else "", None if number is None else shown_number(number[row]), new_names.get(row, "")]
            for row in rows
        ]  # fmt: skip
        return _json({"offset": offset, "rows": shown, "version": view.version})

    def _new_names(self, view: View, rows: list[int]) -> dict[int, str]:
        """The names that marks give to images, by row."""
        relabelled = [row for row in rows if view.index.codes["marked"][row] == MARKED.index("relabel")]
        marks = self._live.marks_file.marks()
        found = zip(relabelled, map(marks.of, view.ids(relabelled)), strict=True)
        return {row: _label(dict(mark)) for row, mark in found if mark}

    def search(self, request: Request) -> Response:
        index = self._live.view().index
        found = index.names.search(request.query_params.get("q", ""))
        return _json({"found": [{**one, "taxon": index.taxon_path(one["node"])} for one in found]})

    def taxa(self, request: Request) -> Response:
        return _json({"found": find_taxa(self._live.view(), request.query_params.get("q", ""))})

    def row(self, request: Request) -> Response:
        return self._image_details(self._view_of(request), request.path_params["row"])

    def by_id(self, request: Request) -> Response:
        view = self._live.view()
        return self._image_details(view, self._row(view, request.path_params["treeoflife_id"]))

    def place(self, request: Request) -> Response:
        """The position of an image in a selection; null if it is not in it."""
        view, selection = self._view_and_selection(request)
        row = self._row(view, request.path_params["treeoflife_id"])
        found = (selection.rows() == row).nonzero()[0]
        return _json({"row": row, "place": int(found[0]) if len(found) else None})

    def _row(self, view: View, treeoflife_id: str) -> int:
        """The row of an id; KeyError if it is of another dataset."""
        row = view.index.row_of(view.dataset[_own_id(view, treeoflife_id)].number)
        if row is None:
            raise KeyError(treeoflife_id)
        return row

    def _image_details(self, view: View, row: int) -> Response:
        return _json(describe_image(view, row, self._live.marks_file.marks()))

    def image(self, request: Request) -> Response:
        view = self._view_of(request)
        jpeg = view.dataset.read_jpeg(int(view.index.number[request.path_params["row"]]))
        return Response(jpeg, headers=HEADERS | {"Cache-Control": "private, max-age=3600"}, media_type="image/jpeg")

    def export(self, request: Request) -> Response:
        form = request.query_params.get("form", "ids")
        if form not in export.FORMS:
            raise InputError(f"a selection is exported as {', '.join(export.FORMS)}")
        view, selection = self._view_and_selection(request)
        name = export.file_name(selection, form)
        headers = HEADERS | {"Content-Disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(export.export(view, selection, form), 200, headers, export.FORMS[form])

    def marks(self, request: Request) -> Response:
        query = request.query_params
        limit = min(_MAX_ROWS, max(1, int(query.get("limit", 100))))
        return _json(self._curation.listed(max(0, int(query.get("offset", 0))), limit, query.get("verdict", "")))

    async def mark(self, request: Request) -> Response:
        _require_json(request)
        mark = read_mark(await read_body(request))
        return await run_in_threadpool(self._save_mark, mark)

    def _save_mark(self, mark: Mapping[str, str]) -> Response:
        view = self._live.view()
        treeoflife_id = _own_id(view, mark["treeoflife_id"])
        if treeoflife_id not in view.dataset:
            return _json({"error": "not found in this dataset"}, 404)
        who = clean_name(mark["who"])
        return _json({"mark": self._curation.save_one({**mark, "who": who}, treeoflife_id)})

    async def verdicts(self, request: Request) -> Response:
        return await self.answer_change(request, self._give)

    def _give(self, values: Mapping[str, Any]) -> dict[str, Any]:
        self._require_version(values.get("version"))
        return self._curation.give(values)

    async def undo(self, request: Request) -> Response:
        return await self.answer_change(request, lambda values: self._curation.turn(values, forward=False))

    async def redo(self, request: Request) -> Response:
        return await self.answer_change(request, lambda values: self._curation.turn(values, forward=True))

    async def answer_change(self, request: Request, work: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Response:
        _require_json(request)
        values = read_object(await read_body(request, MAX_BULK_BYTES))
        return _json(await run_in_threadpool(work, values))

    def _selection(self, request: Request) -> Selection:
        return self._view_and_selection(request)[1]

    def _view_and_selection(self, request: Request) -> tuple[View, Selection]:
        view, _, version = self._live.marked()
        self._require_version(request.query_params.get("version"))
        return view, read_selection(request.query_params, view.index, version)

    def _view_of(self, request: Request) -> View:
        self._require_version(request.query_params.get("version"))
        return self._live.view()

    def _require_version(self, version: object) -> None:
        if version and version != self._live.view().version:
            raise _Outdated


def _require_json(request: Request) -> None:
    # A form on another site cannot send this type without a CORS preflight request, which this server refuses.
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise HTTPException(415, "send a mark as application/json")


def _own_id(view: View, written: str) -> str:
    """The id as the dataset has it, of an id as people write it, who may use capitals or braces."""
    return written if written in view.dataset else id_key(written)


def _json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse(value, status, HEADERS | dict(headers or {}))


def _label(taxon: dict[str, str]) -> str:
    """The species of a lineage, else its lowest rank that is not empty."""
    lineage = [taxon[rank] for rank in RANKS if taxon[rank]]
    return f"{taxon['genus']} {taxon['species']}".strip() or (lineage[-1] if lineage else "no name")
