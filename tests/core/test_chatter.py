"""Inputs that chatter: a fault once, a state that is not known, a button that opens all the same, and an end."""

import pytest
from msgspec import structs

from edge.chatter import SETTLED_S
from edge.doorevents import DoorFault, DoorForcedOpen, DoorPhysicalStateChanged, DoorTamper, FireReleased, RequestToExit
from edge.effects import Pulse
from edge.facts import InputChanged
from edge.gate import Gate
from edge.terms import CommandKind, Contact, DoorMode, Input, Now, RelayOutcome
from tests.core.doors import RULES, Bench, idle, order, unlocked
from tests.core.worlds import events, gate_rules

FEW = structs.replace(RULES, chatter_changes=6, chatter_within_s=3.0)


def rattle(bench: Bench, which: Input, changes: int, at: float = 10.0, every: float = 0.1) -> float:
    """So many changes of an input, the first to active; when the last one was."""
    for number in range(changes):
        bench.press(at + number * every, which, number % 2 == 0)
    return at + (changes - 1) * every


def faults(bench: Bench) -> list[tuple[str, bool]]:
    return [(event.source, event.active) for event in events(bench.said, DoorFault)]  # type: ignore[attr-defined]


def settle(bench: Bench, last: float) -> None:
    bench.tick(last + SETTLED_S)


@pytest.mark.parametrize("which", Input)
def test_one_change_more_than_is_allowed_is_one_fault_that_ends_when_the_input_keeps_still(which: Input) -> None:
    bench, source = Bench(FEW), f"{which}_chatter"
    idle(bench)
    bench.press(0, which, False)
    last = rattle(bench, which, 6)
    assert source not in bench.door.faults
    last = rattle(bench, which, 60, last + 0.1)
    assert faults(bench).count((source, True)) == 1
    assert bench.door.faults[source] == f"{which} changed more than 6 times in 3 s"
    bench.tick(last + SETTLED_S - 0.01)
    assert source in bench.door.faults
    assert bench.door.deadline <= last + SETTLED_S
    settle(bench, last)
    assert source not in bench.door.faults and faults(bench).count((source, False)) == 1


def test_as_many_changes_over_a_longer_time_are_people() -> None:
    bench = Bench(FEW)
    idle(bench)
    rattle(bench, Input.CONTACT, 200, every=0.51)
    assert faults(bench) == []


def test_the_same_again_is_no_change() -> None:
    bench = Bench(FEW)
    idle(bench)
    for number in range(50):
        bench.contact(10 + number * 0.1, True)
    assert faults(bench) == []


def test_after_it_has_settled_all_changes_are_counted_anew() -> None:
    bench = Bench(FEW)
    idle(bench)
    last = rattle(bench, Input.CONTACT, 8)
    settle(bench, last)
    rattle(bench, Input.CONTACT, 6, last + SETTLED_S + 0.1, every=0.01)
    assert faults(bench) == [("contact_chatter", True), ("contact_chatter", False)]


def test_a_leaf_whose_contact_chatters_is_unknown_and_told_of_no_more() -> None:
    bench = Bench(FEW)
    idle(bench)
    last = rattle(bench, Input.CONTACT, 101)
    told = [event.state for event in events(bench.said, DoorPhysicalStateChanged)]  # type: ignore[attr-defined]
    assert len(told) == 1 + 7 + 1 and told[-1] is Contact.UNKNOWN
    assert bench.door.leaf.forced, "an alarm stays until the leaf is known to be shut"
    assert not bench.door.secure, "the other door of a sluice stays shut"
    settle(bench, last)
    assert bench.door.contact is Contact.OPEN and bench.door.leaf.forced
    bench.contact(last + 5, False)
    assert [event.active for event in events(bench.said, DoorForcedOpen)][-1] is False  # type: ignore[attr-defined]


def test_a_leaf_that_was_told_shut_as_its_contact_began_to_chatter_stays_forced() -> None:
    bench = Bench(structs.replace(FEW, chatter_changes=5))
    idle(bench)
    rattle(bench, Input.CONTACT, 6)
    assert bench.door.contact is Contact.UNKNOWN and bench.door.leaf.forced


def test_a_button_that_chatters_opens_in_every_mode_and_is_not_told_of_each_time() -> None:
    bench = Bench(FEW)
    idle(bench)
    last = rattle(bench, Input.EXIT_BUTTON, 41)
    pressed = len(events(bench.said, RequestToExit))
    assert pressed == 4  # what it says first is no change
    bench.relay(last + 0.1, RelayOutcome.STARTED)
    bench.relay(last + 0.2, RelayOutcome.ENDED)
    bench.press(last + 0.3, Input.EXIT_BUTTON, False)
    assert any(isinstance(each, Pulse) for each in bench.press(last + 0.4, Input.EXIT_BUTTON))
    settle(bench, last + 0.4)
    assert len(events(bench.said, RequestToExit)) == pressed, "it is held down, which asks for nothing"
    bench.press(last + 5, Input.EXIT_BUTTON, False)
    bench.press(last + 6, Input.EXIT_BUTTON)
    assert len(events(bench.said, RequestToExit)) == pressed + 1


