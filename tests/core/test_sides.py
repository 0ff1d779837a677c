"""Nobody stands on both sides of a door: what is shown outside and what is shown inside do not add up."""

import itertools

import pytest
from msgspec import structs

from edge.areas import AreaRules
from edge.doorevents import AntiPassbackViolation, Duress
from edge.factors import EntryRules
from edge.facts import CameraReported, CardRead, Fact, InputChanged, PinEntered, Recorded, Started, Wake
from edge.terms import Factor, Input, Permit, Place, Reason, Status
from tests.core.test_entry import ANN, granted, reasons
from tests.core.test_gate import LIST
from tests.core.test_meanwhile import pulses
from tests.core.worlds import World, events, gate_rules, view

INTO = {"street": "hall", "hall": "outside", "outer": "hall", "inner": "outside"}
"""The cameras and readers that say on which side of the door they are; `reader` and `gable` do not."""
BOTH = EntryRules(frozenset((Factor.FACE,)), frozenset((Factor.CARD, Factor.PIN)), always=True)


def world(entry: EntryRules = BOTH) -> World:
    rules = gate_rules()
    areas = {"hall": AreaRules("hard")}
    cameras = dict.fromkeys(("street", "hall", "gable"), "main")
    w = World(structs.replace(rules, cameras=cameras, entry={"main": entry}, into=INTO, areas=areas))
    for fact in (Started("boot", "zoo", True), LIST, InputChanged("main", Input.CONTACT, False)):
        w.at(0, fact)
    return w


def looks(w: World, at: float, camera: str, permit: Permit = ANN, track: int = 1, views: int = 3) -> None:
    w.at(at, CameraReported(camera, Status.STREAMING))
    for index in range(views):
        seen = view(at + index * 0.04, permit.person, track)
        w.at(at + index * 0.04, structs.replace(seen, camera=camera, permit=permit))


SECONDS = [
    lambda source: CardRead("main", source, ANN),
    lambda source: PinEntered("main", source, "2580"),
]


@pytest.mark.parametrize(
    ("camera", "source", "opens"),
    [
        ("street", "outer", True),
        ("street", "inner", False),
        ("hall", "inner", True),
        ("hall", "outer", False),
        ("street", "reader", True),
        ("hall", "reader", True),
    ],
)
@pytest.mark.parametrize("second", SECONDS)
@pytest.mark.parametrize("face_first", [True, False])
def test_a_second_factor_counts_on_its_own_side_of_the_door(
    camera: str, source: str, opens: bool, second: object, face_first: bool
) -> None:
    w = world()
    fact: Fact = second(source)  # type: ignore[operator]
    looks(w, 1, camera) if face_first else w.at(1, fact)
    w.at(3, fact) if face_first else looks(w, 3, camera)
    w.at(3.1, Recorded(1, True))
    assert len(granted(w)) == len(pulses(w)) == opens


def test_who_is_inside_does_not_come_in_again_by_a_card_shown_first_where_nothing_says_which_side_it_is() -> None:
    w = world()
    w.gate.areas.places["ann"] = Place("hall", 1_000_000.0)
    w.at(1, CardRead("main", "reader", ANN))
    looks(w, 2, "street")
    assert not granted(w) and reasons(w) == [Reason.ANTI_PASSBACK]
    assert events(w.effects, AntiPassbackViolation) == [AntiPassbackViolation("ann", "hall", True)]


def test_both_sides_go_on_beside_each_other_and_each_has_its_end() -> None:
    w = world()
    looks(w, 1, "hall")
    w.at(2, CardRead("main", "outer", ANN))
    w.at(3, CardRead("main", "inner", ANN))
    w.at(3.1, Recorded(1, True))
    assert [event.factors for event in granted(w)] == [(Factor.FACE, Factor.CARD)]
    w.at(30, Wake())
    assert reasons(w) == [Reason.SECOND_FACTOR_MISSING]


@pytest.mark.parametrize(("first", "second"), [*itertools.product(("street", "hall"), repeat=2)])
def test_two_who_pass_together_stand_on_one_side(first: str, second: str) -> None:
    w = world(EntryRules(people=2))
    looks(w, 1, first)
    looks(w, 3, second, Permit("bob"), track=2)
    assert len(granted(w)) == 2 * (first == second)
    for ticket in (1, 2):
        w.at(3.2, Recorded(ticket, True))
    w.at(30, Wake())
    assert len(pulses(w)) == (first == second)
    assert reasons(w) == ([] if first == second else [Reason.SECOND_PERSON_MISSING] * 2)


def test_a_wrong_pin_is_held_against_who_stands_at_that_keypad() -> None:
    w = world()
    looks(w, 1, "street")
    w.at(2, PinEntered("main", "inner", "1111"))
    assert not reasons(w)
    w.at(3, PinEntered("main", "outer", "1111"))
    assert reasons(w) == [Reason.INVALID_PIN]


@pytest.mark.parametrize(
    ("camera", "source", "other"), [("hall", "inner", "outer"), ("hall", "reader", "outer"), ("gable", "inner", "")]
)
def test_under_duress_who_is_seen_is_heard_whatever_somebody_types_on_the_other_side(
    camera: str, source: str, other: str
) -> None:
    w = world()
    if other:
        w.at(1, PinEntered("main", other, "1111"))
    w.at(2, PinEntered("main", source, "2581"))
    looks(w, 3, camera, views=1)
    assert len(events(w.effects, Duress)) == 1, "by a single view"
