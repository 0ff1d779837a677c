"""Pictures of a camera fault on its ticket: in a real browser, for who may see them, nothing hostile among them."""

import base64
import os
import time
from collections.abc import Callable
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from edge import outlook
from edge.effects import Emit
from edge.events import CameraFault, CameraPictured
from edge.terms import Moment, Now, Status
from edge.traffic import CAMERA, SimulatedGate
from monitor.database import Database
from monitor.history import History, Wanted
from monitor.ledger import Ledger
from monitor.settings import load
from tests.adapters.brokers import until
from tests.room.conftest import PASSWORD, Monitor, a_room, enter

pytestmark = pytest.mark.real


monitor = a_room("[retention]\npersonal_s = 3600\n", ("sqlite", "postgresql"))


def turned(gate: SimulatedGate, status: Status) -> Callable[[], None]:
    """Another state of the gate's camera."""
    return lambda: setattr(gate, "camera", status)


def ticket(monitor: Monitor, gate: SimulatedGate, *moments: Moment) -> int:
    """The number of the gate's camera fault, once it has these pictures; the gate may have told of more, as of its
    storage on a slow disk."""

    def faults() -> list[Any]:
        mine = [each for each in monitor.alarms() if each["gate"] == gate.name]
        return [each for each in mine if each["kind"] == CameraFault.__name__]

    until(lambda: [set(each["pictures"]) for each in faults()] == [set(moments)])
    number: int = faults()[0]["number"]
    return number


def shown(monitor: Monitor, number: int, moment: str, who: str = "zhao") -> httpx.Response:
    return httpx.get(f"{monitor.url}/alarms/{number}/pictures/{moment}", auth=(who, PASSWORD), timeout=20)


def test_a_covered_camera_shows_before_after_and_when_it_was_over(
    browser: Browser, monitor: Monitor, gate: SimulatedGate
) -> None:
    gate.at(0.0, turned(gate, Status.COVERED))
    number = ticket(monitor, gate, Moment.BEFORE, Moment.AFTER)
    page = enter(browser, monitor, "zhao")
    page.goto(f"{monitor.url}/alarms/{number}")
    expect(page.locator(".moments figcaption")).to_have_text(["Before", "After"])
    until(lambda: page.evaluate("[...document.querySelectorAll('.moments img')].every(e => e.naturalWidth == 320)"))
    gate.at(0.0, turned(gate, Status.STREAMING))
    assert ticket(monitor, gate, *Moment) == number
    expect(page.locator(".story li", has_text="picture").last).to_contain_text("When it was over")
    expect(page.locator(".moments img")).to_have_count(3)
    pixels = {
        moment: cv2.imdecode(np.frombuffer(shown(monitor, number, moment).content, np.uint8), 1) for moment in Moment
    }
    assert np.abs(pixels[Moment.BEFORE].astype(int) - pixels[Moment.MENDED]).mean() < 1
    assert pixels[Moment.BEFORE].std() > 20 > pixels[Moment.AFTER].std()


def test_pictures_are_for_guards_and_are_in_no_list(monitor: Monitor, gate: SimulatedGate) -> None:
    gate.at(0.0, turned(gate, Status.MOVED))
    number = ticket(monitor, gate, Moment.BEFORE, Moment.AFTER)
    answer = shown(monitor, number, "before")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.headers["cache-control"] == "no-store"
    assert shown(monitor, number, "before", "sun").status_code == 403
    assert httpx.get(f"{monitor.url}/alarms/{number}/pictures/before").status_code == 303
    assert shown(monitor, number, "mended").status_code == shown(monitor, number, "else").status_code == 404
    assert shown(monitor, 10**6, "before").status_code == 404
    sent = base64.b64encode(outlook.seen(Status.STREAMING) or b"").decode()[:200]
    for path in (f"/api/events?gate={gate.name}", f"/history?gate={gate.name}", f"/history.csv?gate={gate.name}"):
        assert sent not in httpx.get(monitor.url + path, auth=("chief", PASSWORD)).text


HOSTILE = {
    "no base64": "<script>alert(1)</script>",
    "no picture": base64.b64encode(b"no picture").decode(),
    "too large": base64.b64encode(b"\xff\xd8\xff" + os.urandom(9_000)).decode(),
    "cut off": base64.b64encode((outlook.seen(Status.STREAMING) or b"")[:600]).decode(),
    "only a head": base64.b64encode(b"\xff\xd8\xff" + os.urandom(500)).decode(),
    "a web page": base64.b64encode(b"<html><script>alert(1)</script></html>").decode(),
}


def test_what_is_no_thumbnail_is_never_given_to_a_browser(monitor: Monitor, gate: SimulatedGate) -> None:
    gate.at(0.0, turned(gate, Status.UNREACHABLE))  # of which there is a picture before, and no other
    number = ticket(monitor, gate, Moment.BEFORE)
    for what, jpeg in HOSTILE.items():
        told = Emit(f"camera/{CAMERA}", CameraPictured(Moment.BEFORE, jpeg))
        before = monitor.call(f"/api/alarms/{number}")["pictures"]
        gate._do(told, Now(time.monotonic(), time.time()))
        until(lambda before=before: monitor.call(f"/api/alarms/{number}")["pictures"] != before)
        assert shown(monitor, number, "before").status_code == 404, what
    gate._do(Emit(f"camera/{CAMERA}", CameraPictured("<b>", "")), Now(time.monotonic(), time.time()))  # type: ignore[arg-type]
    gate.at(0.0, turned(gate, Status.STREAMING))
    assert set(monitor.call(f"/api/alarms/{number}")["pictures"]) == {"before"}


def test_they_end_with_the_names_and_the_chain_stays_whole(monitor: Monitor, gate: SimulatedGate) -> None:
    gate.at(0.0, turned(gate, Status.BLURRED))
    number = ticket(monitor, gate, Moment.BEFORE, Moment.AFTER)
    configured = load(monitor.config)
    with Database(configured.database) as database:
        history, found = History(database), Wanted(gate.name, "edge-gate.CameraPictured")
        assert len(history.search(found, 10)) == 2
        while history.erase(time.time() + 60):
            pass
        assert len(history.search(found, 10)) == 2 and Ledger(database).verify()
    assert shown(monitor, number, "before").status_code == 404
    assert b"pictures/" not in httpx.get(f"{monitor.url}/alarms/{number}", auth=("zhao", PASSWORD)).content
