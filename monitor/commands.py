"""Commanding gates from the page and by programs: one gate, or a whole site where it may take two people."""

import base64
import time
from collections.abc import Callable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge.command import Wish
from edge.errors import EdgeError
from edge.terms import CommandKind
from monitor.access import Caller, api, problem
from monitor.accounts import Role
from monitor.api import misread, room_of
from monitor.commanding import LASTING, SITE_WIDE, NotAllowed, Outcome, Pending
from monitor.forms import form
from monitor.retold import retelling
from monitor.room import Room
from monitor.settings import Asked
from monitor.spoken import language
from monitor.view import page, render
from monitor.words import COMMANDS

MINUTE_S = 60.0
LONGEST_S = 86_400.0


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """What is asked; `door` "" is every door, `seconds` is for `unlock` and `block`, `person` for `forgive`."""

    kind: Asked
    door: str = ""
    seconds: float | None = None
    person: str = ""


def wish(order: Order) -> Wish:
    """As it is signed; EdgeError when it makes no sense."""
    if order.seconds is not None and not 0 < order.seconds <= LONGEST_S:
        raise EdgeError("for how long is a number of seconds up to a day")
    kind = CommandKind(order.kind)
    return Wish(kind, order.door[:40], order.seconds if kind in LASTING else None, order.person[:40])


def _ask(room: Room, who: Caller, place: tuple[str, str], order: Order) -> Outcome:
    """Command one gate, and put down who did."""
    where = " ".join(part for part in ("/".join(place), order.door, order.person) if part)
    try:
        if order.kind == "open":
            room.looks.check(who.user.name, "/".join(place))
        [outcome] = room.commander.ask(who.user, [place], wish(order))
    except NotAllowed:
        _note(room, who, order.kind, where, "refused")
        raise
    _note(room, who, order.kind, where, outcome.verdict)
    return outcome


def _note(room: Room, who: Caller, kind: str, what: str, verdict: str) -> None:
    room.accounts.note(who.user.name, "command", f"{kind} {what.strip()}: {verdict}")


# One gate ------------------------------------------------------------------------------------------------------------


@page(Role.GUARD)
def command(request: Request, who: Caller) -> Response:
    """A button of a gate's page: what became of it, beside the buttons."""
    room, asked, given = room_of(request), request.path_params, form(request)
    place, status = (asked["site"], asked["gate"]), 200
    trouble: EdgeError | None = None
    outcomes: list[Outcome] = []
    try:
        if room.gates.find(*place) is None:
            raise EdgeError("there is no gate {name}", name=place[1])
        seconds = float(given.get("minutes") or 0) * MINUTE_S or None
        person = given.get("person", "").strip()
        if given.get("kind") == CommandKind.FORGIVE and not person:  # for everybody is for programs
            raise EdgeError("say who is forgiven")
        asked_for = {"kind": given.get("kind"), "door": given.get("door", ""), "seconds": seconds, "person": person}
        outcomes = [_ask(room, who, place, msgspec.convert(asked_for, Order))]
    except NotAllowed as error:
        trouble, status = error, 403
    except EdgeError as error:
        trouble, status = error, 409
    except ValueError:
        trouble, status = EdgeError("there is no such command"), 404
    values = {"outcomes": outcomes, "back": f"/gates/{place[0]}/{place[1]}", "names": COMMANDS, "at": time.time(),
              "door": given.get("door", "")}  # fmt: skip
    template = "outcomes.html" if "hx-request" in request.headers else "commanded.html"
    return render(request, template, who, status, problem=trouble, kind=given.get("kind", ""), **values)


@api(Role.GUARD)
def order(request: Request, who: Caller) -> Response:
    """The same for programs; 409 when the gate refused it or could not be reached."""
    room, asked = room_of(request), request.path_params
    place = asked["site"], asked["gate"]
    if room.gates.find(*place) is None:
        return problem(request, 404, EdgeError("there is no gate {name}", name=place[1]))
    try:
        outcome = _ask(room, who, place, msgspec.json.decode(request.state.body, type=Order))
    except NotAllowed as error:
        return problem(request, 403, error)
    except EdgeError as error:
        return problem(request, 400, error)
    except (msgspec.MsgspecError, ValueError) as error:
        return problem(request, 400, misread(error))
    return JSONResponse(told(outcome, retelling(language(request))), 200 if outcome.accepted else 409)


def told(outcome: Outcome, retell: Callable[[str], str]) -> dict[str, Any]:
    refused = {door: retell(why) for door, why in outcome.refused.items()}
    return {**outcome._asdict(), "why": outcome.why.render(retell), "refused": refused}


