"""The pages of maintenance: faults that people report, what has to be done again, patrols, and the weekly look back."""

import secrets
import time
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from edge.errors import EdgeError
from monitor.access import Caller, api
from monitor.accounts import Role
from monitor.api import room_of
from monitor.forms import form, upload
from monitor.photos import redrawn
from monitor.room import Room
from monitor.rounds import place_of
from monitor.terms import DAY_S, INSPECTED, REPORTED, Alarm, Check, Key, Raised
from monitor.upkeep import Walk
from monitor.view import page, render

SEVERITIES = {"low": 300, "medium": 500, "high": 700}
SOURCES = {REPORTED: "report", INSPECTED: "inspection"}
WEEK_S = 7 * DAY_S
LONGEST = 500
"""Characters of what somebody writes."""


class Rate(Struct):
    """Of the tickets found in a time by one source, how many are closed."""

    found: int = 0
    closed: int = 0

    @property
    def percent(self) -> int | None:
        return round(100 * self.closed / self.found) if self.found else None


def rates(alarms: Iterable[Alarm], since: float) -> dict[str, Rate]:
    """By source, and in all: the closing rate as the building's reports have it."""
    found = {name: Rate() for name in ("machine", "inspection", "report", "all")}
    for alarm in alarms:
        if alarm.opened < since:
            continue
        for name in (SOURCES.get(alarm.key.kind, "machine"), "all"):
            found[name].found += 1
            found[name].closed += alarm.closed is not None
    return found


def recent(request: Request, since: float) -> list[Alarm]:
    """Open alarms, and those closed since then."""
    cases = room_of(request).casebook
    return [*cases.open(), *cases.closed(10_000, since)]


@page()
def maintenance(request: Request, who: Caller) -> Response:
    room, now = room_of(request), time.time()
    week, month = recent(request, now - WEEK_S), recent(request, now - 30 * DAY_S)
    values: dict[str, Any] = {
        "week": rates(week, now - WEEK_S), "month": rates(month, now - 30 * DAY_S),
        "left": sorted((each for each in week if each.closed is None), key=lambda alarm: alarm.opened),
        "again": [each for each in week if each.occurrences > 1 or each.reopened],
        "closed": [each for each in week if each.closed is not None],
        "plans": room.upkeep.plans(), "walks": _shown(_walks(room, now), now), "now": now,
    }  # fmt: skip
    if values["walks"] and who.sees_names:
        room.accounts.viewed(who.user.name, "patrols", "")
    return render(request, "maintenance.html", who, **values)


def _walks(room: Room, now: float) -> list[Walk]:
    """The rounds of a day back and ahead, without those of before there was a room."""
    begun = room.history.begun() or now
    return [walk for walk in room.upkeep.walks(now - DAY_S, now + DAY_S) if walk.ends > begun]


def _shown(walks: list[Walk], now: float) -> list[Walk]:
    """The rounds that have begun, and the next one."""
    begun = [walk for walk in walks if walk.begins <= now]
    return [*begun, *walks[len(begun) : len(begun) + 1]]


@page(Role.GUARD)
def done(request: Request, who: Caller) -> Response:
    """Somebody says that an inspection is done."""
    room, given = room_of(request), form(request)
    facts = room.upkeep.done(given.get("plan", ""), who.user.name, given.get("text", "")[:LONGEST])
    if facts is None:
        return render(request, "problem.html", who, 404, problem=EdgeError("there is no such inspection"))
    room.casebook.hear(facts)
    return RedirectResponse("/maintenance", 303)


# What people report --------------------------------------------------------------------------------------------------


@page(Role.GUARD)
def report(request: Request, who: Caller) -> Response:
    """The form, and what comes of it."""
    if request.method == "GET":
        return render(request, "report.html", who, given=dict(request.query_params), gates=room_of(request).gates.all())
    given, photo = form(request), upload(request, "photo")
    try:
        jpeg = redrawn(photo) if photo else b""
        number = _reported(request, who, given)
    except EdgeError as error:
        values = {"given": given, "gates": room_of(request).gates.all(), "problem": error}
        return render(request, "report.html", who, 400, **values)
    if jpeg:
        room_of(request).photos.keep(number, jpeg)
    return RedirectResponse(f"/alarms/{number}", 303)


def _reported(request: Request, who: Caller, given: dict[str, str]) -> int:
    text, severity = given.get("text", "").strip()[:LONGEST], SEVERITIES.get(given.get("priority", "medium"))
    if not text:
        raise EdgeError("say what is wrong")
    if severity is None:
        raise EdgeError("a priority is low, medium or high")
    site, gate = place_of(given.get("gate", ""))
    if given.get("gate") and room_of(request).gates.find(site, gate) is None:
        raise EdgeError("there is no gate {name}", name=given["gate"][:80])
    kind = INSPECTED if given.get("source") == "inspection" else REPORTED
    key = Key(site, gate, f"report/{secrets.token_hex(6)}", kind)
    return room_of(request).casebook.report(Raised(key, severity, Check.LOOK, text, latched=True, by=who.user.name))


@page(Role.GUARD)
def photo(request: Request, who: Caller) -> Response:
    room = room_of(request)
    found = room.photos.find(request.path_params["number"])
    if found is None:
        return render(request, "problem.html", who, 404, problem=EdgeError("there is no such photo"))
    room.accounts.note(who.user.name, "photo", f"alarm {found.alarm}")
    return Response(found.jpeg, media_type="image/jpeg")


# For programs --------------------------------------------------------------------------------------------------------


@api()
def plans(request: Request, who: Caller) -> Response:
    """What has to be done again and again, and the rounds of patrols that end within a day."""
    room, now = room_of(request), time.time()
    due: list[dict[str, Any]] = msgspec.to_builtins(room.upkeep.plans())
    walks: list[dict[str, Any]] = msgspec.to_builtins(_walks(room, now))
    if not who.sees_staff:
        due = [{**each, "who": ""} for each in due]
    for visit in (visit for walk in walks for visit in walk["checkpoints"] if not who.sees_names):
        visit["person"] = ""
    return JSONResponse({"plans": due, "patrols": walks})


ROUTES = [
    Route("/maintenance", maintenance),
    Route("/maintenance/done", done, methods=["POST"]),
    Route("/report", report, methods=["GET", "POST"]),
    Route("/photos/{number:int}", photo),
    Route("/api/plans", plans),
]
