"""What becomes of the use of a pass whose grant opens nothing, and of what has begun with one that is revoked."""

import pytest
from msgspec import structs

from edge.door import DoorRules
from edge.effects import UseSettled
from edge.facts import (
    CommandReceived,
    Fact,
    InputChanged,
    PassesRevoked,
    PassShown,
    PinEntered,
    Recorded,
    RelayReported,
    Wake,
)
from edge.terms import CommandKind, Input, Now, Permit, Reason, RelayOutcome
from tests.core.test_entry import granted, looks, reasons, world
from tests.core.test_gate import LIST
from tests.core.test_meanwhile import ONCE, OTHER, pulses, said, show, two_doors
from tests.core.worlds import World


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


GONE = PassesRevoked(("other", "ann"))


@pytest.mark.parametrize("revoked", [GONE, PassesRevoked(("other",))])
def test_a_pass_that_is_revoked_ends_what_has_begun_with_it(revoked: PassesRevoked) -> None:
    """It waits for its PIN, for a second person, for its record."""
    still, why = revoked is not GONE, [] if revoked is not GONE else [Reason.CREDENTIAL_NOT_ENABLED]
    w = world()
    w.at(1, PassShown("main", "entrance", 1, structs.replace(ONCE, with_pin=True), Permit("ann", pin="2580")))
    w.at(2, revoked)
    assert reasons(w) == why
    w.at(3, PinEntered("main", "pad", "2580"))
    assert len(granted(w)) == still

    w = two_doors()
    show(w, 1, ONCE)
    w.at(2, revoked)
    assert reasons(w) == why
    show(w, 3, OTHER)
    assert len(granted(w)) == 2 * still

    w = world()
    show(w, 1, ONCE)
    w.at(1.1, revoked)
    w.at(1.2, Recorded(1, True))
    assert (reasons(w), len(pulses(w))) == (why, still)


def test_who_was_to_pass_with_a_pass_that_is_revoked_has_nobody_to_pass_with() -> None:
    w = two_doors()
    show(w, 1, ONCE)
    show(w, 2, OTHER)
    w.at(2.1, GONE)
    for ticket in (1, 2):
        w.at(2.2, Recorded(ticket, True))
    assert said(w) == [("ann", Reason.CREDENTIAL_NOT_ENABLED), ("bob", Reason.SECOND_PERSON_MISSING)]
    assert not pulses(w)


def test_the_face_of_whose_pass_was_revoked_waits_for_nothing_more() -> None:
    w = world()
    looks(w, 1, live=None)
    show(w, 1.2, structs.replace(ONCE, face=True, with_pin=True))
    w.at(2, GONE)
    w.at(3, PinEntered("main", "pad", "2580"))
    assert not granted(w) and reasons(w)[0] is Reason.CREDENTIAL_NOT_ENABLED
