"""What becomes untrue while somebody waits for the rest, for another person, or for the record of a grant."""

from typing import Any

import pytest
from msgspec import structs

from edge.door import DoorRules
from edge.doorevents import AccessDenied, AccessGranted
from edge.factors import EntryRules
from edge.facts import (
    CommandReceived,
    Fact,
    InputChanged,
    PassShown,
    PinEntered,
    Pulse,
    Recorded,
    RelayReported,
    UseSettled,
    Wake,
)
from edge.terms import CommandKind, Input, Now, Pass, Permit, Reason, RelayOutcome
from edge.visit import Visits
from tests.core.test_entry import granted, looks, reasons, world
from tests.core.test_gate import LIST
from tests.core.worlds import World, events


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


def two_doors() -> World:
    """The vault takes two people, the side door one."""
    rules = DoorRules(pulse_s=3.0, held_open_s=20.0)
    w = world(EntryRules(people=2), doors={"main": rules, "side": rules})
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


@pytest.mark.parametrize("end", [Recorded(1, False), Wake(), structs.replace(LIST, people=1)])
def test_a_use_of_a_pass_is_not_gone_when_its_grant_opened_nothing(end: Fact) -> None:
    """The record failed, or did not come in time, or the list became another meanwhile."""
    w = world()
    show(w, 1, ONCE)
    w.at(1.3, end)
    show(w, 4, ONCE)
    w.at(4.1, Recorded(2, True))
    assert len(pulses(w)) == 1
    show(w, 20, ONCE)
    assert reasons(w)[1:] == [Reason.PASS_USED]


def settled(w: World) -> list[tuple[int, bool]]:
    return [(effect.ticket, effect.stands) for effect in w.effects if isinstance(effect, UseSettled)]


SLUICE = DoorRules(pulse_s=3.0, held_open_s=20.0, interlock=("side",))


@pytest.mark.parametrize(
    ("meanwhile", "recorded", "reason"),
    [
        (None, Recorded(1, False), Reason.NOT_RECORDED),
        (None, Wake(), Reason.NOT_RECORDED),
        (structs.replace(LIST, people=1), Recorded(1, True), Reason.STALE),
        (CommandReceived("c", "op", CommandKind.LOCK_DOWN), Recorded(1, True), Reason.DOOR_UNAVAILABLE),
        (CommandReceived("c", "op", CommandKind.BLOCK), Recorded(1, True), Reason.DOOR_UNAVAILABLE),
        (RelayReported("main", RelayOutcome.UNAVAILABLE), Recorded(1, True), Reason.DOOR_UNAVAILABLE),
        (InputChanged("side", Input.CONTACT, True), Recorded(1, True), Reason.INTERLOCKED),
    ],
)
def test_whatever_refuses_a_grant_gives_its_use_back_once(
    meanwhile: Fact | None, recorded: Fact, reason: Reason
) -> None:
    w = world(doors={"main": SLUICE, "side": structs.replace(SLUICE, interlock=("main",))})
    w.at(0, InputChanged("side", Input.CONTACT, False))
    show(w, 1, ONCE)
    if meanwhile:
        w.at(1.1, meanwhile)
    w.at(1.3, recorded)
    w.at(1.4, Recorded(1, True))  # late, and twice
    assert (reasons(w), settled(w), pulses(w)) == ([reason], [(1, False)], [])


def test_who_comes_too_late_since_the_gate_itself_was_stopped_has_their_use_back() -> None:
    w = world()
    show(w, 1, ONCE)
    w.at(9, Recorded(1, True))
    assert (reasons(w), settled(w), pulses(w)) == ([Reason.STALE], [(1, False)], [])


def test_of_two_who_pass_together_both_have_their_use_back_when_one_is_not_recorded() -> None:
    w = two_doors()
    show(w, 1, ONCE)
    show(w, 2, OTHER)
    w.at(2.05, Recorded(1, True))
    w.at(2.1, Recorded(2, False))
    assert settled(w) == [(1, False), (2, False)] and not pulses(w)


def test_a_use_stands_from_the_moment_when_the_door_is_released_for_it() -> None:
    w = world()
    show(w, 1, ONCE)
    assert settled(w) == []
    w.at(1.1, Recorded(1, True))
    assert settled(w) == [(1, True)] and len(pulses(w)) == 1


@pytest.mark.parametrize(
    ("answers", "back"),
    [
        ([RelayOutcome.REFUSED], True),
        ([RelayOutcome.FAILED], False),
        ([RelayOutcome.UNAVAILABLE], False),
        ([], False),
        ([RelayOutcome.STARTED, RelayOutcome.REFUSED], False),
        ([RelayOutcome.STARTED, RelayOutcome.ENDED], False),
        ([RelayOutcome.REFUSED, RelayOutcome.REFUSED], True),
    ],
)
def test_a_use_comes_back_only_when_the_guard_says_that_it_did_not_move_the_relay(
    answers: list[RelayOutcome], back: bool
) -> None:
    w = world()
    show(w, 1, ONCE)
    w.at(1.1, Recorded(1, True))
    for outcome in answers:
        w.at(1.2, RelayReported("main", outcome, pulses(w)[0].pulse))
    w.at(9, Wake())
    assert settled(w) == [(1, True), *[(1, False)] * back]
    w.at(9.1, RelayReported("main", RelayOutcome.AVAILABLE))
    show(w, 10, ONCE)
    assert (Reason.PASS_USED in reasons(w)) == (not back)


def test_who_is_granted_while_the_relay_lets_go_may_have_passed_with_it() -> None:
    w = world()
    show(w, 1, OTHER)
    w.at(1.1, Recorded(1, True))
    w.at(1.2, RelayReported("main", RelayOutcome.STARTED, pulses(w)[0].pulse))
    w.at(1.3, CommandReceived("c", "op", CommandKind.LOCK_DOWN))
    w.at(1.4, CommandReceived("c", "op", CommandKind.RELEASE))
    show(w, 1.5, ONCE)
    w.at(1.6, Recorded(2, True))
    w.at(1.7, RelayReported("main", RelayOutcome.ENDED, pulses(w)[0].pulse))
    w.at(1.8, RelayReported("main", RelayOutcome.REFUSED, pulses(w)[1].pulse))
    assert settled(w) == [(1, True), (2, True)]


def test_while_a_use_is_written_down_the_pass_is_used() -> None:
    w = world()
    show(w, 1, ONCE)
    w.at(1.3, Recorded(1, False))
    show(w, 4, structs.replace(ONCE, used=1))
    assert reasons(w)[1:] == [Reason.PASS_USED]


def test_of_two_uses_at_once_the_one_that_opened_nothing_comes_back() -> None:
    w, twice = two_doors(), structs.replace(ONCE, uses=2)
    visits = w.gate.entry.visits
    for used in (0, 1):
        visits.granted(structs.replace(twice, used=used), Now(1, 1.0))
    assert visits.against(twice, Now(2, 2.0)) is Reason.PASS_USED
    visits.given_back(twice.id)
    assert visits.against(twice, Now(2, 2.0)) is None


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
