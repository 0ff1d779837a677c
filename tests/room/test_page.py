"""The page in a real browser: what a guard does with it, in both languages, at every size, for everybody."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from edge.errors import EdgeError
from edge.events import TABLE
from edge.facts import InputChanged
from edge.fallbacks import TABLE as DEGRADED
from edge.i18n import speaking
from edge.mqtt import Address, Connection, Message
from edge.seal import GENESIS
from edge.simulate import HOST
from edge.terms import Input, Moment, Reason, Status
from edge.traffic import DOOR, SimulatedGate
from monitor import words
from monitor.charts import Bar, Row, bars, rows
from monitor.downtime import active_s
from monitor.figures import spans
from monitor.plan import Mark, Plan
from monitor.terms import Action, Check, Priority, Stage, State
from monitor.words import KINDS, detailed, where, word
from tests.adapters.brokers import Mosquitto, until
from tests.room.conftest import PASSWORD, Monitor, enter, get
from tests.room.test_monitor import link


@pytest.fixture(scope="module", params=["sqlite"])
def monitor(
    request: pytest.FixtureRequest, broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Monitor]:
    with Monitor(tmp_path_factory.mktemp("page"), broker) as monitor:
        yield monitor


def row(page: Page, gate: SimulatedGate) -> Any:
    return page.locator("li.alarm", has_text=gate.name)


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
def test_what_happens_before_the_page_hears_of_news_is_on_it(
    browser: Browser, monitor: Monitor, gate: SimulatedGate
) -> None:
    page, held = enter(browser, monitor), list[Route]()
    page.route("**/stream", lambda route: held.append(route))
    page.goto(monitor.url)
    until(lambda: page.evaluate("0") or held)
    gate.at(0.0, InputChanged(DOOR, Input.TAMPER, True))
    monitor.wait(lambda alarms: [each for each in alarms if each["gate"] == gate.name])
    held[0].continue_()
    expect(row(page, gate)).to_contain_text("Housing opened")


@pytest.mark.real
def test_a_part_that_cannot_be_had_leaves_what_is_shown_and_is_asked_for_again(
    browser: Browser, monitor: Monitor, gate: SimulatedGate
) -> None:
    page, failed = enter(browser, monitor), list[Route]()

    def fail(route: Route) -> None:
        """Once, as while the database is locked."""
        failed.append(route)
        route.continue_() if len(failed) > 1 else route.fulfill(status=503, json={"error": "locked", "hint": ""})

    expect(page.locator("#link .live")).to_be_visible()
    page.route("**/part/alarms", fail)
    gate.at(0.0, InputChanged(DOOR, Input.TAMPER, True))
    expect(page.locator("#link .lost")).to_be_visible()
    expect(page.locator("#alarms")).to_be_visible()
    expect(row(page, gate)).to_contain_text("Housing opened")
    expect(page.locator("#link .live")).to_be_visible()
    page.context.clear_cookies()
    row(page, gate).get_by_role("button", name="Acknowledge").click()
    expect(page.locator("#password")).to_be_visible()


@pytest.mark.real
def test_a_page_whose_room_hangs_is_not_called_live(browser: Browser, monitor: Monitor) -> None:
    page = enter(browser, monitor)
    page.clock.install()
    page.goto(monitor.url)
    expect(page.locator("#link .live")).to_be_visible()
    with monitor.hung():
        page.clock.fast_forward(60_000)
        expect(page.locator("#link .lost")).to_be_visible()
    page.clock.fast_forward(60_000)
    expect(page.locator("#link .live")).to_be_visible()


AGAIN = """([x, y]) => {
    window.presses = window.sent = 0;
    const click = () => new MouseEvent("click", { bubbles: true, cancelable: true, detail: 1 });
    const is_post = (event) => event.detail.requestConfig.verb === "post";
    document.body.addEventListener("htmx:beforeRequest", (event) => { window.sent += is_post(event); });
    document.body.addEventListener("htmx:afterSwap", (event) => {
        if (is_post(event) && !window.presses++) document.elementFromPoint(x, y).dispatchEvent(click());
    });
}"""
"""Press again where the mouse stands, as soon as the list has moved; both are counted, and what is sent."""


@pytest.mark.real
def test_a_second_press_at_the_same_place_takes_no_other_alarm(
    browser: Browser, monitor: Monitor, gate: SimulatedGate
) -> None:
    page = enter(browser, monitor)
    for which in (Input.TAMPER, Input.CONTACT):
        gate.at(0.0, InputChanged(DOOR, which, True))
    expect(row(page, gate)).to_have_count(2)
    box = page.locator("button.acknowledge").first.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.evaluate(AGAIN, [x, y])
    page.mouse.click(x, y)
    until(lambda: page.evaluate("window.presses"))
    assert page.evaluate("([x, y]) => document.elementFromPoint(x, y).className", [x, y]) == "acknowledge", "another's"
    assert page.evaluate("window.sent") == 1
    page.mouse.move(x, y + 200)
    page.mouse.click(x, y)
    until(lambda: page.evaluate("window.sent") == 2)


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
    page = enter(browser, monitor)
    page.goto(f"{monitor.url}/gates/demo/{gate.name}")
    expect(page.locator("#gate")).to_contain_text("locked")
    expect(page.locator("#gate")).not_to_contain_text("last known")
    connection = Connection(Address(HOST, broker.port))
    connection.publish(Message(f"edge/v1/demo/{gate.name}/state", b'{"status":"offline"}'))
    while connection.unconfirmed:
        connection.turn(0.1)
    expect(page.locator("#gate")).to_contain_text("last known")
    expect(page.locator("#gate")).to_contain_text("locked")
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


# What needs no browser -----------------------------------------------------------------------------------------------


def test_everything_that_can_be_shown_has_a_name() -> None:
    assert [kind.__name__ for kind in TABLE if kind.__name__ not in KINDS] == [], "name it in monitor/words.py"
    assert DEGRADED.keys() <= words.DEGRADED.keys()
    own: dict[type, Any] = {Stage: words.STAGES, Reason: words.REASONS, Moment: words.MOMENTS}
    for names in (State, Stage, Action, Priority, Reason, Status, Moment):
        unnamed = [name for name in names if word(name, own.get(names, {})) == name and not name.islower()]
        assert unnamed == []
    assert all(check.awaited for check in Check)


def test_no_two_lists_that_are_looked_through_have_another_word_for_one_name() -> None:
    found = [(str(name), said) for names in words.EVERY for name, said in names.items()]
    assert len(dict(found)) == len(set(found))
    assert word(State.CLEARED) == "over, not acknowledged" and word(Stage.CLEARED, words.STAGES) == "over"


def test_a_plan_is_coloured_and_stripped_of_what_could_act(tmp_path: Path) -> None:
    file = tmp_path / "plan.svg"
    file.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" onload="x()"><script>x()</script><a href="javascript:x()"/>'
        '<rect id="hq/gate-1"/><path id="hq/gate-1/door/main"/></svg>'
    )
    marks = {"hq/gate-1": Mark("urgent", "gate <1>"), "hq/gate-1/door/main": Mark("open", "door main: open")}
    drawn = Plan(file).drawn(marks)
    assert "script" not in drawn and "onload" not in drawn
    assert '<a href="/gates/hq/gate-1" aria-label="gate &lt;1&gt;"><rect' in drawn and drawn.count("<a ") == 2
    assert 'class="place level-urgent"' in drawn and 'class="place level-open"><title>door main' in drawn


@pytest.mark.parametrize("text", ["", "<html/>", "<svg", '<!DOCTYPE x [<!ENTITY a "b">]><svg/>'])
def test_what_is_no_plan_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "plan.svg"
    file.write_text(text)
    with pytest.raises(EdgeError, match=r"plan|SVG"):
        Plan(file)


def test_a_chart_is_as_high_as_its_numbers_and_says_them() -> None:
    chart = bars("Passages <x>", [Bar("11-23", [30, 10]), Bar("11-24", [0, 0])], ["in", "out"])
    assert "<title>Passages &lt;x&gt;</title>" in chart and "<title>11-23 in: 30</title>" in chart
    assert chart.count("<rect") == 4 and 'height="0.0"' in chart
    grouped = bars("", [Bar("11-23", [30, 10])], ["in", "out"], grouped=True)
    heights = [float(each.split('"')[0]) for each in grouped.split('height="')[1:]]
    assert heights[1] == pytest.approx(heights[0] / 3, abs=0.1) and heights[0] == pytest.approx(166 * 30 / 32, abs=0.1)
    listed = rows("Why", [Row("<late>", 3, "3"), Row("other", 1, "1")])
    assert "<desc>&lt;late&gt;: 3; other: 1</desc>" in listed


def test_days_and_weeks_of_the_site_follow_each_other() -> None:
    now = datetime(2026, 3, 29, 12, 0, tzinfo=ZoneInfo("Europe/Berlin"))  # a day of 23 hours
    days, weeks = spans(False, now), spans(True, now)
    assert (len(days), len(weeks)) == (14, 12) and days[-1].until - days[-1].since == 23 * 3600
    for found in (days, weeks):
        assert [one.until for one in found[:-1]] == [other.since for other in found[1:]]
        assert found[-1].since <= now.timestamp() < found[-1].until
    assert (days[-1].label, weeks[-1].label) == ("03-29", "03-23")


def test_a_device_is_out_of_service_while_its_fault_is_there() -> None:
    story = [(Stage.RAISED, 100.0), (Stage.ACKNOWLEDGED, 110.0), (Stage.REALARMED, 120.0), (Stage.CLEARED, 130.0),
             (Stage.CLOSED, 150.0), (Stage.REOPENED, 180.0)]  # fmt: skip
    assert active_s(story, 0.0, 200.0) == 30.0 + 20.0
    assert active_s(story, 115.0, 190.0) == 15.0 + 10.0
    assert active_s(story[:1], 0.0, 90.0) == 0.0


def test_details_are_read_in_the_readers_language() -> None:
    chinese = speaking("zh_CN")
    assert detailed("", "status: covered, detail: contrast 0.012", chinese) == "状况: 被遮挡, 详情: contrast 0.012"
    assert detailed("", "state: slow, undelivered: 3, detail: a: b", chinese) == "状态: 缓慢, 未投递: 3, 详情: a: b"
    assert detailed("", "room: door 3 <b>", chinese) == "room: door 3 <b>"
    assert where("", chinese) == "" and where("reader/pad", chinese) == "读卡器 pad"
