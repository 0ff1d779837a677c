"""PINs that somebody guesses who has what comes with them: every one counts, whatever is shown between."""

from typing import Any

import pytest
from msgspec import structs

from edge.attempts import AttemptRules, Attempts
from edge.doorevents import RepeatedRefusals
from edge.facts import CardRead, CommandReceived, PassShown, PinEntered, Recorded, Wake
from edge.permits import PermitRules
from edge.terms import CommandKind, Now, Pass, Permit, Reason
from tests.core.test_entry import ANN, STAFF, granted, looks, reasons, world
from tests.core.test_keypads import BOB, CARDS
from tests.core.worlds import World, events

RULES = AttemptRules(pins=3, within_s=10.0, block_s=60.0)
STRICT = structs.replace(CARDS, always=True)


def blocks(w: World) -> list[tuple[str, bool]]:
    told: list[Any] = events(w.effects, RepeatedRefusals)
    return [(each.person, each.active) for each in told]


def guessed(w: World, at: float, pin: str = "1111") -> None:
    """Somebody shows Ann's card and types a PIN; if it is none of hers they give up."""
    w.at(at, CardRead("main", "reader", ANN))
    w.at(at + 1, PinEntered("main", "pad", pin))
    w.at(at + 20, Wake())


def test_a_pin_counts_against_everybody_with_whose_it_was_compared() -> None:
    """Who has a card of their own and a stolen one, and types their own PIN whenever it would be one too many."""
    w = world(STRICT, attempts=RULES)
    for round_ in range(3):
        at = 100.0 * round_
        w.at(at + 1, CardRead("main", "reader", ANN))
        w.at(at + 2, CardRead("main", "reader", BOB))
        w.at(at + 3, PinEntered("main", "pad", f"111{round_}"))
        w.at(at + 4, PinEntered("main", "pad", BOB.pin))
        w.at(at + 5, Recorded(round_ + 1, True))
        w.at(at + 50, Wake())
    assert {event.person for event in granted(w)} == {"bob"} and blocks(w) == [("ann", True)]


def test_who_is_let_in_without_a_pin_says_nothing_of_those_that_were_tried() -> None:
    """Somebody is taken for Ann, in doubt, while she goes by her face."""
    w = world(attempts=RULES)
    for day in range(3):
        at = 10_000.0 * day
        looks(w, at + 1, live=None, track=2 * day + 1)
        w.at(at + 2, PinEntered("main", "pad", "1111"))
        w.at(at + 20, Wake())
        looks(w, at + 30, track=2 * day + 2)
        w.at(at + 31, Recorded(day + 1, True))
    assert len(granted(w)) == 2 and blocks(w)[0] == ("ann", True), "at the third, however late it came"


def test_a_wrong_pin_counts_once_for_somebody_who_waits_at_both_sides_of_a_door() -> None:
    w = world(STRICT, attempts=RULES, into={"reader": "hall", "exit": "outside"})
    for number in range(2):
        for at, source in ((1.0, "reader"), (2.0, "exit")):
            w.at(100.0 * number + at, CardRead("main", source, ANN))
        w.at(100.0 * number + 3, PinEntered("main", "pad", "1111"))
        w.at(100.0 * number + 30, Wake())
    assert reasons(w).count(Reason.INVALID_PIN) == 2 and not blocks(w)


@pytest.mark.parametrize("right", [False, True])
def test_after_a_block_the_next_wrong_pin_is_one_too_many_again_unless_the_right_one_came(right: bool) -> None:
    w = world(STRICT, attempts=RULES)
    for number in range(3):
        guessed(w, 30.0 * number)
    assert blocks(w) == [("ann", True)]
    w.at(190.0, Wake())
    if right:
        guessed(w, 200.0, ANN.pin)
    guessed(w, 300.0)
    assert blocks(w) == [("ann", True), ("ann", False)] + ([] if right else [("ann", True)])
    assert len(granted(w)) == right


def test_the_room_may_have_somebody_begin_anew() -> None:
    w = world(STRICT, attempts=RULES)
    for number in range(3):
        guessed(w, 30.0 * number)
    w.at(100.0, CommandReceived("id", "room", CommandKind.FORGIVE, person="ann"))
    for number in range(2):
        guessed(w, 200.0 + 30.0 * number)
    assert blocks(w) == [("ann", True), ("ann", False)]


