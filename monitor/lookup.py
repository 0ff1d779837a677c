"""The pages that look back: history with search and export, figures as charts, and the audit."""

import csv
import io
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from edge.i18n import speaking
from monitor.access import Caller
from monitor.accounts import Role
from monitor.api import room_of
from monitor.charts import Bar, bars
from monitor.history import Found, Wanted, days_ago, iso
from monitor.room import Room
from monitor.terms import DAY_S, Alarm
from monitor.view import language, page, render
from monitor.words import word

PAGE = 50
EXPORTED = 100_000
DAYS = 14
SEVERITIES = {"": 0, "low": 300, "medium": 500, "high": 700, "urgent": 900}
COLUMNS = ("time", "site", "gate", "subject", "type", "severity", "late", "person", "reason")


def wanted(request: Request, who: Caller) -> Wanted:
    """What a form of the history asks for; what makes no sense asks for nothing."""
    asked = request.query_params
    zone = ZoneInfo(room_of(request).settings.site.time_zone)
    return Wanted(
        gate=asked.get("gate", "")[:64],
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


@page()
def history(request: Request, who: Caller) -> Response:
    room, asked = room_of(request), request.query_params
    place = asked.get("position", "")
    before = (asked.get("before", ""), int(place)) if place.isascii() and place.isdigit() and len(place) < 19 else None
    found = room.history.search(wanted(request, who), PAGE, before, who.sees_names)
    if who.sees_names:
        room.accounts.note(who.user.name, "history", str(request.query_params))
    older = {**asked, "before": found[-1].event["time"], "position": found[-1].position} if len(found) == PAGE else {}
    values: dict[str, Any] = {
        "found": found,
        "older": older,
        "asked": asked,
        "severities": SEVERITIES,
        "types": room.history.types(),
    }
    return render(request, "history.html", who, gates=room.gates.all(), **values)


@page()
def export(request: Request, who: Caller) -> Response:
    """The same as a table for a spreadsheet."""
    room = room_of(request)
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
        before, number = (found[-1].event["time"], found[-1].position), number + len(found)


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


# Figures -------------------------------------------------------------------------------------------------------------


@page()
def figures(request: Request, who: Caller) -> Response:
    room, translate = room_of(request), speaking(language(request))
    zone = ZoneInfo(room.settings.site.time_zone)
    days = [(datetime.now(zone) - timedelta(days=back)).strftime("%m-%d") for back in reversed(range(DAYS))]
    passed: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: Counter[str] = Counter()
    for hour, _gate, kind, reason, number in room.history.counts(days_ago(DAYS)):
        day = datetime.fromisoformat(f"{hour}:00:00+00:00").astimezone(zone).strftime("%m-%d")
        passed[day][kind.removeprefix("edge-gate.")] += number
        reasons[reason] += number if reason and kind == "edge-gate.AccessDenied" else 0
    names = [translate(word(kind)) for kind in ("AccessGranted", "AccessDenied")]
    data = [Bar(day, [passed[day]["AccessGranted"], passed[day]["AccessDenied"]]) for day in days]
    alarms = _of_alarms(room, days, zone)
    opened = [translate("opened"), translate("closed")]
    return render(
        request, "figures.html", who, passages=bars(translate("Passages by day"), data, names), names=names,
        refusals=[(translate(word(name)), number) for name, number in reasons.most_common() if number],
        alarms=bars(translate("Alarms by day"), alarms, opened), opened=opened, **_times(room),
    )  # fmt: skip


def _of_alarms(room: Room, days: list[str], zone: ZoneInfo) -> list[Bar]:
    since = time.time() - DAYS * DAY_S
    closed = room.casebook.closed(10_000, since)
    opened = Counter(_day(alarm.opened, zone) for alarm in (*room.casebook.open(), *closed) if alarm.opened >= since)
    done = Counter(_day(alarm.closed, zone) for alarm in closed if alarm.closed)
    return [Bar(day, [opened[day], done[day]]) for day in days]


def _times(room: Room) -> dict[str, Any]:
    """How fast alarms were answered and closed, and how many are open and overdue."""
    closed, open_ = room.casebook.closed(10_000, time.time() - DAYS * DAY_S), room.casebook.open()
    answered = [alarm.acknowledged - alarm.raised for alarm in closed if alarm.acknowledged]
    ended = [alarm.closed - alarm.opened for alarm in closed if alarm.closed]
    total = len(closed) + len(open_)
    return {
        "answer_s": _median(answered), "close_s": _median(ended), "open": len(open_), "closed": len(closed),
        "overdue": sum(is_overdue(room, alarm) for alarm in open_), "rate": len(closed) / total if total else None,
    }  # fmt: skip


def is_overdue(room: Room, alarm: Alarm) -> bool:
    due = room.casebook.due(alarm)
    return alarm.escalation > 0 or (due is not None and due < time.time())


def _median(values: list[float]) -> float | None:
    return sorted(values)[len(values) // 2] if values else None


def _day(at: float, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(at, zone).strftime("%m-%d")


@page(Role.SUPERVISOR)
def audit(request: Request, who: Caller) -> Response:
    accounts = room_of(request).accounts
    accounts.viewed(who.user.name, "audit", "")
    return render(request, "audit.html", who, entries=accounts.audit())


ROUTES = [
    Route("/history", history),
    Route("/history.csv", export),
    Route("/figures", figures),
    Route("/audit", audit),
]
