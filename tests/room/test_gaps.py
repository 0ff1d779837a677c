"""What of the events is missing for good may be accepted by a supervisor, once and for that gap alone."""

import time
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import delete, select, update

from edge.errors import EdgeError
from edge.seal import new_signing_key
from monitor.acceptance import Acceptances
from monitor.accounts import Accounts, Role
from monitor.database import Database
from monitor.history import History, Wanted
from monitor.ledger import Ledger
from monitor.tables import ACCEPTED, EVENTS
from tests.commands import answer, run
from tests.room.conftest import PASSWORD
from tests.room.test_casebook import EPOCH, Chain

WHY = "its disk was replaced"


def place(sequence: int) -> str:
    return f"hq/gate-1/{EPOCH}/{sequence}"


def recorded(database: Database, events: int = 7) -> Ledger:
    chain = Chain(database)
    for number in range(events):
        chain.report("RequestToExit", 100, note=str(number))
    return chain.ledger


def lose(database: Database, *sequences: int) -> None:
    with database.writing() as connection:
        connection.execute(delete(EVENTS).where(EVENTS.c.sequence.in_(sequences)))


@pytest.fixture
def config(database: Database, tmp_path: Path) -> Path:
    """A room with this database, a key and two accounts."""
    file = tmp_path / "monitor.toml"
    url = database.url.set(drivername="postgresql").render_as_string(hide_password=False)
    file.write_text(f'[store]\ndatabase = "{database.url.database if database.is_sqlite else url}"\n')
    new_signing_key(tmp_path / "recorder.jwk")
    for name, role in (("chief", Role.SUPERVISOR), ("li", Role.OPERATOR)):
        Accounts(database).add(name, role, PASSWORD)
    return file


def accept(config: Path, sequence: int, by: str = "chief", because: str = WHY, password: str = PASSWORD) -> str:
    """What the command says, of its mistake when it is one."""
    asked = ["--by", by, "--because", because, "--password-stdin", "--config", config]
    done = run("monitor", "accept", place(sequence), *asked, stdin=f"{password}\n")
    assert (done.returncode == 0) == (done.stderr == "")
    return done.stderr + done.stdout


def test_a_known_gap_is_accepted_and_stays_listed_and_a_new_one_is_not(database: Database, config: Path) -> None:
    recorded(database)
    lose(database, 3, 4)
    told = answer("monitor", "verify", "--config", config, status=1)
    assert told["first_event_break"] == {"site": "hq", "gate": "gate-1", "epoch": EPOCH, "sequence": 3}
    assert place(3) in run("monitor", "verify", "--config", config).stdout
    assert "is accepted" in accept(config, 3)
    told = answer("monitor", "verify", "--config", config)
    assert (told["valid"], told["events"], told["event_breaks"]) == (True, 5, [])
    [known] = told["accepted"]
    assert (known["sequence"], known["who"], known["why"]) == (3, "chief", WHY)
    assert abs(known["at"] - time.time()) < 600
    lose(database, 6)
    told = answer("monitor", "verify", "--config", config, status=1)
    assert [each["sequence"] for each in told["event_breaks"]] == [6] and len(told["accepted"]) == 1
    said = run("monitor", "verify", "--config", config).stdout
    assert f"the gap at {place(3)} was accepted" in said and f"by chief: {WHY}" in said
    assert ("chief", "gap accepted") in [each[1:3] for each in Accounts(database).audit()]


def test_only_a_supervisor_accepts_what_is_there_and_says_why(database: Database, config: Path) -> None:
    recorded(database)
    lose(database, 3)
    assert "only a supervisor" in accept(config, 3, "li")
    assert "password is wrong" in accept(config, 3, password="another")
    assert "say why" in accept(config, 3, because="  ")
    assert "no gap at" in accept(config, 4)
    assert not answer("monitor", "verify", "--config", config, status=1)["accepted"]
    accept(config, 3)
    assert "no gap at" in accept(config, 3)


def test_what_was_accepted_holds_for_that_gap_alone_and_while_it_is_signed(database: Database, tmp_path: Path) -> None:
    ledger, acceptances = recorded(database), Acceptances(database, new_signing_key(tmp_path / "recorder.jwk"))
    lose(database, 3)

    def gaps() -> list[str]:
        return [str(gap.place) for gap in ledger.audit([each.gap for each in acceptances.all()]).gaps]

    acceptances.accept(acceptances.gap(place(3)), "chief", WHY)
    assert gaps() == []
    lose(database, 4)  # the same place, but more is missing
    assert gaps() == [place(3)]
    with pytest.raises(EdgeError):
        acceptances.gap(place(4))
    acceptances.accept(acceptances.gap(place(3)), "chief", WHY)
    with database.writing() as connection:
        for row in connection.execute(select(ACCEPTED)).all():
            forged = msgspec.json.encode({**msgspec.json.decode(row.document), "at": 0.0})
            connection.execute(update(ACCEPTED).where(ACCEPTED.c.number == row.number).values(document=forged))
    assert gaps() == [place(3)] and acceptances.all() == []


def test_an_event_that_was_changed_is_accepted_as_it_is_now(database: Database, tmp_path: Path) -> None:
    ledger, acceptances = recorded(database), Acceptances(database, new_signing_key(tmp_path / "recorder.jwk"))

    def change(sequence: int, **values: object) -> None:
        with database.writing() as connection:
            where = EVENTS.c.sequence == sequence
            payload = connection.execute(select(EVENTS.c.payload).where(where)).scalar_one()
            changed = msgspec.json.encode({**msgspec.json.decode(payload), **values})
            connection.execute(update(EVENTS).where(where).values(payload=changed))

    change(3, severity=1)
    acceptances.accept(acceptances.gap(place(3)), "chief", WHY)
    assert ledger.audit([each.gap for each in acceptances.all()]) == (7, [])
    change(3, severity=2)
    assert len(ledger.audit([each.gap for each in acceptances.all()]).gaps) == 1


def test_who_accepted_it_is_erased_and_that_it_was_stays_signed(database: Database, tmp_path: Path) -> None:
    recorded(database)
    lose(database, 3)
    acceptances = Acceptances(database, new_signing_key(tmp_path / "recorder.jwk"))
    acceptances.accept(acceptances.gap(place(3)), "chief", WHY)
    acceptances.erase(time.time() - 60)
    assert [each.who for each in acceptances.all()] == ["chief"]
    acceptances.erase(time.time() + 60)
    [known] = acceptances.all()
    assert (known.who, known.why, str(known.gap.place)) == ("", "", place(3))
    with database.reading() as connection:
        assert b"chief" not in bytes(connection.execute(select(ACCEPTED.c.document)).scalar_one())
    assert History(database).search(Wanted(), 1)
