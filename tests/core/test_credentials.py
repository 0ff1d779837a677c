"""Cards and passes that are shown again, that are none, or that come just too late: what is told, of whom and where."""

from typing import Any

import pytest
from msgspec import structs

from edge.areas import AreaRules
from edge.attempts import AttemptRules
from edge.door import DoorRules
from edge.doorevents import AccessDenied, AntiPassbackViolation, Duress, RepeatedRefusals
from edge.effects import Emit
from edge.factors import EntryRules
from edge.facts import CardRead, Fact, PassShown, PinEntered, Recorded, Wake
from edge.permits import Level, PermitRules
from edge.terms import Factor, Now, Pass, Permit, Place, Reason
from tests.core.test_entry import ANN, granted, looks, reasons, world
from tests.core.test_keypads import BOB, CARDS
from tests.core.worlds import World, events

ANNS = Pass("p1", "ann", "desk", 0.0, 9e9, None)
EITHER = EntryRules(frozenset((Factor.CARD, Factor.PASS, Factor.FACE)), frozenset((Factor.PIN,)))


def card(at: float, permit: Permit | None = ANN, door: str = "main") -> Fact:
    return CardRead(door, "reader", permit)


def shown(at: float, door: str = "main", of: Pass = ANNS, **changes: Any) -> Fact:
    return structs.replace(PassShown(door, "entrance", at, of), **changes)


def denied(w: World) -> list[Any]:
    return events(w.effects, AccessDenied)


@pytest.mark.parametrize("show", [card, shown])
def test_what_is_held_up_once_more_to_a_door_that_was_just_opened_for_it_asks_for_nothing(show: Any) -> None:
    w = world(EITHER)
    for at in (1.0, 2.0, 5.9, 6.0):
        w.at(at, show(at))
        w.at(at + 0.05, Recorded(len(granted(w)), True))
    assert len(granted(w)) == 2 and not reasons(w)


def test_who_was_just_let_in_and_is_in_doubt_then_is_asked_for_nothing() -> None:
    w = world()
    looks(w, 1)
    w.at(1.2, Recorded(1, True))
    looks(w, 2, live=None, track=2)
    w.at(30, Wake())
    assert not reasons(w)


@pytest.mark.parametrize(
    ("fact", "expected"),
    [
        (card(1, None), AccessDenied(Reason.CREDENTIAL_NOT_FOUND, None, 0, factors=(Factor.CARD,))),
        (
            PassShown("main", "entrance", 1, problem=Reason.PASS_INVALID, detail="of another site"),
            AccessDenied(Reason.PASS_INVALID, None, 0, factors=(Factor.PASS,), detail="of another site"),
        ),
        (PassShown("main", "entrance", 1), AccessDenied(Reason.PASS_INVALID, None, 0, factors=(Factor.PASS,))),
        (
            shown(1, problem=Reason.CREDENTIAL_NOT_ENABLED, detail="revoked"),
            AccessDenied(Reason.CREDENTIAL_NOT_ENABLED, None, 0, "ann", (Factor.PASS,), "p1", "revoked"),
        ),
    ],
)
def test_what_opens_nothing_is_refused_as_whose_and_why(fact: Fact, expected: AccessDenied) -> None:
    w = world(EITHER)
    w.at(1, fact)
    assert denied(w) == [expected] and not granted(w)


def test_passes_of_nobody_count_against_the_door() -> None:
    w = world(attempts=AttemptRules(most=2))
    for at in (1, 4):
        w.at(at, PassShown("main", "entrance", at, problem=Reason.PASS_INVALID))
    assert events(w.effects, RepeatedRefusals) == [RepeatedRefusals(True, 2)]
    looks(w, 6)
    assert len(granted(w)) == 1


@pytest.mark.parametrize(
    ("second", "times"),
    [
        (shown(2, problem=Reason.PASS_USED), 1),
        (shown(2, problem=Reason.CREDENTIAL_EXPIRED), 2),
        (shown(2, door="side", problem=Reason.PASS_USED), 2),
        (shown(2, of=structs.replace(ANNS, id="p2"), problem=Reason.PASS_USED), 2),
    ],
    ids=["the same", "for another reason", "at another door", "another pass"],
)
def test_of_a_pass_that_is_still_held_up_the_same_is_told_once(second: Fact, times: int) -> None:
    rules = DoorRules(pulse_s=3.0, held_open_s=20.0)
    w = world(EITHER, doors={"main": rules, "side": rules})
    w.at(1, shown(1, problem=Reason.PASS_USED))
    w.at(2, second)
    assert len(denied(w)) == times


