"""Who asks: a session's cookie, or a name and password with every request; and what a browser is told to allow."""

import asyncio
import base64
import binascii
import secrets
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from msgspec import Struct
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from edge.errors import EdgeError, StoreError
from monitor.accounts import Accounts, Denied, Role, Session, User
from monitor.retold import retelling
from monitor.spoken import language

COOKIE = "edge-gate-room"
LARGEST = 65_536
LARGER = {"/report": 13_000_000}
"""Bytes that may be sent to us at most, and where more: a photo."""
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}

Endpoint = Callable[..., Response]


class Caller(Struct, frozen=True):
    """Who asks; `csrf` is empty for a program that sends its password every time."""

    user: User
    csrf: str = ""

    @property
    def sees_names(self) -> bool:
        """Of those who passed."""
        return self.user.may(Role.OPERATOR)

    @property
    def sees_staff(self) -> bool:
        """Who did what with an alarm."""
        return self.user.may(Role.GUARD)


def caller(request: Request) -> Caller | None:
    """Who asks, or None for nobody; Denied for a wrong password."""
    accounts: Accounts = request.app.state.room.accounts
    if token := request.cookies.get(COOKIE):
        session = accounts.session(token)
        return Caller(session.user, session.csrf) if session else None
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return Caller(accounts.basic(name, password, address(request)))


def address(request: Request) -> str:
    return request.client.host if request.client else ""


def may_change(request: Request, who: Caller, token: str) -> bool:
    """Whether this request was meant: a session's own token came with it, or it is no form that any page can send."""
    if who.csrf:
        return secrets.compare_digest(token.encode(), who.csrf.encode())
    return request.headers.get("content-type", "").partition(";")[0].strip() == "application/json"


def api(least: Role = Role.VIEWER) -> Callable[[Endpoint], Endpoint]:
    """A JSON endpoint for whoever may at least this; problems are JSON too."""

    def decorate(endpoint: Endpoint) -> Endpoint:
        @wraps(endpoint)
        def guarded(request: Request) -> Response:
            try:
                who = caller(request)
            except Denied as error:
                return problem(request, 401, error)
            if who is None:
                return problem(request, 401, EdgeError("log in first"), {"WWW-Authenticate": 'Basic realm="edge-gate"'})
            if not who.user.may(least):
                return problem(request, 403, EdgeError("your role may not do this"))
            if request.method != "GET" and not may_change(request, who, request.headers.get("x-csrf-token", "")):
                return problem(request, 403, EdgeError("the token of the session is missing: reload the page"))
            return endpoint(request, who)

        return guarded

    return decorate


def problem(request: Request, status: int, error: EdgeError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """What has failed and how to mend it, in the language of who asks."""
    translate = retelling(language(request))
    told = {"error": error.message.render(translate), "hint": error.advice.render(translate)}
    return JSONResponse(told, status, headers)


def keep(response: Response, token: str, session: Session, secure: bool) -> None:
    """Have the browser keep a session's token."""
    assert session.csrf
    response.set_cookie(COOKIE, token, path="/", httponly=True, samesite="strict", secure=secure)


def to_login(request: Request) -> Response:
    """A browser follows a redirection before htmx has seen it; what htmx follows is a header of another answer."""
    if "hx-request" in request.headers:
        return Response(status_code=401, headers={"HX-Redirect": "/login"})
    return RedirectResponse("/login", 303)


class Bounded:
    """ASGI middleware: what is sent to us is read whole, into `request.state.body`, within its limit.

    Where more is taken, it is only read from who has logged in.
    """

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["method"] not in ("GET", "HEAD"):
            most = LARGER.get(scope["path"], LARGEST)
            refused = await self._stranger(scope) if most > LARGEST else None
            try:
                body = None if refused else await _body(scope, receive, most)
            except ClientDisconnect:
                return  # nobody is there to answer, and half of a command may be another one
            if body is None:
                too_large = problem(Request(scope), 413, EdgeError("more than {bytes} bytes", bytes=most))
                await (refused or too_large)(scope, receive, send)
                return
            scope.setdefault("state", {})["body"] = body
        await self._app(scope, receive, send)

    async def _stranger(self, scope: Any) -> Response | None:
        """What is answered to who has not logged in."""
        request = Request({**scope, "app": self._app})
        try:
            who = await asyncio.to_thread(caller, request)
        except Denied as error:
            return problem(request, 401, error)
        except StoreError as error:
            return problem(request, 503, error)
        return None if who else to_login(request)


async def _body(scope: Any, receive: Any, most: int) -> bytes | None:
    """All that is sent; None as soon as it is, or says that it will be, more than that. ClientDisconnect: cut off."""
    told = next((value for name, value in scope["headers"] if name == b"content-length"), b"0")
    if told.isdigit() and int(told) > most:
        return None
    body = bytearray()
    while len(body) <= most:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        body += message.get("body", b"")
        if not message.get("more_body"):
            return bytes(body) if len(body) <= most else None
    return None


class Sealed:
    """ASGI middleware: every answer carries the headers that bind a browser, and nothing personal is cached."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def sealed(message: Any) -> None:
            if message["type"] == "http.response.start":
                given = {name for name, _ in message["headers"]}
                extra = dict(HEADERS) if b"cache-control" in given else {**HEADERS, "Cache-Control": "no-store"}
                message["headers"] += [(name.lower().encode(), value.encode()) for name, value in extra.items()]
            await send(message)

        await self._app(scope, receive, sealed)
