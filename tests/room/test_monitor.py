"""The room at work, on both databases: what gates report becomes alarms, and these close only by their checks."""

import base64
import signal
import subprocess
from typing import Any

import httpx
import msgspec
import pytest

from edge.facts import InputChanged
from edge.mqtt import Address, Connection, Message
from edge.seal import GENESIS, chain_hash
from edge.simulate import HOST
from edge.terms import Input, Status
from edge.traffic import DOOR, SimulatedGate
from edge.transport import Envelope
from monitor.database import Database
from monitor.ledger import Ledger
from monitor.settings import load
from tests.adapters.brokers import Mosquitto, until
from tests.commands import answer
from tests.room.conftest import PASSWORD, Monitor, get, post

pytestmark = pytest.mark.real


def of(gate: str, alarms: list[Any], kind: str = "") -> list[Any]:
    return [alarm for alarm in alarms if alarm["gate"] == gate and kind in ("", alarm["kind"])]


def active(monitor: Monitor, gate: str, kind: str) -> list[Any]:
    """The gate's active alarms of a kind, once there are any; a slow disk may have it tell of others."""
    return of(gate, monitor.wait(lambda alarms: of(gate, alarms, kind), "active"), kind)


def test_a_forced_door_is_closed_by_a_second_look_of_another_person(monitor: Monitor, gate: SimulatedGate) -> None:
    gate.at(0.0, InputChanged(DOOR, Input.CONTACT, True))
    [alarm] = active(monitor, gate.name, "DoorForcedOpen")
    assert (alarm["priority"], alarm["state"]) == ("urgent", "active")
    step = f"/api/alarms/{alarm['number']}"
    assert monitor.call(f"{step}/acknowledge", "zhao")["acknowledged_by"] == "zhao"
    assert "still active" in monitor.call(f"{step}/close", status=409)["error"]
    assert "still reports" in monitor.call(f"{step}/mend", "zhao", status=409)["error"]
    gate.at(0.0, InputChanged(DOOR, Input.CONTACT, False))
    monitor.wait(lambda alarms: not of(gate.name, alarms, "DoorForcedOpen"), "active")
    monitor.call(f"{step}/mend", "li", text="wind; the closer was adjusted")
    monitor.call(f"{step}/mend", "zhao", text="and its arm")
    assert "another person" in monitor.call(f"{step}/look", "li", status=409)["error"]
    assert "check has not passed" in monitor.call(f"{step}/close", status=409)["error"]
    monitor.call(f"{step}/look", "wang")
    assert monitor.call(f"{step}/close")["state"] == "closed"
    whole = monitor.call(step)
    stages = ["raised", "acknowledged", "cleared", "mended", "mended", "checked", "closed"]
    assert [each["stage"] for each in whole["steps"]] == stages
    assert [each["who"] for each in whole["steps"]] == ["", "zhao", "", "li", "zhao", "wang", "li"]
    nameless = monitor.call(step, "sun")
    assert [each["who"] for each in nameless["steps"]] == [""] * 7
    assert (whole["mended_before"], nameless["mended_before"], nameless["mended_by"]) == (["li"], [], "")


def test_a_camera_is_checked_by_its_frames_and_survives_a_kill(monitor: Monitor, gate: SimulatedGate) -> None:
    gate.camera = Status.STALLED
    [alarm] = active(monitor, gate.name, "CameraFault")
    step = f"/api/alarms/{alarm['number']}"
    monitor.call(f"{step}/acknowledge")
    monitor.restart()
    until(lambda: get(f"{monitor.url}/healthz").status_code == 200)
    gate.camera = Status.STREAMING
    monitor.wait(lambda alarms: [each for each in of(gate.name, alarms, "CameraFault") if each["checked"]])
    found = monitor.call(f"{step}/close")
    assert (found["checked_by"], found["closed_by"]) == ("", "li")