def test_nothing_that_strangers_type_is_heard_while_they_are_blocked_at_that_door() -> None:
    rules = DoorRules(pulse_s=3.0, held_open_s=20.0)
    w = world(attempts=AttemptRules(most=1), doors={"main": rules, "side": rules})
    w.at(1, card(1, None))
    for door in ("main", "side"):
        w.at(2, PinEntered(door, "pad", "1111"))
    w.at(30, Wake())
    told = [each.subject for each in w.effects if isinstance(each, Emit) and isinstance(each.event, AccessDenied)]
    assert told == ["door/main", "door/side"], "the card, and what was typed at the other door"


def test_a_wrong_pin_is_told_once_and_every_block_that_it_led_to() -> None:
    w = world(structs.replace(CARDS, always=True), attempts=AttemptRules(pins=1))
    people = [ANN, BOB, Permit("cat", pin="7")]
    for number, permit in enumerate(people):
        w.at(1 + number, card(1, permit))
    w.at(5, PinEntered("main", "pad", "1111"))
    assert reasons(w) == [Reason.INVALID_PIN]
    told = [each for each in w.effects if isinstance(each, Emit) and isinstance(each.event, RepeatedRefusals)]
    assert {(each.subject, each.event.person) for each in told} == {("door/main", each.person) for each in people}  # type: ignore[attr-defined]


def test_a_pin_under_duress_that_was_typed_before_the_card_lets_in_and_is_told() -> None:
    w = world(structs.replace(CARDS, always=True))
    w.at(1, PinEntered("main", "pad", "2581"))
    w.at(3, card(3))
    assert len(granted(w)) == len(events(w.effects, Duress)) == 1


def test_all_whose_time_is_over_at_one_moment_are_told_so() -> None:
    w = world(structs.replace(CARDS, always=True))
    for permit in (ANN, BOB):
        w.at(1, card(1, permit))
    w.at(16, Wake())
    assert {(each.person, each.reason) for each in denied(w)} == {
        ("ann", Reason.SECOND_FACTOR_MISSING), ("bob", Reason.SECOND_FACTOR_MISSING)
    }  # fmt: skip


@pytest.mark.parametrize(("at", "together"), [(15.9, True), (16.0, False)])
def test_a_second_person_comes_before_the_time_of_the_first_is_over(at: float, together: bool) -> None:
    w = world(structs.replace(CARDS, people=2))
    w.at(1, card(1))
    w.at(at, card(at, BOB))
    assert len(granted(w)) == 2 * together


def test_soft_anti_passback_is_told_of_the_door() -> None:
    w = world(CARDS, into={"reader": "hall"}, areas={"hall": AreaRules("soft")})
    w.gate.areas.places["ann"] = Place("hall", 1_000_000.0)
    w.at(1, card(1))
    assert Emit("door/main", AntiPassbackViolation("ann", "hall", False)) in w.effects and granted(w)


def test_wrong_pins_of_a_visitors_pass_count_as_long_as_the_pass_does() -> None:
    w = world(attempts=AttemptRules(pins=2, within_s=10.0))
    visitor = Pass("p", "visitor", "desk", 0.0, 1_000_100.0, None, pin="4711")
    for at in (1.0, 51.0):
        w.at(at, shown(at, of=visitor))
        w.at(at + 1, PinEntered("main", "pad", "1111"))
        w.at(at + 20, Wake())
    assert events(w.effects, RepeatedRefusals) == [RepeatedRefusals(True, 2, "visitor")]


@pytest.mark.parametrize(("at", "opens"), [(15.9, True), (16.0, False)])
def test_a_pin_that_was_typed_first_waits_for_its_owner_for_so_long(at: float, opens: bool) -> None:
    w = world(structs.replace(CARDS, always=True))
    w.at(1, PinEntered("main", "pad", ANN.pin))
    w.at(at, card(at))
    assert len(granted(w)) == opens and reasons(w) == ([] if opens else [Reason.CREDENTIAL_NOT_FOUND])


@pytest.mark.parametrize(
    ("levels", "why"),
    [((), None), (("staff",), None), (("yard",), Reason.UNAUTHORIZED), (("gone",), Reason.UNAUTHORIZED)],
)
def test_a_pass_opens_its_gate_and_of_that_what_the_levels_of_its_person_open(
    levels: tuple[str, ...], why: Reason | None
) -> None:
    known = {"staff": Level(frozenset(("main",))), "yard": Level(frozenset(("side",)))}
    w = world(EITHER, permits=PermitRules(known))
    w.at(1, shown(1, permit=Permit("ann", levels)))
    assert reasons(w) == ([why] if why else []) and bool(granted(w)) is (why is None)


@pytest.mark.parametrize("trusts", [False, True])
def test_a_site_says_whether_passes_count_while_the_clock_is_not_synchronised(trusts: bool) -> None:
    w = world(EITHER, permits=PermitRules(trust_clock=trusts))
    w.effects += w.gate.step(shown(1), Now(1, 1_000_000, trusted=False)).effects
    assert reasons(w) == ([] if trusts else [Reason.CLOCK_UNTRUSTED]) and bool(granted(w)) is trusts
