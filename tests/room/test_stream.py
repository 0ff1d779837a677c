"""The stream of news of a real room: it ends when whoever listens may listen no longer."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, closing
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import update

from monitor.access import COOKIE
from monitor.accounts import Accounts, Denied, Role
from monitor.database import Database
from monitor.room import Room
from monitor.server import _messages
from monitor.settings import load
from monitor.tables import SESSIONS
from tests.room.conftest import PASSWORD, Monitor, a_room

monitor = a_room()


@pytest.mark.real
@pytest.mark.slow
def test_a_stream_ends_with_the_session_and_with_the_account(monitor: Monitor) -> None:
    with Database(load(monitor.config).database) as database, ExitStack() as open_:
        accounts = Accounts(database)
        for name in ("stays", "leaves", "goes", "program"):
            accounts.add(name, Role.VIEWER, PASSWORD)
        tokens = {name: accounts.login(name, PASSWORD, "")[0] for name in ("stays", "leaves", "goes")}
        streams = {name: open_.enter_context(_listening(monitor, cookies={COOKIE: tokens[name]})) for name in tokens}
        streams["program"] = open_.enter_context(_listening(monitor, auth=("program", PASSWORD)))
        accounts.logout(tokens["leaves"])
        for name in ("goes", "program"):
            accounts.remove(name)
        for name in ("leaves", "goes", "program"):
            assert "alive" not in "".join(islice(streams[name].iter_text(), 2))  # as it says when it goes on
        assert "event: alive" in next(part for part in streams["stays"].iter_text() if "event" in part)


def _listening(monitor: Monitor, **credentials: Any) -> AbstractContextManager[httpx.Response]:
    return httpx.stream("GET", f"{monitor.url}/stream", timeout=60, **credentials)


@pytest.mark.parametrize("how", ["logout", "another process", "time"])
def test_a_stream_ends_at_once_however_its_session_has_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    (tmp_path / "monitor.toml").write_text("")
    for module in ("hub", "server"):
        monkeypatch.setattr(f"monitor.{module}.ALIVE_S", 3600.0)
    room = Room(load(tmp_path / "monitor.toml"), lambda text, **_: None)
    for name in ("stays", "leaves"):
        room.accounts.add(name, Role.VIEWER, PASSWORD)
    tokens = {name: room.accounts.login(name, PASSWORD, "")[0] for name in ("stays", "leaves")}

    def end() -> None:
        if how == "logout":
            room.accounts.logout(tokens["leaves"])
        elif how == "another process":
            Accounts(room.database).remove("leaves")
        else:
            with room.database.writing() as connection:
                connection.execute(update(SESSIONS).where(SESSIONS.c.name == "leaves").values(begun=0.0))

    def turned() -> None:
        end()
        if how != "logout":
            room._ticked = 0.0
            room.turn()

    _only_one_ends(room, {name: partial(_is_known, room, token) for name, token in tokens.items()}, turned)


CHANGES: dict[str, Callable[[Accounts], None]] = {
    "removed": lambda accounts: accounts.remove("leaves"),
    "another password": lambda accounts: accounts.change("leaves", password=PASSWORD + "!"),
    "another role": lambda accounts: accounts.change("leaves", role=Role.VIEWER),
}
"""What is done to an account in another process."""


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_a_password_has_let_in_ends_when_its_account_is_another(
    tmp_path: Path, change: Callable[[Accounts], None]
) -> None:
    """A program sends its password every time, and what was right is remembered for a minute."""
    (tmp_path / "monitor.toml").write_text("")
    room = Room(load(tmp_path / "monitor.toml"), lambda text, **_: None)
    for name in ("stays", "leaves"):
        room.accounts.add(name, Role.OPERATOR, PASSWORD)
        assert _is_let_in(room, name)

    def turned() -> None:
        change(Accounts(room.database))
        room._ticked = 0.0
        room.turn()

    _only_one_ends(room, {name: partial(_is_let_in, room, name) for name in ("stays", "leaves")}, turned)


def _only_one_ends(room: Room, known: dict[str, Callable[[], bool]], end: Callable[[], None]) -> None:
    """Of two streams that of who `leaves` is over after `end`, and who `stays` hears more."""

    async def listen() -> None:
        room.hub.attach()
        streams = {name: _messages(room.hub, each) for name, each in known.items()}
        assert [await anext(stream) for stream in streams.values()] == [b": welcome\n\n"] * 2
        room.turn()
        end()
        assert [message async for message in streams["leaves"]] == []
        room.hub.tell([], "alarms")
        assert b"alarms" in await anext(streams["stays"])

    with closing(room.database):
        asyncio.run(asyncio.wait_for(listen(), 60))


def _is_let_in(room: Room, name: str) -> bool:
    try:
        return room.accounts.basic(name, PASSWORD, "").role is Role.OPERATOR
    except Denied:
        return False


def _is_known(room: Room, token: str) -> bool:
    return room.accounts.session(token) is not None
