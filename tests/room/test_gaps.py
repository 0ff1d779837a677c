"""What is missing among the events, or was changed, is found when all of them are read again, and nothing else is."""

import time
from collections.abc import Callable

import msgspec
import pytest
from sqlalchemy import select, update

from bench.history import measure
from monitor.acceptance import Acceptances
from monitor.database import Database
from monitor.gaps import Gap, untold
from monitor.history import History
from monitor.stream import Flaw, Place, Problem
from monitor.tables import EVENTS, STREAMS
from tests.room.forgery import WHY, forge, known, lose, move, place, recorded, rewrite
from tests.room.test_casebook import Chain, committed


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


def test_the_history_that_is_measured_is_whole() -> None:
    result = measure(2_000, "", lambda phase, done, total: None)
    assert (result.events, result.in_order) == (2_000, 2_000)


def test_what_an_accepted_event_says_of_the_one_before_it_still_holds(
    database: Database, acceptances: Acceptances
) -> None:
    chain = Chain(database)
    for kind in ("RequestToExit", "AccessGranted", "RequestToExit"):
        chain.report(kind, 100)
    with database.reading() as connection:
        payload = connection.execute(select(EVENTS.c.payload).where(EVENTS.c.sequence == 2)).scalar_one()
    data = msgspec.json.decode(payload)["data"]
    rewrite(database, 2, data={**data, "personal": committed(person="p002")["personal"]})
    acceptances.accept(acceptances.gap(place(2)), "chief", WHY)
    assert chain.ledger.audit(known(acceptances)) == (2, [])
    forge(database, 1, severity=1)
    events, gaps = chain.ledger.audit(known(acceptances))
    assert (events, [(str(gap.place), gap.changed) for gap in gaps]) == (0, [(place(1), True)])


class Counted(int):
    """A number that counts how often it is compared."""

    times = 0

    def __eq__(self, other: object) -> bool:
        Counted.times += 1
        return int.__eq__(self, other)  # type: ignore[arg-type]

    def __lt__(self, other: int) -> bool:
        Counted.times += 1
        return int.__lt__(self, other)

    def __le__(self, other: int) -> bool:
        Counted.times += 1
        return int.__le__(self, other)

    __hash__ = int.__hash__


def test_a_log_of_which_every_event_was_changed_takes_no_longer_for_each() -> None:
    def problem(kind: Flaw, number: int) -> Problem:
        return Problem("hq", "gate-1", "a" * 16, kind, Counted(number), Counted(number), "")

    def changed(number: int) -> Gap:
        where = Place("hq", "gate-1", "a" * 16, Counted(number))
        return Gap(where, Counted(number), Counted(number), "", "", True)

    many = 2_000
    found = [problem(kind, number) for number in range(1, many + 1) for kind in (Flaw.CONFLICT, Flaw.COMMITMENT)]
    told = [*map(changed, range(1, many)), *(problem(Flaw.CONFLICT, number) for number in range(2, many + 1))]
    Counted.times = 0
    assert untold(found, told) == [found[0], found[-1]]
    assert Counted.times < 100 * many
