"""How long a leaf may stand open: in a fire and after it, for who needs more, and when the guard is silent."""

import math

from msgspec import structs

from edge.door import Door
from edge.doorevents import (
    DoorForcedOpen,
    DoorOpenTooLong,
)
from edge.effects import Pulse, Relock, Show
from edge.facts import RelayReported
from edge.opening import Passing
from edge.terms import CommandKind, DoorMode, Input, Lamp, RelayOutcome
from tests.core.doors import RULES, Bench, accessed, held, idle, order, taken, unlocked
from tests.core.worlds import events


def held_told(bench: Bench) -> list[bool]:
    return [event.active for event in events(bench.said, DoorOpenTooLong)]  # type: ignore[attr-defined]


def test_a_door_that_the_fire_alarm_releases_is_not_open_too_long_and_its_time_begins_anew_afterwards() -> None:
    bench = Bench()
    taken(bench)
    bench.relay(4, RelayOutcome.ENDED)
    bench.press(10, Input.FIRE)
    bench.press(11, Input.EXIT_BUTTON)
    bench.relay(11.01, RelayOutcome.STARTED)
    bench.relay(14, RelayOutcome.ENDED)  # the relay's own end starts no time either
    bench.tick(1_000)
    bench.press(2_000, Input.FIRE, False)
    bench.tick(2_000 + RULES.held_open_s - 0.1)
    assert held_told(bench) == []
    (told,) = events(bench.tick(2_000 + RULES.held_open_s), DoorOpenTooLong)
    assert told == DoorOpenTooLong(True, RULES.held_open_s)


def test_a_door_that_opens_in_a_fire_is_neither_forced_nor_open_too_long() -> None:
    bench = Bench()
    idle(bench)
    bench.press(1, Input.FIRE)
    bench.contact(2, True)
    bench.tick(500)
    bench.contact(501, False)
    bench.press(502, Input.FIRE, False)
    bench.contact(502.4, True)  # a hand was on it as the lock came back
    bench.contact(503, False)
    assert not events(bench.said, DoorForcedOpen) and not events(bench.said, DoorOpenTooLong)
    bench.contact(504, True)
    assert events(bench.said, DoorForcedOpen)


def test_a_door_that_was_held_open_before_the_fire_stays_reported_and_is_reported_again_only_afterwards() -> None:
    bench = Bench(structs.replace(RULES, held_again_s=10.0))
    held(bench)  # told at 22.5
    bench.press(25, Input.FIRE)
    for at in (32.5, 42.5):
        bench.tick(at)
    bench.press(45, Input.FIRE, False)
    assert held_told(bench) == [True] and bench.door.leaf.held
    bench.tick(52.5)
    bench.contact(60, False)
    assert held_told(bench) == [True, True, False]


def test_a_door_that_stands_unlocked_when_the_fire_is_over_may_still_stand_open() -> None:
    bench = Bench()
    unlocked(bench)
    bench.contact(2, True)
    bench.press(3, Input.FIRE)
    bench.press(3.5, Input.FIRE, False)
    assert bench.door.leaf.deadline == math.inf


LONGER = structs.replace(RULES, extended_held_open_s=60.0)


def test_whoever_needs_no_more_time_gets_none_though_the_door_could_give_it() -> None:
    bench = Bench(LONGER)
    taken(bench)
    before = bench.door.leaf.deadline
    bench.open(2.5, "bob")
    assert bench.door.leaf.deadline == before


def test_more_time_for_a_leaf_that_stands_open_already_begins_when_the_relay_moves() -> None:
    bench = Bench(LONGER)
    taken(bench)
    bench.relay(4, RelayOutcome.ENDED)
    bench.tell(bench.door.open("face", 5, Passing("ben"), extended=True))
    bench.relay(5.25, RelayOutcome.STARTED)
    assert bench.door.leaf.deadline == 65.25