@page(Role.GUARD)
def look(request: Request, who: Caller) -> Response:
    """A picture of one camera as it is now, for these eyes only."""
    room, asked = room_of(request), request.path_params
    gate, camera = f"{asked['site']}/{asked['gate']}", form(request).get("camera", "")[:64]
    picture, trouble = "", None
    try:
        room.accounts.note(who.user.name, "live look", f"{gate} {camera}")
        picture = base64.b64encode(room.looks.look(who.user.name, gate, camera)).decode()
    except EdgeError as error:
        trouble = error
    template = "look.html" if "hx-request" in request.headers else "looked.html"
    values = {"picture": picture, "camera": camera, "gate": gate}
    return render(request, template, who, 502 if trouble else 200, problem=trouble, **values)


# A whole site --------------------------------------------------------------------------------------------------------


def _sites(request: Request) -> dict[str, Any]:
    """Every site with its gates, and what waits for a second person."""
    room = room_of(request)
    sites: dict[str, list[Any]] = {}
    for gate in room.gates.all():
        sites.setdefault(gate.site, []).append(gate)
    return {"sites": sites, "pending": room.commander.pending(), "wide": SITE_WIDE, "names": COMMANDS,
            "outcomes": [], "kind": "", "door": "", "at": time.time()}  # fmt: skip


@page(Role.GUARD)
def sites(request: Request, who: Caller) -> Response:
    template = "sites_part.html" if "hx-request" in request.headers else "sites.html"
    return render(request, template, who, **_sites(request))


def _answer(request: Request, who: Caller, status: int = 200, **values: Any) -> Response:
    """The sites again, and beside them what came of it."""
    template = "answer.html" if "hx-request" in request.headers else "sites.html"
    parts = ("sites_part.html", "outcomes.html")
    return render(request, template, who, status, parts=parts, **{**_sites(request), **values})


@page(Role.GUARD)
def command_site(request: Request, who: Caller) -> Response:
    """Command every gate of a site, or wait for a second person."""
    room, site = room_of(request), request.path_params["site"]
    given = form(request).get("kind", "")
    try:
        kind = CommandKind(given)
        answer = room.commander.ask_site(who.user, site, _gates_of(room, site), kind)
    except (NotAllowed, ValueError):
        refused = NotAllowed("your role may not do this")
        return _answer(request, who, 403, problem=refused)
    if isinstance(answer, Pending):
        _note(room, who, kind, site, "awaits a second person")
        room.hub.tell([], "sites")
        return _answer(request, who)
    return _done(request, who, kind, site, answer)


@page(Role.GUARD)
def confirm(request: Request, who: Caller) -> Response:
    """The second person agrees."""
    room = room_of(request)
    gates = [(gate.site, gate.name) for gate in room.gates.all()]
    try:
        pending, outcomes = room.commander.confirm(who.user, request.path_params["id"], gates)
    except NotAllowed as error:
        return _answer(request, who, 403, problem=error)
    return _done(request, who, pending.kind, pending.site, outcomes)


@page(Role.GUARD)
def withdraw(request: Request, who: Caller) -> Response:
    room = room_of(request)
    try:
        pending = room.commander.withdraw(who.user, request.path_params["id"])
    except NotAllowed as error:
        return _answer(request, who, 403, problem=error)
    _note(room, who, pending.kind, pending.site, f"withdrawn, {pending.who} had asked")
    room.hub.tell([], "sites")
    return _answer(request, who)


def _done(request: Request, who: Caller, kind: CommandKind, site: str, outcomes: list[Outcome]) -> Response:
    room = room_of(request)
    room.hub.tell([], "sites")
    accepted = sum(outcome.accepted for outcome in outcomes)
    _note(room, who, kind, site, f"accepted by {accepted} of {len(outcomes)} gates")
    return _answer(request, who, outcomes=outcomes, kind=kind)


def _gates_of(room: Room, site: str) -> list[tuple[str, str]]:
    return [(gate.site, gate.name) for gate in room.gates.all() if gate.site == site]


ROUTES = [
    Route("/gates/{site:str}/{gate:str}/commands", command, methods=["POST"]),
    Route("/api/gates/{site:str}/{gate:str}/commands", order, methods=["POST"]),
    Route("/gates/{site:str}/{gate:str}/look", look, methods=["POST"]),
    Route("/sites", sites),
    Route("/sites/{site:str}/commands", command_site, methods=["POST"]),
    Route("/pending/{id:str}/confirm", confirm, methods=["POST"]),
    Route("/pending/{id:str}/withdraw", withdraw, methods=["POST"]),
]