def test_a_gate_that_is_gone_is_an_alarm_and_so_is_what_is_missing_or_wrong_among_its_events(
    monitor: Monitor, broker: Mosquitto, request: pytest.FixtureRequest
) -> None:
    name = f"bad-{request.node.callspec.id}"
    connection = Connection(Address(HOST, broker.port))
    first, second = link(name, 1, GENESIS), link(name, 2, "f" * 64)
    for payload in (first, second):
        connection.publish(Message(f"edge/v1/demo/{name}/event", payload))
    connection.publish(Message(f"edge/v1/demo/{name}/state", b'{"status":"offline"}'))
    while connection.unconfirmed:
        connection.turn(0.1)
    alarms = of(name, monitor.wait(lambda alarms: len(of(name, alarms)) == 2, "active"))
    assert {alarm["kind"] for alarm in alarms} == {"room.break", "room.GateOffline"}
    connection.close()


def test_events_that_do_not_come_are_an_alarm_until_they_do(
    monitor: Monitor, broker: Mosquitto, request: pytest.FixtureRequest
) -> None:
    name, digest, chain = f"gap-{request.node.callspec.id}", GENESIS, []
    for sequence in (1, 2, 3):
        chain.append(link(name, sequence, digest))
        digest = chain_hash(msgspec.json.decode(chain[-1]))
    send(broker, name, chain[0], chain[2])
    [alarm] = of(name, monitor.wait(lambda alarms: of(name, alarms), "active"))
    assert (alarm["kind"], alarm["detail"]) == ("room.EventsAwaited", "2-2")
    send(broker, name, chain[1])
    monitor.wait(lambda alarms: not of(name, alarms), "active")


def send(broker: Mosquitto, gate: str, *events: bytes) -> None:
    connection = Connection(Address(HOST, broker.port))
    for event in events:
        connection.publish(Message(f"edge/v1/demo/{gate}/event", event))
    while connection.unconfirmed:
        connection.turn(0.1)
    connection.close()


def link(
    gate: str, sequence: int, previous: str, kind: str = "edge-gate.RequestToExit", subject: str = "x", **data: object
) -> bytes:
    """An event of a gate that does not exist, at a place in its chain."""
    place = f"{sequence:012}"
    event = Envelope(
        f"{'a' * 16}-{place}", f"/demo/{gate}", kind, subject, "2026-11-24T08:00:00.000Z", 100, True, "a" * 16, place,
        previous, data,
    )  # fmt: skip
    assert chain_hash(msgspec.to_builtins(event))
    return msgspec.json.encode(event)


def test_what_is_no_event_is_put_aside_and_nothing_stops(
    monitor: Monitor, broker: Mosquitto, gate: SimulatedGate
) -> None:
    connection = Connection(Address(HOST, broker.port))
    hostile = [b"\xff\xfe", b"{}", b"[" * 60_000, b'{"type":"<script>alert(1)</script>"}', b"x" * 100_000]
    for channel in ("event", "state", "health"):
        for payload in hostile:
            connection.publish(Message(f"edge/v1/demo/hostile/{channel}", payload))
    while connection.unconfirmed:
        connection.turn(0.1)
    connection.close()
    gate.at(0.0, InputChanged(DOOR, Input.TAMPER, True))
    monitor.wait(lambda alarms: of(gate.name, alarms, "DoorTamper"))
    [told] = of("hostile", monitor.alarms("active"))
    assert told["kind"] == "room.Unreadable" and "demo/hostile/" in told["detail"]
    assert get(f"{monitor.url}/healthz").json()["status"] == "ok"


def test_everything_that_was_recorded_is_whole(monitor: Monitor) -> None:
    told = answer("monitor", "verify", "--config", monitor.config)
    assert told["steps"] > 10 and told["first_break"] is None
    assert not told["valid"] and told["first_event_break"]["gate"].startswith("bad-")
    with Database(load(monitor.config).database) as database:
        assert {problem.kind for problem in Ledger(database).problems()} == {"break"}
    events = monitor.call("/api/events?since=0&limit=1000")
    assert [each["position"] for each in events["events"]] == list(range(1, events["next"] + 1))
    [middle] = monitor.call(f"/api/events?since={events['next'] - 1}")["events"]
    assert middle["position"] == events["next"]
    since = monitor.call("/api/events?since=2026-11-24T00:00:00Z&limit=1")
    assert len(since["events"]) == 1


