"""How a page is made: templates, the reader's language and times, who may see it, and where actions are offered."""

import time
from collections.abc import Callable
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from edge.errors import EdgeError
from edge.i18n import speaking
from monitor.access import Caller, caller, may_change, to_login
from monitor.accounts import Denied, Role
from monitor.api import LEAST, room_of
from monitor.forms import form
from monitor.gates import Gate
from monitor.retold import retelling
from monitor.spoken import LANGUAGES, language
from monitor.terms import Action, Alarm, Check
from monitor.words import (
    MOMENTS,
    NAMELESS,
    OWN_WORDS,
    REASONS,
    STAGES,
    Names,
    called,
    detailed,
    place,
    spot,
    where,
    word,
)

HERE = Path(__file__).parent
TEMPLATES = Environment(loader=FileSystemLoader(HERE / "templates"), autoescape=True, undefined=StrictUndefined)
TEMPLATES.trim_blocks = TEMPLATES.lstrip_blocks = True

PageEndpoint = Callable[[Request, Caller], Response]


def page(least: Role = Role.VIEWER) -> Callable[[PageEndpoint], Callable[[Request], Response]]:
    """A page for whoever may at least this; others are led to the login."""

    def decorate(endpoint: PageEndpoint) -> Callable[[Request], Response]:
        @wraps(endpoint)
        def guarded(request: Request) -> Response:
            try:
                who = caller(request)
            except Denied as error:
                return render(request, "login.html", None, 401, problem=error)
            if who is None:
                return to_login(request)
            if not who.user.may(least):
                return render(request, "problem.html", who, 403, problem=EdgeError("your role may not do this"))
            if request.method != "GET" and not may_change(request, who, _token(request)):
                why = EdgeError("the token of the session is missing: reload the page")
                return render(request, "problem.html", who, 403, problem=why)
            return endpoint(request, who)

        return guarded

    return decorate


def _token(request: Request) -> str:
    return request.headers.get("x-csrf-token", "") or form(request).get("csrf", "")


def render(request: Request, template: str, who: Caller | None, status: int = 200, /, **values: Any) -> HTMLResponse:
    """A page, or a part of one, from its template."""
    spoken = language(request)
    translate, heard = speaking(spoken), retelling(spoken)
    site = room_of(request).settings.site
    zone, names = ZoneInfo(site.time_zone), site.names

    def worded(name: str, own: Names = NAMELESS) -> str:
        return translate(word(name, own))

    known = {
        "_": translate, "word": worded, "who": who, "path": request.url.path,
        "back": "?".join(filter(None, (request.url.path, request.url.query))),
        "STAGES": STAGES, "MOMENTS": MOMENTS, "REASONS": REASONS,
        "lang": spoken.replace("_", "-"), "languages": LANGUAGES, "title": site.title,
        "clock": lambda at: clock(at, zone), "since": lambda at: since(at, translate),
        "local": lambda at: local(at, zone),
        "told": lambda error: error.render(heard), "offers": offers, "room": room_of(request),
        "where": lambda subject: where(subject, translate, names), "place": lambda key: place(key, translate, names),
        "spot": lambda key: spot(key, translate, names),
        "called": lambda gate: called(gate, names), "titled": lambda name: names.get(name, name),
        "level": level, "heard": heard, "own_words": OWN_WORDS,
        "detailed": lambda kind, text: detailed(kind, text, heard),
        "aside": lambda off_s: aside(off_s, translate), "problem": None, "Markup": Markup,
    }  # fmt: skip
    return HTMLResponse(TEMPLATES.get_template(template).render({**known, **values}), status)


def offers(alarm: Alarm, who: Caller) -> list[Action]:
    """What the list offers to do with an alarm; whether it is allowed is decided when it is tried."""
    found = [Action.ACKNOWLEDGE] if alarm.acknowledged is None else []
    if alarm.check is Check.LOOK and (not alarm.active or alarm.latched):
        found.append(Action.MEND if alarm.mended is None else Action.LOOK)
    if alarm.checked is not None and Action.LOOK in found:
        found.remove(Action.LOOK)
    found += [Action.CLOSE] if alarm.shelved_until is None else [Action.CLOSE, Action.UNSHELVE]
    return [action for action in found if who.user.may(LEAST.get(action, Role.GUARD))]


def level(gate: Gate, alarms: list[Alarm]) -> str:
    """How a gate is, in one word: `urgent`, `high`, `medium`, `low`, `off` or `well`."""
    own = [alarm for alarm in alarms if (alarm.key.site, alarm.key.gate) == (gate.site, gate.name)]
    active = [alarm for alarm in own if alarm.active and not alarm.suppressed]
    if active:
        return max(active, key=lambda alarm: alarm.severity).priority
    return "well" if gate.status == "online" else "off"


def clock(at: float | None, zone: ZoneInfo) -> str:
    """A UTC time on the site's clock; with the date when that is not today."""
    if at is None:
        return ""
    then, now = datetime.fromtimestamp(at, zone), datetime.now(zone)
    return then.strftime("%H:%M:%S" if then.date() == now.date() else "%Y-%m-%d %H:%M")


def local(at: str, zone: ZoneInfo) -> str:
    """An event's time (RFC 3339) on the site's clock; what is none is shown as it is."""
    try:
        return datetime.fromisoformat(at).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError):
        return at


def aside(off_s: float, translate: Callable[[str], str]) -> str:
    """How far a camera's clock is from that of its gate; a tenth of a second is as well as reports tell it."""
    if abs(off_s) < 0.5:
        return translate("its clock is right")
    seconds = f"{abs(off_s):.1f}" if abs(off_s) < 100 else f"{abs(off_s):.0f}"
    if off_s > 0:
        return translate("its clock is {seconds} s ahead").format(seconds=seconds)
    return translate("its clock is {seconds} s behind").format(seconds=seconds)


def since(at: float | None, translate: Callable[[str], str]) -> str:
    """How long ago, roughly."""
    if at is None:
        return ""
    seconds = max(0, int(time.time() - at))
    if seconds < 90:
        return translate("{number} s").format(number=seconds)
    if seconds < 5400:
        return translate("{number} min").format(number=seconds // 60)
    if seconds < 172_800:
        return translate("{number} h").format(number=seconds // 3600)
    return translate("{number} days").format(number=seconds // 86_400)
