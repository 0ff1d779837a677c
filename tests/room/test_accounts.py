"""Who may use the room: accounts lock, sessions end, and what the database keeps lets nobody in."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import select, update

from edge.errors import EdgeError
from edge.journal import account
from monitor.accounts import IDLE_S, LOCK_AFTER, LONGEST_S, VIEW_S, Accounts, Denied, Role
from monitor.database import Database
from monitor.settings import load
from monitor.tables import SESSIONS
from monitor.words import word
from tests.commands import run


def test_an_account_locks_after_wrong_passwords_and_says_no_more_than_that(database: Database) -> None:
    accounts = Accounts(database)
    accounts.add("li", Role.OPERATOR, "correct horse")
    for number in range(LOCK_AFTER):
        with pytest.raises(Denied, match="name or password is wrong"):
            accounts.verify("li", "wrong", f"10.0.0.{number}")
    with pytest.raises(Denied, match="locked"):
        accounts.verify("li", "correct horse", "10.0.0.9")
    with pytest.raises(Denied, match="name or password is wrong"):
        accounts.verify("nobody", "x", "10.0.0.9")
    assert [deed for _, _, deed, _ in accounts.audit()][:2] == ["locked", "wrong password"]


def test_passwords_that_are_guessed_at_the_same_time_count_each(database: Database) -> None:
    accounts = Accounts(database)
    accounts.add("li", Role.OPERATOR, "correct horse")

    def guess(number: int) -> None:
        with pytest.raises(Denied):
            accounts.verify("li", f"wrong {number}", f"10.0.0.{number}")

    with ThreadPoolExecutor(LOCK_AFTER) as guessing:
        list(guessing.map(guess, range(LOCK_AFTER)))
    with pytest.raises(Denied, match="locked"):
        accounts.verify("li", "correct horse", "10.0.0.99")


def test_an_address_that_tries_too_often_has_to_wait(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("monitor.accounts.ATTEMPTS", 3)
    accounts = Accounts(database)
    for _ in range(3):
        with pytest.raises(Denied, match="wrong"):
            accounts.verify("nobody", "x", "10.0.0.1")
    with pytest.raises(Denied, match="too many"):
        accounts.verify("nobody", "x", "10.0.0.1")
    with pytest.raises(Denied, match="wrong"):
        accounts.verify("nobody", "x", "10.0.0.2")


def test_a_session_ends_with_its_account(database: Database) -> None:
    accounts = Accounts(database)
    accounts.add("li", Role.GUARD, "correct horse")
    token, session = accounts.login("li", "correct horse", "")
    assert accounts.session(token) == session and accounts.session(token + "x") is None
    accounts.remove("li")
    assert accounts.session(token) is None
    for name, password in (("", "correct horse"), ("a\nb", "correct horse"), ("li", "short")):
        with pytest.raises(EdgeError):
            accounts.add(name, Role.GUARD, password)


@pytest.mark.parametrize(("column", "after_s"), [("seen", IDLE_S), ("begun", LONGEST_S)])
def test_a_session_ends_when_it_is_not_used_and_at_last_in_any_case(
    database: Database, column: str, after_s: float
) -> None:
    accounts = Accounts(database)
    accounts.add("li", Role.GUARD, "correct horse")
    token, session = accounts.login("li", "correct horse", "")
    for ago_s, known in ((after_s - 60, session), (after_s + 60, None)):
        with database.writing() as connection:
            connection.execute(update(SESSIONS).values({column: time.time() - ago_s}))
        assert accounts.session(token) == known


@pytest.mark.parametrize("change", [{"role": Role.VIEWER}, {"password": "another horse"}])
def test_whoever_gets_another_role_or_password_logs_in_again(database: Database, change: dict[str, str]) -> None:
    accounts = Accounts(database)
    accounts.add("li", Role.OPERATOR, "correct horse")
    token, _ = accounts.login("li", "correct horse", "")
    accounts.change("li", **change)  # type: ignore[arg-type]
    assert accounts.session(token) is None


def test_what_the_database_keeps_of_a_session_is_none(database: Database) -> None:
    accounts = Accounts(database)
    accounts.add("li", Role.OPERATOR, "correct horse")
    accounts.login("li", "correct horse", "")
    with database.reading() as connection:
        kept = connection.execute(select(SESSIONS.c.token)).scalar_one()
    assert accounts.session(kept) is None


def test_a_page_that_stays_open_is_one_view_however_long(database: Database) -> None:
    accounts = Accounts(database)
    for _ in range(4):
        accounts.viewed("li", "gate page", "hq/lobby")
        for key, at in accounts._viewed.items():
            accounts._viewed[key] = at - VIEW_S / 2  # as if half of that had gone by
    assert len(accounts.audit()) == 1
    accounts._viewed.clear()
    accounts.viewed("li", "gate page", "hq/lobby")
    assert len(accounts.audit()) == 2


def test_whoever_changes_accounts_at_the_machine_stands_in_the_audit(tmp_path: Path) -> None:
    config = tmp_path / "monitor.toml"
    config.write_text("")
    for given in (
        ("add", "sun", "--role", "guard", "--password-stdin"),
        ("change", "sun", "--role", "operator", "--password-stdin"),
        ("remove", "sun"),
    ):
        done = run("monitor", "user", *given, "--config", config, stdin="correct horse\n")
        assert done.returncode == 0, done.stderr
    with Database(load(config).database) as database:
        lines = [line[1:] for line in Accounts(database).audit()]
    assert lines[::-1] == [
        (account(), "account added", "sun: guard"),
        (account(), "account changed", "sun: operator, another password"),
        (account(), "account removed", "sun"),
    ]
    assert all(word(deed) != deed for _, deed, _ in lines)
