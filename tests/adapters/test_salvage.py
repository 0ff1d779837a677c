"""A damaged event log is set aside, kept, and what is whole in it goes on in a new one."""

import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from random import Random

import msgspec
import pytest

from edge.doorevents import DoorForcedOpen, RequestToExit
from edge.eventlog import EventLog, Pending
from edge.logfile import LogError, Reader, Stored
from edge.salvage import salvage
from edge.seal import chain_hash
from edge.terms import Now
from edge.transport import Ack, Channel
from tests.adapters.brokers import until
from tests.adapters.outboxes import NOW, Gate, Open, assert_chained, envelope
from tests.conftest import ROOT

LEFT = {"header": 2, "page": 100, "payload": 300, "no head": 300, "typed head": 300, "early head": 300}
"""Damage to the file, and how many events must be left of 300."""
WRONG = {
    "payload": "UPDATE events SET payload = replace(payload, 'door-1', 'door-9') WHERE sequence = 150",
    "no head": "DELETE FROM head",
    "typed head": "UPDATE head SET sequence = 'x'",
    "early head": "UPDATE head SET sequence = 3",
}


@pytest.mark.parametrize("damage", LEFT)
def test_a_damaged_file_is_kept_aside_and_its_events_are_carried_over(opened: Open, path: Path, damage: str) -> None:
    before = opened()
    before.press(300)
    rows = before.outbox.read(0, 1000)
    before.outbox.close()
    _damage(path, damage)
    gate = opened()
    until(lambda: _read_whole(gate) and gate.outbox.backlog.epoch != before.outbox.backlog.epoch)
    gate.press()
    after = gate.outbox.read(0, 1000)
    assert_chained(after)
    assert envelope(after[0]).epoch != envelope(rows[0]).epoch
    assert str(envelope(after[0]).data["reason"]).startswith("corruption")
    assert len(after) >= LEFT[damage]
    assert list(path.parent.glob(f"{path.name}.before-*")), "the damaged file is kept"


@pytest.mark.parametrize(("trusted", "days", "there"), [(True, 29, True), (True, 31, False), (False, 31, True)])
def test_a_damaged_file_is_kept_for_thirty_days_of_a_clock_that_is_trusted(
    opened: Open, path: Path, trusted: bool, days: int, there: bool
) -> None:
    damaged = path.with_name(f"{path.name}.before-0123")
    damaged.write_bytes(b"names")
    gate = opened()
    gate.outbox.look(Now(1.0, time.time() + days * 86_400, trusted))
    gate.press()
    until(lambda: gate.outbox.read(0, 1000))
    gate.outbox.close()
    assert damaged.exists() == there


def _read_whole(gate: Gate) -> list[Stored]:
    """Read as the sender does: damage within an event shows only there."""
    return gate.outbox.read(0, 1000)


def _damage(path: Path, what: str) -> None:
    if what in WRONG:
        with sqlite3.connect(path) as other:
            other.execute(WRONG[what])
        other.close()
        return
    with path.open("r+b") as file:
        file.seek(0 if what == "header" else 4096 * 12)
        file.write(os.urandom(4096))


@pytest.mark.slow
def test_a_gate_that_is_killed_while_it_saves_a_damaged_log_saves_all_of_it_once(
    opened: Open, path: Path, tmp_path: Path
) -> None:
    before = opened()
    before.press(4)
    before.outbox.close()
    damaged, left = tmp_path / "damaged", tmp_path / "left"
    damaged.mkdir()
    path.rename(damaged / path.name)
    _damage(damaged / path.name, "no head")
    command = [sys.executable, "-m", "tests.adapters.killed", damaged / path.name, left]
    subprocess.run(command, cwd=ROOT, check=True, timeout=120)
    assert len(list(left.iterdir())) > 30, "it was killed at many steps"
    for place in left.iterdir():
        gate = Gate(place / path.name)
        gate.ready()
        rows = gate.outbox.read(0, 1000)
        gate.outbox.close()
        assert_chained(rows)
        kinds = [envelope(row).type.removeprefix("edge-gate.") for row in rows]
        assert kinds == ["EpochStarted", "EpochStarted", *["RequestToExit"] * 4], place
        assert "5 of 5 events carried over" in str(envelope(rows[0]).data["reason"])
        names = [each.name for each in place.iterdir() if not each.name.endswith(("-wal", "-shm"))]
        assert sorted(names) == [path.name, f"{path.name}.before-{envelope(rows[0]).epoch}"], "one is kept"


PAGE = 4096


@pytest.fixture
def whole(path: Path, tmp_path: Path) -> tuple[Path, list[Stored]]:
    """A log that was closed with 200 events in it, and these."""
    log = EventLog(path, "site", "gate-1")
    log.append(
        Pending("door-1", RequestToExit(), msgspec.structs.replace(NOW, utc=NOW.utc + number)) for number in range(200)
    )
    log.close()
    return path, _read(path)


def _read(path: Path) -> list[Stored]:
    with closing(Reader(path)) as reader:
        return reader.read(0, 1000)


