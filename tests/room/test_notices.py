"""The page about who is told, in a real browser: try a level, and see at an alarm who was told of it."""

import xml.etree.ElementTree as ET

import pytest
from playwright.sync_api import Browser, Route, expect

from edge.facts import InputChanged
from edge.terms import Input
from edge.traffic import DOOR, SimulatedGate
from monitor.cap import NAMESPACE
from tests.adapters.brokers import until
from tests.room.conftest import PASSWORD, Monitor, a_room, enter, get, post
from tests.room.test_accessible import findings

pytestmark = pytest.mark.real
LEVELS = '[[level]]\nname = "guard_post"\ntopic = "notice/guard_post"\nlanguage = "en"\n'


monitor = a_room(LEVELS)


def test_a_level_is_tried_and_an_alarm_says_who_was_told(
    browser: Browser, monitor: Monitor, gate: SimulatedGate
) -> None:
    page = enter(browser, monitor)
    page.get_by_role("link", name="Notices").click()
    page.get_by_role("button", name="Test Guard post").click()
    expect(page.locator("#notices li.card")).to_contain_text("delivered")
    expect(page.locator("#said")).to_contain_text("The test was sent to Guard post")  # no refresh has wiped it away
    gate.at(0.0, InputChanged(DOOR, Input.CONTACT, True))
    expect(page.locator("tbody tr").first).to_contain_text("Door forced open")
    expect(page.locator("tbody tr").first).to_contain_text("delivered")
    assert findings(page) == []
    page.locator("tbody tr").first.get_by_role("link").click()
    expect(page.locator("main")).to_contain_text("Who was told")
    alert = get(f"{page.url}.cap", auth=("sun", PASSWORD))
    assert ET.fromstring(alert.content).findtext(f"{{{NAMESPACE}}}status") == "Actual"
    denied = post(f"{monitor.url}/notices/guard_post/test", auth=("zhao", PASSWORD), json={})
    assert denied.status_code == 403


def test_what_changes_while_a_part_is_fetched_has_it_fetched_again(browser: Browser, monitor: Monitor) -> None:
    page, held = enter(browser, monitor), list[Route]()

    def hold(route: Route) -> None:
        """The first part that the page asks for is held back."""
        first = not held and "hx-request" in route.request.headers
        held.append(route) if first else route.continue_()

    page.add_init_script("window.told = 0; addEventListener('room:notices', () => { window.told += 1; })")
    page.route("**/notices", hold)
    page.goto(f"{monitor.url}/notices")
    until(lambda: page.evaluate("window.told") and held)
    before, stale = page.evaluate("window.told"), held[0].fetch()
    shown = page.locator("#notices tbody tr").count()
    assert post(f"{monitor.url}/notices/guard_post/test", auth=("li", PASSWORD), json={}).status_code == 200
    until(lambda: page.evaluate("window.told") > before)
    held[0].fulfill(response=stale)
    expect(page.locator("#notices tbody tr")).to_have_count(shown + 1)
