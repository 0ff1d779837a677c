"""What a gate publishes on its own topics costs no other gate anything, on either kind of database."""

import time
from pathlib import Path

import msgspec
import pytest

from edge.mqtt import Message
from edge.seal import GENESIS, Signer, Verifier, chain_hash, new_signing_key
from edge.transport import ACK_TYPE, Backlog, Channel, Envelope, Presence, topic
from monitor.casebook import Casebook
from monitor.database import Database
from monitor.history import Found, History, Wanted
from monitor.ledger import Ledger
from monitor.limits import Rules
from monitor.recorder import Audience, Desk
from monitor.stream import iso
from tests.room.test_casebook import EPOCH, Chain, committed


@pytest.mark.parametrize("epoch", ["\0", "0123456789abcde\0", "x" * 9_000])
def test_a_state_with_an_epoch_that_no_gate_begins_is_put_aside(database: Database, tmp_path: Path, epoch: str) -> None:
    answers: list[Message] = []
    ledger = Ledger(database)
    desk = Desk(ledger, Signer(new_signing_key(tmp_path / "key"), ACK_TYPE), answers.append, lambda text, **_: None)
    where, good = topic("hq", "lobby", Channel.STATE), "0123456789abcdef"
    desk.receive(where, msgspec.json.encode(Presence("online", Backlog(epoch, 1, 1))))
    desk.receive(where, msgspec.json.encode(Presence("online", Backlog(good, 1, 1))))
    desk.settle(0.0)
    assert [stream.epoch for stream in ledger.streams()] == [good]
    assert ledger.totals().quarantined == 1 and len(answers) > 0


class Told(Audience):
    """Who hears what cannot be read."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def unreadable(self, where: str, reason: str) -> None:
        self.reasons.append(reason)


def first_of(gate: str, when: str) -> bytes:
    """The first event of a gate."""
    return events_of(gate, when)[0]


def events_of(gate: str, *times: str) -> list[bytes]:
    """The first events of a gate."""
    before, made = GENESIS, list[bytes]()
    for place, when in ((f"{number:012}", when) for number, when in enumerate(times, 1)):
        event = Envelope(
            f"{EPOCH}-{place}", f"/hq/{gate}", "edge-gate.RequestToExit", "door/main", when, 100, True, EPOCH, place,
            before, {},
        )  # fmt: skip
        before = chain_hash(msgspec.to_builtins(event))
        made.append(msgspec.json.encode(event))
    return made


BAD = (
    "", "zzzz", "2026-11-24T03:26:5x", "2026-11-24T25:00:00.000Z", "2026-02-30T08:00:00.000Z", "2026-11-24T08:00:00Z",
    "2026-11-24T16:00:00.000+08:00", "2026-11-24 08:00:00.000Z", "٢٠٢٦-11-24T08:00:00.000Z",
)  # fmt: skip


@pytest.mark.parametrize("bad", BAD)
def test_an_event_whose_time_is_none_is_kept_as_it_came_and_holds_up_no_later_one(
    database: Database, tmp_path: Path, bad: str
) -> None:
    ledger, history, told, answers = Ledger(database), History(database), Told(), list[Message]()
    key = new_signing_key(tmp_path / "key")
    desk = Desk(ledger, Signer(key, ACK_TYPE), answers.append, lambda text, **_: None, told)
    sent = events_of("lobby", iso(time.time()), bad, iso(time.time()))
    for payload in (*sent, *sent):  # as a gate sends again what was not acknowledged yet
        desk.receive(topic("hq", "lobby", Channel.EVENT), payload)
        desk.settle(0.0)
    verifier = Verifier(key, ACK_TYPE)
    assert [verifier.verify(each.payload.decode())["sequence"] for each in answers] == [1, 2, 3, 3, 3, 3]
    totals = ledger.totals()
    assert (totals.events, totals.quarantined, ledger.verify()) == (3, 0, True) and ledger.problems() == []
    assert ledger.find(f"{EPOCH}-{2:012}") == sent[1]
    assert len(told.reasons) == 1 and f"{EPOCH}-{2:012}" in told.reasons[0]
    found, lately = list[Found](), Wanted(since=iso(time.time() - 600))
    while page := history.search(lately, 1, before=found[-1].position if found else None):
        found += page
    assert sorted(each.position for each in found) == [1, 2, 3]


@pytest.mark.parametrize("when", ["0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z", "2026-11-24T08:00:00.123Z"])
def test_whatever_a_gates_clock_says_is_recorded(database: Database, tmp_path: Path, when: str) -> None:
    ledger = Ledger(database)
    desk = Desk(ledger, Signer(new_signing_key(tmp_path / "key"), ACK_TYPE), lambda _: None, lambda text, **_: None)
    desk.receive(topic("hq", "lobby", Channel.EVENT), first_of("lobby", when))
    desk.settle(0.0)
    assert ledger.totals().events == 1


LONG = "".join(map(chr, range(0x10000, 0x10000 + 5_000)))
"""As many bytes as so many letters can have, which no compression makes fewer."""


@pytest.mark.parametrize("name", ["a\0b", LONG])
def test_whatever_a_gate_calls_things_is_kept_whole_and_becomes_an_alarm(database: Database, name: str) -> None:
    chain, casebook = Chain(database), Casebook(database, Rules())
    for words in ({"kind": name}, {"kind": "x", "subject": name}, {"kind": "y", "reason": name}):
        casebook.recorded(chain.report(**words, active=True))  # type: ignore[arg-type]
    casebook.recorded(chain.report("x", 100, **committed(person=name)))
    assert len(Casebook(database, Rules()).open()) == 3 and chain.ledger.verify()
    found = History(database).search(Wanted(), 10, personal=True)
    assert all(repr(name)[1:-1] in repr(each.event) for each in found)


@pytest.mark.parametrize("when", ["zzzz", iso(time.time())[:17] + "5x", iso(time.time())[:11] + "9"])
def test_a_time_that_an_older_room_took_is_passed_over(database: Database, when: str) -> None:
    chain, history, now = Chain(database), History(database), time.time()
    chain.report("AccessGranted", 100, when)
    chain.report("AccessGranted", 100, now)
    found = history.passage("hq", "gate-1", ["p001"], now - 3600, now + 3600)
    assert found and found[0] == pytest.approx(now, abs=0.002)
