"""The page in a real browser: what a guard does with it, in both languages, at every size, for everybody."""

from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, expect

from edge.facts import InputChanged
from edge.mqtt import Address, Connection, Message
from edge.seal import GENESIS
from edge.simulate import HOST
from edge.terms import Input
from edge.traffic import DOOR, SimulatedGate
from tests.adapters.brokers import Mosquitto
from tests.room.conftest import PASSWORD, Monitor, a_room, enter, get, row
from tests.room.test_monitor import link

monitor = a_room()


@pytest.mark.real
def test_an_alarm_appears_is_acknowledged_and_does_not_close_before_its_check(
    browser: Browser, monitor: Monitor, gate: SimulatedGate
) -> None:
    page = enter(browser, monitor)
    troubles: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    gate.at(0.0, InputChanged(DOOR, Input.CONTACT, True))
    expect(row(page, gate)).to_contain_text("Door forced open")
    row(page, gate).get_by_role("button", name="Acknowledge").click()
    expect(row(page, gate)).to_contain_text("acknowledged, active")
    row(page, gate).get_by_role("button", name="Close").click()
    expect(page.get_by_role("alert")).to_contain_text("still active")
    gate.at(0.0, InputChanged(DOOR, Input.CONTACT, False))
    expect(row(page, gate)).to_contain_text("awaits its check")
    row(page, gate).get_by_role("button", name="Close").click()
    expect(page.get_by_role("alert")).to_contain_text("second look")
    row(page, gate).get_by_role("link", name="Mended").click()
    page.locator("#text-mend").fill("the closer was adjusted")
    page.get_by_role("button", name="Mended").click()
    expect(page.locator(".story")).to_contain_text("the closer was adjusted")
    page.get_by_role("link", name="Overview").last.click()
    row(page, gate).get_by_role("button", name="Second look").click()
    expect(page.get_by_role("alert")).to_contain_text("another person")
    other = enter(browser, monitor, "wang", locale="zh-CN")
    row(other, gate).get_by_role("button", name="复查").click()
    expect(row(page, gate)).to_contain_text("checked, may be closed")
    row(page, gate).get_by_role("button", name="Close").click()
    expect(row(page, gate)).to_have_count(0)
    page.get_by_text("Closed last").click()
    gate.at(0.0, InputChanged(DOOR, Input.TAMPER, True))
    expect(row(page, gate)).to_contain_text("Housing opened")
    expect(page.locator("details[open]")).to_contain_text("Closed last")
    assert troubles == []


@pytest.mark.real
def test_a_script_in_a_message_is_text(browser: Browser, monitor: Monitor, broker: Mosquitto) -> None:
    page = enter(browser, monitor, "sun")
    attack = "<img src=x onerror=alert(1)>"
    doors = {attack: {"mode": attack, "physical": ["x"]}}
    state = {"doors": doors, "cameras": {"a": {"status": {"b": 1}}}, "whitelist": 3}
    connection = Connection(Address(HOST, broker.port))
    presence = msgspec.json.encode({"status": "online", "gate": state})
    page.on("dialog", lambda dialog: pytest.fail("a script ran"))
    for _ in range(60):  # the room may not have subscribed yet
        connection.publish(Message("edge/v1/demo/evil/state", presence))
        connection.publish(Message("edge/v1/demo/evil/health", b'{"a": {"frames_per_s": "x"}, "outbox": []}'))
        connection.publish(Message("edge/v1/demo/evil/alarm", link("evil", 1, GENESIS, attack, attack)))
        while connection.unconfirmed:
            connection.turn(0.1)
        page.wait_for_timeout(250)
        if page.locator("a.gate", has_text="evil").count():
            break
    expect(page.locator("a.gate", has_text="evil")).to_contain_text(attack)
    page.goto(f"{monitor.url}/gates/demo/evil")
    expect(page.locator("h1")).to_contain_text("evil")
    page.goto(f"{monitor.url}/history?gate=evil")
    expect(page.locator("tbody tr").first).to_contain_text(attack)
    connection.close()


