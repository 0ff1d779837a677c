"""What a flood has kept back is announced when it is over, and stays so."""

import time

import msgspec
import pytest
from sqlalchemy import update

from monitor.casebook import Casebook
from monitor.database import Database
from monitor.limits import Rules
from monitor.tables import ALARMS
from monitor.terms import FLOOD, Action, Alarm, Check, Key, Raised

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


def test_what_a_flood_kept_back_is_announced_after_it_also_on_the_disk(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = flooded(database)
    later(monkeypatch, 2.0)
    cases.tick()
    found = lesser(cases)
    assert len(found) == 5 and not any(alarm.suppressed for alarm in found)
    assert [cases.find(alarm.number) for alarm in found] == found
    assert not any(alarm.suppressed for alarm in lesser(Casebook(database, RULES)))


def test_a_flood_that_somebody_had_mended_is_checked_all_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    cases = flooded(database)
    later(monkeypatch, 2.0)
    cases.tick()
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
