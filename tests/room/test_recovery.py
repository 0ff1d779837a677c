"""What was committed and did not become alarms at once becomes them later, whatever fails meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, update

from edge.errors import StoreError
from monitor import casebook
from monitor.casebook import Casebook
from monitor.database import Database
from monitor.limits import Rules
from monitor.room import Room
from monitor.settings import load
from monitor.tables import EVENTS
from tests.room.test_casebook import Chain


class Disk(Database):
    """One that cannot be read at some of the times that it is asked to."""

    failing: Iterator[bool] = iter(())

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        if next(self.failing, False):
            raise StoreError("the disk does not answer")
        with super().reading() as connection:
            yield connection


@pytest.fixture
def disk(database: Database) -> Iterator[Disk]:
    with Disk(database.url.render_as_string(hide_password=False)) as disk:
        yield disk


def doors(cases: Casebook) -> list[str]:
    return sorted(alarm.key.subject for alarm in cases.open())


@pytest.mark.parametrize("good", range(6))
def test_a_disk_that_fails_when_it_is_read_after_a_failure_loses_nothing(
    disk: Disk, monkeypatch: pytest.MonkeyPatch, good: int
) -> None:
    monkeypatch.setattr(casebook, "PAGE", 1)
    chain, cases = Chain(disk), Casebook(disk, Rules())
    with disk.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE steps RENAME TO elsewhere")
    for number in range(3):
        recorded = chain.report("DoorForcedOpen", subject=f"door/{number}", active=True)
        with pytest.raises(StoreError):
            cases.recorded(recorded)
    with disk.writing() as connection:
        connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO steps")
    disk.failing = iter([False] * good + [True])
    with pytest.raises(StoreError):
        cases.tick()
    cases.recorded(chain.report("DoorForcedOpen", subject="door/9", active=True))
    assert doors(cases) == doors(Casebook(disk, Rules())) == ["door/0", "door/1", "door/2", "door/9"]


def test_an_event_that_was_changed_meanwhile_does_not_keep_the_room_from_starting(database: Database) -> None:
    chain = Chain(database)
    for number in range(2):
        chain.report("DoorForcedOpen", subject=f"door/{number}", active=True)
    with database.writing() as connection:
        connection.execute(update(EVENTS).where(EVENTS.c.sequence == 1).values(payload=b"{}"))
    assert doors(Casebook(database, Rules())) == ["door/1"]


def test_a_room_starts_with_what_was_left_to_do_and_tells_of_it_then(tmp_path: Path) -> None:
    config = tmp_path / "monitor.toml"
    config.write_text("[broker]\nport = 1\n")
    configured = load(config)
    with Database(configured.database) as database:
        Chain(database).report("DoorForcedOpen", active=True)  # and then the power fails
    assert doors(Room(configured, lambda *_, **__: None).casebook) == ["door/main"]


def test_who_watches_is_told_of_what_was_left_to_do(database: Database) -> None:
    Chain(database).report("DoorForcedOpen", active=True)
    told: list[bool] = []
    cases = Casebook(database, Rules(), lambda: told.append(True))
    assert not told
    cases.tick()
    cases.tick()
    assert told == [True]
