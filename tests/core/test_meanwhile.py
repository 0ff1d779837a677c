"""What becomes untrue while somebody waits for the rest, for another person, or for the record of a grant."""

from typing import Any

import pytest
from msgspec import structs

from edge.door import DoorRules
from edge.doorevents import AccessDenied, AccessGranted
from edge.effects import Pulse
from edge.factors import EntryRules
from edge.facts import InputChanged, PassShown, PinEntered, Recorded
from edge.terms import Input, Now, Pass, Permit, Reason
from edge.visit import Visits
from tests.core.test_entry import granted, looks, reasons, world
from tests.core.test_gate import LIST
from tests.core.worlds import World, access_rules, events


def pulses(w: World) -> list[Pulse]:
    return [effect for effect in w.effects if isinstance(effect, Pulse)]


CHANGES: list[dict[str, Any]] = [{"people": 1}, {"people": 1, "revision": 2}, {"edition": 2}, {"threshold": 0.6}]
"""A tombstone, another list, somebody without a face who is gone, another table."""


@pytest.mark.parametrize("change", [*CHANGES, {}])
def test_whatever_changes_of_the_list_ends_attempts_and_the_same_list_again_ends_none(change: dict[str, Any]) -> None:
    w = world()
    looks(w, 1, live=None)
    w.at(2, structs.replace(LIST, **change))
    w.at(9, PinEntered("main", "pad", "2580"))
    w.at(9.1, Recorded(1, True))
    assert len(granted(w)) == len(pulses(w)) == (not change)


@pytest.mark.parametrize("change", [*CHANGES, {}])
def test_a_grant_whose_record_is_awaited_opens_nothing_once_the_list_is_another(change: dict[str, Any]) -> None:
    w = world()
    looks(w, 1)
    w.at(1.1, structs.replace(LIST, **change))
    w.at(1.15, Recorded(1, True))
    w.at(2, Recorded(1, True))
    assert len(pulses(w)) == (not change)
    assert reasons(w) == ([Reason.STALE] if change else [])


def test_who_is_still_on_the_other_list_passes_by_looking_on() -> None:
    w = world()
    looks(w, 1)
    w.at(1.1, structs.replace(LIST, people=1))
    looks(w, 1.2)
    w.at(1.3, Recorded(2, True))
    assert len(pulses(w)) == 1 and len(events(w.effects, AccessGranted)) == 2


def test_every_grant_whose_record_is_awaited_is_refused_once_the_list_is_another() -> None:
    w = two_doors(1, cooldown_s=0.0)
    looks(w, 1)
    show(w, 1.1, OTHER, "side")
    w.at(1.2, structs.replace(LIST, people=1))
    assert said(w) == [("ann", Reason.STALE), ("bob", Reason.STALE)]


def test_who_is_let_in_is_not_let_in_once_more_while_that_is_being_recorded() -> None:
    w = world(access=access_rules(cooldown_s=0.0))
    looks(w, 1, views=6)
    assert len(granted(w)) == 1
    w.at(1.22, Recorded(1, True))
    assert len(pulses(w)) == 1


def two_doors(people: int = 2, **changes: Any) -> World:
    """The vault takes two people, the side door one."""
    rules = DoorRules(pulse_s=3.0, held_open_s=20.0)
    w = world(EntryRules(people=people), doors={"main": rules, "side": rules}, access=access_rules(**changes))
    w.at(0, InputChanged("side", Input.CONTACT, False))
    return w


def show(w: World, at: float, shown: Pass, door: str = "main") -> None:
    w.at(at, PassShown(door, "entrance", at, shown))


def said(w: World) -> list[tuple[str, Reason]]:
    return [(event.person, event.reason) for event in events(w.effects, AccessDenied)]  # type: ignore[attr-defined]


ONCE, OTHER = Pass("ann", "ann", "desk", 0, 9e9, uses=1), Pass("bob", "bob", "desk", 0, 9e9)
THIRD = Pass("cat", "cat", "desk", 0, 9e9)


def test_who_waits_for_a_second_person_does_not_pass_with_a_pass_that_was_used_meanwhile() -> None:
    w = two_doors()
    show(w, 1, ONCE)
    show(w, 4, ONCE, "side")
    w.at(4.1, Recorded(1, True))
    show(w, 8, OTHER)
    assert said(w) == [("ann", Reason.PASS_USED)] and len(granted(w)) == 1
    show(w, 20, THIRD)  # and whoever came second has waited for another since
    assert [event.person for event in granted(w)] == ["ann", "bob", "cat"]


def test_who_waits_for_a_second_person_does_not_pass_when_their_time_is_over() -> None:
    for shown, permit in (
        (structs.replace(ONCE, valid_until=1_000_003.0), None),
        (ONCE, Permit("ann", (), 0, 1_000_003)),
    ):
        w = two_doors()
        w.at(1, PassShown("main", "entrance", 1, shown, permit))
        show(w, 8, OTHER)
        assert said(w) == [("ann", Reason.CREDENTIAL_EXPIRED)] and not granted(w)
        show(w, 24, THIRD)
        assert said(w)[1:] == [("bob", Reason.SECOND_PERSON_MISSING)], "who waits as first waits as long as any"


def test_passes_and_people_of_the_past_are_not_remembered() -> None:
    w = world()
    for number in range(100):
        at = 1.0 + 10 * number
        show(w, at, Pass(f"v{number}", f"v{number}", "desk", 0, 1_000_000 + at + 5, uses=1))
        w.at(at + 0.1, Recorded(number + 1, True))
    assert len(granted(w)) == 100
    assert len(w.gate.entry.visits.used) == len(w.gate.entry.grants.again_at) == 1


def test_an_unsynchronised_clock_ends_no_pass_for_good() -> None:
    visits, twice = Visits(trust_clock=True), structs.replace(ONCE, valid_until=100.0)
    visits.granted(twice, Now(1, 50.0))
    visits.granted(OTHER, Now(2, 500.0, trusted=False))
    assert visits.against(twice, Now(3, 51.0)) is Reason.PASS_USED


def test_the_other_door_of_a_sluice_that_opens_while_a_grant_is_recorded_keeps_this_one_shut() -> None:
    rules = DoorRules(pulse_s=3.0, held_open_s=20.0, interlock=("side",))
    w = world(doors={"main": rules, "side": structs.replace(rules, interlock=("main",))})
    w.at(0, InputChanged("side", Input.CONTACT, False))
    looks(w, 1)
    w.at(1.1, InputChanged("side", Input.CONTACT, True))
    w.at(1.2, Recorded(1, True))
    assert reasons(w) == [Reason.INTERLOCKED] and not pulses(w)
