"""Who may pass, where a scenario would not tell what went wrong: wrong PINs, blocks, the sluice, two people."""

from typing import Any

import pytest
from msgspec import structs

from edge.areas import AreaRules, Areas
from edge.attempts import AttemptRules, Attempts
from edge.door import DoorRules
from edge.doorevents import AccessDenied, AccessGranted, CommandAnswered, Duress, RepeatedRefusals
from edge.effects import Pulse, Settle
from edge.factors import EntryRules
from edge.facts import (
    CameraReported,
    CardRead,
    CommandReceived,
    FaceSeen,
    InputChanged,
    PassShown,
    PinEntered,
    Recorded,
    Started,
    Wake,
)
from edge.permits import PermitRules
from edge.schedule import Calendar, Schedule
from edge.terms import CommandKind, Factor, Input, Now, Pass, Permit, Reason, Status
from tests.core.test_gate import LIST
from tests.core.worlds import World, events, gate_rules, view

ANN = Permit("ann", pin="2580", duress="2581")
PIN_AT_A_DOUBT = EntryRules(second_factors=frozenset((Factor.PIN,)))


def world(entry: EntryRules = PIN_AT_A_DOUBT, **changes: Any) -> World:
    made = World(structs.replace(gate_rules(), entry={"main": entry}, **changes))
    for fact in (Started("boot", "zoo", True), LIST, InputChanged("main", Input.CONTACT, False)):
        made.at(0, fact)
    made.effects.clear()
    return made


def looks(w: World, at: float, live: float | None = 0.9, views: int = 3, permit: Permit = ANN, track: int = 1) -> None:
    for index in range(views):
        seen: FaceSeen = view(at + index * 0.04, permit.person, track, live)
        w.at(at + index * 0.04, structs.replace(seen, permit=permit))


def reasons(w: World) -> list[Reason]:
    return [event.reason for event in events(w.effects, AccessDenied)]  # type: ignore[attr-defined]


def granted(w: World) -> list[Any]:
    return events(w.effects, AccessGranted)


def test_liveness_in_doubt_asks_for_the_pin_and_the_pin_opens() -> None:
    w = world()
    looks(w, 1, live=None)
    assert not granted(w) and not reasons(w)
    w.at(9, PinEntered("main", "pad", "2580"))
    [event] = granted(w)
    assert event.factors == (Factor.FACE, Factor.PIN)
    w.at(9.1, Recorded(1, True))
    assert any(isinstance(effect, Pulse) for effect in w.effects)


def test_a_pin_that_was_typed_first_counts_for_who_is_recognised_then() -> None:
    w = world()
    w.at(1, PinEntered("main", "pad", "2580"))
    looks(w, 2, live=None)
    assert len(granted(w)) == 1


def test_nothing_more_comes_and_the_doubt_is_the_reason() -> None:
    w = world()
    looks(w, 1, live=None)
    w.at(17, PinEntered("other", "pad", "2580"))
    assert reasons(w) == [Reason.LIVENESS_UNAVAILABLE]


def test_whoever_has_no_pin_is_refused_at_once() -> None:
    w = world()
    looks(w, 1, live=None, permit=Permit("ann"))
    assert reasons(w) == [Reason.LIVENESS_UNAVAILABLE]


def test_under_duress_the_door_opens_the_room_is_told_and_the_lamps_are_the_same() -> None:
    lamps = []
    for code in ("2580", "2581"):
        w = world()
        looks(w, 1, live=None)
        w.at(2, PinEntered("main", "pad", code))
        lamps.append([effect for effect in w.effects if type(effect).__name__ == "Show"])
        assert len(granted(w)) == 1
        assert len(events(w.effects, Duress)) == (code == "2581")
    assert lamps[0] == lamps[1]


def test_an_empty_pin_is_nobodys() -> None:
    w = world()
    looks(w, 1, live=None, permit=Permit("ann", pin="1"))
    w.at(2, PinEntered("main", "pad", ""))
    assert not granted(w) and reasons(w) == [Reason.INVALID_PIN]


@pytest.mark.parametrize("early", [False, True])
def test_one_wrong_pin_too_many_blocks_its_owner_even_if_the_face_would_do(early: bool) -> None:
    w = world(attempts=AttemptRules(most=2, block_s=60.0))
    looks(w, 1, live=None)
    w.at(2, PinEntered("main", "pad", "1"))
    w.at(17 if early else 3, PinEntered("main", "pad", "2"))
    looks(w, 17.2, live=None, track=4)
    looks(w, 18, track=2)
    assert not granted(w)
    assert reasons(w)[-2:] == [Reason.CREDENTIAL_NOT_ENABLED] * 2
    looks(w, 80, track=3)
    told = [event.active for event in events(w.effects, RepeatedRefusals)]  # type: ignore[attr-defined]
    assert told == [True, False] and len(granted(w)) == 1


