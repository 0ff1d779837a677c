"""The page of one's own account: passkeys, and logging in with one."""

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from edge.errors import EdgeError
from monitor.access import Caller, address, api, keep, problem
from monitor.accounts import Denied
from monitor.api import room_of
from monitor.forms import form
from monitor.view import page, render

JSON = "application/json"


@page()
def account(request: Request, who: Caller) -> Response:
    return render(request, "account.html", who, keys=room_of(request).passkeys.of(who.user.name))


@page()
def remove(request: Request, who: Caller) -> Response:
    room_of(request).passkeys.remove(who.user.name, form(request).get("key", ""))
    return RedirectResponse("/account", 303)


@api()
def ask_new(request: Request, who: Caller) -> Response:
    room = room_of(request)
    if not room.passkeys.offered or not who.csrf:
        return problem(request, 404, EdgeError("passkeys are not offered here"))
    return Response(room.passkeys.ask_new(who.user.name, room.settings.site.title), media_type=JSON)


@api()
def add(request: Request, who: Caller) -> Response:
    try:
        room_of(request).passkeys.add(who.user.name, request.state.body.decode("utf-8", "replace"))
    except Denied as error:
        return problem(request, 400, error)
    return JSONResponse({"to": "/account"})


def ask_login(request: Request) -> Response:
    passkeys = room_of(request).passkeys
    if not passkeys.offered:
        return problem(request, 404, EdgeError("passkeys are not offered here"))
    return Response(passkeys.ask_login(), media_type=JSON)


def login(request: Request) -> Response:
    try:
        sent = request.state.body.decode("utf-8", "replace")
        token, session = room_of(request).passkeys.login(sent, address(request))
    except Denied as error:
        return problem(request, 401, error)
    response = JSONResponse({"to": "/"})
    keep(response, token, session, request.url.scheme == "https")
    return response


ROUTES = [
    Route("/account", account),
    Route("/account/remove", remove, methods=["POST"]),
    Route("/passkeys/ask", ask_new, methods=["POST"]),
    Route("/passkeys", add, methods=["POST"]),
    Route("/login/passkey/ask", ask_login, methods=["POST"]),
    Route("/login/passkey", login, methods=["POST"]),
]
