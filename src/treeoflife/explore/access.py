"""Who may use the page: browsers on this computer, or whoever has the token."""

import re
import secrets
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_COOKIE = "treeoflife_token"
_HOST = re.compile(r"([a-z0-9.-]+|\[[0-9a-f:]+\])(?::[0-9]{1,5})?")
# Scripts and images come from this server only: a name in a dataset that looks like markup can load and send nothing.
_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": _CSP, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer"}
"""The headers of every answer."""


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
            return PlainTextResponse("this page can be opened only on the computer that serves it", 403, HEADERS)
        origin = request.headers.get("origin")
        if origin and origin.partition("://")[2] != request.headers.get("host"):
            return PlainTextResponse("requests from other web sites are refused", 403, HEADERS)
        return self._check_token(request, self.token) if self.token else None

    def _check_token(self, request: Request, token: str) -> Response | None:
        if secrets.compare_digest(request.query_params.get("token", "").encode(), token.encode()):
            # The redirect takes the token out of the address bar and the browser's history; the cookie replaces it.
            redirect = RedirectResponse(request.url.path, 303, HEADERS)
            redirect.set_cookie(_COOKIE, token, httponly=True, samesite="strict")
            return redirect
        if secrets.compare_digest(request.cookies.get(_COOKIE, "").encode(), token.encode()):
            return None
        message = "the token is missing or wrong: open the full address that treeoflife explore printed"
        return PlainTextResponse(message, 403, HEADERS)


def _host_name(request: Request) -> str:
    """The host in a request's Host header; empty if it is none. Starlette would take the server's own address then."""
    hosts = request.headers.getlist("host")
    host = _HOST.fullmatch(hosts[0].lower()) if len(hosts) == 1 else None
    return host[1].strip("[]") if host else ""
