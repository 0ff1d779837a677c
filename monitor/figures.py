"""The figures as charts, by day or by week: passages, refusals, alarms, how fast they are answered, availability."""

import itertools
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.i18n import speaking
from monitor.access import Caller
from monitor.api import room_of
from monitor.charts import Bar, Row, bars, rows
from monitor.room import Room
from monitor.spoken import language
from monitor.stream import iso, seconds_of
from monitor.terms import OFFLINE, Alarm, Key
from monitor.view import page, render
from monitor.words import REASONS, called, where, word

DEVICES = {OFFLINE: "", "CameraFault": "camera/", "DoorFault": "door/"}
"""The alarms during which a device counts as out of service, and how its subject begins."""
MINUTE_S = 60.0


class Span(NamedTuple):
    """A day or week of the site. UTC seconds."""

    label: str
    since: float
    until: float


def spans(by_week: bool, now: datetime) -> list[Span]:
    """The last 14 days or 12 weeks, the current one at the end; `now` on the site's clock."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    first = midnight - timedelta(days=now.weekday() + 11 * 7 if by_week else 13)
    length, number = (7, 12) if by_week else (1, 14)
    begins = [first + timedelta(days=length * place) for place in range(number + 1)]
    return [
        Span(begin.strftime("%m-%d"), begin.timestamp(), end.timestamp()) for begin, end in itertools.pairwise(begins)
    ]


@page()
def figures(request: Request, who: Caller) -> Response:
    room, translate = room_of(request), speaking(language(request))
    by_week = request.query_params.get("by") == "week"
    found = spans(by_week, datetime.now(ZoneInfo(room.settings.site.time_zone)))
    values = {**_passages(room, found, translate), **_alarms(room, found, translate)}
    values["available"] = _available(room, found[0].since, translate)
    return render(request, "figures.html", who, by_week=by_week, **values)


def _passages(room: Room, found: list[Span], translate: Callable[[str], str]) -> dict[str, Any]:
    """Who passed and who was refused, and why."""
    passed: Counter[tuple[str, str]] = Counter()
    reasons: Counter[str] = Counter()
    for hour, _gate, kind, reason, number in room.history.counts(iso(found[0].since)):
        at = seconds_of(f"{hour}:00:00+00:00")
        if at is not None and (span := _span(found, at)):
            passed[span.label, kind] += number
            reasons[reason] += number if reason and kind == "edge-gate.AccessDenied" else 0
    data = [
        Bar(span.label, [passed[span.label, f"edge-gate.{kind}"] for kind in ("AccessGranted", "AccessDenied")])
        for span in found
    ]
    names = [translate(word(kind)) for kind in ("AccessGranted", "AccessDenied")]
    refused = [
        Row(translate(word(name, REASONS)), number, str(number)) for name, number in reasons.most_common() if number
    ]
    return {
        "passages": bars(translate("Passages"), data, names), "names": names,
        "refusals": rows(translate("Refusals by reason"), refused) if refused else "",
    }  # fmt: skip


def _span(found: list[Span], at: float) -> Span | None:
    return next((span for span in reversed(found) if span.since <= at < span.until), None)


# Alarms --------------------------------------------------------------------------------------------------------------


def _alarms(room: Room, found: list[Span], translate: Callable[[str], str]) -> dict[str, Any]:
    now = time.time()
    closed, open_ = room.casebook.closed(10_000, found[0].since), room.casebook.open()
    every = [*open_, *closed]
    answered = [alarm for alarm in every if alarm.acknowledged]
    limits = room.settings.alarms.close_within_s
    left = [Bar(span.label, _left(every, min(span.until, now), limits)) for span in found if span.since < now]
    pace = [
        Bar(span.label, [_pace(_within(answered, span, "raised"), "raised", "acknowledged") / MINUTE_S,
                         _pace(_within(closed, span, "closed"), "opened", "closed") / MINUTE_S])
        for span in found
    ]  # fmt: skip
    flow = [
        Bar(span.label, [len(_within(every, span, "opened")), len(_within(closed, span, "closed"))]) for span in found
    ]
    flows = [translate("opened"), translate("closed")]
    lefts = [translate("open in time"), translate("overdue")]
    paces = [translate("until acknowledged"), translate("until closed")]
    return {
        "flow": bars(translate("Alarms opened and closed"), flow, flows, grouped=True), "flows": flows,
        "left": bars(translate("Open at the end"), left, lefts), "lefts": lefts,
        "pace": bars(translate("Median time, minutes"), pace, paces, grouped=True), "paces": paces,
        "answer_s": _pace(answered, "raised", "acknowledged") if answered else None,
        "close_s": _pace(closed, "opened", "closed") if closed else None,
        "open": len(open_), "closed": len(closed), "overdue": sum(is_overdue(room, alarm) for alarm in open_),
        "rate": len(closed) / len(every) if every else None,
    }  # fmt: skip


def _within(alarms: Iterable[Alarm], span: Span, field: str) -> list[Alarm]:
    return [alarm for alarm in alarms if span.since <= (getattr(alarm, field) or 0.0) < span.until]


def _pace(alarms: list[Alarm], begin: str, end: str) -> float:
    """The median time from one to the other, in seconds; 0 of none."""
    values = sorted(max(0.0, getattr(alarm, end) - getattr(alarm, begin)) for alarm in alarms)
    return values[len(values) // 2] if values else 0.0


def _left(alarms: Iterable[Alarm], at: float, limits: Any) -> list[float]:
    """How many were open at a time, and of these how many for longer than they may be."""
    then = [alarm for alarm in alarms if alarm.opened <= at and (alarm.closed is None or alarm.closed > at)]
    overdue = sum(alarm.opened + limits[alarm.priority] < at for alarm in then)
    return [len(then) - overdue, overdue]


def is_overdue(room: Room, alarm: Alarm) -> bool:
    due = room.casebook.due(alarm)
    return alarm.escalation > 0 or (due is not None and due < time.time())


# Availability --------------------------------------------------------------------------------------------------------


def _available(room: Room, since: float, translate: Callable[[str], str]) -> str:
    """How much of the time each gate, camera and door was in service, the worst first."""
    now, names = time.time(), room.settings.site.names
    since = max(since, room.history.begun() or now)
    out, span = room.casebook.outages(DEVICES, since, now), max(1.0, now - since)
    found = []
    for gate in room.gates.all():
        title = called(gate.place, names)
        devices = [(OFFLINE, "", title)]
        devices += [("CameraFault", f"camera/{name}", title) for name in gate.part("cameras")]
        devices += [("DoorFault", f"door/{name}", title) for name in gate.part("doors")]
        for kind, subject, place in devices:
            share = 1.0 - min(1.0, out.get(Key(gate.site, gate.name, subject, kind), 0.0) / span)
            label = f"{place} {where(subject, translate, names)}" if subject else place
            found.append(Row(label.strip(), share, f"{share:.2%}"))
    return rows(translate("Availability"), sorted(found, key=lambda row: row.value), 1.0) if found else ""


ROUTES = [Route("/figures", figures)]
