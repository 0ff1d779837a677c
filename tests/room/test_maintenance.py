"""Faults that people report with a photo, what becomes due, and the rounds that guards walk."""

import base64
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, expect

from edge.errors import EdgeError, StoreError
from edge.simulate import HOST
from edge.traffic import SimulatedGate
from monitor.alarms import Alarms
from monitor.database import Database
from monitor.history import History
from monitor.limits import Rules
from monitor.maintenance import rates
from monitor.photos import redrawn
from monitor.reports import of_event
from monitor.rounds import DrillPlan, Kind, Patrol, Plan, rounds
from monitor.terms import DAY_S, MISSED, OVERDUE, Action, Check, Cleared, Fact, Key, Probed, Raised, Stage
from monitor.upkeep import GRACE_S, Upkeep
from tests.room.conftest import PASSWORD, Monitor, enter, get
from tests.room.test_casebook import Chain

SHANGHAI = ZoneInfo("Asia/Shanghai")
ROUND = Patrol(name="night", at=["22:00"], checkpoints=["hq/gate-1", "hq/gate-2"], people=["p001"], within_min=60)
EVENING = datetime(2026, 11, 24, 14, 0, tzinfo=UTC).timestamp()
"""22:00 in Shanghai."""


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with Database(tmp_path / "room.sqlite") as database:
        yield database


def told(upkeep: Upkeep, now: float) -> list[Fact]:
    found: list[Fact] = []
    upkeep.tick(now, found.extend)
    return found


def test_a_round_is_on_the_sites_clock_and_counts_when_it_ends() -> None:
    found = rounds([ROUND], EVENING, EVENING + 2 * DAY_S, SHANGHAI)
    assert [(each.begins, each.ends) for each in found] == [
        (EVENING, EVENING + 3600), (EVENING + DAY_S, EVENING + DAY_S + 3600),
    ]  # fmt: skip
    assert rounds([ROUND], EVENING + 3600, EVENING + DAY_S, SHANGHAI) == []


def test_a_checkpoint_that_no_guard_passed_is_an_alarm_once(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: EVENING - 60)
    upkeep = Upkeep(database, History(database), [], [], [ROUND], SHANGHAI)
    Chain(database).report("AccessGranted", 100, EVENING + 600)  # p001 at hq/gate-1
    end = EVENING + 3600 + GRACE_S
    assert told(upkeep, end - 1) == []
    [missed] = told(upkeep, end + 1)
    assert isinstance(missed, Raised)
    assert missed.key == Key("hq", "gate-2", "patrol/night", MISSED) and missed.latched
    assert told(upkeep, end + 2) == []
    [walk] = upkeep.walks(EVENING, EVENING + DAY_S - 1)
    assert [(visit.at, visit.person) for visit in walk.checkpoints] == [(EVENING + 600, "p001"), (None, "")]


def test_a_missed_checkpoint_is_told_again_until_it_was_heard(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "time", lambda: EVENING - 60)
    upkeep = Upkeep(database, History(database), [], [], [ROUND], SHANGHAI)
    end = EVENING + 3600 + GRACE_S + 1

    def deaf(facts: list[Fact]) -> None:
        raise StoreError("the disk does not answer")

    for _ in range(2):
        with pytest.raises(StoreError):
            upkeep.tick(end, deaf)
    again = Upkeep(database, History(database), [], [], [ROUND], SHANGHAI)
    assert len(told(again, end)) == 2 and told(again, end) == []


def test_an_inspection_is_overdue_until_somebody_has_done_it(database: Database) -> None:
    plan, began = Plan(name="closers", every_days=7, gate="hq/gate-1"), time.time()
    upkeep = Upkeep(database, History(database), [plan], [], [], SHANGHAI)
    alarms, key = Alarms(Rules()), Key("hq", "gate-1", "inspection/closers", OVERDUE)
    assert told(upkeep, began + 6 * DAY_S) == [Cleared(key)]
    late = began + 8 * DAY_S
    for fact in told(upkeep, late):
        alarms.hear(fact, late)
    facts = upkeep.done("closers", "zhao", "all right") or []
    assert facts == [Cleared(key), Probed("hq", "gate-1", "inspection/closers", Check.DONE, True)]
    steps = [step.stage for fact in facts for step in alarms.hear(fact, late)]
    assert steps == [Stage.CLEARED, Stage.CHECKED]
    [due] = upkeep.plans()
    assert (due.kind, due.who, due.due > late - DAY_S) == (Kind.INSPECTION, "zhao", True)
    assert upkeep.done("nothing", "zhao", "") is None
    upkeep.erase(time.time() + 1)
    [due] = upkeep.plans()
    assert (due.who, due.due > late - DAY_S) == ("*", True)


def test_a_drill_at_another_sites_gate_of_the_same_name_is_another(database: Database) -> None:
    drills = [DrillPlan(f"{site} drill", 30, f"{site}/gate-1") for site in ("hq", "annex")]
    upkeep = Upkeep(database, History(database), [], drills, [], SHANGHAI)
    Chain(database, "annex").report("DrillReport", 300, passed=True)
    assert {plan.gate: plan.last is not None for plan in upkeep.plans()} == {"hq/gate-1": False, "annex/gate-1": True}


