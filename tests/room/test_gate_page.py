"""The page of a gate in a real browser: it follows what happens, and no press goes to a button that has just come."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.facts import InputChanged
from edge.terms import Input
from edge.traffic import DOOR, SimulatedGate
from monitor.view import HERE
from tests.room.conftest import Monitor, a_room, enter

monitor = a_room('[commands]\noperator = "room"\n')

PRESS = """() => {
    const button = document.querySelector(".commands button"), before = button.getBoundingClientRect().y;
    document.body.addEventListener("htmx:afterSwap", () => {
        if (button.getBoundingClientRect().y > before)
            button.dispatchEvent(new MouseEvent("click", { bubbles: true, cancelable: true, detail: 1 }));
    });
}"""
"""Press the first button with a pointer that stands still, as soon as a merge has pushed it there."""
QUIET = "() => addEventListener('room:gates', event => event.stopImmediatePropagation(), true)"
"""Nothing new comes of the gate itself."""


def opened(browser: Browser, monitor: Monitor, gate: SimulatedGate) -> Page:
    """The page of a gate on a phone, live."""
    page = enter(browser, monitor, viewport={"width": 375, "height": 812})
    page.goto(f"{monitor.url}/gates/demo/{gate.name}")
    expect(page.locator("#link .live")).to_be_visible()
    return page


@pytest.mark.real
def test_it_shows_what_is_done_elsewhere_with_its_alarms(
    browser: Browser, monitor: Monitor, gate: SimulatedGate
) -> None:
    page = opened(browser, monitor, gate)
    page.evaluate(QUIET)
    gate.at(0.0, InputChanged(DOOR, Input.TAMPER, True))
    line = page.locator("#gate li.alarm", has_text="Housing opened")
    expect(line).to_contain_text("active")
    [alarm] = [each for each in monitor.alarms() if (each["gate"], each["kind"]) == (gate.name, "DoorTamper")]
    monitor.call(f"/api/alarms/{alarm['number']}/acknowledge")
    expect(line).to_contain_text("acknowledged, active")


@pytest.mark.real
def test_its_ages_grow_while_nothing_happens(browser: Browser, monitor: Monitor, gate: SimulatedGate) -> None:
    page = opened(browser, monitor, gate)
    page.clock.install()
    page.reload()
    page.evaluate(QUIET)
    expect(page.locator("#link .live")).to_be_visible()
    with page.expect_response(lambda answer: "hx-request" in answer.request.headers and gate.name in answer.url):
        page.clock.fast_forward(31_000)


@pytest.mark.real
def test_a_button_that_a_merge_has_pushed_under_the_pointer_takes_no_press(
    browser: Browser, monitor: Monitor, gate: SimulatedGate
) -> None:
    page, sent = opened(browser, monitor, gate), list[str]()
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.evaluate(PRESS)
    gate.at(0.0, InputChanged(DOOR, Input.TAMPER, True))
    expect(page.get_by_role("alert")).to_contain_text("The list has moved")
    assert sent == []


def test_every_button_has_a_name_by_which_it_is_known_to_have_moved() -> None:
    files = sorted((HERE / "templates").glob("*.html"))
    buttons = {tag: file.name for file in files for tag in re.findall(r"<button\b[^>]*>", file.read_text("utf-8"))}
    assert len(buttons) > 10
    assert [f"{file}: {tag}" for tag, file in buttons.items() if " id=" not in tag] == []
