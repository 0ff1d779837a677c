"""The stream of news of a real room: it ends soon after whoever listens may listen no longer."""

from contextlib import AbstractContextManager, ExitStack
from itertools import islice

import httpx
import pytest

from monitor.access import COOKIE
from monitor.accounts import Accounts, Role
from monitor.database import Database
from monitor.settings import load
from tests.room.conftest import PASSWORD, Monitor, a_room

pytestmark = pytest.mark.real
monitor = a_room()


@pytest.mark.slow
def test_a_stream_ends_with_the_session_and_with_the_account(monitor: Monitor) -> None:
    with Database(load(monitor.config).database) as database, ExitStack() as open_:
        accounts = Accounts(database)
        for name in ("stays", "leaves", "goes"):
            accounts.add(name, Role.VIEWER, PASSWORD)
        tokens = {name: accounts.login(name, PASSWORD, "")[0] for name in ("stays", "leaves", "goes")}
        streams = {name: open_.enter_context(_listening(monitor, token)) for name, token in tokens.items()}
        accounts.logout(tokens["leaves"])
        accounts.remove("goes")
        for name in ("leaves", "goes"):
            assert "alive" not in "".join(islice(streams[name].iter_text(), 2))  # as it says when it goes on
        assert "event: alive" in next(part for part in streams["stays"].iter_text() if "event" in part)


def _listening(monitor: Monitor, token: str) -> AbstractContextManager[httpx.Response]:
    return httpx.stream("GET", f"{monitor.url}/stream", cookies={COOKIE: token}, timeout=60)
