"""What the page in a browser does with news: parts that are merged, presses meanwhile, and a room that is lost."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Route, expect

from edge.facts import InputChanged
from edge.terms import Input
from edge.traffic import DOOR, SimulatedGate
from tests.adapters.brokers import until
from tests.room.conftest import Monitor, a_room, enter, row

monitor = a_room()


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
def test_a_press_that_did_not_arrive_is_told_also_when_its_button_has_gone_meanwhile(
    browser: Browser, monitor: Monitor, gate: SimulatedGate
) -> None:
    page = enter(browser, monitor)
    gate.at(0.0, InputChanged(DOOR, Input.TAMPER, True))
    expect(row(page, gate)).to_contain_text("Housing opened")

    def lose(route: Route) -> None:
        monitor.call("/api" + urlsplit(route.request.url).path, "wang")
        expect(row(page, gate).locator("button.acknowledge")).to_have_count(0)
        route.abort()

    page.route("**/acknowledge", lose)
    row(page, gate).get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_role("alert")).to_contain_text("did not answer")


@pytest.mark.real
def test_a_page_whose_room_hangs_is_not_called_live(browser: Browser, monitor: Monitor) -> None:
    page = enter(browser, monitor)
    page.clock.install()
    page.goto(monitor.url)
    expect(page.locator("#link .live")).to_be_visible()
    with monitor.hung():
        page.clock.fast_forward(60_000)
        expect(page.locator("#link .lost")).to_be_visible(timeout=15_000)  # before a fetch that hangs is given up
    page.clock.fast_forward(60_000)
    expect(page.locator("#link .live")).to_be_visible()


@pytest.mark.real
def test_nothing_moves_under_a_mouse_that_is_held_down(browser: Browser, monitor: Monitor, gate: SimulatedGate) -> None:
    page = enter(browser, monitor)
    page.get_by_role("link", name="Figures").focus()  # which loses it to what is pressed
    box = page.locator("#alarms-title").bounding_box()
    assert box
    page.mouse.move(box["x"] + 5, box["y"] + 5)
    page.mouse.down()
    with page.expect_response("**/part/alarms"):
        gate.at(0.0, InputChanged(DOOR, Input.TAMPER, True))
        monitor.wait(lambda alarms: [each for each in alarms if each["gate"] == gate.name])
    assert row(page, gate).count() == 0
    page.mouse.up()
    expect(row(page, gate)).to_contain_text("Housing opened")
    page.mouse.click(box["x"] + 5, box["y"] + 5, button="right")
    gate.at(0.0, InputChanged(DOOR, Input.CONTACT, True))
    expect(row(page, gate)).to_have_count(2)


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
def test_a_step_that_is_pressed_at_the_moment_it_is_offered_is_the_step_that_it_names(
    browser: Browser, monitor: Monitor, gate: SimulatedGate
) -> None:
    """A form that became another one by a merge would do for a moment what it did before."""
    page = enter(browser, monitor)
    gate.at(0.0, InputChanged(DOOR, Input.CONTACT, True))
    expect(row(page, gate)).to_contain_text("Door forced open")
    row(page, gate).evaluate(AT_ONCE)
    row(page, gate).get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_role("alert")).to_contain_text("still active")


@pytest.mark.real
def test_an_answer_that_comes_after_news_has_taken_its_button_away_is_merged_too(
    browser: Browser, monitor: Monitor, gate: SimulatedGate
) -> None:
    """Whoever has pressed sees one list, with what came meanwhile, and the next step is there to be pressed."""
    page = enter(browser, monitor)
    gate.at(0.0, InputChanged(DOOR, Input.CONTACT, True))
    expect(row(page, gate)).to_contain_text("Door forced open")
    row(page, gate).evaluate(AT_ONCE)

    def late(route: Route) -> None:
        answer = route.fetch()
        gate.at(0.0, InputChanged(DOOR, Input.TAMPER, True))
        expect(row(page, gate)).to_have_count(2)
        expect(row(page, gate).locator("button.acknowledge")).to_have_count(1)
        route.fulfill(response=answer)

    page.route("**/acknowledge", late)
    row(page, gate).get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_role("alert")).to_contain_text("still active")
    expect(row(page, gate)).to_have_count(2)
    expect(page.locator("[id=alarms]")).to_have_count(1)


@pytest.mark.real
def test_what_was_said_of_one_alarm_outlasts_the_answer_about_another(
    browser: Browser, monitor: Monitor, gate: SimulatedGate
) -> None:
    page = enter(browser, monitor)
    for which in (Input.TAMPER, Input.CONTACT):
        gate.at(0.0, InputChanged(DOOR, which, True))
    tampered, forced = (row(page, gate).filter(has_text=text) for text in ("Housing opened", "Door forced open"))
    expect(tampered).to_be_visible()
    expect(forced).to_be_visible()
    now = datetime.now(UTC)
    page.clock.set_fixed_time(now)

    def overtaken(route: Route) -> None:
        answer = route.fetch()
        tampered.locator("button.close").evaluate("button => button.click()")
        expect(page.get_by_role("alert")).to_contain_text("still active")
        route.fulfill(response=answer)

    page.route("**/acknowledge", overtaken)
    with page.expect_response("**/acknowledge"):
        forced.locator("button.acknowledge").evaluate("button => button.click()")
    expect(page.get_by_role("alert")).to_contain_text("still active")
    page.unroute("**/acknowledge")
    forced.locator("button.close").evaluate("button => button.click()")
    expect(page.get_by_role("alert")).to_have_text([re.compile(f"#.*{each}") for each in ("Door forced", "Housing")])
    tampered.locator("button.acknowledge").evaluate("button => button.click()")
    expect(page.get_by_role("alert")).to_have_text([re.compile("Door forced")])
    page.clock.set_fixed_time(now + timedelta(seconds=16))
    tampered.locator("button.close").evaluate("button => button.click()")
    expect(page.get_by_role("alert")).to_have_text([re.compile("Housing")])


AT_ONCE = """row => {
    const press = (event) => {
        if (event.detail.requestConfig.verb !== "post") return;
        document.body.removeEventListener("htmx:afterSwap", press);
        row.querySelector(".close").click();
    };
    document.body.addEventListener("htmx:afterSwap", press);
}"""
"""Presses Close before anybody could, as soon as a step was taken; news may come at any time."""