@pytest.mark.real
@pytest.mark.parametrize("path", ["/", "/history", "/figures", "/gate", "/alarm"])
def test_every_page_fits_a_phone_reads_in_both_languages_and_has_names_for_everything(
    browser: Browser, monitor: Monitor, gate: SimulatedGate, path: str
) -> None:
    if path == "/alarm":
        gate.at(0.0, InputChanged(DOOR, Input.TAMPER, True))
        [found] = monitor.wait(lambda alarms: [each for each in alarms if each["gate"] == gate.name])[:1]
        path = f"/alarms/{found['number']}"
    path = path.replace("/gate", f"/gates/demo/{gate.name}") if path == "/gate" else path
    titles = set()
    for language in ("zh-CN", "en-GB"):
        page = enter(browser, monitor, locale=language, viewport={"width": 375, "height": 812}, color_scheme="dark")
        assert page.goto(monitor.url + path).status == 200  # type: ignore[union-attr]
        assert page.evaluate("document.documentElement.scrollWidth") <= 375
        assert page.evaluate(NAMELESS) == []
        titles.add(page.title())
        assert page.evaluate("document.documentElement.lang") == ("zh-CN" if language == "zh-CN" else "en")
    assert len(titles) == 2 or gate.name in titles.pop()


@pytest.mark.real
def test_who_switches_the_language_keeps_what_was_searched_for(browser: Browser, monitor: Monitor) -> None:
    page = enter(browser, monitor)
    page.goto(f"{monitor.url}/history?gate=north&severity=300")
    page.get_by_role("link", name="中文").click()
    expect(page).to_have_url(f"{monitor.url}/history?gate=north&severity=300")
    expect(page.locator("html")).to_have_attribute("lang", "zh-CN")


@pytest.mark.real
def test_on_a_phone_whoever_is_logged_in_is_named_and_reaches_their_account(browser: Browser, monitor: Monitor) -> None:
    phone: dict[str, Any] = {"viewport": {"width": 375, "height": 812}, "has_touch": True}
    for language in ("zh-CN", "en-GB"):
        page = enter(browser, monitor, "zhao", locale=language, **phone)
        page.wait_for_load_state()  # with its style
        me = page.get_by_role("link", name="zhao")
        box = me.bounding_box()
        assert (
            box
            and min(box["width"], box["height"]) >= 24
            and page.evaluate("document.documentElement.scrollWidth") <= 375
        )
        me.tap()
        expect(page.locator("h1")).to_contain_text("zhao")


@pytest.mark.real
def test_the_page_of_a_gate_that_is_not_heard_says_that_it_shows_what_was_last_known(
    browser: Browser, monitor: Monitor, gate: SimulatedGate, broker: Mosquitto
) -> None:
    overview, page = enter(browser, monitor), enter(browser, monitor)
    page.goto(f"{monitor.url}/gates/demo/{gate.name}")
    expect(page.locator("#gate")).to_contain_text("locked")
    expect(page.locator("#gate")).not_to_contain_text("last known")
    connection = Connection(Address(HOST, broker.port))
    connection.publish(Message(f"edge/v1/demo/{gate.name}/state", b'{"status":"offline"}'))
    while connection.unconfirmed:
        connection.turn(0.1)
    expect(page.locator("#gate")).to_contain_text("last known")
    expect(page.locator("#gate")).to_contain_text("locked")
    expect(overview.locator("li", has=overview.locator("a.gate", has_text=gate.name))).to_contain_text("last known:")
    connection.close()


NAMELESS = """() => [...document.querySelectorAll('button, a, input:not([type=hidden]), select, [role=img]')]
    .filter(e => !(e.textContent || e.ariaLabel || e.title).trim() && !(e.labels && e.labels.length))
    .map(e => e.outerHTML)"""
"""Everything that can be used and has no name for who cannot see it."""


@pytest.mark.real
def test_history_is_exported_without_formulas_and_names_are_for_some(monitor: Monitor, gate: SimulatedGate) -> None:
    gate._somebody()
    gate._somebody()
    monitor.wait(lambda _: len(monitor.call(f"/api/events?gate={gate.name}")["events"]) > 6)
    for who, seen in (("li", True), ("sun", False)):
        answer = get(f"{monitor.url}/history.csv?gate={gate.name}", auth=(who, PASSWORD))
        lines = answer.text.lstrip("\ufeff").splitlines()
        assert lines[0].startswith("time,site,gate") and len(lines) > 6
        assert any(",p" in line for line in lines[1:]) is seen
    for path in ("/history", "/history.csv"):
        refused = get(f"{monitor.url}{path}?since=yesterday", auth=("li", PASSWORD))
        assert (
            refused.status_code == 400
            and "yesterday is no time" in refused.text
            and gate.name not in refused.text.split("</form>")[-1]
        )
    audit = get(f"{monitor.url}/audit", auth=("chief", PASSWORD)).text
    assert "exported history" in audit and get(f"{monitor.url}/audit", auth=("li", PASSWORD)).status_code == 403
