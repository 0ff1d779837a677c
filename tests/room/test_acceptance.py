"""What of the events is missing for good may be accepted by a supervisor, once and for that gap alone."""

import time
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import select, update

from edge.errors import EdgeError
from edge.seal import new_signing_key
from monitor.acceptance import Acceptances
from monitor.accounts import Accounts, Role
from monitor.database import Database
from monitor.history import History, Wanted
from monitor.stream import Flaw, Problem
from monitor.tables import ACCEPTED
from tests.commands import answer, run
from tests.room.conftest import PASSWORD
from tests.room.forgery import WHY, known, lose, place, recorded, rewrite
from tests.room.test_casebook import EPOCH


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
    told = answer("monitor", "verify", "--config", config)
    where = {"site": "hq", "gate": "gate-1", "epoch": EPOCH, "sequence": 3}
    assert told["first_event_break"] == {**where, "missing": 2, "changed": False}
    said = run("monitor", "verify", "--config", config).stdout
    assert f"events 3-4 of hq/gate-1 ({EPOCH}) are missing: 2" in said and place(3) in said
    assert "is accepted" in accept(config, 3)
    told = answer("monitor", "verify", "--config", config)
    assert (told["valid"], told["events"], told["event_breaks"]) == (True, 5, [])
    [known] = told["accepted"]
    assert (known["sequence"], known["who"], known["why"]) == (3, "chief", WHY)
    assert abs(known["at"] - time.time()) < 600
    lose(database, 6)
    rewrite(database, 7, severity=1)
    told = answer("monitor", "verify", "--config", config)
    assert [each["sequence"] for each in told["event_breaks"]] == [6] and len(told["accepted"]) == 1
    said = run("monitor", "verify", "--config", config).stdout
    assert f"event 6 of hq/gate-1 ({EPOCH}) is missing" in said
    assert f"event 7 of hq/gate-1 ({EPOCH}) was changed" in said and "3 events are in order" in said
    assert f"the gap at {place(3)} was accepted" in said and f"by chief: {WHY}" in said
    assert ("chief", "gap accepted") in [each[1:3] for each in Accounts(database).audit()]


@pytest.mark.parametrize(
    ("kind", "sequence", "told"),
    [
        (Flaw.CONFLICT, 2, "Two events under one number: another event with this sequence is recorded"),
        (Flaw.EPOCH, 0, "Event log begun anew: log before: 00ff, recorded up to: 9"),
        (Flaw.BREAK, 2, "Event chain broken"),
    ],
)
def test_what_was_found_when_events_arrived_is_told_until_it_is_accepted(
    database: Database, config: Path, kind: Flaw, sequence: int, told: str
) -> None:
    details = {Flaw.CONFLICT: "another event with this sequence is recorded", Flaw.EPOCH: "before: 00ff, recorded: 9"}
    found = Problem("hq", "gate-1", EPOCH, kind, sequence, sequence, details.get(kind, ""))
    recorded(database).commit([], [], [found], {})
    verdict = answer("monitor", "verify", "--config", config)
    assert (verdict["valid"], verdict["events"], verdict["event_breaks"]) == (False, 7, [])
    assert verdict["problems"] == [msgspec.to_builtins(found)]
    said = run("monitor", "verify", "--config", config).stdout
    assert told in said and f"monitor accept {place(sequence)}" in said
    assert "is accepted" in accept(config, sequence)
    verdict = answer("monitor", "verify", "--config", config)
    assert verdict["valid"] and verdict["problems"] == [] and verdict["accepted"][0]["kind"] == kind
    assert "no gap at" in accept(config, sequence)


def test_what_was_found_and_shows_when_it_is_read_again_is_told_once(
    database: Database, acceptances: Acceptances
) -> None:
    ledger = recorded(database)
    here, elsewhere = (Problem("hq", "gate-1", EPOCH, Flaw.GAP, first, first + 1, "") for first in (3, 6))
    conflict = Problem("hq", "gate-1", EPOCH, Flaw.CONFLICT, 3, 3, "")
    ledger.commit([], [], [here, elsewhere, conflict], {})
    lose(database, 3, 4)
    assert set(acceptances.audit().problems) == {elsewhere, conflict}
    acceptances.accept(acceptances.audit().gaps[0], "chief", WHY)
    events, gaps, problems, _ = acceptances.audit()
    assert (events, gaps, set(problems)) == (5, [], {elsewhere, conflict})


