"""Readers that send heartbeats: silence is an alarm, told once, and nobody's while the broker is away."""

import pytest
from msgspec import structs

from edge.effects import Emit
from edge.events import ReaderFault
from edge.facts import BrokerReported, CardRead, Fact, PinEntered, ReaderAlive, Started, Wake
from edge.silence import Silence
from edge.terms import Status
from tests.core.worlds import World, events, gate_rules

AWAY, THERE = BrokerReported(Status.UNREACHABLE), BrokerReported(Status.CONNECTED)


def world() -> World:
    w = World(structs.replace(gate_rules(), readers={"pad": 30.0, "card": 60.0}))
    w.at(0, Started("boot", "zoo", True))
    w.at(1, THERE)
    return w


def told(w: World) -> list[tuple[str, bool]]:
    emits = [effect for effect in w.effects if isinstance(effect, Emit)]
    return [(each.subject, each.event.active) for each in emits if isinstance(each.event, ReaderFault)]


def test_a_reader_that_never_speaks_is_told_of_once_after_its_time_and_the_gate_wakes_for_it() -> None:
    w = world()
    w.at(30.9, Wake())
    assert told(w) == [] and w.wake is not None and w.wake <= 31
    w.at(31, Wake())
    w.at(59, Wake())
    assert told(w) == [("reader/pad", True)]
    assert events(w.effects, ReaderFault) == [ReaderFault(True, "nothing was heard of it for 30 s")]
    assert list(w.gate.state().degraded) >= ["reader_silent"]
    w.at(61, Wake())
    assert told(w) == [("reader/pad", True), ("reader/card", True)]


@pytest.mark.parametrize("word", [ReaderAlive("pad"), PinEntered("main", "pad", "1"), CardRead("main", "pad")])
def test_whatever_a_reader_says_is_a_sign_of_life(word: Fact) -> None:
    w = world()
    for at in (20, 45, 70):
        w.at(at, word)
        w.at(at, ReaderAlive("card"))
    w.at(99, Wake())
    assert told(w) == []
    w.at(100, Wake())
    w.at(105, word)
    assert told(w) == [("reader/pad", True), ("reader/pad", False)]
    assert "reader_silent" not in w.gate.state().degraded
    w.at(134, Wake())
    assert told(w)[2:] == [("reader/card", True)]
    w.at(135, Wake())
    assert told(w)[3:] == [("reader/pad", True)], "its time began anew"


def test_while_the_broker_is_away_no_reader_is_blamed_and_its_time_begins_anew_afterwards() -> None:
    w = world()
    w.at(20, AWAY)
    w.at(500, Wake())
    assert told(w) == []
    w.at(501, THERE)
    w.at(530.9, THERE)  # said again, which begins nothing anew
    assert told(w) == []
    w.at(531, Wake())
    assert told(w) == [("reader/pad", True)]


def test_a_reader_that_is_silent_already_stays_so_while_the_broker_is_away() -> None:
    w = world()
    w.at(31, Wake())
    w.at(32, AWAY)
    w.at(40, THERE)
    w.at(80, Wake())
    assert told(w) == [("reader/pad", True)] and "reader_silent" in w.gate.state().degraded
    w.at(81, ReaderAlive("pad"))
    assert told(w) == [("reader/pad", True), ("reader/pad", False)]


def test_a_reader_that_promised_nothing_is_never_missed() -> None:
    silence = Silence({})
    silence.reach(True, 1.0)
    assert silence.heard("pad", 2.0) == [] and silence.deadline == float("inf") and silence.tick(1e9) == []
