"""The one-page guide of a guard, walked through in a browser in Chinese; the wall screen, read from across a room."""

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.facts import InputChanged
from edge.i18n import speaking
from edge.mqtt import Address, Connection, Message
from edge.seal import GENESIS
from edge.simulate import HOST
from edge.terms import Input
from edge.traffic import DOOR, SimulatedGate
from monitor.words import ACTIONS, COMMANDS
from tests.adapters.brokers import Mosquitto, until
from tests.conftest import ROOT
from tests.room.conftest import Monitor, a_room, enter, row
from tests.room.test_monitor import link

EXTRA = """
[site.names]
main = "正门"
[[inspection]]
name = "门体"
every_days = 7
"""
CHINESE = speaking("zh_CN")
BUTTONS = ("Log in", "Log out", "Overview", "Maintenance", "Report a fault", "Done", "Note", "Wall screen")
SMALLEST_PX = 36
"""Of text on a wall screen 1080 pixels high: 16 minutes of arc on a 65 inch screen, five metres off (ISO 9241-303)."""


monitor = a_room(EXTRA)


@pytest.mark.parametrize(("file", "spoken"), [("guide.zh.md", CHINESE), ("guide.md", speaking("en"))])
def test_the_guide_names_what_the_page_shows(file: str, spoken: Any) -> None:
    text = (ROOT / "docs" / file).read_text()
    named = set(re.findall(r"\*\*[【\[]([^】\]]+)[】\]]\*\*", text))
    known = {spoken(str(each)) for each in (*BUTTONS, *ACTIONS.values(), *COMMANDS.values())}
    assert len(named) >= 12 and named <= known
    pictures = re.findall(r"pictures/[\w.]+", text)
    assert len(pictures) == 6 and all((ROOT / "docs" / name).exists() for name in pictures)


@pytest.mark.real
def test_the_five_tasks_of_a_shift(browser: Browser, monitor: Monitor, gate: SimulatedGate) -> None:
    guard = enter(browser, monitor, "zhao", locale="zh-CN", viewport={"width": 375, "height": 812})
    gate.at(0.0, InputChanged(DOOR, Input.TAMPER, True))
    expect(row(guard, gate)).to_contain_text("机壳被打开")  # see
    row(guard, gate).get_by_role("link").click()  # look
    expect(guard.locator("dl")).to_contain_text("正门")
    guard.get_by_role("link", name=gate.name).click()
    expect(guard.locator("#gate")).to_contain_text("entrance")
    guard.goto(monitor.url)
    row(guard, gate).get_by_role("button", name="确认").click()  # act
    expect(row(guard, gate)).to_contain_text("已确认")
    gate.at(0.0, InputChanged(DOOR, Input.TAMPER, False))
    row(guard, gate).get_by_role("link", name="已处理").click()
    guard.locator("#text-mend").fill("外壳已装好")
    guard.get_by_role("button", name="已处理").click()
    expect(guard.locator(".story")).to_contain_text("外壳已装好")
    guard.get_by_role("link", name="维护").click()  # hand over
    guard.get_by_role("button", name="完成").click()
    expect(guard.locator("main")).to_contain_text("zhao")
    guard.get_by_role("link", name="总览").click()
    row(guard, gate).get_by_role("link").click()
    guard.get_by_label("备注").fill("明早更换密封")
    guard.get_by_role("button", name="备注").click()
    expect(guard.locator("main")).to_contain_text("明早更换密封")
    guard.get_by_role("button", name="退出").click()
    following = enter(browser, monitor, "wang", locale="zh-CN")  # close
    row(following, gate).get_by_role("button", name="复查").click()
    row(following, gate).get_by_role("button", name="关闭").click()
    expect(row(following, gate)).to_have_count(0)


@pytest.mark.real
def test_the_wall_screen_is_read_at_five_metres_and_stays_on_it(
    browser: Browser, monitor: Monitor, gate: SimulatedGate
) -> None:
    page = enter(browser, monitor, "sun", locale="zh-CN", viewport={"width": 1920, "height": 1080})
    page.goto(f"{monitor.url}/wall")
    gate.at(0.0, InputChanged(DOOR, Input.CONTACT, True))
    expect(row(page, gate)).to_contain_text("门被强行打开")
    assert page.evaluate(SMALLEST) >= SMALLEST_PX
    assert page.evaluate("[scrollWidth, scrollHeight].join()".replace("scroll", "document.body.scroll")) == "1920,1080"


