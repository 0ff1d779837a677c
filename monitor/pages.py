"""The pages of the room: the overview, an alarm, a gate, and who logs in."""

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from edge.errors import EdgeError
from edge.i18n import speaking
from edge.terms import CommandKind
from monitor.access import COOKIE, Caller, address, keep
from monitor.accounts import Denied, Role
from monitor.api import LEAST, room_of, status_of
from monitor.forms import form
from monitor.gates import Gate
from monitor.handling import Refused
from monitor.history import Wanted
from monitor.plan import Mark, Plan
from monitor.reports import FLOWING
from monitor.spoken import LANGUAGES, language
from monitor.terms import Action, Alarm
from monitor.view import HERE, level, page, render
from monitor.words import COMMANDS, called, where, word

DOOR_EVENTS = 20
TOLD = 50
"""Notices of an alarm that are shown."""
HOUR_S = 3600.0
ALARM_PARTS = ("alarm_facts.html", "alarm_steps.html", "alarm_story.html")
WITH_TEXT = (Action.MEND, Action.LOOK, Action.CLOSE, Action.SHELVE, Action.NOTE)
"""Steps that take what was typed with them."""


def everything(request: Request) -> dict[str, Any]:
    """What the overview shows."""
    room = room_of(request)
    alarms, gates = room.casebook.open(), room.gates.all()
    listed = [alarm for alarm in alarms if not alarm.suppressed and alarm.shelved_until is None]
    levels = {gate.place: level(gate, alarms) for gate in gates}
    plan: Plan | None = request.app.state.plan
    return {
        "alarms": sorted(listed, key=urgency), "aside": [alarm for alarm in alarms if alarm not in listed],
        "gates": gates, "levels": levels, "plan": plan.drawn(_marks(request, gates, levels)) if plan else "",
        "closed": room.casebook.closed(5),
    }  # fmt: skip


def _marks(request: Request, gates: list[Gate], levels: dict[str, str]) -> dict[str, Mark]:
    """How gates, doors and cameras are shown on the floor plan."""
    translate, names = speaking(language(request)), room_of(request).settings.site.names
    found: dict[str, Mark] = {}
    for gate in gates:
        how, title = levels[gate.place], called(gate.place, names)
        spoken = gate.status if how in ("well", "off") else how
        found[gate.place] = Mark(how, f"{title}: {translate(word(spoken))}")
        for name, door in gate.part("doors").items():
            state, mode = str(door.get("physical")), str(door.get("mode"))
            said = f"{where(f'door/{name}', translate, names)}: {translate(word(mode))}, {translate(word(state))}"
            found[f"{gate.place}/door/{name}"] = Mark("open" if state == "Open" else "shut", f"{title} {said}")
        for name, camera in gate.part("cameras").items():
            state = str(camera.get("status"))
            said = f"{where(f'camera/{name}', translate, names)}: {translate(word(state))}"
            found[f"{gate.place}/camera/{name}"] = Mark("well" if state in FLOWING else "high", f"{title} {said}")
    return found


def urgency(alarm: Alarm) -> tuple[bool, bool, int, float]:
    """Active before over, unacknowledged before acknowledged, then by severity, the newest first."""
    return not alarm.active, alarm.acknowledged is not None, -alarm.severity, -alarm.raised


@page()
def overview(request: Request, who: Caller) -> Response:
    return render(request, "overview.html", who, **everything(request))


@page()
def wall(request: Request, who: Caller) -> Response:
    """The overview for a screen that nobody operates, to be read from across the room."""
    return render(request, "wall.html", who, **everything(request))


@page()
def part_alarms(request: Request, who: Caller) -> Response:
    return render(request, "alarms.html", who, **everything(request))


@page()
def part_gates(request: Request, who: Caller) -> Response:
    return render(request, "gates.html", who, **everything(request))


@page()
def part_link(request: Request, who: Caller) -> Response:
    return render(request, "link.html", who)


# Alarms --------------------------------------------------------------------------------------------------------------


@page()
def alarm(request: Request, who: Caller) -> Response:
    number = request.path_params["number"]
    found = room_of(request).casebook.find(number)
    if found is None:
        return render(request, "problem.html", who, 404, problem=EdgeError("there is no alarm {number}", number=number))
    values = _known(request, who, found)
    if "hx-request" in request.headers:
        return render(request, "answer.html", who, parts=ALARM_PARTS, **values)
    return render(request, "alarm.html", who, **values)


def _known(request: Request, who: Caller, found: Alarm) -> dict[str, Any]:
    """What the page of an alarm shows."""
    room = room_of(request)
    return {
        "alarm": found, "steps": room.casebook.steps(found.number), "due": room.casebook.due(found), "text": "",
        "deliveries": list(reversed(room.deliveries.latest(TOLD, found.number))),
        "pictures": room.thumbnails.of(found) if who.sees_staff else [],
        "users": [user.name for user in room.accounts.users() if user.may(Role.GUARD)] if who.sees_staff else [],
    }  # fmt: skip


@page(Role.GUARD)
def picture(request: Request, who: Caller) -> Response:
    """A picture of a camera's fault."""
    room, asked = room_of(request), request.path_params
    found = room.casebook.find(asked["number"])
    jpeg = room.thumbnails.find(found, asked["moment"]) if found else None
    if jpeg is None:
        return render(request, "problem.html", who, 404, problem=EdgeError("there is no such picture"))
    room.accounts.viewed(who.user.name, "picture", f"alarm {asked['number']}")
    return Response(jpeg, media_type="image/jpeg")


