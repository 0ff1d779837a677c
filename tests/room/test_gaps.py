"""What of the events is missing for good may be accepted by a supervisor, once and for that gap alone."""

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from sqlalchemy import delete, select, update

from bench.history import measure
from edge.errors import EdgeError
from edge.seal import chain_hash, new_signing_key
from monitor.acceptance import Acceptances
from monitor.accounts import Accounts, Role
from monitor.database import Database
from monitor.gaps import Gap
from monitor.history import History, Wanted
from monitor.ledger import Ledger
from monitor.stream import Flaw, Problem
from monitor.tables import ACCEPTED, EVENTS, STREAMS
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


def rewrite(database: Database, sequence: int, **values: object) -> None:
    """Change what an event says."""
    with database.writing() as connection:
        where = EVENTS.c.sequence == sequence
        payload = connection.execute(select(EVENTS.c.payload).where(where)).scalar_one()
        changed = msgspec.json.encode({**msgspec.json.decode(payload), **values})
        connection.execute(update(EVENTS).where(where).values(payload=changed))


def forge(database: Database, sequence: int, **values: object) -> None:
    """The same, with the hash that fits it."""
    rewrite(database, sequence, **values)
    with database.reading() as connection:
        payload = connection.execute(select(EVENTS.c.payload).where(EVENTS.c.sequence == sequence)).scalar_one()
    move(database, sequence, hash=chain_hash(msgspec.json.decode(payload)))


def move(database: Database, event: int, **columns: object) -> None:
    """Change what the database says of an event."""
    with database.writing() as connection:
        connection.execute(update(EVENTS).where(EVENTS.c.sequence == event).values(**columns))


def known(acceptances: Acceptances) -> list[Gap]:
    return [each.gap for each in acceptances.all()]


@pytest.fixture
def acceptances(database: Database, tmp_path: Path) -> Acceptances:
    """What a room with a key of its own has accepted."""
    return Acceptances(database, new_signing_key(tmp_path / "recorder.jwk"))


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


def test_no_event_stands_for_others_that_were_deleted(database: Database, acceptances: Acceptances) -> None:
    ledger = recorded(database, 12)
    lose(database, 3, 4)
    acceptances.accept(acceptances.gap(place(3)), "chief", WHY)
    with database.reading() as connection:
        digest = connection.execute(select(EVENTS.c.hash).where(EVENTS.c.sequence == 9)).scalar_one()
    lose(database, *range(6, 10))
    move(database, 5, sequence=9, hash=digest)  # the one after the accepted gap covers them, as its row says
    gaps = ledger.audit(known(acceptances)).gaps
    assert [(str(gap.place), gap.missing, gap.changed) for gap in gaps] == [(place(3), 2, True)]


@pytest.mark.parametrize("columns", [{"hash": "f" * 64}, {"first": 3}, {"sequence": 6, "hash": "f" * 64}])
def test_what_a_gate_says_it_has_dropped_is_held_to_its_words(database: Database, columns: dict[str, object]) -> None:
    chain = Chain(database)
    for _ in range(3):
        chain.report("RequestToExit", 100)
    chain.report("EventsLost", 900, first=4, hash="a" * 64)
    assert chain.ledger.audit() == (4, [])
    move(database, 4, **columns)
    events, gaps = chain.ledger.audit()
    assert (events, [(gap.missing, gap.changed) for gap in gaps]) == (3, [(0, True)])


def test_an_end_that_was_cut_off_is_missing_and_an_end_that_was_made_up_is_another(database: Database) -> None:
    ledger = recorded(database, 4)
    lose(database, 3, 4)
    [gap] = ledger.audit().gaps
    assert (str(gap.place), gap.missing, gap.changed) == (place(3), 2, False)
    assert ledger.audit([gap]).gaps == []
    forge(database, 2, severity=1)
    with database.writing() as connection:
        connection.execute(update(STREAMS).values(sequence=2))
    assert [(gap.missing, gap.changed) for gap in ledger.audit().gaps] == [(0, True)]
    lose(database, 1, 2)
    assert [(str(gap.place), gap.missing) for gap in ledger.audit().gaps] == [(place(1), 2)]


