"""Anti-passback by clocks that are wrong, set, or not known to be right: whoever is inside is so for as long."""

from typing import Any

import pytest
from msgspec import structs

from edge.areas import AreaRules, Areas, Passback
from edge.door import DoorRules
from edge.doorevents import AccessDenied, AccessGranted, AccessTaken, AntiPassbackViolation
from edge.facts import CardRead, InputChanged, Recorded, RelayReported, Started, Wake
from edge.terms import Input, Now, Permit, Place, RelayOutcome
from tests.core.test_gate import LIST
from tests.core.test_keypads import CARDS
from tests.core.worlds import World, events, gate_rules

FORGET_S = 8 * 3600.0
RIGHT = 1.8e9
RULES = {"hall": AreaRules("hard", FORGET_S)}


def restarted(before: Areas) -> Areas:
    """Another run, which knows of the one before what was kept."""
    areas = Areas(RULES)
    areas.places = dict(before.places)
    return areas


@pytest.mark.parametrize("wrong", [60.0, RIGHT - 30 * 86_400.0, 2.2e9])
@pytest.mark.parametrize("trusted", [True, False])
def test_a_clock_that_is_set_forgives_nobody_early_and_keeps_nobody_out(wrong: float, trusted: bool) -> None:
    areas = Areas(RULES)
    areas.moved("ann", "hall", Now(60.0, wrong, trusted))
    assert areas.violates("ann", "hall", Now(120.0, RIGHT)) == "hard"
    assert areas.violates("ann", "hall", Now(60.0 + FORGET_S - 1.0, RIGHT + FORGET_S)) == "hard"
    assert areas.violates("ann", "hall", Now(60.0 + FORGET_S, RIGHT)) == "off"


@pytest.mark.parametrize("shown", [60.0, RIGHT + 60.0, 2.2e9])
def test_after_a_restart_only_clocks_that_were_right_say_how_long_somebody_is_inside(shown: float) -> None:
    before = Areas(RULES)
    before.moved("ann", "hall", Now(60.0, RIGHT))
    before.moved("bob", "hall", Now(60.0, 60.0, False))
    areas = restarted(before)
    for person in ("ann", "bob"):
        assert areas.violates(person, "hall", Now(5.0, shown, False)) == "hard"
    assert areas.violates("ann", "hall", Now(6.0, RIGHT + FORGET_S)) == "off"
    assert areas.violates("bob", "hall", Now(6.0, RIGHT + FORGET_S)) == "hard", "nobody knows when he came in"
    for person in ("ann", "bob"):
        assert areas.violates(person, "hall", Now(5.0 + FORGET_S, shown, False)) == "off", "not for ever"


def test_a_clock_that_is_set_says_for_the_next_run_and_the_list_when_somebody_came_in() -> None:
    areas = Areas(RULES)
    areas.moved("ann", "hall", Now(60.0, 120.0, False))
    assert areas.places == {"ann": Place("hall", 120.0, False)}
    areas.changed = False
    areas.violates("bob", "hall", Now(90.0, RIGHT))
    assert areas.places == {"ann": Place("hall", RIGHT - 30.0)} and areas.changed
    assert restarted(areas).violates("ann", "hall", Now(1.0, RIGHT - 30.0 + FORGET_S)) == "off"


def test_whoever_kept_a_time_that_is_yet_to_come_is_not_kept_out_until_then() -> None:
    areas = Areas(RULES)
    areas.places = {"ann": Place("hall", 2.2e9)}
    assert areas.violates("ann", "hall", Now(5.0, RIGHT)) == "hard"
    assert areas.violates("ann", "hall", Now(5.0 + FORGET_S, RIGHT + FORGET_S)) == "off"


# Two doors into one area ----------------------------------------------------------------------------------------------


def hall(passback: Passback) -> World:
    """Two doors with readers, and what they opened so far."""
    rules = structs.replace(
        gate_rules(),
        doors={name: DoorRules(5.0, 20.0) for name in ("main", "side")},
        entry=dict.fromkeys(("main", "side"), CARDS),
        areas={"hall": AreaRules(passback, FORGET_S)},
        into={"main-reader": "hall", "side-reader": "hall"},
    )
    w = World(rules)
    for fact in (
        Started("boot", "zoo", True),
        LIST,
        *(InputChanged(d, Input.CONTACT, False) for d in ("main", "side")),
    ):
        w.at(0, fact)
    w.effects.clear()
    return w


def shows(w: World, at: float, door: str) -> Any:
    """Ann's card at this door; what is said."""
    return events(w.at(at, CardRead(door, f"{door}-reader", Permit("ann"))))


def released(w: World, at: float, door: str, ticket: int) -> None:
    w.at(at, Recorded(ticket, True))
    w.at(at + 0.1, RelayReported(door, RelayOutcome.STARTED, w.gate.doors[door].drive.pulse))


@pytest.mark.parametrize("recorded", [False, True])
def test_one_card_lets_nobody_in_by_two_doors_at_a_time(recorded: bool) -> None:
    w = hall("hard")
    shows(w, 1.0, "main")
    if recorded:
        released(w, 1.1, "main", 1)
    denied, violation = shows(w, 1.2, "side")
    assert isinstance(denied, AccessDenied) and denied.reason == "AntiPassbackViolation"
    assert violation == AntiPassbackViolation("ann", "hall", True)
    if not recorded:
        released(w, 1.23, "main", 1)
    w.at(2.0, InputChanged("main", Input.CONTACT, True))
    assert len(events(w.effects, AccessTaken)) == len(events(w.effects, AccessGranted)) == 1


def test_who_has_not_gone_through_one_door_may_go_through_another() -> None:
    w = hall("hard")
    shows(w, 1.0, "main")
    released(w, 1.1, "main", 1)
    w.at(6.2, RelayReported("main", RelayOutcome.ENDED, w.gate.doors["main"].drive.pulse))
    w.at(7.0, Wake())
    assert isinstance(shows(w, 8.0, "side")[0], AccessGranted)


@pytest.mark.parametrize(("passback", "told"), [("soft", 1), ("off", 0)])
def test_where_anti_passback_only_tells_both_doors_open(passback: Passback, told: int) -> None:
    w = hall(passback)
    shows(w, 1.0, "main")
    released(w, 1.1, "main", 1)
    said = shows(w, 2.0, "side")
    assert isinstance(said[0], AccessGranted) and said[1:] == told * [AntiPassbackViolation("ann", "hall", False)]


def test_one_card_that_is_shown_twice_before_the_door_has_opened_is_one_person() -> None:
    """Or two could go through without anybody being suspected of it."""
    w = hall("off")
    shows(w, 1.0, "main")
    released(w, 1.1, "main", 1)
    assert shows(w, 6.05, "main"), "after `cooldown_s`, while the relay is released"
    w.at(6.06, Recorded(2, True))
    w.at(6.07, InputChanged("main", Input.CONTACT, True))
    assert len(events(w.effects, AccessTaken)) == 1
