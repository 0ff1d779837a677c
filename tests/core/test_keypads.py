"""PINs that nobody was asked for: under duress they are heard all the same, and nothing at the door shows it."""

from typing import Any

import pytest
from msgspec import structs

from edge.attempts import AttemptRules
from edge.doorevents import AccessDenied, Duress
from edge.effects import Effect, Emit, Show
from edge.factors import EntryRules
from edge.facts import CameraReported, CardRead, CommandReceived, PinEntered, Recorded, Wake
from edge.presence import Company, Cues, Several
from edge.terms import CommandKind, Factor, Permit, Reason, Status
from tests.core.test_entry import ANN, granted, looks, reasons, world
from tests.core.worlds import World, access_rules, events, view

BOB = Permit("bob", pin="3691")
OVER = Permit("ann", (), 0, 1.0, "2580", "2581")
CARDS = EntryRules(frozenset((Factor.CARD,)), frozenset((Factor.PIN,)))


def seen(effects: list[Effect]) -> list[Effect]:
    """What is seen or told of the door, but for the alarm."""
    told = [each for each in effects if isinstance(each, Show | Emit)]
    return [each for each in told if isinstance(each, Show) or _of_the_door(each)]


def _of_the_door(told: Emit) -> bool:
    return told.subject == "door/main" and not isinstance(told.event, Duress)


def let_in(**changes: Any) -> World:
    """Ann was let in by her face alone."""
    w = world(**changes)
    looks(w, 1)
    w.at(1.2, Recorded(1, True))
    w.at(5, Wake())
    return w


def story(w: World, code: str, *, after: float) -> tuple[list[Effect], int]:
    """What a PIN leads to that is typed now: all that shows, and how often the room is told of duress."""
    w.effects.clear()
    w.at(after, PinEntered("main", "pad", code))
    for second in range(20):
        w.at(after + second, Wake())
    return seen(w.effects), len(events(w.effects, Duress))


def test_under_duress_who_was_let_in_without_a_pin_is_heard_and_nothing_shows() -> None:
    shown, told = zip(*(story(let_in(), code, after=6.0) for code in ("2580", "2581")), strict=True)
    assert told == (0, 1) and shown == ([], [])


@pytest.mark.parametrize(("code", "at"), [("1111", 6.0), ("2581", 17.0)])
def test_a_pin_of_nobody_or_of_somebody_who_is_long_gone_is_nobodys(code: str, at: float) -> None:
    shown, told = story(let_in(), code, after=at)
    assert told == 0
    assert [each.reason for each in events(shown, AccessDenied)] == [Reason.CREDENTIAL_NOT_FOUND]  # type: ignore[attr-defined]


def test_the_pin_of_who_was_just_let_in_is_not_held_against_who_comes_next() -> None:
    for doubt in (0.9, None):
        w = let_in()
        w.at(6, PinEntered("main", "pad", "2580"))
        looks(w, 7, live=doubt, permit=BOB, track=2)
        w.at(8, PinEntered("main", "pad", "3691"))
        assert [event.person for event in granted(w)] == ["ann", "bob"] and not reasons(w)


def test_nor_against_who_waits_for_theirs() -> None:
    w = let_in()
    looks(w, 6, live=None, permit=BOB, track=2)
    w.at(7, PinEntered("main", "pad", "2581"))
    w.at(8, PinEntered("main", "pad", "3691"))
    assert len(granted(w)) == 2 and not reasons(w) and len(events(w.effects, Duress)) == 1


def test_who_comes_again_after_their_pin_passes_with_it_and_it_is_told_once() -> None:
    w = let_in()
    w.at(7, PinEntered("main", "pad", "2581"))
    looks(w, 8, live=None, track=2)
    assert [event.factors for event in granted(w)][1:] == [(Factor.FACE, Factor.PIN)]
    assert len(events(w.effects, Duress)) == 1


@pytest.mark.parametrize("cards", [(2.0, 2.5), (0.5,), (0.5, 2.5)])
def test_under_duress_who_is_refused_is_heard_and_all_else_is_as_with_any_pin(cards: tuple[float, ...]) -> None:
    shown = []
    for code in ("2580", "2581"):
        w = world(CARDS)
        facts = [(at, CardRead("main", "reader", OVER)) for at in cards] + [(1.0, PinEntered("main", "pad", code))]
        for at, fact in sorted(facts, key=lambda each: each[0]):
            w.at(at, fact)
        for second in range(3, 30):
            w.at(second, Wake())
        assert len(events(w.effects, Duress)) == (code == "2581")
        assert reasons(w) == [Reason.CREDENTIAL_EXPIRED] * len(cards) + [Reason.CREDENTIAL_NOT_FOUND]
        shown.append(seen(w.effects))
    assert shown[0] == shown[1]