def test_an_end_that_was_accepted_stays_so_when_the_gate_goes_on(database: Database) -> None:
    chain = Chain(database)
    for _ in range(4):
        chain.report("RequestToExit", 100)
    lose(database, 3, 4)
    gaps = chain.ledger.audit().gaps
    chain.report("RequestToExit", 100)
    assert chain.ledger.audit().gaps and chain.ledger.audit(gaps).gaps == []
    lose(database, 2)
    assert chain.ledger.audit(gaps).gaps, "another one"


CHANGES: dict[str, Callable[[Database, int], None]] = {
    "document": lambda database, severity: rewrite(database, 4, severity=severity),
    "document and hash": lambda database, severity: forge(database, 4, severity=severity),
    "hash": lambda database, number: move(database, 4, hash=f"{number}" * 64),
    "unreadable": lambda database, number: move(database, 4, payload=b"%d" % number),
}


@pytest.mark.parametrize("way", CHANGES)
def test_an_end_that_was_changed_and_accepted_stays_so_when_the_gate_goes_on(
    database: Database, acceptances: Acceptances, way: str
) -> None:
    chain = Chain(database)
    for _ in range(4):
        chain.report("RequestToExit", 100)
    CHANGES[way](database, 1)
    [gap] = chain.ledger.audit().gaps
    assert (str(gap.place), gap.changed, gap.missing) == (place(4), True, 0)
    acceptances.accept(gap, "chief", WHY)
    for _ in range(2):
        chain.report("RequestToExit", 100)
        assert chain.ledger.audit().gaps == [gap]
        assert chain.ledger.audit(known(acceptances)) == (chain.sequence - 1, [])
    CHANGES[way](database, 2)
    assert len(chain.ledger.audit(known(acceptances)).gaps) == 1, "it was changed once more"


def test_an_event_that_the_next_one_does_not_name_was_changed(database: Database) -> None:
    ledger = recorded(database, 5)
    forge(database, 3, severity=1)
    events, [gap] = ledger.audit()
    assert (events, str(gap.place), gap.changed) == (2, place(3), True)
    assert ledger.audit([gap]) == (4, [])
    forge(database, 1, previoushash="f" * 64)
    assert str(ledger.audit([gap]).gaps[0].place) == place(1), "nothing stands before the first"


def test_who_passed_is_not_exchanged_unseen(database: Database) -> None:
    chain = Chain(database)
    chain.report("AccessGranted", 100)
    assert chain.ledger.audit() == (1, [])
    with database.reading() as connection:
        data = msgspec.json.decode(connection.execute(select(EVENTS.c.payload)).scalar_one())["data"]
    data["personal"]["person"][1] = "p002"
    rewrite(database, 1, data=data)
    assert [gap.changed for gap in chain.ledger.audit().gaps] == [True]


@pytest.mark.parametrize(
    "payload", [b"", b"{}", b"\xff", b"[1]", b'{"data": 5}', b'{"data": {}, "type": 5}', b"[" * 100_000]
)
def test_an_event_that_cannot_be_read_is_one_that_was_changed(
    database: Database, acceptances: Acceptances, payload: bytes
) -> None:
    ledger = recorded(database, 5)
    move(database, 3, payload=payload)
    assert [(str(gap.place), gap.missing, gap.changed) for gap in ledger.audit().gaps] == [(place(3), 0, True)]
    acceptances.accept(acceptances.gap(place(3)), "chief", WHY)
    assert ledger.audit(known(acceptances)) == (4, [])
    move(database, 3, person="")
    History(database).erase(time.time() + 60)
    assert ledger.audit(known(acceptances)) == (4, []), "nothing personal is left of it, and it is the same"
    move(database, 3, payload=b"another")
    assert len(ledger.audit(known(acceptances)).gaps) == 1


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


def test_the_history_that_is_measured_is_whole() -> None:
    result = measure(2_000, "", lambda phase, done, total: None)
    assert (result.events, result.in_order) == (2_000, 2_000)
