"""Acting from the page, in a real browser on a real gate's code: a click, the relay's pulse, and what the page says."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Browser, Page, expect

from edge.config import BrokerSection
from edge.mqtt import Address
from edge.simulate import HOST
from edge.terms import CommandKind
from edge.traffic import SimulatedGate
from monitor.accounts import Role, User
from monitor.commanding import Commander, NotAllowed, Pending
from monitor.settings import CommandsSection
from tests.adapters.brokers import Mosquitto, until
from tests.room.conftest import PASSWORD, Monitor, a_room, enter, get, post
from tests.room.test_accessible import findings

pytestmark = pytest.mark.real
COMMANDS = '[commands]\noperator = "room"\nfour_eyes = true\n'


monitor = a_room(COMMANDS)


@pytest.fixture(scope="module")
def gates(monitor: Monitor, broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """Two gates that obey the room."""
    where, names, keys = BrokerSection(host=HOST, port=broker.port), ["lobby", "garden"], monitor.directory
    running = [
        SimulatedGate(tmp_path_factory.mktemp(name), name, where, keys / "recorder.pub", 0.0,
                      operator_key=keys / "room.pub")
        for name in names
    ]  # fmt: skip
    for gate in running:
        gate.start()
    until(lambda: sum(gate["status"] == "online" for gate in monitor.call("/api/gates")["gates"]) == 2)
    yield names
    for gate in running:
        gate.stop()


def doors(monitor: Monitor) -> set[str]:
    """The modes of all doors, as the gates publish them."""
    return {gate["state"]["doors"]["main"]["mode"] for gate in monitor.call("/api/gates")["gates"]}


def events(monitor: Monitor, gate: str, kind: str) -> list[Any]:
    found = monitor.call(f"/api/events?gate={gate}&type=edge-gate.{kind}")["events"]
    return [each["event"]["data"] for each in found]


def modes(monitor: Monitor) -> list[str]:
    """Those that the door of the lobby has had."""
    return [mode["mode"] for mode in events(monitor, "lobby", "DoorModeChanged")]


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).first.click()


def test_a_click_opens_the_door_once_and_the_page_says_so(browser: Browser, monitor: Monitor, gates: list[str]) -> None:
    page = enter(browser, monitor, "zhao")
    page.goto(f"{monitor.url}/gates/demo/lobby")
    expect(page.get_by_role("button", name="Unlock", exact=True)).to_have_count(0)  # a guard may not
    press(page, "Open once")
    expect(page.locator("#outcomes")).to_contain_text("lobby main Open once: accepted by the gate")
    expect(page.locator("#gate")).to_contain_text("released")  # the relay
    expect(page.locator("#gate")).to_contain_text("locked")  # and no longer
    until(lambda: events(monitor, "lobby", "CommandAnswered"))
    [answered] = events(monitor, "lobby", "CommandAnswered")
    assert answered["personal"] == {"by": "zhao", "operator": "room"}
    until(lambda: modes(monitor)[-2:] == ["Accessed", "Locked"])
    audit = get(f"{monitor.url}/audit", auth=("chief", PASSWORD)).text
    assert "Open once demo/lobby main: accepted" in audit


def top(page: Page, what: str) -> float:
    box = page.locator(what).first.bounding_box()
    assert box
    return box["y"]


def test_the_state_of_a_gate_comes_before_what_can_be_done(
    browser: Browser, monitor: Monitor, gates: list[str]
) -> None:
    phone = enter(browser, monitor, viewport={"width": 375, "height": 812})
    phone.goto(f"{monitor.url}/gates/demo/lobby")
    assert top(phone, "h1") < top(phone, ".tile") < top(phone, ".events") < top(phone, ".commands")
    assert top(phone, ".tile") < 812 / 2
    phone.get_by_role("link", name="Look and act").click()
    until(lambda: 0 <= top(phone, ".commands") < 812 / 2)  # nobody has to scroll past all of it
    wide = enter(browser, monitor, viewport={"width": 1280, "height": 800})
    wide.goto(f"{monitor.url}/gates/demo/lobby")
    assert top(wide, ".commands") < 800 / 2 and top(wide, ".tile") < 800 / 2


def test_a_lockdown_is_asked_about_and_refuses_what_it_should(
    browser: Browser, monitor: Monitor, gates: list[str]
) -> None:
    page = enter(browser, monitor)
    page.goto(f"{monitor.url}/gates/demo/lobby")
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    press(page, "Lock down")
    until(lambda: asked == ["Lock down: lobby main?"])
    page.on("dialog", lambda dialog: dialog.accept())
    press(page, "Lock down")
    expect(page.locator("#outcomes")).to_contain_text("lobby main Lock down: accepted by the gate")
    press(page, "Open once")
    expect(page.locator("#outcomes")).to_contain_text("lobby main Open once: the door is locked down")
    press(page, "End lockdown")
    expect(page.locator("#outcomes")).to_contain_text("lobby main End lockdown: accepted by the gate")


def test_a_whole_site_is_locked_down_by_two_people(browser: Browser, monitor: Monitor, gates: list[str]) -> None:
    first, second = enter(browser, monitor, "zhao"), enter(browser, monitor, "wang", locale="zh-CN")
    for page in (first, second):
        page.goto(f"{monitor.url}/sites")
        page.on("dialog", lambda dialog: dialog.accept())
    press(first, "Lock down: demo")
    press(first, "Confirm")
    expect(first.get_by_role("alert")).to_contain_text("another person")
    assert doors(monitor) == {"Locked"}
    press(second, "确认")
    expect(second.locator("#outcomes p.fine")).to_have_count(2)
    until(lambda: doors(monitor) == {"LockedDown"})
    until(lambda: [each["personal"]["by"] for each in events(monitor, "garden", "CommandAnswered")] == ["zhao, wang"])
    expect(first.locator(".pending")).to_have_count(0)
    expect(first.locator("#gates")).to_contain_text("locked down")
    for path in ("/sites", "/gates/demo/lobby"):
        first.goto(monitor.url + path)
        assert findings(first) == [], path
    for gate in gates:
        assert command(monitor, gate, "wang", kind="release")["accepted"]
    until(lambda: doors(monitor) == {"Locked"})


def test_what_is_withdrawn_stands_in_the_audit(browser: Browser, monitor: Monitor, gates: list[str]) -> None:
    page = enter(browser, monitor, "zhao")
    page.goto(f"{monitor.url}/sites")
    page.on("dialog", lambda dialog: dialog.accept())
    press(page, "Lock down: demo")
    press(page, "Withdraw")
    expect(page.locator(".pending")).to_have_count(0)
    audit = get(f"{monitor.url}/audit", auth=("chief", PASSWORD)).text
    assert "Lock down demo: withdrawn, zhao had asked" in audit


def command(monitor: Monitor, gate: str, who: str, status: int = 200, **sent: Any) -> Any:
    answer = post(f"{monitor.url}/api/gates/demo/{gate}/commands", auth=(who, PASSWORD), json=sent)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_programs_may_have_somebody_forgiven(monitor: Monitor, gates: list[str]) -> None:
    assert command(monitor, "lobby", "li", kind="forgive", person="k7m2")["accepted"]
    until(lambda: [each["kind"] for each in events(monitor, "lobby", "CommandAnswered")][-1:] == ["forgive"])
    assert "Forgive demo/lobby k7m2: accepted" in get(f"{monitor.url}/audit", auth=("chief", PASSWORD)).text
    command(monitor, "lobby", "zhao", 403, kind="forgive")


def test_programs_are_told_in_their_language_why_a_gate_refused(monitor: Monitor, gates: list[str]) -> None:
    address, sent = f"{monitor.url}/api/gates/demo/lobby/commands", {"kind": "open", "door": "cellar"}
    answer = post(address, auth=("li", PASSWORD), json=sent, headers={"Accept-Language": "zh"})
    assert (answer.status_code, answer.json()["why"]) == (409, "此处没有门 cellar")


def test_an_operator_has_one_person_forgiven_on_the_page_and_never_everybody(
    browser: Browser, monitor: Monitor, gates: list[str]
) -> None:
    page = enter(browser, monitor)
    page.goto(f"{monitor.url}/gates/demo/garden")
    press(page, "Forgive")
    assert page.locator("input[name=person]:invalid").count() == 1
    page.get_by_label("Person").fill(" k7m2 ")
    press(page, "Forgive")
    expect(page.locator("#outcomes")).to_contain_text("garden Forgive: accepted by the gate")
    [answered] = [each for each in events(monitor, "garden", "CommandAnswered") if each["kind"] == "forgive"]
    assert answered["personal"] == {"by": "li", "operator": "room"}
    assert "Forgive demo/garden k7m2: accepted" in get(f"{monitor.url}/audit", auth=("chief", PASSWORD)).text
    page.locator("input[name=person]").evaluate("e => { e.required = false; e.value = ' ' }")
    press(page, "Forgive")
    expect(page.get_by_role("alert")).to_contain_text("say who is forgiven")
    guard = enter(browser, monitor, "zhao")
    guard.goto(f"{monitor.url}/gates/demo/garden")
    expect(guard.get_by_role("button", name="Forgive", exact=True)).to_have_count(0)


@pytest.mark.parametrize(
    ("gate", "who", "status", "sent", "why"),
    [
        ("lobby", "sun", 403, {"kind": "open"}, "role"),
        ("lobby", "zhao", 403, {"kind": "unlock", "seconds": 60}, "role"),
        ("lobby", "li", 400, {"kind": "lock_open"}, ""),
        ("lobby", "li", 400, {"kind": "unlock", "seconds": 1e9}, "up to a day"),
        ("lobby", "li", 400, {"kind": "explode"}, "body"),
        ("attic", "li", 404, {"kind": "open"}, "no gate attic"),
        ("garden", "li", 409, {"kind": "open", "door": "none"}, "no door none"),
        ("garden", "li", 409, {"kind": "release"}, "neither locked down"),
    ],
)
def test_what_may_not_be_or_makes_no_sense_is_refused_plainly(
    monitor: Monitor, gates: list[str], gate: str, who: str, status: int, sent: dict[str, Any], why: str
) -> None:
    """The garden is asked, since the lobby has had as many commands by now as a gate takes at once."""
    answer = command(monitor, gate, who, status, **sent)
    assert why in answer.get("error", answer.get("why", ""))
    page = post(f"{monitor.url}/gates/demo/lobby/commands", auth=(who, PASSWORD), data={"kind": "open"})
    assert page.status_code == 403  # a form without its token


def test_a_gate_that_does_not_answer_is_said_so(
    monitor: Monitor, broker: Mosquitto, gates: list[str], tmp_path: Path
) -> None:
    where, keys = BrokerSection(host=HOST, port=broker.port), monitor.directory
    deaf = SimulatedGate(tmp_path, "deaf", where, keys / "recorder.pub", 0.0)
    with closing(_Running(deaf)):
        until(lambda: [gate for gate in monitor.call("/api/gates")["gates"] if gate["name"] == "deaf"])
        assert "takes no commands" in command(monitor, "deaf", "li", 409, kind="open")["why"]
    assert "offline" in command(monitor, "deaf", "li", 409, kind="open")["why"]
    assert msgspec.json.encode(command(monitor, "lobby", "li", kind="acknowledge"))


class _Running:
    """A gate that is stopped at the end."""

    def __init__(self, gate: SimulatedGate) -> None:
        gate.start()
        self.close = gate.stop


class _Meeting(Commander):
    """Of whom everybody who asks whether they may waits for another one who asks at the same moment."""

    meet = threading.Barrier(1)

    def may(self, user: User, kind: CommandKind) -> bool:
        with suppress(threading.BrokenBarrierError):
            self.meet.wait(0.5)  # in vain where one goes after the other
        return super().may(user, kind)


@pytest.fixture
def commander(tmp_path: Path) -> _Meeting:
    section = CommandsSection(operator="room", four_eyes=True, guards_may=[])
    return _Meeting(section, Address(HOST, 1), tmp_path / "room.jwk")


LI, WANG, ZHAO = User("li", Role.OPERATOR), User("wang", Role.OPERATOR), User("zhao", Role.GUARD)


def test_of_two_who_answer_at_once_one_is_too_late(commander: _Meeting) -> None:
    asked = commander.ask_site(LI, "hq", [], CommandKind.LOCK_DOWN)
    assert isinstance(asked, Pending)
    commander.meet = threading.Barrier(2)
    answers = (lambda: commander.confirm(WANG, asked.id, []), lambda: commander.withdraw(LI, asked.id))
    with ThreadPoolExecutor(2) as both:
        done = [both.submit(answer) for answer in answers]
    [failed] = [each.exception() for each in done if each.exception()]
    assert isinstance(failed, NotAllowed) and commander.pending() == []


def test_only_who_may_ask_for_it_withdraws_it(commander: Commander) -> None:
    asked = commander.ask_site(LI, "hq", [], CommandKind.LOCK_DOWN)
    assert isinstance(asked, Pending)
    with pytest.raises(NotAllowed, match="role"):
        commander.withdraw(ZHAO, asked.id)
    assert commander.pending() == [asked]
    assert commander.withdraw(WANG, asked.id) == asked and commander.pending() == []