def test_wrong_pins_are_limited_without_any_limit_of_attempts_however_slowly_they_come() -> None:
    w = world(attempts=AttemptRules(pins=3, within_s=10.0, block_s=60.0))
    for number in range(3):
        looks(w, 1 + 30 * number, live=None, track=1 + number)
        w.at(2 + 30 * number, PinEntered("main", "pad", "1"))
        w.at(20 + 30 * number, Wake()) if number < 2 else None
    w.at(63, PinEntered("main", "pad", "2580"))  # the right one, and nobody listens
    looks(w, 90, track=9)
    assert not granted(w) and reasons(w).count(Reason.INVALID_PIN) == 3
    assert reasons(w)[-1] is Reason.CREDENTIAL_NOT_ENABLED
    (told,) = events(w.effects, RepeatedRefusals)
    assert told == RepeatedRefusals(True, 3, "ann")


def test_a_right_pin_forgets_the_wrong_ones() -> None:
    w = world(attempts=AttemptRules(pins=2))
    for number in range(4):
        looks(w, 1 + 30 * number, live=None, track=1 + number)
        w.at(2 + 30 * number, PinEntered("main", "pad", "1"))
        w.at(3 + 30 * number, PinEntered("main", "pad", "2580"))
    assert len(granted(w)) == 4 and not events(w.effects, RepeatedRefusals)


STAFF = Pass("p", "ann", "desk", 0.0, 1e12, None, with_pin=True)


@pytest.mark.parametrize(
    ("permit", "typed", "why"),
    [
        (ANN, "2580", None),
        (ANN, "2581", None),  # and the room is told
        (ANN, "", Reason.SECOND_FACTOR_MISSING),
        (ANN, "1111", Reason.INVALID_PIN),
        (None, "2580", Reason.INVALID_PIN),
        (Permit("ann", pin="2580", valid_until=1.0), "2580", Reason.CREDENTIAL_EXPIRED),
    ],
)
def test_a_staff_pass_that_needs_a_pin_opens_with_that_of_its_person_alone(
    permit: Permit | None, typed: str, why: Reason | None
) -> None:
    w = world()
    w.at(1, PassShown("main", "entrance", 1.0, STAFF, permit))
    assert not granted(w)
    if typed:
        w.at(2, PinEntered("main", "pad", typed))
    w.at(20, Wake())
    assert bool(granted(w)) == (why is None)
    assert why is None or why in reasons(w)
    assert len(events(w.effects, Duress)) == (typed == "2581")


def test_forgive_ends_a_block_at_once() -> None:
    w = world(attempts=AttemptRules(most=1))
    looks(w, 1, live=None)
    w.at(2, PinEntered("main", "pad", "1"))
    w.at(3, CommandReceived("c", "op", CommandKind.FORGIVE, person="ann"))
    looks(w, 4, track=2)
    assert len(granted(w)) == 1


def test_a_card_of_nobody_counts_against_the_door_and_not_against_people() -> None:
    w = world(attempts=AttemptRules(most=2))
    for at in (1, 2, 3):
        w.at(at, CardRead("main", "reader"))
    assert [event.person for event in events(w.effects, RepeatedRefusals)] == [""]  # type: ignore[attr-defined]
    looks(w, 4)
    assert len(granted(w)) == 1


def test_who_showed_a_card_and_then_their_face_is_not_refused_for_standing_on() -> None:
    w = world(EntryRules(frozenset((Factor.FACE,)), frozenset((Factor.CARD,)), always=True))
    w.at(1, CardRead("main", "reader", ANN))
    looks(w, 2)
    w.at(2.2, Recorded(1, True))
    assert [effect for effect in w.effects if isinstance(effect, Settle)] == [Settle("entrance", 1)]
    for second in range(3, 12):
        w.at(second, CameraReported("entrance", Status.STREAMING))
        looks(w, second)
    w.at(40, Wake())
    assert not reasons(w)


def test_a_lockdown_while_the_grant_is_being_recorded_keeps_the_door_shut() -> None:
    w = world()
    looks(w, 1)
    w.at(1.1, CommandReceived("c", "op", CommandKind.LOCK_DOWN))
    w.at(1.2, Recorded(1, True))
    assert reasons(w) == [Reason.DOOR_UNAVAILABLE]
    assert not any(isinstance(effect, Pulse) for effect in w.effects)


def test_a_grant_does_not_end_a_block_that_was_told() -> None:
    attempts = Attempts(AttemptRules(most=1))
    assert attempts.refused("main", "ann", Reason.INVALID_PIN, 1.0)
    attempts.granted("main", "ann", True)
    assert attempts.blocked("main", "ann") and attempts.tick(301.0)


