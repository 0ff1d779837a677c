"""The page of one alarm in a real browser: it is live, what is typed stays, and a refused step says so."""

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from edge.facts import InputChanged
from edge.terms import Input
from edge.traffic import DOOR, SimulatedGate
from tests.room.conftest import PASSWORD, Monitor, a_room, enter, get

pytestmark = pytest.mark.real


monitor = a_room()


@pytest.fixture
def number(monitor: Monitor, gate: SimulatedGate) -> int:
    """Of an alarm of a housing that was opened and shut again."""
    for is_open in (True, False):
        gate.at(0.0, InputChanged(DOOR, Input.TAMPER, is_open))
    found: list[Any] = monitor.wait(lambda alarms: [each for each in alarms if of(gate, each) and not each["active"]])
    return next(each["number"] for each in found if of(gate, each))


def of(gate: SimulatedGate, alarm: Any) -> bool:
    return bool(alarm["gate"] == gate.name)


def faults(gate: SimulatedGate, alarms: list[Any]) -> list[Any]:
    return [each for each in alarms if of(gate, each) and each["kind"] == "DoorFault"]


def opened(browser: Browser, monitor: Monitor, number: int, who: str = "li", **context: Any) -> Page:
    page = enter(browser, monitor, who, **context)
    page.goto(f"{monitor.url}/alarms/{number}")
    return page


def stages(page: Page) -> Any:
    return page.locator(".story strong")


def test_it_is_live_and_what_is_being_typed_and_chosen_stays(browser: Browser, monitor: Monitor, number: int) -> None:
    page = opened(browser, monitor, number)
    page.get_by_label("Note").fill("half a sen")
    page.get_by_label("Assigned to").select_option("wang")
    for who, step in (("zhao", "acknowledge"), ("zhao", "mend")):
        monitor.call(f"/api/alarms/{number}/{step}", who, text="shut")
    expect(stages(page)).to_have_text(["raised", "over", "acknowledged", "mended"])
    expect(page.locator("dl")).to_contain_text("over, awaits its check")
    expect(page.get_by_role("button", name="Mended")).to_have_count(0)  # nobody presses what has been done already
    expect(page.get_by_role("button", name="Second look")).to_be_visible()
    page.get_by_label("For how long").focus()
    monitor.call(f"/api/alarms/{number}/note", "zhao", text="seal renewed")
    expect(page.locator(".story")).to_contain_text("seal renewed")
    expect(page.get_by_label("Note")).to_have_value("half a sen")
    expect(page.get_by_label("Assigned to")).to_have_value("wang")


def test_its_place_says_what_of_the_door_it_is(monitor: Monitor, gate: SimulatedGate) -> None:
    gate.at(0.0, InputChanged(DOOR, Input.SUPPLY, True))
    [fault] = faults(gate, monitor.wait(lambda alarms: faults(gate, alarms)))
    assert fault["source"] == "supply"
    page = get(f"{monitor.url}/alarms/{fault['number']}", auth=("li", PASSWORD), headers={"Accept-Language": "en"})
    assert "</a> door main (supply of the lock)</dd>" in page.text


def test_another_button_leaves_what_was_typed_and_enter_only_notes_it(
    browser: Browser, monitor: Monitor, number: int
) -> None:
    page, troubles = opened(browser, monitor, number), list[str]()
    page.on("console", lambda message: troubles.append(message.text))
    field = page.get_by_label("Note")
    field.fill("cover was loose")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("alert")).to_contain_text("nobody has acknowledged it")
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(field).to_have_value("cover was loose")
    field.press("Enter")
    expect(stages(page)).to_have_text(["raised", "over", "acknowledged", "note"])
    expect(page.locator(".story")).to_contain_text("cover was loose")
    expect(field).to_have_value("")
    page.get_by_role("button", name="Mended").click()
    expect(page.get_by_role("alert")).to_contain_text("say what was done")
    page.get_by_label("Assigned to").select_option("wang")
    page.get_by_role("button", name="Assign").click()
    expect(page.locator("dl")).to_contain_text("wang")
    assert troubles == []


def test_without_scripts_a_refused_step_leads_back_to_the_alarm_with_its_text(
    browser: Browser, monitor: Monitor, number: int
) -> None:
    context = browser.new_context(java_script_enabled=False, storage_state=state(browser, monitor), locale="en-GB")
    page = context.new_page()
    page.goto(f"{monitor.url}/alarms/{number}")
    page.get_by_label("Note").fill("cover <b> was loose")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("alert")).to_contain_text("nobody has acknowledged it")
    expect(page.get_by_label("Note")).to_have_value("cover <b> was loose")
    page.get_by_role("button", name="Mended").click()
    expect(stages(page)).to_have_text(["raised", "over", "mended"])
    expect(page.get_by_label("Note")).to_have_value("")


def state(browser: Browser, monitor: Monitor) -> Any:
    """What a browser keeps of somebody who has logged in."""
    return enter(browser, monitor).context.storage_state()


def test_a_closed_alarm_offers_no_step_and_one_that_is_shelved_is_taken_back(
    browser: Browser, monitor: Monitor, number: int
) -> None:
    page = opened(browser, monitor, number)
    page.get_by_label("Note").fill("until the fitter comes")
    page.get_by_role("button", name="Shelve").click()
    expect(page.locator("dl")).to_contain_text("until the fitter comes")
    page.get_by_role("button", name="Take back").click()
    expect(page.locator("dl")).not_to_contain_text("until the fitter comes")
    for who, step in (("li", "acknowledge"), ("li", "mend"), ("wang", "look"), ("li", "close")):
        monitor.call(f"/api/alarms/{number}/{step}", who, text="seal renewed")
    expect(page.locator("dl")).to_contain_text("closed")
    expect(page.get_by_label("Note")).to_be_hidden()


def test_a_form_that_cannot_be_carried_out_is_told_on_a_page_in_its_language(
    browser: Browser, monitor: Monitor, number: int
) -> None:
    """As of a browser without scripts."""
    page = opened(browser, monitor, number)
    token = page.locator("input[name=csrf]").first.input_value()

    def send(step: str, **given: str) -> tuple[int, str]:
        form, headers = {"csrf": token, "back": "alarm", **given}, {"Accept-Language": "zh-CN"}
        answer = page.request.post(f"{monitor.url}/alarms/{step}", form=form, headers=headers)
        return answer.status, answer.text()

    for step, given, status, told in (
        ("999999/acknowledge", {}, 404, "没有报警 999999"),
        (f"{number}/none", {}, 404, "没有此操作"),
        (f"{number}/note", {"text": " "}, 400, "备注为空：请写下要记住的内容"),
        (f"{number}/shelve", {"text": "painting", "hours": "some"}, 400, "最多搁置 8 小时"),
    ):
        found = send(step, **given)
        assert found[0] == status and told in found[1], found