@pytest.mark.parametrize(("which", "kind"), [(Input.TAMPER, DoorTamper), (Input.FIRE, FireReleased)])
def test_an_alarm_of_an_input_that_chatters_is_over_only_when_it_has_settled(which: Input, kind: type) -> None:
    bench = Bench(FEW)
    idle(bench)
    last = rattle(bench, which, 100)
    told = [event.active for event in events(bench.said, kind)]  # type: ignore[attr-defined]
    assert told == [True, False, True, False, True, False, True]
    settle(bench, last)
    assert [event.active for event in events(bench.last, kind)] == [False]  # type: ignore[attr-defined]


def test_a_supply_that_comes_and_goes_is_a_fault_until_it_has_come_to_stay() -> None:
    bench = Bench(FEW)
    idle(bench)
    last = rattle(bench, Input.SUPPLY, 100)
    assert "supply" in bench.door.faults
    settle(bench, last)
    assert bench.door.faults == {}


def test_a_feedback_contact_that_chatters_counts_as_released() -> None:
    bench = Bench(FEW)
    idle(bench)
    last = rattle(bench, Input.FEEDBACK, 100)
    bench.tick(last + 0.6)
    assert "feedback" in bench.door.faults and not bench.door.secure
    settle(bench, last)
    assert bench.door.faults == {} and bench.door.secure


def test_inputs_that_are_lost_take_their_chatter_with_them() -> None:
    bench = Bench(FEW)
    idle(bench)
    last = rattle(bench, Input.CONTACT, 20)
    bench.lose(last + 0.1)
    assert set(bench.door.faults) == {"inputs"} and bench.door.contact is Contact.UNKNOWN
    bench.tick(last + 60)
    assert bench.door.contact is Contact.UNKNOWN
    rattle(bench, Input.CONTACT, 7, last + 61)  # the first is no change: nothing was known
    assert bench.door.faults == {}


def test_an_unlocked_door_stays_unlocked_whatever_its_contact_does() -> None:
    bench = Bench(FEW)
    unlocked(bench)
    rattle(bench, Input.CONTACT, 100, 1.1, every=0.02)
    assert bench.door.mode is DoorMode.UNLOCKED and not events(bench.said, DoorForcedOpen)


def test_two_inputs_chatter_and_settle_each_for_itself() -> None:
    bench = Bench(FEW)
    idle(bench)
    first, second = rattle(bench, Input.CONTACT, 8), rattle(bench, Input.TAMPER, 8, 11.0)
    bench.tick(first + SETTLED_S)
    assert set(bench.door.faults) == {"tamper_chatter"}
    settle(bench, second)
    assert bench.door.faults == {}


def test_a_gate_wakes_itself_for_the_end_of_chatter() -> None:
    gate = Gate(gate_rules())
    wake = None
    for number in range(40):
        fact = InputChanged("main", Input.CONTACT, number % 2 == 0)
        wake = gate.step(fact, Now(1 + number * 0.2, 1e6)).wake
    assert gate.state().doors["main"].faults == {"contact_chatter": "contact changed more than 30 times in 10 s"}
    assert wake == pytest.approx(1 + 39 * 0.2 + SETTLED_S)


def test_each_input_is_counted_for_itself() -> None:
    bench = Bench(FEW)
    idle(bench)
    bench.press(0, Input.TAMPER, False)
    for number in range(6):
        bench.press(10 + number * 0.1, Input.CONTACT, number % 2 == 0)
        bench.press(10.05 + number * 0.1, Input.TAMPER, number % 2 == 0)
    assert faults(bench) == []


def test_the_newest_changes_count_whatever_was_before() -> None:
    bench = Bench(FEW)
    idle(bench)
    bench.contact(2, True)
    bench.contact(5, False)
    rattle(bench, Input.CONTACT, 7)
    assert faults(bench) == [("contact_chatter", True)]


def test_a_change_at_the_end_of_the_time_is_within_it() -> None:
    bench = Bench(FEW)
    idle(bench)
    rattle(bench, Input.CONTACT, 7, every=0.5)
    assert faults(bench) == [("contact_chatter", True)]


def test_an_order_that_ends_as_an_input_settles_is_told_too() -> None:
    bench = Bench(FEW)
    idle(bench)
    last = rattle(bench, Input.CONTACT, 8)
    order(bench, CommandKind.BLOCK, last, SETTLED_S)
    settle(bench, last)
    assert [type(each).__name__ for each in events(bench.last)] == [
        "DoorModeChanged", "DoorFault", "DoorPhysicalStateChanged", "DoorForcedOpen",
    ]  # fmt: skip


def test_an_input_that_rattled_until_it_broke_off_leaves_the_door_faulty() -> None:
    bench = Bench()
    last = rattle(bench, Input.CONTACT, 100)
    bench.lose(last)
    assert faults(bench) == [("contact_chatter", True), ("contact_chatter", False), ("inputs", True)]
