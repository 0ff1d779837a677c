"""The page about who is told, in a real browser: try a level, and see at an alarm who was told of it."""

import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from edge.facts import InputChanged
from edge.terms import Input
from edge.traffic import DOOR, SimulatedGate
from monitor.cap import NAMESPACE
from tests.adapters.brokers import Mosquitto
from tests.room.conftest import PASSWORD, Monitor, enter, get, post
from tests.room.test_accessible import findings

pytestmark = pytest.mark.real
LEVELS = '[[level]]\nname = "guard_post"\ntopic = "notice/guard_post"\nlanguage = "en"\n'


@pytest.fixture(scope="module", params=["sqlite"])
def monitor(
    request: pytest.FixtureRequest, broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Monitor]:
    with Monitor(tmp_path_factory.mktemp("notices"), broker, extra=LEVELS) as monitor:
        yield monitor


def test_a_level_is_tried_and_an_alarm_says_who_was_told(
    browser: Browser, monitor: Monitor, gate: SimulatedGate
) -> None:
    page = enter(browser, monitor)
    page.get_by_role("link", name="Notices").click()
    page.get_by_role("button", name="Test Guard post").click()
    expect(page.locator("li.card [role=status]")).to_contain_text("The test was sent")
    expect(page.locator("#notices li.card")).to_contain_text("delivered")
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