@pytest.mark.parametrize("kind", ["zeros", "noise", "another page"])
def test_a_page_that_is_lost_takes_no_other_events_with_it(whole: tuple[Path, list[Stored]], kind: str) -> None:
    path, rows = whole
    content, times = path.read_bytes(), [envelope(row).time for row in rows]
    pages = len(content) // PAGE
    fillings = {"zeros": bytes(PAGE), "noise": Random(1).randbytes(PAGE), "another page": content[-PAGE:]}
    saved: list[int] = []
    for page in range(pages):
        path.write_bytes(content[: page * PAGE] + fillings[kind] + content[(page + 1) * PAGE :])
        events, sentence = salvage([path])
        found = [event.envelope.time for event in events]
        assert found == [time for time in times if time in set(found)], "what was written, in its order, each once"
        assert sentence.startswith(f"{len(events)} of ")
        saved.append(len(events))
    nearly_all = [number for number in saved if number >= len(rows) - PAGE // 350]
    assert len(nearly_all) >= pages - 3, "all but the pages that say where the others are"


def test_a_flipped_bit_is_noticed_or_changes_nothing(whole: tuple[Path, list[Stored]]) -> None:
    path, rows = whole
    content, dice, noticed = path.read_bytes(), Random(2), 0
    wrong = 0
    known = {row.sequence: row for row in rows}
    for _ in range(300):
        damaged = bytearray(content)
        damaged[dice.randrange(len(content))] ^= 1 << dice.randrange(8)
        path.write_bytes(damaged)
        try:
            with closing(EventLog(path, "site", "gate-1")):
                assert all(known[row.sequence].payload == row.payload for row in _read(path))
        except LogError as error:
            noticed += error.corrupt
            wrong += not error.corrupt
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    assert noticed > 200 and not wrong, "damage is not taken for a disk that will answer again"


def test_damage_while_running_is_noticed_too(opened: Open, path: Path) -> None:
    gate = opened()
    gate.press(50)
    epoch = gate.outbox.backlog.epoch
    with sqlite3.connect(path) as other:
        other.execute("UPDATE events SET payload = x'00' WHERE sequence = 10")
    other.close()
    assert gate.outbox.read(0, 1000) == []
    until(lambda: gate.outbox.backlog.epoch != epoch)
    assert_chained(gate.outbox.read(0, 1000))
    assert len(gate.outbox.read(0, 1000)) == 1 + 50, "a new beginning, and all but the damaged one"


def test_an_older_copy_of_the_log_begins_a_new_epoch(opened: Open) -> None:
    gate = opened()
    gate.press(5)
    epoch = gate.outbox.backlog.epoch
    gate.outbox.acknowledge(Ack("site", "gate-1", epoch, 99, "ab" * 32))
    until(lambda: gate.outbox.backlog.epoch != epoch)
    rows = gate.outbox.read(0, 100)
    assert "restored" in str(envelope(rows[0]).data["reason"])
    assert len(rows) == 7


def test_damage_that_is_met_while_room_is_made_begins_a_new_epoch(opened: Open, path: Path) -> None:
    gate = opened(capacity=20)
    gate.press(2)
    gate.outbox.append("door-1", DoorForcedOpen(active=True), NOW)
    gate.press(10)
    epoch = gate.outbox.backlog.epoch
    with sqlite3.connect(path) as other:
        other.execute("UPDATE events SET payload = x'7b' WHERE channel = 'alarm' AND sequence > 1")
    other.close()
    for _ in range(10):
        gate.outbox.append("door-1", RequestToExit(), NOW)
    until(lambda: gate.outbox.backlog.epoch != epoch)
    gate.press()
    assert_chained(gate.outbox.read(gate.outbox.backlog.last - 1, 1), gate.outbox.backlog.last, _last_but_one(gate))


def _last_but_one(gate: Gate) -> str:
    return gate.outbox.read(gate.outbox.backlog.last - 2, 1)[0].hash


def test_an_event_of_another_version_is_carried_over_on_its_channel(opened: Open, path: Path) -> None:
    before = opened()
    before.press(3)
    before.outbox.close()
    with sqlite3.connect(path) as other:
        _retype(other, 2, "edge-gate.OfAnotherVersion", Channel.ALARM)
        _retype(other, 3, "edge-gate.OfAnotherVersion", Channel.EVENT)
        other.execute("DELETE FROM head")
    other.close()
    gate = opened()
    gate.press()
    rows = gate.outbox.read(0, 1000)
    assert_chained(rows)
    assert [(envelope(row).type.removeprefix("edge-gate."), row.channel) for row in rows] == [
        ("EpochStarted", Channel.ALARM),
        ("EpochStarted", Channel.ALARM),
        ("OfAnotherVersion", Channel.ALARM),
        ("OfAnotherVersion", Channel.EVENT),
        ("RequestToExit", Channel.EVENT),
        ("RequestToExit", Channel.EVENT),
    ]


def _retype(db: sqlite3.Connection, sequence: int, kind: str, channel: Channel) -> None:
    [payload] = db.execute("SELECT payload FROM events WHERE sequence = ?", (sequence,)).fetchone()
    document = msgspec.json.decode(payload) | {"type": kind}
    values = (msgspec.json.encode(document), chain_hash(document), channel, sequence)
    db.execute("UPDATE events SET payload = ?, hash = ?, channel = ? WHERE sequence = ?", values)


def test_a_damaged_channel_is_that_of_the_events_type(opened: Open, path: Path) -> None:
    gate = opened()
    gate.press(2)
    with sqlite3.connect(path) as other:
        other.execute("UPDATE events SET channel = 'evenu' WHERE sequence = 2")
        other.execute("UPDATE events SET channel = NULL WHERE sequence = 1")
    other.close()
    rows = gate.outbox.read(0, 1000)
    assert [row.channel for row in rows] == [Channel.ALARM, Channel.EVENT, Channel.EVENT]