def test_an_order_to_stay_released_leaves_an_opening_its_time() -> None:
    bench = Bench()
    accessed(bench)
    assert order(bench, CommandKind.UNLOCK, 2) == ""
    opening = bench.door.opening
    assert opening and bench.door.deadline <= opening.deadline == opening.until


def test_a_guard_that_falls_silent_over_an_unlocked_door_starts_the_time_of_its_leaf() -> None:
    bench = Bench()
    unlocked(bench)
    bench.contact(2, True)
    bench.tick(30)
    assert bench.door.mode is DoorMode.LOCKED
    (told,) = events(bench.tick(30 + RULES.held_open_s), DoorOpenTooLong)
    assert told == DoorOpenTooLong(True, RULES.held_open_s)


def test_more_time_at_a_door_that_stands_unlocked_is_no_limit() -> None:
    bench = Bench(LONGER)
    unlocked(bench)
    bench.contact(2, True)
    bench.tell(bench.door.open("face", 3, Passing("ben"), extended=True))
    assert bench.door.leaf.deadline == math.inf


def test_half_a_second_after_the_relay_let_go_is_still_in_time() -> None:
    bench = Bench()
    accessed(bench)
    bench.relay(4, RelayOutcome.ENDED)
    bench.contact(4.5, True)
    assert not events(bench.said, DoorForcedOpen)


def test_pulses_are_named_after_the_boot_in_which_they_were_asked() -> None:
    bench = Bench()
    (pulse,) = bench.open(1)
    assert pulse.pulse.startswith("boot-main-") and Door("main", RULES).drive.boot == ""


def test_an_unlocked_time_and_a_lamp_end_at_their_second() -> None:
    bench = Bench()
    idle(bench)
    order(bench, CommandKind.UNLOCK, 1, 5)
    bench.relay(1.25, RelayOutcome.STARTED)
    assert bench.open(2) == [Show("main", Lamp.GRANTED)]
    assert Show("main", Lamp.IDLE) in bench.tick(5)
    assert any(isinstance(each, Relock) for each in bench.tick(6))


def test_a_leaf_that_is_propped_open_at_an_unlocked_door_is_not_open_too_long_once_its_guard_is_back() -> None:
    bench = Bench()
    unlocked(bench)
    bench.contact(2, True)
    bench.relay(3, RelayOutcome.UNAVAILABLE)
    bench.relay(3.5, RelayOutcome.AVAILABLE)
    bench.relay(3.6, RelayOutcome.STARTED)
    assert bench.door.leaf.deadline == math.inf


def test_an_unlocking_that_ends_while_the_guard_is_away_starts_the_time_of_the_leaf() -> None:
    bench = Bench()
    taken(bench)
    bench.relay(4, RelayOutcome.ENDED)
    bench.relay(5, RelayOutcome.UNAVAILABLE)
    order(bench, CommandKind.UNLOCK, 6, 10.0)
    bench.tick(16)
    assert events(bench.tick(16 + RULES.held_open_s), DoorOpenTooLong) == [DoorOpenTooLong(True, RULES.held_open_s)]


def test_a_leaf_that_is_held_is_reported_again_also_after_its_contact_could_not_be_read() -> None:
    bench = Bench(structs.replace(RULES, held_again_s=10.0))
    held(bench)  # told at 22.5
    bench.lose(25)
    bench.contact(26, True)
    bench.tick(32.5)
    assert held_told(bench) == [True, True]


def test_whoever_presses_exit_while_the_relay_is_letting_go_gets_a_pulse_of_their_own() -> None:
    bench = Bench()
    unlocked(bench)
    before = bench.door.drive.pulse
    order(bench, CommandKind.LOCK_DOWN, 5)
    (pulse,) = [each for each in bench.press(5.001, Input.EXIT_BUTTON) if isinstance(each, Pulse)]
    bench.tell(bench.door.relay(RelayReported("main", RelayOutcome.ENDED, before), 5.002))
    assert not bench.door.drive.energised
    bench.relay(5.003, RelayOutcome.STARTED)
    assert bench.door.drive.energised and bench.door.drive.until == pulse.until