@page(Role.GUARD)
def act(request: Request, who: Caller) -> Response:
    """A step with an alarm: where it was taken from again, with why it was refused if it was."""
    problem: EdgeError | None = None
    status, given, number = 200, form(request), request.path_params["number"]
    try:
        action = Action(request.path_params["action"])
        if not who.user.may(LEAST.get(action, Role.GUARD)):
            raise Refused("your role may not do this")
        text = given.get("to" if action is Action.ASSIGN else "text", "")[:500]
        room_of(request).casebook.act(number, action, who.user.name, text, _seconds(given.get("hours", "")))
    except Refused as error:
        problem, status = error, status_of(error)
    except ValueError:
        problem, status = EdgeError("there is no such step"), 404
    if given.get("back") == "alarm" and (found := room_of(request).casebook.find(number)):
        return _answered(request, who, found, problem, status)
    if "hx-request" in request.headers:
        parts = ("alarms.html", "said.html")
        values = {**everything(request), "about": number, "pressed": room_of(request).casebook.find(number)}
        return render(request, "answer.html", who, parts=parts, problem=problem, **values)
    if problem:
        return render(request, "problem.html", who, status, problem=problem)
    return RedirectResponse("/", 303)


def _seconds(hours: str) -> float:
    try:
        return float(hours) * HOUR_S
    except ValueError:
        return 0.0  # for which nothing is shelved


def _answered(request: Request, who: Caller, found: Alarm, problem: EdgeError | None, status: int) -> Response:
    """To a step that was taken on the alarm's page; what was typed stays there until a step has taken it."""
    values: dict[str, Any] = {**_known(request, who, found), "problem": problem}
    if "hx-request" in request.headers:
        taken = problem is None and request.path_params["action"] in WITH_TEXT
        parts = (*ALARM_PARTS, "said.html", *(("alarm_text.html",) if taken else ()))
        return render(request, "answer.html", who, parts=parts, **values)
    if problem:
        return render(request, "alarm.html", who, status, **{**values, "text": form(request).get("text", "")[:500]})
    return RedirectResponse(f"/alarms/{found.number}", 303)


# A gate --------------------------------------------------------------------------------------------------------------


@page()
def gate(request: Request, who: Caller) -> Response:
    room, asked = room_of(request), request.path_params
    found = room.gates.find(asked["site"], asked["gate"])
    if found is None:
        return render(
            request, "problem.html", who, 404, problem=EdgeError("there is no gate {name}", name=asked["gate"])
        )
    events = room.history.search(Wanted(found.name, site=found.site), DOOR_EVENTS, personal=who.sees_names)
    if who.sees_names:
        room.accounts.viewed(who.user.name, "gate page", found.place)
    own = [each for each in room.casebook.open() if (each.key.site, each.key.gate) == (found.site, found.name)]
    template = "gate_part.html" if "hx-request" in request.headers else "gate.html"
    values: dict[str, Any] = {"commands": room.commander.offers(who.user), "names": COMMANDS}
    values |= {"forgives": room.commander.may(who.user, CommandKind.FORGIVE), "level_of": level(found, own)}
    return render(request, template, who, gate=found, events=events, alarms=own, **values)


# Who is there --------------------------------------------------------------------------------------------------------


def login(request: Request) -> Response:
    if request.method == "GET":
        return render(request, "login.html", None)
    given = form(request)
    try:
        token, session = room_of(request).accounts.login(
            given.get("name", ""), given.get("password", ""), address(request)
        )
    except Denied as error:
        return render(request, "login.html", None, 401, problem=error)
    response = RedirectResponse("/", 303)
    keep(response, token, session, request.url.scheme == "https")
    return response


@page()
def logout(request: Request, who: Caller) -> Response:
    room_of(request).accounts.logout(request.cookies.get(COOKIE, ""))
    response = RedirectResponse("/login", 303)
    response.delete_cookie(COOKIE, path="/")
    return response


def speak(request: Request) -> Response:
    """Switch the language, and go back to where the switch was."""
    wanted, back = request.path_params["language"], request.query_params.get("back", "/")
    response = RedirectResponse(back if back.startswith("/") and not back.startswith(("//", "/\\")) else "/", 303)
    chosen = wanted if wanted in LANGUAGES else language(request)
    response.set_cookie("language", chosen, path="/", max_age=31_536_000, httponly=True, samesite="lax")
    return response


ROUTES = [
    Route("/", overview),
    Route("/wall", wall),
    Route("/part/alarms", part_alarms),
    Route("/part/gates", part_gates),
    Route("/part/link", part_link),
    Route("/alarms/{number:int}", alarm),
    Route("/alarms/{number:int}/pictures/{moment:str}", picture),
    Route("/alarms/{number:int}/{action:str}", act, methods=["POST"]),
    Route("/gates/{site:str}/{gate:str}", gate),
    Route("/login", login, methods=["GET", "POST"]),
    Route("/logout", logout, methods=["POST"]),
    Route("/language/{language:str}", speak),
    Mount("/static", StaticFiles(directory=HERE / "static")),
]