def test_a_failed_drill_is_checked_by_one_that_is_passed(database: Database) -> None:
    chain, alarms, now = Chain(database), Alarms(Rules(check_hold_s=0)), 1000.0
    for kind, data in (
        ("DrillFault", {"active": True}), ("DrillReport", {"passed": False}), ("DrillFault", {"active": False}),
    ):  # fmt: skip
        for fact in of_event(chain.report(kind, 500, **data)[0].received):
            alarms.hear(fact, now)
    alarms.act(1, Action.ACKNOWLEDGE, "li", now)
    with pytest.raises(EdgeError, match="must pass a drill"):
        alarms.act(1, Action.CLOSE, "li", now)
    for fact in of_event(chain.report("DrillReport", 300, passed=True)[0].received):
        alarms.hear(fact, now)
    assert alarms.act(1, Action.CLOSE, "li", now).stage is Stage.CLOSED


def test_a_photo_is_drawn_anew_and_what_is_none_is_refused() -> None:
    wide = np.full((500, 3000, 3), 90, np.uint8)
    sent = bytes(cv2.imencode(".jpg", wide)[1])
    exif = b"\xff\xe1\x00\x14Exif\x00\x00secret-place"
    kept = redrawn(sent[:2] + exif + sent[2:])
    assert b"secret" not in kept and b"Exif" not in kept
    assert cv2.imdecode(np.frombuffer(kept, np.uint8), cv2.IMREAD_COLOR).shape == (213, 1280, 3)  # type: ignore[union-attr]
    for hostile in (b"<svg onload=alert(1)>", sent[:300], b"\xff\xd8\xff" + b"x" * 100):
        with pytest.raises(EdgeError):
            redrawn(hostile)


@pytest.mark.real
@pytest.mark.parametrize("monitor", ["sqlite", "postgresql"], indirect=True)
def test_a_fault_is_reported_with_a_photo_and_closed_by_another_person(
    browser: Browser, monitor: Monitor, gate: SimulatedGate, tmp_path: Path
) -> None:
    picture = tmp_path / "closer.png"
    cv2.imwrite(str(picture), np.full((200, 300, 3), 128, np.uint8))
    page = enter(browser, monitor, "zhao", viewport={"width": 375, "height": 812})
    page.goto(f"{monitor.url}/report")
    page.get_by_label("What is wrong").fill("the closer is loose <b>")
    page.get_by_label("Gate").select_option(f"demo/{gate.name}")
    page.get_by_label("Photo").set_input_files(picture)
    page.get_by_role("button", name="Report", exact=True).click()
    expect(page.locator("h1")).to_contain_text("Reported fault")
    expect(page.locator("img.photo")).to_have_js_property("naturalWidth", 300)
    number = int(page.url.rpartition("/")[2])
    for who, action in (("zhao", "acknowledge"), ("zhao", "mend"), ("wang", "look"), ("li", "close")):
        monitor.call(f"/api/alarms/{number}/{action}", who, text="oiled")
    steps = monitor.call(f"/api/alarms/{number}")["steps"]
    assert [(step["stage"], step["who"]) for step in steps][:2] == [("raised", "zhao"), ("acknowledged", "zhao")]
    page.goto(f"{monitor.url}/maintenance")
    expect(page.locator("tr", has_text="reported")).to_contain_text("100")
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    sun = enter(browser, monitor, "sun")
    assert sun.goto(f"{monitor.url}/report").status == 403  # type: ignore[union-attr]
    assert get(f"{monitor.url}/photos/1").status_code in (303, 401)


def test_the_closing_rate_is_by_source() -> None:
    alarms = Alarms(Rules())
    for number, kind in enumerate(("DoorTamper", "room.Reported", "room.Reported")):
        alarms.hear(Raised(Key("hq", "g", str(number), kind), 500, Check.LOOK, latched=True), 100.0)
    alarms.alarms[3].closed = 200.0
    found = rates(alarms.alarms.values(), 50.0)
    assert (found["machine"].percent, found["report"].percent, found["all"].found) == (0, 50, 3)
    assert rates(alarms.alarms.values(), 150.0)["all"].percent is None


@pytest.mark.real
def test_a_report_is_read_only_from_who_has_logged_in_and_within_its_limit(monitor: Monitor) -> None:
    known = base64.b64encode(f"zhao:{PASSWORD}".encode()).decode()
    wrong = base64.b64encode(b"zhao:wrong").decode()
    for sent, length, status in (
        ("", 5_000_000, b"303"), (f"Authorization: Basic {wrong}", 5_000_000, b"401"),
        (f"Authorization: Basic {known}", 13_000_001, b"413"),
    ):  # fmt: skip
        with socket.create_connection((HOST, monitor.port), timeout=60) as link:
            head = f"POST /report HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {length}\r\n{sent}\r\n"
            link.sendall(f"{head.rstrip()}\r\n\r\n".encode())  # and not a byte of the body
            assert link.recv(4096).split()[1] == status
