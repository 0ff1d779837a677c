"""The pages about telling: levels and rules, what became of every notice, a test, and an alarm as a CAP alert."""

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.errors import EdgeError
from monitor import cap
from monitor.access import Caller
from monitor.accounts import Role
from monitor.api import room_of
from monitor.deliveries import Delivery
from monitor.dispatcher import issuer_of
from monitor.post import Way, targets
from monitor.view import page, render

SHOWN = 100


def state(request: Request) -> dict[str, Any]:
    """The levels with their ways, and the newest deliveries."""
    room = room_of(request)
    latest = room.deliveries.latest(SHOWN)
    return {
        "levels": [(level, targets(level), _last(latest, level.name)) for level in room.settings.level],
        "rules": room.settings.rule, "deliveries": latest,
    }  # fmt: skip


def _last(latest: list[Delivery], level: str) -> dict[Way, Delivery]:
    """The newest delivery to a level by each way."""
    return {each.way: each for each in reversed(latest) if each.notice.level == level}


@page(Role.OPERATOR)
def notices(request: Request, who: Caller) -> Response:
    template = "notices_part.html" if "hx-request" in request.headers else "notices.html"
    room_of(request).accounts.viewed(who.user.name, "deliveries", "")
    return render(request, template, who, **state(request))


@page(Role.OPERATOR)
def test(request: Request, who: Caller) -> Response:
    """Tell a level that this is a test, and show what became of it."""
    room, name = room_of(request), request.path_params["level"]
    problem: EdgeError | None = None
    try:
        room.dispatcher.test(name)
        room.accounts.note(who.user.name, "test notice", name)
    except EdgeError as error:
        problem = error
    template = "answer.html" if "hx-request" in request.headers else "notices.html"
    tested = [level for level in room.settings.level if level.name == name and not problem]
    values = {**state(request), "tested": tested, "parts": ("notices_part.html", "said.html")}
    return render(request, template, who, 404 if problem else 200, problem=problem, **values)


@page()
def export(request: Request, who: Caller) -> Response:
    """An alarm as a CAP alert."""
    room, number = room_of(request), request.path_params["number"]
    found = room.casebook.find(number)
    if found is None:
        return render(request, "problem.html", who, 404, problem=EdgeError("there is no alarm {number}", number=number))
    name = {"Content-Disposition": f'attachment; filename="alarm-{number}.cap.xml"'}
    return Response(cap.alert(found, issuer_of(room.configured)), media_type=cap.MEDIA_TYPE, headers=name)


ROUTES = [
    Route("/notices", notices),
    Route("/notices/{level:str}/test", test, methods=["POST"]),
    Route("/alarms/{number:int}.cap", export),
]
