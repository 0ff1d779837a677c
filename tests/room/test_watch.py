"""The terminal's picture: from a real broker and from a real room, filtered, and an alarm acknowledged from it."""

import asyncio
import queue
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Static

from edge.errors import LinkError
from edge.facts import InputChanged
from edge.mqtt import Address
from edge.seal import GENESIS
from edge.simulate import HOST
from edge.terms import Input
from edge.traffic import DOOR, SimulatedGate
from monitor.hub import News
from monitor.picture import Picture, Row, chosen, clock, row
from monitor.remote import Remote
from monitor.terminal import Terminal
from monitor.watch import Board, listen
from tests.adapters.brokers import Mosquitto
from tests.room.conftest import PASSWORD, Monitor, a_room
from tests.room.test_monitor import link

monitor = a_room()


async def shown(pilot: Pilot[None], table: str, holds: Callable[[list[str]], bool], seconds: float = 60.0) -> list[str]:
    """The lines of a table, once they are as wanted."""
    found: DataTable[Any] = pilot.app.query_one(f"#{table}", DataTable)
    lines: list[str] = []
    for _ in range(int(seconds / 0.05)):
        lines = [" ".join(str(cell) for cell in found.get_row_at(number)) for number in range(found.row_count)]
        if holds(lines):
            return lines
        await pilot.pause(0.05)
    raise AssertionError(lines)


@pytest.mark.real
def test_an_alarm_is_found_and_acknowledged_from_the_terminal(monitor: Monitor, gate: SimulatedGate) -> None:
    remote = Remote(monitor.url, "zhao", PASSWORD)
    terminal = Terminal(lambda hand_on: remote.run(lambda picture, _: hand_on(picture)), remote.acknowledge)

    async def use() -> None:
        async with terminal.run_test(size=(160, 50)) as pilot:
            await shown(pilot, "gates", lambda lines: any(gate.name in line for line in lines))
            gate.at(0.0, InputChanged(DOOR, Input.TAMPER, True))
            gate.at(0.0, InputChanged(DOOR, Input.CONTACT, True))
            await shown(pilot, "alarms", lambda lines: len(lines) == 2)
            await shown(pilot, "events", lambda lines: any("Door forced open" in line for line in lines))
            await pilot.press("slash", *"forced", "enter")
            [line] = await shown(pilot, "alarms", lambda lines: len(lines) == 1)
            assert "Door forced open" in line and "active" in line
            await pilot.press("a")
            await shown(pilot, "alarms", lambda lines: "acknowledged, active" in lines[0])
            await pilot.press("a")
            await shown(pilot, "alarms", lambda lines: len(lines) == 1)
            while "zhao has acknowledged it already" not in str(terminal.query_one("#said", Static).render()):
                await pilot.pause(0.05)
            await pilot.press("escape")
            await shown(pilot, "alarms", lambda lines: len(lines) == 2)

    asyncio.run(asyncio.wait_for(use(), 300))
    [alarm] = [each for each in monitor.alarms() if each["acknowledged"]]
    assert (alarm["kind"], alarm["acknowledged_by"]) == ("DoorForcedOpen", "zhao")


@pytest.mark.real
def test_from_the_broker_alone_it_shows_and_says_who_acknowledges(broker: Mosquitto, gate: SimulatedGate) -> None:
    address = Address(HOST, broker.port)
    terminal = Terminal(lambda hand_on: listen(address, lambda board, _: hand_on(board.picture())))

    async def use() -> None:
        async with terminal.run_test(size=(160, 50)) as pilot:
            await shown(pilot, "gates", lambda lines: any("online" in line and gate.name in line for line in lines))
            gate.at(0.0, InputChanged(DOOR, Input.TAMPER, True))
            await shown(pilot, "alarms", lambda lines: any("Housing opened" in line for line in lines))
            await pilot.press("a")
            assert "log in with --room" in str(terminal.query_one("#said", Static).render())

    asyncio.run(asyncio.wait_for(use(), 300))


@pytest.mark.real
def test_it_ends_when_the_room_refuses_and_lines_are_json(monitor: Monitor, gate: SimulatedGate) -> None:
    with pytest.raises(LinkError, match="name or password is wrong"):
        Remote(monitor.url, "zhao", "wrong").run(lambda picture, news: None)
    secret = monitor.directory / "secret"
    secret.write_text(PASSWORD + "\n")
    login = ["--room", monitor.url, "--user", "sun", "--password-file", str(secret), "--json"]
    watching = subprocess.Popen([sys.executable, "-m", "edge.cli", "watch", *login], stdout=subprocess.PIPE, text=True)
    assert watching.stdout
    for number in range(1000):  # it may not have logged in yet
        gate.at(0.1 * number, InputChanged(DOOR, Input.EXIT_BUTTON, bool(number % 2)))
    line = msgspec.json.decode(watching.stdout.readline())
    assert line["gate"] == gate.name and line["type"].startswith("edge-gate.")
    watching.kill()
    watching.wait()
    watching.stdout.close()


ROWS = [row("1", "lobby", "门被强行打开", severity=900), row("2", "garden", "Camera \x1b[31mfault", severity=500)]


@pytest.mark.parametrize(
    ("text", "severity", "keys"),
    [("", 0, "12"), ("LOBBY", 0, "1"), ("打开 lobby", 0, "1"), ("lobby camera", 0, ""), ("", 600, "1"), ("x", 0, "")],
)
def test_rows_are_chosen_by_all_words_and_severity(text: str, severity: int, keys: str) -> None:
    assert "".join(each.key for each in chosen(ROWS, text, severity)) == keys
    assert isinstance(ROWS[1], Row) and "\x1b" not in ROWS[1].cells[1]