def test_what_was_guessed_after_too_many_pins_is_no_attempt_of_another_kind() -> None:
    attempts = Attempts(structs.replace(RULES, most=10))
    for at in (0.0, 1.0, 2.0):
        attempts.refused("main", "ann", Reason.INVALID_PIN, at)
    assert attempts.tick(62.0) and not attempts.blocked("main", "ann")
    assert not attempts.refused("main", "ann", Reason.UNAUTHORIZED, 100.0)


@pytest.mark.parametrize("beside", [False, True])
def test_what_was_guessed_of_a_visitors_pass_is_forgotten_with_the_pass(beside: bool) -> None:
    """World's clock says 1,000,000 s at 0. `beside` them Ann waits for her own PIN, and the last who came is told."""
    w = world(attempts=RULES)
    for number in range(10):
        until = 1_000_000.0 + 100 * number + 50
        shown = Pass(f"p{number}", f"visitor-{number}", "desk", 0.0, until, None, pin="4711")
        w.at(100.0 * number + 1, PassShown("main", "entrance", 100.0 * number + 1, shown))
        if beside:
            w.at(100.0 * number + 1, PassShown("main", "entrance", 100.0 * number + 1, STAFF, ANN))
        w.at(100.0 * number + 2, PinEntered("main", "pad", "1111"))
        w.at(100.0 * number + 30, Wake())
    assert reasons(w).count(Reason.INVALID_PIN) == 10
    assert {person for _, person in w.gate.entry.attempts._tallies} - {"ann"} == {"visitor-9"}


def test_a_pin_of_a_person_is_not_forgotten_with_some_pass_of_theirs() -> None:
    attempts = Attempts(RULES)
    attempts.refused("main", "ann", Reason.INVALID_PIN, 0.0)
    attempts.refused("main", "ann", Reason.INVALID_PIN, 1.0, ends=10.0)
    assert attempts.refused("main", "ann", Reason.INVALID_PIN, 1000.0, ends=2000.0)


def test_what_somebody_else_typed_is_held_against_nobody_who_needs_no_pin() -> None:
    """Or whoever types anything before others come has them blocked one by one."""
    w = world(attempts=RULES)
    for number in range(5):
        at = 100.0 * number
        w.at(at + 1, PinEntered("main", "pad", "1111"))
        looks(w, at + 2, track=number)
        w.at(at + 3, Recorded(number + 1, True))
        w.at(at + 30, Wake())
    assert len(granted(w)) == 5 and not blocks(w) and set(reasons(w)) == {Reason.CREDENTIAL_NOT_FOUND}


@pytest.mark.parametrize("first", [False, True])
def test_what_somebody_else_typed_is_held_against_nobody_who_has_no_pin(first: bool) -> None:
    """They could never clear it by typing the right one: a visitor, who shows a face and then a pass."""
    w, guest = world(attempts=RULES), Permit("guest", with_pass=True)
    for number in range(5):
        at = 100.0 * number
        w.at(at + (1 if first else 3), PinEntered("main", "pad", "1111"))
        looks(w, at + 2, permit=guest, track=number)
        shown = Pass(f"p{number}", "guest", "desk", 0.0, 2e6, face=True)
        w.at(at + 4, PassShown("main", "entrance", at + 4, shown, guest))
        w.at(at + 5, Recorded(number + 1, True))
        w.at(at + 30, Wake())
    assert len(granted(w)) == 5 and not blocks(w) and set(reasons(w)) == {Reason.CREDENTIAL_NOT_FOUND}


@pytest.mark.parametrize("permit", [None, Permit("visitor", pin="2580")])
def test_guesses_do_not_end_with_a_pass_by_a_clock_that_may_be_wrong_or_where_a_record_has_a_pin_too(
    permit: Permit | None,
) -> None:
    w = world(attempts=RULES, permits=PermitRules(trust_clock=True))
    shown = Pass("p", "visitor", "desk", 0.0, 1_000_100.0, pin="4711")
    for at in (1.0, 31.0):
        now = Now(at, 1_000_000.0 + at if permit else 9e9, bool(permit))
        w.gate.step(PassShown("main", "entrance", at, shown, permit), now)
        w.gate.step(PinEntered("main", "pad", "1111"), structs.replace(now, mono=at + 1))
        w.gate.step(Wake(), structs.replace(now, mono=at + 20))
    w.gate.entry.attempts.refused("main", "bob", Reason.INVALID_PIN, 200.0)
    assert ("", "visitor") in w.gate.entry.attempts._tallies