def test_only_a_supervisor_accepts_what_is_there_and_says_why(database: Database, config: Path) -> None:
    recorded(database)
    lose(database, 3)
    assert "only a supervisor" in accept(config, 3, "li")
    assert "password is wrong" in accept(config, 3, password="another")
    assert "say why" in accept(config, 3, because="  ")
    assert "no gap at" in accept(config, 4)
    assert not answer("monitor", "verify", "--config", config)["accepted"]
    accept(config, 3)
    assert "no gap at" in accept(config, 3)


def test_what_was_accepted_holds_for_that_gap_alone_and_while_it_is_signed(
    database: Database, acceptances: Acceptances
) -> None:
    ledger = recorded(database)
    lose(database, 3)

    def gaps() -> list[str]:
        return [str(gap.place) for gap in ledger.audit(known(acceptances)).gaps]

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


def test_an_event_that_was_changed_is_accepted_as_it_is_now(database: Database, acceptances: Acceptances) -> None:
    ledger = recorded(database)
    rewrite(database, 3, severity=1)
    acceptances.accept(acceptances.gap(place(3)), "chief", WHY)
    assert ledger.audit(known(acceptances)) == (6, [])  # it is accepted, but not in order
    rewrite(database, 3, severity=2)
    assert len(ledger.audit(known(acceptances)).gaps) == 1


def test_who_accepted_it_is_erased_and_that_it_was_stays_signed(database: Database, acceptances: Acceptances) -> None:
    recorded(database)
    lose(database, 3)
    acceptances.accept(acceptances.gap(place(3)), "chief", WHY)
    acceptances.erase(time.time() - 60)
    assert [each.who for each in acceptances.all()] == ["chief"]
    acceptances.erase(time.time() + 60)
    [known] = acceptances.all()
    assert (known.who, known.why, str(known.gap.place)) == ("", "", place(3))
    with database.reading() as connection:
        assert b"chief" not in bytes(connection.execute(select(ACCEPTED.c.document)).scalar_one())
    assert History(database).search(Wanted(), 1)


FORGERIES = [
    {"who": ["00", "li"]}, {"who": ["00", "li"], "why": ["00", "a lie"]}, {"by": ["00", "li"]},
    5, {"who": 5}, {"who": []}, {"who": [5, "li"]}, [],
]  # fmt: skip


@pytest.mark.parametrize("personal", FORGERIES)
def test_nobody_else_is_said_to_have_accepted_it(
    database: Database, acceptances: Acceptances, personal: object
) -> None:
    recorded(database)
    lose(database, 3)
    acceptances.accept(acceptances.gap(place(3)), "chief", WHY)
    with database.writing() as connection:
        document = msgspec.json.decode(connection.execute(select(ACCEPTED.c.document)).scalar_one())
        document["data"]["personal"] = personal
        connection.execute(update(ACCEPTED).values(document=msgspec.json.encode(document)))
    assert acceptances.all() == [] and acceptances.gap(place(3))


@pytest.mark.parametrize("document", [b"", b"{}", b"\xff", b"5", b'{"at": 1, "data": 5}'])
def test_what_was_accepted_and_cannot_be_read_ends_and_stops_nothing(
    database: Database, acceptances: Acceptances, document: bytes
) -> None:
    recorded(database)
    for sequence in (3, 5):
        lose(database, sequence)
        acceptances.accept(acceptances.gap(place(sequence)), "chief", WHY)
    with database.writing() as connection:
        first = ACCEPTED.c.number == select(ACCEPTED.c.number).order_by(ACCEPTED.c.number).limit(1).scalar_subquery()
        connection.execute(update(ACCEPTED).where(first).values(document=document))
    acceptances.erase(time.time() + 60)
    assert [(each.gap.place.sequence, each.who) for each in acceptances.all()] == [(5, "")]
    with database.reading() as connection:
        assert len(connection.execute(select(ACCEPTED)).all()) == 1