def alarm(number: int) -> Row:
    return row(number, "12:00:00", "lobby", "door main", "Tamper", 900, "active", number, severity=900, number=number)


def test_no_alarm_is_acknowledged_that_came_to_the_place_of_the_one_that_was_chosen() -> None:
    acknowledged: list[int] = []
    pictures: queue.Queue[Picture | None] = queue.Queue()

    def feed(hand_on: Callable[[Picture], None]) -> None:
        for picture in iter(pictures.get, None):
            hand_on(picture)

    async def use() -> None:
        async with Terminal(feed, lambda number: acknowledged.append(number) or "").run_test() as pilot:

            async def shows(*numbers: int) -> None:
                pictures.put(Picture([], [alarm(number) for number in numbers], []))
                await shown(pilot, "alarms", lambda lines: [int(line.split()[-1]) for line in lines] == [*numbers])

            async def acknowledges(*wanted: int) -> None:
                await pilot.press("a")
                while acknowledged != [*wanted]:
                    await pilot.pause(0.05)

            await shows(1, 2, 3, 4)
            await pilot.press("down")
            await acknowledges(2)
            await shows(5, 1, 2, 3, 4)  # the cursor goes with its alarm
            await acknowledges(2, 2)
            await shows(5, 1, 3, 4)  # somebody else has closed it
            await pilot.press("a")
            while "has gone" not in str(pilot.app.query_one("#said", Static).render()):
                await pilot.pause(0.05)
            await pilot.press("down")
            await acknowledges(2, 2, 4)
            await shows(6)
            await pilot.press("a", "enter")
            await acknowledges(2, 2, 4, 6)
            pictures.put(None)

    asyncio.run(asyncio.wait_for(use(), 120))


def test_one_id_of_two_gates_is_two_events() -> None:
    board = Board()
    for gate in ("lobby", "garden"):
        board.receive(f"edge/v1/demo/{gate}/event", link(gate, 1, GENESIS))
    keys = [each.key for each in board.picture().events]
    assert len(keys) == len(set(keys)) == 2


def test_of_two_faults_of_a_door_the_one_that_lasts_stays() -> None:
    board = Board()
    for number, (active, source) in enumerate([(True, "relay"), (True, "supply"), (False, "relay")], 1):
        fault = link("lobby", number, GENESIS, "edge-gate.DoorFault", "door/main", active=active, source=source)
        board.receive("edge/v1/demo/lobby/alarm", fault)
    [alarm] = board.picture().alarms
    assert "supply" in alarm.cells[-1]


def test_an_alarm_stays_that_is_over_for_one_person_and_lasts_for_another() -> None:
    board = Board()
    for number, (active, others, shown) in enumerate([(True, 0, 1), (True, 1, 1), (False, 1, 1), (False, 0, 0)], 1):
        refused = link(
            "lobby", number, GENESIS, "edge-gate.RepeatedRefusals", "door/main", active=active, others=others
        )
        board.receive("edge/v1/demo/lobby/alarm", refused)
        assert len(board.picture().alarms) == shown


@pytest.mark.parametrize(
    ("kind", "data", "told"),
    [
        ("DoorModeChanged", {"mode": "Accessed", "previous": "Locked", "cause": "face", "decision_ms": 412.0},
         "模式: 已放行, 此前: 已锁, 起因: 人脸, 判定毫秒数: 412.0"),
        ("AccessDenied", {"reason": "InvalidPIN", "factors": ["card", "pin"], "evidence": {}},
         "原因: PIN 错误, 出示: 卡 + PIN"),
        ("CommandAnswered", {"kind": "lock_open", "accepted": False}, "命令: 锁定常开, 已接受: 否"),
        ("CameraPictured", {"moment": "before", "personal": {"jpeg": ["salt", "/9j/4AAQ"]}}, "时刻: 故障前"),
    ],
)  # fmt: skip
def test_from_the_broker_alone_fields_are_told_in_the_readers_language(
    monkeypatch: pytest.MonkeyPatch, kind: str, data: dict[str, Any], told: str
) -> None:
    monkeypatch.setenv("EDGE_GATE_LANGUAGE", "zh")
    board = Board()
    event = msgspec.json.decode(link("lobby", 1, GENESIS, f"edge-gate.{kind}"))
    board.receive("edge/v1/demo/lobby/event", msgspec.json.encode({**event, "data": data}))
    assert board.picture().events[0].cells[-1] == told


@pytest.fixture
def in_china(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as zone:
        zone.setenv("TZ", "Asia/Shanghai")
        time.tzset()
        yield
    time.tzset()


def test_events_and_alarms_are_told_by_one_clock_that_of_who_looks(in_china: None) -> None:
    board, at = Board(), "2026-11-24T08:00:00.000Z"
    board.receive("edge/v1/demo/lobby/event", link("lobby", 1, GENESIS))
    assert board.picture().events[0].cells[0] == "16:00:00"
    remote = Remote("http://localhost:1", "li", PASSWORD)
    lines = [News(1, "id", "demo", gate, "x", "edge-gate.RequestToExit", 100, at, 0.0, False) for gate in ("a", "b")]
    remote._take(msgspec.json.encode(lines).decode())
    shown = remote._picture().events
    assert [each.cells[0] for each in shown] == ["16:00:00"] * 2 and shown[0].key != shown[1].key
    assert clock("yesterday") == "yesterday"
