"""The web server of the room: the page, the interface for programs, and the stream of news."""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from socket import socket
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Match, Route

from edge import notify
from edge.errors import EdgeError, StoreError
from monitor import account, api, commands, figures, lookup, maintenance, metrics, notices, openapi, pages
from monitor.access import Bounded, Caller, Sealed, caller, problem
from monitor.accounts import Denied
from monitor.hub import ALIVE_S, Hub
from monitor.plan import Plan
from monitor.room import Room
from monitor.view import render

WATCHERS = 200
"""Most pages that are open at once."""
ROUND_S = 10.0
"""The recorder's rounds take a second or two; one that takes longer is waited for by the watchdog of the unit."""


def application(room: Room) -> Any:
    """The ASGI application of a room that has been started."""

    @contextlib.asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        room.hub.attach()
        yield

    plan = room.settings.site.plan
    routes = [
        *notices.ROUTES,
        *commands.ROUTES,
        *pages.ROUTES,
        *account.ROUTES,
        *lookup.ROUTES,
        *figures.ROUTES,
        *maintenance.ROUTES,
        *metrics.ROUTES,
        *api.ROUTES,
        Route("/openapi.json", described),
        Route("/stream", stream),
    ]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers=HANDLERS)
    app.state.room = room
    app.state.plan = Plan(room.configured.path(plan)) if plan else None
    app.state.document = openapi.document()
    return Sealed(Bounded(app))


def described(request: Request) -> Response:
    return JSONResponse(request.app.state.document)


async def stream(request: Request) -> Response:
    """What has just happened, as server-sent events."""
    try:
        who = await asyncio.to_thread(caller, request)
    except Denied as error:
        return problem(request, 401, error)
    if who is None:
        return problem(request, 401, EdgeError("log in first"))
    hub = request.app.state.room.hub
    if hub.size >= WATCHERS:
        return problem(request, 503, EdgeError("too many pages are open"))
    told = _messages(hub, lambda: _is_still_known(request))
    return StreamingResponse(told, media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


async def _messages(hub: Hub, is_still_known: Callable[[], bool]) -> AsyncIterator[bytes]:
    """It ends when whoever listens is logged out: it asks when that is in doubt, and else now and then."""
    watcher, asked = hub.join(), time.monotonic()
    try:
        async for message in watcher.messages():
            if watcher.is_doubted or time.monotonic() - asked >= ALIVE_S:
                watcher.is_doubted, asked = False, time.monotonic()
                if not await asyncio.to_thread(is_still_known):
                    return
            if message:
                yield message
    finally:
        hub.leave(watcher)


def _is_still_known(request: Request) -> bool:
    try:
        return caller(request) is not None
    except Denied:
        return False
    except StoreError:
        return True  # the database is busy: asked again soon


def _known(request: Request) -> Caller | None:
    """Who is told of something, if that can be known."""
    try:
        return caller(request)
    except (Denied, StoreError):
        return None


def unavailable(request: Request, error: Exception) -> Response:
    assert isinstance(error, StoreError)
    return _told(request, 503, error)


def mistaken(request: Request, _error: Exception) -> Response:
    """A mistake of ours, which stands on the log."""
    return _told(request, 500, EdgeError("the room has made a mistake: its log says which"))


def refused(request: Request, error: Exception) -> Response:
    """What the framework refuses by itself."""
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return _told(request, 404, EdgeError("there is no such page"))
    if error.status_code == 405:
        methods = ", ".join(_methods(request))
        return _told(request, 405, EdgeError("this address takes {methods}", methods=methods), {"Allow": methods})
    return _told(request, error.status_code, EdgeError("{why}", why=error.detail), error.headers)


def _methods(request: Request) -> list[str]:
    """What all the routes of an address take; the framework names those of the first alone."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    here = [route.methods or () for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for methods in here for method in methods})


def _told(request: Request, status: int, error: EdgeError, headers: Mapping[str, str] | None = None) -> Response:
    """A page for who looks at pages, and JSON for programs."""
    on_page = "text/html" in request.headers.get("accept", "") or "hx-request" in request.headers
    if request.url.path.startswith("/api/") or not on_page:
        return problem(request, status, error, headers)
    page = render(request, "problem.html", _known(request) if status < 500 else None, status, problem=error)
    page.headers.update(headers or {})
    return page


HANDLERS = {StoreError: unavailable, HTTPException: refused, Exception: mistaken}


class Server(uvicorn.Server):
    """Serves until SIGTERM, SIGINT or `end`; open streams do not keep it."""

    def __init__(self, room: Room) -> None:
        self._room = room
        web, path = room.settings.web, room.configured.path
        secured = {"ssl_certfile": path(web.certificate_file), "ssl_keyfile": path(web.key_file)}
        options: dict[str, Any] = {"log_level": "warning", "server_header": False, "access_log": False}
        options |= {"timeout_graceful_shutdown": 1, "proxy_headers": False}
        options |= {name: str(file) for name, file in secured.items()} if web.certificate_file else {}
        super().__init__(uvicorn.Config(application(room), web.address, web.port, **options))

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """A signal ends us in order; uvicorn's own way would be to die of it afterwards."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.handle_exit)
        yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            notify.ready()

    async def on_tick(self, counter: int) -> bool:
        """Several times a second: the server lives, and says so while the recorder does."""
        if time.monotonic() - self._room.turned_at < ROUND_S:
            notify.watchdog()
        return await super().on_tick(counter)

    def end(self) -> None:
        self.should_exit = True


def serve(room: Room) -> None:
    """Record and serve; EdgeError when the port cannot be had. What fails of it takes the server with it."""
    server = Server(room)
    room.failed = server.end
    room.start()
    try:
        server.run()
    except SystemExit as error:  # uvicorn has said why on its log
        where = f"{room.settings.web.address}:{room.settings.web.port}"
        raise EdgeError("{where} cannot be served", "is another program using the port?", where=where) from error
    finally:
        room.stop()
