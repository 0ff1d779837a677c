"""A damaged event log is set aside, kept, and what is whole in it goes on in a new one."""

import os
import sqlite3
from pathlib import Path

import pytest

from edge.eventlog import Stored
from edge.transport import Ack
from tests.adapters.brokers import until
from tests.adapters.outboxes import Gate, Open, assert_chained, envelope

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
    assert list(path.parent.glob(f"{path.name}.2*")), "the damaged file is kept"


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
