"""What the recorder's thread does between messages, and that the pages are told of it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from monitor.hub import Watcher
from monitor.room import SHOWN_S, Room
from monitor.settings import load
from monitor.terms import State
from monitor.unreadable import QUIET_S


@pytest.fixture
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Room]:
    """One that takes every turn, and has never heard of a broker."""
    for pace in ("TICK_S", "LOOK_S"):
        monkeypatch.setattr(f"monitor.room.{pace}", -1.0)
    config = tmp_path / "monitor.toml"
    config.write_text("[broker]\nport = 1\n")
    room = Room(load(config), lambda *_, **__: None)
    yield room
    room.database.close()


@asynccontextmanager
async def watching(room: Room) -> AsyncIterator[Watcher]:
    room.hub.attach()
    watcher = room.hub.join()
    yield watcher
    room.hub.leave(watcher)


async def next_news(messages: AsyncIterator[bytes]) -> str:
    return (await asyncio.wait_for(anext(messages), 60)).decode()


def test_a_disk_that_fails_for_a_while_is_told_and_that_it_is_there_again(room: Room) -> None:
    async def story() -> None:
        async with watching(room) as watcher:
            messages = watcher.messages()
            await next_news(messages)
            room.link("")
            assert not room.why_silent and "event: link" in await next_news(messages)
            _rename(room, "deeds", "elsewhere")
            for _ in range(2):
                room.turn()
                assert "deeds" in room.why_silent
            assert "event: link" in await next_news(messages)
            _rename(room, "elsewhere", "deeds")
            room.turn()
            assert not room.why_silent and "event: link" in await next_news(messages)

    asyncio.run(story())


def test_a_quiet_while_that_the_disk_did_not_keep_is_told_again(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.unreadable("edge/v1/hq/gate-1/event", "it is no JSON")
    later = time.monotonic() + QUIET_S + 1
    monkeypatch.setattr(time, "monotonic", lambda: later)
    _rename(room, "steps", "elsewhere")
    room.turn()
    kept = room.casebook.find(1)
    assert kept and kept.active
    _rename(room, "elsewhere", "steps")
    room.turn()
    assert [alarm.state for alarm in room.casebook.open()] == [State.CLEARED]


def test_pages_are_told_of_what_gates_measure_but_not_of_every_message(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(room.hub, "tell", lambda events, *signals: told.extend(signals))
    now = time.monotonic()
    for seconds in range(int(2 * SHOWN_S)):
        monkeypatch.setattr(time, "monotonic", lambda at=now + seconds: at)
        for gate in ("gate-1", "gate-2"):
            room.health("hq", gate, {"outbox": {"undelivered": seconds}})
        room.turn()
    assert told == ["gates"] * 2
    monkeypatch.setattr(time, "monotonic", lambda: now + 3 * SHOWN_S)
    room.turn()
    assert told == ["gates"] * 3, "the last message, too"
    monkeypatch.setattr(time, "monotonic", lambda: now + 9 * SHOWN_S)
    room.turn()
    assert told == ["gates"] * 3


def test_a_good_turn_does_not_hide_that_the_broker_is_lost(room: Room) -> None:
    room.link("no broker")
    room.turn()
    assert room.why_silent == "no broker"


def _rename(room: Room, table: str, to: str) -> None:
    with room.database.writing() as connection:
        connection.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {to}")
