"""The room to try: its accounts are there with the password that it tells, whatever became of its first start."""

from pathlib import Path

from edge.showroom import PEOPLE, Room
from monitor.accounts import Accounts
from monitor.database import Database
from monitor.settings import load


def test_a_first_start_that_was_cut_off_among_its_accounts_is_made_good(tmp_path: Path) -> None:
    first = Room(tmp_path, broker_port=1)
    (tmp_path / "password").unlink()
    with Database(load(first.config).database) as database:
        Accounts(database).remove("zhao")
    room = Room(tmp_path, broker_port=1)
    assert room.password != first.password
    assert Room(tmp_path, broker_port=1).password == room.password == (tmp_path / "password").read_text()
    with Database(load(room.config).database) as database:
        accounts = Accounts(database)
        assert {name: accounts.verify(name, room.password, "").role for name in PEOPLE} == PEOPLE
