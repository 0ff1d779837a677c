"""The pages that look back: history with search and export, and the audit."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from edge.errors import EdgeError
from monitor.access import Caller
from monitor.accounts import Role
from monitor.api import room_of
from monitor.audited import audited
from monitor.history import Found, Wanted
from monitor.retold import retelling
from monitor.room import Room
from monitor.spoken import language
from monitor.stream import iso
from monitor.view import page, render

PAGE = 50
EXPORTED = 100_000
SEVERITIES = {"": 0, "low": 300, "medium": 500, "high": 700, "urgent": 900}
COLUMNS = ("time", "site", "gate", "subject", "type", "severity", "late", "person", "reason")


def wanted(request: Request, who: Caller) -> Wanted:
    """What a form of the history asks for."""
    asked, zone = request.query_params, _zone(request)
    site, _, gate = asked.get("gate", "")[:64].rpartition("/")
    return Wanted(
        gate=gate,
        site=site,
        type=asked.get("type", "")[:128],
        person=asked.get("person", "").strip()[:128] if who.sees_names else "",
        severity=SEVERITIES.get(asked.get("severity", ""), 0),
        since=_utc(asked.get("since", ""), zone),
        until=_utc(asked.get("until", ""), zone),
    )


def _utc(text: str, zone: ZoneInfo) -> str:
    try:
        return iso(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp())
    except (ValueError, OverflowError):
        return ""


def _zone(request: Request) -> ZoneInfo:
    return ZoneInfo(room_of(request).settings.site.time_zone)


def _mistake(request: Request) -> EdgeError | None:
    """A time that is none: without it, something else would be found than was asked for."""
    given = [request.query_params.get(name, "") for name in ("since", "until")]
    wrong = next((text for text in given if text and not _utc(text, _zone(request))), None)
    return EdgeError("{text} is no time; an example: 2026-11-24T08:30", text=wrong[:40]) if wrong else None


@page()
def history(request: Request, who: Caller) -> Response:
    room, asked = room_of(request), request.query_params
    place = asked.get("before", "")
    before = int(place) if place.isascii() and place.isdigit() and len(place) < 19 else None
    mistake = _mistake(request)
    found = [] if mistake else room.history.search(wanted(request, who), PAGE, before, who.sees_names)
    if who.sees_names:
        room.accounts.note(who.user.name, "history", str(request.query_params))
    older = {**asked, "before": found[-1].position} if len(found) == PAGE else {}
    values: dict[str, Any] = {
        "found": found,
        "older": older,
        "asked": asked,
        "severities": SEVERITIES,
        "types": room.history.types(),
        "problem": mistake,
    }
    return render(request, "history.html", who, 400 if mistake else 200, gates=_named(room), **values)


def _named(room: Room) -> dict[str, str]:
    """What each gate, by its place, is called in a list; by that when it shares its name with another site's."""
    names, gates = room.settings.site.names, room.gates.all()
    shared = Counter(gate.name for gate in gates)
    own = {gate.place: gate.name if shared[gate.name] == 1 else gate.place for gate in gates}
    return {place: names.get(place, name) for place, name in own.items()}


@page()
def export(request: Request, who: Caller) -> Response:
    """The same as a table for a spreadsheet; its times are in UTC, as the gates wrote them."""
    room = room_of(request)
    if mistake := _mistake(request):
        return render(request, "problem.html", who, 400, problem=mistake)
    if who.sees_names:
        room.accounts.note(who.user.name, "export", str(request.query_params))
    rows = _lines(room, wanted(request, who), who.sees_names)
    headers = {"Content-Disposition": 'attachment; filename="events.csv"'}
    return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)


def _lines(room: Room, asked: Wanted, personal: bool) -> Iterator[str]:
    yield "\ufeff" + _csv(COLUMNS)
    before, number = None, 0
    while number < EXPORTED and (found := room.history.search(asked, 1000, before, personal)):
        yield "".join(_csv(_cells(each)) for each in found)
        before, number = found[-1].position, number + len(found)


def _cells(found: Found) -> list[str]:
    event, data = found.event, found.event["data"]
    _, site, gate = event["source"].split("/")
    person = data.get("personal", {}).get("person", "")
    values = (event["time"], site, gate, event["subject"], event["type"], event["severity"], found.late, person,
              data.get("reason", ""))  # fmt: skip
    return [_harmless(str(value)) for value in values]


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _csv(cells: "list[str] | tuple[str, ...]") -> str:
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()


# Audit ---------------------------------------------------------------------------------------------------------------


@page(Role.SUPERVISOR)
def audit(request: Request, who: Caller) -> Response:
    accounts = room_of(request).accounts
    accounts.viewed(who.user.name, "audit", "")
    heard, names = retelling(language(request)), room_of(request).settings.site.names
    entries = [(at, name, deed, audited(deed, detail, heard, names)) for at, name, deed, detail in accounts.audit()]
    return render(request, "audit.html", who, entries=entries)


ROUTES = [
    Route("/history", history),
    Route("/history.csv", export),
    Route("/audit", audit),
]
