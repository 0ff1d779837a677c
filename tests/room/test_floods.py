"""A flood keeps lesser alarms back; they are announced when it is over, and stay so."""

import time

import msgspec
import pytest
from sqlalchemy import update

from monitor.alarms import Alarms
from monitor.casebook import Casebook
from monitor.database import Database
from monitor.limits import Rules
from monitor.tables import ALARMS
from monitor.terms import FLOOD, Action, Alarm, Check, Key, Raised, State

RULES = Rules(flood_alarms=2, flood_window_s=1.0)


def flooded(database: Database) -> Casebook:
    """Five lesser alarms, of which all but the first two are kept back."""
    cases = Casebook(database, RULES)
    for number in range(5):
        key = Key("hq", "gate-1", f"door/{number}", "TailgatingSuspected")
        cases.hear([Raised(key, 500, Check.LOOK, latched=True)])
    assert sum(alarm.suppressed for alarm in cases.open()) == 3
    return cases


def lesser(cases: Casebook) -> list[Alarm]:
    return [alarm for alarm in cases.open() if alarm.key.kind != FLOOD]


def later(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    now = time.time() + seconds
    monkeypatch.setattr(time, "time", lambda: now)


def test_a_flood_hides_lesser_alarms_only_and_ebbs() -> None:
    rules = Rules(flood_alarms=5, flood_window_s=60.0)
    alarms = Alarms(rules)
    for number in range(10):
        key = Key("hq", "gate-1", f"cam-{number}", "CameraFault")
        alarms.hear(Raised(key, 900 if number == 9 else 500, Check.FRAMES), float(number))
    alarms.hear(Raised(Key("hq", "gate-2", "cam", "CameraFault"), 500, Check.FRAMES), 10.0)
    hidden = [alarm.key.subject for alarm in alarms.alarms.values() if alarm.suppressed]
    assert hidden == ["cam-5", "cam-6", "cam-7", "cam-8"]
    [flood] = [alarm for alarm in alarms.alarms.values() if alarm.key.kind == FLOOD]
    assert flood.active and flood.key.gate == "gate-1"
    alarms.tick(60.0)
    assert flood.active
    alarms.tick(70.0)
    assert flood.state is State.CLEARED or flood.checked
    assert not any(alarm.suppressed for alarm in alarms.alarms.values())


def ebbed(database: Database, monkeypatch: pytest.MonkeyPatch) -> Casebook:
    """A casebook after its flood."""
    cases = flooded(database)
    later(monkeypatch, 2.0)
    cases.tick()
    return cases


def test_what_a_flood_kept_back_is_announced_after_it_also_on_the_disk(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = ebbed(database, monkeypatch)
    found = lesser(cases)
    assert len(found) == 5 and not any(alarm.suppressed for alarm in found)
    assert [cases.find(alarm.number) for alarm in found] == found
    assert not any(alarm.suppressed for alarm in lesser(Casebook(database, RULES)))


def test_a_flood_that_somebody_had_mended_is_checked_all_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = ebbed(database, monkeypatch)
    [flood] = [alarm for alarm in cases.open() if alarm.key.kind == FLOOD]
    mended = msgspec.json.encode(msgspec.structs.replace(flood, checked=None, mended=time.time(), mended_by="li"))
    with database.writing() as connection:  # as a room left it that let somebody say so
        connection.execute(update(ALARMS).where(ALARMS.c.number == flood.number).values(document=mended))
    again = Casebook(database, RULES)
    again.tick()
    again.act(flood.number, Action.ACKNOWLEDGE, "li")
    assert again.act(flood.number, Action.CLOSE, "wang").closed


def test_what_was_left_suppressed_after_its_flood_is_announced_at_the_next_start(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = flooded(database)
    [flood] = [alarm for alarm in cases.open() if alarm.key.kind == FLOOD]
    over = msgspec.json.encode(msgspec.structs.replace(flood, active=False))
    with database.writing() as connection:  # as a room left it that kept what followed in memory
        connection.execute(update(ALARMS).where(ALARMS.c.number == flood.number).values(document=over))
    told: list[None] = []
    later(monkeypatch, RULES.acknowledge_within_s.medium_s + 2.0)
    again = Casebook(database, RULES, lambda: told.append(None))
    again.tick()
    found = lesser(again)
    assert told and [alarm.escalation for alarm in found] == [1] * 5
    assert [again.find(alarm.number) for alarm in found] == found
