"""The page's own interface for programs: JSON over HTTP, as `openapi.py` describes it."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge.errors import EdgeError, StoreError
from edge.i18n import N_
from monitor.access import COOKIE, Caller, address, api, keep, problem
from monitor.accounts import Denied, Role
from monitor.casebook import Unknown, is_wanted
from monitor.gates import Gate
from monitor.handling import Incomplete, Refused
from monitor.history import Wanted
from monitor.room import Room
from monitor.stream import iso
from monitor.terms import Action, Alarm, Key, State, is_at, nobodys

MOST = 1000
STATES = ["open", "shelved", *State]
"""What may be asked for; `active` is every alarm whose fault is there now, acknowledged or not."""
LEAST = {Action.ASSIGN: Role.OPERATOR, Action.SHELVE: Role.OPERATOR, Action.UNSHELVE: Role.OPERATOR,
         Action.CLOSE: Role.OPERATOR}  # fmt: skip
"""Who may do what with an alarm; a guard the rest."""
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]\d\d:\d\d)"
_TIME = re.compile(TIME, re.ASCII)


class Credentials(msgspec.Struct):
    name: str
    password: str


class Doing(msgspec.Struct):
    """What goes with a step: a text, and for how many seconds an alarm is shelved."""

    text: str = ""
    seconds: float = 0.0


MISREAD = (
    N_("Input data was truncated"),
    N_("JSON is malformed: {why} (byte {number})"),
    N_("Expected `{wanted}`, got `{given}`"),
    N_("Expected `{wanted}`, got `{given}` - at `{where}`"),
    N_("Object missing required field `{field}`"),
    N_("Object contains unknown field `{field}`"),
    N_("Number out of range - at `{where}`"),
)
"""What is said of a body that is not as it should be, known again by its shape."""


class BadRequest(EdgeError):
    """A parameter is not what the document says."""


def misread(error: Exception) -> EdgeError:
    """Why a body cannot be understood."""
    return EdgeError("the body is not as it should be: {why}", why=str(error))


def room_of(request: Request) -> Room:
    room: Room = request.app.state.room
    return room


def healthz(request: Request) -> Response:
    """Whether events arrive and can be recorded; 503 when not."""
    room = room_of(request)
    try:
        with room.database.reading() as connection:
            connection.exec_driver_sql("SELECT 1")
        database = "ok"
    except StoreError:
        database = "failed"
    well = database == "ok" and not room.why_silent
    broker = "failed" if room.why_silent else "connected"
    answer = {"status": "ok" if well else "degraded", "broker": broker, "database": database}
    return JSONResponse(answer, 200 if well else 503)


@api()
def alarms(request: Request, who: Caller) -> Response:
    room = room_of(request)
    try:
        state = _one_of(request.query_params.get("state", "open"), STATES)
        limit = _number(request, "limit", 200)
    except BadRequest as error:
        return problem(request, 400, error)
    gate = request.query_params.get("gate", "")
    found: Iterable[Alarm] = room.casebook.closed(limit, at=gate) if state == State.CLOSED else room.casebook.open()
    chosen = [each for each in found if is_wanted(each, state) and (not gate or is_at(each.key, gate))]
    return JSONResponse({"alarms": [alarm_of(room, each, who) for each in chosen[:limit]]})


@api()
def alarm(request: Request, who: Caller) -> Response:
    room, number = room_of(request), request.path_params["number"]
    found = room.casebook.find(number)
    if found is None:
        return problem(request, 404, EdgeError("there is no alarm {number}", number=number))
    steps = [msgspec.to_builtins(each) for each in room.casebook.steps(number)]
    if not who.sees_staff:
        steps = [{**step, "who": "", "text": ""} if step["who"] else step for step in steps]
    return JSONResponse({**alarm_of(room, found, who), "steps": steps})


@api(Role.GUARD)
def act(request: Request, who: Caller) -> Response:
    try:
        action = Action(request.path_params["action"])
    except ValueError:
        return problem(request, 404, EdgeError("there is no such step"))
    if not who.user.may(LEAST.get(action, Role.GUARD)):
        return problem(request, 403, EdgeError("your role may not do this"))
    room, number = room_of(request), request.path_params["number"]
    try:
        doing = msgspec.json.decode(request.state.body or b"{}", type=Doing)
        changed = room.casebook.act(number, action, who.user.name, doing.text[:500], doing.seconds)
    except (msgspec.MsgspecError, ValueError) as error:
        return problem(request, 400, misread(error))
    except Refused as error:
        return problem(request, status_of(error), error)
    return JSONResponse(alarm_of(room, changed, who))


def status_of(error: Refused) -> int:
    """Whether there is no such alarm, the step lacks something, or the alarm does not allow it as it is."""
    if isinstance(error, Unknown):
        return 404
    return 400 if isinstance(error, Incomplete) else 409


@api()
def gates(request: Request, who: Caller) -> Response:
    return JSONResponse({"gates": [gate_of(gate) for gate in room_of(request).gates.all()]})


@api()
def events(request: Request, who: Caller) -> Response:
    room, asked = room_of(request), request.query_params
    try:
        since, limit = asked.get("since", "0"), _number(request, "limit", 200)
        position, time = (0, since_time(since)) if not _is_number(since) else (min(int(since), 2**62), "")
        severity = _number(request, "severity", 0, least=0)
    except BadRequest as error:
        return problem(request, 400, error)
    site, _, gate = asked.get("gate", "").rpartition("/")
    wanted = Wanted(gate, asked.get("type", ""), since=time, severity=severity, site=site)
    found = room.history.since(position, wanted, limit, who.sees_names)
    if who.sees_names and any("personal" in each.event["data"] for each in found):
        room.accounts.note(who.user.name, "events", f"since {since}, {len(found)} events")
    last = found[-1].position if found else position
    return Response(msgspec.json.encode({"events": found, "next": last}), media_type="application/json")


def login(request: Request) -> Response:
    try:
        given = msgspec.json.decode(request.state.body, type=Credentials)
        token, session = room_of(request).accounts.login(given.name, given.password, address(request))
    except (msgspec.MsgspecError, ValueError) as error:
        return problem(request, 400, misread(error))
    except Denied as error:
        return problem(request, 401, error)
    response = JSONResponse({"name": session.user.name, "role": session.user.role, "csrf": session.csrf})
    keep(response, token, session, request.url.scheme == "https")
    return response


@api()
def logout(request: Request, who: Caller) -> Response:
    room_of(request).accounts.logout(request.cookies.get(COOKIE, ""))
    return Response(status_code=204)


def alarm_of(room: Room, alarm: Alarm, who: Caller) -> dict[str, Any]:
    """An alarm as it is told: who did what only to those who may see names."""
    told: dict[str, Any] = msgspec.to_builtins(alarm if who.sees_staff else nobodys(alarm))
    told |= dict(zip(Key._fields, told.pop("key"), strict=True))
    told |= {"state": alarm.state, "priority": alarm.priority, "due": room.casebook.due(alarm)}
    for name in ("good_since", "cycled"):
        del told[name]
    return told


def gate_of(gate: Gate) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(gate)
    return told


def _one_of(value: str, known: Iterable[str]) -> str:
    if value not in known:
        raise BadRequest("{value} is none of {known}", value=value[:40], known=", ".join(known))
    return value


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20


def _number(request: Request, name: str, default: int, least: int = 1) -> int:
    text = request.query_params.get(name, str(default))
    if not _is_number(text) or not least <= int(text) <= MOST:
        raise BadRequest("{name} must be a number from {least} to {most}", name=name, least=least, most=MOST)
    return int(text)


def since_time(text: str) -> str:
    """An RFC 3339 time as gates write it; a `+` that was not escaped in the address has become a blank."""
    try:
        if not _TIME.fullmatch(text := text.replace(" ", "+")):
            raise ValueError
        return iso(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        raise BadRequest("since is a position or a time like 2026-11-24T08:00:00Z") from None


ROUTES = [
    Route("/healthz", healthz),
    Route("/api/alarms", alarms),
    Route("/api/alarms/{number:int}", alarm),
    Route("/api/alarms/{number:int}/{action:str}", act, methods=["POST"]),
    Route("/api/gates", gates),
    Route("/api/events", events),
    Route("/api/session", login, methods=["POST"]),
    Route("/api/session", logout, methods=["DELETE"]),
]
