"""The page is for everybody: checked by axe in both themes, at the width of a phone, and there at once."""

from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from edge.facts import InputChanged
from edge.terms import Input
from edge.traffic import DOOR, SimulatedGate
from tests.room.conftest import Monitor, a_room, enter

pytestmark = pytest.mark.real

PAGES = ("/", "/wall", "/history", "/figures", "/figures?by=week", "/maintenance", "/report", "/notices", "/sites",
         "/audit", "/gates/demo/{gate}", "/gates/demo/none", "/account", "/alarms/{alarm}")  # fmt: skip
EXTRA = """
[commands]
operator = "room"
[[level]]
name = "guard_post"
topic = "notice/guard_post"
[[inspection]]
name = "doors"
every_days = 7
"""
PAINT = """() => new Promise(told => new PerformanceObserver(list => told(list.getEntries()[0].startTime))
    .observe({type: 'paint', buffered: true}))"""
SERIOUS = ("serious", "critical")
PHONE: Any = {"width": 375, "height": 812}


def findings(page: Page) -> list[str]:
    """What axe finds and takes for serious: the rule, and what breaks it."""
    found = Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found if each["impact"] in SERIOUS]


monitor = a_room(EXTRA)


def addresses(monitor: Monitor, gate: SimulatedGate) -> list[str]:
    """All pages, with an alarm to see on them."""
    gate.at(0.0, InputChanged(DOOR, Input.TAMPER, True))
    alarms = monitor.wait(lambda alarms: [each for each in alarms if each["gate"] == gate.name])
    return [monitor.url + path.format(gate=gate.name, alarm=alarms[0]["number"]) for path in PAGES]


@pytest.mark.timed
def test_every_page_is_painted_within_a_second(browser: Browser, monitor: Monitor, gate: SimulatedGate) -> None:
    page = enter(browser, monitor, "chief", viewport=PHONE)
    for address in addresses(monitor, gate):
        page.goto(address)
        assert page.evaluate(PAINT) <= 1000.0, address


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_has_nothing_serious_to_say(browser: Browser, monitor: Monitor, gate: SimulatedGate, scheme: str) -> None:
    looks: dict[str, Any] = {"color_scheme": scheme, "reduced_motion": "reduce"}  # colours at rest
    page = enter(browser, monitor, "chief", **looks, viewport=PHONE)
    for address in addresses(monitor, gate):
        page.goto(address)
        assert findings(page) == [], address
    page.context.clear_cookies()
    page.goto(f"{monitor.url}/login")
    assert findings(page) == []