def test_a_block_ends_where_it_was_told_to_begin() -> None:
    attempts = Attempts(AttemptRules(most=2))
    attempts.refused("north", "ann", Reason.INVALID_PIN, 1.0)
    [began] = attempts.refused("south", "ann", Reason.INVALID_PIN, 2.0)
    [over] = attempts.tick(302.0)
    assert (began.subject, over.subject) == ("door/south", "door/south")  # type: ignore[attr-defined]


def test_attempts_that_lie_far_back_do_not_count() -> None:
    attempts = Attempts(AttemptRules(most=2, within_s=10.0))
    assert not attempts.refused("main", "ann", Reason.INVALID_PIN, 1.0)
    assert not attempts.refused("main", "ann", Reason.INVALID_PIN, 12.0)
    assert not attempts.refused("main", "ann", Reason.STALE, 13.0)  # nobody's guess
    assert attempts.refused("main", "ann", Reason.INVALID_PIN, 14.0)


@pytest.mark.parametrize(
    ("passback", "later", "found"), [("hard", 10.0, "hard"), ("soft", 10.0, "soft"), ("hard", 60.0, "off")]
)
def test_anti_passback_is_as_hard_as_its_area_and_forgets(passback: Any, later: float, found: str) -> None:
    areas = Areas({"lobby": AreaRules(passback, 60.0)})
    assert areas.violates("ann", "lobby", Now(0.0, 1e9)) == "off"
    areas.moved("ann", "lobby", Now(0.0, 1e9))
    assert areas.violates("ann", "lobby", Now(later, 1e9 + later)) == found
    assert areas.violates("ann", "elsewhere", Now(later, 1e9 + later)) == "off"
    areas.moved("ann", "outside", Now(later, 1e9 + later))
    assert areas.violates("ann", "lobby", Now(later, 1e9 + later)) == "off" and areas.inside() == {}


@pytest.mark.parametrize("kind", [CommandKind.OPEN, CommandKind.UNLOCK, CommandKind.LOCK_OPEN])
def test_of_a_sluice_the_room_releases_one_door_at_a_time_unless_it_is_an_emergency(kind: CommandKind) -> None:
    rules = DoorRules(pulse_s=3.0, held_open_s=20.0, interlock=("inner",))
    inner = structs.replace(rules, interlock=("main",))
    w = world(doors={"main": rules, "inner": inner})
    w.at(0.1, InputChanged("inner", Input.CONTACT, True))
    w.at(1, CommandReceived("id", "room", kind, "main"))
    (answer,) = events(w.effects, CommandAnswered)
    assert answer.accepted == (kind is CommandKind.LOCK_OPEN) == any(isinstance(each, Pulse) for each in w.effects)  # type: ignore[attr-defined]


def test_a_door_of_a_sluice_is_unlocked_by_its_schedule_when_the_other_is_shut() -> None:
    rules = DoorRules(pulse_s=3.0, held_open_s=20.0, interlock=("inner",))
    inner = structs.replace(rules, interlock=("main",))
    day = Schedule((((0, 1440),),) * 7)
    w = world(
        doors={"main": rules, "inner": inner}, unlocked={"main": "day"},
        permits=PermitRules(calendar=Calendar(schedules={"day": day})),
    )  # fmt: skip
    w.at(0.1, InputChanged("main", Input.CONTACT, False))
    w.at(0.2, InputChanged("inner", Input.CONTACT, True))
    w.at(61, Wake())
    assert not w.gate.doors["main"].drive.holding, "somebody stands in the other door"
    w.at(62, InputChanged("inner", Input.CONTACT, False))
    w.at(121, Wake())
    assert w.gate.doors["main"].drive.holding


def test_a_command_for_every_door_names_those_that_it_did_not_apply_to() -> None:
    rules = DoorRules(pulse_s=3.0, held_open_s=20.0, interlock=("inner",))
    inner = structs.replace(rules, interlock=("main",))
    w = world(doors={"main": rules, "inner": inner, "back": DoorRules(3.0, 20.0)})
    for door in ("main", "inner", "back"):
        w.at(0.1, InputChanged(door, Input.CONTACT, False))
    w.at(1, CommandReceived("1", "room", CommandKind.BLOCK, "back"))
    w.at(2, CommandReceived("2", "room", CommandKind.UNLOCK))
    w.at(3, CommandReceived("3", "room", CommandKind.LOCK_DOWN))
    w.at(4, CommandReceived("4", "room", CommandKind.UNLOCK))
    w.at(5, CommandReceived("5", "room", CommandKind.UNLOCK, "main"))
    told = {each.id: (each.accepted, each.refused) for each in events(w.effects, CommandAnswered)}  # type: ignore[attr-defined]
    down = "the door is locked down; release it first"
    assert told == {
        "1": (True, {}),
        "2": (True, {"inner": "another door of the sluice is open", "back": "the door is blocked; unblock it first"}),
        "3": (True, {}),
        "4": (False, {"main": down, "inner": "another door of the sluice is open", "back": down}),
        "5": (False, {}),
    }