# Who may what ------------------------------------------------------------------------------------------------------


def test_nobody_gets_in_without_a_password_or_does_more_than_the_role_may(monitor: Monitor) -> None:
    for path in ("/api/alarms", "/api/gates", "/api/events", "/stream"):
        assert get(monitor.url + path).status_code == 401
        for who in (("li", "wrong"), ("\0", "wrong")):
            assert get(monitor.url + path, auth=who).status_code == 401
    assert get(f"{monitor.url}/api/gates", auth=("li", PASSWORD)).status_code == 200
    for who, action in (("sun", "acknowledge"), ("zhao", "close"), ("zhao", "shelve")):
        assert "role" in monitor.call(f"/api/alarms/1/{action}", who, status=403)["error"]


def test_a_form_of_another_page_changes_nothing(monitor: Monitor) -> None:
    given = post(f"{monitor.url}/api/session", json={"name": "li", "password": PASSWORD})
    cookies, token = dict(given.cookies), given.json()["csrf"]
    assert "HttpOnly" in given.headers["set-cookie"] and "SameSite=strict" in given.headers["set-cookie"]
    step = f"{monitor.url}/api/alarms/1/note"
    assert post(step, cookies=cookies, json={"text": "x"}).status_code == 403
    assert post(step, cookies=cookies, json={"text": "x"}, headers={"X-CSRF-Token": "no"}).status_code == 403
    basic = {"Authorization": "Basic " + base64.b64encode(f"li:{PASSWORD}".encode()).decode()}
    assert post(step, headers=basic, content=b"{}").status_code == 403
    assert post(step, cookies=cookies, json={"text": "x"}, headers={"X-CSRF-Token": token}).status_code in (200, 409)
    out = {"cookies": cookies, "headers": {"X-CSRF-Token": token}}
    assert httpx.delete(f"{monitor.url}/api/session", **out).status_code == 204  # type: ignore[arg-type]
    assert get(f"{monitor.url}/api/gates", cookies=cookies).status_code == 401


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/alarms?state=none", 400),
        ("/api/alarms?limit=0", 400),
        ("/api/events?since=yesterday", 400),
        ("/api/events?since=" + "9" * 19, 200),
        ("/api/alarms?state=closed&gate=%00", 200),
        ("/api/events?gate=%00/%00&type=%00", 200),
        ("/history?person=%00", 200),
        ("/gates/%00/%00", 404),
        ("/api/alarms/999999", 404),
        ("/api/nothing", 404),
    ],
)  # fmt: skip
def test_a_wrong_question_is_answered_plainly(monitor: Monitor, path: str, status: int) -> None:
    answer = get(monitor.url + path, auth=("li", PASSWORD))
    assert answer.status_code == status
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_it_ends_when_it_is_asked_to(monitor: Monitor) -> None:
    process = monitor._process
    assert process
    process.send_signal(signal.SIGTERM)
    try:
        assert process.wait(60) == 0
    except subprocess.TimeoutExpired:
        pytest.fail("it does not end")
    monitor.kill()
    monitor.start()


def test_a_cameras_wrong_clock_is_a_ticket_that_its_right_one_closes(monitor: Monitor, gate: SimulatedGate) -> None:
    gate.clock_off_s = 120.0
    [alarm] = active(monitor, gate.name, "CameraClockFault")
    assert (alarm["subject"], alarm["check"], alarm["priority"]) == ("camera/entrance", "camera_clock_right", "low")
    name, off = alarm["detail"].split(": ")
    assert name == "off_s" and float(off) == pytest.approx(120, abs=2)
    assert f'gate="{gate.name}",mode="camera_clock"' in metrics(monitor)
    step = f"/api/alarms/{alarm['number']}"
    monitor.call(f"{step}/acknowledge")
    gate.clock_off_s = 0.0
    monitor.wait(lambda alarms: [each for each in of(gate.name, alarms, "CameraClockFault") if each["checked"]])
    assert monitor.call(f"{step}/close")["checked_by"] == ""


def metrics(monitor: Monitor) -> str:
    return get(f"{monitor.url}/metrics", auth=("li", PASSWORD)).text
