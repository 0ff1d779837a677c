"""What waited while the gate stood still: it opens nothing any more, and what keeps a door shut still does."""

import pytest

from edge.doorevents import CommandAnswered, Duress
from edge.effects import Pulse
from edge.factors import LATE_S, EntryRules
from edge.facts import CardRead, CommandReceived, PinEntered, Recorded
from edge.terms import CommandKind, DoorMode, Factor, Reason
from tests.core.test_entry import ANN, granted, looks, reasons, world
from tests.core.worlds import World, events

SHUT = {
    CommandKind.LOCK: DoorMode.LOCKED,
    CommandKind.BLOCK: DoorMode.BLOCKED,
    CommandKind.LOCK_DOWN: DoorMode.LOCKED_DOWN,
}


def answered(w: World, kind: CommandKind, heard: float | None, at: float = 100.0) -> CommandAnswered:
    effects = w.at(at, CommandReceived("id", "room", kind, "main", heard=heard))
    [answer] = events(effects, CommandAnswered)
    assert isinstance(answer, CommandAnswered)
    return answer


@pytest.mark.parametrize("kind", [kind for kind in CommandKind if kind not in SHUT])
def test_an_order_that_waited_for_too_long_is_refused_and_says_so(kind: CommandKind) -> None:
    w = world()
    answer = answered(w, kind, 100.0 - LATE_S - 0.1)
    assert not answer.accepted and "waited" in answer.why
    assert not any(isinstance(effect, Pulse) for effect in w.effects)


def test_a_lockdown_is_not_ended_by_a_release_of_long_ago() -> None:
    w = world()
    assert answered(w, CommandKind.LOCK_DOWN, None, 1.0).accepted
    assert not answered(w, CommandKind.RELEASE, 80.0).accepted
    assert w.gate.doors["main"].mode is DoorMode.LOCKED_DOWN
    assert answered(w, CommandKind.RELEASE, 100.0 - LATE_S).accepted


@pytest.mark.parametrize("kind", SHUT)
def test_an_order_that_shuts_a_door_acts_however_late(kind: CommandKind) -> None:
    w = world()
    assert answered(w, CommandKind.UNLOCK, 1.0, 1.0).accepted
    assert answered(w, kind, 30.0).accepted
    door = w.gate.doors["main"]
    assert not door.drive.holding and (door.mode is SHUT[kind] or kind is CommandKind.LOCK)


@pytest.mark.parametrize("since", [0.0, LATE_S, LATE_S + 0.1])
def test_a_card_that_was_held_up_long_ago_is_refused(since: float) -> None:
    w = world(EntryRules(frozenset((Factor.CARD,))))
    w.at(10, CardRead("main", "pad", ANN, heard=10 - since))
    assert bool(granted(w)) is (since <= LATE_S)
    assert reasons(w) == ([] if since <= LATE_S else [Reason.STALE])


@pytest.mark.parametrize("since", [0.0, LATE_S, LATE_S + 0.1])
def test_a_pin_that_was_typed_long_ago_opens_nothing_and_the_right_one_is_still_awaited(since: float) -> None:
    w = world()
    looks(w, 1, live=None)
    w.at(9, PinEntered("main", "pad", "2580", heard=9 - since))
    assert bool(granted(w)) is (since <= LATE_S) and not reasons(w)
    w.at(10, PinEntered("main", "pad", "2580"))
    assert len(granted(w)) == 1


def test_a_pin_that_comes_late_waits_for_nobody_and_is_no_guess() -> None:
    w = world()
    w.at(9, PinEntered("main", "pad", "1111", heard=1.0))
    w.at(9, PinEntered("main", "pad", "2580", heard=1.0))
    looks(w, 10, live=None)
    assert not granted(w) and not reasons(w)
    looks(w, 20, live=None, track=2)
    w.at(21, PinEntered("main", "pad", "1111", heard=1.0))
    assert not reasons(w)


@pytest.mark.parametrize("live", [None, 0.9])
def test_a_pin_under_duress_is_told_however_late(live: float | None) -> None:
    w = world()
    looks(w, 1, live=live)
    w.at(1.2, Recorded(1, True))
    w.at(9, PinEntered("main", "pad", "2581", heard=2.0))
    assert events(w.effects, Duress) == [Duress("ann")] and len(granted(w)) == (live is not None)


@pytest.mark.parametrize("after", [-0.1, 0.0, 45.0])
def test_nothing_is_added_to_an_attempt_whose_time_is_over_though_nobody_has_said_so_yet(after: float) -> None:
    """A gate that stood still goes on with whatever comes first."""
    pin, card = world(), world(EntryRules(frozenset((Factor.FACE,)), frozenset((Factor.CARD,)), always=True))
    for w, fact in ((pin, PinEntered("main", "pad", ANN.pin)), (card, CardRead("main", "reader", ANN))):
        looks(w, 1, live=None, views=3)
        [waits] = w.gate.entry._open
        w.at(waits.until + after, fact)
        assert bool(granted(w)) is (after < 0)
