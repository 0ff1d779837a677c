"""The outbox: nothing recorded is lost, whatever the disk does, and everything is numbered without gaps."""

import os
import sqlite3
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from threading import Event

import msgspec
import pytest

from edge.delivery import Verdict
from edge.doorevents import AccessTaken, DoorForcedOpen, RequestToExit
from edge.eventlog import EventLog, Pending
from edge.facts import Recorded
from edge.outbox import SLOW_S
from edge.seal import chain_hash, commitment
from edge.terms import Storage
from edge.transport import Ack, Channel
from tests.adapters.brokers import until
from tests.adapters.outboxes import NOW, Gate, Open, assert_chained, envelope
from tests.conftest import need


def test_events_are_numbered_chained_and_in_cloudevents_form(opened: Open) -> None:
    gate = opened()
    gate.press(3)
    rows = gate.outbox.read(0, 10)
    assert_chained(rows)
    assert [envelope(row).type for row in rows] == ["edge-gate.EpochStarted", *["edge-gate.RequestToExit"] * 3]
    pressed = envelope(rows[1])
    assert (pressed.source, pressed.subject, pressed.time) == ("/site/gate-1", "door-1", "2025-11-24T16:00:00.250Z")
    assert (pressed.specversion, pressed.id) == ("1.0", f"{pressed.epoch}-000000000002")


def test_a_personal_field_can_be_erased_without_breaking_the_chain(opened: Open) -> None:
    gate = opened()
    gate.ready().append("door-1", AccessTaken("ada"), NOW)
    until(lambda: gate.outbox.backlog.last == 2)
    row = gate.outbox.read(1, 1)[0]
    document = msgspec.json.decode(row.payload)
    salt, value = document["data"]["personal"]["person"]
    assert value == "ada"
    assert document["data"]["commitments"]["person"] == commitment(salt, "ada")
    del document["data"]["personal"]
    assert chain_hash(document) == row.hash


def test_a_ticket_is_answered_when_the_event_is_on_the_disk(opened: Open, path: Path) -> None:
    gate = opened()
    gate.outbox.append("door-1", RequestToExit(), NOW, ticket=7)
    until(lambda: Recorded(7, True) in gate.facts)
    with sqlite3.connect(path) as other:
        assert other.execute("SELECT sequence FROM head").fetchone() == (2,)
    other.close()


def test_sequence_and_chain_go_on_after_a_restart_and_when_all_is_pruned(opened: Open) -> None:
    first = opened()
    first.press(2)
    last = first.outbox.read(2, 1)[0]
    assert first.acknowledge(3) is Verdict.PRUNED
    until(lambda: first.outbox.backlog.first == 4)
    first.outbox.close()
    second = opened()
    second.press()
    assert second.outbox.backlog.epoch == first.outbox.backlog.epoch
    assert_chained(second.outbox.read(0, 10), first=4, previous=last.hash)


def test_only_the_recorders_word_on_what_was_written_prunes(opened: Open) -> None:
    gate = opened()
    gate.press(5)
    assert gate.acknowledge(4, hash="0" * 64) is Verdict.WRONG
    assert gate.acknowledge(4, epoch="0" * 16) is Verdict.FOREIGN
    assert gate.outbox.backlog.first == 1
    assert gate.acknowledge(4) is Verdict.PRUNED
    until(lambda: gate.outbox.backlog.first == 5)
    stale = Ack("site", "gate-1", gate.outbox.backlog.epoch, 2, "")
    assert gate.outbox.acknowledge(stale) is Verdict.KNOWN
    assert len(gate.outbox.read(0, 10)) == 2


def test_a_log_that_the_recorder_knows_further_than_it_goes_is_an_older_copy_and_ends_its_epoch(opened: Open) -> None:
    gate = opened()
    gate.press(3)
    before = gate.outbox.backlog.epoch
    further = Ack("site", "gate-1", before, 9, "0" * 64)
    assert gate.outbox.acknowledge(further) is Verdict.WRONG
    until(lambda: gate.outbox.backlog.epoch not in (before, ""))
    rows = gate.outbox.read(0, 10)
    assert_chained(rows)
    assert "an older copy of the event log was restored" in rows[0].payload.decode()
    assert [envelope(row).type for row in rows].count("edge-gate.RequestToExit") == 3, "what it held is carried over"


def test_a_full_log_keeps_alarms_and_names_what_it_drops(opened: Open) -> None:
    gate = opened(capacity=1000)
    gate.press(10)
    gate.outbox.append("door-1", DoorForcedOpen(True), NOW)
    gate.press(1100)
    rows = gate.outbox.read(0, 5000)
    assert len(rows) <= 1000
    kinds = [envelope(row).type.removeprefix("edge-gate.") for row in rows[:4]]
    assert kinds == ["EpochStarted", "EventsLost", "DoorForcedOpen", "EventsLost"]
    lost = [envelope(row) for row in rows[1:4:2]]
    assert lost[0].data["first"] == 2
    assert rows[2].sequence == rows[1].sequence + 1
    assert lost[1].data["first"] == rows[2].sequence + 1
    assert envelope(rows[4]).previoushash == lost[1].data["hash"] == rows[3].hash
    until(lambda: Storage.FULL in gate.told())
    assert gate.acknowledge(rows[3].sequence) is Verdict.PRUNED


