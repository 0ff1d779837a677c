"""What the room has ordered cannot be read: the doors are locked down, and the room hears of it until it speaks."""

import pytest
from msgspec import structs

from edge.door import DoorRules
from edge.doorevents import DoorFault, DoorModeChanged
from edge.effects import KeepOrders
from edge.events import GateStarted
from edge.facts import CommandReceived, InputChanged, Started, Wake
from edge.permits import PermitRules
from edge.schedule import Calendar
from edge.terms import CommandKind, DoorMode, Input, Standing
from tests.core.test_gate import LIST
from tests.core.test_standing import ALL_DAY, kept, ordered, pulses, shows, started
from tests.core.worlds import World, events, gate_rules

UNREAD = Started("boot", "zoo", True, unread="orders.json is no list of orders")


def unread(world: World) -> list[bool]:
    faults = events(world.effects, DoorFault)
    return [fault.active for fault in faults if isinstance(fault, DoorFault) and fault.source == "orders"]


def test_where_it_cannot_be_read_what_stood_against_a_door_it_is_locked_down_until_the_room_releases_it() -> None:
    world = World()
    world.at(0.0, UNREAD)
    world.at(0.1, LIST)
    told = events(world.effects)
    assert isinstance(told[0], GateStarted)
    assert DoorModeChanged(DoorMode.LOCKED_DOWN, DoorMode.LOCKED, "restart") in told
    [fault] = [each for each in told if isinstance(each, DoorFault)]
    assert fault.active and UNREAD.unread in fault.detail
    assert not shows(world, 2.0) and not [*pulses(world)]
    world.at(9.0, InputChanged("main", Input.EXIT_BUTTON, True))
    assert [*pulses(world)], "nobody is locked in"
    assert not kept(world) and ordered(world, CommandKind.ACKNOWLEDGE, 15.0) == {} and unread(world) == [True]
    assert ordered(world, CommandKind.RELEASE, 20.0) == {} and unread(world) == [True, False] and shows(world, 21.0)
    assert DoorModeChanged(DoorMode.LOCKED, DoorMode.LOCKED_DOWN, "command") in events(world.effects)
    assert sum(isinstance(effect, KeepOrders) for effect in world.effects) == 1, "as soon as it is known again"


@pytest.mark.parametrize("choice", ["lock_down", "accept"])
def test_what_is_not_known_of_one_door_is_told_again_though_the_room_has_spoken_of_another(choice: str) -> None:
    doors = {"main": DoorRules(3.0, 20.0), "side": DoorRules(3.0, 20.0)}
    rules = structs.replace(gate_rules(), doors=doors, degraded={"orders_unreadable": choice})
    world = World(rules)
    world.at(0.0, UNREAD)
    left = ordered(world, CommandKind.RELEASE if choice == "lock_down" else CommandKind.UNBLOCK)
    again = started(left, rules, 10.0)
    assert left.keys() == {"side"} and unread(again) == [True]
    assert again.gate.doors["side"].locked_down is (choice == "lock_down")
    again.at(11.0, CommandReceived("id", "room", CommandKind.LOCK_DOWN, "side"))
    assert unread(again) == [True, False] and kept(again) == {"side": Standing(locked_down=True)}


@pytest.mark.parametrize("kind", [CommandKind.UNBLOCK, CommandKind.LOCK, CommandKind.BLOCK, CommandKind.LOCK_DOWN])
def test_a_site_may_choose_that_doors_go_on_and_is_told_all_the_same(kind: CommandKind) -> None:
    world = World(structs.replace(gate_rules(), degraded={"orders_unreadable": "accept"}))
    world.at(0.0, UNREAD)
    world.at(0.1, LIST)
    assert shows(world, 2.0) and unread(world) == [True]
    assert not any(isinstance(effect, KeepOrders) for effect in world.effects), "it is told again at the next start"
    ordered(world, kind, 20.0)
    assert unread(world) == [True, False]
    assert any(isinstance(effect, KeepOrders) for effect in world.effects)


def test_orders_that_cannot_be_read_are_left_as_they_are_whatever_a_schedule_does_meanwhile() -> None:
    calendar = Calendar(schedules={"day": ALL_DAY})
    world = World(structs.replace(gate_rules(), unlocked={"main": "day"}, permits=PermitRules(calendar=calendar)))
    world.at(0.0, UNREAD)
    world.at(61.0, Wake())
    world.at(122.0, Wake())
    assert not any(isinstance(effect, KeepOrders) for effect in world.effects)
    assert ordered(world, CommandKind.RELEASE, 130.0) == {"main": Standing(relocked=True)}
