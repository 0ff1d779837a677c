"""What is kept of people ends when it has to, and every look at it is put down, also by a page that renews itself."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from joserfc.jwk import OKPKey

from edge.errors import EdgeError
from edge.mqtt import Address, Connection, Message
from edge.simulate import HOST
from monitor.accounts import Accounts, Denied, Role
from monitor.casebook import NAMELESS, Casebook
from monitor.chain import Chain
from monitor.cursors import set_cursor
from monitor.database import Database
from monitor.ledger import Ledger, Refused
from monitor.limits import Rules
from monitor.terms import INSPECTED, REPORTED, Action, Check, Key, Raised
from tests.adapters.brokers import Mosquitto, until
from tests.commands import complaint
from tests.room.conftest import PASSWORD, Monitor, get
from tests.room.test_casebook import as_before

KEY = Key("hq", "lobby", "door/main", "DoorForcedOpen")


def closed_by(casebook: Casebook, *who: str) -> int:
    """An alarm that these people have dealt with."""
    casebook.hear([Raised(KEY, 900, Check.LOOK, "source: contact", latched=True)])
    [alarm] = casebook.open()
    dealt_with(casebook, alarm.number, *who)
    return alarm.number


def dealt_with(casebook: Casebook, number: int, *who: str) -> None:
    for action, name in zip((Action.ACKNOWLEDGE, Action.MEND, Action.LOOK, Action.CLOSE), who, strict=True):
        casebook.act(number, action, name, "private words")


def test_names_leave_alarms_and_steps_when_their_time_is_over_and_the_chain_stays_whole(database: Database) -> None:
    casebook = Casebook(database, Rules(reopen_within_s=0.0))
    old = closed_by(casebook, "zhao", "li", "wang", "li")
    between = time.time()
    time.sleep(1.1)  # cursors count whole seconds
    new = closed_by(casebook, "sun", "li", "wang", "li")
    for _ in range(2):
        casebook.erase(between + 0.5)
    found = casebook.find(old)
    assert found and (found.acknowledged_by, found.mended_by, found.closed_by) == ("", "", "")
    assert [step.who + step.text for step in casebook.steps(old)] == ["source: contact", "", "", "", ""]
    kept = casebook.find(new)
    assert kept and kept.acknowledged_by == "sun"
    assert [step.who for step in casebook.steps(new)] == ["", "sun", "li", "wang", "li"]
    verdict = Chain(database, OKPKey.generate_key("Ed25519")).verify()
    assert verdict.broken is None and verdict.steps == 10
    with database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT document FROM steps WHERE number = 1").all()
    everything = b"".join(bytes(row[0]) for row in rows).decode()
    assert "zhao" not in everything and "private" not in everything


@pytest.mark.parametrize("kind", [REPORTED, INSPECTED])
def test_what_somebody_has_reported_leaves_alarm_and_steps(database: Database, kind: str) -> None:
    casebook = Casebook(database, Rules(reopen_within_s=0.0))
    key = Key("hq", "", "report/1", kind)
    number = casebook.report(Raised(key, 500, Check.LOOK, "Zhang San of 302 broke the lamp", latched=True, by="li"))
    dealt_with(casebook, number, "zhao", "li", "wang", "li")
    machine = closed_by(casebook, "zhao", "li", "wang", "li")
    casebook.erase(time.time() + 10)
    for table in ("alarms", "steps"):
        with database.reading() as connection:
            rows = connection.exec_driver_sql(f"SELECT document FROM {table}").all()
        assert not any(b"Zhang San" in bytes(row[0]) for row in rows)
    kept = casebook.find(machine)
    assert kept and kept.detail == "source: contact"


def test_what_an_older_room_has_left_of_a_report_ends_too(tmp_path: Path) -> None:
    with Database(tmp_path / "room.sqlite") as database:
        casebook = Casebook(database, Rules(reopen_within_s=0.0))
        key = Key("hq", "", "report/1", REPORTED)
        number = casebook.report(Raised(key, 500, Check.LOOK, "Zhang San of 302", latched=True, by="li"))
        dealt_with(casebook, number, "zhao", "li", "wang", "li")
        with database.writing() as connection:
            set_cursor(connection, NAMELESS, int(time.time()) + 5)
        as_before(database, 8)
    with Database(tmp_path / "room.sqlite") as database:
        casebook = Casebook(database, Rules(reopen_within_s=0.0))
        casebook.erase(time.time() + 10)
        found = casebook.find(number)
        assert found and found.detail == found.closed_by == ""


def test_the_audit_and_refused_messages_end_too(database: Database) -> None:
    accounts, ledger = Accounts(database), Ledger(database)
    accounts.note("li", "history", "before")
    ledger.quarantine([Refused("edge/v1/x/y/event", "no JSON", b"Wang Fang")])
    after = time.time() + 0.001
    time.sleep(0.01)
    accounts.note("li", "history", "after")
    accounts.erase(after)
    ledger.erase(after)
    assert [detail for _, _, _, detail in accounts.audit()] == ["after"] and ledger.totals().quarantined == 0


def test_a_page_that_renews_itself_is_one_view_and_another_gate_another(database: Database) -> None:
    accounts = Accounts(database)
    for gate in ("hq/a", "hq/a", "hq/b", "hq/a"):
        accounts.viewed("li", "gate", gate)
    accounts.viewed("wang", "gate", "hq/a")
    assert [(name, detail) for _, name, _, detail in accounts.audit()] == [
        ("wang", "hq/a"), ("li", "hq/b"), ("li", "hq/a"),
    ]  # fmt: skip


def test_a_change_of_an_account_ends_its_sessions_and_its_lock(database: Database) -> None:
    accounts = Accounts(database)
    accounts.add("li", Role.GUARD, PASSWORD)
    token, _ = accounts.login("li", PASSWORD, "")
    accounts.change("li", Role.OPERATOR)
    assert accounts.session(token) is None and accounts.verify("li", PASSWORD, "").role is Role.OPERATOR
    for _ in range(6):
        with pytest.raises(Denied):
            accounts.verify("li", "wrong", "")
    accounts.change("li", password="another horse")
    assert accounts.verify("li", "another horse", "").name == "li"
    with pytest.raises(EdgeError, match="at least 8"):
        accounts.change("li", password="short")
    with pytest.raises(EdgeError, match="no account"):
        accounts.change("nobody", Role.GUARD)


def test_sessions_end_when_unused_and_after_a_day(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    accounts = Accounts(database)
    accounts.add("li", Role.GUARD, PASSWORD)
    token, session = accounts.login("li", PASSWORD, "")
    begun = time.time()
    for hours, there in ((7.9, True), (15.0, True), (23.5, False)):
        monkeypatch.setattr(time, "time", lambda at=begun + 3600 * hours: at)
        assert (accounts.session(token) == session) is there  # each use lets it live on, the last gap was too long
    token, _ = accounts.login("li", PASSWORD, "")
    for hours in (6, 12, 18, 24.1):
        monkeypatch.setattr(time, "time", lambda at=begun + 3600 * (23.5 + hours): at)
        found = accounts.session(token)
    assert found is None


@pytest.mark.real
def test_no_header_hides_a_look_at_a_gate(broker: Mosquitto, tmp_path: Path) -> None:
    with Monitor(tmp_path, broker) as monitor:
        change = [sys.executable, "-m", "edge.cli", "monitor", "user", "change", "sun", "--role", "operator"]
        subprocess.run([*change, "--config", str(monitor.config)], check=True, capture_output=True)
        _known_gate(monitor, broker)
        hidden = {"HX-Request": "true"}
        answer = get(f"{monitor.url}/gates/hq/lobby", auth=("sun", PASSWORD), headers=hidden)
        assert answer.status_code == 200
        audit = get(f"{monitor.url}/audit", auth=("chief", PASSWORD)).text
        assert "looked at a gate" in audit and "hq/lobby" in audit and "looked at the audit" in audit
        assert "no account" in complaint(
            "monitor", "user", "change", "x", "--role", "guard", "--config", monitor.config
        )


def _known_gate(monitor: Monitor, broker: Mosquitto) -> None:
    """A gate that the room has heard of."""
    connection = Connection(Address(HOST, broker.port))
    connection.publish(Message("edge/v1/hq/lobby/state", b'{"status":"online"}', 1, True))
    while connection.unconfirmed:
        connection.turn(0.1)
    connection.close()
    until(lambda: monitor.call("/api/gates")["gates"])