def test_who_was_let_in_and_then_refused_was_let_in() -> None:
    w = let_in()
    w.at(6.2, CardRead("main", "reader", OVER))
    assert reasons(w) == [Reason.CREDENTIAL_EXPIRED]
    assert not events(story(w, "2580", after=7.0)[0], AccessDenied)


def test_who_is_refused_long_after_they_were_let_in_was_refused() -> None:
    w = let_in()
    w.at(20, CardRead("main", "reader", OVER))
    shown, told = story(w, "2581", after=21.0)
    assert told == len(events(shown, AccessDenied)) == 1


def test_who_waits_for_a_second_person_is_heard_and_their_pin_is_not_held_against_that_one() -> None:
    w = world(EntryRules(people=2))
    looks(w, 1)
    w.at(3, PinEntered("main", "pad", "2581"))
    looks(w, 5, permit=BOB, track=2)
    assert len(granted(w)) == 2 and not reasons(w) and len(events(w.effects, Duress)) == 1


def test_whoever_is_blocked_learns_nothing_by_typing_on() -> None:
    shown = []
    for code in ("2580", "1111"):
        w = world(attempts=AttemptRules(pins=1))
        looks(w, 1, live=None)
        w.at(2, PinEntered("main", "pad", "0"))
        looks(w, 3, track=2)
        shown.append(story(w, code, after=4.0))
    assert shown[0] == shown[1]


ORDER = CommandReceived("c", "op", CommandKind.BLOCK)
DOWN = structs.replace(ORDER, kind=CommandKind.LOCK_DOWN)
ATTACK = Cues((0.01,), shift=0.05, carried=1.0, border=1.0)
NO_KEYPAD = EntryRules()


def stands(w: World, at: float, cues: Cues | None = None, others: int = 0, permit: Permit = ANN) -> None:
    """Somebody is before the camera for a second."""
    for index in range(10):
        seen = view(at + index * 0.1, permit.person)
        company = Company(others, nearest=True)
        w.at(at + index * 0.1, structs.replace(seen, permit=permit, cues=cues or seen.cues, company=company))


@pytest.mark.parametrize("typed", [0.5, 6.0])
@pytest.mark.parametrize(
    ("before", "cues", "others"),
    [(ORDER, None, 0), (DOWN, None, 0), (None, ATTACK, 0), (None, Cues((0.7,)), 0), (None, None, 1)],
    ids=["blocked", "locked down", "taken for an attack", "in doubt", "with somebody else"],
)
def test_under_duress_whoever_is_recognised_is_heard_whatever_the_door_makes_of_them(
    before: CommandReceived | None, cues: Cues | None, others: int, typed: float
) -> None:
    shown = []
    for code in ("2580", "2581"):
        rules = access_rules(several=Several.REFUSE)
        w = world(NO_KEYPAD, access=rules)
        if before:
            w.at(0.1, before)
        w.effects.clear()
        if typed < 1:
            w.at(typed, PinEntered("main", "pad", code))
        stands(w, 1, cues, others)
        if typed > 1:
            w.at(typed, PinEntered("main", "pad", code))
        for second in range(7, 40):
            w.at(second, Wake())
        assert len(events(w.effects, Duress)) == (code == "2581") and not granted(w)
        shown.append(seen(w.effects))
    assert shown[0] == shown[1] and shown[0]


@pytest.mark.parametrize("permit", [BOB, Permit("ann")])
def test_a_code_that_is_not_of_whoever_is_recognised_is_no_alarm(permit: Permit) -> None:
    w = world(NO_KEYPAD)
    w.at(0.1, ORDER)
    stands(w, 1, permit=permit)
    w.at(3, PinEntered("main", "pad", "2581"))
    w.at(40, Wake())
    assert not events(w.effects, Duress)


def test_a_view_that_is_too_old_says_of_nobody_that_they_are_there() -> None:
    w = world(NO_KEYPAD)
    w.at(0.1, ORDER)
    w.at(5, structs.replace(view(5, "ann", age=3.0), permit=ANN))
    w.at(6, PinEntered("main", "pad", "2581"))
    assert not events(w.effects, Duress)


def test_under_duress_who_has_waited_in_vain_is_heard_as_who_is_refused() -> None:
    w = world(structs.replace(CARDS, always=True))
    w.at(1, CardRead("main", "reader", ANN))
    w.at(16.5, Wake())
    assert reasons(w) == [Reason.SECOND_FACTOR_MISSING]
    w.at(20, PinEntered("main", "pad", "2581"))
    assert len(events(w.effects, Duress)) == 1


def test_who_stands_on_after_they_were_let_in_is_heard_however_long_and_once() -> None:
    w = let_in()
    for second in range(6, 40):
        w.at(second, CameraReported("entrance", Status.STREAMING))
        looks(w, second)
    w.at(40, PinEntered("main", "pad", "2581"))
    looks(w, 40.1)
    w.at(41, Wake())
    assert len(events(w.effects, Duress)) == 1