def test_warns_before_it_is_full_and_recovers(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.outbox.SLOW_S", 60.0)
    gate = opened(capacity=1000, warn_at=0.5)
    gate.press(400)
    until(lambda: gate.told() == [Storage.OK])
    gate.press(200)
    until(lambda: gate.told() == [Storage.OK, Storage.FULL])
    assert gate.acknowledge(500) is Verdict.PRUNED
    until(lambda: gate.told()[-1] is Storage.OK)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte."""
    need(os.geteuid() == 0, "root, to mount a small file system")
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], check=False, capture_output=True)
    need(done.returncode == 0, "the right to mount a small file system")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


@pytest.mark.real
def test_a_full_disk_delays_events_but_loses_none(small_disk: Path) -> None:
    gate = Gate(small_disk / "outbox.sqlite")
    gate.press(10)
    filler = small_disk / "filler"
    with pytest.raises(OSError, match="No space"):
        filler.write_bytes(b"x" * 2_000_000)
    for ticket in range(1, 3001):
        gate.outbox.append("door-1", RequestToExit(), NOW, ticket)
    until(lambda: gate.told()[-1] in (Storage.FULL, Storage.FAILED))
    until(lambda: any(isinstance(fact, Recorded) and not fact.ok for fact in gate.facts))
    filler.unlink()
    subprocess.run(["mount", "-o", "remount,size=16m", small_disk], check=True)
    until(lambda: gate.outbox.backlog.last == 11 + 3000 and gate.told()[-1] is Storage.OK)
    assert_chained(gate.outbox.read(0, 5000))
    answers = [fact.ticket for fact in gate.facts if isinstance(fact, Recorded)]
    assert sorted(answers) == list(range(1, 3001)), "every ticket is answered once"
    gate.outbox.close()


def test_a_disk_that_does_not_answer_is_reported_before_it_does(opened: Open, path: Path) -> None:
    gate = opened()
    gate.press()
    until(lambda: gate.told()[-1:] == [Storage.OK])  # a busy machine has slow commits of its own
    before = len(gate.told())
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        gate.outbox.append("door-1", RequestToExit(), NOW)
        until(lambda: (gate.outbox.look(NOW), gate.told()[before:] == [Storage.SLOW])[1])
        assert gate.outbox.backlog.last == 2, "it still waits for the disk"
        other.execute("ROLLBACK")
    until(lambda: gate.outbox.backlog.last == 3)
    assert gate.told()[before:] == [Storage.SLOW], "once, and for a while"


def test_a_slow_disk_is_reported(opened: Open, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.outbox.SLOW_FOR_S", 0.5)
    taken = Event()
    append = EventLog.append

    def noticed(log: EventLog, batch: Iterable[Pending]) -> None:
        taken.set()
        append(log, batch)

    gate = opened()
    gate.press()
    until(lambda: gate.told()[-1:] == [Storage.OK])  # a busy machine has slow commits of its own
    before = len(gate.told())
    monkeypatch.setattr(EventLog, "append", noticed)
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    gate.outbox.append("door-1", RequestToExit(), NOW)
    assert taken.wait(60)
    time.sleep(1.2 * SLOW_S)  # how long a disk takes is what is tested
    lock.execute("COMMIT")
    lock.close()
    until(lambda: gate.told()[before:] == [Storage.SLOW, Storage.OK])


def test_a_log_that_cannot_be_opened_is_tried_again(tmp_path: Path) -> None:
    place = tmp_path / "state"
    place.write_text("in the way")
    gate = Gate(place / "outbox.sqlite")
    gate.outbox.append("door-1", RequestToExit(), NOW, ticket=1)
    until(lambda: gate.told() == [Storage.FAILED])
    place.unlink()
    until(lambda: gate.outbox.backlog.last == 2)
    gate.outbox.close()


def test_recording_is_not_delayed_by_reading(path: Path) -> None:
    log = EventLog(path, "site", "gate-1")
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM events").fetchone() == (1,)
    log.append([])
    log.close()
    reader.close()


def test_alarms_and_events_have_their_channels(opened: Open) -> None:
    gate = opened()
    gate.ready().append("door-1", DoorForcedOpen(True), NOW)
    gate.press()
    assert [row.channel for row in gate.outbox.read(0, 9)] == [Channel.ALARM, Channel.ALARM, Channel.EVENT]