@pytest.mark.real
def test_the_wall_screen_says_how_many_alarms_do_not_fit(
    browser: Browser, monitor: Monitor, broker: Mosquitto, gate: SimulatedGate
) -> None:
    page = enter(browser, monitor, "sun", locale="en-GB", viewport={"width": 1920, "height": 1080})
    page.goto(f"{monitor.url}/wall")
    gate.at(0.0, InputChanged(DOOR, Input.TAMPER, True))
    expect(row(page, gate)).to_be_visible()
    until(lambda: page.evaluate(SEEN)[1:3] == [0, ""] or shows_what_fits(page, 3))  # gates of before may be lost by now
    far(broker, "far", 20, "DoorTamper", active=True)
    expect(page.locator("li.alarm", has_text="far-")).to_have_count(20)
    until(lambda: shows_what_fits(page, 3))
    page.set_viewport_size({"width": 375, "height": 812})
    until(lambda: shows_what_fits(page, 3))
    page.set_viewport_size({"width": 320, "height": 240})
    until(lambda: page.evaluate(SEEN)[0] == 1)
    page.set_viewport_size({"width": 1920, "height": 1080})
    page.goto(f"{monitor.url}/language/zh_CN?back=/wall")
    expect(page.locator("#more")).to_have_text(re.compile(r"另有 \d+ 条"))
    page.goto(monitor.url)  # where one can scroll
    expect(page.locator("li.alarm", has_text="far-")).to_have_count(20)
    until(lambda: page.evaluate(SEEN)[1:3] == [0, ""])


@pytest.mark.real
def test_the_wall_screen_says_how_many_gates_do_not_fit_and_those_are_well(
    browser: Browser, monitor: Monitor, broker: Mosquitto, gate: SimulatedGate
) -> None:
    page = enter(browser, monitor, "sun", locale="en-GB", viewport={"width": 1920, "height": 1080})
    page.goto(f"{monitor.url}/wall")
    gate.at(0.0, InputChanged(DOOR, Input.TAMPER, True))
    expect(row(page, gate)).to_be_visible()
    far(broker, "apart", 30, "DoorPhysicalStateChanged", state="Closed")
    expect(page.locator("#gates li", has_text="apart-")).to_have_count(30)
    until(lambda: shows_gates_that_fit(page))
    page.set_viewport_size({"width": 375, "height": 812})
    until(lambda: shows_gates_that_fit(page))
    page.goto(monitor.url)  # where one can scroll
    expect(page.locator("#gates .more")).to_be_hidden()


def far(broker: Mosquitto, name: str, number: int, kind: str, **data: Any) -> None:
    """The first events of so many gates."""
    connection = Connection(Address(HOST, broker.port))
    for each in range(number):
        event = link(f"{name}-{each}", 1, GENESIS, f"edge-gate.{kind}", "door/main", **data)
        connection.publish(Message(f"edge/v1/demo/{name}-{each}/event", event))
    while connection.unconfirmed:
        connection.turn(0.1)
    connection.close()


def shows_gates_that_fit(page: Page) -> bool:
    """Whether gates are shown, whole, and below them how many are not, none of which is worse than one that is."""
    shown, hidden, said, edges = page.evaluate(GATES)
    fits = shown and hidden and max(shown) <= min(hidden) and edges == sorted(edges)
    return bool(fits) and said == f"{len(hidden)} more gates"


GATES = """() => {
    const levels = ['urgent', 'high', 'medium', 'low', 'off', 'well'];
    const rank = row => levels.findIndex(level => row.querySelector(`.level-${level}`));
    const rows = [...document.querySelectorAll('#gates li')], more = document.querySelector('#gates .more');
    const shown = rows.filter(row => row.checkVisibility()), hidden = rows.filter(row => !row.checkVisibility());
    const bottom = Math.max(...shown.map(row => row.getBoundingClientRect().bottom));
    const line = more.getBoundingClientRect();
    return [shown.map(rank), hidden.map(rank), more.hidden ? '' : more.textContent,
        [bottom, line.top, line.bottom, innerHeight]];
}"""
"""How bad the gates are that are shown, and those that are not, what is said of these, and how these follow."""


def shows_what_fits(page: Page, least: int) -> bool:
    """Whether at least so many alarms are shown, whole, and below them how many are not."""
    shown, hidden, said, edges = page.evaluate(SEEN)
    return shown >= least and hidden > 0 and said == f"{hidden} more" and edges == sorted(edges)


SEEN = """() => {
    const rows = [...document.querySelectorAll('li.alarm')], shown = rows.filter(row => row.checkVisibility());
    const last = shown.at(-1)?.getBoundingClientRect(), {top, bottom} = more.getBoundingClientRect();
    return [shown.length, rows.length - shown.length, more.hidden ? '' : more.textContent,
        [last?.bottom, top, bottom, innerHeight]];
}"""
"""How many alarms are shown, how many not, what is said of these, and how these follow: all at one moment."""

SMALLEST = """() => Math.min(...[...document.querySelectorAll('main *, header *')]
    .filter(e => e.checkVisibility({checkVisibilityCSS: true}) && !e.closest('.unseen') && !e.closest('svg')
        && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()))
    .map(e => parseFloat(getComputedStyle(e).fontSize)))"""
"""The smallest letters that are seen, in pixels."""
